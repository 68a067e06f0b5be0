"""Where the saliency map of an image lies, and whether it is grey."""
import os
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from hsc_mm.utils import read_image
from .labels import IMAGE_SUFFIXES

__all__ = ['MapFolder', 'colour_problem', 'to_grey']

_GREY_MODES = ('1', 'L', 'LA', 'I', 'I;16', 'I;16B', 'I;16L')


class MapFolder:
    """A folder of saliency maps, one for each image, in any image format.

    Sub-folders are those of the images: the map of ``cat/01.jpg`` is
    ``cat/01.png``, ``cat/01.jpg`` or of another image format.

    Args:
        folder (str): The folder.
        suffix (str, optional): Suffix of all maps; None finds it for each.

    Raises:
        FileNotFoundError: There is no such folder.
    """

    def __init__(self, folder: str, suffix: str | None = None) -> None:
        if not os.path.isdir(folder):
            raise FileNotFoundError(
                f'data_prefix.saliency_path {folder}: there is no such '
                'folder. Name that of the saliency maps, or set it to None '
                'to train without.')
        self.folder = folder
        self.suffix = suffix
        self._content: dict[str, dict[str, list[str]]] = {}

    def _listed(self, folder: str) -> dict[str, list[str]]:
        """Return stem -> suffixes of the maps in a folder, read once."""
        if folder not in self._content:
            found: dict[str, list[str]] = {}
            names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
            for name in names:
                stem, suffix = os.path.splitext(name)
                if suffix.lower() in IMAGE_SUFFIXES:
                    found.setdefault(stem, []).append(suffix)
            self._content[folder] = found
        return self._content[folder]

    def path(self, stem: str) -> str:
        """Return the path of a map; one that is not there ends in ``.png``.

        Args:
            stem (str): Image id without suffix, sub-folders included.

        Raises:
            ValueError: There are two maps of the image.
        """
        if self.suffix is not None:
            return os.path.join(self.folder, stem + self.suffix)
        folder, name = os.path.split(os.path.join(self.folder, stem))
        suffixes = self._listed(folder).get(name, [])
        if len(suffixes) > 1:
            raise ValueError(
                f'{os.path.join(folder, name)}: expected one saliency map, '
                f'found {", ".join(suffixes)}. Remove all but one, or name '
                'the suffix of the data set: saliency_suffix=".png".')
        return os.path.join(folder, name + (suffixes or ['.png'])[0])


def to_grey(path: str | Path, image: np.ndarray) -> np.ndarray:
    """Return a decoded map as one channel of 8 bits.

    Args:
        path (str | Path): Named in the error.
        image (np.ndarray): (H, W) or (H, W, 3 or 4), uint8 or uint16, as
            OpenCV decodes it; a fourth channel (opacity) is left aside.

    Returns:
        np.ndarray: (H, W) uint8; of 16 bits the upper 8.

    Raises:
        ValueError: Three channels differ (these are colours), or values are
            no integers of 8 or 16 bits.
    """
    if image.ndim == 3:
        if not np.array_equal(image[..., 0], image[..., 1]) or \
                not np.array_equal(image[..., 0], image[..., 2]):
            raise ValueError(
                f'{path}: expected a grey saliency map, found colours. Name '
                'the folder of the maps, not of the images or overlays.')
        image = image[..., 0]
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if image.dtype != np.uint8:
        raise ValueError(f'{path}: expected a saliency map of 8 or 16 bits a '
                         f'pixel, found {image.dtype}. Export it as PNG.')
    return image


def colour_problem(path: str | Path) -> str | None:
    """Say whether a map has colours; a grey one costs only its header.

    Args:
        path (str | Path): A map that exists.

    Returns:
        str | None: What is wrong, or None.
    """
    try:
        with Image.open(path) as picture:
            if picture.mode in _GREY_MODES:
                return None
        to_grey(path, read_image(path, cv2.IMREAD_UNCHANGED))
    except (OSError, ValueError) as error:
        return str(error)
    return None
