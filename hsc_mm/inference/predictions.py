"""Files that show what a model makes of an image."""
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from hsc_mm.evaluation.mask_metric import write_seed
from hsc_mm.pseudo_labels.origins import note_of
from hsc_mm.tiles import MaskWriter, is_large
from hsc_mm.tiles.masks import georeference
from hsc_mm.utils import (
    atomic_write_bytes,
    to_mask_indices,
    voc_palette,
    write_npz,
)
from hsc_mm.utils.outputs import (
    claim,
    drop,
    refuse_data_folder,
    refuse_foreign,
)
from hsc_mm.utils.pixels import as_rgb
from hsc_mm.visualization import mask_overlay, present_tiles, titled_strip
from hsc_mm.visualization.pictures import class_colours, qualitative_palette
from .class_names import ClassNames
from .inputs import ImageInput

__all__ = ['check_outputs', 'draw_prediction', 'drop_prediction',
           'write_prediction']

# Times its height in the strip at which a picture is painted, at least.
_FINER = 4
_SUFFIXES = ('.overlay.png', '.mask.png', '.npz', '.mask.tif')


def draw_prediction(image: np.ndarray,
                    result: dict,
                    names: ClassNames,
                    height: int = 256) -> np.ndarray:
    """Draw image | heat map of each class | mask, RGB, of an image in BGR."""
    # Painting every pixel of a large picture takes longer than the network.
    step = max(1, image.shape[0] // (_FINER * height))
    rgb, *cams = (_smaller(one, step) for one in (
        as_rgb(image), *result.get('cam', ())))
    tiles = [('image', rgb)]
    title = 'mask'
    if result['task'] == 'cam':
        shown = [
            f'{name} {result["scores"][i - 1]:.2f}' for name, i in zip(
                result['classes'], result['class_indices'], strict=True)
        ]
        tiles += present_tiles(rgb, cams, shown)
        title = f'seed > {result["bg_threshold"]:.2f}'
    bare = 0 if result['task'] == 'cam' else _background(names)
    palette = class_colours(
        dict(classes=names.classes, palette=names.palette))
    if bare is None and not palette[0].any():  # no black for what is shown
        palette = qualitative_palette(len(palette) + 1)[1:]
    tiles.append((title, mask_overlay(
        rgb, _smaller(result['mask'], step, cv2.INTER_NEAREST), palette,
        bare=bare)))
    return titled_strip(tiles, height)


def _background(names: ClassNames) -> int | None:
    """Return the class that stays bare; none where the first one is shown.

    Classes of ADE20K and Cityscapes begin with ``wall`` and ``road``.
    """
    first = names.classes[0].lower().strip('_')
    return 0 if first == 'background' or not names.palette[0].any() else None


def _smaller(image: np.ndarray, step: int,
             how: int = cv2.INTER_AREA) -> np.ndarray:
    """Return a picture or map, its sides divided by a whole number."""
    if step == 1:
        return image
    height, width = image.shape[:2]
    return cv2.resize(image, (-(-width // step), -(-height // step)),
                      interpolation=how)


def check_outputs(path: str | Path, items: Sequence[ImageInput]) -> None:
    """Refuse what cannot become the folder of results of pictures.

    Raises:
        FileExistsError: It is a file, or lies below one; or it is the folder
            of a picture, or holds a file of the user's where a mask goes.
        ValueError: It is empty.
    """
    if not str(path).strip():
        raise ValueError(f'out_dir (--out): expected the name of a folder, '
                         f'found {str(path)!r}. The current one is ".".')
    for place in (Path(path), *Path(path).parents):
        if place.exists() and not place.is_dir():
            raise FileExistsError(f'out_dir (--out) {place}: expected a '
                                  'folder, found a file. Name another one.')
    refuse_data_folder(path, [item.path for item in items],
                       names=[item.name for item in items])
    for item in items:
        for suffix in _SUFFIXES:
            try:
                refuse_foreign(path, f'{item.name}{suffix}', [item.path])
            except FileExistsError:
                if _is_written(item.path, suffix):
                    raise


def _is_written(path: str | None, suffix: str) -> bool:
    """Say whether a picture leads to a file of this suffix."""
    if suffix == '.mask.tif':
        return georeference(path) is not None
    return suffix != '.npz' or path is None or not is_large(path)


def drop_prediction(folder: str | Path, name: str) -> None:
    """Remove what an earlier run wrote of a picture that has failed now."""
    for suffix in _SUFFIXES:
        drop(folder, f'{name}{suffix}')


def write_prediction(folder: str | Path, image: np.ndarray, result: dict,
                     names: ClassNames) -> None:
    """Write ``<name>.overlay.png``, ``<name>.mask.png``, ``<name>.npz``.

    The mask holds mask indices, in VOC's colours, and a note of the image it
    is of. The ``.npz`` of the CAM
    stage is a soft seed (``cam`` (k, H, W) float16, ``classes`` (k,) mask
    indices) with the ``names`` of its classes and the ``scores`` (K,); that
    of a segmentation model holds ``mask`` (H, W) of class indices and all
    ``names``. Beside the mask of a picture with a georeference lies
    ``<name>.mask.tif``, which has it too. Of a picture above the limit of
    megapixels, whose mask is written already, there is no ``.npz``. What an
    earlier picture of the name left and this one has not is removed.

    Args:
        folder (str | Path): The folder, made if missing.
        image (np.ndarray): (H, W, 3) uint8 BGR, or of other bands.
        result (dict): Of :class:`hsc_mm.inference.inferencer.HSCInferencer`.
        names (ClassNames): Of the model.

    Raises:
        FileExistsError: One of them is there and was not written here.
        OSError: A file cannot be written.
    """
    whole = 'mask_file' not in result
    overlay, *others = (
        claim(folder, f'{result["name"]}{suffix}', [result['path']])
        for suffix in _SUFFIXES[:3 if whole else 1])
    picture = draw_prediction(image, result, names)
    _, data = cv2.imencode('.png', picture[..., ::-1])
    atomic_write_bytes(overlay, data.tobytes())
    if not whole:
        drop(folder, f'{result["name"]}.npz')
        return
    mask, values = others
    place = georeference(result['path'])
    note = note_of(result['path'])
    if place:
        indices = to_mask_indices(result['mask'], names.label_map)
        tif = claim(folder, f'{result["name"]}.mask.tif', [result['path']])
        with MaskWriter(mask, indices.shape, voc_palette(), note,
                        place=place, tif=tif) as writer:
            writer.write(indices)
    else:
        drop(folder, f'{result["name"]}.mask.tif')
        write_seed(mask, result['mask'], names.label_map, note)
    if result['task'] == 'cam':
        raw = dict(
            cam=result['cam'].astype(np.float16),
            classes=result['mask_indices'],
            names=np.array(result['classes'], dtype=np.str_),
            scores=result['scores'])
    else:
        raw = dict(
            mask=result['mask'], names=np.array(names.classes, dtype=np.str_))
    write_npz(values, **raw)
