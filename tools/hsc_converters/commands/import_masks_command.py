"""Bring back masks that people corrected, and trust them."""
import argparse
import shlex
from functools import partial

from hsc_mm.cli import common as cli
from .export_masks_command import add_images

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'source', help='what the annotation tool exported: a file or folder')
    parser.add_argument(
        '--out', required=True, help='folder of the trusted masks')
    parser.add_argument(
        '--format',
        choices=[
            'auto', 'coco', 'coco-polygons', 'cvat', 'label-studio', 'fiftyone'
        ],
        default='auto',
        help='format of the source (default: auto)')
    parser.add_argument(
        '--changed-from',
        metavar='FOLDER',
        help='folder of masks that was exported: masks that are still the '
        'same are skipped')
    parser.add_argument(
        '--accept-labels',
        action='store_true',
        help='take masks that show other classes than their image label')
    parser.add_argument(
        '--replace',
        action='store_true',
        help='replace masks that were imported before')
    add_images(parser)
    return cli.parse(parser)


def main() -> int:
    """Import."""
    args = parse_args()
    from hsc_mm.inference import load_config
    from ..exchange import ImportOptions, import_masks
    found = import_masks(
        load_config(args.config, args.cfg_options),
        args.source,
        args.out,
        ImportOptions(args.format, args.split, tuple(args.images),
                      args.changed_from, args.accept_labels, args.replace),
        partial(cli.progress, what='masks'))
    cli.first(found.refused)
    cli.finish(
        f'{args.out}: {len(found.written)} trusted masks written '
        f'({found.form}), {len(found.same)} were there already, '
        f'{len(found.unchanged)} unchanged, {len(found.refused)} refused; '
        f'{100 * found.ignored:.2f} % of the pixels written are ignored',
        *[f'TRUSTED_DIR={shlex.quote(str(args.out))} python -m hsc_mm '
          f'pipeline {shlex.quote(args.config)} SEG_CONFIG --work-dir FOLDER'
          ] * bool(found.written or found.same))
    return 1 if found.refused else 0
