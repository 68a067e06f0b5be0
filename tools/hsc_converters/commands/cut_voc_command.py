"""Cut some classes out of PASCAL VOC 2012, in small."""
import argparse
import shlex

from hsc_mm.cli import common as cli

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Cut a subset out of PASCAL VOC 2012: pictures that hold '
        'nothing but some classes, scaled down.')
    parser.add_argument('root', type=cli.file_path, help='folder VOC2012')
    parser.add_argument('out', type=cli.file_path,
                        help='new folder, in VOC layout')
    parser.add_argument(
        '--classes', nargs='+',
        default=['cat', 'cow', 'dog', 'horse', 'person', 'sheep'],
        help='names of VOC (default: the six of configs/voc-animals)')
    parser.add_argument('--long-side', type=cli.positive, default=384,
                        help='pixels at most (default: 384)')
    parser.add_argument('--per-class', type=cli.positive, default=200,
                        help='pictures of SBD are added up to this number of '
                        'pictures of a class (default: 200)')
    args = cli.parse(parser)
    if len({*args.classes}) < len(args.classes):
        parser.error(f'--classes: expected each once, found {args.classes}')
    return args


def main() -> None:
    """Cut the subset."""
    args = parse_args()
    from ..voc_subset import cut_subset, without_mask
    sizes = cut_subset(args.root, args.out, args.classes, args.long_side,
                       args.per_class)
    missing = without_mask(args.root)
    if missing:
        cli.warn([
            f'{len(missing)} pictures of train_aug.txt have no mask in '
            f'SegmentationClass or SegmentationClassAug, such as {missing[0]}'
            ': left out. Convert the masks of SBD, and cut the subset again.'])
    found = ', '.join(f'{split} {n}' for split, n in sizes.items())
    cli.finish(f'{args.out}: images of {found}',
               f'export VOC_ANIMALS_ROOT={shlex.quote(str(args.out))} (read '
               'by the configs in configs/voc-animals)')
