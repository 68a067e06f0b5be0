"""Draw the images whose labels in a folder score worst, worst first.

Image, ground truth and label of each, with its id and its own mIoU.
"""
import argparse
import os

from hsc_mm.cli import common as cli

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file that names the masks')
    parser.add_argument(
        'folder', help='labels, <image id>.png, with the indices of the masks')
    parser.add_argument(
        '--out', required=True, help='picture to write, .jpg or .png')
    parser.add_argument(
        '--worst',
        type=cli.positive,
        default=24,
        help='how many images (default: 24)')
    parser.add_argument(
        '--columns',
        type=cli.positive,
        default=2,
        help='images side by side (default: 2)')
    parser.add_argument(
        '--accept-origin',
        action='store_true',
        help='take masks that were made from other files than the images, '
        'such as before these were re-encoded')
    cli.add_split(parser, 'val', 'images and masks')
    cli.add_options(parser)
    args = cli.parse(parser)
    if not os.path.isdir(args.folder):
        parser.error(f'folder {args.folder}: there is no such folder')
    if not args.out.lower().endswith(('.jpg', '.jpeg', '.png')):
        parser.error(f'--out {args.out}: expected a .jpg or .png')
    return args


def main() -> None:
    """Score, draw and write."""
    args = parse_args()
    from hsc_mm.evaluation.ranking import rank_images
    from hsc_mm.inference import load_config
    from hsc_mm.utils.data_folders import refuse_data_of
    from .sheet import contact_sheet, masked_dataset, write_picture
    cfg = load_config(args.config, args.cfg_options)
    refuse_data_of(cfg, os.path.dirname(args.out) or '.', '--out',
                   one_file=True)
    dataset = masked_dataset(cfg, args.split, args.folder,
                             not args.accept_origin)
    ranked = rank_images(args.folder, dataset)
    if not ranked:
        raise ValueError(f'--split {args.split}: expected an image with a '
                         'mask that is not ignored everywhere, found none.')
    worst = ranked[:args.worst]
    write_picture(
        args.out, contact_sheet(worst, args.folder, dataset, args.columns))
    print('mIoU, %  image')
    for score, img_id, _ in worst:
        print(f'{score:7.2f}  {img_id}')
    cli.finish(f'{args.out}: the worst {len(worst)} of {len(ranked)} images '
               f'of {dataset.split}')
