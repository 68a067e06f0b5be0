"""The CAM head: a classifier whose weights are the activation map."""
from typing import NamedTuple

import torch
from mmengine.model import BaseModule
from mmseg.utils import ConfigType, OptMultiConfig, SampleList
from torch import Tensor, nn

from hsc_mm.models.features import pick_features
from hsc_mm.registry import MODELS

__all__ = ['CAMHead', 'ViewOutput']


class ViewOutput(NamedTuple):
    """What a head makes of one view.

    Attributes:
        cam (Tensor): Raw CAM logits A, (B, C, h, w), background first.
        refined (Tensor, optional): Refined CAM R, (B, C, h, w).
        pixel (Tensor, optional): Pixel embedding u, (B, D_u, h, w).
        region (Tensor, optional): Region embedding z, (B, D_z, h, w).
    """
    cam: Tensor
    refined: Tensor | None = None
    pixel: Tensor | None = None
    region: Tensor | None = None


@MODELS.register_module()
class CAMHead(BaseModule):
    r"""Class activation maps by a bias-free 1x1 convolution.

    Training: ``loss -> forward -> loss_by_feat``; testing:
    ``predict -> forward -> predict_by_feat``.

    .. math:: A = W * x, \quad s_k = \frac{1}{hw} \sum_{ij} A_{kij}, \quad
              L = \frac{1}{V} \sum_v L_{cls}(s^{(v)}, y)

    over the V views (Zhou et al., CVPR 2016; the convolutional form is that
    of SEAM, CVPR 2020).

    Args:
        in_channels (int): Channels of the feature map that is classified.
        num_classes (int): C = K + 1, background (channel 0) included. Plain
            CAM trains the K others.
        in_index (int): Which of the backbone's (or neck's) outputs it is.
        activation (str): What the activation of a class is: ``'relu'`` of
            the logit, or ``'softmax'`` over the C channels.
        align_corners (bool): Where a position of the map lies in the input,
            see :func:`hsc_mm.functional.cam.cam_to_input`: True for
            convolutions, False for patches that do not overlap.
        loss_cls (dict): Loss of the class scores.
        init_cfg (dict, optional): Initialisation of the weights.

    Raises:
        ValueError: ``activation`` or ``num_classes`` is out of range, or
            (when run) the backbone gives other features than
            ``in_channels`` and ``in_index`` say.
    """

    def __init__(self,
                 in_channels: int,
                 num_classes: int,
                 in_index: int = -1,
                 activation: str = 'relu',
                 align_corners: bool = True,
                 loss_cls: ConfigType = dict(
                     type='hsc_mm.MultiLabelSoftMarginLoss'),
                 init_cfg: OptMultiConfig = dict(
                     type='Normal', std=0.01,
                     override=dict(name='classifier'))) -> None:
        super().__init__(init_cfg=init_cfg)
        if activation not in ('relu', 'softmax'):
            raise ValueError('activation: expected "relu" or "softmax", '
                             f'found "{activation}".')
        if num_classes < 2:
            raise ValueError('num_classes: expected the background and at '
                             f'least one class, found {num_classes}.')
        self.in_channels = in_channels
        self.num_classes = self.out_channels = num_classes
        self.in_index = in_index
        self.activation = activation
        self.align_corners = align_corners
        # What images are normalised with; the segmentor knows better.
        for name, value in (('image_mean', (123.675, 116.28, 103.53)),
                            ('image_std', (58.395, 57.12, 57.375))):
            self.register_buffer(
                name, torch.tensor(value).view(3, 1, 1), persistent=False)
        self.classifier = nn.Conv2d(in_channels, num_classes, 1, bias=False)
        self.loss_cls = MODELS.build(loss_cls)

    def forward(self, feats: tuple[Tensor, ...], image: Tensor) -> ViewOutput:
        """Compute one view.

        Args:
            feats (tuple[Tensor]): Feature maps, (B, D, h, w) each.
            image (Tensor): The normalised view they come from, (B, 3, H, W);
                heads that refine by colour look at it.

        Returns:
            ViewOutput: With ``cam`` alone.
        """
        feat, = pick_features(feats, (self.in_index, ), (self.in_channels, ),
                              type(self).__name__, 'decode_head')
        return ViewOutput(cam=self.classifier(feat))

    def activate(self, cam: Tensor) -> Tensor:
        """Turn logits A into activations >= 0, (B, C, h, w), in float32."""
        cam = cam.float()
        return cam.softmax(dim=1) if self.activation == 'softmax' else (
            cam.relu())

    @staticmethod
    def class_scores(cam: Tensor) -> Tensor:
        """Return the scores s of the foreground, (B, K), in float32."""
        return cam[:, 1:].float().mean(dim=(2, 3))

    def loss(self, views: list[tuple[tuple[Tensor, ...], Tensor]],
             batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of the views of a batch.

        Args:
            views (list[tuple]): Features and image of each view, see
                :meth:`forward`.
            batch_data_samples (list[SegDataSample]): With ``gt_label``.

        Returns:
            dict[str, Tensor]: Scalars named ``loss_*``.
        """
        outputs = [self.forward(feats, image) for feats, image in views]
        # Under mixed precision too, losses are computed in float32.
        with torch.autocast(outputs[0].cam.device.type, enabled=False):
            return self.loss_by_feat(outputs, batch_data_samples)

    def loss_by_feat(self, outputs: list[ViewOutput],
                     batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of the outputs; see :meth:`loss`."""
        label = self.stack_labels(batch_data_samples)
        losses = [
            self.loss_cls(self.class_scores(out.cam), label)
            for out in outputs
        ]
        return {self.loss_cls.loss_name: sum(losses) / len(losses)}

    def stack_labels(self, batch_data_samples: SampleList) -> Tensor:
        """Return the image labels y of a batch, (B, K)."""
        label = torch.stack([s.gt_label for s in batch_data_samples])
        if label.shape[1] != self.num_classes - 1:
            raise ValueError(
                f'num_classes of {type(self).__name__}: expected '
                f'{label.shape[1] + 1} (background and the classes of the '
                f'data set), found {self.num_classes}.')
        return label

    def predict(self, feats: tuple[Tensor, ...],
                image: Tensor) -> tuple[Tensor, Tensor]:
        """Compute activations and class probabilities of a batch.

        Args:
            feats (tuple[Tensor]): Feature maps, (B, D, h, w) each.
            image (Tensor): The normalised image, (B, 3, H, W).

        Returns:
            tuple[Tensor, Tensor]: Activation of the foreground before any
            normalisation, (B, K, h, w) >= 0, and sigmoid of the class
            scores, (B, K).
        """
        return self.predict_by_feat(self.forward(feats, image))

    def predict_by_feat(self, output: ViewOutput) -> tuple[Tensor, Tensor]:
        """Turn the output of a view into activations; see :meth:`predict`."""
        activation = self.activate(output.cam)[:, 1:]
        return activation, self.class_scores(output.cam).sigmoid()
