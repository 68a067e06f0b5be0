"""Reading configs for the tools."""
import copy
from pathlib import Path

from mmengine.config import Config

__all__ = ['load_config', 'use_tta']


def load_config(path: str | Path,
                options: dict | None = None,
                work_dir: str | None = None) -> Config:
    """Read a config as mmseg's tools do.

    Args:
        path (str | Path): Config file.
        options (dict, optional): Values of ``--cfg-options``.
        work_dir (str, optional): Where a run writes; by default what the
            config says, else ``work_dirs/<name of the config>``.

    Returns:
        Config: With ``work_dir`` set.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'config {path}: there is no such file.')
    cfg = Config.fromfile(path)
    if options:
        cfg.merge_from_dict(options)
    if work_dir is not None:
        cfg.work_dir = str(work_dir)
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(path).stem)
    return cfg


def use_tta(cfg: Config) -> Config:
    """Switch the test of a config to its several scales and flip.

    Args:
        cfg (Config): Stays as it is.

    Returns:
        Config: The switched copy.

    Raises:
        ValueError: The config has no ``tta_pipeline`` or ``tta_model``.
    """
    for key in ('tta_pipeline', 'tta_model'):
        if cfg.get(key) is None:
            raise ValueError(f'--tta: expected {key} in the config '
                             f'{cfg.filename}, found none.')
    cfg = copy.deepcopy(cfg)
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.tta_model.module = cfg.model
    cfg.model = cfg.tta_model
    return cfg
