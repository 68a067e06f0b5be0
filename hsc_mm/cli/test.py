"""Evaluate either stage. The command line is that of mmseg's ``test.py``."""
from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from . import common as cli

if TYPE_CHECKING:
    from mmengine.config import Config

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Evaluate a checkpoint of either stage.')
    cli.add_config(parser)
    cli.add_checkpoint(parser)
    parser.add_argument('--out', help='folder for the predicted masks')
    parser.add_argument(
        '--show', action='store_true', help='show the predictions')
    parser.add_argument('--show-dir', help='folder for images with the masks '
                                           'drawn on them')
    parser.add_argument(
        '--wait-time',
        type=_seconds,
        default=2,
        help='seconds that each picture is shown (default: 2)')
    parser.add_argument(
        '--tta', action='store_true', help='several scales and flip')
    parser.add_argument(
        '--crf',
        nargs='?',
        const='segmentation',
        choices=['pseudo_label', 'segmentation'],
        help='refine the predictions of a segmentor with a dense CRF of this '
             'preset (default: segmentation)')
    parser.add_argument(
        '--crf-backend',
        metavar='NAME',
        help='backend of --crf: auto, exact, pydensecrf, reduced, or one that '
        'the config imports (default: auto)')
    parser.add_argument(
        '--threshold',
        type=cli.threshold_or_rule,
        help='of seeds: a background threshold that was fixed before, or the '
        'rule of the label-free one: "auto" or a name (default: '
        'model.test_cfg.bg_threshold, and "auto")')
    cli.add_selection(parser)
    args = cli.parse(parser)
    if args.crf_backend and not args.crf:
        parser.error('--crf-backend: expected --crf beside it')
    return args


def main() -> None:
    """Evaluate."""
    args = parse_args()
    from mmengine.dist import is_main_process

    from hsc_mm.engine.cpu_ranks import leave_ranks, prepare_cpu_ranks
    from hsc_mm.engine.runner import build_runner
    from hsc_mm.inference import load_config, use_crf, use_tta, without_truth
    from hsc_mm.inference.config_options import option_words
    from hsc_mm.inference.configs import check_one_metric
    from hsc_mm.utils.data_folders import (
        refuse_data_of,
        refuse_folder_of_config,
    )
    from hsc_mm.utils.locks import hold
    from hsc_mm.utils.outputs import claim_folder
    cfg = load_config(args.config, args.cfg_options, args.work_dir)
    refuse_folder_of_config(cfg.work_dir, args.config)
    if args.threshold is not None or (
            args.out or args.select or args.select_list):
        check_one_metric(cfg, '--out, --threshold and --select')
    _choose_threshold(cfg, args)
    cfg.launcher = args.launcher
    prepare_cpu_ranks(cfg)
    cfg.load_from = args.checkpoint
    if args.show or args.show_dir:
        _draw(cfg, args)
    if args.show_dir:
        claim_folder(args.show_dir, '--show-dir')
    if args.tta:
        cfg = use_tta(cfg)
    if args.crf:
        cfg = use_crf(cfg, preset=args.crf, backend=args.crf_backend)
    if args.out:
        refuse_data_of(cfg, args.out, '--out')
        if not cfg.get('test_evaluator'):
            raise ValueError(
                f'--out: expected a test_evaluator in {cfg.filename}, which '
                'writes the masks, found none. Name a config with a test.')
        cfg.test_evaluator.update(output_dir=args.out, keep_results=True)
        if cfg.test_evaluator.get('format_only'):
            cfg = without_truth(cfg)
    runner = build_runner(cfg)
    for flag in ('--out', '--show-dir'):
        folder = getattr(args, flag[2:].replace('-', '_'))
        if folder and is_main_process():  # the other ranks write there too
            hold(folder, flag)
    # --show stores nothing.
    before = {} if args.show else _drawn(args.show_dir)
    runner.test()
    if is_main_process():
        now = _drawn(args.show_dir) if before else {}
        for path, time in before.items():  # of pictures left out since then
            if now.get(path) == time:
                path.unlink()
        cli.finish(
            ', '.join([*filter(None, (args.out, args.show_dir)),
                       f'{runner.log_dir} (scores and log)']),
            shlex.join(['python', '-m', 'hsc_mm', 'predict', 'IMAGE',
                        '--config', args.config, '--checkpoint',
                        args.checkpoint,
                        *option_words('--cfg-options', args.cfg_options)]))
    leave_ranks()


def _draw(cfg: Config, args: argparse.Namespace) -> None:
    """Change a config so that predictions are shown, or drawn."""
    cfg.default_hooks = cfg.get('default_hooks') or {}
    hook = dict(cfg.default_hooks.get('visualization') or {})
    if hook.get('type') in (None, 'SegVisualizationHook',
                            'mmseg.SegVisualizationHook'):
        hook['type'] = 'hsc_mm.PredictionVisualizationHook'
    cfg.default_hooks.visualization = dict(
        hook, draw=True, show=args.show, wait_time=args.wait_time)
    own = cfg.get('visualizer') or dict(
        name='visualizer', vis_backends=[dict(type='LocalVisBackend')])
    if own.get('type') in (None, 'Visualizer', 'mmengine.Visualizer'):
        own['type'] = 'mmseg.SegLocalVisualizer'  # mmengine's draws nothing
    cfg.visualizer = own
    if args.show_dir:
        cfg.visualizer.save_dir = args.show_dir


def _drawn(folder: str | None) -> dict[Path, int]:
    """Return the pictures of a test in a folder, and when they were made."""
    found = Path(folder, 'vis_data', 'vis_image').glob('test_*.png') \
        if folder else ()
    return {path: path.stat().st_mtime_ns for path in found}


def _seconds(text: str) -> float:
    """Read a number of seconds; argparse says what is wrong with it."""
    value = float(text)
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError(
            f'expected a number of seconds from 0, found {text}')
    return value


def _choose_threshold(cfg: Config, args: argparse.Namespace) -> None:
    """Change a config as --threshold and --select say.

    Raises:
        ValueError: There are no seeds, or these masks would not be those of
            the rule.
    """
    from hsc_mm.evaluation.held_out import scores_seeds, use_selection
    if args.select or args.select_list:
        use_selection(
            cfg, args.select or args.select_list,
            Path(cfg.work_dir) / 'selection.txt')
    if args.threshold is None:
        return
    if not scores_seeds(cfg):
        raise ValueError(
            f'--threshold: expected a config whose test_evaluator is '
            f'hsc_mm.SeedMetric, found {cfg.filename}. A segmentor has no '
            'background threshold; leave it out.')
    if isinstance(args.threshold, str):
        if args.out:
            raise ValueError(
                '--out: expected --threshold NUMBER beside it, found '
                f'"{args.threshold}", which is known when all CAMs are. '
                'make_pseudo_labels --threshold takes a rule.')
        cfg.test_evaluator.threshold_rule = args.threshold
    else:
        cfg.model.test_cfg.bg_threshold = args.threshold
