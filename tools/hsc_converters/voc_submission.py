"""The archive that the evaluation server of PASCAL VOC 2012 takes.

``results/VOC2012/Segmentation/comp6_test_cls/<id>.png``: a palette PNG of
class indices for each image of the list, and nothing else. comp5 is for
models trained on VOC's own training and validation data alone, comp6 for
all others (see the development kit of the challenge).
"""
import gzip
import io
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from hsc_mm.datasets.checks import missing_files, raise_problems
from hsc_mm.datasets.voc import VOC_CLASSES
from hsc_mm.utils import (
    atomic_write_bytes,
    image_shapes,
    read_index_png,
    voc_palette,
)
from hsc_mm.utils.alike import missing_lines
from hsc_mm.utils.locks import LOCK
from hsc_mm.utils.outputs import claim_file
from hsc_mm.utils.paths import MARKER

__all__ = ['Submission', 'pack_submission', 'submission_folder']

_ADVICE = ('Write the masks with tools/test.py --out, into a new folder, over '
           'exactly the images of the list, by a model of all 21 classes.')


class Submission(NamedTuple):
    """What was packed.

    Attributes:
        folder (str): Folder inside the archive.
        images (int): Number of masks.
        classes (list[str]): Classes that occur in them.
    """
    folder: str
    images: int
    classes: list[str]


def submission_folder(comp: int, split: str) -> str:
    """Return the folder of the masks inside the archive.

    Args:
        comp (int): 5: trained on VOC's data alone; 6: on others too.
        split (str): ``'test'`` or ``'val'``.

    Raises:
        ValueError: There is no such competition or split.
    """
    for name, value, choices in (('comp', comp, (5, 6)),
                                 ('split', split, ('test', 'val'))):
        if value not in choices:
            raise ValueError(f'{name} of the submission: expected one of '
                             f'{choices}, found {value!r}.')
    return f'results/VOC2012/Segmentation/comp{comp}_{split}_cls'


def pack_submission(masks: str | Path,
                    ids: Sequence[str],
                    images: str | Path,
                    out: str | Path,
                    comp: int = 6,
                    split: str = 'test') -> Submission:
    """Check a folder of masks and pack it; equal masks, equal bytes.

    Args:
        masks (str | Path): Folder with ``<id>.png`` and nothing else.
        ids (sequence[str]): All images of the split.
        images (str | Path): Folder with ``<id>.jpg``, for their sizes.
        out (str | Path): The archive, ``.tgz`` or ``.tar.gz``; whole or not
            written at all.
        comp (int): See :func:`submission_folder`.
        split (str): See :func:`submission_folder`.

    Returns:
        Submission: What was packed.

    Raises:
        ValueError: The masks are not what the server takes; the first
            problems are listed. Or another argument is bad.
        OSError: A folder or the archive cannot be read or written.
    """
    folder = submission_folder(comp, split)
    if not str(out).endswith(('.tgz', '.tar.gz')):
        raise ValueError(f'archive {out}: expected a name that ends in .tgz '
                         'or .tar.gz.')
    for name, path in (('masks', masks), ('images', images)):
        if not os.path.isdir(path):
            raise FileNotFoundError(f'{name} {path}: there is no such folder.')
    masks, images = Path(masks), Path(images)
    problems = _listing(masks, ids)
    members, seen = [], set()
    for image_id in ids:
        path = masks / f'{image_id}.png'
        if not path.is_file():
            continue  # listed above
        data = path.read_bytes()
        try:
            seen |= _check(path, data, images / f'{image_id}.jpg')
        except (OSError, ValueError) as error:
            problems.append(str(error))
        members.append((f'{folder}/{path.name}', data))
    raise_problems(f'masks {masks}', problems, _ADVICE)
    data = _archive(members)
    atomic_write_bytes(claim_file(out, option='archive'), data)
    return Submission(folder, len(members),
                      [VOC_CLASSES[index] for index in sorted(seen)])


def _listing(masks: Path, ids: Sequence[str]) -> list[str]:
    """Say which files are missing, and which are not asked for."""
    wanted = {f'{image_id}.png' for image_id in ids}
    lines = missing_lines(missing_files(
        str(masks / name) for name in sorted(wanted)))
    surplus = sorted({one.name for one in masks.iterdir()} - wanted -
                     {MARKER, LOCK})
    return lines + [
        f'{masks / name}: not an image of the list' for name in surplus
    ]


def _check(path: Path, data: bytes, image: Path) -> set[int]:
    """Check a mask; return the indices in it."""
    mask = read_index_png(path)
    with Image.open(io.BytesIO(data)) as picture:
        kind, mode = picture.format, picture.mode
        found = np.array(picture.getpalette() or []).reshape(-1, 3)
    if (kind, mode) != ('PNG', 'P'):
        raise ValueError(f'{path}: expected a PNG with a palette (mode P), '
                         f'found {kind} of mode {mode}.')
    indices = set(np.flatnonzero(np.bincount(mask.ravel())).tolist())
    last = len(VOC_CLASSES) - 1
    unknown = sorted(index for index in indices if index > last)
    if unknown:
        raise ValueError(f'{path}: expected indices 0..{last}, found '
                         f'{unknown}.')
    palette = voc_palette()[:last + 1]
    if any(index >= len(found) or (found[index] != palette[index]).any()
           for index in indices):
        raise ValueError(f"{path}: expected VOC's palette, found other "
                         f'colours of the indices {sorted(indices)}.')
    shapes = image_shapes(image)
    if mask.shape not in shapes:
        raise ValueError(f'{path}: expected the size of its image, '
                         f'{shapes[0]}, found {mask.shape}.')
    return indices


def _archive(members: Sequence[tuple[str, bytes]]) -> bytes:
    """Pack files, without times and owners, sorted by name."""
    buffer = io.BytesIO()
    # PNGs are compressed already: a higher level gains next to nothing.
    with gzip.GzipFile('', 'wb', 6, buffer, mtime=0) as packed, tarfile.open(
            fileobj=packed, mode='w', format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(members):
            info = tarfile.TarInfo(name)  # owner 0, time 0, mode 644
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
