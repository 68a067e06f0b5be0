"""Order in which masks are corrected: the most doubtful first."""
import csv
import zipfile
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hsc_mm.datasets.class_names import name_key
from hsc_mm.pseudo_labels.files import read_soft_cam
from hsc_mm.utils import atomic_write_bytes, read_index_png, write_json
from hsc_mm.utils.outputs import claim
from .records import IGNORED, MaskClasses, Record, check_mask

__all__ = ['Doubt', 'judge', 'mask_file', 'read_mask', 'write_queue']


class Doubt(NamedTuple):
    """How doubtful the mask of an image is.

    Attributes:
        img_id (str): Its id.
        priority (float): The number of ``missing`` classes, plus the mean of
            what is known of ``ignored``, ``disagreement`` and one minus
            ``confidence``.
        missing (tuple[str, ...]): Classes of the image label without a pixel
            in the mask.
        ignored (float): Share of ignored pixels, in [0, 1].
        disagreement (float, optional): Largest share of pixels at which
            another mask has another class, in [0, 1]; pixels that one of the
            two ignores do not count. None without other masks.
        confidence (float, optional): Of the least certain class, the mean of
            its soft CAM over its pixels, in [0, 1]. None without soft CAMs.
    """
    img_id: str
    priority: float
    missing: tuple[str, ...]
    ignored: float
    disagreement: float | None
    confidence: float | None


def mask_file(folder: str | Path, img_id: str) -> Path:
    """Return the mask of an image: a pseudo label, or a prediction.

    Raises:
        FileNotFoundError: There is neither.
    """
    found = [Path(folder) / f'{img_id}{end}' for end in ('.png', '.mask.png')]
    for path in found:
        if path.is_file():
            return path
    raise FileNotFoundError(
        f'{found[0]}: missing. Masks are <img_id>.png, as make_pseudo_labels '
        'and test write them, or <img_id>.mask.png of predict; soft CAMs '
        'alone (--soft only) cannot be exported.')


def read_mask(folder: str | Path, record: Record,
              classes: MaskClasses) -> tuple[np.ndarray, bool]:
    """Read and check the mask of an image, see :func:`mask_file`.

    Returns:
        tuple[np.ndarray, bool]: Mask indices, (H, W) uint8, and whether a
        file beside it names them.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: A file is broken, of another size, or of other classes.
    """
    path = mask_file(folder, record.img_id)
    mask = read_index_png(path)
    check_mask(path, mask, record, classes)
    return mask, _check_names(folder, record.img_id, mask, classes)


def _check_names(folder: str | Path, img_id: str, mask: np.ndarray,
                 classes: MaskClasses) -> bool:
    """Refuse a prediction by a model of other classes.

    ``predict`` writes the names of a model into ``<img_id>.npz``: of a CAM
    stage beside mask indices, of a segmentor for the class indices of a
    second mask, which :func:`.mask_file` has as mask indices.

    Returns:
        bool: Whether there are names.

    Raises:
        ValueError: The file is broken, or an index means another class.
    """
    path = Path(folder) / f'{img_id}.npz'
    if not path.is_file():
        return False
    try:
        with np.load(path, allow_pickle=False) as content:
            if 'names' not in content:
                return False
            names = content['names'].tolist()
            drawn = content['mask'] if 'mask' in content else None
            indices = content['classes'].tolist() if drawn is None else []
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile,
            zipfile.zlib.error) as error:
        raise ValueError(f'{path}: expected an npz of predict or of soft '
                         f'CAMs, but {error}. Make it again.') from error
    meant = dict(zip(indices, names, strict=False))
    if drawn is not None:
        _check_size(path, drawn, mask)
        meant = {int(np.bincount(mask[drawn == k]).argmax()): name
                 for k, name in enumerate(names) if k and (drawn == k).any()}
    for index, name in meant.items():
        known = classes.names[index:index + 1]
        if 0 < index != IGNORED and [*map(name_key, known)] != [
                name_key(name)]:
            raise ValueError(
                f'{path}: expected index {index} to be "{"".join(known)}", a '
                f'class of the data set, found "{name}". Predict again with '
                'a model of these classes.')
    return True


def judge(record: Record, mask: np.ndarray, folder: str | Path,
          classes: MaskClasses, others: Sequence[np.ndarray] = ()) -> Doubt:
    """Judge the mask of an image.

    Args:
        record (Record): The image.
        mask (np.ndarray): Its mask indices, (H, W) uint8.
        folder (str | Path): Folder of the mask; soft CAMs beside it,
            ``<img_id>.npz``, are read.
        classes (MaskClasses): What the indices mean.
        others (sequence[np.ndarray]): Its masks by other rules, refiners or
            models, of the same size and classes.

    Raises:
        ValueError: The soft CAM is broken or of another size.
    """
    shown = {classes.names[i] for i in np.unique(mask).tolist()
             if 0 < i != IGNORED}
    missing = tuple(sorted((record.labels or frozenset()) - shown))
    differences = []
    for second in others:
        both = (mask != IGNORED) & (second != IGNORED)
        differences.append(float((mask != second)[both].mean())
                           if both.any() else 1.0)
    ignored = float((mask == IGNORED).mean())
    disagreement = max(differences, default=None)
    confidence = _confidence(Path(folder) / f'{record.img_id}.npz', mask)
    known = [ignored, disagreement,
             None if confidence is None else 1 - confidence]
    values = [value for value in known if value is not None]
    return Doubt(record.img_id, len(missing) + sum(values) / len(values),
                 missing, ignored, disagreement, confidence)


def _check_size(path: Path, found: np.ndarray, mask: np.ndarray) -> None:
    if found.shape[-2:] != mask.shape:
        raise ValueError(f'{path}: expected the size of the mask, '
                         f'{mask.shape}, found {found.shape[-2:]}. Make it '
                         'again.')


def _confidence(path: Path, mask: np.ndarray) -> float | None:
    """Return the confidence of the least certain class of a mask."""
    if not path.is_file():
        return None
    try:
        cam, indices = read_soft_cam(path)
    except ValueError:
        with np.load(path, allow_pickle=False) as content:
            if 'mask' in content:  # of a segmentor: it has no CAMs
                return None
        raise
    _check_size(path, cam, mask)
    means = [float(one[mask == index].astype(np.float64).mean())
             for one, index in zip(cam, indices.tolist(), strict=True)
             if (mask == index).any()]
    return min(means, default=None)


def write_queue(folder: Path, queue: Sequence[Doubt]) -> list[Path]:
    """Write ``queue.csv`` and ``queue.json``, in order.

    Raises:
        OSError: A file cannot be written.
    """
    table = StringIO()
    writer = csv.writer(table, lineterminator='\n')
    writer.writerow(Doubt._fields)
    rows = [one._replace(**{
        key: round(value, 6) for key, value in one._asdict().items()
        if isinstance(value, float)}) for one in queue]
    writer.writerows(
        one._replace(missing='|'.join(one.missing)) for one in rows)
    text, listed = (claim(folder, f'queue.{end}') for end in ('csv', 'json'))
    atomic_write_bytes(text, table.getvalue().encode())
    write_json(listed, [one._asdict() for one in rows])
    return [text, listed]
