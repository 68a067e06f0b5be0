"""The head of HSC: baseline, two embeddings, and the contrast."""
import torch
from mmcv.cnn import build_norm_layer
from mmseg.utils import ConfigType, SampleList
from torch import Tensor, nn

from hsc_mm.registry import MODELS
from .cam_head import ViewOutput
from .refined_cam_head import RefinedCAMHead

__all__ = ['HSCHead']


@MODELS.register_module()
class HSCHead(RefinedCAMHead):
    """Hierarchical semantic contrast on any of the baselines.

    Training: ``loss -> forward -> loss_by_feat`` (baseline losses, then
    :class:`hsc_mm.HierarchicalContrast`). Testing leaves the embeddings out.

    The pixel embedding u is ReLU(1x1 conv), the region embedding z is 3x3
    conv, norm, ReLU, 1x1 conv, both of the feature map that is classified
    (Wu et al., IJCAI 2023). What no level needs is not built.

    Args:
        contrast (dict): Settings of :class:`hsc_mm.HierarchicalContrast`;
            number of classes and channels are filled in.
        region_channels (int): Channels of z.
        pixel_channels (int): Channels of u.
        norm_cfg (dict): Norm layer of the region embedding.
        norm_eval (bool): Whether that layer keeps to its running statistics,
            as in the release. Then a loss does not depend on how a batch is
            spread over devices.
        refine_from (str, optional): See :class:`hsc_mm.RefinedCAMHead`. None
            takes the ``'activation'``, with the recipe ``'release'`` the
            ``'logits'``.
        **kwargs: See :class:`hsc_mm.RefinedCAMHead`.

    Raises:
        ValueError: There are other than two views.
    """

    def __init__(self,
                 *,
                 contrast: ConfigType = dict(),
                 region_channels: int = 256,
                 pixel_channels: int = 128,
                 norm_cfg: ConfigType = dict(type='BN'),
                 norm_eval: bool = True,
                 refine_from: str | None = None,
                 **kwargs: ConfigType) -> None:
        if refine_from is None:
            released = contrast.get('recipe') == 'release'
            refine_from = 'logits' if released else 'activation'
        super().__init__(refine_from=refine_from, **kwargs)
        self.norm_eval = norm_eval
        self.contrast = MODELS.build(
            dict(
                type='hsc_mm.HierarchicalContrast',
                num_classes=self.num_classes,
                region_channels=region_channels,
                pixel_channels=pixel_channels,
                **contrast))
        levels = self.contrast.levels
        self.pixel_projector = self.region_projector = None
        if 'pixel' in levels:
            self.pixel_projector = nn.Sequential(
                nn.Conv2d(self.in_channels, pixel_channels, 1, bias=False),
                nn.ReLU())
        if 'roi' in levels or 'classes' in levels:
            self.region_projector = nn.Sequential(
                nn.Conv2d(self.in_channels, region_channels, 3, padding=1),
                build_norm_layer(norm_cfg, region_channels)[1], nn.ReLU(),
                nn.Conv2d(region_channels, region_channels, 1))

    def train(self, mode: bool = True) -> 'HSCHead':
        """Set the mode; the norm layer stays as ``norm_eval`` says."""
        super().train(mode)
        if self.norm_eval and self.region_projector is not None:
            self.region_projector[1].eval()
        return self

    def forward(self, feats: tuple[Tensor, ...], image: Tensor) -> ViewOutput:
        """Compute one view, with everything the contrast needs."""
        output = super().forward(feats, image)
        feat = feats[self.in_index]
        if self.pixel_projector is not None:
            output = output._replace(pixel=self.pixel_projector(feat))
        if self.region_projector is not None:
            output = output._replace(region=self.region_projector(feat))
        return output

    def loss(self, views: list[tuple[tuple[Tensor, ...], Tensor]],
             batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of the views of a batch; see ``CAMHead.loss``."""
        outputs = [self.forward(feats, image) for feats, image in views]
        self.check_two_views(outputs)
        # Of the second view: it is on the grid of the contrast.
        image = self._colours(views[1][1])
        # Under mixed precision too, losses are computed in float32.
        with torch.autocast(image.device.type, enabled=False):
            losses = self.loss_by_feat(outputs, batch_data_samples)
            losses.update(
                self.contrast([self._evidence(out) for out in outputs],
                              [out.pixel for out in outputs],
                              [out.region for out in outputs],
                              self.stack_labels(batch_data_samples), image,
                              self._max_labels(batch_data_samples)))
        return losses

    def _evidence(self, output: ViewOutput) -> Tensor:
        """Return the CAM that the masks for contrast are made of."""
        return (output.refined if self.pcm is not None else
                self.source(output.cam))

    def _colours(self, image: Tensor) -> Tensor:
        """Undo the normalisation: (B, 3, H, W) in [0, 255]."""
        return image.float() * self.image_std + self.image_mean

    @staticmethod
    def _max_labels(batch_data_samples: SampleList) -> int | None:
        """Largest number of labels of an image, as far as the host knows."""
        counts = [s.metainfo.get('num_labels') for s in batch_data_samples]
        return None if None in counts else max(counts) + 1
