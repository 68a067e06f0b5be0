"""Dense conditional random field on the grid of the contrast."""
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hsc_mm.functional.grid_crf import crf_from_labels, pairwise_matrix
from hsc_mm.registry import MODELS
from hsc_mm.utils import check_number

__all__ = ['LabelCRF']


@MODELS.register_module()
class LabelCRF(nn.Module):
    """Refines pseudo masks on the grid of the contrast, without gradient.

    See :func:`crf_from_labels` and :func:`pairwise_matrix`; defaults are
    those of HSC. All masks of an image share its pairwise matrix, and the
    whole batch is one matrix product a step, on the device of the masks.

    Args:
        gaussian (Sequence[float]): s_xy in grid cells, and weight.
        bilateral (Sequence[float]): s_xy in grid cells, s_rgb, and weight.
        gt_prob (float): Trust in the labels, above 1 / C for C classes
            with the background, and below 1.
        steps (int): Steps of mean field.
    """

    def __init__(self,
                 gaussian: Sequence[float] = (3, 3),
                 bilateral: Sequence[float] = (50, 5, 10),
                 gt_prob: float = 0.7,
                 steps: int = 10) -> None:
        super().__init__()
        check_number('gt_prob of LabelCRF', gt_prob, above=0, below=1)
        check_number('steps of LabelCRF', steps, least=0, whole=True)
        for name, values, count in (('gaussian', gaussian, 2),
                                    ('bilateral', bilateral, 3)):
            if isinstance(values, str) or len(values) != count:
                raise ValueError(f'{name} of LabelCRF: expected {count} '
                                 f'numbers, found {values!r}.')
            for value in values[:-1]:
                check_number(f'{name} of LabelCRF', value, above=0)
            check_number(f'{name} of LabelCRF, the weight', values[-1],
                         least=0)
        self.kernels = dict(
            gaussian=tuple(gaussian), bilateral=tuple(bilateral))
        self.gt_prob = gt_prob
        self.steps = steps

    @torch.no_grad()
    def forward(self,
                masks: list[Tensor],
                image: Tensor,
                num_classes: int,
                max_labels: int | None = None) -> list[Tensor]:
        """Refine masks (B, h, w) by colours (B, 3, h, w) in [0, 255].

        Raises:
            ValueError: ``gt_prob`` is at most 1 / ``num_classes``, which
                would turn the labels round.
        """
        check_number('gt_prob of LabelCRF, with a background and '
                     f'{num_classes - 1} classes', self.gt_prob,
                     above=1 / num_classes, below=1)
        with torch.autocast(image.device.type, enabled=False):
            refined = crf_from_labels(
                torch.stack(masks, dim=1),
                pairwise_matrix(image, **self.kernels), num_classes,
                max_labels, self.gt_prob, self.steps)
        return list(refined.unbind(dim=1))
