"""Pack predicted masks for the PASCAL VOC server."""
import argparse
import os

from hsc_mm.cli import common as cli

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Check predicted masks and pack them for the PASCAL VOC '
        'server.')
    parser.add_argument('masks', help='folder of tools/test.py --out')
    parser.add_argument(
        '--list', required=True, help='list of the image ids of the split')
    parser.add_argument(
        '--images', required=True, help='folder of the images, JPEGImages')
    parser.add_argument(
        '--out', required=True, help='archive to write, .tgz or .tar.gz')
    parser.add_argument(
        '--comp',
        type=int,
        choices=[5, 6],
        default=6,
        help="5: trained on VOC's data alone, without ImageNet weights; 6: "
        'on other data too (default: 6)')
    parser.add_argument(
        '--split',
        choices=['test', 'val'],
        default='test',
        help='what the list is of (default: test)')
    return cli.parse(parser)


def main() -> None:
    """Pack the masks."""
    args = parse_args()
    from hsc_mm.datasets.labels import read_voc_list
    from ..voc_submission import pack_submission
    ids = read_voc_list(args.list, args.images)
    done = pack_submission(args.masks, ids, args.images, args.out, args.comp,
                           args.split)
    cli.finish(f'{args.out}: {done.images} masks in {done.folder}, '
               f'{os.path.getsize(args.out)} bytes; {len(done.classes)} of 21 '
               f'classes occur: {", ".join(done.classes)}',
               'upload it to the evaluation server of PASCAL VOC')
