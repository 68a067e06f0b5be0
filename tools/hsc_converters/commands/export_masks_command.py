"""Write masks for an annotation tool, the most doubtful first."""
import argparse
import shlex
from functools import partial

from hsc_mm.cli import common as cli

__all__ = ['add_images', 'image_words', 'main']


def add_images(parser: argparse.ArgumentParser) -> None:
    """Add what names the images: a config and a split, or files."""
    parser.add_argument('--config', required=True, help='config file')
    cli.add_split(parser)
    parser.add_argument(
        '--images',
        nargs='+',
        default=[],
        metavar='IMAGE|FOLDER',
        help='images of predictions, as given to predict, instead of a split')
    cli.add_options(parser)


def image_words(args: argparse.Namespace) -> list[str]:
    """Return what :func:`add_images` parsed as words of a command line."""
    from hsc_mm.inference.config_options import option_words
    words = ['--config', args.config]
    if args.images:
        words += ['--images', *args.images]
    elif args.split != 'train':
        words += ['--split', args.split]
    return words + option_words('--cfg-options', args.cfg_options)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'source', help='folder of masks: pseudo labels or predictions')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument(
        '--format',
        choices=[
            'coco', 'coco-polygons', 'cvat', 'label-studio', 'fiftyone'
        ],
        default='coco',
        help='what is written (default: coco)')
    parser.add_argument(
        '--first',
        type=cli.positive,
        metavar='N',
        help='the N most doubtful images (default: all)')
    parser.add_argument(
        '--against',
        nargs='+',
        default=[],
        metavar='FOLDER',
        help='folders of other masks of the same images: where they '
        'disagree, a mask is doubtful')
    parser.add_argument(
        '--trusted',
        metavar='FOLDER',
        help='leave out images that have a trusted mask here')
    parser.add_argument(
        '--no-pictures',
        action='store_true',
        help='do not copy the pictures')
    parser.add_argument(
        '--accept-labels',
        action='store_true',
        help='export masks that show other classes than the image labels')
    parser.add_argument(
        '--accept-origin',
        action='store_true',
        help='export masks that were made from other files than the images, '
        'such as before these were re-encoded')
    add_images(parser)
    return cli.parse(parser)


def main() -> int:
    """Export."""
    args = parse_args()
    from hsc_mm.inference import load_config
    from ..exchange import ExportOptions, export_masks
    queue, files = export_masks(
        load_config(args.config, args.cfg_options),
        args.source,
        args.out,
        ExportOptions(args.format, args.split, tuple(args.images), args.first,
                      tuple(args.against), args.trusted,
                      not args.no_pictures, args.accept_labels,
                      args.accept_origin),
        partial(cli.progress, what='masks'))
    cli.finish(
        f'{args.out}: {len(queue)} masks, the most doubtful first: '
        f'{", ".join(map(str, files))}',
        'correct them in the annotation tool, then: ' + shlex.join([
            'python', '-m', 'hsc_mm', 'import', 'EXPORT',
            *image_words(args), '--out', 'TRUSTED']))
    return 0
