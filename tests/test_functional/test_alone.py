"""hsc_mm.functional without OpenMMLab: torch is all there is."""
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hsc_mm.functional

ROOT = Path(__file__).resolve().parents[2]
BLOCK = '''
import sys


class Block:
    """As if nothing of OpenMMLab, and nothing for images, were installed."""

    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('mmengine', 'mmcv', 'mmseg', 'mmpretrain',
                                  'cv2', 'PIL'):
            raise ImportError(f'{name} is blocked')


sys.meta_path.insert(0, Block())
sys.path.insert(0, 'ROOT')
'''.replace('ROOT', str(ROOT))


def _run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, '-c', BLOCK + code],
                          capture_output=True, text=True, cwd='/')


@pytest.mark.slow
def test_the_example_trains_with_torch_alone():
    done = _run('import runpy; runpy.run_path('
                f'{str(ROOT / "examples" / "plain_pytorch.py")!r})')
    assert done.returncode == 0, done.stderr
    found = [[float(one) for one in re.findall(r'\d+\.\d+', line)]
             for line in done.stdout.splitlines()]
    assert len(found) == 3
    for first, last in zip(found[0], found[-1]):
        assert last < 0.5 * first


def test_the_example_is_short():
    lines = (ROOT / 'examples' / 'plain_pytorch.py').read_text().split('"""')
    code = [line for line in lines[2].splitlines() if line.strip()]
    assert len(code) <= 50


def test_what_needs_openmmlab_says_so():
    done = _run('import hsc_mm; hsc_mm.HSCInferencer')
    assert done.returncode == 1
    assert 'Error' in done.stderr.splitlines()[-1]
    assert 'hsc_mm' not in done.stderr.splitlines()[-1].split(':')[0]
    done = _run('import hsc_mm; hsc_mm.Nonsense')
    assert 'module "hsc_mm" has no attribute "Nonsense"' in done.stderr


def test_everything_that_is_listed_is_there():
    names = hsc_mm.functional.__all__
    assert len(names) == len(set(names)) > 30
    assert all(hasattr(hsc_mm.functional, name) for name in names)
