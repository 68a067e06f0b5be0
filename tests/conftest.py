"""A tiny data set in VOC layout, and commands run in this process."""
import functools
import gc
import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from warm_process import WarmPython, leave_layout

from hsc_mm.cli import run_command
from hsc_mm.utils import voc_palette, write_index_png

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / 'tools'))  # hsc_converters
leave_layout()


def tell_runs_apart() -> None:
    """Let runs of one second be several: mmengine names them by the time.

    Those of one name would share their log, losses and pictures.
    """
    # Upstream mmseg is imported by way of hsc_mm.
    from mmseg.visualization import SegLocalVisualizer
    make = Runner.__init__

    @functools.wraps(make)
    def make_apart(self, *args, **kwargs):
        for kind in (MMLogger, MessageHub, SegLocalVisualizer):
            kind._instance_dict.clear()
        make(self, *args, **kwargs)

    Runner.__init__ = make_apart


tell_runs_apart()
NAMES = {8: 'cat', 12: 'dog'}
XML = ('<annotation><filename>{id}.jpg</filename>{objects}</annotation>')


def pytest_collection_finish(session):
    """Keep what was imported out of the garbage collector's sight.

    mmengine collects garbage with each data set, through all modules.
    """
    gc.collect()
    gc.freeze()


def pytest_make_parametrize_id(val, argname):
    """Name binary data by its argument.

    A packed file holds the time, and pytest-xdist wants the same names from
    all its processes.
    """
    binary = isinstance(val, bytes) and not val.isascii()
    return argname if binary else None


def make_voc(root: Path, count: int = 8, seed: int = 0) -> Path:
    """Draw pictures with a cat square and / or a dog square."""
    rng = np.random.default_rng(seed)
    labels = {}
    for number in range(count):
        name = f'img_{number:02d}'
        height, width = (48, 64) if number % 2 else (56, 40)
        image = rng.integers(0, 80, (height, width, 3), dtype=np.uint8)
        mask = np.zeros((height, width), dtype=np.uint8)
        saliency = np.zeros((height, width), dtype=np.uint8)
        for index in ((8, ), (12, ), (8, 12))[number % 3]:
            top = int(rng.integers(4, height - 24))
            left = 4 if index == 8 else width - 20
            image[top:top + 16, left:left + 16] = (
                (200, 40, 40) if index == 8 else (40, 200, 220))
            mask[top - 1:top + 17, left - 1:left + 17] = 255
            mask[top:top + 16, left:left + 16] = index
            saliency[top:top + 16, left:left + 16] = 255
        labels[name] = [NAMES[i] for i in (8, 12) if (mask == i).any()]
        for folder in ('JPEGImages', 'Annotations', 'SaliencyMaps'):
            (root / folder).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / 'JPEGImages' / f'{name}.jpg'), image)
        cv2.imwrite(str(root / 'SaliencyMaps' / f'{name}.png'), saliency)
        write_index_png(root / 'SegmentationClass' / f'{name}.png', mask,
                        voc_palette())
        objects = ''.join(f'<object><name>{n}</name></object>'
                          for n in labels[name])
        (root / 'Annotations' / f'{name}.xml').write_text(
            XML.format(id=name, objects=objects))
    lists = root / 'ImageSets' / 'Segmentation'
    lists.mkdir(parents=True)
    for split in ('train', 'train_aug', 'val'):
        (lists / f'{split}.txt').write_text('\n'.join(labels) + '\n')
    (root / 'image_labels.json').write_text(
        json.dumps(dict(classes=['cat', 'dog'], images=labels)))
    return root


def run_here(name: str, *arguments) -> subprocess.CompletedProcess:
    """Run a command in this process, which has imported everything."""
    words = [f'python -m hsc_mm {name}', *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    with mock.patch.object(sys, 'argv', words), redirect_stdout(out), \
            redirect_stderr(err):
        try:
            status = run_command(name)
        except SystemExit as end:
            status = end.code
    return subprocess.CompletedProcess(words, status, out.getvalue(),
                                       err.getvalue())


class Hostile:
    """Leaves a trace when it is unpickled."""

    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f'touch {self.path}', )


@pytest.fixture
def voc_root(tmp_path: Path) -> Path:
    """A fresh tiny VOC that a test may damage."""
    return make_voc(tmp_path / 'voc')


@pytest.fixture(scope='session')
def shared_voc(tmp_path_factory) -> Path:
    """A tiny VOC that no test changes."""
    return make_voc(tmp_path_factory.mktemp('data') / 'voc')


@pytest.fixture(scope='module')
def one_thread():
    """Threads share sums out, and round otherwise; forks have but one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope='module', autouse=True)
def no_scope_of_others():
    """Modules begin without a default scope, whichever ran before them.

    A config without `default_scope` leaves mmengine's, in which nothing of
    mmseg is found.
    """
    DefaultScope._instance_dict.clear()


@pytest.fixture(scope='session', autouse=True)
def warm_steps(tmp_path_factory):
    """What a pipeline or matrix in this process starts imports nothing."""
    if not hasattr(os, 'pidfd_open'):  # not on Linux: without the short cut
        yield
        return
    python = WarmPython(tmp_path_factory.mktemp('warm'))
    with mock.patch('hsc_mm.pipeline.step.sys', python), \
            mock.patch('hsc_analysis.matrix_cells.sys', python):
        yield
    python.close()
