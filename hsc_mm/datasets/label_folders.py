"""Reader of labels from folders, one for each class."""
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from hsc_mm.utils.outputs import written
from hsc_mm.utils.paths import MARKER
from .checks import raise_problems
from .class_names import (
    IMAGE_SUFFIXES,
    NONE,
    ImageLabels,
    Note,
    means_nothing,
)
from .equal_files import equal_pictures
from .masks_beside import refuse_masks_beside
from .settle import settle

__all__ = ['LINKS', 'MANIFESTS', 'PREDICTED', 'list_pictures',
           'read_label_folders']

#: Why links are passed over.
LINKS = 'links to folders, which are not followed'
#: Ends of the names of pictures that show predictions.
PREDICTED = ('.overlay.png', '.mask.png', '.mask.tif')
_OURS = 'written by hsc_mm'
#: Beside masks that are overwritten: by the next run, by the next import.
MANIFESTS = ('pseudo_labels.json', 'imported_seeds.json')
_OUTPUTS = {*MANIFESTS, 'trusted_masks.json'}  # in folders of ours alone

_SPLITS = ('train', 'training', 'val', 'valid', 'validation', 'test',
           'testing')
#: Folders that systems put beside data.
_SYSTEM = ('__MACOSX', 'lost+found', '$RECYCLE.BIN',
           'System Volume Information', '@eaDir', '#recycle', '#snapshot',
           '@Recycle', '@Recently-Snapshot')


def list_pictures(root: Path,
                  left_out: dict[str, list[str]],
                  ours: Iterable[str] = (),
                  no_outputs: bool = False) -> list[Path]:
    """List the pictures in a folder and below it, sorted.

    Passed over, and noted: files of other suffixes, what is hidden (a dot in
    front, folders of the system), links to folders or to nothing, and what
    commands of this project left there: logs, pseudo labels, predictions.

    Args:
        root (Path): The folder.
        left_out (dict): Why -> paths; lines are added.
        ours (iterable[str]): Paths that a folder above notes as written by
            this project.
        no_outputs (bool): Whether all that is noted as written by this
            project is passed over, not predictions alone.

    Raises:
        OSError: A folder cannot be read.
    """
    found: list[Path] = []
    predicted = set(ours)
    for folder, folders, files in os.walk(root, onerror=_refuse):
        here = Path(folder)
        noted = written(here) if MARKER in files else frozenset()
        if _OUTPUTS & set(files) or 'vis_data' in folders or (
                no_outputs and '*' in noted):
            left_out[_OURS].append(folder)
            folders.clear()
            continue
        predicted |= {os.path.join(folder, name) for name in noted
                      if no_outputs or name.endswith(PREDICTED)}
        for name in sorted(folders):
            if _hidden(name) or (here / name).is_symlink():
                folders.remove(name)
                left_out['hidden' if _hidden(name) else LINKS].append(
                    str(here / name))
        folders.sort()
        for name in sorted(files):
            suffix = os.path.splitext(name)[1].lower()
            if _hidden(name):
                left_out['hidden'].append(str(here / name))
            elif not (here / name).exists():
                left_out['links to nothing'].append(str(here / name))
            elif os.path.join(folder, name) in predicted:
                left_out[_OURS].append(str(here / name))
            elif suffix in IMAGE_SUFFIXES:  # a pipe too: its reader says so
                found.append(here / name)
            else:
                left_out[f'not read, {suffix or "no suffix"}'].append(
                    str(here / name))
    return sorted(found)


def _refuse(error: OSError) -> None:
    """Raise what os.walk passes over: a folder that cannot be read."""
    raise error


def _hidden(name: str) -> bool:
    return name.startswith('.') or name in _SYSTEM


def read_label_folders(root: str | Path,
                       none: Sequence[str] = NONE) -> ImageLabels:
    """Read one folder per class; the same picture in two means both.

    Pictures are the same where their files are, whatever the names; the one
    under the first class is taken. A folder ``_none``, or one named in
    ``none``, holds pictures that show no class, or nothing. Ids are paths
    relative to ``root``.

    Args:
        root (str | Path): Folder of the class folders.
        none (sequence[str]): Names that mean no class.

    Raises:
        FileNotFoundError: ``root`` is not a folder.
        OSError: A folder in it cannot be read.
        ValueError: It has no sub-folder with an image, one without any,
            folders of splits (``train``, ``val``) above those of classes, or
            masks beside the pictures.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f'{root}: expected a folder with one '
                                'sub-folder per class; there is none.')
    left_out: dict[str, list[str]] = defaultdict(list)
    pictures: dict[str, list[Path]] = {}
    ours = {str(root / name) for name in written(root)}
    for entry in sorted(root.iterdir()):
        if _hidden(entry.name):
            left_out['hidden'].append(str(entry))
        elif entry.is_dir():
            before = len(left_out[_OURS])
            pictures[entry.name] = list_pictures(entry, left_out, ours, True)
            if not pictures[entry.name] and len(left_out[_OURS]) > before:
                del pictures[entry.name]
        else:
            left_out['in no class folder'].append(str(entry))
    if not any(pictures.values()):
        raise ValueError(
            f'{root}: expected one sub-folder per class with images in it '
            f'({", ".join(IMAGE_SUFFIXES)}), found none.')
    empty = [name for name, paths in pictures.items() if not paths
             and means_nothing(name, none)
             and not {*_reasons(root / name, left_out)} - {'hidden'}]
    for name in empty:
        del pictures[name]
    _check_folders(root, pictures, left_out, none)
    refuse_masks_beside(root, chain.from_iterable(pictures.values()))
    images: dict[str, list[str]] = {}
    merged, copies, deeper, torn = [], [], [], []
    for same in equal_pictures(pictures):
        names = list(dict.fromkeys(name for name, _ in same))
        ids = [path.relative_to(root).as_posix() for _, path in same]
        if len({means_nothing(name, none) for name in names}) > 1:
            torn.append(' = '.join(ids))
        if len(names) > 1:
            merged.append(' = '.join(ids))
            ids = ids[:1]
        elif len(ids) > 1:
            copies.append(' = '.join(ids))
        deeper += [i for i in ids if i.count('/') > 1]
        images.update((i, names) for i in ids)
    raise_problems(str(root), torn, 'One picture lies in a folder of pictures '
                   'without a class and in that of a class: remove one of '
                   'the files.')
    left_out = {why: paths for why, paths in left_out.items() if paths}
    notes = [
        Note('one picture in several folders, used once with all '
             'labels', merged),
        Note('copies in one folder, all used', copies),
        Note('in sub-folders of a class folder', deeper),
        Note('empty folders of pictures without a class',
             [str(root / name) for name in empty])
    ] + [Note(why, paths) for why, paths in left_out.items()]
    images = {i: images[i] for i in sorted(images)}
    return settle(root, None, images, none, notes)


def _reasons(folder: Path, left_out: dict[str, list[str]]) -> list[str]:
    """Return why files of a folder were passed over."""
    return [why for why, paths in left_out.items()
            if any(Path(path).is_relative_to(folder) for path in paths)]


def _check_folders(root: Path, pictures: dict[str, list[Path]],
                   left_out: dict[str, list[str]],
                   none: Sequence[str]) -> None:
    """Refuse folders of splits, and class folders without a picture."""
    for name, paths in pictures.items():
        folder = root / name
        direct = [path for path in paths if path.parent == folder]
        if name.lower() in _SPLITS and paths and not direct:
            raise ValueError(
                f'{root}: expected a folder for each class, found "{name}", '
                'which holds folders itself. Name the folder of one split, '
                f'{folder}.')
        if not paths:
            what = 'that show no class' if means_nothing(name, none) else (
                f'of the class "{name}"')
            others = _reasons(folder, left_out)
            raise ValueError(
                f'{folder}: expected images {what} '
                f'({", ".join(IMAGE_SUFFIXES)}), found '
                + (f'{"; ".join(others)}. Convert them, or move the folder '
                   'elsewhere.' if others else
                   'none. Put some there, or remove the folder.'))
    splits = [name for name in pictures
              if re.sub(r'[\d_-]+$', '', name.lower()) in _SPLITS]
    if len(splits) > 1:
        raise ValueError(
            f'{root}: expected a folder for each class, found the splits '
            f'{", ".join(splits)}. Name the folder of one split; if it has no '
            'folders of classes, give its labels in a CSV or JSON.')
