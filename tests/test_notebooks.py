"""Notebooks: cells that parse, commands that exist, outputs, a whole run."""
import ast
import re
import shlex
import sys
from pathlib import Path

import pytest

from hsc_mm.cli import COMMANDS
from hsc_mm.utils import read_json

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / 'docs' / 'notebooks').glob('*.ipynb'))
pytestmark = pytest.mark.parametrize(
    'path', NOTEBOOKS, ids=lambda path: path.stem)


def _code(path):
    return [cell for cell in read_json(path)['cells']
            if cell['cell_type'] == 'code']


def test_cells_parse_and_name_commands_that_exist(path):
    named = set()
    for cell in _code(path):
        text = ''.join(cell['source'])
        if not text.startswith('%%bash\n'):
            ast.parse(text)
            continue
        text = text.replace('\\\n', ' ').replace('${ITERS:-300}', '300')
        for line in text.splitlines()[1:]:
            shlex.split(line)
            found = re.search(r'-m hsc_mm (\w+)|tools/(\w+)\.py', line)
            if found:
                named.add(found[1] or found[2])
    assert {'new_dataset', 'pipeline', 'figures'} <= named
    assert named <= {*COMMANDS, 'make_demo_data'}


def test_it_was_executed_without_errors_and_is_small(path):
    cells = _code(path)
    assert [c['execution_count'] for c in cells] == [
        *range(1, len(cells) + 1)]
    kinds = [one['output_type'] for cell in cells for one in cell['outputs']]
    assert kinds and 'error' not in kinds
    assert path.stat().st_size < 300_000
    assert str(Path.home()) not in path.read_text()


@pytest.mark.tutorial
def test_it_runs_as_it_is(path, tmp_path, monkeypatch):
    pytest.importorskip('nbclient')
    monkeypatch.setenv('ITERS', '2')
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    monkeypatch.setenv('PATH', f'{Path(sys.executable).parent}:/usr/bin:/bin')
    monkeypatch.syspath_prepend(ROOT / 'docs' / 'site')
    from notebooks import run_notebook
    run_notebook(path, tmp_path)
    assert (tmp_path / 'figures' / 'grid.png').is_file()
