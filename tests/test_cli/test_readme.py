"""Commands for PASCAL VOC, run as README and benchmarks have them, in small.

The pictures are a tiny VOC with its 20 classes; options after the text of
README shorten trainings and shrink pictures, nothing else.
"""
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_configs import ROOT

from hsc_mm.utils import read_index_png, read_json

pytestmark = pytest.mark.tutorial
LOADERS = [
    f'{name}_dataloader.{option}' for name in ('train', 'val', 'test')
    for option in ('num_workers=0', 'persistent_workers=False')
]
LOAD = 'train_dataloader.dataset.pipeline'
TRAIN = [
    'train_dataloader.batch_size=2', 'model.backbone.init_cfg=None',
    'param_scheduler.0.end=2', 'default_hooks.checkpoint.interval=1',
    'default_hooks.logger.interval=1', 'train_cfg.val_interval=2'
]
CAM = [f'{LOAD}.3.long_side=(48,64)', f'{LOAD}.6.size=(64,64)',
       'model.second_view=(32,32)']
SEG = [f'{LOAD}.3.scale=(96,96)', f'{LOAD}.4.crop_size=(64,64)',
       'model.data_preprocessor.size=(64,64)']
SHORT = 'train_cfg.max_iters'


def commands() -> list[str]:
    """Return the lines of README's section on VOC."""
    section = (ROOT / 'README.md').read_text().split('## PASCAL VOC')[1]
    return re.search(r'```bash\n(.*?)```', section, re.S)[1].splitlines()


def bare_voc(source: Path, root: Path) -> None:
    """Link a VOC that tools/prepare_voc.py has not seen."""
    for path in source.rglob('*'):
        if path.is_file() and path.name != 'image_labels.json':
            target = root / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)


@pytest.fixture(scope='module')
def readme(tmp_path_factory, shared_voc):
    """The folder in which all of README's lines ran, and what they said."""
    folder = tmp_path_factory.mktemp('readme')
    for name in ('configs', 'tools'):
        (folder / name).symlink_to(ROOT / name)
    bare_voc(shared_voc, folder / 'data' / 'VOCdevkit' / 'VOC2012')
    export, *lines = commands()
    name, value = export.removeprefix('export ').split('=')
    env = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1',
               **{name: value})

    said = {}

    def run(line: str, *options: str) -> None:
        words = shlex.split(line.replace(f'${name}', value))
        words = [word.replace('iter_20000', 'iter_2') for word in words]
        if words[0] == 'python':
            words[0] = sys.executable
        else:
            words[0] = str(Path(sys.executable).parent / words[0])
        done = subprocess.run([*words, *options], cwd=folder, env=env,
                              capture_output=True, text=True)
        assert done.returncode == 0, (line, done.stderr[-2000:])
        said[line] = done.stdout + done.stderr

    for line in lines:
        if line.startswith('mim train'):
            size = CAM if 'hsc' in line else SEG
            options = ['--cfg-options', *LOADERS, *TRAIN, *size]
            run(line, *options, f'{SHORT}=1')
            run(f'{line} --resume', *options, f'{SHORT}=2')
        elif 'prepare_voc' in line:
            run(line)
        else:
            run(line, '--cfg-options', *LOADERS)
    return folder, said


def test_both_stages_train_resume_and_are_scored(readme):
    folder, said = readme
    trained = [text for line, text in said.items() if '--resume' in line]
    assert len(trained) == 2
    assert all('Iter(train) [2/2]' in text and 'Iter(train) [1/2]' not in text
               for text in trained)
    scored = [text for line, text in said.items() if 'tools/test.py' in line]
    assert len(scored) == 2 and all('mIoU' in text for text in scored)
    assert (folder / 'work_dirs' / 'seg' / 'iter_2.pth').is_file()


def test_pseudo_labels_have_the_indices_of_voc(readme):
    folder, _ = readme
    labels = read_json(
        folder / 'data' / 'VOCdevkit' / 'VOC2012' / 'image_labels.json')
    index = {n: labels['classes'].index(n) + 1 for n in ('cat', 'dog')}
    masks = list((folder / 'work_dirs' / 'pseudo_labels').glob('*.png'))
    assert len(masks) == len(labels['images']) == 8
    for path in masks:
        known = {0, 255, *(index[n] for n in labels['images'][path.stem])}
        assert set(np.unique(read_index_png(path))) <= known
