"""Check a folder in VOC layout and write its image labels."""
import argparse
import shlex
import sys
from collections import Counter

from hsc_mm.cli import common as cli

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Check a folder in VOC layout and write its image labels '
        'as one JSON.')
    parser.add_argument('root', type=cli.file_path, help='folder VOC2012')
    parser.add_argument(
        '--splits',
        nargs='+',
        default=['train_aug', 'val'],
        help='lists in ImageSets/Segmentation (default: train_aug val)')
    parser.add_argument(
        '--source',
        choices=['xml', 'masks'],
        default='xml',
        help='where image labels come from (default: xml)')
    parser.add_argument(
        '--classes',
        nargs='+',
        help='foreground classes in the order of the mask indices (default: '
        'those of VOC)')
    parser.add_argument(
        '--out',
        type=cli.file_path,
        help='label file (default: ROOT/image_labels.json)')
    args = cli.parse(parser)
    if not args.root.is_dir():
        parser.error(f'root {args.root}: there is no such folder')
    names = args.classes or []
    from hsc_mm.datasets.class_names import means_nothing, name_key
    keys = [name_key(name) for name in names]
    wrong = {name for name, key in zip(names, keys, strict=True)
             if keys.count(key) > 1 or not key or means_nothing(name)}
    if wrong:
        parser.error('--classes: expected foreground classes alone, each '
                     'once (case and blanks make no difference), found '
                     f'{", ".join(sorted(wrong))}. Remove it: '
                     'index 0 is the background, the first class has 1')
    return args


def main() -> int:
    """Check and write."""
    args = parse_args()
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from hsc_mm.datasets.class_names import note_lines
    from hsc_mm.datasets.voc import VOC_CLASSES
    from ..voc import SPLIT_SIZES, check_split, collect_labels, write_labels
    ids, problems = {}, []
    table = Table('split', 'images', 'expected of VOC 2012', 'problems')
    for split in args.splits:
        found, wrong = check_split(args.root, split)
        expected = SPLIT_SIZES.get(split)
        table.add_row(escape(split), str(len(found)), str(expected or '-'),
                      str(len(wrong)))
        ids.update(dict.fromkeys(found))
        problems += wrong
    labels, wrong = collect_labels(args.root, list(ids),
                                   args.classes or list(VOC_CLASSES[1:]),
                                   args.source)
    advice = (' Without XML files, --source masks takes the labels from '
              'SegmentationClass.' if wrong and args.source == 'xml' else '')
    problems += wrong
    Console().print(table)
    for line in problems[:20]:
        print(f'  {line}', file=sys.stderr)
    if problems:
        print(
            f'error: {args.root}: {len(problems)} problem(s), the first of '
            'them above; no label file was written. Correct the files or the '
            f'lists and run again.{advice}',
            file=sys.stderr)
        return 1
    out = args.out or args.root / 'image_labels.json'
    write_labels(out, labels)
    count = Counter(name for names in labels.images.values()
                    for name in names)
    print(', '.join(f'{name} {count[name]}' for name in labels.classes))
    for line in note_lines(labels.notes):
        print(line)
    then = [] if args.out or args.classes else [
        f'VOC2012_ROOT={shlex.quote(str(args.root))} '
        'python -m hsc_mm doctor configs/hsc_r50_voc.py']
    cli.finish(f'{out}: labels of {len(labels.images)} images', *then)
    return 0
