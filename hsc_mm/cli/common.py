"""Arguments and error lines that every tool has."""
import argparse
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator

from mmengine.config import DictAction
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from hsc_mm.utils.checkpoints import TRUST

__all__ = [
    'add_checkpoint', 'add_config', 'add_options', 'add_trust', 'parse',
    'progress', 'run', 'threshold', 'warn'
]


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
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how several processes are started (default: none)')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add values that override those of a config."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='values that override the config, as key=value; lists as '
        'key="[a,b]" or key=a,b, nested ones with quotes and no white space')


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add the switch that lets code in checkpoints run."""
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='run the code that a checkpoint may hold; without it only '
        'weights and plain values are loaded')


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Add the checkpoint."""
    parser.add_argument('checkpoint', help='checkpoint file')


def threshold(text: str) -> float:
    """Read a background threshold; argparse says what is wrong with it."""
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(
            f'expected a number between 0 and 1, found {text}')
    return value


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse, and refuse files that are not there before anything starts."""
    args = parser.parse_args()
    if getattr(args, 'trust_checkpoint', False):
        os.environ[TRUST] = '1'  # for workers and child processes too
    for name in ('config', 'checkpoint', 'cam_config', 'seg_config'):
        path = getattr(args, name, None)
        if path is not None and not os.path.isfile(path):
            parser.error(f'{name} {path}: there is no such file')
    os.environ.setdefault('LOCAL_RANK', str(getattr(args, 'local_rank', 0)))
    return args


def run(main: Callable[[], int | None]) -> int:
    """Run a tool; bad input ends in one line instead of a traceback.

    Args:
        main (callable): The tool.

    Returns:
        int: Exit status: what ``main`` returns, or 1 after an error that
        bad input explains. ``HSC_MM_TRACEBACK=1`` shows where it arose.
    """
    try:
        return main() or 0
    except (OSError, ValueError) as error:
        if os.environ.get('HSC_MM_TRACEBACK'):
            traceback.print_exc()
        print(f'error: {error}', file=sys.stderr)
        return 1


def warn(lines: Iterable[str]) -> None:
    """Print warnings, as the last lines of a tool."""
    for line in lines:
        print(f'WARNING: {line}', file=sys.stderr)


class _Rate(ProgressColumn):
    """Images per second."""

    def render(self, task: Task) -> Text:
        """Show the rate, once there is one."""
        return Text(f'{task.speed:.1f} images/s' if task.speed else '')


def progress(items: Iterable, total: int, what: str) -> Iterator:
    """Pass items on, with a bar that shows rate and time left.

    Args:
        items (iterable): What is passed on.
        total (int): How many there will be.
        what (str): Title of the bar.

    Yields:
        The items.
    """
    with Progress(
            TextColumn(what), BarColumn(), MofNCompleteColumn(), _Rate(),
            TimeRemainingColumn()) as bar:
        yield from bar.track(items, total=total)
