#!/usr/bin/env python
"""Selection split of a data set of docs/protocol.md, one picture on a line.

It is what run_matrix --select chooses. The lists of benchmarks/selection are
made so:

    python benchmarks/selection_list.py neu-seg data/neu-seg --select 10
"""
import argparse
import sys
import tempfile
from pathlib import Path

import protocol

from hsc_mm.cli import common as cli
from hsc_mm.datasets.build import build_split
from hsc_mm.evaluation.selection import find_selection
from hsc_mm.inference import load_config


def chosen(name: str, root: Path, per_class: int) -> list[str]:
    """Return the pictures that select a threshold.

    Args:
        name (str): Key of :data:`protocol.SETS`.
        root (Path): Folder of the data.
        per_class (int): Masks of each class, as in ``--select``.

    Returns:
        list[str]: Ids, in the order of the list that scores seeds.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = protocol.write_leaf('cam_lite0_{}', name, root, Path(folder))
        cfg = load_config(path)
    return find_selection(build_split(cfg, 'test', maps=True), per_class)


def main() -> None:
    """Print the list."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'name', choices=sorted(protocol.SETS), help='the data set')
    parser.add_argument(
        'root', type=cli.file_path, help='its folder, in VOC layout')
    parser.add_argument(
        '--select', type=cli.positive, default=10, metavar='N',
        help='masks of each class (default: 10)')
    args = parser.parse_args()
    protocol.check_root(parser, args.root)
    print('\n'.join(chosen(args.name, args.root, args.select)))


if __name__ == '__main__':
    sys.exit(cli.run(main))
