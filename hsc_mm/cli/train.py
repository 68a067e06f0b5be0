"""Train either stage. The command line is that of mmseg's ``train.py``."""
import argparse
import shlex
from pathlib import Path

from . import common as cli

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description='Train either stage.')
    cli.add_config(parser)
    parser.add_argument(
        '--resume',
        action='store_true',
        help='resume from the latest checkpoint in the work dir, if there '
        'is one')
    parser.add_argument(
        '--amp',
        action='store_true',
        help='train in automatic mixed precision')
    return cli.parse(parser)


def main() -> None:
    """Train."""
    args = parse_args()
    from mmengine.device import is_cuda_available
    from mmengine.dist import is_main_process

    from hsc_mm.datasets.build import is_ours
    from hsc_mm.engine.cpu_ranks import leave_ranks, prepare_cpu_ranks
    from hsc_mm.engine.fitting import bare_model
    from hsc_mm.engine.runner import build_runner
    from hsc_mm.inference import load_config
    from hsc_mm.inference.config_options import option_words
    from hsc_mm.inference.configs import resume_from_work_dir
    from hsc_mm.utils.data_folders import refuse_folder_of_config
    from hsc_mm.utils.work_dirs import newest_whole
    cfg = load_config(args.config, args.cfg_options, args.work_dir)
    refuse_folder_of_config(cfg.work_dir, args.config)
    cfg.launcher = args.launcher
    prepare_cpu_ranks(cfg)
    cfg.resume = False
    if args.resume:
        resume_from_work_dir(cfg, 'load_from' in (args.cfg_options or {}))
    if args.amp:
        if not is_cuda_available():
            raise ValueError('--amp: expected a GPU, found none. Train '
                             'without it, in float32.')
        cfg.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')
    runner = build_runner(cfg)
    model = bare_model(runner.train())
    if is_main_process():
        hook = (cfg.get('default_hooks') or {}).get('checkpoint')
        last = newest_whole(runner.work_dir, hook)
        then = ['test', args.config, str(last)]
        if getattr(model, 'makes_cams', False) and is_ours(
                cfg.train_dataloader.dataset):  # not where one wraps others
            then = ['make_pseudo_labels', *then[1:], '--out', str(
                Path(runner.work_dir).with_name('pseudo_labels'))]
        then += option_words('--cfg-options', args.cfg_options)
        if last is None:
            cli.warn([f'{runner.work_dir}: found no checkpoint of this '
                      'training. default_hooks.checkpoint says where and when '
                      'one is saved.'])
        cli.finish(str(last or runner.work_dir), *[
            f'python -m hsc_mm {shlex.join(then)}'] * (last is not None))
    leave_ranks()
