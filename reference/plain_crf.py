"""Dense CRF of one image, written once more with plain loops.

Mean field of Kraehenbuehl and Koltun (2011) with Potts compatibility and
symmetric normalisation: `pydensecrf` where it can be imported, else exact
kernels, one (n, n) matrix each for an image of n pixels.
"""
import math

import torch
import torch.nn.functional as F
from torch import Tensor

try:
    import numpy as np
    import pydensecrf.densecrf as dcrf
    from pydensecrf.utils import unary_from_labels
except ImportError:
    dcrf = None

__all__ = ['crf_from_labels', 'crf_image', 'exact_kernel', 'mean_field']


def crf_image(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Undo ImageNet's normalisation on the contrast grid.

    Args:
        image (Tensor): Normalised RGB image, (B, 3, H, W).
        size (tuple[int, int]): Height h and width w of the grid.

    Returns:
        Tensor: (B, h, w, 3), uint8, fractions cut off.
    """
    mean = image.new_tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = image.new_tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    small = F.interpolate(
        image, size=size, mode='bilinear', align_corners=True)
    small = (small * std + mean) * 255
    return small.permute(0, 2, 3, 1).to(torch.uint8)


def exact_kernel(feat: Tensor) -> Tensor:
    """Normalised Gaussian kernel, the diagonal included.

    K_ij = exp(-|f_i - f_j|^2 / 2); n = 1 / sqrt(K 1 + 1e-20); n_i K_ij n_j.

    Args:
        feat (Tensor): Scaled position (and colour) of n pixels, (n, d).

    Returns:
        Tensor: (n, n).
    """
    distance = torch.zeros(len(feat), len(feat), device=feat.device)
    for column in feat.t():
        distance += (column[:, None] - column[None, :]).square()
    kernel = (-distance / 2).exp()
    norm = (kernel.sum(dim=1) + 1e-20).rsqrt()
    return norm[:, None] * kernel * norm[None, :]


def mean_field(unary: Tensor, kernels: list[tuple[float, Tensor]],
               steps: int) -> Tensor:
    """Q <- softmax(-U + sum_m w_m K_m Q), from Q = softmax(-U).

    Args:
        unary (Tensor): Energies U, (C, n).
        kernels (list[tuple[float, Tensor]]): Weight and kernel (n, n).
        steps (int): Number of updates.

    Returns:
        Tensor: Q, (C, n).
    """
    prob = (-unary).softmax(dim=0)
    for _ in range(steps):
        energy = -unary
        for weight, kernel in kernels:
            energy = energy + weight * (prob @ kernel)
        prob = energy.softmax(dim=0)
    return prob


def crf_from_labels(image: Tensor,
                    labels: Tensor,
                    num_classes: int,
                    gt_prob: float = 0.7,
                    steps: int = 10,
                    exact: bool = dcrf is None) -> Tensor:
    """Refine a hard mask: Gaussian (3; 3) and bilateral (50, 5; 10).

    U = -log(gt_prob) on the label, -log((1 - gt_prob) / (C - 1)) elsewhere.

    Args:
        image (Tensor): RGB, (h, w, 3), uint8.
        labels (Tensor): Class of every pixel, (h, w).
        num_classes (int): C, background included.
        gt_prob (float): How much a label is trusted.
        steps (int): Mean-field updates.
        exact (bool): Exact kernels rather than `pydensecrf`.

    Returns:
        Tensor: Refined labels, (h, w), int64.
    """
    h, w = labels.shape
    if not exact:
        crf = dcrf.DenseCRF2D(w, h, num_classes)
        crf.setUnaryEnergy(
            unary_from_labels(
                labels.cpu().numpy(),
                num_classes,
                gt_prob=gt_prob,
                zero_unsure=False))
        crf.addPairwiseGaussian(sxy=3, compat=3)
        crf.addPairwiseBilateral(
            sxy=50,
            srgb=5,
            rgbim=np.ascontiguousarray(image.cpu().numpy()),
            compat=10)
        prob = np.array(crf.inference(steps)).reshape(num_classes, h, w)
        return torch.from_numpy(prob.argmax(axis=0)).to(labels.device)

    other = -math.log((1 - gt_prob) / (num_classes - 1))
    unary = torch.full((num_classes, h * w), other, device=labels.device)
    unary.scatter_(0, labels.long().reshape(1, -1), -math.log(gt_prob))
    y, x = torch.meshgrid(
        torch.arange(h, device=labels.device),
        torch.arange(w, device=labels.device),
        indexing='ij')
    place = torch.stack([x, y], dim=2).reshape(-1, 2).float()  # (hw, 2)
    colour = image.reshape(-1, 3).float()  # (hw, 3)
    kernels = [(3., exact_kernel(place / 3)),
               (10., exact_kernel(torch.cat([place / 50, colour / 5], 1)))]
    return mean_field(unary, kernels, steps).argmax(dim=0).view(h, w)
