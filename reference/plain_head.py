"""HSC's head written the plain way: what `train_step.py` compares with.

The layers are those of the CAM head with HSC; every loss, PCM and the
prototypes are the transcriptions of `plain_baselines` and `plain_hsc`: loops
over images and classes, a CRF for each image, banks that are moved in place.
"""
import plain_baselines as baselines
import plain_hsc
import torch.nn.functional as F
from torch import Tensor

from hsc_mm.models import CAMHead, Targets
from hsc_mm.registry import MODELS

__all__ = ['PlainHSCHead']


@MODELS.register_module()
class PlainHSCHead(CAMHead):
    """HSC as the public release computes it, loop by loop."""

    def loss(self, views: list, batch_data_samples: list) -> dict:
        """Compute the losses of a batch; arguments as in `CAMHead`."""
        label = Targets.of(batch_data_samples, self.num_classes).labels
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
        cam = self.compute_cam(feats, image)
        size = cam.shape[2:]
        stages = [
            F.interpolate(
                feats[i], size=size, mode='bilinear', align_corners=True)
            for i in self.refiner.in_index
        ]
        weights = [
            conv.weight for conv in (*self.refiner.reduce, self.refiner.embed)
        ]
        refined = baselines.pcm(cam, *stages, image, *weights)
        feat = feats[self.in_index]
        return (cam, refined, self.embeddings['pixel'](feat),
                self.embeddings['region'](feat))

    def _banks(self) -> dict[str, Tensor]:
        """Return a copy of the prototypes, by the names of `plain_hsc`."""
        names = dict(roi='roi', cls='class', pixel='pixel')
        return {
            f'{names[name]}{view + 1}': bank.rows.clone()
            for name, level in self.losses['contrast'].levels.items()
            for view, bank in enumerate(level.bank)
        }
