"""Images, and the masks and maps beside them."""
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from hsc_mm.datasets.checks import check_files, missing_files
from hsc_mm.datasets.item_checks import MAP_KINDS, item_files
from .case import Case
from .finding import Finding, error, fact
from .splits import Split

__all__ = ['counts', 'files']


def counts(case: Case) -> Iterator[Finding]:
    """Say how many images there are, and what could not be read."""
    for split in case.splits:
        for problem in split.problems:
            yield error(
                f'{split.name}: {problem}',
                'Check data_root, ann_file, label_file and data_prefix of '
                f'{split.name.split(",")[0]}_dataloader.dataset '
                '(docs/data.md).')
        if split.problems:
            continue
        used, total = len(split.items()), len(split.infos)
        text = f'{split.name}: {total} images'
        if used < total:
            text += f', {used} of them with one of the chosen classes'
        if split.foreign:
            text += ' (not a data set of hsc_mm: its files are not looked at)'
        if not used:
            yield error(f'{split.name}: no image is left',
                        'Check the list of images and metainfo.')
        yield fact(text)


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
                'missing', 'Check data_root, data_prefix and the suffixes, '
                'or take these images off the list.', _listed(split, missing))
        with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
            found = pool.map(partial(_problems, missing=missing), split.infos)
            broken = [line for lines in found for line in lines]
        if broken:
            yield error(
                f'{split.name}: {len(broken)} files are broken, or of '
                'another size than their image',
                'Replace these files or take their images off the list.',
                broken)


def _listed(split: Split, missing: set[str]) -> list[str]:
    """Name missing files; a folder of which there is nothing, once."""
    lines = []
    for key in ('img_path', *MAP_KINDS):
        paths = [info[key] for info in split.infos if key in info]
        gone = [path for path in paths if path in missing]
        if len(gone) == len(paths) > 3:
            folder = os.path.commonpath(gone)
            lines.append(f'{folder}: none of its {len(gone)} files, the '
                         f'first is {gone[0]}')
        else:
            lines += [f'{path}: missing' for path in gone]
    return lines


def _problems(info: dict, missing: set[str]) -> list[str]:
    if info['img_path'] in missing:
        return []
    maps = {
        kind: info[key]
        for key, kind in MAP_KINDS.items()
        if key in info and info[key] not in missing
    }
    return check_files(info['img_path'], maps)
