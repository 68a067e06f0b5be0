"""Losses of image labels: classification, and min-pooling of a CAM."""
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    'class_scores', 'min_pooling_loss', 'multilabel_soft_margin_loss'
]


def class_scores(cam: Tensor) -> Tensor:
    """Pool a CAM to the scores of the foreground classes, in float32.

    Args:
        cam (Tensor): Raw CAM A, (B, C, h, w), background first.

    Returns:
        Tensor: s, the means over the positions, (B, K), K = C - 1.
    """
    return cam[:, 1:].float().mean(dim=(2, 3))


def multilabel_soft_margin_loss(score: Tensor, label: Tensor) -> Tensor:
    r"""Multi-label soft-margin loss, in float32.

    .. math:: -\frac{1}{BK} \sum_{bk} y_{bk} \log \sigma(s_{bk})
              + (1 - y_{bk}) \log \sigma(-s_{bk})

    Args:
        score (Tensor): Class scores s, (B, K), any real number.
        label (Tensor): Image labels y, (B, K), 0 or 1.

    Returns:
        Tensor: Scalar.
    """
    return F.multilabel_soft_margin_loss(score.float(), label.float())


def min_pooling_loss(cam: Tensor, label: Tensor) -> Tensor:
    r"""Mean of the smallest quarter of an image's activation, in float32.

    .. math:: \mathrm{mean}_{\,bottom\,25\%} \max(0, \max_k y_k R_k)

    over the positions of each image (SEAM, Wang et al., CVPR 2020). It
    keeps a refined CAM from growing over the whole image.

    Args:
        cam (Tensor): CAM, (B, C, h, w), background first.
        label (Tensor): Image labels y, (B, K), K = C - 1.

    Returns:
        Tensor: Scalar.
    """
    peak = (cam[:, 1:].float() * label.to(cam)[:, :, None, None]).amax(1)
    flat = peak.flatten(1)
    count = max(flat.shape[1] // 4, 1)
    return flat.topk(count, dim=1, largest=False).values.relu().mean()
