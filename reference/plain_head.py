"""HSC's head written the plain way: what `train_step.py` compares with.

The layers are those of `hsc_mm.HSCHead`; every loss, PCM and the prototypes
are the transcriptions of `plain_baselines` and `plain_hsc`: loops over images
and classes, a CRF for each image, banks that are moved in place.
"""
import plain_baselines as baselines
import plain_hsc
import torch.nn.functional as F
from torch import Tensor

from hsc_mm.models import CAMHead, HSCHead
from hsc_mm.registry import MODELS

__all__ = ['PlainHSCHead']


@MODELS.register_module()
class PlainHSCHead(HSCHead):
    """`HSCHead` in recipe `release`, loop by loop."""

    def loss(self, views: list, batch_data_samples: list) -> dict:
        """Compute the losses of a batch; arguments as in `HSCHead`."""
        label = self.stack_labels(batch_data_samples)
        cams, refined, pixels, regions = zip(
            *(self._one(feats, image) for feats, image in views), strict=True)
        losses = dict(
            loss_cls=sum(baselines.cls_loss(c, label) for c in cams) / 2,
            loss_er=baselines.er_loss(*cams, label),
            loss_ecr=baselines.ecr_loss(
                *(cam.detach() for cam in cams), *refined, label),
            loss_min=sum(
                baselines.min_pool_loss(r, label) for r in refined) / 2)
        if not hasattr(self, 'plain_banks'):
            self.plain_banks = self._banks()
        losses.update(
            plain_hsc.objective(*refined, *pixels, *regions, views[1][1],
                                label, self.plain_banks))
        return {k: v for k, v in losses.items() if k.startswith('loss')}

    def _one(self, feats: tuple, image: Tensor) -> tuple:
        """Return raw CAM, refined CAM and both embeddings of a view."""
        cam = CAMHead.forward(self, feats, image).cam
        size = cam.shape[2:]
        stages = [
            F.interpolate(
                feats[i], size=size, mode='bilinear', align_corners=True)
            for i in self.pcm.in_index
        ]
        weights = [conv.weight for conv in (*self.pcm.reduce, self.pcm.embed)]
        refined = baselines.pcm(cam, *stages, image, *weights)
        feat = feats[self.in_index]
        return (cam, refined, self.pixel_projector(feat),
                self.region_projector(feat))

    def _banks(self) -> dict[str, Tensor]:
        """Return a copy of the prototypes, by the names of `plain_hsc`."""
        names = dict(roi='roi', classes='class', pixel='pixel')
        return {
            f'{names[level]}{view + 1}': bank.rows.clone()
            for level, banks in self.contrast.banks.items()
            for view, bank in enumerate(banks)
        }
