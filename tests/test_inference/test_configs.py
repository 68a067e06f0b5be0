import argparse
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import run_here
from mmengine.config import Config
from tiny_configs import ROOT

from hsc_mm.cli import common as cli
from hsc_mm.inference import load_config, use_tta
from hsc_mm.inference.config_files import read_config
from hsc_mm.inference.configs import config_of


def test_work_dir_and_options():
    path = ROOT / 'configs' / 'cam_r50_voc.py'
    assert load_config(path).work_dir == 'work_dirs/cam_r50_voc'
    cfg = load_config(path, {'train_cfg.max_iters': 7}, 'here')
    assert cfg.work_dir == 'here'
    assert cfg.train_cfg.max_iters == 7
    with pytest.raises(FileNotFoundError, match=r'none\.py'):
        load_config('none.py')


def test_a_config_that_a_training_left_is_read(tmp_path):
    """It names its own folder as work_dir; only a run must not write there."""
    cfg = Config.fromfile(ROOT / 'configs' / 'cam_r50_voc.py')
    assert config_of(cfg).work_dir == 'work_dirs/cam_r50_voc'
    cfg.work_dir = str(tmp_path)
    cfg.dump(tmp_path / 'cam_r50_voc.py')
    assert load_config(tmp_path / 'cam_r50_voc.py').work_dir == str(tmp_path)
    weights = tmp_path / 'none.pth'
    weights.touch()
    for command in (['train'], ['test', weights]):
        found = run_here(command[0], tmp_path / 'cam_r50_voc.py', *command[1:])
        assert found.returncode == 1
        assert 'expected another folder than that of the config' in (
            found.stderr)


def test_tta_needs_its_parts_and_leaves_the_config_alone():
    cfg = load_config(ROOT / 'configs' / 'cam_r50_voc.py')
    switched = use_tta(cfg)
    assert switched.model.type == 'hsc_mm.CAMTTAModel'
    assert switched.model.module.type == 'hsc_mm.CAMSegmentor'
    assert cfg.model.type == 'hsc_mm.CAMSegmentor'
    twice = load_config(ROOT / 'configs' / 'cam_r50_voc.py')
    twice.tta_pipeline[1].transforms.insert(2, [
        dict(type='RandomFlip', prob=prob, direction='vertical')
        for prob in (0.0, 1.0)])
    with pytest.raises(ValueError, match='one list of RandomFlip, found 2'):
        use_tta(twice)
    cfg.tta_model = None
    with pytest.raises(ValueError, match='expected tta_model'):
        use_tta(cfg)


@pytest.mark.parametrize('name', ['SegTTAModel', 'mmseg.SegTTAModel'])
def test_mmsegs_mean_of_views_becomes_ours(name):
    """Its maps are those of the last view, its single channels are wrong."""
    cfg = load_config(ROOT / 'configs' / 'deeplabv3plus_r50_voc-pseudo.py')
    assert cfg.tta_model.type == 'hsc_mm.SegTTAModel'
    cfg.tta_model.type = name
    assert use_tta(cfg).model.type == 'hsc_mm.SegTTAModel'
    assert cfg.tta_model.type == name


def test_thresholds_lie_from_zero_to_below_one():
    assert cli.threshold('0.25') == 0.25
    assert cli.threshold('0') == 0  # as label rules and test_cfg take it
    for text in ('1', '-3', '5', 'nan'):
        with pytest.raises(argparse.ArgumentTypeError, match=text):
            cli.threshold(text)


@pytest.mark.parametrize(('error', 'status'), [
    (ValueError('what was wrong'), 1),
    (FileNotFoundError(2, 'No such file', 'x.jpg'), 1),
])
def test_bad_input_is_one_line(capsys, error, status):

    def main():
        raise error

    assert cli.run(main) == status
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith('error: ')


def test_bugs_have_a_status_of_their_own(capsys):

    def main():
        raise AttributeError('a bug')

    assert cli.run(main) == 70
    assert 'unexpected: AttributeError: a bug' in capsys.readouterr().err
    assert cli.run(lambda: None) == 0
    assert cli.run(lambda: 3) == 3


def test_threads_read_one_config_at_a_time(tmp_path, monkeypatch):
    path = tmp_path / 'small.py'
    path.write_text("model = dict(type='EncoderDecoder')\n")
    inside, read = [], Config.fromfile

    def watched(path):
        inside.append(path)
        assert len(inside) == 1
        time.sleep(.002)
        found = read(path)
        inside.clear()
        return found

    monkeypatch.setattr(Config, 'fromfile', watched)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(read_config, [path] * 8))
    assert [cfg.model.type for cfg in found] == ['EncoderDecoder'] * 8
