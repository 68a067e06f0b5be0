"""Make saliency maps with a model of your own."""
import argparse
import shlex
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path

from hsc_mm.cli import common as cli

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Make a folder of saliency maps with a model of yours.')
    parser.add_argument(
        '--provider',
        required=True,
        metavar='MODULE:NAME',
        help='class or function that turns an image into a map')
    parser.add_argument(
        '--provider-options',
        nargs='+',
        action=cli.PartAction,
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
    args = parse_args()
    from hsc_mm.inference.inputs import list_inputs
    from hsc_mm.utils.data_folders import refuse_below
    from ..saliency import write_maps
    from ..saliency_provider import build_provider, code_of, origin_of
    left_out: dict[str, list[str]] = defaultdict(list)
    images = list_inputs(args.images, left_out)
    cli.note(left_out)
    provider = build_provider(args.provider, args.provider_options)
    for folder in args.images:
        refuse_below(folder, args.out, '--out')
    run = write_maps(images, provider, args.out,
                     partial(cli.progress, what='saliency maps'),
                     origin_of(args.provider, args.provider_options),
                     code_of(args.provider))
    for line in run.failures:
        print(f'  {line}', file=sys.stderr)
    if run.unknown:
        print(f'{len(run.unknown)} map(s) without a note of what they were '
              f'made from, such as {run.unknown[0]}: of an earlier version, '
              'or changed by another program. They were kept; remove them to '
              'make them again.', file=sys.stderr)
    if run.other_code:
        print(f'{len(run.other_code)} map(s) of other code of the provider '
              f'{args.provider}, such as {run.other_code[0]}: it has changed '
              'since. They were kept; remove them to make them again.',
              file=sys.stderr)
    cli.finish(
        f'{args.out}: {run.made} written, {run.there} skipped, '
        f'{len(run.failures)} failed, {len(images)} in total',
        *[] if run.failures else [
            'python -m hsc_mm doctor CONFIG --cfg-options train_dataloader.'
            'dataset.aux_maps.saliency.path='
            f'{shlex.quote(str(Path(args.out).resolve()))}'])
    return 1 if run.failures else 0
