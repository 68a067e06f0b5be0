#!/usr/bin/env python
"""Table of a run of benchmarks/voc.sh beside the published figures."""
import argparse
import sys
from pathlib import Path

from hsc_mm.cli import add_tools
from hsc_mm.cli import common as cli
from hsc_mm.utils import read_json

PUBLISHED = Path(__file__).parent / 'results' / 'published_voc.json'
#: Columns of run_matrix.
SEEDS, LABELS, SEGMENTOR = 'seeds, best', 'pseudo labels', 'segmentation'
#: Columns of the papers.
_PAPER = ('published: seeds, train', 'published: val', 'published: test',
          'source')
NOTE = (
    'Ours: seeds at the threshold that is best on the masks of train; a '
    'segmentor at one scale without a CRF (tools/test.py --tta --crf tests it '
    'with several scales and a CRF). "Made by" is what makes the pseudo '
    'labels. With a CRF no mask chooses them; "threshold: best" is that of '
    'the seeds, chosen on the masks of train. All rows of ours have DeepLab '
    'v2 on ResNet-101. Published figures have the segmentors, thresholds, '
    'scales and CRF of their papers: SEAM is on ResNet-38; in its public '
    'code HSC on '
    'EPS has a CRF of alpha 7 and 8 steps, EPS a threshold of 0.2, and SEAM '
    'the random walk of AffinityNet, which is not done here (docs/voc.md).')
_CELL = {'results': dict}
_MANIFEST = {'refiners': [dict(type=str)]}


def table(found: dict, published: list[dict],
          made_by: dict[str, str] | None = None) -> str:
    """Write the rows of run_matrix and those of the papers.

    Args:
        found (dict): ``matrix.json`` of the work dir, with ``rows``.
        published (list[dict]): ``results/published_voc.json``.
        made_by (dict[str, str], optional): Config -> what makes its pseudo
            labels, see :func:`label_makers`.

    Returns:
        str: Markdown; mIoU in percent. Published figures stand beside the
        config that repeats them; below, those without such a row; and the
        differences of the matrix, if it has some.
    """
    add_tools()
    from hsc_analysis.matrix_tables import differences, left_out, spread
    names = [row['config'] for row in found['rows']]
    papers = {one['config']: one for one in published
              if one['config'] in names}
    lines = [[
        name, *(spread(row['columns'].get(c)) for c in (SEEDS, LABELS)),
        (made_by or {}).get(name, '-'), spread(row['columns'].get(SEGMENTOR)),
        *(_figures(papers.get(name)) if papers else ())]
        for name, row in zip(names, found['rows'], strict=True)]
    head = ['config', 'seeds, train (best threshold)', 'pseudo labels, train',
            'made by', 'val (one scale, no CRF)', *(_PAPER if papers else ())]
    parts = [_markdown(head, lines), *left_out(found), NOTE,
             *differences(found, [SEEDS, LABELS, SEGMENTOR])]
    others = [one for one in published if one['config'] not in papers]
    if others:
        parts.append(
            'Published figures, all with ResNet-38 as the first network, '
            'without a counterpart in the table:\n\n'
            + _markdown(
                ['method', 'learns from', *_PAPER],
                [[one['method'], one['supervision'], *_figures(one)]
                 for one in others]))
    return '\n\n'.join(parts)


def _figures(paper: dict | None) -> list[str]:
    """Return the cells of a paper."""
    if paper is None:
        return ['-', '-', '-', '']
    return [' to '.join(map(str, paper['seeds'])), str(paper['val']),
            str(paper.get('test', '-')), paper['source']]


def _markdown(head: list[str], lines: list[list[str]]) -> str:
    return '\n'.join(f'| {" | ".join(line)} |'
                     for line in (head, ['---'] * len(head), *lines))


def label_makers(work_dir: Path, rows: list[dict]) -> dict[str, str]:
    """Say what made the pseudo labels of each config of a matrix.

    Args:
        work_dir (Path): That of run_matrix.
        rows (list[dict]): Those of ``matrix.json``.

    Returns:
        dict[str, str]: Config -> refiners and how the threshold was chosen,
        of its cells that have pseudo labels.
    """
    found = {row['config']: dict.fromkeys(
        _maker(work_dir / row['config'] / f'seed{seed}')
        for seed in row['seeds']) for row in rows}
    return {name: '; '.join(filter(None, texts))
            for name, texts in found.items() if any(texts)}


def _maker(cell: Path) -> str:
    """Return what made the pseudo labels of a cell, or an empty text."""
    manifest = cell / 'pseudo_labels' / 'pseudo_labels.json'
    if not manifest.is_file():
        return ''
    parts = [
        f'CRF, alpha {one["alpha"]:g}, {one["steps"]} steps'
        if one['type'] == 'CRFRefiner' else one['type']
        for one in read_json(manifest, _MANIFEST)['refiners']]
    chosen = read_json(cell / 'cell.json', _CELL)['results'].get(
        'pseudo', {}).get('chosen')
    return '; '.join([*(parts or ['no refiner']),
                      *([f'threshold: {chosen}'] if chosen else [])])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'work_dir', type=cli.file_path, help='that of benchmarks/voc.sh')
    args = parser.parse_args()
    add_tools()
    from hsc_analysis.matrix_files import read_matrix
    found = read_matrix(args.work_dir / 'matrix.json')
    print(table(found, read_json(PUBLISHED),
                label_makers(args.work_dir, found['rows'])))


if __name__ == '__main__':
    sys.exit(cli.run(main))
