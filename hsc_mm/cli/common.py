"""Arguments of the commands, and the frame in which each of them runs.

In one file, though long: arguments that several commands share are read alike.
"""
import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import hsc_mm
from .console import (
    finish,
    first,
    note,
    plain,
    progress,
    then_train,
    warn,
)
from .launchers import launch_problem
from .options import DictAction, PartAction
from .signals import output_is_closed, stoppable

__all__ = [
    'DictAction', 'PartAction', 'add_checkpoint', 'add_config', 'add_options',
    'add_selection', 'add_split', 'add_trust', 'file_path', 'finish', 'first',
    'note', 'parse', 'plain', 'positive', 'progress', 'random_seed', 'run',
    'then_train', 'threshold', 'threshold_or_rule', 'warn', 'workers'
]

# Arguments that name no path.
_VALUES = ('threshold', 'device', 'column', 'labels', 'classes', 'splits',
           'none', 'refiners', 'force', 'crf', 'crf_backend', 'map',
           'provider', 'supervision')


def add_config(parser: argparse.ArgumentParser,
               launcher: bool = True) -> None:
    """Add the arguments of mmseg's tools: config, work dir, launcher."""
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    add_options(parser)
    add_trust(parser)
    if not launcher:
        return
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none', help='launcher of several processes (default: none)')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help='set by the launcher')


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add values that override those of a config."""
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction,
        help='values that override the config, as key=value; lists as '
        'key="[a,b]" or key=a,b, nested ones with quotes and no white space')


def add_split(parser: argparse.ArgumentParser, default: str = 'train',
              what: str = 'the images') -> None:
    """Add the dataloader of the config that names the images."""
    parser.add_argument(
        '--split',
        choices=['train', 'val', 'test'],
        default=default,
        help=f'whose dataloader names {what} (default: {default})')


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add the switch that lets code in checkpoints run."""
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='allow code in a checkpoint to run; without this flag only '
             'weights and plain values are loaded')


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Add the checkpoint."""
    parser.add_argument('checkpoint', help='checkpoint file')


def threshold(text: str) -> float:
    """Read a background threshold; argparse says what is wrong with it."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(
            f'expected a number from 0, below 1, found {text}')
    return value


def threshold_or_rule(text: str) -> float | str:
    """Read a background threshold, or how it is chosen: a word."""
    try:
        return threshold(text)
    except ValueError:
        return text


def add_selection(parser: argparse.ArgumentParser,
                  of: str = 'seeds',
                  then: str = ' and score the other images; the list is in '
                  'the work dir') -> None:
    """Add the masks that a threshold is selected on."""
    few = parser.add_mutually_exclusive_group()
    few.add_argument(
        '--select',
        type=positive,
        metavar='N',
        help=f'select the background threshold of {of} on N masks of each '
             f'class (always the same ones, at most half of a class){then}')
    few.add_argument(
        '--select-list',
        metavar='FILE',
        help='the same on the images of a file, one id on a line')


def file_path(text: str) -> Path:
    """Read a path; an empty one would be the current folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError(
            'expected a path, found none. Is a variable of the shell unset?')
    return Path(text)


def positive(text: str) -> int:
    """Read a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f'expected a whole number of at least 1, found {text}')
    return int(text)


def random_seed(text: str) -> int:
    """Read a random seed; argparse says what is wrong with it."""
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(
            f'expected a whole number from 0 to {2**32 - 1}, found {text}')
    return int(text)


def workers(text: str) -> int:
    """Read a number of processes; argparse says what is wrong with it."""
    from hsc_mm.utils.limits import check_workers
    try:
        return check_workers('processes', int(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _near(path: str) -> str:
    """Name the file in the same folder whose name is nearest."""
    from hsc_mm.utils.numbers import nearest
    folder, suffix = os.path.dirname(path), os.path.splitext(path)[1]
    there = os.listdir(folder or '.') if os.path.isdir(folder or '.') else ()
    return nearest(path, [os.path.join(folder, name) for name in there
                          if name.endswith(suffix)])


def _folder(name: str, path: str) -> str:
    """Say that a folder is no config or checkpoint, and what is in it."""
    if name == 'checkpoint':
        from hsc_mm.utils.checkpoints import not_a_folder
        return not_a_folder(path)
    return (f'{name} {path}: expected a config file (.py), found a folder. '
            'Name a file in it.')


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse; refuse missing files and lone options before anything starts."""
    args = parser.parse_args()
    problem = launch_problem(getattr(args, 'launcher', 'none'))
    if problem:
        parser.error(problem)
    hsc_mm.register()  # after --help, which needs none of it
    from mmengine.logging import MMLogger

    from hsc_mm.engine.runner import for_users
    from hsc_mm.utils.checkpoints import TRUST
    from hsc_mm.utils.limits import most_pixels
    MMLogger.get_current_instance().addFilter(for_users)
    most_pixels()  # its variable may hold no number
    if getattr(args, 'trust_checkpoint', False):
        os.environ[TRUST] = '1'  # for workers and child processes too
    for name in ('config', 'checkpoint', 'cam_config', 'seg_config'):
        path = getattr(args, name, None)
        if path is not None and os.path.isdir(path) and path.strip():
            parser.exit(2, f'error: {_folder(name, path)}\n')
        if path is not None and not os.path.isfile(path):
            parser.exit(2, f'error: {name} {path}: there is no such file.'
                           f'{_near(path)}\n')  # the usage explains nothing
    for name, value in vars(args).items():  # of a shell's unset variable
        values = value if isinstance(value, list) else [value]
        if any(isinstance(one, str) and not one.strip() for one in values):
            option = f'--{name.replace("_", "-")}'
            said = option if option in parser.format_usage() else name
            kind = 'value' if name in _VALUES else 'path'
            parser.error(f'{said}: expected a {kind}, found none. Is a '
                         'variable of the shell unset?')
    if getattr(args, 'seg_options', None) and not args.seg_config:
        parser.error('--seg-options: expected a config of the segmentation '
                     'stage beside it, found none')
    os.environ.setdefault('LOCAL_RANK', str(getattr(args, 'local_rank', 0)))
    return args


def run(main: Callable[[], int | None]) -> int:
    """Run a command; what goes wrong ends in a sentence.

    Args:
        main (callable): The command.

    Returns:
        int: Exit status: what ``main`` returns, or that of
        :func:`hsc_mm.cli.errors.report`. 141, as of SIGPIPE, if the reader
        of stdout went away (``| head``): the command ends quietly.
    """
    if hasattr(sys.stdout, 'reconfigure'):  # names of any encoding
        sys.stdout.reconfigure(errors='backslashreplace')
    # A disk that is full is said once, not for each line of the log.
    logging.raiseExceptions = False
    try:
        with stoppable():
            return main() or 0
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, BrokenPipeError) and output_is_closed():
            return 128 + signal.SIGPIPE
        from .errors import report
        # What was half built when it broke can not end in peace, either.
        sys.unraisablehook = lambda trouble: None
        return report(error)
    finally:
        output_is_closed()
        if 'hsc_mm.utils.locks' in sys.modules:
            sys.modules['hsc_mm.utils.locks'].release()
