"""Affinity from the attention of a vision transformer, as a refiner."""
import cv2
import numpy as np
import torch
import torch.nn.functional as F

from hsc_mm.functional.cam import input_to_image
from hsc_mm.functional.refinement import attention_affinity
from hsc_mm.registry import REFINERS
from hsc_mm.utils import check_number
from ..soft_cam import SoftCAM
from .base import Refiner

__all__ = ['AttentionAffinity', 'activated_boxes']


@REFINERS.register_module()
class AttentionAffinity(Refiner):
    """Spreads a CAM to what attends to it (CLIP-ES, Lin et al., CVPR 2023).

    On the grid of the patches a map becomes A (m * M): A is
    :func:`hsc_mm.functional.refinement.attention_affinity`, M the map, and m
    is 1 in the boxes around the regions above the threshold. Then its least
    value is put at 0 and its largest at 1, and it is brought to the size of
    the image. A background that another refiner has made is dropped, for it
    was weighed against other maps.

    Args:
        box_threshold (float): What a box goes around, as a share of the
            largest value of the map.
        rounds (int): How often columns and rows are normalised.
        power (int): Exponent of the affinity.

    Raises:
        ValueError: An argument is bad.
    """
    needs = ('attention', )
    background = False

    def __init__(self,
                 box_threshold: float = 0.4,
                 rounds: int = 3,
                 power: int = 2) -> None:
        self.box_threshold = check_number(
            'box_threshold of AttentionAffinity',
            box_threshold,
            least=0,
            below=1)
        self.rounds = check_number(
            'rounds of AttentionAffinity', rounds, least=0, whole=True)
        self.power = check_number(
            'power of AttentionAffinity', power, above=0, whole=True)

    @torch.no_grad()
    def refine(self, soft: SoftCAM) -> SoftCAM:
        """Refine the checked maps of an image with at least one class."""
        # In float64: stretching a flat map stretches its rounding as well.
        attention, cam = (
            torch.from_numpy(np.ascontiguousarray(value, np.float64))
            for value in (soft.attention, soft.cam))
        affinity = attention_affinity(attention, self.rounds, self.power)
        maps = F.adaptive_avg_pool2d(cam, soft.grid)  # (k, h, w)
        boxes = np.stack([
            activated_boxes(one, self.box_threshold) for one in maps.numpy()
        ])
        source = (maps * torch.from_numpy(boxes)).flatten(1)
        found = (source @ affinity.t()).unflatten(1, tuple(soft.grid))
        least = found.amin(dim=(1, 2), keepdim=True)
        most = found.amax(dim=(1, 2), keepdim=True)
        # A map without any difference has nothing to be stretched.
        least = torch.where(most - least > 1e-9 * most, least, 0)
        found = (found - least) / (most - least).clamp(
            min=torch.finfo(found.dtype).tiny)
        cam = input_to_image(found[None], soft.cam.shape[1:])[0]
        return soft._replace(
            cam=cam.clamp(0, 1).float().numpy(), background=None)

    def identity(self) -> dict:
        """Return JSON values that tell two settings apart."""
        return dict(
            type='AttentionAffinity',
            box_threshold=self.box_threshold,
            rounds=self.rounds,
            power=self.power)


def activated_boxes(cam: np.ndarray, threshold: float) -> np.ndarray:
    """Return boxes around connected regions above a threshold, (h, w) bool.

    The threshold is a share of the largest value of the map; pixels that
    touch at a corner are connected.
    """
    above = (cam > threshold * cam.max()).astype(np.uint8)
    boxes = np.zeros(cam.shape, bool)
    _, _, stats, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
    for left, top, width, height, _ in stats[1:]:
        boxes[top:top + height, left:left + width] = True
    return boxes
