"""Make a folder of saliency maps with a model of one's own."""
import argparse
import sys

from . import common as cli

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--provider',
        required=True,
        metavar='MODULE:NAME',
        help='class or function that turns an image into a map')
    parser.add_argument(
        '--provider-options',
        nargs='+',
        action=cli.DictAction,
        help='its arguments, as key=value')
    parser.add_argument(
        '--images',
        nargs='+',
        required=True,
        metavar='IMAGE|FOLDER',
        help='images, or folders with their sub-folders')
    parser.add_argument('--out', required=True, help='folder for the maps')
    return cli.parse(parser)


def main() -> int:
    """Make the maps."""
    from hsc_mm.inference.inputs import list_inputs
    from hsc_mm.saliency import build_provider, write_maps
    args = parse_args()
    images = list_inputs(args.images)
    provider = build_provider(args.provider, args.provider_options)
    run = write_maps(
        cli.progress(images, len(images), 'saliency maps'), provider, args.out)
    for line in run.failures:
        print(f'  {line}', file=sys.stderr)
    print(f'{args.out}: {run.made} made, {run.there} were there, '
          f'{len(run.failures)} failed, {len(images)} together')
    return 1 if run.failures else 0
