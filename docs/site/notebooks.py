"""Runner of the notebooks in docs/notebooks; keeps their outputs.

    ITERS=300 python docs/site/notebooks.py    # all of them, in place

Each runs in a new folder beside links to `configs`, `tools` and `hsc_mm`, so
that nothing is left in the checkout. Needs nbclient and ipykernel.
"""
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

__all__ = ['run_notebook', 'tidy']

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / 'docs' / 'notebooks'
#: Names that say where a notebook ran, and colours of a terminal.
_PLACES = re.compile(
    rf'{ROOT}/|/tmp/[\w./-]*?notebook-\w+/|\x1b\[[\d;]*m')


def run_notebook(path: Path, folder: Path) -> nbformat.NotebookNode:
    """Run a notebook in a folder; an error in a cell is raised.

    Args:
        path (Path): The notebook; it stays as it is.
        folder (Path): Empty folder for everything that cells write.

    Returns:
        nbformat.NotebookNode: The notebook with its outputs.
    """
    for name in ('configs', 'tools', 'demo'):
        (folder / name).mkdir()
        for one in (ROOT / name).iterdir():
            (folder / name / one.name).symlink_to(one)
    os.environ['PATH'] = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ['PATH']])
    os.environ['PYTHONPATH'] = os.pathsep.join(
        filter(None, [str(ROOT), os.environ.get('PYTHONPATH')]))
    os.environ['PYTHONWARNINGS'] = 'ignore'
    book = nbformat.read(path, as_version=4)
    NotebookClient(
        book, timeout=3600, kernel_name='python3',
        resources=dict(metadata=dict(path=str(folder)))).execute()
    return tidy(book)


def tidy(book: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Join pieces of outputs; leave out places and colours."""
    for cell in book.cells:
        cell.metadata.pop('execution', None)
        joined: list = []
        for output in cell.get('outputs', ()):
            if 'text' in output and joined and 'text' in joined[-1] and (
                    joined[-1]['name'] == output['name']):
                joined[-1]['text'] += output['text']
            else:
                joined.append(output)
        for output in joined:
            if 'text' in output:
                output['text'] = _PLACES.sub('', output['text'])
        if joined:
            cell['outputs'] = joined
    return book


def main() -> None:
    """Run all notebooks and write them with their outputs."""
    for path in sorted(NOTEBOOKS.glob('*.ipynb')):
        with tempfile.TemporaryDirectory(prefix='notebook-') as folder:
            nbformat.write(run_notebook(path, Path(folder)), path)
        print(f'results: {path} ({path.stat().st_size // 1024} kB)')


if __name__ == '__main__':
    main()
