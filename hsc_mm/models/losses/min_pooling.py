"""Min-pooling: the least activated positions shall be background."""
from torch import Tensor, nn

from hsc_mm.registry import MODELS

__all__ = ['MinPoolingLoss', 'min_pooling_loss']


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


@MODELS.register_module()
class MinPoolingLoss(nn.Module):
    """See :func:`min_pooling_loss`.

    Args:
        loss_weight (float): Factor on the loss.
        loss_name (str): Name in the log; must begin with ``loss_``.
    """

    def __init__(self,
                 loss_weight: float = 1.0,
                 loss_name: str = 'loss_min') -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(self, cam: Tensor, label: Tensor) -> Tensor:
        """Return the weighted loss of a CAM and image labels."""
        return self.loss_weight * min_pooling_loss(cam, label)
