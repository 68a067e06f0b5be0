"""Flags of windows in which large pictures are computed."""
import argparse

from .common import positive

__all__ = ['add_tiles', 'tiles']


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
    """Return the :class:`hsc_mm.tiles.Tiles` that are named, or None."""
    from hsc_mm.tiles import Tiles
    if args.tile is None and args.overlap is None:
        return None
    size = args.tile or Tiles().size
    return Tiles(size, size // 4 if args.overlap is None else args.overlap
                 ).check()
