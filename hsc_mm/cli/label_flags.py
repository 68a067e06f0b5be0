"""Flags of windows, and those that are short for refiners and a rule."""
import argparse
import copy
from collections.abc import Callable

from mmengine.config import Config

from .common import positive, threshold

__all__ = ['add_label_flags', 'add_tiles', 'label_changes', 'tiles']


def add_label_flags(parser: argparse.ArgumentParser,
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
        help='apply a dense CRF with this preset as the last refiner '
             '(default: pseudo_label)')
    rule.add_argument(
        '--two-alpha',
        nargs=2,
        type=float,
        metavar=('LOW', 'HIGH'),
        help='apply a CRF with two alphas, such as 4 24; 255 where they '
             'disagree')
    parser.add_argument(
        '--refiners',
        nargs='+',
        metavar='NAME',
        help='registered refiners, such as PAR CRFRefiner, instead of those '
             'of the config; "none" for none')
    parser.add_argument(
        '--alpha',
        type=float,
        help='background of the CRF: (1 - highest CAM) ** alpha (default: 7)')
    parser.add_argument(
        '--crf-backend', help='backend of the CRF (default: that of the '
                              'config, else auto)')


def label_changes(args: argparse.Namespace, cfg: Config) -> dict:
    """Turn the flags of :func:`add_label_flags` into refiners and a rule.

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
        low, high = args.band
        rule = dict(type='hsc_mm.BandRule', low=low, high=high)
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
    device = getattr(args, 'device', None)  # import_seeds has none
    changes = dict(backend=args.crf_backend, device=device)
    changes = {k: v for k, v in changes.items() if v is not None}
    placed = [one for one in (*used, *inner.get('refiners', []))
              if device and _takes_device(one)]
    for one in placed:
        one.setdefault('device', device)
    for one in crfs + inner_crfs:
        numbers = one.get('crf', 'pseudo_label')
        one['crf'] = dict(preset=numbers) if isinstance(
            numbers, str) else dict(numbers)
        one['crf'].update(changes)
    return dict(
        refiners=used if crfs or placed or refiners is not None else None,
        rule=inner if inner_crfs or placed or rule else None)


def _crf(preset: str, **arguments) -> dict:
    return dict(type='hsc_mm.CRFRefiner', crf=dict(preset=preset), **arguments)


def _takes_device(refiner: dict) -> bool:
    from hsc_mm.registry import REFINERS
    from hsc_mm.utils.part_types import class_of, parameter_of
    kind = class_of(REFINERS, refiner)
    return kind is not None and parameter_of(kind, 'device') is not None


def _is_crf(refiner: dict) -> bool:
    from hsc_mm.utils.part_types import type_name
    return type_name(refiner) == 'CRFRefiner'


def add_tiles(parser: argparse.ArgumentParser) -> None:
    """Add ``--tile`` and ``--overlap``; see :func:`tiles`."""
    parser.add_argument(
        '--tile',
        type=positive,
        help='pixels of a side of the windows in which larger pictures are '
        'computed (default: 1024, above the limit of megapixels alone)')
    parser.add_argument(
        '--overlap',
        type=int,
        help='pixels that neighbouring windows share (default: a quarter)')


def tiles(args: argparse.Namespace):
    """Return the :class:`hsc_mm.tiles.Tiles` that are named, or None.

    Raises:
        ValueError: ``--overlap`` is given alone, or they do not go together.
    """
    from hsc_mm.tiles import Tiles
    if args.tile is None and args.overlap is None:
        return None
    if args.tile is None:
        raise ValueError('--overlap: expected --tile N beside it, the side '
                         'of the windows, found none. With it pictures of '
                         'longer sides are computed in windows too.')
    overlap = args.tile // 4 if args.overlap is None else args.overlap
    return Tiles(args.tile, overlap).check()
