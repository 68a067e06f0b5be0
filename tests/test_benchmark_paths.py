"""Paths of the benchmarks: empty and wrong ones end in one line."""
import sys
from importlib import import_module
from pathlib import Path

import pytest
from demo_data import make_demo_data
from tiny_configs import save_weights, untrained

from hsc_mm.cli import common as cli
from hsc_mm.inference import load_config
from hsc_mm.utils import write_json

FOLDER = Path(__file__).resolve().parents[1] / 'benchmarks'
CONFIGS = FOLDER.parent / 'configs'


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Return a function that runs a benchmark in an empty folder."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.chdir(tmp_path)

    def call(name, *words):
        monkeypatch.setattr(sys, 'argv', [name, *words])
        return cli.run(import_module(name).main)
    return call


@pytest.mark.parametrize('words', [
    ('protocol', 'voc-animals', 'data', '--work-dir', ''),
    ('protocol', 'voc-animals', '', '--work-dir', 'out'),
    ('break_even', 'voc-animals', 'data', '--work-dir', ''),
    ('break_even', 'voc-animals', '', '--work-dir', 'out'),
    ('break_even', 'voc-animals', 'data', '--work-dir', 'o', '--matrix', ''),
    ('threshold_rules', '--dump', ''),
    ('voc_table', ''),
    ('voc_configs', '', 'seam_r50_voc'),
    ('selection_list', 'voc-animals', ''),
    ('crf', '--images', ''),
    ('refiners', '--soft', '', '--data', 'data'),
    ('refiners', '--soft', 'soft', '--data', ''),
    ('model_zoo', '--steps', ''),
    ('model_zoo', '--seeds', ''),
], ids=' '.join)
def test_an_empty_path_is_not_the_current_folder(run, tmp_path, capsys,
                                                 words):
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data/image_labels.json').write_text('{}')
    (tmp_path / 'image_labels.json').write_text('{}')
    before = sorted(tmp_path.rglob('*'))
    with pytest.raises(SystemExit) as info:
        run(*words)
    assert info.value.code == 2
    assert 'expected a path, found none' in capsys.readouterr().err
    assert sorted(tmp_path.rglob('*')) == before


@pytest.mark.parametrize(('words', 'message'), [
    (('threshold_rules', '--dump', 'nowhere'),
     'expected histograms (*.npz), found none. --run CONFIG CHECKPOINT'),
    (('voc_table', 'nowhere'), 'nowhere/matrix.json'),
    (('voc_configs', 'out', 'seam_r50_coco'), 'seam_r50_coco.py')])
def test_a_wrong_path_ends_in_a_line(run, capsys, words, message):
    assert run(*words) == 1
    found = capsys.readouterr().err.strip()
    assert message in found
    assert '\n' not in found


@pytest.mark.slow
def test_heads_of_the_demo_are_those_of_the_scored_pictures(
        run, tmp_path, capsys):
    for name, seed in (('demo', 0), ('other', 1)):
        make_demo_data(tmp_path / name, train=2, val=1, seed=seed, workers=1)
    cfg = load_config(CONFIGS / 'demo/cam_demo.py')
    save_weights(untrained(cfg), 'w.pth')
    command = ('demo_partial_cam', str(CONFIGS / 'demo/cam_demo.py'), 'w.pth',
               '--cfg-options')
    roots = {split: f'{split}_dataloader.dataset.data_root={tmp_path}/demo'
             for split in ('train', 'test')}
    assert run(*command, *roots.values()) == 0
    assert 'recall of heads' in capsys.readouterr().out
    assert run(*command, *roots.values(), '--seed', '1') == 1
    assert '--seed 1: expected the seed' in capsys.readouterr().err
    roots['test'] = f'{roots["test"][:-4]}other'
    assert run(*command, *roots.values()) == 1
    assert 'not in the training data' in capsys.readouterr().err


@pytest.mark.parametrize('words', [
    ('voc_table', 'work'), ('model_zoo', '--seeds', 'work/matrix.json'),
    ('break_even', 'neu-seg', 'data', '--work-dir', 'out', '--matrix',
     'work')], ids=' '.join)
def test_a_table_that_is_not_that_of_its_runs_is_refused(
        run, tmp_path, capsys, words):
    (tmp_path / 'data').mkdir()
    write_json(tmp_path / 'data/image_labels.json', dict(classes=['a']))
    write_json(tmp_path / 'work/matrix.json', dict(paired_to=None, rows=[dict(
        config='hsc', seeds=[0], sizes={}, columns={'seeds, best': dict(
            mean=50.0, std=None, values=[40.0])})]))
    assert run(*words) == 1
    found = capsys.readouterr().err.strip()
    assert 'seeds, best of hsc: expected what run_matrix makes' in found
    assert '\n' not in found


@pytest.mark.slow
def test_rules_are_compared_on_every_image(run, tmp_path, capsys):
    make_demo_data(tmp_path / 'demo', train=8, val=1, workers=1)
    cfg = load_config(CONFIGS / 'demo/cam_demo.py')
    for split in ('train', 'test'):
        cfg[f'{split}_dataloader'].dataset.data_root = str(tmp_path / 'demo')
    cfg.dump('cam.py')
    save_weights(untrained(cfg), 'w.pth')
    command = ('threshold_rules', '--dump', 'dump', '--run', 'cam.py', 'w.pth')
    assert run(*command) == 0
    assert ': 8 images, oracle' in capsys.readouterr().out
    image = next((tmp_path / 'demo/JPEGImages').iterdir())
    image.write_bytes(b'half')
    assert run(*command) == 1
    assert image.stem in capsys.readouterr().err
