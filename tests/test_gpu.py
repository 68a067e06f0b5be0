"""Runs on a GPU, compared with a CPU; skipped where there is no GPU."""
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import run_here
from tiny_configs import cam_config, hsc_config

from hsc_mm.crf import DenseCRF
from hsc_mm.utils import read_index_png

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason='torch sees no GPU')


@pytest.fixture(scope='module')
def trained(tmp_path_factory, shared_voc: Path) -> tuple[Path, Path]:
    """HSC with saliency after four iterations in half precision."""
    folder = tmp_path_factory.mktemp('gpu')
    config = hsc_config(shared_voc, folder / 'hsc.py')
    done = run_here('train', config, '--amp', '--work-dir', folder / 'work')
    assert done.returncode in (0, None), done.stdout + done.stderr
    return config, folder / 'work' / 'iter_4.pth'


def test_half_precision_trains(trained) -> None:
    weights = torch.load(trained[1], weights_only=False)['state_dict']
    assert all(torch.isfinite(value).all() for value in weights.values())


@pytest.mark.parametrize(('options', 'share'), [((), 0.99),
                                                (('--refiners', 'PAR'), 0.99),
                                                (('--crf', ), 0.95),
                                                (('--amp', ), 0.95)])
def test_pseudo_labels_are_those_of_a_cpu(trained, tmp_path: Path,
                                          options: tuple,
                                          share: float) -> None:
    for device in ('cpu', 'cuda'):
        done = run_here('make_pseudo_labels', *trained, '--out',
                        tmp_path / device, '--device', device, *options)
        assert done.returncode in (0, None), done.stdout + done.stderr
    names = sorted(path.name for path in (tmp_path / 'cpu').glob('*.png'))
    assert names
    same = np.concatenate([
        (read_index_png(tmp_path / 'cpu' / name) == read_index_png(
            tmp_path / 'cuda' / name)).ravel() for name in names
    ])
    # Half precision is float16 on a GPU and bfloat16 on a CPU.
    assert same.mean() > share


def test_predict_and_test_run(trained, shared_voc: Path,
                              tmp_path: Path) -> None:
    pictures = shared_voc / 'JPEGImages'
    for words in (('predict', pictures, '--config', trained[0],
                   '--checkpoint', trained[1], '--out', tmp_path / 'p'),
                  ('test', *trained, '--work-dir', tmp_path / 't')):
        done = run_here(*words)
        assert done.returncode in (0, None), done.stdout + done.stderr
    assert len(list((tmp_path / 'p').glob('*.mask.png'))) == 8


def test_training_resumes(shared_voc: Path, tmp_path: Path) -> None:
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    work = tmp_path / 'work'
    for iters, more in ((2, ()), (4, ('--resume', ))):
        done = run_here('train', config, '--work-dir', work, *more,
                        '--cfg-options', f'train_cfg.max_iters={iters}')
        assert done.returncode in (0, None), done.stdout + done.stderr
    assert (work / 'iter_4.pth').is_file()


def test_exact_crf_is_that_of_a_cpu() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    prob = rng.dirichlet(np.ones(3), (40, 50)).transpose(2, 0, 1)
    prob = np.ascontiguousarray(prob, np.float32)
    found = [
        DenseCRF(backend='exact', device=device)(prob, image)
        for device in ('cpu', 'cuda')
    ]
    np.testing.assert_allclose(*found, atol=1e-3)
