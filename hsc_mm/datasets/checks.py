"""Checks of the files of a data set, made before training starts."""
import os
from collections.abc import Iterable
from pathlib import Path

from hsc_mm.utils.alike import missing_lines
from hsc_mm.utils.headers import Header, read_header
from hsc_mm.utils.limits import check_regular
from hsc_mm.utils.paths import same_file
from hsc_mm.utils.progress import progress
from hsc_mm.utils.wholeness import check_whole
from .aux_maps import map_kind
from .mask_checks import MASK_ADVICE, check_masks

__all__ = [
    'LISTED', 'check_files', 'check_items', 'check_root', 'item_files',
    'item_maps', 'missing_files', 'raise_problems'
]

#: Lines of problems in a message; the rest is counted.
LISTED = 20
# Folder of a public data set -> where it comes from, and what to do then.
_PREPARE = {
    'voc2012': ('VOC2012_ROOT', '-m hsc_mm prepare_voc FOLDER'),
    'voc-animals': ('VOC_ANIMALS_ROOT',
                    '-m hsc_mm cut_voc $VOC2012_ROOT FOLDER'),
    'coco2014': ('COCO2014_ROOT', '-m hsc_mm prepare_coco --root FOLDER'),
    'demo': ('HSC_MM_DEMO_ROOT', 'tools/make_demo_data.py --out FOLDER')
}


def check_root(root: str) -> str:
    """Return the folder of a data set, or refuse one that is not there.

    Raises:
        FileNotFoundError: With what to do.
    """
    if not root or os.path.isdir(root):
        return root
    folder = os.path.basename(os.path.normpath(root)).lower()
    name, tool = _PREPARE.get(folder, (None, None))
    how = ('Prepare the data as docs/data.md says (python '
           f'{tool}), and name the folder by the environment variable '
           f'{name}' if name else
           'Name the folder of the data by data_root of the config')
    raise FileNotFoundError(f'data_root {root}: no such folder. {how}.')


def raise_problems(what: str, problems: list[str], advice: str) -> None:
    """Raise one ValueError that lists the problems, if there are any.

    Args:
        what (str): The data set or argument the problems belong to.
        problems (list[str]): A line each, naming a file.
        advice (str): What to do.
    """
    if not problems:
        return
    listed = problems[:LISTED]
    if len(problems) > LISTED:
        listed.append(f'... and {len(problems) - LISTED} more')
    raise ValueError(f'{what}: {len(problems)} problem(s). {advice}\n  ' +
                     '\n  '.join(listed))


def missing_files(paths: Iterable[str]) -> list[str]:
    """Return the paths that do not exist, each folder read only once."""
    content: dict[str, set[str]] = {}
    missing = []
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in content:
            there = os.path.isdir(folder or '.')
            content[folder] = set(os.listdir(folder or '.') if there else ())
        if name not in content[folder]:
            missing.append(path)
    return missing


def check_files(image: str, maps: dict[str, str]) -> list[str]:
    """Check an image and the maps beside it without decoding them.

    Read are the header and the last bytes of each: enough to find empty and
    truncated files, files that are no images, images that stand for their own
    map, and maps of another size or that EXIF turns, since maps are read as
    they are stored.

    Args:
        image (str): Path of the image.
        maps (dict[str, str]): Kind ('mask', 'saliency map') -> path.

    Returns:
        list[str]: A line for each problem; empty when all is well.
    """
    problems = []
    header = _header(image, problems)
    for kind, path in maps.items():
        if same_file(path, image):
            problems.append(f'{path}: expected another file than the image; '
                            f'name the folder of the {kind}s')
            continue
        found = _header(path, problems)
        if found and found.orientation != 1:
            problems.append(
                f'{path}: expected a {kind} as it is seen, found one that '
                f'EXIF turns (orientation {found.orientation}); turn its '
                'pixels and save it without EXIF')
            continue
        if not header or not found or header.seen == found.seen:
            continue
        size, map_size = header.seen[::-1], found.seen[::-1]
        problem = f'{path}: expected a {kind} of the size of its image, ' \
            f'{size[0]} x {size[1]}, found {map_size[0]} x {map_size[1]}'
        if map_size == size[::-1] and header.orientation >= 5:
            problem += (' (EXIF turns the image; turn this file as well, or '
                        'save the image upright)')
        problems.append(problem)
    return problems


def _header(path: str, problems: list[str]) -> Header | None:
    """Return the header, or add to ``problems`` and return None."""
    try:
        check_regular(path)
        with open(path, 'rb') as file:
            check_whole(path, file)
        return read_header(path)
    except ValueError as error:
        problems.append(str(error))
    except OSError as error:
        problems.append(f'{Path(path)}: expected an image, but {error}')
    return None


def item_maps(info: dict) -> dict[str, str]:
    """Return kind -> path of the mask and the maps beside an image.

    Args:
        info (dict): Item of a data set.

    Returns:
        dict[str, str]: ``'mask'``, ``'saliency map'`` ... -> path.
    """
    maps = {'mask': info['seg_map_path']} if 'seg_map_path' in info else {}
    for name, one in info.get('aux_maps', {}).items():
        maps[map_kind(name)] = one['path']
    return maps


def item_files(infos: list[dict]) -> list[str]:
    """List the files of items: images, masks, auxiliary maps."""
    return [
        path for info in infos
        for path in (info['img_path'], *item_maps(info).values())
    ]


def check_items(what: str, infos: list[dict], listed: str, all_classes: int,
                ignore_index: int) -> None:
    """Refuse items whose files are missing, broken or do not fit.

    Args:
        what (str): The data set, as messages name it.
        infos (list[dict]): Items, with ``img_path`` and, where there are
            any, ``seg_map_path`` and ``aux_maps``.
        listed (str): The file that names the images.
        all_classes (int): Classes that masks know, background included.
        ignore_index (int): Index of pixels that do not count.

    Raises:
        ValueError: Files are missing, broken or of another size than their
            image, or masks hold colours or indices of no class.
    """
    missing = missing_files(item_files(infos))
    maps = {path for info in infos if missing
            for path in item_maps(info).values()}
    raise_problems(
        what, missing_lines(missing),
        f'Files of the list {listed} are missing; check data_root, '
        'data_prefix (of new_dataset: --images), aux_maps and the suffixes.'
        + ' (aux_maps.NAME.required=False lets images lack a map.)' * bool(
            maps.intersection(missing)))
    problems = []
    for info in progress(infos, len(infos), 'checking files', delay=2):
        problems += check_files(info['img_path'], item_maps(info))
    raise_problems(what, problems,
                   'Replace these files or remove them from the list.')
    masks = [i['seg_map_path'] for i in infos if 'seg_map_path' in i]
    raise_problems(what, check_masks(masks, all_classes, ignore_index),
                   MASK_ADVICE)
