"""CAM refined and regularised: the baselines SEAM and EPS."""
import torch
from mmseg.utils import ConfigType, OptConfigType, SampleList
from torch import Tensor

from hsc_mm.registry import MODELS
from .cam_head import CAMHead, ViewOutput

__all__ = ['RefinedCAMHead']


@MODELS.register_module()
class RefinedCAMHead(CAMHead):
    r"""CAM head with refinement, equivariance, min-pooling and saliency.

    Training: ``loss -> forward -> loss_by_feat``; each part is switched on
    by its config and off by None. With ``pcm``, ``loss_er``, ``loss_ecr``
    and ``loss_min`` it is SEAM; with ``loss_sal`` alone it is EPS.

    .. math:: L = L_{cls} + L_{er}(A_1, A_2) + L_{ecr}(A_1, A_2, R_1, R_2)
              + \frac{1}{V} \sum_v [L_{min}(R_v) + L_{sal}(A_v)
              + L_{sal}(R_v)]

    Args:
        pcm (dict, optional): :class:`hsc_mm.PixelCorrelation`; without it
            R = A.
        loss_er (dict, optional): Equivariance of the raw CAMs.
        loss_ecr (dict, optional): Equivariance across raw and refined CAMs.
        loss_min (dict, optional): Min-pooling of the refined CAMs.
        loss_sal (dict, optional): Saliency loss of raw and refined CAMs;
            samples need ``gt_saliency``, or ``partial_saliency`` in their
            metainfo to be left out.
        refine_from (str): What the PCM spreads and is taught, and the
            contrast makes its masks of: the ``'activation'``, or the
            ``'logits'`` whatever the activation is, as the public release of
            HSC has it. The logits of a head with softmax say little by
            themselves: a class holds a pixel because its logit is above that
            of the background.
        seed_from (str): Which CAM makes the seeds at test time: ``'raw'``
            or ``'refined'``.
        **kwargs: See :class:`hsc_mm.CAMHead`.

    Raises:
        ValueError: ``refine_from`` or ``seed_from`` is out of range, the
            equivariance losses have other than two views, or saliency maps
            are missing.
    """

    def __init__(self,
                 *,
                 pcm: OptConfigType = None,
                 loss_er: OptConfigType = None,
                 loss_ecr: OptConfigType = None,
                 loss_min: OptConfigType = None,
                 loss_sal: OptConfigType = None,
                 refine_from: str = 'activation',
                 seed_from: str = 'raw',
                 **kwargs: ConfigType) -> None:
        super().__init__(**kwargs)
        for name, value, known in (
            ('refine_from', refine_from, ('activation', 'logits')),
            ('seed_from', seed_from, ('raw', 'refined'))):
            if value not in known:
                raise ValueError(f'{name}: expected "{known[0]}" or '
                                 f'"{known[1]}", found "{value}".')
        self.refine_from = refine_from
        self.seed_from = seed_from
        self.pcm, self.loss_er, self.loss_ecr, self.loss_min, self.loss_sal = (
            MODELS.build(cfg) if cfg else None
            for cfg in (pcm, loss_er, loss_ecr, loss_min, loss_sal))

    def forward(self, feats: tuple[Tensor, ...], image: Tensor) -> ViewOutput:
        """Compute one view; ``refined`` is the raw CAM without a PCM."""
        output = super().forward(feats, image)
        return output._replace(refined=self._refine(output, feats, image))

    def source(self, cam: Tensor) -> Tensor:
        """Return what refinement starts from, (B, C, h, w); see the class."""
        return cam if self.refine_from == 'logits' else self.activate(cam)

    def _refine(self, output: ViewOutput, feats: tuple[Tensor, ...],
                image: Tensor) -> Tensor:
        if self.pcm is None:
            return output.cam
        return self.pcm(self.source(output.cam), feats, image)

    def loss_by_feat(self, outputs: list[ViewOutput],
                     batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of the outputs; see the class."""
        losses = super().loss_by_feat(outputs, batch_data_samples)
        label = self.stack_labels(batch_data_samples)
        losses.update(self._equivariance(outputs, label))
        if self.loss_min is not None:
            losses[self.loss_min.loss_name] = sum(
                self.loss_min(out.refined, label)
                for out in outputs) / len(outputs)
        if self.loss_sal is not None:
            maps = [out.cam for out in outputs]
            if self.pcm is not None:
                maps += [out.refined for out in outputs]
            losses[self.loss_sal.loss_name] = self._saliency_term(
                maps, batch_data_samples, label) / len(outputs)
        return losses

    def _saliency_term(self, maps: list[Tensor],
                       batch_data_samples: SampleList,
                       label: Tensor) -> Tensor:
        """Sum the saliency loss over maps, averaged over the batch.

        Images that may lack a saliency map count as zero, so that the loss
        does not depend on how a batch is spread over devices.
        """
        rows = self._with_saliency(batch_data_samples)
        if not rows:
            return sum(one.float().sum() for one in maps) * 0
        saliency = torch.stack(
            [batch_data_samples[row].gt_saliency.data for row in rows])
        share = len(rows) / len(batch_data_samples)
        if share < 1:
            maps, label = [one[rows] for one in maps], label[rows]
        return share * sum(self.loss_sal(one, saliency, label) for one in maps)

    def _equivariance(self, outputs: list[ViewOutput],
                      label: Tensor) -> dict[str, Tensor]:
        losses = {}
        if self.loss_er is None and self.loss_ecr is None:
            return losses
        self.check_two_views(outputs)
        cams = [out.cam for out in outputs]
        if self.loss_er is not None:
            losses[self.loss_er.loss_name] = self.loss_er(*cams, label)
        if self.loss_ecr is not None:
            losses[self.loss_ecr.loss_name] = self.loss_ecr(
                *map(self.source, cams), *(out.refined for out in outputs),
                label)
        return losses

    def check_two_views(self, outputs: list[ViewOutput]) -> None:
        """Raise a ValueError unless there are two views."""
        if len(outputs) != 2:
            raise ValueError(
                f'{type(self).__name__} compares two views, found '
                f'{len(outputs)}. Set model.second_view=(height, width), or '
                'switch off what compares them.')

    @staticmethod
    def _with_saliency(batch_data_samples: SampleList) -> list[int]:
        """Return the places of the samples with a map in the batch."""
        for sample in batch_data_samples:
            if 'gt_saliency' not in sample and not sample.metainfo.get(
                    'partial_saliency'):
                raise ValueError(
                    f'{sample.metainfo.get("img_path")}: loss_sal needs a '
                    'saliency map, found none. Name their folder in the data '
                    'set, data_prefix=dict(saliency_path=...), and load them '
                    'by hsc_mm.LoadSaliencyMap in the pipeline; or set '
                    'loss_sal=None.')
        return [
            row for row, sample in enumerate(batch_data_samples)
            if 'gt_saliency' in sample
        ]

    def predict(self, feats: tuple[Tensor, ...],
                image: Tensor) -> tuple[Tensor, Tensor]:
        """Compute activations and class probabilities of a batch."""
        output = CAMHead.forward(self, feats, image)
        if self.seed_from == 'refined' and self.pcm is not None:
            output = output._replace(
                refined=self._refine(output, feats, image))
        return self.predict_by_feat(output)

    def predict_by_feat(self, output: ViewOutput) -> tuple[Tensor, Tensor]:
        """Turn the output of a view into activations; see ``predict``."""
        activation, scores = super().predict_by_feat(output)
        if self.seed_from == 'refined' and output.refined is not None:
            activation = output.refined[:, 1:].float().relu()
        return activation, scores
