"""Two processes in one folder: the second is refused, and told by whom."""
import json
import os
import signal
import sys
import time
from contextlib import contextmanager

import pytest
from mmengine.config import Config
from tiny_configs import cam_config, save_weights, untrained

from hsc_mm.cli import run_command
from hsc_mm.registry import RUNNERS
from hsc_mm.utils import locks
from hsc_mm.utils.locks import LOCK, check_free, hold, locked, release


@contextmanager
def other_process(*holds):
    """Another process that holds folders until the end of the block."""
    ready, told = os.pipe()
    child = os.fork()
    if not child:
        try:
            locks._held.clear()
            for arguments in holds:
                hold(*arguments)
            os.write(told, b'x')
            time.sleep(60)
        finally:
            os._exit(1)
    os.close(told)
    assert os.read(ready, 1) == b'x'
    os.close(ready)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_the_second_is_refused_and_told_who_holds_it(tmp_path):
    folder = tmp_path / 'a' / 'b'
    with other_process((folder, )) as child:
        for refused in (hold, check_free):
            with pytest.raises(FileExistsError) as info:
                refused(folder, '--work-dir')
            said = str(info.value)
            assert said.startswith(f'--work-dir {folder}: another process')
            for part in (f'process {child} on ', 'since 20', sys.argv[0]):
                assert part in said
        check_free(tmp_path)
    # It was killed: nothing has to be removed by hand.
    assert (folder / LOCK).is_file()
    check_free(folder)
    with locked(folder), locked(folder):
        pass
    assert not (folder / LOCK).exists()


def test_a_link_is_the_same_folder(tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'b').symlink_to('a')
    with other_process((tmp_path / 'a', )), pytest.raises(FileExistsError):
        hold(tmp_path / 'b')


def test_shards_share_a_folder(tmp_path):
    with other_process((tmp_path, '--out', 1)):
        hold(tmp_path, '--out', 2)
        release()
        assert (tmp_path / LOCK).exists()
        for shard in (0, 1):
            with pytest.raises(FileExistsError):
                hold(tmp_path, '--out', shard)
    hold(tmp_path)
    release()
    assert not os.listdir(tmp_path)


def test_a_forked_worker_does_not_keep_it(tmp_path):
    hold(tmp_path)
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(1)
    release()
    try:
        with other_process((tmp_path, )):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_commands_are_refused(shared_voc, tmp_path, monkeypatch, capsys):
    config = cam_config(shared_voc, tmp_path / 'cam.py', 2)
    out = tmp_path / 'out'
    (tmp_path / 'm.json').write_text(json.dumps(dict(
        paired_to=None, rows=[dict(
            config='a', seeds=[0], sizes={}, columns={'seeds, best': dict(
                mean=1, std=None, values=[1])})])))
    matrix = tmp_path / 'm.json'
    model = untrained(Config.fromfile(config))
    weights = save_weights(model, tmp_path / 'w.pth')
    monkeypatch.setenv('VOC2012_ROOT', str(shared_voc))
    commands = (
        ('figures', '--matrix', matrix, '--out', out),
        ('train', config, '--work-dir', out),
        ('pipeline', config, '--work-dir', out),
        ('run_matrix', config, '--work-dir', out),
        ('make_saliency', '--provider', 'numpy:asarray', '--images',
         shared_voc / 'JPEGImages', '--out', out),
        ('new_dataset', shared_voc / 'image_labels.json', '--images',
         shared_voc / 'JPEGImages', '--weights', 'none', '--out', out),
        ('export_onnx', config, weights, '--size', 32, 32, '--out',
         out / 'x.onnx'),
    )
    with other_process((out, )) as child:
        for command in commands:
            monkeypatch.setattr(sys, 'argv', list(map(str, command)))
            assert run_command(command[0]) == 1
            assert f'process {child} on' in capsys.readouterr().err
        # mmseg's script goes through the registry of runners.
        cfg = Config.fromfile(config)
        cfg.work_dir = str(out)
        runner = RUNNERS.build(cfg)
        assert not (out / 'cam.py').exists()
        with pytest.raises(FileExistsError, match='--work-dir'):
            runner.train()
        assert not (out / 'cam.py').exists()
    runner.train()
    assert (out / 'cam.py').is_file()
    assert not (out / LOCK).exists()


def test_a_work_folder_is_not_that_of_the_config(shared_voc, tmp_path):
    """As ``mim train mmseg`` builds it, without our command."""
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    before = config.read_bytes()
    cfg = Config.fromfile(config)
    cfg.work_dir = str(tmp_path)
    assert cfg.runner_type == 'hsc_mm.CheckedRunner'
    with pytest.raises(ValueError, match='another folder than that of'):
        RUNNERS.build(cfg)
    assert config.read_bytes() == before
