"""Losses of image labels and of saliency maps: EPS, SEAM's min-pooling."""
import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import check_labels

__all__ = [
    'class_scores', 'label_prior_loss', 'min_pooling_loss',
    'multilabel_soft_margin_loss', 'saliency_loss', 'saliency_prediction'
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

    Raises:
        ValueError: The labels have another shape than the scores.
    """
    check_labels(label, *score.shape)
    return F.multilabel_soft_margin_loss(score.float(), label.float())


def label_prior_loss(label: Tensor) -> float:
    r"""Soft-margin loss of the label prior: the best constant prediction.

    .. math:: -\frac{1}{K} \sum_k f_k \log f_k + (1 - f_k) \log (1 - f_k)

    with the share :math:`f_k` of images that hold class k. A classifier that
    is no better has learned nothing of the images.

    Args:
        label (Tensor): Image labels of a data set, (N, K), 0 or 1.

    Returns:
        float: 0 where every class is in all images or in none.
    """
    share = label.double().mean(dim=0)
    terms = torch.xlogy(share, share) + torch.xlogy(1 - share, 1 - share)
    return -terms.mean().item()


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

    Raises:
        ValueError: The labels have another shape.
    """
    check_labels(label, len(cam), cam.shape[1] - 1)
    peak = (cam[:, 1:].float() * label.to(cam)[:, :, None, None]).amax(1)
    flat = peak.flatten(1)
    count = max(flat.shape[1] // 4, 1)
    return flat.topk(count, dim=1, largest=False).values.relu().mean()


def _check(cam: Tensor, saliency: Tensor, label: Tensor,
           size: tuple[int, ...] | None = None) -> None:
    """Refuse labels and maps of shapes that would be broadcast."""
    check_labels(label, len(cam), cam.shape[1] - 1)
    shape = tuple(saliency.shape)
    if len(shape) != cam.dim() or shape[:2] != (len(cam), 1) or (
            size is not None and shape[2:] != size):
        raise ValueError(
            'saliency: expected a map of one channel for each image, '
            f'(B, 1, H, W), beside a CAM of {tuple(cam.shape)}, found '
            f'{shape}.')


def saliency_prediction(cam: Tensor,
                        saliency: Tensor,
                        label: Tensor,
                        threshold: float = 0.5,
                        alpha: float = 0.5) -> Tensor:
    r"""Estimate a saliency map from class activation, in float32.

    .. math:: \hat S = \alpha \sum_{k \in F} P_k
                     + (1 - \alpha) (1 - \sum_{k \in G} P_k), \quad
              P = \mathrm{softmax}(A)

    A present class joins the salient F where its rounded map lies on the
    rounded saliency to more than ``threshold``; the other present classes
    join the background G (EPS, Lee et al., CVPR 2021).

    Args:
        cam (Tensor): Raw or refined CAM, (B, C, h, w), background first.
        saliency (Tensor): S in [0, 1], (B, 1, h, w).
        label (Tensor): Image labels, (B, K), K = C - 1.
        threshold (float): Share of overlap in [0, 1].
        alpha (float): Weight of the foreground in [0, 1].

    Returns:
        Tensor: (B, 1, h, w) in [0, 1].

    Raises:
        ValueError: The labels or the saliency have another shape.
    """
    _check(cam, saliency, label, tuple(cam.shape[2:]))
    prob = cam.float().softmax(dim=1)
    with torch.no_grad():
        sure = prob[:, 1:].round()
        overlap = (sure * saliency.round()).sum((2, 3))
        overlap = overlap / (sure + 1e-4).sum((2, 3))
        salient = (overlap > threshold).to(prob) * label.to(prob)
        others = label.to(prob) - salient
        others = torch.cat([torch.ones_like(others[:, :1]), others], dim=1)
    foreground = torch.einsum('bkhw,bk->bhw', prob[:, 1:], salient)
    background = torch.einsum('bchw,bc->bhw', prob, others)
    return (alpha * foreground + (1 - alpha) * (1 - background))[:, None]


def saliency_loss(cam: Tensor,
                  saliency: Tensor,
                  label: Tensor,
                  threshold: float = 0.5,
                  alpha: float = 0.5) -> Tensor:
    """Mean squared error of :func:`saliency_prediction`.

    What is salient in an image without any class is nothing of interest:
    its map counts as zero everywhere.

    Args:
        cam (Tensor): Raw or refined CAM, (B, C, h, w), background first.
        saliency (Tensor): S in [0, 1], (B, 1, H, W); it is brought to
            (h, w) by its nearest values.
        label (Tensor): Image labels, (B, K), K = C - 1.
        threshold (float): Share of overlap in [0, 1].
        alpha (float): Weight of the foreground in [0, 1].

    Returns:
        Tensor: Scalar.

    Raises:
        ValueError: See :func:`saliency_prediction`.
    """
    _check(cam, saliency, label)
    holds = (label > 0).any(dim=1)[:, None, None, None]
    saliency = F.interpolate(saliency.float(), size=cam.shape[2:]) * holds
    predicted = saliency_prediction(cam, saliency, label, threshold, alpha)
    return F.mse_loss(predicted, saliency)
