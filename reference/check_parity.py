#!/usr/bin/env python
"""Recompute stored arrays of the method's public release, and compare.

DIR holds .npz files as docs/parity.md describes them. The exit status is 1
if an array differs, is missing or cannot be read, or nothing was compared.
"""
import argparse
import sys
from collections import Counter
from pathlib import Path

from parity import Row, check_folder
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hsc_mm.cli import common as cli

#: Columns of a table that nobody looks at in a terminal.
WIDTH = 160


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'dir', metavar='DIR', type=Path, help='folder of .npz files')
    args = parser.parse_args()
    if not args.dir.is_dir():
        parser.error(f'dir {args.dir}: there is no such folder')
    return args


def show(rows: list[Row]) -> None:
    """Print the table."""
    table = Table('file', 'array', 'compared', 'max abs', 'max rel',
                  'tolerance', 'verdict')
    for column in table.columns:
        column.overflow = 'fold'
    for row in rows:
        numbers = ('' if value is None else f'{value:.1e}'
                   for value in (row.max_abs, row.max_rel))
        # Text: a name may hold what rich takes for markup.
        table.add_row(*map(Text, (row.file, row.array, row.what, *numbers,
                                  row.tolerance, row.verdict or '-')))
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table)


def main() -> int:
    """Compare, print and judge."""
    args = parse_args()
    rows = list(check_folder(args.dir))
    show(rows)
    count = Counter(row.verdict for row in rows)
    print(f'{args.dir}: {count["pass"]} passed, {count["FAIL"]} failed, '
          f'{count[""]} for information')
    for row in rows:
        if row.verdict == 'FAIL':
            text = row.what if row.max_rel is None else (
                f'{row.what}: max abs {row.max_abs:.1e}, max rel '
                f'{row.max_rel:.1e}, tolerance {row.tolerance}')
            print(f'error: {row.file}: {row.array}: {text}', file=sys.stderr)
    if not count['pass'] and not count['FAIL']:
        print(f'error: {args.dir}: nothing was compared.', file=sys.stderr)
    return int(bool(count['FAIL']) or not count['pass'])


if __name__ == '__main__':
    sys.exit(cli.run(main))
