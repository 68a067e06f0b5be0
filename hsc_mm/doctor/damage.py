"""Damage inside of the files of the data, which training passes over."""
import os
from collections.abc import Iterator

from hsc_mm.datasets.checks import check_files, item_maps
from hsc_mm.utils.damage import damaged
from .case import Case
from .finding import Finding, error, warning

__all__ = ['damage']


def damage(case: Case) -> Iterator[Finding]:
    """List JPEGs that are decoded with gaps, and PNGs that are not at all.

    Other checks read all of masks and maps, so that only JPEGs of these are
    decoded. What the check of the files says is not said again.
    """
    for split in case.splits:
        if split.foreign or not split.infos:
            continue
        paths = [info['img_path'] for info in split.infos]
        paths += [path for info in split.infos
                  for path in item_maps(info).values()
                  if path.lower().endswith(('.jpg', '.jpeg'))]
        said = damaged([*filter(os.path.isfile, dict.fromkeys(paths))])
        found = {path: line for path, line in said.items()
                 if not check_files(path, {})}
        gaps = [f'{path}: {line}' for path, line in found.items()
                if line.startswith('Corrupt JPEG')]
        other = [f'{path}: {line}' for path, line in found.items()
                 if not line.startswith('Corrupt JPEG')]
        if other:
            yield error(
                f'{split.name}: {len(other)} files are damaged and cannot be '
                'decoded', 'Replace these files or remove their images from '
                'the list.', other)
        if gaps:
            yield warning(
                f'{split.name}: {len(gaps)} JPEGs are damaged inside; a part '
                'may be grey or of other colours',
                'Look at them. Fetch them again, or remove them from the '
                'list.', gaps)
