"""Arguments and error lines that every tool has."""
import argparse
import copy
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator

from mmengine.config import Config, DictAction
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

__all__ = [
    'add_checkpoint', 'add_config', 'add_label_rules', 'label_changes',
    'parse', 'progress', 'run', 'threshold'
]


def add_config(parser: argparse.ArgumentParser,
               launcher: bool = True) -> None:
    """Add the arguments of mmseg's tools: config, work dir, launcher."""
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='values that override the config, as key=value; lists as '
        'key="[a,b]" or key=a,b, nested ones with quotes and no white space')
    if not launcher:
        return
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how several processes are started (default: none)')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


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


def add_label_rules(parser: argparse.ArgumentParser,
                    threshold_type: Callable, threshold_help: str) -> None:
    """Add what becomes of soft CAMs: see :func:`label_changes`."""
    rule = parser.add_mutually_exclusive_group()
    rule.add_argument('--threshold', type=threshold_type, help=threshold_help)
    rule.add_argument(
        '--band',
        nargs=2,
        type=threshold,
        metavar=('LOW', 'HIGH'),
        help='background below LOW, foreground above HIGH, 255 between')
    rule.add_argument(
        '--crf',
        nargs='?',
        const='pseudo_label',
        metavar='PRESET',
        help='dense CRF as the last refiner (default: pseudo_label)')
    rule.add_argument(
        '--two-alpha',
        nargs=2,
        type=float,
        metavar=('LOW', 'HIGH'),
        help='CRF with two alphas, 255 where they disagree: 4 24')
    parser.add_argument(
        '--refiners',
        nargs='+',
        metavar='NAME',
        help='registered refiners instead of those of the config, such as '
        'PAR CRFRefiner; "none" for none')
    parser.add_argument(
        '--alpha',
        type=float,
        help='background of the CRF: (1 - highest CAM) ** alpha (default: 7)')
    parser.add_argument(
        '--crf-backend', help='of the CRF (default: that of the config, auto)')


def label_changes(args: argparse.Namespace, cfg: Config) -> dict:
    """Turn the flags of :func:`add_label_rules` into refiners and a rule.

    Args:
        args (argparse.Namespace): Of a command line with these flags;
            ``device`` is that of a CRF, too.
        cfg (Config): Its ``pseudo_label`` is what flags change.

    Returns:
        dict: ``refiners`` and ``rule`` as in ``pseudo_label``; None where
        the config counts.

    Raises:
        ValueError: Flags contradict each other.
    """
    found = cfg.get('pseudo_label') or {}
    refiners, rule = None, None
    if args.refiners:
        refiners = [] if args.refiners == ['none'] else [
            dict(type=name if '.' in name else f'hsc_mm.{name}')
            for name in args.refiners
        ]
    if args.crf:
        refiners = [*(refiners or []), _crf(args.crf)]
        rule = dict(type='hsc_mm.ThresholdRule')
    elif args.two_alpha:
        refiners = refiners or []
        low, high = args.two_alpha
        if not 0 < low <= high:
            raise ValueError('--two-alpha: expected positive numbers, the '
                             f'lower one first, found {low:g} {high:g}.')
        rule = dict(
            type='hsc_mm.AgreementRule',
            refiners=[_crf('pseudo_label', alpha=a) for a in (low, high)])
    elif args.band:
        rule = dict(
            type='hsc_mm.BandRule', low=args.band[0], high=args.band[1])
    used = copy.deepcopy(
        list(found.get('refiners') or []) if refiners is None else refiners)
    inner = copy.deepcopy(rule or found.get('rule') or {})
    crfs = [one for one in used if _is_crf(one)]
    inner_crfs = [one for one in inner.get('refiners', []) if _is_crf(one)]
    if args.alpha is not None and not crfs:
        raise ValueError('--alpha: expected a CRF as a refiner, found none; '
                         'add --crf.')
    if args.crf_backend is not None and not crfs + inner_crfs:
        raise ValueError('--crf-backend: expected a CRF, found none; add '
                         '--crf or --two-alpha.')
    for one in crfs if args.alpha is not None else ():
        one['alpha'] = args.alpha
    for one in crfs + inner_crfs:
        numbers = one.get('crf', 'pseudo_label')
        one['crf'] = dict(preset=numbers) if isinstance(
            numbers, str) else dict(numbers)
        for key in ('backend', 'device'):
            value = getattr(args, key if key == 'device' else 'crf_backend')
            if value is not None:
                one['crf'][key] = value
    return dict(refiners=used if used or refiners == [] else None,
                rule=inner or None)


def _crf(preset: str, **arguments) -> dict:
    return dict(type='hsc_mm.CRFRefiner', crf=dict(preset=preset), **arguments)


def _is_crf(refiner: dict) -> bool:
    return str(refiner.get('type')).rpartition('.')[2] == 'CRFRefiner'


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse, and refuse files that are not there before anything starts."""
    args = parser.parse_args()
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
