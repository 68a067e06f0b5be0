"""Files of the data, and the grey levels of images."""
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from hsc_mm.datasets.checks import (
    check_files,
    item_files,
    item_maps,
    missing_files,
)
from hsc_mm.datasets.mask_checks import some_of
from hsc_mm.datasets.transforms.load_image import image_reader
from hsc_mm.utils import read_image
from hsc_mm.utils.alike import missing_lines
from hsc_mm.utils.pool import map_threads
from .case import Case, Split
from .finding import Finding, error, fact, warning

__all__ = ['contents', 'counts', 'files']

Reader = Callable[[str], np.ndarray]


def counts(case: Case) -> Iterator[Finding]:
    """Say how many images there are, and what could not be read."""
    for split in case.splits:
        for problem in split.problems:
            yield error(
                f'{split.name}: {problem}',
                'Check data_root, ann_file, label_file and data_prefix of '
                f'{split.loader}_dataloader.dataset '
                '(docs/data.md).')
        if split.problems:
            continue
        used, total = len(split.items()), len(split.infos)
        text = f'{split.name}: {total} images'
        if used < total:
            text += (f', {used} of them with one of the chosen classes'
                     f'{_left_out(split)}')
        if split.foreign:
            text += ' (not a data set of hsc_mm: its files are not looked at)'
        if not used:
            yield error(f'{split.name}: no image is left',
                        'Check the list of images and metainfo.')
        yield fact(text)


def _left_out(split: Split) -> str:
    """Name classes of the labels that are not among the chosen ones."""
    chosen = {*(split.dataset.foreground if split.dataset else ())}
    count = Counter(name for i in split.ids
                    for name in {*(split.labels or {}).get(i, ())} - chosen)
    if not count:
        return ''
    shown = ', '.join(f'{name} {n}' for name, n in count.most_common(5))
    more = ', ...' * (len(count) > 5)
    return (f'; not chosen: {shown}{more} (metainfo.classes names the '
            'chosen ones; after a new class write the configs again, '
            'new_dataset --force)')


def files(case: Case) -> Iterator[Finding]:
    """List every file that is missing, broken or of another size."""
    for split in case.splits:
        if split.foreign or not split.infos:
            continue
        wanted = item_files(split.infos)
        missing = set(missing_files(wanted))
        if missing:
            yield error(
                f'{split.name}: {len(missing)} of {len(wanted)} files are '
                'missing', 'Check data_root, data_prefix and the suffixes, or '
                           'remove these images from the '
                           'list.', _listed(split, missing))
        found = map_threads(partial(_problems, missing=missing), split.infos)
        broken = [line for lines in found for line in lines]
        if broken:
            yield error(
                f'{split.name}: {len(broken)} files are broken, or of '
                'another size than their image',
                'Replace these files or remove their images from the list.',
                broken)


def contents(case: Case) -> Iterator[Finding]:
    """Look at the grey levels of some images: are there any to see?"""
    for split in case.splits:
        paths = [i['img_path'] for i in split.infos]
        paths = [p for p in some_of(paths) if os.path.isfile(p)]
        read = image_reader(split.pipeline)
        seen = list(filter(None, map_threads(
            partial(_seen, read=read), paths)))
        dull = [line for line, _ in seen if line]
        other = [line for _, line in seen if line]
        if other and not split.foreign:
            yield warning(
                f'{split.name}: {len(other)} of {len(paths)} images that were '
                'looked at are not read as a person sees them',
                'dict(type="hsc_mm.LoadImage") in the pipeline reads '
                'transparency, 16 bits, CMYK and TIFFs as they are seen.',
                other)
        if dull and not split.foreign:
            yield warning(
                f'{split.name}: {len(dull)} of {len(paths)} images that were '
                'examined use only a small part of the 255 grey levels',
                'Are these 16-bit files with 12-bit values, or all black? '
                'hsc_mm.LoadImage(value_range=(0, 4095)) spreads numbers of '
                '16 bits; pictures of 8 bits stay as they are.',
                dull)


def _seen(path: str, read: Reader) -> tuple[str | None, str | None] | None:
    """Say of an image whether it is dull, and not read as a person sees it.

    None where it cannot be read, which other checks tell.
    """
    try:
        image = read(path)
    except (OSError, ValueError):
        return None
    low, high = int(image.min()), int(image.max())
    dull = f'{path}: grey levels {low} to {high}' if high - low < 32 else None
    try:
        person = read_image(path)
    except (OSError, ValueError):
        return dull, None
    same = image.shape[2:] != person.shape[2:] or np.array_equal(image, person)
    return dull, None if same else str(path)


def _listed(split: Split, missing: set[str]) -> list[str]:
    """Name missing files; a folder of which there is nothing, once."""
    kinds: dict[str, list[str]] = {}
    for info in split.infos:
        for kind, path in dict(image=info['img_path'],
                               **item_maps(info)).items():
            kinds.setdefault(kind, []).append(path)
    lines = []
    for paths in kinds.values():
        gone = [path for path in paths if path in missing]
        if len(gone) == len(paths) > 3:
            folder = os.path.commonpath(gone)
            lines.append(f'{folder}: none of its {len(gone)} files, the '
                         f'first is {gone[0]}')
        else:
            lines += missing_lines(gone)
    return lines


def _problems(info: dict, missing: set[str]) -> list[str]:
    if info['img_path'] in missing:
        return []
    return check_files(info['img_path'], {
        kind: path
        for kind, path in item_maps(info).items() if path not in missing
    })
