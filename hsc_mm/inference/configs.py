"""Readers of configs for the commands."""
import copy
import logging
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log

from hsc_mm.utils import check_number
from hsc_mm.utils.checkpoint_sources import check_named
from hsc_mm.utils.work_dirs import newest_whole
from .config_files import place_preprocessor, read_config
from .missing_maps import drop_losses_without_maps

__all__ = [
    'check_one_metric', 'config_folder', 'config_of', 'load_config',
    'resume_from_work_dir'
]


def config_folder() -> Path:
    """Return the folder of this project's configs: installed, or a checkout's.

    Raises:
        FileNotFoundError: There is neither.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / '.mim' / 'configs', package.parent / 'configs'):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f'{package}: expected the configs of hsc_mm in .mim/configs, found no '
        'such folder. Reinstall the package.')


def config_of(cfg: Config | str | Path) -> Config:
    """Return the config of a file, or a copy of a Config, as commands read it.

    See :func:`load_config`, as of ``work_dir`` and losses without maps.
    """
    if not isinstance(cfg, Config):
        return load_config(cfg)
    cfg = copy.deepcopy(cfg)
    place_preprocessor(cfg)
    _name_work_dir(cfg, cfg.filename or 'config.py')
    drop_losses_without_maps(cfg)
    return cfg


def _name_work_dir(cfg: Config, path: str | Path) -> None:
    if cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(path).stem)


def load_config(path: str | Path,
                options: dict | None = None,
                work_dir: str | None = None,
                flag: str = '--cfg-options') -> Config:
    """Read a config as mmseg's tools do.

    Args:
        path (str | Path): Config file.
        options (dict, optional): Values of ``flag``.
        work_dir (str, optional): Where a run writes; by default what the
            config says, else ``work_dirs/<name of the config>``.
        flag (str): Where the options come from, for messages.

    Returns:
        Config: With ``work_dir`` set; losses that need maps which the data
        set does not declare are switched off.

    Raises:
        FileNotFoundError: There is no such file, or a base is missing.
        ValueError: It is no config, or an option is wrong (see
            :func:`hsc_mm.inference.config_files.read_config`); or the
            training has no iterations.
    """
    cfg = read_config(path, options, flag)
    for key in ('max_iters', 'max_epochs', 'val_interval'):
        number = (cfg.get('train_cfg') or {}).get(key)
        if number is not None:
            check_number(f'train_cfg.{key}', number, above=0, whole=True)
    if work_dir is not None:
        cfg.work_dir = str(work_dir)
    _name_work_dir(cfg, path)
    check_named(cfg.get('model'))
    drop_losses_without_maps(cfg)
    return cfg


def check_one_metric(cfg: Config, who: str) -> None:
    """Refuse several metrics where one is changed.

    Args:
        cfg (Config): Whose ``test_evaluator`` it is.
        who (str): What changes it, for the message.

    Raises:
        ValueError: The evaluator is a list.
    """
    found = cfg.get('test_evaluator')
    if isinstance(found, list | tuple):
        raise ValueError(
            f'test_evaluator of {cfg.filename}: expected dict(type=...), one '
            f'metric, for {who}, found a list of {len(found)}. Leave one, '
            'and run the others by "test" without such options.')


def resume_from_work_dir(cfg: Config, named: bool = False) -> None:
    """Let a run resume from the newest complete checkpoint in its work dir.

    mmengine resumes from ``load_from`` where there is one. In a config that
    is the checkpoint of another training, which this one began with: it is
    for the beginning alone. Damaged checkpoints are passed over; without a
    whole one the run starts from the beginning.

    Args:
        cfg (Config): With ``work_dir``; changed in place.
        named (bool): Whether ``load_from`` was named for this very run, by
            ``--cfg-options``: then it is what to resume from.
    """
    cfg.resume = True
    if named and cfg.get('load_from') is not None:
        return
    hook = (cfg.get('default_hooks') or {}).get('checkpoint')
    found = newest_whole(
        cfg.work_dir, hook,
        lambda text: print_log(text, 'current', logging.WARNING))
    if found is not None:
        print_log('Resumed from the latest complete checkpoint, '
                  f'{found}.', 'current')
        cfg.load_from = str(found)
        return
    cfg.resume = False
    print_log(f'{cfg.work_dir}: no complete checkpoint to resume from: the '
              'run starts from the beginning.', 'current', logging.WARNING)
