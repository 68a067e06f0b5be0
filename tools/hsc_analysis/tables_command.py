"""Put the tables of matrices into pages, between their marks.

A page has <!-- matrix: FILE.json --> and <!-- /matrix --> where the tables
of a matrix belong; FILE.json, relative to the current folder, is what
run_matrix wrote.
"""
import argparse
import os
import re
import sys
from itertools import zip_longest

from hsc_mm.cli import common as cli

__all__ = ['fill', 'main', 'parse_args']

_MARK = re.compile(r'<!-- (?:matrix: (\S+)|/matrix) -->')


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
        ValueError: It is none of a matrix, or a mark has no other one.
    """
    from .matrix_files import read_matrix
    from .matrix_tables import markdown

    parts, end = [], 0
    marks = [*_MARK.finditer(text)]
    for first, last in zip_longest(marks[::2], marks[1::2]):
        if not first[1] or last is None or last[1]:
            raise ValueError(
                f'{first[0]}: expected the marks <!-- matrix: FILE.json --> '
                'and <!-- /matrix --> by turns, the table between the two. '
                'Add the one that is missing.')
        parts += [text[end:first.end()],
                  f'\n\n{markdown(read_matrix(first[1]))}\n\n']
        end = last.start()
    return ''.join([*parts, text[end:]]), len(marks) // 2


def main() -> int:
    """Fill or check the pages."""
    args = parse_args()
    from hsc_mm.utils import atomic_write_bytes, read_text
    stale = 0
    for name in args.pages:
        text = read_text(name)
        try:
            current, count = fill(text)
        except ValueError as error:
            raise ValueError(f'{name}: {error}') from error
        if not count:
            raise ValueError(
                f'{name}: expected the mark <!-- matrix: FILE.json --> and '
                '<!-- /matrix --> behind it, found none. Add them where the '
                'tables belong.')
        if current != text:
            stale += 1
            if not args.check:
                # Of a link, the page that it leads to.
                atomic_write_bytes(os.path.realpath(name), current.encode())
        print(f'{name}: {count} matrix(es), '
              + ('current' if current == text else
                 'not current' if args.check else 'written'))
    if stale and args.check:
        print('error: tables are not those of their JSON files; run '
              'matrix_tables without --check', file=sys.stderr)
    return int(bool(stale) and args.check)
