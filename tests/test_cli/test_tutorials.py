"""Commands of the tutorials on the demo's data, run as they are, in small.

Options behind the text of a page shorten trainings, nothing else. Own
pictures and defects are run by their notebooks, PASCAL VOC by README.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_configs import ROOT

pytestmark = pytest.mark.tutorial
SHORT = ('--cfg-options train_cfg.max_iters=2 train_cfg.val_interval=2 '
         'train_dataloader.batch_size=2 default_hooks.checkpoint.interval=2 '
         'train_dataloader.num_workers=0 '
         'train_dataloader.persistent_workers=False '
         'default_hooks.logger.interval=1')
MORE = {'make_demo_data': '--train 36 --val 6', 'doctor': '--no-dry-run',
        'train': SHORT}


def blocks(page: str) -> list[str]:
    """Return the commands of a page, one a line."""
    text = (ROOT / 'docs' / f'{page}.md').read_text()
    found = ''.join(re.findall(r'```bash\n(.*?)```', text, re.S))
    return re.sub(r'\s*\\\n\s*', ' ', found).splitlines()


def run(folder: Path, line: str) -> str:
    """Run a line of a page in a checkout, with options that shorten it."""
    tool = re.search(r'tools/(\w+)\.py', line)
    line, _, _ = line.partition('  #')
    line = line.replace('PYTHONPATH=.', f'PYTHONPATH=.:{ROOT}')
    line = line.replace('iter_200.pth', 'iter_2.pth')
    if '--cfg-options' in line:
        line = line[:line.index('--cfg-options')]
    line += ' ' + MORE.get(tool[1] if tool else '', '')
    done = subprocess.run(
        ['bash', '-c', line], cwd=folder, capture_output=True, text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1',
                 PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}'))
    said = done.stdout[-2000:] + done.stderr[-2000:]
    assert done.returncode == 0, (line, said)
    return done.stdout


@pytest.fixture(scope='module')
def checkout(tmp_path_factory):
    """A folder with what a checkout has, pages' files and small data."""
    folder = tmp_path_factory.mktemp('checkout')
    for name in ('configs', 'tools', 'examples'):
        (folder / name).symlink_to(ROOT / name)
    for page in ('add-a-loss', 'add-a-refiner'):
        text = (ROOT / 'docs' / f'{page}.md').read_text()
        for code in re.findall(r'```python\n(# my_project/.*?)```', text,
                               re.S):
            path = folder / code.splitlines()[0].removeprefix('# ')
            path.parent.mkdir(exist_ok=True)
            path.write_text(code)
    run(folder, 'python tools/make_demo_data.py --out data/demo')
    return folder


def test_add_a_loss(checkout):
    *_, doctor, train = blocks('add-a-loss')
    assert 'no errors' in run(checkout, doctor)
    assert 'loss_agree' in run(checkout, train)


def test_add_a_refiner(checkout):
    run(checkout, 'python tools/train.py configs/demo/hsc_demo.py '
        '--work-dir work_dirs/demo/cam')
    label, draw = blocks('add-a-refiner')
    assert 'BilateralFilter, PAR' in run(checkout, label)
    run(checkout, draw)
    assert (checkout / 'work_dirs' / 'worst.jpg').is_file()


def test_several_processes_and_plain_pytorch(checkout):
    line = next(line for line in blocks('several-gpus') if 'demo' in line)
    assert 'on each of 2 devices' in run(checkout, line)
    assert 'step 60' in run(checkout, blocks('plain-pytorch')[0])
