"""Folder of saliency maps, one for each image."""
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from hsc_mm.datasets.checks import check_files
from hsc_mm.inference.inputs import ImageInput
from hsc_mm.utils import atomic_write_bytes, read_image
from hsc_mm.utils.locks import locked
from hsc_mm.utils.outputs import claim, place, refuse_data_folder, written
from .saliency_provider import SaliencyProvider, as_map

__all__ = ['SaliencyRun', 'write_maps']


@dataclass
class SaliencyRun:
    """What became of a run.

    Attributes:
        made (int): Maps that were written.
        there (int): Maps that were there, whole and of the size of their
            image.
        failures (list[str]): A line for each image without a map.
    """
    made: int = 0
    there: int = 0
    failures: list[str] = field(default_factory=list)


def write_maps(images: Iterable[ImageInput], provider: SaliencyProvider,
               out: str | Path,
               progress: Callable | None = None) -> SaliencyRun:
    """Write ``<name>.png`` for each image, grey, 255 = salient.

    Files appear whole or not at all; those that are there and fit are kept,
    so a run that was stopped is gone on with by the same call. An image that
    cannot be read, or whose map is wrong, costs nothing but its own map.

    Args:
        images (iterable[ImageInput]): What to look at.
        provider (SaliencyProvider): The model.
        out (str | Path): The folder; locked meanwhile.
        progress (callable, optional): Wraps images and their number.

    Returns:
        SaliencyRun: Counts and failures.

    Raises:
        FileExistsError: ``out`` is a folder of images, has a file of this name
            that was not written here, or another process writes there.
        OSError: A file cannot be written.
    """
    images = list(images)
    refuse_data_folder(out, [image.path for image in images],
                       names=[image.name for image in images])
    with locked(out):
        return _write(progress(images, len(images)) if progress else images,
                      provider, out)


def _write(images: Iterable[ImageInput], provider: SaliencyProvider,
           out: str | Path) -> SaliencyRun:
    run = SaliencyRun()
    for image in images:
        path = place(out, f'{image.name}.png')
        kinds = {'saliency map': str(path)}
        if f'{image.name}.png' in written(out) and path.is_file() and \
                not check_files(image.path, kinds):
            run.there += 1
            continue
        try:
            pixels = image.read(read_image)
            found = as_map(provider(_rgb(pixels)), pixels.shape[:2])
        except MemoryError:
            raise
        except Exception as error:  # the provider is anybody's code
            kind = '' if isinstance(error, OSError | ValueError) else (
                f'the provider failed, {type(error).__name__}: ')
            run.failures.append(f'{image.path}: {kind}{error}')
            continue
        claim(out, f'{image.name}.png', [image.path])
        atomic_write_bytes(path, cv2.imencode('.png', found)[1].tobytes())
        run.made += 1
    return run


def _rgb(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image[..., ::-1])
