"""Losses of SEAM and EPS, written once more with plain loops.

A second, slow transcription of the formulas, for tests and benchmarks: loops
over images and classes, nothing shared with `hsc_mm`. Everywhere channel 0 is
background and channel k, 1 <= k <= K, is class k; labels are (B, K).

One view has a CAM of (B, C, h, w); view 1 may be larger than view 2.
"""
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    'max_norm', 'er_loss', 'ecr_loss', 'min_pool_loss', 'cls_loss', 'eps_loss',
    'pcm'
]


def max_norm(cam: Tensor, eps: float = 1e-5) -> Tensor:
    """Normalise every channel of every image to [0, 1).

    p = relu(cam); relu(p - min p - eps) / (max p - min p + eps).

    Args:
        cam (Tensor): CAM logits, (B, C, h, w).
        eps (float): Subtracted above, added below.

    Returns:
        Tensor: (B, C, h, w).
    """
    images = []
    for image in cam:
        rows = []
        for channel in F.relu(image):
            low, high = channel.min(), channel.max()
            rows.append(F.relu(channel - low - eps) / (high - low + eps))
        images.append(torch.stack(rows))
    return torch.stack(images)


def _with_background(label: Tensor) -> Tensor:
    """Image labels y (B, K) to y+ (B, C, 1, 1), background always 1."""
    label = torch.cat([torch.ones_like(label[:, :1]), label], dim=1)
    return label[:, :, None, None]


def _resize(cam: Tensor, like: Tensor) -> Tensor:
    """Resize (B, C, h, w) bilinearly, corners aligned, to another grid."""
    return F.interpolate(
        cam, size=like.shape[2:], mode='bilinear', align_corners=True)


def er_loss(cam1: Tensor, cam2: Tensor, label: Tensor) -> Tensor:
    """SEAM's equivariance loss between the CAMs of the two views.

    Args:
        cam1 (Tensor): Logits of view 1, (B, C, h1, w1).
        cam2 (Tensor): Logits of view 2, (B, C, h, w).
        label (Tensor): Image labels, (B, K).

    Returns:
        Tensor: Mean absolute difference over foreground channels.
    """
    present = _with_background(label)
    cam1 = _resize(max_norm(cam1), cam2) * present
    cam2 = max_norm(cam2) * present
    return (cam1[:, 1:] - cam2[:, 1:]).abs().mean()


def _one_hot_target(cam: Tensor, label: Tensor, quirk: bool) -> Tensor:
    """Target of `ecr_loss`: normalised CAM, non-maximal channels zeroed."""
    cam = (cam * _with_background(label)).detach()
    cam[:, 0] = 1 - cam[:, 1:].max(dim=1).values
    group = list(range(1, cam.shape[1]))
    if quirk:
        group = [0, *group[1:]]
    highest = cam[:, group].max(dim=1).values
    for channel in group:
        cam[:, channel][cam[:, channel] != highest] = 0
    return cam


def ecr_loss(cam1: Tensor,
             cam2: Tensor,
             refined1: Tensor,
             refined2: Tensor,
             label: Tensor,
             quirk: bool = True) -> Tensor:
    """SEAM's equivariant cross regularisation.

    Args:
        cam1 (Tensor): Logits of view 1, (B, C, h1, w1). No gradient.
        cam2 (Tensor): Logits of view 2, (B, C, h, w). No gradient.
        refined1 (Tensor): Refined CAM of view 1, (B, C, h1, w1).
        refined2 (Tensor): Refined CAM of view 2, (B, C, h, w).
        label (Tensor): Image labels, (B, K).
        quirk (bool): As the release: the target zeroes among classes 2..K
            and background, and leaves class 1 alone. Otherwise among 1..K.

    Returns:
        Tensor: Mean of the largest fifth of the differences, both ways.
    """
    present = _with_background(label)
    target1 = _one_hot_target(_resize(max_norm(cam1), cam2), label, quirk)
    target2 = _one_hot_target(max_norm(cam2), label, quirk)
    refined1 = _resize(max_norm(refined1), refined2) * present
    refined2 = max_norm(refined2) * present

    loss = 0.
    for target, refined in ((target2, refined1), (target1, refined2)):
        difference = (target - refined).abs().flatten(1)
        hard = [d.topk(int(d.numel() * 0.2)).values for d in difference]
        loss = loss + torch.stack(hard).mean()
    return loss


def min_pool_loss(refined: Tensor, label: Tensor) -> Tensor:
    """Push the quietest quarter of the pixels of one view to zero.

    The objective takes the average of both views.

    Args:
        refined (Tensor): Refined CAM, (B, C, h, w).
        label (Tensor): Image labels, (B, K).

    Returns:
        Tensor: Scalar.
    """
    losses = []
    for image, present in zip(refined, label, strict=True):
        highest = (image[1:] * present[:, None, None]).amax(dim=0)
        k = highest.numel() // 4
        low = highest.flatten().topk(k, largest=False).values
        losses.append(F.relu(low).mean())
    return torch.stack(losses).mean()


def cls_loss(cam: Tensor, label: Tensor) -> Tensor:
    """Multi-label soft-margin loss of the pooled CAM of one view.

    The objective takes the average of both views.

    Args:
        cam (Tensor): Logits, (B, C, h, w).
        label (Tensor): Image labels, (B, K).

    Returns:
        Tensor: Scalar.
    """
    losses = []
    for image, present in zip(cam, label, strict=True):
        score = image[1:].flatten(1).mean(dim=1)
        terms = -(present * F.logsigmoid(score) +
                  (1 - present) * F.logsigmoid(-score))
        losses.append(terms.mean())
    return torch.stack(losses).mean()


def eps_loss(cam: Tensor,
             saliency: Tensor,
             label: Tensor,
             tau: float = 0.5,
             alpha: float = 0.5) -> tuple[Tensor, Tensor]:
    """EPS: a saliency map as pseudo-pixel supervision of one CAM.

    Args:
        cam (Tensor): CAM logits, (B, C, h, w).
        saliency (Tensor): In [0, 1], (B, 1, H, W).
        label (Tensor): Image labels, (B, K).
        tau (float): A class that overlaps by more is foreground.
        alpha (float): Weight of the foreground map.

    Returns:
        tuple[Tensor, Tensor]: Loss, and predicted saliency (B, 1, h, w).
    """
    saliency = F.interpolate(saliency, size=cam.shape[2:], mode='nearest')
    preds = []
    for logits, salient, present in zip(cam, saliency, label, strict=True):
        prob = logits.softmax(dim=0)  # (C, h, w)
        foreground = torch.zeros_like(prob[0])
        background = prob[0]
        for k in present.nonzero().flatten().tolist():
            hard = prob[k + 1].detach().round()
            overlap = (hard * salient[0].round()).sum() / (hard + 1e-4).sum()
            if overlap > tau:
                foreground = foreground + prob[k + 1]
            else:
                background = background + prob[k + 1]
        preds.append(alpha * foreground + (1 - alpha) * (1 - background))
    pred = torch.stack(preds)[:, None]
    return F.mse_loss(pred, saliency), pred


def pcm(cam: Tensor, f4: Tensor, f5: Tensor, image: Tensor, w_f8_3: Tensor,
        w_f8_4: Tensor, w_f9: Tensor) -> Tensor:
    """SEAM's pixel correlation module.

    Args:
        cam (Tensor): CAM logits, (B, C, h, w). No gradient.
        f4 (Tensor): Features, (B, c4, h, w). No gradient.
        f5 (Tensor): Features, (B, c5, h, w). No gradient.
        image (Tensor): Normalised image, (B, 3, H, W).
        w_f8_3 (Tensor): Kernel for `f4`, (64, c4, 1, 1).
        w_f8_4 (Tensor): Kernel for `f5`, (128, c5, 1, 1).
        w_f9 (Tensor): Kernel of the joint features, (192, 195, 1, 1).

    Returns:
        Tensor: Refined CAM, (B, C, h, w).
    """
    small = _resize(image, cam)
    feat = torch.cat([
        small,
        F.relu(F.conv2d(f4.detach(), w_f8_3)),
        F.relu(F.conv2d(f5.detach(), w_f8_4))
    ], dim=1)
    feat = F.conv2d(feat, w_f9).flatten(2)  # (B, 192, hw)

    refined = []
    for logits, f in zip(cam.detach(), feat, strict=True):
        source = torch.zeros_like(logits)
        for k in range(1, len(logits)):
            source[k] = F.relu(logits[k] - 1e-5) / (logits[k].max() + 1e-5)
        highest = source[1:].amax(dim=0)
        source[0] = 1 - highest
        for k in range(1, len(logits)):
            source[k][source[k] < highest] = 0
        f = f / (f.norm(dim=0, keepdim=True) + 1e-5)
        affinity = F.relu(f.t() @ f)  # (hw, hw)
        affinity = affinity / (affinity.sum(dim=0, keepdim=True) + 1e-5)
        refined.append((source.flatten(1) @ affinity).view_as(logits))
    return torch.stack(refined)
