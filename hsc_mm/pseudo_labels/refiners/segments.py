"""Refiner that uses the segments of another program."""
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from hsc_mm.registry import REFINERS
from hsc_mm.utils import check_number
from hsc_mm.utils.io import PARSER
from hsc_mm.utils.wholeness import check_whole
from ..soft_cam import SoftCAM
from .base import Refiner

__all__ = ['SegmentRefiner', 'read_segments']

_SUFFIXES = ('.png', '.tif', '.tiff', '.npy')


@REFINERS.register_module()
class SegmentRefiner(Refiner):
    """Gives whole segments to classes (as Chen et al., 2023, do with SAM's).

    First each pixel has the class of its highest map, where that is above
    the threshold (or above the background, where there is one). A segment
    goes to a class when more than ``share`` of it has that class: there the
    map of the class is 1, others and the background are 0. Where segments
    overlap, the smallest has it. Only classes of the image's labels can win.

    Outside of the segments it has won, the map of a class is 0, as in that
    work; a class that has won none keeps its map there.

    Args:
        folder (str | Path): Has, for each image, ``<img_id>.png``, ``.tif``,
            ``.tiff`` or ``.npy`` with one integer for each pixel, the number
            of its segment, 0 = none; or a folder ``<img_id>`` of masks, each
            one segment where it is not 0. Superpixels that are numbered from
            0 need ``void=None``.
        share (float): Part of a segment that has to have the class.
        threshold (float): Of the maps.
        rest (str): What becomes of a class outside of its segments:
            ``'background'``, see above, or ``'keep'``: maps stay.
        void (int, optional): Number in a map that is no segment.
        missing (str): ``'error'``, or ``'skip'``: an image without
            segments stays as it is.

    Raises:
        ValueError: An argument is bad.
    """
    needs = ()

    def __init__(self,
                 folder: str | Path,
                 share: float = 0.5,
                 threshold: float = 0.3,
                 rest: str = 'background',
                 void: int | None = 0,
                 missing: str = 'error') -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise ValueError('folder of SegmentRefiner: expected a folder of '
                             f'segments, found no {self.folder}.')
        self.share = check_number(
            'share of SegmentRefiner', share, least=0.5, below=1)
        self.threshold = check_number(
            'threshold of SegmentRefiner', threshold, least=0, below=1)
        for name, value, choices in (('rest', rest, ('background', 'keep')),
                                     ('missing', missing, ('error',
                                                           'skip'))):
            if value not in choices:
                raise ValueError(f'{name} of SegmentRefiner: expected one of '
                                 f'{choices}, found {value!r}.')
        self.rest, self.void, self.missing = rest, void, missing

    def refine(self, soft: SoftCAM) -> SoftCAM:
        """Refine the checked maps of an image with at least one class."""
        place = self.folder / soft.img_id
        files = self._found(soft.img_id)
        if not files and self.missing == 'skip':
            return soft
        if len(files) != 1:
            raise ValueError(
                f'{place}: expected one file of segments, '
                f'{", ".join(_SUFFIXES)}, or a folder of masks, found '
                f'{[path.name for path in files] or "none"}. '
                'Make the segments, or set missing="skip".')
        size = soft.cam.shape[1:]
        # Large ones first: smaller ones are put above them.
        segments = sorted(read_segments(files[0], size, self.void),
                          key=len, reverse=True)
        floor = self.threshold if soft.background is None else soft.background
        best = np.where(soft.cam.max(axis=0) > floor,
                        soft.cam.argmax(axis=0), -1).ravel()
        owner = np.full(best.shape, -1)
        for pixels in segments:
            votes = np.bincount(best[pixels] + 1, minlength=len(soft.cam) + 1)
            winner = votes[1:].argmax()
            if votes[1 + winner] > self.share * len(pixels):
                owner[pixels] = winner
        return self._apply(soft, owner.reshape(size))

    def files(self, img_id: str) -> list[Path]:
        """Return the files of an image that it reads."""
        return [one for path in self._found(img_id)
                for one in (_masks(path) if path.is_dir() else [path])]

    def _found(self, img_id: str) -> list[Path]:
        place = self.folder / img_id
        files = [path for suffix in _SUFFIXES
                 if (path := Path(f'{place}{suffix}')).is_file()]
        return [*files, place] if place.is_dir() else files

    def _apply(self, soft: SoftCAM, owner: np.ndarray) -> SoftCAM:
        """Write into the maps which class owns each pixel, -1 = none."""
        cam = np.array(soft.cam, dtype=np.float32)
        owned = owner >= 0
        for index, one in enumerate(cam):
            won = owner == index
            one[owned] = 0
            if self.rest == 'background' and won.any():
                one[:] = 0
            one[won] = 1
        background = soft.background
        if background is not None:
            background = np.where(owned, np.float32(0), background)
        return soft._replace(cam=cam, background=background)

    def identity(self) -> dict:
        """Return JSON values that tell two settings apart."""
        return dict(
            type='SegmentRefiner',
            folder=self.folder.as_posix(),
            share=self.share,
            threshold=self.threshold,
            rest=self.rest,
            void=self.void,
            missing=self.missing)


def _masks(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir()
                  if one.suffix.lower() in _SUFFIXES
                  and not one.name.startswith('.'))


def read_segments(path: Path, size: tuple[int, int],
                  void: int | None = 0) -> Iterator[np.ndarray]:
    """Yield the pixels of each segment of an image, row by row, (n,), n > 0.

    The path is an index map, in which ``void`` is no segment, or a folder of
    masks; the size is height and width of the image.

    Raises:
        ValueError: A file is broken, has another size or holds colours, or
            the folder has no masks.
    """
    if path.is_dir():
        masks = _masks(path)
        if not masks:
            raise ValueError(f'{path}: expected masks of segments, '
                             f'{", ".join(_SUFFIXES)}, found none.')
        for one in masks:
            pixels = np.flatnonzero(_read_integers(one, size))
            if len(pixels):
                yield pixels
        return
    numbers = _read_integers(path, size).ravel()
    order = np.argsort(numbers, kind='stable')
    found, start = np.unique(numbers[order], return_index=True)
    for number, pixels in zip(found, np.split(order, start[1:]), strict=True):
        if number != void:
            yield pixels


def _read_integers(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Read integers (or booleans), one for each pixel of the image."""
    try:
        if path.suffix.lower() == '.npy':
            with PARSER:
                found = np.load(path, allow_pickle=False)
        else:
            data = path.read_bytes()
            check_whole(path, BytesIO(data))
            found = np.array(Image.open(BytesIO(data)))
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise ValueError(f'{path}: expected segments, but {error}. Make the '
                         'file again.') from error
    if found.shape != tuple(size) or found.dtype.kind not in 'biu':
        raise ValueError(
            f'{path}: expected one integer for each pixel of the image, '
            f'{tuple(size)}, found {found.dtype} {found.shape}. Write the '
            'numbers of segments, not colours, at the size of the image.')
    return found
