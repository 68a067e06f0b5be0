"""Read the seeds of another project and write them in our own format."""
import argparse
from functools import partial

from hsc_mm.cli import common as cli
from hsc_mm.cli.label_flags import add_label_flags, label_changes

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='folder with one file for each image')
    parser.add_argument('--config', required=True, help='config file')
    parser.add_argument('--out', required=True, help='folder for the seeds')
    parser.add_argument(
        '--format',
        choices=['auto', 'npy', 'irn', 'npz', 'png'],
        default='auto',
        help='format of the files (default: auto)')
    cli.add_split(parser)
    parser.add_argument(
        '--kind',
        choices=['soft', 'hard'],
        help='maps or masks (default: soft, of PNGs hard)')
    parser.add_argument(
        '--class-offset',
        type=int,
        help='what is added to an index of a file to make it an index of the '
        "data set's masks (default: 1 for npy and irn, 0 for png and npz)")
    parser.add_argument('--map', help='name of the maps in an IRN file')
    parser.add_argument(
        '--normalize',
        action='store_true',
        help='divide each map by its maximum')
    add_label_flags(
        parser, cli.threshold,
        'background threshold of masks from maps, and the fixed one of the '
        'evaluation (default: a number in pseudo_label.threshold of the '
        'config, else model.test_cfg.bg_threshold, or 0.3)')
    parser.add_argument(
        '--workers',
        type=cli.workers,
        default=2,
        help='processes, where there are refiners (default: 2)')
    parser.add_argument(
        '--evaluate',
        nargs='?',
        const='test',
        choices=['train', 'val', 'test'],
        help='score the seeds on the masks of this split (default: test)')
    parser.add_argument(
        '--supervision',
        default='not stated',
        help='what the method was trained from, for the table')
    parser.add_argument(
        '--accept-origin',
        action='store_true',
        help='score seeds that were made from other files than the images, '
        'such as before these were re-encoded')
    parser.add_argument('--json', help='file for the result of the evaluation')
    cli.add_options(parser)
    return cli.parse(parser)


def main() -> int:
    """Import the seeds."""
    args = parse_args()
    from hsc_mm.inference import load_config
    from hsc_mm.utils import write_json
    from hsc_mm.utils.outputs import claim_file
    from ..seeds import ImportOptions, evaluate_seeds, import_seeds
    cfg = load_config(args.config, args.cfg_options)
    found = import_seeds(
        cfg,
        args.source,
        args.out,
        options=ImportOptions(args.split, args.format, args.kind,
                              args.class_offset, args.map, args.normalize),
        threshold=args.threshold,
        workers=args.workers,
        progress=partial(cli.progress, what='seeds'),
        **label_changes(args, cfg))
    for lines in (found.missing, found.broken):
        cli.first(lines)
    if args.evaluate:
        result, text = evaluate_seeds(cfg, args.out, args.evaluate,
                                      found.kind, found.threshold,
                                      args.supervision,
                                      not args.accept_origin)
        print(text)
        if args.json:
            write_json(claim_file(args.json, [args.config], '--json'), result)
    done = found.written == found.total
    cli.finish(
        f'{args.out}: {found.written} of {found.total} seeds written '
        f'({found.form} -> {found.kind}), {len(found.missing)} missing, '
        f'{len(found.broken)} broken',
        *[cli.then_train(str(args.out), found.kind == 'soft')] * done)
    return 0 if done else 1
