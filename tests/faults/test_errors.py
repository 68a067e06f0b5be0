"""Whatever goes wrong, a command ends in one sentence with the remedy."""
import errno
import json
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import mmseg
import numpy as np
import pytest
import torch
from conftest import run_here
from mmcv.cnn import ConvModule
from mmcv.transforms import Compose, RandomFlip, RandomResize
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.registry import MODELS, Registry
from mmengine.visualization import LocalVisBackend
from mmseg.datasets.transforms import PackSegInputs
from mmseg.engine.optimizers import LearningRateDecayOptimizerConstructor
from mmseg.models.losses import CrossEntropyLoss
from PIL import Image
from tiny_configs import ROOT, cam_config, seg_config

from hsc_mm.cli import run_command
from hsc_mm.cli.errors import BUG, explain
from hsc_mm.compat import check_families
from hsc_mm.datasets.label_table import read_label_table
from hsc_mm.datasets.labels import read_list
from hsc_mm.engine.runner import raise_full_disk
from hsc_mm.evaluation.report import seed_tables
from hsc_mm.evaluation.threshold_rules import find_rule
from hsc_mm.inference.config_files import read_config
from hsc_mm.pseudo_labels.refiners import build_refiner


@pytest.fixture(scope='module')
def base(shared_voc, tmp_path_factory):
    """A config of the CAM stage, without weights of others."""
    return cam_config(shared_voc, tmp_path_factory.mktemp('e') / 'base.py')


def run(monkeypatch, capsys, *argv):
    """Run a command; return status and the line that it ends with."""
    monkeypatch.setattr(sys, 'argv', [str(a) for a in argv])
    try:
        status = run_command(argv[0])
    except SystemExit as stop:
        status = stop.code
    lines = [line for line in capsys.readouterr().err.splitlines()
             if 'error: ' in line]
    return status, lines


CONFIGS = {
    'syntax': ('model = dict(', r'line 1: .*never closed'),
    'name': ('x = 1\nx = y', r'bad\.py, line 2: NameError'),
    'exit': ('x = 1\nexit(3)', r'bad\.py, line 2: SystemExit: 3'),
    'empty': ('', r'expected model=dict\(type=\.\.\.\), found no model'),
    'model-none': ('_base_ = "{base}"\nmodel = None',
                   r'\.py: .*model|expected model='),
    'circular': ('_base_ = "./bad.py"', r'in a circle \(.*bad\.py -> '),
    'missing-base': ('_base_ = "./nope.py"', r'bad\.py: .*nope\.py: there is'),
    'latin1': (b'x = "\xe9"', r'bad\.py.*(UTF-8|utf-8)'),
    'classes': ('_base_ = "{base}"\ntrain_dataloader = dict(dataset=dict('
                'metainfo=dict(classes=(1, 2))))', 'expected a list of names'),
    'type': ('_base_ = "{base}"\nmodel = dict(decode_head=dict('
             'type="hsc_mm.CAMHaed"))', r'Is "hsc_mm\.CAMHead" meant\?'),
    'bare': ('_base_ = "{base}"\nmodel = dict(decode_head=dict('
             'type="CamHead"))', r'Is "hsc_mm\.CAMHead" meant\?'),
    'argument': ('_base_ = "{base}"\nmodel = dict(decode_head=dict('
                 'bg_treshold=1))', r"CAMHead .* no argument 'bg_treshold'"),
    'optimizer': ('_base_ = "{base}"\noptim_wrapper = dict(optimizer=dict('
                  'type="SDG", lr=1))', r"'SDG': there is no such optimizer"),
    'hook': ('_base_ = "{base}"\ncustom_hooks = [dict(type="hsc_mm.EMAHok")]',
             r"type 'hsc_mm\.EMAHok' of the config"),
    'seed': ('_base_ = "{base}"\nrandomness = dict(seed="abc")',
             r"seed of .*: expected an integer .*, found 'abc'"),
    'data': ('_base_ = "{base}"\ntrain_dataloader = dict(dataset=dict('
             'data_root="no/VOC2012"))', r'VOC2012_ROOT'),
    'subset': ('_base_ = "{base}"\ntrain_dataloader = dict(dataset=dict('
               'data_root="no/voc-animals"))',
               r'cut_voc \$VOC2012_ROOT.* VOC_ANIMALS_ROOT'),
    'module': ('_base_ = "{base}"\ncustom_imports = dict('
               'imports=["nowhere_mod.losses"])',
               "bad.py: custom_imports: No module named 'nowhere_mod'. .*"
               'PYTHONPATH=FOLDER'),
    'package-own': ('_base_ = "hsc_mm::cam_r50_voc.py"',
                    r'bad\.py: _base_ "hsc_mm::cam_r50_voc\.py": expected .*'
                    r"path: _base_ = '.*configs/cam_r50_voc\.py'\.$"),
    'package-unknown': ('_base_ = "mmfoo::a/b.py"',
                        r'"mmfoo::a/b\.py": expected .* Name the path of a'),
    'package-none': ('_base_ = "mmdet::a/b.py"',
                     'distribution mmdet, which is not installed. Name the'),
    'package-file': ('_base_ = "mmseg::fcn/nothere.py"',
                     r'nothere\.py": .* those of mmseg lie in .*configs\.$'),
    'package-two': ('_base_ = "mmseg::fcn::b.py"', '"mmseg::fcn::b.py": exp'),
    'variable': ('_base_ = "{base}"\nx = [{{_base_.nothere}}]',
                 r'bad\.py: \{\{_base_\.nothere\}\}: .*found no "nothere"'),
    'variable-near': ('_base_ = "{base}"\n'
                      'x = dict(y={{_base_.train_cfg.max_iter}})',
                      r'found no "max_iter" in .* Is "max_iters" meant\?'),
    'variable-deep': ('_base_ = "{base}"\n'
                      'x = {{_base_.train_cfg.max_iters.y}}',
                      r'max_iters\.y\}\}: .* found no "y" in them'),
}


@pytest.mark.parametrize('name', CONFIGS)
def test_configs(base, tmp_path, monkeypatch, capsys, name):
    text, said = CONFIGS[name]
    bad = tmp_path / 'bad.py'
    bad.write_bytes(text if isinstance(text, bytes) else
                    text.replace('{base}', str(base)).encode())
    status, lines = run(monkeypatch, capsys, 'train', bad, '--work-dir',
                        tmp_path / 'w')
    assert (status, len(lines)) == (1, 1), lines
    assert re.search(said, lines[0]), lines
    assert not list(tmp_path.rglob('*.pth'))




def test_configs_of_mmseg_are_named_by_path(tmp_path):
    """Under onedl, whose distribution has another name, not as mmseg::."""
    path = tmp_path / 'c.py'
    name = '_base_/models/fcn_unet_s5-d16.py'
    path.write_text(f'_base_ = "mmseg::{name}"')
    if check_families() == 'onedl':
        with pytest.raises(ValueError, match='distribution mmseg') as at:
            read_config(path)
        assert 'custom_imports' not in str(at.value)
        line = str(at.value).split('Name its path: ')[1]
        path.write_text(line.removesuffix('.'))
    cfg = read_config(path)
    assert cfg.model.backbone.type == 'UNet'


OPTIONS = {
    'key': ('train_cfg.max_iter=3', 1, r'Is "max_iters" meant\?'),
    'form': ('train_cfg', 2, 'expected key=value'),
    'place': ('model.decode_head.loss_decode.x.y=3', 1, 'fit|argument'),
    'argument': ('model.decode_head.nonsense=1', 1, "no argument 'nonsense'"),
    'model': ('model=None', 1, 'expected model='),
    'rate': ('optim_wrapper.optimizer.lr=x', 1, r"lr of .* found 'x'"),
    'clip': ('optim_wrapper.clip_grad.max_norm=-1', 1, 'max_norm of .*> 0'),
    'weights': ('load_from=5', 1, 'load_from of .* found 5'),
    'compile': ('compile=True', 1, 'compile of .*expected False: .*CAM stage'),
    'level': ('log_level=FOO', 1, "log_level of .* found 'FOO'"),
    'data': ('model.data_preprocessor=None', 1, 'expected one, such as'),
    'pipeline': ('train_dataloader.dataset.pipeline=[]', 1,
                 r'pipeline of .*: expected transforms, found \[\]'),
    'twice': ('train_dataloader.dataset.metainfo.classes='
              '[background,cat,cat]', 1, 'each once'),
    'segmentor': ('model.type=EncoderDecoder', 1,
                  r'model\.type: expected hsc_mm\.CAMSegmentor .* Set '),
    'hook': ('default_hooks.finite_loss=None', 1,
             r'default_hooks\.finite_loss: expected .* found None\. .*leave'),
    'hook-hub': ('default_hooks.runtime_info=None', 1,
                 r'default_hooks\.runtime_info: expected .* found None\.'),
    'hook-number': ('default_hooks.timer=5', 1,
                    r'default_hooks\.timer: expected .* found 5\.'),
    'section': ('env_cfg=None', 1,
                r'env_cfg of .*: expected dict\(\.\.\.\), found None'),
    'hooks': ('default_hooks=None', 1, 'default_hooks of .* found None'),
    'hook-list': ('custom_hooks=5', 1,
                  r'custom_hooks of .* a list of dict\(.* found 5'),
    'imports': ('custom_imports=None', 1, 'custom_imports of .* found None'),
    'no-head': ('model.decode_head=None', 1, r'model\.decode_head of .*None'),
    'kept': ('default_hooks.checkpoint.max_keep_ckpts=abc', 1,
             r"hooks\.checkpoint\.max_keep_ckpts of .* found 'abc'"),
    'interval': ('default_hooks.logger.interval=1.5', 1,
                 r'default_hooks\.logger\.interval of .* an integer'),
    'resume': ('resume=maybe', 1, r"resume of .*True or False.*'maybe'"),
    'mean': ('model.data_preprocessor.mean=[1]', 1,
             r'data_preprocessor of .*found 1 mean, 3 std, 3 bands'),
    'std': ('model.data_preprocessor.std=2', 1, 'found 3 mean, 1 std, 3 ban'),
    'corners': ('model.decode_head.align_corners=x', 1,
                r"decode_head\.align_corners of .*True or False, found 'x'"),
    'seed': ('randomness.seed=-1', 1, r'randomness\.seed of .* >= 0'),
    'import': ('custom_imports.imports=[nowhere_mod]', 1, 'nowhere_mod'),
    'intervals': ('train_cfg.dynamic_intervals=[(0,0)]', 1,
                  r'dynamic_intervals of .* > 0, found 0'),
    'pairs': ('train_cfg.dynamic_intervals=[1,2]', 1, 'pairs .* found 1'),
    'begin': ('train_cfg.val_begin=x', 1, r"val_begin of .* found 'x'"),
    'loader': ('train_dataloader=5', 1, r'dataloader of .* dict.*found 5'),
    'dataset': ('train_dataloader.dataset=[1]', 1, r'dataset of .*\[1\]'),
    'prefix': ('train_dataloader.dataset.data_prefix=x', 1, "found 'x'"),
    'meta': ('train_dataloader.dataset.metainfo=5', 1, 'metainfo of .* 5'),
    'maps': ('train_dataloader.dataset.aux_maps=5', 1, 'aux_maps of .* 5'),
    'steps': ('train_dataloader.dataset.pipeline=5', 1, 'a list .*found 5'),
    'step': ('train_dataloader.dataset.pipeline=[LoadImage]', 1,
             r"a list .*found \['LoadImage'\]"),
    'refiners': ('pseudo_label.refiners=[5]', 1, r'a list .*found \[5\]'),
    'loss': ('model.decode_head.losses.cls=x', 1, r"cls of .* found 'x'"),
    'start': ('env_cfg.mp_cfg.mp_start_method=x', 1, "one of .*found 'x'"),
    'name-form': ('default_hooks.checkpoint.filename_tmpl=x', 1, 'with {} f'),
    'view': ('model.second_view=[24]', 1, r'\(height, width\), found \[24'),
    'channels': ('model.decode_head.in_channels=-1', 1,
                 'in_channels of CAMHead: expected an integer > 0'),
    'index': ('model.decode_head.in_index=x', 1, "in_index of .*found 'x'"),
    'rule': ('pseudo_label.rule=5', 1, 'rule of .* found 5'),
    'switch': ('model.test_cfg.use_image_labels=no', 1,
               "use_image_labels of .*: expected True or False, found 'no'"),
    'own': ('train_dataloader.dataset.keep_empty=x', 1,
            "keep_empty of .*: expected True or False, found 'x'"),
}


@pytest.mark.parametrize('name', OPTIONS)
def test_options(base, tmp_path, monkeypatch, capsys, name):
    option, expected, said = OPTIONS[name]
    status, lines = run(monkeypatch, capsys, 'train', base, '--work-dir',
                        tmp_path / 'w', '--cfg-options', option)
    assert (status, len(lines)) == (expected, 1), lines
    assert re.search(said, lines[0]), lines


@pytest.mark.parametrize('launcher', ['pytorch', 'slurm', 'mpi'])
def test_launchers_need_their_environment(base, monkeypatch, capsys, launcher):
    status, lines = run(monkeypatch, capsys, 'train', base, '--launcher',
                        launcher)
    assert status == 2
    assert 'Start the command with it' in lines[0]


@pytest.mark.parametrize(('name', 'text'), [
    ('LOCAL_RANK', 'x'), ('RANK', '2'), ('WORLD_SIZE', '0'),
    ('MASTER_PORT', '99999')])
def test_variables_of_launchers_are_numbers(base, monkeypatch, capsys, name,
                                            text):
    for one, value in ({'WORLD_SIZE': '2', 'RANK': '0', 'LOCAL_RANK': '0',
                        'MASTER_PORT': '29500', name: text}).items():
        monkeypatch.setenv(one, value)
    status, lines = run(monkeypatch, capsys, 'train', base)
    assert status == 2
    assert f'variable {name}: expected' in lines[0]
    assert f'found {text!r}' in lines[0]


def test_names_of_modules_are_no_parts():
    with pytest.raises(ValueError, match=r'one of .*otsu.*found "abc"'):
        find_rule('abc')
    with pytest.raises(ValueError, match=r"a type of .*PAR.*found 'abc'"):
        build_refiner(dict(type='abc'))


def test_paths_without_a_name(base, monkeypatch, capsys):
    for option in ('--work-dir', '--out'):
        status, lines = run(monkeypatch, capsys, 'test', base, base, option,
                            ' ')
        assert status == 2
        assert f'{option}: expected a path' in lines[0]


def test_devices_are_there(shared_voc, tmp_path, monkeypatch, capsys, base):
    weights = tmp_path / 'w.pth'
    torch.save(dict(state_dict=dict(a=torch.ones(1))), weights)
    for device in ('xpu9', 'nonsense', 'cuda:99', 'meta'):
        for argv in (('make_pseudo_labels', base, weights),
                     ('predict', shared_voc / 'JPEGImages', '--config', base,
                      '--checkpoint', weights)):
            status, lines = run(monkeypatch, capsys, *argv, '--out',
                                tmp_path / 'out', '--device', device)
            assert status == 1
            assert f'found {device!r}' in lines[0]
            assert not (tmp_path / 'out').exists()


def test_several_metrics_are_refused_where_one_is_changed(
        base, tmp_path, monkeypatch, capsys):
    two = tmp_path / 'two.py'
    two.write_text(f'_base_ = "{base}"\ntest_evaluator = ['
                   'dict(type="hsc_mm.SeedMetric"), dict(type="IoUMetric")]')
    weights = tmp_path / 'w.pth'
    torch.save(dict(state_dict=dict(a=torch.ones(1))), weights)
    status, lines = run(monkeypatch, capsys, 'test', two, weights, '--out',
                        tmp_path / 'out', '--work-dir', tmp_path / 'w')
    assert (status, len(lines)) == (1, 1), lines
    assert re.search(r'test_evaluator of .*two\.py: expected .*one metric, '
                     r'for --out.*found a list of 2', lines[0]), lines


@pytest.mark.parametrize('content', [b'', b'weights', b'PK\x03\x04half',
                                     [1, 2], {}])
def test_checkpoints_that_are_none(base, tmp_path, monkeypatch, capsys,
                                   content):
    path = tmp_path / 'bad.pth'
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    for argv in (('test', base, path, '--work-dir', tmp_path / 'w'),
                 ('make_pseudo_labels', base, path, '--out', tmp_path / 'p'),
                 ('train', base, '--work-dir', tmp_path / 'w',
                  '--cfg-options', f'load_from={path}')):
        status, lines = run(monkeypatch, capsys, *argv)
        assert (status, len(lines)) == (1, 1), (argv[0], lines)
        assert 'bad.pth' in lines[0]


def test_a_config_of_the_other_stage(base, shared_voc, tmp_path, monkeypatch,
                                     capsys):
    seg = seg_config(shared_voc, tmp_path / 'seg.py')
    weights = tmp_path / 'w.pth'
    model = Registry.build(MODELS, dict(
        Config.fromfile(seg).model, _scope_='mmseg'))
    torch.save(dict(state_dict=model.state_dict()), weights)
    status, lines = run(monkeypatch, capsys, 'make_pseudo_labels', seg,
                        weights, '--out', tmp_path / 'p')
    assert status == 1
    assert 'expected one with makes_cams' in lines[0]
    status, lines = run(monkeypatch, capsys, 'predict', shared_voc /
                        'JPEGImages', '--config', base, '--checkpoint',
                        weights, '--out', tmp_path / 'out')
    assert status == 1
    assert re.search(r'error: checkpoint .*w\.pth: it does not fit', lines[0])


def _raise(error):
    raise error


def _numpy():
    np.empty((1 << 40, 1 << 20), np.uint8)


def _torch():
    torch.empty(1 << 50)


def _bomb():
    image = Image.new('L', (1, 1))
    Image.MAX_IMAGE_PIXELS, kept = 10, Image.MAX_IMAGE_PIXELS
    try:
        image.resize((9, 9)).save('bomb.png')
        Image.open('bomb.png')
    finally:
        Image.MAX_IMAGE_PIXELS = kept


def _csv():
    Path('l.csv').write_text('a,"' + 'x' * 200000)
    read_label_table('l.csv')


def _list():
    Path('l.txt').write_bytes('é'.encode('latin-1'))
    read_list('l.txt')


def _circle():
    Path('a').symlink_to('a')
    open('a')


def _worker():
    from torch.utils.data import DataLoader
    list(DataLoader(_Broken(), num_workers=1))


def _read(fault):
    from torch.utils.data import DataLoader

    from hsc_mm.utils.pool import guard_workers
    list(guard_workers(DataLoader([fault], num_workers=1, collate_fn=list)))


def _read_killed():
    from torch.utils.data import DataLoader
    list(DataLoader(_Killed(), num_workers=1))


def _gone():
    os.mkdir('gone')
    os.chdir('gone')
    os.rmdir('../gone')
    os.getcwd()


class _Unshared:

    def __init__(self, why='unable to allocate shared memory(shm) for file'):
        self.why = why

    def __reduce__(self):
        raise RuntimeError(self.why)


class _Killed(torch.utils.data.Dataset):

    def __len__(self):
        return 1

    def __getitem__(self, index):
        os.kill(os.getpid(), signal.SIGBUS)


class _Broken(torch.utils.data.Dataset):

    def __len__(self):
        return 1

    def __getitem__(self, index):
        from hsc_mm.utils import read_image
        return read_image('l.txt')


class _Narrow(torch.utils.data.Dataset):
    """A strip, one pixel wide, through transforms of mmseg."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return Compose([
            RandomResize(scale=(2048, 512), ratio_range=(.5, .5),
                         keep_ratio=True),
            RandomFlip(prob=1.0),
            PackSegInputs()
        ])(dict(img=np.zeros((self.size, 1, 3), np.uint8), img_path='s.png'))


def _read_narrow(size):
    from torch.utils.data import DataLoader
    list(DataLoader(_Narrow(size), num_workers=1, collate_fn=list))


def _scores():
    backend = LocalVisBackend('.')
    assert backend.experiment is backend
    backend._scalar_save_file = '/dev/full'
    backend.add_scalars(dict(loss=1.0))


def _log():
    logger = logging.getLogger('a log on a full disk')
    logger.addHandler(logging.FileHandler('/dev/full'))
    raise_full_disk(logger)
    logger.error('loss')


def _run():
    runner = SimpleNamespace(log_dir='work/run1')
    _raise(OSError(errno.ENOSPC, f'No space {len(vars(runner))}'))


FAULTS = {
    'a strip vanishes': (lambda: _Narrow(3000)[0],
                         r'^s\.png: .*narrow.*Crop it', 1),
    'a strip is mirrored': (lambda: _Narrow(900)[0],
                            r'^s\.png: .*narrow.*Crop it', 1),
    'a strip vanishes in a worker': (lambda: _read_narrow(3000),
                                     r'^a picture: .*narrow.*Crop it', 1),
    'a strip is mirrored in a worker': (lambda: _read_narrow(900),
                                        r'^a picture: .*narrow.*Crop it', 1),
    'disk full': (lambda: _raise(OSError(errno.ENOSPC, 'No space', 'x')),
                  r'^x: the disk is full\. Free some space', 1),
    'disk full of scores': (_scores, r'^/dev/full: the disk is full\.', 1),
    'disk full of a log': (_log, r'^/dev/full: the disk is full\. Free', 1),
    'disk full of a run': (_run, r'^work/run1: the disk is full\. Free', 1),
    'no permission': (lambda: _raise(PermissionError(errno.EACCES, '', 'x')),
                      r'^x: permission denied', 1),
    'read-only': (lambda: _raise(OSError(errno.EROFS, '', 'x')),
                  'read-only', 1),
    'file in a path': (lambda: open('l.txt/x'), r'^l\.txt/x: .* file, no', 1),
    'circle': (_circle, r'^a: .* circle', 1),
    'descriptors': (lambda: _raise(OSError(errno.EMFILE, '')), 'ulimit -n', 1),
    'numpy memory': (_numpy, 'memory is used up.*batch', 1),
    'torch memory': (_torch, 'memory is used up.*batch', 1),
    'pixels': (_bomb, r'bomb\.png: more pixels', 1),
    'csv': (_csv, r'l\.csv.*(never closed|field)', 1),
    'latin-1': (_list, r'l\.txt.* UTF-8', 1),
    'no shared memory': (lambda: _read(_Unshared()),
                         'shared memory.*num_workers=0', 1),
    'no files in a worker': (lambda: _read(_Unshared('Too many open files')),
                             'ulimit -n', 1),
    'no folder': (_gone, 'the current folder', 1),
    'killed worker': (_read_killed, 'shared memory.*num_workers', 1),
    'worker': (_worker, r'^l\.txt: expected an image', 1),
    'bug': (lambda: {}['x'], "^unexpected: KeyError: 'x'. This is a bug", BUG),
    'bug of a library': (lambda: json.loads('x'), '^unexpected: JSON', BUG),
    'bug of ours': (lambda: int('x'), r'^unexpected: ValueError', BUG),
}


@pytest.mark.parametrize('name', FAULTS)
def test_exceptions(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'l.txt').write_text('no image')
    fault, said, status = FAULTS[name]
    with pytest.raises(BaseException) as info:  # noqa: PT011
        fault()
    found = explain(info.value)
    assert found[1] == status, found
    assert re.search(said, found[0]), found
    assert '\n' not in found[0]


def test_names_are_no_markup():
    at = dict(threshold=.3, mIoU=1, over=1, under=1, iou=[1, 1],
              false_pixel_rate=None, mIoU_of_size=dict(small=1),
              over_of_class=[1, 1], under_of_class=[1, 1])
    text = seed_tables(dict(
        facts=dict(split='s', images=1, views=1, used_image_labels=True,
                   supervision='x'),
        background_only=dict(mIoU=1, iou=[1, 1]),
        images_of_size=dict(small=1),
        own=at, best=at, mAP=1, PxAP=1, classes=['[/b]', 'cat [red]']))
    assert '[/b]' in text
    assert 'cat [red]' in text


@pytest.mark.slow
def test_mmsegs_own_script_says_it_in_a_sentence(tmp_path):
    script = Path(mmseg.__file__).parent / '.mim' / 'tools' / 'train.py'
    env = dict(os.environ, PYTHONPATH=str(ROOT),
               VOC2012_ROOT=str(tmp_path / 'VOC2012'))
    done = subprocess.run(
        [sys.executable, script, ROOT / 'configs' / 'hsc_r50_voc.py',
         '--work-dir', tmp_path / 'w', '--cfg-options',
         'model.backbone.init_cfg=None'],
        capture_output=True, text=True, env=env)
    assert done.returncode == 1
    assert 'Traceback' not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert re.match(r'error: data_root .*VOC2012: no such folder\. '
                    r'.*docs/data\.md.*prepare_voc.*VOC2012_ROOT', last)


def test_the_traceback_is_there_for_who_wants_it(monkeypatch, capsys):
    monkeypatch.setenv('HSC_MM_TRACEBACK', '1')
    monkeypatch.setattr(sys, 'argv', ['contact_sheet'])
    from hsc_mm.cli import common
    assert common.run(lambda: 1 / 0) == BUG
    said = capsys.readouterr().err
    assert 'Traceback' in said
    assert 'run again with HSC_MM_TRACEBACK=1' in said


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EFBIG, errno.EMFILE])
def test_a_full_disk_is_no_fault_of_the_config(number, monkeypatch, tmp_path):
    path = tmp_path / 'a.py'
    path.write_text('model = dict(type="hsc_mm.CAMSegmentor")')

    def full(*args, **kwargs):
        raise OSError(number, 'no space')
    monkeypatch.setattr('hsc_mm.inference.config_files.Config.fromfile', full)
    with pytest.raises(OSError, match='no space') as found:
        read_config(path)
    assert found.value.errno == number


def test_a_part_of_a_host_that_does_not_fit_is_named():
    with pytest.raises(RuntimeError) as info:
        ConvModule(99, 8, 1)(torch.zeros(1, 64, 4, 4))
    said, status = explain(info.value)
    assert said.startswith('ConvModule of mmcv: RuntimeError: Given groups')
    assert 'Compare the channels' in said
    assert status == 1


def test_class_weights_of_another_number_of_classes_are_named():
    loss = CrossEntropyLoss(class_weight=[1.0, 2.0])
    with pytest.raises(RuntimeError) as info:
        loss(torch.zeros(1, 3, 4, 4), torch.zeros(1, 4, 4, dtype=torch.long))
    said, status = explain(info.value)
    assert said.startswith('CrossEntropyLoss of mmseg: RuntimeError: weight')
    assert 'Compare the channels, classes' in said
    assert status == 1


class _InPlace(BaseModel):
    """A model whose fault shows on the way back."""

    def forward(self, inputs, mode):
        weight = torch.nn.Parameter(torch.ones(2))
        out = weight.exp()
        out += 1
        return dict(loss=out.sum())


def test_a_fault_of_a_model_is_no_fault_of_the_config():
    model = _InPlace()
    optimizer = OptimWrapper(torch.optim.SGD([torch.ones(1)], 1))
    with pytest.raises(RuntimeError, match='inplace') as info:
        model.train_step(dict(inputs=[]), optimizer)
    assert 'the config' not in explain(info.value)[0]


def test_an_environment_may_be_called_torch(tmp_path):
    folder = tmp_path / 'torch' / 'mmcv'
    folder.mkdir(parents=True)
    (folder / '__init__.py').write_text('def f(x):\n    return 1 + x\n')
    scope: dict = {}
    exec(compile((folder / '__init__.py').read_text(),
                 str(folder / '__init__.py'), 'exec'), scope)
    with pytest.raises(TypeError) as info:
        scope['f']('a')
    assert 'does not suit mmcv: TypeError' in explain(info.value)[0]


def test_what_a_host_refuses_without_a_word_is_named():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = torch.nn.Conv2d(1, 1, 1)

    build = LearningRateDecayOptimizerConstructor(
        dict(optimizer=dict(type='AdamW', lr=1e-3)),
        dict(num_layers=6, decay_rate=.9, decay_type='layer_wise'))
    with pytest.raises(NotImplementedError) as info:
        build(Net())
    assert re.match(r'NotImplementedError \(raised by mmseg\)\. LearningRate'
                    'DecayOptimizerConstructor does not support',
                    explain(info.value)[0])


@pytest.mark.parametrize(('options', 'said'), [
    (dict(in_index=7), 'does not suit mmseg (EncoderDecoder > '
     'DepthwiseSeparableASPPHead): IndexError'),
    (dict(loss_decode=dict(type='OhemCrossEntropy')),
     'OhemCrossEntropy of the config does not go with EncoderDecoder > '
     "DepthwiseSeparableASPPHead of mmseg, which passes 'weight' to it"),
    (dict(in_index=[0, 1], in_channels=[8], input_transform='resize_concat'),
     'rejects its arguments: AssertionError in "assert len(in_channels) == '
     'len(in_index)"'),
])
def test_a_head_that_does_not_fit_is_named(shared_voc, tmp_path, options,
                                           said):
    config = seg_config(shared_voc, tmp_path / 'seg.py')
    cfg = Config.fromfile(config)
    cfg.model.decode_head = dict(cfg.model.decode_head, **options)
    cfg.train_dataloader.dataset.pipeline[2].pseudo_dir = str(
        shared_voc / 'SegmentationClass')
    cfg.dump(str(config))
    found = run_here('train', config, '--work-dir', tmp_path / 'w')
    assert found.returncode == 1
    assert said in found.stderr
