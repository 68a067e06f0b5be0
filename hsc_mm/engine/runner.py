"""The runner of every config.

In one file, though long: all of it replaces parts of mmengine's runner.
"""
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import EarlyStoppingHook, Hook
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from torch import nn
from torch.utils.data import DataLoader

from hsc_mm.inference.config_values import check_values
from hsc_mm.registry import RUNNERS
from hsc_mm.utils import locks
from hsc_mm.utils.data_folders import (
    refuse_folder_of_config,
    refuse_folder_of_data,
)
from hsc_mm.utils.io import DISK_ERRORS
from hsc_mm.utils.limits import check_workers
from hsc_mm.utils.outputs import claim
from hsc_mm.utils.part_types import type_name
from hsc_mm.utils.pool import guard_workers

__all__ = ['CheckedRunner', 'build_runner', 'for_users', 'raise_full_disk']

# What mmengine registers by itself, and None removes.
_REMOVABLE = ('timer', 'sampler_seed', 'logger',
              'param_scheduler', 'checkpoint')
# What mmengine says, and no user can act on.
_NOISE = ('will be deprecated in future', 'Using env variable `',
          'Loads checkpoint by ', 'The prefix is not set in metric class')


def build_runner(cfg: Config) -> Runner:
    """Build the runner that a config names, or :class:`CheckedRunner`."""
    if 'runner_type' not in cfg:
        cfg.runner_type = 'hsc_mm.CheckedRunner'
    return RUNNERS.build(cfg)


def for_users(record: logging.LogRecord) -> bool:
    """Say whether a line of mmengine's log is of use to a user."""
    text = record.getMessage()
    return not any(noise in text for noise in _NOISE)


def raise_full_disk(logger: logging.Logger) -> None:
    """Let the files of a logger raise what a full disk raises, with a name.

    Python prints a traceback for each line that cannot be written, and goes
    on.
    """
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handleError = partial(_refuse, handler)


def _refuse(handler: logging.FileHandler, record: logging.LogRecord) -> None:
    error = sys.exc_info()[1]
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        raise OSError(error.errno, error.strerror, handler.baseFilename)
    logging.Handler.handleError(handler, record)


@RUNNERS.register_module()
class CheckedRunner(Runner):
    """mmengine's runner, which spares what is in its work folder.

    ``runner_type = 'hsc_mm.CheckedRunner'`` in a config lets mmseg's scripts
    and ``mim train`` take it too. It refuses the folder of the config, and a
    second training in a folder in which one runs; settings are written when
    the work begins, not before. A test needs no training data.

    Attributes:
        task (str): What was called last, 'train', 'val' or 'test'; '' before.

    Raises:
        ValueError: See
            :func:`hsc_mm.utils.data_folders.refuse_folder_of_config`,
            :func:`hsc_mm.utils.data_folders.refuse_folder_of_data` and
            :func:`hsc_mm.inference.config_values.check_values`; or a data
            loader asks for more processes than the machine can run.
    """

    task = ''

    def __init__(self, model: nn.Module | dict, work_dir: str,
                 **kwargs) -> None:
        cfg = kwargs.get('cfg')
        refuse_folder_of_config(work_dir, getattr(cfg, 'filename', None))
        if isinstance(cfg, Config):
            check_values(cfg, cfg.filename)
        for split, third in (('train', 'optim_wrapper'),
                             ('val', 'val_evaluator'),
                             ('test', 'test_evaluator')):
            names = (f'{split}_dataloader', f'{split}_cfg', third)
            gone = [name for name in names if kwargs.get(name) is None]
            if 0 < len(gone) < len(names):
                raise ValueError(
                    f'{", ".join(names)} of {getattr(cfg, "filename", None)}: '
                    'expected all of them, or None for each, found '
                    f'{" and ".join(gone)} None alone. Set the others to None '
                    'too, or give a value to all.')
            loader = kwargs.get(f'{split}_dataloader')
            if isinstance(loader, Mapping):
                check_workers(f'{split}_dataloader.num_workers',
                              loader.get('num_workers', 0))
                if isinstance(loader.get('dataset'), Mapping):
                    refuse_folder_of_data(work_dir, loader['dataset'])
        super().__init__(model, work_dir, **kwargs)

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Build the logger, without notices that only mmengine can act on.

        A full disk ends the run, see :func:`raise_full_disk`.
        """
        logger = super().build_logger(*args, **kwargs)
        raise_full_disk(logger)
        logger.addFilter(for_users)
        return logger

    def build_visualizer(self, visualizer: Visualizer | dict | None = None
                         ) -> Visualizer:
        """Build one of this run's own.

        mmengine hands out the visualizer of an earlier run in the process
        that has the same name, and configs give all runs one.
        """
        if isinstance(visualizer, Mapping):
            visualizer = dict(visualizer, name=(
                f'{visualizer.get("name", "visualizer")} {self.log_dir}'))
        return super().build_visualizer(visualizer)

    @staticmethod
    def build_dataloader(*args, **kwargs) -> DataLoader:
        """Build a loader whose workers cannot make it wait forever."""
        return guard_workers(Runner.build_dataloader(*args, **kwargs))

    def register_default_hooks(self, hooks: Mapping | None = None) -> None:
        """Register hooks; None removes one of mmengine's, none of ours.

        Raises:
            ValueError: A hook is None or no hook at all.
        """
        for name, hook in (hooks or {}).items():
            if not (isinstance(hook, Mapping | Hook) or (
                    hook is None and name in _REMOVABLE)):
                raise ValueError(
                    f'default_hooks.{name}: expected dict(type=...), found '
                    f'{hook!r}. None removes {", ".join(_REMOVABLE)} alone; '
                    'to do without another hook, leave it out in the config '
                    'file: default_hooks = dict(_delete_=True, ...) with '
                    'those that stay.')
        super().register_default_hooks(hooks)

    def dump_config(self) -> None:
        """Wait: the folder may be another run's."""

    def _write_config(self) -> None:
        """Write all settings, unless that replaces a file of the user's."""
        if not is_main_process():
            return
        try:
            name = os.path.basename(self.cfg.filename or '')
            claim(self.work_dir, name or f'{self.timestamp}.py')
        except FileExistsError:
            self.logger.warning(
                f'{self.work_dir}/{name}: this file was not written by '
                'hsc_mm and is left unchanged. The settings of this run are '
                f'in {self.log_dir}/vis_data/config.py.')
            return
        super().dump_config()

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """Build the optimizer.

        Raises:
            ValueError: It computes in half precision, and there is no GPU.
        """
        try:
            return super().build_optim_wrapper(optim_wrapper)
        except AssertionError as error:
            if 'only available' not in str(error):
                raise
            raise ValueError(
                f'optim_wrapper.type {type_name(optim_wrapper)}: expected a '
                'GPU, for it computes in half precision, found none. Train '
                'in float32: optim_wrapper.type=OptimWrapper, without '
                'loss_scale and dtype.') from error

    def train(self) -> nn.Module:
        """Train, alone in the work folder.

        Raises:
            FileExistsError: Another process trains into it.
        """
        self.task = 'train'
        if is_main_process():
            locks.hold(self.work_dir, '--work-dir')
            self._write_config()
        try:
            return super().train()
        finally:
            locks.release(self.work_dir)

    def val(self) -> dict:
        """Validate; a config of a resumed run says resume=True."""
        with self._without_training('val'):
            return super().val()

    def test(self) -> dict:
        """Test; see :meth:`val`."""
        with self._without_training('test'):
            return super().test()

    @contextmanager
    def _without_training(self, task: str) -> Iterator[None]:
        """Leave out what would resume, or build the training data.

        mmengine's hook that stops a training looks for its loop, and so
        builds it.
        """
        self.task, self._resume, hooks = task, False, self._hooks
        self._write_config()
        self._hooks = [one for one in hooks
                       if not isinstance(one, EarlyStoppingHook)]
        try:
            yield
        finally:
            self._hooks = hooks
