"""Put the tables of matrices into pages, between their marks.

A page has <!-- matrix: FILE.json --> and <!-- /matrix --> where the tables
of a matrix belong; FILE.json, relative to the current folder, is what
run_matrix wrote.
"""
import argparse
import re
import sys
from pathlib import Path

from hsc_mm.cli import common as cli

__all__ = ['fill', 'main', 'parse_args']

_BLOCK = re.compile(r'(<!-- matrix: (\S+) -->\n).*?(<!-- /matrix -->)', re.S)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('pages', nargs='+', help='Markdown files')
    parser.add_argument(
        '--check', action='store_true',
        help='write nothing; end with status 1 where a table is not current')
    return cli.parse(parser)


def fill(text: str) -> tuple[str, int]:
    """Return a page with current tables, and their number.

    Raises:
        FileNotFoundError: A JSON file is missing.
    """
    from hsc_mm.utils import read_json
    from .matrix_tables import markdown

    return _BLOCK.subn(
        lambda found: f'{found[1]}\n{markdown(read_json(found[2]))}\n\n'
        f'{found[3]}', text)


def main() -> int:
    """Fill or check the pages."""
    args = parse_args()
    from hsc_mm.utils import atomic_write_bytes
    stale = 0
    for name in args.pages:
        text = Path(name).read_text(encoding='utf-8')
        current, count = fill(text)
        if not count:
            raise ValueError(
                f'{name}: expected the mark <!-- matrix: FILE.json --> and '
                '<!-- /matrix --> behind it, found none. Add them where the '
                'tables belong.')
        if current != text:
            stale += 1
            if not args.check:
                atomic_write_bytes(name, current.encode())
        print(f'{name}: {count} matrix(es), '
              + ('current' if current == text else
                 'not current' if args.check else 'written'))
    if stale and args.check:
        print('error: tables are not those of their JSON files; run '
              'matrix_tables without --check', file=sys.stderr)
    return int(bool(stale) and args.check)
