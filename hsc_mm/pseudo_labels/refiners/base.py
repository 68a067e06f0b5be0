"""Base class of refiners between CAMs and pseudo labels."""
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hsc_mm.registry import REFINERS, build_part
from hsc_mm.utils.shapes import described
from ..soft_cam import SoftCAM, check_range

__all__ = ['Refiner', 'build_refiner', 'files_of']

_NEEDS = ('image', 'attention')


class Refiner(ABC):
    """Makes a better soft CAM of a soft CAM.

    A subclass is registered in :data:`hsc_mm.registry.REFINERS`, says what
    it reads in :attr:`needs`, and writes :meth:`refine` and
    :meth:`identity`. It holds no state that a call changes and can be
    pickled: worker processes have copies.

    Attributes:
        needs (tuple[str, ...]): Which of ``'image'`` and ``'attention'`` of
            the soft CAM it reads.
        parallel (bool): Whether worker processes may run it; False for what
            computes on a GPU.
        background (bool, optional): Whether what it returns has a map of the
            background, which label rules take instead of a threshold; None
            where that is as it was before.
    """
    needs: tuple[str, ...] = ('image', )
    parallel: bool = True
    background: bool | None = None

    def __call__(self, soft: SoftCAM) -> SoftCAM:
        """Refine the maps of an image.

        Args:
            soft (SoftCAM): As the network or another refiner made it; it is
                not changed.

        Returns:
            SoftCAM: The same image, classes and sizes. Without a class it
            comes back as it is.

        Raises:
            ValueError: Something that the refiner needs is missing, does not
                fit the CAM, or is out of range; or what it returns is no
                SoftCAM of the same classes and size, in [0, 1], or has a
                background where :attr:`background` says that it has none,
                and the other way round.
        """
        if not len(soft.cam):
            return soft
        check_soft_cam(soft, self.needs, type(self).__name__)
        found = self.refine(soft)
        _check_refined(found, soft, type(self).__name__)
        self._check_background(found, soft)
        return found

    def _check_background(self, found: SoftCAM, soft: SoftCAM) -> None:
        """Refuse a background that the class does not declare.

        Whether a threshold decides about pixels is told by that.
        """
        there = found.background is not None
        before = soft.background is not None
        if there != (before if self.background is None else self.background):
            raise ValueError(
                f'background of {type(self).__name__}: expected {there}, as '
                f'what refine() returns has {"a" if there else "no"} map of '
                f'the background, found {self.background}. Write background '
                f'= {there} beside needs, or change what refine() returns.')

    @abstractmethod
    def refine(self, soft: SoftCAM) -> SoftCAM:
        """Refine the checked maps of an image with at least one class."""

    def files(self, img_id: str) -> Iterable[str | Path]:
        """Return the paths of other files of an image that it reads.

        Those that are not there do not count.
        """
        return ()

    @abstractmethod
    def identity(self) -> dict:
        """Return JSON values that tell two settings of the class apart."""


def check_soft_cam(soft: SoftCAM, needs: tuple[str, ...],
                   name: str) -> None:
    """Raise ValueError where maps are not as :class:`SoftCAM` says."""
    prefix = f'{soft.img_id}: {name}: '
    cam, size = soft.cam, soft.cam.shape[1:]
    if cam.ndim != 3 or 0 in cam.shape or cam.shape[:1] != np.shape(
            soft.classes):
        raise ValueError(f'{prefix}expected cam (k, H, W) with a class for '
                         f'each map, found {cam.shape} and classes '
                         f'{np.shape(soft.classes)}.')
    check_range(f'{prefix}expected cam', cam)
    if soft.background is not None and soft.background.shape != size:
        raise ValueError(f'{prefix}expected background of the size {size} '
                         f'of cam, found {soft.background.shape}.')
    if 'image' in needs:
        image = soft.image
        if image is None:
            raise ValueError(f'{prefix}expected the image beside the CAM, '
                             'found none; read the images with the CAMs.')
        if image.shape != (*size, 3) or image.dtype != np.uint8:
            raise ValueError(f'{prefix}expected an image of uint8 '
                             f'{(*size, 3)}, found {image.dtype} '
                             f'{image.shape}.')
    if 'attention' in needs:
        attention, grid = soft.attention, soft.grid
        if attention is None or grid is None:
            raise ValueError(
                f'{prefix}expected the attention of the network beside the '
                'CAM, found none; it needs a vision transformer as the '
                'backbone, see hsc_mm.models.attention.')
        n = grid[0] * grid[1]
        if attention.shape != (n, n):
            raise ValueError(f'{prefix}expected attention of {(n, n)} for '
                             f'the grid {tuple(grid)}, found '
                             f'{attention.shape}.')


def _check_refined(found: SoftCAM, soft: SoftCAM, name: str) -> None:
    """Raise ValueError for what is no refined CAM of the same image."""
    prefix = f'{soft.img_id}: {name}: '
    if not isinstance(found, SoftCAM):
        raise ValueError(f'{prefix}expected a SoftCAM from it, found '
                         f'{described(found)}. Return '
                         'soft._replace(cam=...) in refine().')
    parts = dict(cam=soft.cam.shape)
    if found.background is not None:
        parts['background'] = soft.cam.shape[1:]
    for key, shape in parts.items():
        part = getattr(found, key)
        if not isinstance(part, np.ndarray) or part.shape != shape \
                or part.dtype.kind not in 'fiub':
            raise ValueError(
                f'{prefix}expected an ndarray of numbers {shape} as {key} '
                f'from it, found {described(part)}.')
    check_range(f'{prefix}expected cam from it', found.cam)
    if found.background is not None and not np.isfinite(
            found.background).all():
        raise ValueError(f'{prefix}expected finite maps from it, found a '
                         'background with NaN or infinity.')
    if not np.array_equal(found.classes, soft.classes):
        raise ValueError(f'{prefix}expected classes {soft.classes} from it, '
                         f'found {found.classes}: a refiner leaves them.')


def build_refiner(cfg: dict | Refiner) -> Refiner:
    """Build a refiner of ``dict(type=...)``; a refiner comes back as it is.

    Raises:
        ValueError: There is no such refiner, it refuses its arguments, or
            its ``needs`` are none.
    """
    refiner = _built(cfg)
    needs = refiner.needs
    if isinstance(needs, str) or not {*_NEEDS}.issuperset(needs):
        raise ValueError(
            f'needs of {type(refiner).__name__}: expected a tuple of names '
            f'of {_NEEDS}, found {needs!r}. Write needs = ("image", ) or '
            'needs = ().')
    return refiner


def _built(cfg: dict | Refiner) -> Refiner:
    if isinstance(cfg, Refiner):
        return cfg
    return build_part(REFINERS, cfg, 'refiner', Refiner)


def files_of(refiner: Refiner, img_id: str) -> list[Path]:
    """Return the files of an image that a refiner names.

    Raises:
        ValueError: What :meth:`Refiner.files` returns are no paths, or one
            is that of a folder.
    """
    found = refiner.files(img_id)
    name = f'files() of {type(refiner).__name__}, image {img_id}'
    if isinstance(found, str | os.PathLike):
        found = (found, )
    listed = list(found) if isinstance(found, Iterable) else [None]
    if not all(isinstance(one, str | os.PathLike) for one in listed):
        raise ValueError(f'{name}: expected a list of paths, found '
                         f'{found!r:.80}. Return [] where it reads no file.')
    paths = [Path(one) for one in listed]
    folders = [path for path in paths if path.is_dir()]
    if folders:
        raise ValueError(f'{name}: expected files, found the folder '
                         f'{folders[0]}. Name the files in it.')
    return paths
