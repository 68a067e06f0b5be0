"""One step of the whole objective: maps to masks, losses and banks."""
from functools import cached_property, partial

from torch import Tensor, nn

from hsc_mm.functional.contrast_maps import contrast_cam, contrast_mask
from hsc_mm.functional.resize import resize_bilinear
from .contrast import (
    commit,
    compare_banks,
    last_first,
    make_contrast,
    with_background,
)
from .rows import (
    FROM_LABELS,
    Arrays,
    MissingArrayError,
    Row,
    compare,
    count_equal,
    problem,
)

__all__ = ['check_objective']

VIEWS = (1, 2)
#: How the images of the release are normalised, in [0, 1].
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def check_objective(arrays: Arrays) -> list[Row]:
    """Recompute one step from refined CAMs, embeddings and the image.

    The masks before the CRF must be those stored. The CRF begins with the
    stored ones, so that its share of equal labels is its own; the losses are
    taken on the masks stored after it, because the release approximates the
    kernel and a few labels on a border differ.

    Args:
        arrays (Arrays): ``cam*``, ``feat_*``, ``label``, ``image2`` and
            ``init.*``, with any of what is computed from them.

    Returns:
        list[Row]: Image, masks, losses and banks.
    """
    step = _Step(arrays)
    rows = []
    for names, check in ((['crf_image'], step.image_rows),
                         (['mask1_raw', 'mask2_raw'], step.raw_rows),
                         (['mask1'], partial(step.refined_rows, 1)),
                         (['mask2'], partial(step.refined_rows, 2)),
                         ([name for name in arrays
                           if name.startswith(('loss_', 'after.'))],
                          step.loss_rows)):
        stored = [name for name in names if name in arrays]
        if not stored:
            continue
        try:
            rows += check()
        except MissingArrayError as error:
            rows += [problem(name, str(error)) for name in stored]
    return rows


class _Recorder(nn.Module):
    """Stands for the CRF, and keeps the image that it would see."""

    def forward(self, masks: list[Tensor], image: Tensor,
                *args: int | None) -> list[Tensor]:
        """Return the masks as they are."""
        self.image = image
        return masks


class _Step:
    """The parts of the step; each computes what it needs."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    @cached_property
    def cams(self) -> list[Tensor]:
        """list[Tensor]: r_hat of both views on the grid of view 2."""
        refined = [self.arrays.maps(f'cam{view}') for view in VIEWS]
        grid = tuple(refined[1].shape[2:])
        return [contrast_cam(resize_bilinear(one, grid)) for one in refined]

    @cached_property
    def label(self) -> Tensor:
        """Tensor: y+."""
        return with_background(self.arrays.tensor('label'))

    @cached_property
    def colours(self) -> Tensor:
        """Tensor: The image of the CRF, (B, 3, h, w) in [0, 255]."""
        image = self.arrays.tensor('image2')
        mean, std = (255 * image.new_tensor(value).view(3, 1, 1)
                     for value in (MEAN, STD))
        contrast = make_contrast(self.arrays)
        contrast.mask_refiner = _Recorder()
        contrast.masks(self.cams, self.label, image * std + mean)
        return contrast.mask_refiner.image

    def mask(self, name: str) -> Tensor:
        """Return a stored mask, background 0."""
        return last_first(self.arrays.tensor(name), self.label.shape[1])

    def image_rows(self) -> list[Row]:
        """Compare the image of the CRF."""
        found = self.colours.permute(0, 2, 3, 1)
        return [
            compare('crf_image', 'image of the CRF, levels of 255', found,
                    self.arrays['crf_image'], 1, absolute=True)
        ]

    def raw_rows(self) -> list[Row]:
        """Compare the masks before the CRF."""
        background = make_contrast(self.arrays).background[0]
        rows = []
        for view, cam in zip(VIEWS, self.cams, strict=True):
            name = f'mask{view}_raw'
            if name in self.arrays:
                found = contrast_mask(cam, self.label, background)
                rows.append(
                    compare(name, 'mask before the CRF, labels', found,
                            self.mask(name).numpy(), 0, absolute=True))
        return rows

    def refined_rows(self, view: int) -> list[Row]:
        """Compare the mask of a view after the CRF."""
        name = f'mask{view}'
        found, = make_contrast(self.arrays).mask_refiner(
            [self.mask(f'{name}_raw')], self.colours, self.label.shape[1])
        return [
            count_equal(name, FROM_LABELS, found, self.mask(name).numpy())
        ]

    def loss_rows(self) -> list[Row]:
        """Compare losses and banks."""
        contrast = make_contrast(self.arrays)
        embeddings = {
            kind: [self.arrays.tensor(f'feat_{kind}{view}') for view in VIEWS]
            for kind in ('pixel', 'region')
        }
        masks = [self.mask(f'mask{view}') for view in VIEWS]
        losses = contrast.contrast(self.cams, masks, embeddings,
                                   self.label)
        commit(contrast)
        rows = [
            compare(f'loss_{name}', 'loss, on the stored masks', loss,
                    self.arrays[f'loss_{name}'])
            for name, loss in losses.items() if f'loss_{name}' in self.arrays
        ]
        return rows + compare_banks(contrast, self.arrays, 'after.')
