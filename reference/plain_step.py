"""One training step of HSC on EPS as the public release makes it.

Views, head, losses and optimiser written once more on plain tensors; only the
backbone is a module. Weights are a dict by the names of the CAM head.
"""
from collections.abc import Callable, Mapping

import plain_baselines as baselines
import plain_crf
import plain_hsc
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ['PlainSGD', 'head_losses', 'second_view']

LR, STEPS, POWER = 0.01, 13215, 0.9
DECAY = MOMENTUM = 5e-4


def second_view(maps: Tensor, size: int = 128) -> Tensor:
    """Resize images, or saliency maps, to view 2, (B, c, size, size)."""
    return F.interpolate(
        maps, size=(size, size), mode='bilinear', align_corners=True)


def _one_view(weights: Mapping[str, Tensor], feats: tuple[Tensor, ...],
              image: Tensor) -> tuple[Tensor, ...]:
    """Return CAM A, refined CAM R, embeddings u and z of one view."""
    w = weights
    cam = F.conv2d(feats[2], w['classifier.weight'])
    refined = baselines.pcm(
        cam, feats[0], feats[1], image, w['refiner.reduce.0.weight'],
        w['refiner.reduce.1.weight'], w['refiner.embed.weight'])
    pixel = F.relu(F.conv2d(feats[2], w['embeddings.pixel.0.weight']))
    name = 'embeddings.region'
    region = F.conv2d(
        feats[2], w[f'{name}.0.weight'], w[f'{name}.0.bias'], padding=1)
    # Neither statistics nor scale and shift are ever trained.
    region = F.batch_norm(
        region, w[f'{name}.1.running_mean'], w[f'{name}.1.running_var'],
        w[f'{name}.1.weight'], w[f'{name}.1.bias'])
    region = F.conv2d(
        F.relu(region), w[f'{name}.3.weight'], w[f'{name}.3.bias'])
    return cam, refined, pixel, region


def head_losses(weights: Mapping[str, Tensor], feats: list, images: list,
                saliency: list, label: Tensor, banks: dict) -> dict:
    """Compute the losses of a batch.

    Args:
        weights (mapping): Tensors of the head by name.
        feats (list): conv4, conv5 and conv6 of each view, (B, c, h, w).
        images (list): Normalised views, (B, 3, H, W) each.
        saliency (list): Maps of each view in [0, 1], (B, 1, H, W).
        label (Tensor): Image labels, (B, K).
        banks (dict): Prototypes of `plain_hsc`, updated in place.

    Returns:
        dict: Scalars; their sum is optimised.
    """
    cams, refined, pixels, regions = zip(
        *(_one_view(weights, f, i) for f, i in zip(
            feats, images, strict=True)), strict=True)
    losses = dict(
        cls=sum(baselines.cls_loss(cam, label) for cam in cams) / 2,
        min=sum(baselines.min_pool_loss(r, label) for r in refined) / 2,
        sal=sum(
            baselines.eps_loss(cam, one, label)[0]
            for maps in (cams, refined)
            for cam, one in zip(maps, saliency, strict=True)) / 2,
        er=baselines.er_loss(*cams, label),
        ecr=baselines.ecr_loss(*cams, *refined, label))

    def crf(*args) -> Tensor:
        return plain_crf.crf_from_labels(*args, exact=True)

    out = plain_hsc.objective(*refined, *pixels, *regions, images[1], label,
                              banks, crf)
    return losses | {name: out[f'loss_{name}']
                     for name in ('roi', 'class', 'pixel')}


class PlainSGD:
    """SGD of the release: its weight decay also stands for the momentum.

    Args:
        weights (dict): Tensors by name, changed in place; those of the head
            are named ``decode_head.*``.
        trained (callable): Whether the tensor of a name is trained.
    """

    def __init__(self, weights: dict[str, Tensor],
                 trained: Callable[[str], bool]) -> None:
        self.weights = {n: w for n, w in weights.items() if trained(n)}
        self.memory: dict[str, Tensor] = {}
        self.count = 0

    @staticmethod
    def group(name: str) -> tuple[float, float]:
        """Return the factor on the rate and the weight decay of a tensor."""
        new = name.startswith('decode_head') and '.region.' not in name
        rate = 10. if new else 1.
        return (2 * rate, 0.) if name.endswith('bias') else (rate, DECAY)

    def step(self, gradients: Mapping[str, Tensor]) -> None:
        """Move the weights; poly decay of the rate."""
        rate = LR * (1 - self.count / STEPS)**POWER
        for name, weight in self.weights.items():
            factor, decay = self.group(name)
            speed = gradients[name] + decay * weight
            if name in self.memory:
                speed = MOMENTUM * self.memory[name] + speed
            self.memory[name] = speed
            with torch.no_grad():
                weight -= factor * rate * speed
        self.count += 1
