"""Make the demo data set, a miniature of PASCAL VOC.

Example:
    python tools/make_demo_data.py --out data/demo
"""
import argparse
from collections.abc import Sequence

from demo_data import make_demo_data
from hsc_mm.cli import common as cli
from hsc_mm.utils.locks import locked

__all__ = ['main']


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool.

    Args:
        argv (Sequence[str] | None): Arguments; those of the command line
            when None.
    """
    parser = argparse.ArgumentParser(
        description='Make the demo data set, a miniature of PASCAL VOC.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--out', default='data/demo', help='its folder')
    parser.add_argument(
        '--train', type=int, default=400, help='pictures for training')
    parser.add_argument(
        '--val', type=int, default=100, help='pictures for validation')
    parser.add_argument('--seed', type=int, default=0, help='same seed, '
                        'same files')
    parser.add_argument(
        '--workers', type=cli.workers, default=2, help='processes')
    parser.add_argument(
        '--force', action='store_true', help='replace a demo data set that '
        'is in the folder')
    args = parser.parse_args(argv)
    with locked(args.out):
        result = make_demo_data(**vars(args))
    print(result.message)


if __name__ == '__main__':
    main()
