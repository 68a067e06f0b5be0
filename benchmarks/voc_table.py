#!/usr/bin/env python
"""Table of a run of benchmarks/voc.sh beside the published figures."""
import argparse
import sys
from pathlib import Path

from hsc_mm.cli import add_tools
from hsc_mm.cli import common as cli
from hsc_mm.utils import read_json

PUBLISHED = Path(__file__).parent / 'results' / 'published_voc.json'
#: Columns of run_matrix that the papers have too.
SEEDS, SEGMENTOR = 'seeds, best', 'segmentation'
NOTE = ('Published figures have the thresholds, scales and CRF of their '
        'papers; tools/test.py --tta --crf tests a segmentor with such.')


def table(rows: list[dict], published: list[dict]) -> str:
    """Write rows of run_matrix and those of the papers as one table.

    Args:
        rows (list[dict]): ``rows`` of ``matrix.json`` of the work dir.
        published (list[dict]): ``results/published_voc.json``.

    Returns:
        str: Markdown; mIoU in percent. Ours are those that run_matrix makes:
        seeds at the threshold that is best on the same masks, and a segmentor
        at one scale without a CRF. What papers do differs.
    """
    add_tools()
    from hsc_analysis.matrix_tables import spread
    papers = {one['config']: one for one in published}
    head = ('config', 'seeds, train (best threshold)',
            'val (one scale, no CRF)', 'published: seeds, train',
            'published: val', 'source')
    lines = [f'| {" | ".join(head)} |', '|---' * len(head) + '|']
    for row in rows:
        paper = papers.get(row['config'])
        theirs = ['-', '-', ''] if paper is None else [
            ' to '.join(map(str, paper['seeds'])), str(paper['val']),
            paper['source']]
        ours = (spread(row['columns'].get(c)) for c in (SEEDS, SEGMENTOR))
        cells = [row['config'], *ours, *theirs]
        lines.append(f'| {" | ".join(cells)} |')
    return '\n'.join([*lines, '', NOTE])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'work_dir', type=cli.file_path, help='that of benchmarks/voc.sh')
    args = parser.parse_args()
    add_tools()
    from hsc_analysis.matrix_files import read_matrix
    print(table(read_matrix(args.work_dir / 'matrix.json')['rows'],
                read_json(PUBLISHED)))


if __name__ == '__main__':
    sys.exit(cli.run(main))
