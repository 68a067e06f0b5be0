"""Files of one split of MS-COCO 2014, made from its annotations."""
import argparse

from hsc_mm.cli import common as cli
from hsc_mm.datasets.checks import missing_files
from hsc_mm.datasets.coco_annotations import Instances
from hsc_mm.datasets.labels import image_stem
from .coco_files import (
    SPLIT_SIZES,
    label_file,
    write_lists,
    write_masks,
)

__all__ = ['picture_name', 'prepare']


def picture_name(img_id: str) -> str:
    """Return the file name of an image, whose id may lack the suffix."""
    return f'{img_id}.jpg' if image_stem(img_id) == img_id else img_id


def prepare(args: argparse.Namespace, split: str, instances: Instances,
            source: str) -> tuple[list, list, str]:
    """Write the files of one split.

    Args:
        args (argparse.Namespace): The command line.
        split (str): ``'train2014'`` or the like.
        instances (Instances): Its annotations.
        source (str): SHA-256 of their file.

    Returns:
        tuple[list, list, str]: Row of the table, problems, checksum.
    """
    found, listed = len(instances.images), 'all of them listed'
    if not args.unannotated:
        instances = instances.annotated()
        listed = (f'{found - len(instances.images)} without any annotation '
                  'left out (--unannotated lists them, as images that show '
                  'no class)')
    labels = write_lists(args.root, split, instances)
    print(f'{label_file(args.root, split)}: labels of {len(labels.images)} '
          f'of {found} images, {listed}')
    pictures = missing_files(
        str(args.root / split / picture_name(i.img_id))
        for i in instances.images)
    problems, drawn, checksum = list(instances.problems), ['-', '-'], ''
    if not args.no_masks:
        masks = write_masks(
            args.root, split, instances, source, args.workers,
            lambda results, total: cli.progress(results, total, split))
        problems += masks.problems
        drawn = [masks.made, masks.there]
        checksum = f'{split} {masks.checksum}'
    expected = '-' if args.unannotated else SPLIT_SIZES.get(split, '-')
    row = [
        split, len(labels.images), expected, len(pictures), *drawn,
        len(problems)
    ]
    return row, problems, checksum
