"""Preparation of a folder in VOC layout: image labels, lists, checks."""
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from hsc_mm.datasets.aux_maps import AuxMapFolder
from hsc_mm.datasets.checks import check_files, missing_files
from hsc_mm.datasets.class_names import Note, spelled
from hsc_mm.datasets.labels import ImageLabels, read_voc_list, read_voc_xml
from hsc_mm.datasets.mask_labels import black_and_white, indices
from hsc_mm.utils import write_json
from hsc_mm.utils.alike import missing_lines
from hsc_mm.utils.outputs import claim_file
from hsc_mm.utils.paths import inside

__all__ = [
    'SPLIT_SIZES', 'check_pictures', 'check_split', 'collect_labels',
    'saliency_finder', 'write_labels'
]

# PASCAL VOC 2012 segmentation; train_aug is VOC's train and SBD's pictures
# that are not in VOC's val (Hariharan et al., ICCV 2011).
SPLIT_SIZES = dict(train=1464, val=1449, trainval=2913, train_aug=10582)


def collect_labels(root: Path, ids: list[str], classes: list[str],
                   source: str) -> tuple[ImageLabels, list[str]]:
    """Collect image labels from annotations or from masks.

    Args:
        root (Path): Folder in VOC layout.
        ids (list[str]): Image ids.
        classes (list[str]): Foreground classes, in the order of the indices
            of the masks.
        source (str): ``'xml'`` (Annotations) or ``'masks'``
            (SegmentationClass).

    Returns:
        tuple: The labels, and a line for each image whose labels could not
        be read, and for masks that are black-and-white pictures: all of
        them, or some.
    """
    images, problems = {}, []
    contents: dict[str, set[int]] = {}
    for image_id in ids:
        try:
            if source == 'xml':
                names = read_voc_xml(root / 'Annotations' / f'{image_id}.xml')
            else:
                path = root / 'SegmentationClass' / f'{image_id}.png'
                contents[str(path)] = indices(str(path))
                names = _named(path, contents[str(path)], classes)
        except FileNotFoundError as error:
            problems.append(f'{error.filename}: there is no such file')
            continue
        except (OSError, ValueError) as error:
            problems.append(str(error))
            continue
        names = spelled(names, classes)
        unknown = [name for name in names if name not in classes]
        if unknown:
            problems.append(f'{image_id}: "{unknown[0]}" is not among the '
                            f'classes {classes}')
        else:
            images[image_id] = sorted({*names}, key=classes.index)
    line = black_and_white([*contents.values()])
    problems += [f'{root / "SegmentationClass"}: {line}'] if line else []
    odd = [] if line else [path for path, shown in contents.items()
                           if shown == {0, 255}]
    notes = (Note('masks of background and 255 alone, read as "shows no '
                  'class" (black and white?)', odd), ) if odd else ()
    return ImageLabels(classes, images, notes), problems


def _named(path: Path, shown: set[int], classes: list[str]) -> list[str]:
    """Return the classes of the indices that a mask holds."""
    wrong = sorted(i for i in shown if i > len(classes) and i != 255)
    if wrong:
        raise ValueError(
            f'{path}: expected indices 0..{len(classes)} and 255, found '
            f'{wrong}. Are these the masks of another data set?')
    return [classes[i - 1] for i in sorted(shown) if 0 < i < 255]


def check_split(root: Path, split: str) -> tuple[list[str], list[str]]:
    """Check the images of a list, and masks and maps where there are any.

    Args:
        root (Path): Folder in VOC layout.
        split (str): Name of the list in ImageSets/Segmentation.

    Returns:
        tuple[list[str], list[str]]: Ids, and a line for each problem.

    Raises:
        FileNotFoundError: There is no such list.
        ValueError: It is empty or names an image twice.
    """
    list_file = root / 'ImageSets' / 'Segmentation' / f'{split}.txt'
    ids = read_voc_list(list_file, root / 'JPEGImages')
    problems = [
        f'{list_file}: image id "{i}" leads out of JPEGImages' for i in ids
        if inside(i, root / 'JPEGImages') != i
    ]
    if problems:
        return [], problems
    masks = {i: root / 'SegmentationClass' / f'{i}.png' for i in ids}
    return ids, check_pictures(root, masks)


def saliency_finder(root: Path) -> Callable[[str], str]:
    """Return what finds the saliency map of an image, of any format.

    The path that it returns need not exist; of two maps it raises ValueError.
    """
    folder = root / 'SaliencyMaps'
    if not folder.is_dir():
        return lambda image_id: str(folder / f'{image_id}.png')
    return AuxMapFolder('saliency', str(folder)).find


def check_pictures(root: Path, masks: Mapping[str, Path]) -> list[str]:
    """Check pictures, and masks and saliency maps where there are any.

    Args:
        root (Path): Folder in VOC layout.
        masks (mapping[str, Path]): Image id -> its mask.

    Returns:
        list[str]: A line for each problem.
    """
    salient = saliency_finder(root)
    images = {i: str(root / 'JPEGImages' / f'{i}.jpg') for i in masks}
    missing = set(missing_files(images.values()))
    problems = missing_lines(sorted(missing))
    for image_id, path in images.items():
        if path in missing:
            continue
        maps = {'mask': str(masks[image_id]),
                'saliency map': salient(image_id)}
        problems += check_files(
            path, {k: p
                   for k, p in maps.items() if os.path.exists(p)})
    return problems


def write_labels(path: Path, labels: ImageLabels) -> None:
    """Write the JSON that the data sets of this package read."""
    write_json(
        claim_file(path), dict(classes=labels.classes, images=labels.images))
