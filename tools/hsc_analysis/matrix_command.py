"""Run configs x random seeds through the pipeline; compare their means.

Each cell, a config with a random seed, has its own folder. Finished cells
are skipped, so an interrupted matrix resumes.
"""
import argparse
import shlex
import sys
from functools import partial
from pathlib import Path

from hsc_mm.cli import common as cli

__all__ = ['main', 'parse_args']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('configs', nargs='+', help='configs of the CAM stage')
    parser.add_argument(
        '--seg-config',
        help='config of the segmentation stage (default: only the seeds are '
        'scored)')
    parser.add_argument('--work-dir', required=True, help='output folder')
    parser.add_argument(
        '--seeds', nargs='+', type=cli.random_seed, default=[0, 1, 2],
        help='random seeds (default: 0 1 2)')
    parser.add_argument(
        '--jobs', type=cli.positive, default=1,
        help='cells that run at the same time (default: 1)')
    parser.add_argument(
        '--paired-to',
        metavar='STEM',
        help='name of the config, without .py, that the others are compared '
        'with: differences over equal random seeds and their 95 %% intervals '
        '(default: that of the table in the work dir)')
    parser.add_argument(
        '--threshold',
        type=cli.threshold_or_rule,
        help='background threshold of the pseudo labels, as in pipeline')
    cli.add_selection(parser, 'seeds and of pseudo labels')
    for stage in ('cam', 'seg'):
        parser.add_argument(
            f'--{stage}-options',
            nargs='+',
            default=[],
            metavar='KEY=VALUE',
            help=f'values that override the {stage} configs')
    args = cli.parse(parser)
    for path in filter(None, [*args.configs, args.seg_config]):
        if not Path(path).is_file():
            parser.error(f'config {path}: there is no such file')
    for option in (*args.cam_options, *args.seg_options):
        if option.partition('=')[0] in ('randomness', 'randomness.seed'):
            parser.error(f'option {option}: expected the random seeds of the '
                         'cells as --seeds, which it would replace')
    stems = [Path(path).stem for path in args.configs]
    if len(set(stems)) < len(stems):
        parser.error('configs: expected different names, found one twice')
    twice = [seed for seed in set(args.seeds) if args.seeds.count(seed) > 1]
    if twice:
        parser.error(f'--seeds: expected different numbers, found {twice[0]} '
                     'twice: a mean would count it twice')
    if args.paired_to not in (None, *stems):
        parser.error(f'--paired-to {args.paired_to}: expected one of '
                     f'{stems}')
    return args


def main() -> int:
    """Run the matrix and print its table."""
    args = parse_args()
    from hsc_mm.utils.locks import hold
    from .matrix import run_matrix
    from .matrix_tables import markdown
    _refuse_useless(args)
    hold(args.work_dir, '--work-dir')
    chosen = {
        '--threshold': args.threshold, '--select': args.select,
        '--select-list': args.select_list
    }
    pipeline = [word for flag, value in chosen.items() if value is not None
                for word in (flag, str(value))]
    found, failures = run_matrix(
        args.configs,
        args.seeds,
        args.work_dir,
        args.seg_config,
        options=dict(cam=args.cam_options, seg=args.seg_options,
                     pipeline=pipeline),
        jobs=args.jobs,
        say=partial(print, flush=True),
        paired_to=args.paired_to)
    print(markdown(found))
    table = shlex.quote(str(Path(args.work_dir) / 'matrix.json'))
    drawn = any('seeds, best' in row['columns'] for row in found['rows'])
    cli.finish(
        f'{args.work_dir}: matrix.md, matrix.json, and a folder of each cell',
        *[f'python -m hsc_mm figures --matrix {table} --out FOLDER'] * drawn)
    for failure in failures:
        print(f'error: {failure}', file=sys.stderr)
    return int(bool(failures))


def _refuse_useless(args: argparse.Namespace) -> None:
    """Refuse arguments with which the pipeline of no config can start.

    A config that cannot start beside one that can ends its own cells only.
    """
    from hsc_mm.inference import load_config
    from hsc_mm.pipeline import build_pipeline
    from hsc_mm.utils.data_folders import refuse_data_of
    from .matrix_hashes import option_values
    seg = load_config(
        args.seg_config, option_values(args.seg_options),
        flag='--seg-options') if args.seg_config else None
    configs = [load_config(path, option_values(args.cam_options),
                           flag='--cam-options') for path in args.configs]
    for cfg in configs:
        refuse_data_of(cfg, args.work_dir)
    problems = []
    for path, cfg in zip(args.configs, configs, strict=True):
        try:
            build_pipeline(
                cfg, seg, Path(args.work_dir, Path(path).stem, 'seed'),
                args.threshold, select=args.select or args.select_list)
            return
        except (ValueError, OSError) as problem:
            problems.append(problem)
        except Exception:  # not foreseen: the cells report it
            return
    raise problems[0]
