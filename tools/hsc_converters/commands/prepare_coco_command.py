"""Make image labels, lists and masks of MS-COCO 2014 from its annotations."""
import argparse
import os
import shlex
import sys
from pathlib import Path

from hsc_mm.cli import common as cli

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--root',
        type=cli.file_path,
        default=Path('data/coco2014'),
        help='folder of train2014, val2014 and annotations (default: '
        'data/coco2014)')
    parser.add_argument(
        '--splits',
        nargs='+',
        default=['train2014', 'val2014'],
        help='NAME of annotations/instances_NAME.json (default: train2014 '
        'val2014)')
    parser.add_argument(
        '--workers',
        type=cli.workers,
        default=min(os.cpu_count() or 1, 8),
        help='processes that draw masks (default: one for each core, at '
        'most 8)')
    parser.add_argument(
        '--no-masks',
        action='store_true',
        help='write labels and lists alone; needs no pycocotools, and refuses '
        'masks of other annotations')
    parser.add_argument(
        '--unannotated',
        action='store_true',
        help='list images without any annotation too: they show none of the '
        'classes (default: they are left out, as in papers on COCO 2014)')
    args = cli.parse(parser)
    if not args.root.is_dir():
        parser.error(f'--root {args.root}: there is no such folder')
    return args


def main() -> int:
    """Prepare all splits, then report."""
    args = parse_args()
    from rich.console import Console
    from rich.table import Table

    from hsc_mm.utils.locks import hold
    from ..coco import prepare
    from ..coco_files import check_classes, read_split
    from ..coco_masks import require_pycocotools
    from ..coco_origins import MASKS, check_masks
    hold(args.root, '--root')
    if not args.no_masks:
        require_pycocotools()
    sources = {
        split: check_masks(args.root, split, not args.no_masks)
        for split in args.splits
    }
    splits = {split: read_split(args.root, split) for split in sources}
    check_classes(args.root, splits)
    table = Table('split', 'images\nlisted', 'expected of\nCOCO 2014',
                  'pictures\nmissing', 'masks\nmade', 'masks\nkept',
                  'broken\nannotations')
    problems, checksums = [], []
    for split, source in sources.items():
        row, wrong, checksum = prepare(args, split, splits.pop(split), source)
        table.add_row(*map(str, row))
        problems += wrong
        checksums += [checksum] if checksum else []
    Console().print(table)
    for line in problems[:20]:
        print(f'  {line}', file=sys.stderr)
    if problems:
        print(
            f'{len(problems)} problem(s), the first of them above. What is '
            'broken is left out of the masks; its image label stays, where '
            'image and category are known.',
            file=sys.stderr)
    if checksums:
        print(f'Masks are in {args.root / MASKS}. Equal checksums mean equal '
              'labels and masks:')
        print('\n'.join(f'  {line}' for line in checksums))
    cli.finish(f'{args.root}: labels of {", ".join(args.splits)}',
               f'COCO2014_ROOT={shlex.quote(str(args.root))} '
               'python -m hsc_mm doctor configs/hsc_r50_coco.py')
    return 0
