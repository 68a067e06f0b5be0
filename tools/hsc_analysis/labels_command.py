"""List image labels that a trained classifier contradicts, worst first.

A model remembers the images that it was trained on, and contradicts fewer of
their labels: train on one half of the list and check the other half (--list).
"""
import argparse
from pathlib import Path

from hsc_mm.cli import common as cli

__all__ = ['main', 'parse_args']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    cli.add_config(parser, launcher=False)
    cli.add_checkpoint(parser)
    parser.add_argument(
        '--out', required=True,
        help='folder for labels.csv and labels.jpg')
    cli.add_split(parser)
    parser.add_argument(
        '--list', help='list of the images instead of that of the split')
    parser.add_argument(
        '--draw', type=cli.positive, default=48,
        help='pictures of labels.jpg, at most (default: 48)')
    parser.add_argument(
        '--tta', action='store_true',
        help='several scales and flip; otherwise one view')
    parser.add_argument(
        '--workers', type=cli.workers, default=2,
        help='processes that read images')
    parser.add_argument('--device', help='default: cuda if there is one')
    args = cli.parse(parser)
    if args.list and not Path(args.list).is_file():
        parser.error(f'--list {args.list}: there is no such file')
    return args


def main() -> int:
    """Check, write and say what was found."""
    args = parse_args()
    from hsc_mm.inference import load_config, use_tta
    from hsc_mm.utils import atomic_write_bytes, check_device
    from hsc_mm.utils.data_folders import refuse_data_of
    from hsc_mm.utils.locks import hold
    from hsc_mm.utils.outputs import claim_file, claim_folder, drop
    from .label_check import class_scores, draw, find_suspects, table
    from .sheet import write_picture
    cfg = load_config(args.config, args.cfg_options, args.work_dir)
    refuse_data_of(cfg, args.out, '--out')
    hold(claim_folder(args.out, '--out'), '--out')
    dataset, scores, trained = class_scores(
        use_tta(cfg) if args.tta else cfg, args.checkpoint, args.split,
        args.list, args.workers, check_device(args.device))
    labels = [dataset.get_data_info(i)['gt_label']
              for i in range(len(dataset))]
    suspects = find_suspects(scores, labels)
    path = Path(args.out) / 'labels.csv'
    atomic_write_bytes(claim_file(path), table(
        suspects, dataset, trained).encode())
    picture = Path(args.out) / 'labels.jpg'
    if suspects:
        write_picture(picture, draw(suspects[:args.draw], dataset))
        print(f'{picture}: the first {min(args.draw, len(suspects))}')
    else:
        drop(args.out, picture.name)  # it shows other labels
    if any(trained):
        cli.warn([f'the model was trained on {sum(trained)} of these images: '
                  'it remembers their labels, and contradicts fewer of them'])
    cli.finish(
        f'{path}: {len(suspects)} labels of {len(dataset)} images '
        f'contradicted, {sum(one.labelled for one in suspects)} to remove, '
        f'{sum(not one.labelled for one in suspects)} to add')
    return 0
