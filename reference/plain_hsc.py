"""Hierarchical semantic contrast, written once more with plain loops.

A second, slow transcription of the formulas as the authors' release computes
them, for tests and benchmarks: loops over classes, images and views, nothing
shared with `hsc_mm`. Channel 0 is background, channel k is class k.

`banks` is a dict of prototypes, changed in place: 'roi1', 'roi2' (2, 256) with
background in row 0, 'class1', 'class2' (C, 256), 'pixel1', 'pixel2' (C, 128);
the number is the view.
"""
from collections.abc import Callable

import plain_crf
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    'contrast_cam', 'raw_mask', 'roi_loss', 'class_loss', 'pixel_loss',
    'objective'
]

TEMPERATURE = 0.1
MOMENTUM = 0.5  # of the new value
WEIGHT = 0.1  # of every term
TOP_CLASS, TOP_BANK = 128, 16


def contrast_cam(refined: Tensor, background: float = 0.10) -> Tensor:
    """Normalise refined CAMs for the contrast.

    Args:
        refined (Tensor): Refined CAM R on the contrast grid, (B, C, h, w).
        background (float): Constant value of the background channel.

    Returns:
        Tensor: r_hat, (B, C, h, w), without gradient.
    """
    cam = F.relu(refined.detach()).clone()
    for image in cam:
        for channel in image:
            low, high = channel.min(), channel.max()
            channel[channel < low + 1e-5] = 0
            channel.sub_(low).sub_(1e-5).div_(high - low + 1e-5)
    cam[:, 0] = background
    return cam


def _masked(r_hat: Tensor, label: Tensor) -> Tensor:
    """softmax(r_hat * y+) over channels, (B, C, h, w); label (B, K)."""
    present = torch.cat([torch.ones_like(label[:, :1]), label], dim=1)
    return (r_hat * present[:, :, None, None]).softmax(dim=1)


def raw_mask(r_hat: Tensor, label: Tensor) -> Tensor:
    """Pseudo mask before the CRF.

    Args:
        r_hat (Tensor): CAM of `contrast_cam`, (B, C, h, w).
        label (Tensor): Image labels, (B, K).

    Returns:
        Tensor: Class of every position, (B, h, w), int64.
    """
    return _masked(r_hat, label).argmax(dim=1)


def _update(bank: Tensor, new: Tensor) -> None:
    """Move a bank in place: bank <- m * new + (1 - m) * bank."""
    bank.copy_(MOMENTUM * new.detach() + (1 - MOMENTUM) * bank)


def _region_means(z: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Means of background and foreground, (B, 256) each, L2-normalised."""
    z = F.normalize(z, dim=3)  # over the width, as the release
    bg, fg = [], []
    for feat, labels in zip(z, mask, strict=True):
        inside = (labels != 0).to(z)  # (h, w)
        bg.append((feat * (1 - inside)).mean(dim=(1, 2)))
        fg.append((feat * inside).mean(dim=(1, 2)))
    return (F.normalize(torch.stack(bg), dim=1),
            F.normalize(torch.stack(fg), dim=1))


def _separation(a: Tensor, b: Tensor) -> Tensor:
    """Mean of -log(1 - cos) over all pairs of rows of a and b, (B, 256)."""
    cosine = F.normalize(a, dim=1) @ F.normalize(b, dim=1).t()
    return -torch.log(1 - cosine.clamp(5e-4, 0.9995)).mean()


def roi_loss(z1: Tensor, z2: Tensor, mask1: Tensor, mask2: Tensor,
             banks: dict) -> Tensor:
    """Contrast of foreground and background regions.

    Args:
        z1 (Tensor): Region embedding of view 1, (B, 256, h, w).
        z2 (Tensor): Of view 2, (B, 256, h, w).
        mask1 (Tensor): Pseudo mask of view 1, (B, h, w).
        mask2 (Tensor): Of view 2, (B, h, w).
        banks (dict): 'roi1' and 'roi2' are read, then updated.

    Returns:
        Tensor: Scalar.
    """
    bg1, fg1 = _region_means(z1, mask1)
    bg2, fg2 = _region_means(z2, mask2)
    within = (_separation(bg1, fg1) + _separation(bg2, fg2)) / 2
    cross = (_separation(bg1, fg2) + _separation(bg2, fg1)) / 2
    pull = 0.
    for v, bg, fg in ((1, bg1, fg1), (2, bg2, fg2)):
        bank = banks[f'roi{v}']
        pull = pull + (bank[0] - bg).abs().mean() / 2
        pull = pull + (bank[1] - fg).abs().mean() / 2
    for v, bg, fg in ((1, bg1, fg1), (2, bg2, fg2)):
        bank = banks[f'roi{v}']
        _update(bank[0], bg.mean(dim=0))
        _update(bank[1], fg.mean(dim=0))
    return WEIGHT * (within + cross + pull)


def _nce(feat: Tensor, target: int, bank: Tensor) -> Tensor:
    """InfoNCE of one vector (256,) against the rows of a bank (C, 256)."""
    cosine = F.normalize(bank, dim=1) @ feat
    return -(cosine / TEMPERATURE).log_softmax(dim=0)[target]


def class_loss(z1: Tensor, z2: Tensor, cam1: Tensor, cam2: Tensor,
               label: Tensor, banks: dict) -> Tensor:
    """Contrast of class centres with the rows of both class banks.

    Args:
        z1 (Tensor): Region embedding of view 1, (B, 256, h, w).
        z2 (Tensor): Of view 2, (B, 256, h, w).
        cam1 (Tensor): r_hat of view 1, (B, C, h, w).
        cam2 (Tensor): Of view 2, (B, C, h, w).
        label (Tensor): Image labels, (B, K).
        banks (dict): Rows of 'class1' and 'class2' are read and updated class
            by class.

    Returns:
        Tensor: Scalar.
    """
    views = []
    for v, z, cam in ((1, z1, cam1), (2, z2, cam2)):
        weight = _masked(cam, label).transpose(0, 1).flatten(1)  # (C, BHW)
        feat = z.permute(0, 2, 3, 1).flatten(0, 2)  # (BHW, 256)
        views.append((banks[f'class{v}'], banks[f'class{3 - v}'], weight,
                      feat))
    present = (label.sum(dim=0).nonzero().flatten() + 1).tolist()
    loss = z1.sum() * 0
    for k in present:
        updates = []
        for own, other, weight, feat in views:
            n = weight.shape[1]
            value, index = weight[k].topk(min(TOP_CLASS, n))
            top = feat[index]  # (128, 256)
            total = (value[:, None] * top).sum(dim=0)
            centre = F.normalize(total / value.sum(), dim=0)
            loss = loss + _nce(centre, k, own) + _nce(centre, k, other)
            few = min(TOP_BANK, n)
            new = (value[:few, None] * top[:few]).sum(dim=0) / value.sum()
            updates.append((own[k], F.normalize(new, dim=0)))
        for row, new in updates:
            _update(row, new)
    return WEIGHT * loss / max(len(present), 1) / 4


def _prototypes(u: Tensor, cam: Tensor) -> Tensor:
    """Weighted means of the top positions of every channel, (C, 128)."""
    u = u.detach().permute(0, 2, 3, 1).flatten(0, 2)  # (BHW, 128)
    rows = []
    for channel in cam.transpose(0, 1).flatten(1):  # (BHW,)
        value, index = channel.topk(cam.shape[2] * cam.shape[3] // 16)
        rows.append((value[:, None] * u[index]).sum(dim=0) / value.sum())
    return F.normalize(torch.stack(rows), dim=1)


def _pixel_nce(u: Tensor, mask: Tensor, prototypes: Tensor) -> Tensor:
    """Mean InfoNCE of the pixels of u (B, 128, h, w) to their prototype."""
    losses = []
    for feat, labels in zip(u, mask, strict=True):
        feat = F.normalize(feat.flatten(1), dim=0)  # (128, hw)
        cosine = prototypes @ feat  # (C, hw)
        losses.append(
            F.cross_entropy((cosine / TEMPERATURE).t(), labels.flatten()))
    return torch.stack(losses).mean()


def pixel_loss(u1: Tensor, u2: Tensor, cam1: Tensor, cam2: Tensor,
               mask1: Tensor, mask2: Tensor, banks: dict) -> Tensor:
    """Contrast of pixels with the prototypes of this batch and of the banks.

    Args:
        u1 (Tensor): Pixel embedding of view 1, (B, 128, h, w).
        u2 (Tensor): Of view 2, (B, 128, h, w).
        cam1 (Tensor): r_hat of view 1, (B, C, h, w).
        cam2 (Tensor): Of view 2, (B, C, h, w).
        mask1 (Tensor): Pseudo mask of view 1, (B, h, w).
        mask2 (Tensor): Of view 2, (B, h, w).
        banks (dict): 'pixel1' and 'pixel2' are read, then updated.

    Returns:
        Tensor: Scalar.
    """
    q1, q2 = _prototypes(u1, cam1), _prototypes(u2, cam2)
    within = _pixel_nce(u1, mask1, q1) + _pixel_nce(u2, mask2, q2)
    cross = _pixel_nce(u1, mask1, q2) + _pixel_nce(u2, mask2, q1)
    swapped = _pixel_nce(u1, mask2, q1) + _pixel_nce(u2, mask1, q2)
    memory = (_pixel_nce(u1, mask1, banks['pixel1'].clone()) +
              _pixel_nce(u2, mask2, banks['pixel2'].clone()))
    _update(banks['pixel1'], q1)
    _update(banks['pixel2'], q2)
    return WEIGHT * (within + cross + swapped + memory) / 2


def _resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (B, c, h, w) bilinearly, corners aligned."""
    return F.interpolate(x, size=size, mode='bilinear', align_corners=True)


def objective(refined1: Tensor,
              refined2: Tensor,
              u1: Tensor,
              u2: Tensor,
              z1: Tensor,
              z2: Tensor,
              image: Tensor,
              label: Tensor,
              banks: dict,
              crf: Callable = plain_crf.crf_from_labels) -> dict:
    """All of the contrast: from refined CAMs and embeddings to three losses.

    View 1 comes at any size (h1, w1), the contrast runs on view 2's (h, w).

    Args:
        refined1 (Tensor): Refined CAM of view 1, (B, C, h1, w1).
        refined2 (Tensor): Of view 2, (B, C, h, w).
        u1 (Tensor): Pixel embedding of view 1, (B, 128, h1, w1).
        u2 (Tensor): Of view 2, (B, 128, h, w).
        z1 (Tensor): Region embedding of view 1, (B, 256, h1, w1).
        z2 (Tensor): Of view 2, (B, 256, h, w).
        image (Tensor): View 2's normalised RGB image, (B, 3, H, W).
        label (Tensor): Image labels, (B, K).
        banks (dict): Prototypes, updated in place.
        crf (Callable): From image (h, w, 3), labels (h, w) and C to labels.

    Returns:
        dict: 'loss_roi', 'loss_class', 'loss_pixel' and, (B, h, w) each,
            'raw_mask1', 'raw_mask2', 'mask1', 'mask2'.
    """
    size = refined2.shape[2:]
    u1, z1 = _resize(u1, size), _resize(z1, size)
    small = plain_crf.crf_image(image, size)
    out, cams, masks = {}, [], []
    for v, refined in ((1, _resize(refined1, size)), (2, refined2)):
        cam = contrast_cam(refined)
        raw = raw_mask(cam, label)
        mask = torch.stack(
            [crf(i, m, cam.shape[1]) for i, m in zip(small, raw, strict=True)])
        out[f'raw_mask{v}'], out[f'mask{v}'] = raw, mask
        cams.append(cam)
        masks.append(mask)
    out['loss_roi'] = roi_loss(z1, z2, *masks, banks)
    out['loss_class'] = class_loss(z1, z2, *cams, label, banks)
    out['loss_pixel'] = pixel_loss(u1, u2, *cams, *masks, banks)
    return out
