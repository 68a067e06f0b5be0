"""Turn the CAMs of a trained CAM stage into pseudo labels.

Hard labels are palette PNGs, from a threshold or a CRF; soft ones are npz.
"""
import argparse
import os
import sys
from functools import partial
from pathlib import Path

from . import common as cli
from .label_flags import add_label_flags, add_tiles, label_changes, tiles

__all__ = ['main']


def _shard(text: str) -> tuple[int, int]:
    number, _, count = text.partition('/')
    if not (number.isdecimal() and count.isdecimal()
            and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(
            f'expected i/n with 1 <= i <= n, found {text}')
    return int(number), int(count)


def ranked(shard: tuple[int, int],
           device: str | None) -> tuple[tuple[int, int], str | None]:
    """Share a part of the work among the ranks of torchrun.

    Args:
        shard (tuple[int, int]): (i, n): part i of n, from 1.
        device (str, optional): That was named; by default each rank takes a
            GPU of its own, where there are any.

    Returns:
        tuple: Part and device of this rank.
    """
    names = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK')
    if not all(os.environ.get(name, '').isdecimal() for name in names):
        return shard, device
    rank, size, local = (int(os.environ[name]) for name in names)
    import torch
    if device is None and torch.cuda.is_available():
        device = f'cuda:{local % torch.cuda.device_count()}'
    return ((shard[0] - 1) * size + rank + 1, shard[1] * size), device


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    cli.add_config(parser, launcher=False)
    cli.add_checkpoint(parser)
    parser.add_argument('--out', required=True, help='folder for the files')
    cli.add_split(parser)
    add_label_flags(
        parser, cli.threshold_or_rule,
        'background threshold: a number; "auto" or the name of a label-free '
        'rule, which looks at the CAMs of up to 500 images first; '
        '"sufficiency", which asks the classifier about parts of 64; or '
        '"best" to evaluate the test split first and take the best one, '
        'which uses its masks (default: threshold of pseudo_label, else '
        'model.test_cfg.bg_threshold)')
    cli.add_selection(parser, 'the labels, after the refiners,', '')
    parser.add_argument(
        '--soft',
        nargs='?',
        const='also',
        choices=['also', 'only'],
        help='write refined soft CAMs (npz) as well, or only these')
    parser.add_argument(
        '--no-tta',
        action='store_true',
        help='use one scale without flip instead of tta_pipeline')
    parser.add_argument(
        '--batch-size',
        type=cli.positive,
        default=4,
        help='batch size; the images of a batch have equal sizes (default: 4)')
    parser.add_argument(
        '--amp', action='store_true', help='use half precision')
    parser.add_argument(
        '--shard',
        type=_shard,
        default=(1, 1),
        metavar='I/N',
        help='process part I of N; all parts may write into the same folder. '
             'Under torchrun each rank processes its share of the part')
    parser.add_argument(
        '--resume',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='skip files that exist and are complete (default)')
    parser.add_argument(
        '--workers',
        type=cli.workers,
        default=2,
        help='processes that read images; refiners use as many again')
    add_tiles(parser)
    parser.add_argument('--device', help='default: cuda if available')
    args = cli.parse(parser)
    if (args.select or args.select_list) and args.threshold is not None:
        parser.error('--threshold: expected none beside --select or '
                     '--select-list, which choose it. Omit one.')
    for flag in ('threshold', 'band', 'two_alpha'):
        if args.soft == 'only' and getattr(args, flag) is not None:
            parser.error(f'--{flag.replace("_", "-")}: expected masks, which '
                         'it makes, but --soft only writes none. Omit one.')
    return args


def main() -> int:
    """Make the pseudo labels."""
    args = parse_args()
    from hsc_mm.inference import load_config
    from hsc_mm.pseudo_labels import RunOptions, Selected, make_pseudo_labels
    from hsc_mm.utils import read_json
    shard, args.device = ranked(args.shard, args.device)
    cfg = load_config(args.config, args.cfg_options, args.work_dir)
    select = args.select or args.select_list
    run = make_pseudo_labels(
        cfg,
        args.checkpoint,
        args.out,
        split=args.split,
        threshold=Selected(select) if select else args.threshold,
        soft=args.soft,
        tta=not args.no_tta,
        options=RunOptions(
            batch_size=args.batch_size,
            workers=args.workers,
            device=args.device,
            amp=args.amp,
            shard=shard,
            tiles=tiles(args),
            resume=args.resume,
            progress=partial(cli.progress, what='pseudo labels'),
            notify=print),
        **label_changes(args, cfg))
    print('\n'.join(run.summary()))
    if run.failures:
        print(f'error: {args.out}: {len(run.failures)} of {run.total} images '
              'failed; they are listed above', file=sys.stderr)
        return 1
    cli.warn(run.warnings)
    if run.complete:
        cli.finish(f'{args.out}: all {len(run.img_ids)} pseudo labels exist',
                   cli.then_train(args.out, read_json(
                       Path(args.out) / 'pseudo_labels.json'
                   )['soft'] == 'only'))
    else:
        cli.finish(f'{args.out}: other parts are still missing')
    return 0
