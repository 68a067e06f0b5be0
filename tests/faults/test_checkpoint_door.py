"""Checkpoints are data: nothing in them runs, and wrong ones are refused."""
import gzip
import json
import os
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.optim import OneCycleParamScheduler
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader
from tiny_configs import cam_config
from torch import nn
from toy_runner import toy_runner

from hsc_mm.cli.errors import explain
from hsc_mm.inference.seeds import build_model
from hsc_mm.registry import MODELS
from hsc_mm.utils.checkpoint_content import literals_only
from hsc_mm.utils.checkpoint_sources import locate
from hsc_mm.utils.checkpoints import SUM_SUFFIX, TRUST, file_sum, load

GOOD = dict(fc=torch.arange(2000.))


class Call:
    """Becomes a call when it is loaded."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def _flip(path):
    data = bytearray(path.read_bytes())
    place = data.find(torch.arange(900., 910.).numpy().tobytes())
    data[place + 3] ^= 0x40
    path.write_bytes(data)


def _saved(content, **kwargs):
    return lambda path, mark: torch.save(content, path, **kwargs)


def _evil(legacy=False):
    return lambda path, mark: torch.save(
        dict(GOOD, x=Call(Path.touch, mark)), path,
        _use_new_zipfile_serialization=not legacy)


def _flipped(path, mark):
    torch.save(GOOD, path)
    _flip(path)


def _flipped_legacy(path, mark):
    torch.save(GOOD, path, _use_new_zipfile_serialization=False)
    sums = path.with_name(path.name + SUM_SUFFIX)
    sums.write_text(f'{file_sum(path)}  {path.name}\n')
    _flip(path)


def _cut(share, legacy=False):

    def write(path, mark):
        torch.save(GOOD, path, _use_new_zipfile_serialization=not legacy)
        data = path.read_bytes()
        path.write_bytes(data[:int(len(data) * share)])

    return write


def _cyclic(path, mark):
    content = dict(x=1)
    content['self'] = content
    torch.save(content, path)


def _script(path, mark):
    torch.jit.save(torch.jit.script(nn.Linear(1, 1)), str(path))


#: What is in the file -> how it is made, and what is said of it.
FILES = {
    'empty': (lambda p, m: p.write_bytes(b''), 'found an empty file'),
    'text': (lambda p, m: p.write_text('hello\n' * 99), 'it is a text'),
    'noise': (lambda p, m: p.write_bytes(os.urandom(999)), 'not a checkpoint'),
    'half': (_cut(.5), 'truncated'),
    'tail': (_cut(.99), 'truncated'),
    'half legacy': (_cut(.5, True), 'expected a file that torch can read'),
    'zip': (lambda p, m: zipfile.ZipFile(p, 'w').writestr('a', 'b'),
            'an archive. Unpack it'),
    'list': (_saved([torch.ones(2)]), 'found list'),
    'tensor': (_saved(torch.ones(2)), 'found Tensor'),
    'nothing': (_saved(dict(state_dict={}, meta={})), 'found no tensor'),
    'cyclic': (_cyclic, 'found no tensor'),
    'nan': (_saved(dict(state_dict=dict(w=torch.tensor([1, torch.nan])))),
            r'NaN or infinity in "state_dict\.w"'),
    'inf': (_saved(dict(GOOD, w=torch.tensor(-torch.inf))),
            'NaN or infinity in "w"'),
    'half nan': (_saved(dict(GOOD, w=torch.tensor(torch.nan).half())),
                 'NaN or infinity in "w"'),
    'expanded': (_saved(dict(w=torch.tensor([torch.nan]).expand(1 << 40))),
                 'NaN or infinity in "w"'),
    'numbered': (_saved(dict(state_dict={0: torch.ones(2)})),
                 'expected names of weights as text, found 0'),
    'complex': (_saved(dict(GOOD, w=torch.ones(2, dtype=torch.complex64))),
                '"w" as a dense tensor of real numbers'),
    'sparse': (_saved(dict(GOOD, w=torch.eye(2).to_sparse())),
               '"w" as a dense tensor'),
    'no values': (_saved(dict(GOOD, w=torch.ones(2, device='meta'))),
                  '"w" as a dense tensor'),
    'variance': (_saved(dict(GOOD, running_var=torch.tensor([1., -5.]))),
                 'without negative variances, found -5'),
    'meta list': (_saved(dict(state_dict=GOOD, meta=[1])),
                  '"meta" as a dictionary'),
    'meta data': (_saved(dict(state_dict=GOOD, meta=dict(dataset_meta=5))),
                  '"dataset_meta" as a dictionary'),
    'meta classes': (_saved(dict(state_dict=GOOD, meta=dict(
        dataset_meta=dict(classes=('cat', 3))))), 'classes as a list'),
    'meta iter': (_saved(dict(state_dict=GOOD, meta=dict(iter=-7))),
                  'meta.iter as a whole number'),
    'hub': (_saved(dict(state_dict=GOOD, message_hub=5)),
            '"message_hub" as a dictionary'),
    'optimizer': (_saved(dict(state_dict=GOOD, optimizer='x')),
                  '"optimizer" as a dictionary'),
    'schedulers': (_saved(dict(state_dict=GOOD, param_schedulers=['x'])),
                   '"param_schedulers" as a dictionary or several'),
    'meta health': (_saved(dict(state_dict=GOOD, meta=dict(
        health=dict(findings=['x'])))), 'health.findings as a training'),
    'flipped': (_flipped, 'it is damaged'),
    'flipped legacy': (_flipped_legacy, 'does not match the checksum'),
    'evil': (_evil(), 'would run code'),
    'evil legacy': (_evil(True), 'would run code'),
    'getattr': (_saved(dict(GOOD, x=Call(getattr, HistoryBuffer,
                                         '__init__'))), 'would run code'),
    'getattr of a call': (_saved(dict(GOOD, x=Call(
        getattr, OneCycleParamScheduler, '__subclasses__'))),
        'would run code'),
    'fake name': (_saved(dict(GOOD, x=Call(
        getattr, ConfigDict(__name__='HistoryBuffer', min=1), 'min'))),
        'would run code'),
    'eval': (_saved(dict(GOOD, x=Call(eval, '1'))), 'would run code'),
    'bare pickle': (lambda p, m: p.write_bytes(pickle.dumps(
        dict(GOOD, x=Call(Path.touch, m)))),
                    'would run code|not a checkpoint'),
    'script': (_script, r'TorchScript archive\..* state_dict\(\)'),
}


@pytest.mark.parametrize('kind', FILES)
def test_one_sentence_of_each_file(tmp_path, kind):
    write, said = FILES[kind]
    path, mark = tmp_path / 'a.pth', tmp_path / 'touched'
    write(path, mark)
    for one in (load, lambda p: CheckpointLoader.load_checkpoint(str(p))):
        with pytest.raises(ValueError, match=said) as info:
            one(path)
        text = str(info.value)
        assert text.startswith(f'checkpoint {path}: ')
        assert '\n' not in text
        assert len(text) < 500
    assert not mark.exists()


def _safetensors(path):
    table = json.dumps(dict(w=dict(
        dtype='F32', shape=[1], data_offsets=[0, 4]))).encode()
    path.write_bytes(len(table).to_bytes(8, 'little') + table + bytes(4))


def _tar(*names):

    def write(path):
        with tarfile.open(path, 'w') as archive:
            for name in names:
                archive.addfile(tarfile.TarInfo(name))

    return write


def _zip(path):
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('folder/w.pth', b'x')


#: Whole files of another form -> what they are called.
FORMS = {
    'model.safetensors': (_safetensors, r'a file of safetensors\. Convert'),
    'w.tar': (_tar('w.pth'), r'an archive\. Unpack it'),
    'old.tar': (_tar('storages', 'tensors', 'pickle'),
                r'a checkpoint of torch before 0\.1\.10'),
    'w.zip': (_zip, r'an archive\. Unpack it'),
    'w.pth.gz': (lambda p: p.write_bytes(gzip.compress(b'x' * 99)),
                 r'an archive\. Unpack it'),
    'w.h5': (lambda p: p.write_bytes(b'\x89HDF\r\n\x1a\n' + bytes(99)),
             'an HDF5 file'),
    'w.npy': (lambda p: np.save(p, np.ones(3)), 'an array of NumPy'),
    'w.npz': (lambda p: np.savez(p, w=np.ones(3)), 'arrays of NumPy'),
    'w.onnx': (lambda p: p.write_bytes(b'\x08\x07\x12\x07pytorch' * 9),
               'a network of ONNX'),
    'w.params': (lambda p: p.write_bytes(b'\x12\x01' + bytes(99)),
                 r"a file of MXNet's\. .python -m hsc_mm convert_weights"),
    'w.pth': (lambda p: p.write_bytes(b'\x89PNG' + bytes(99)), 'a picture'),
}


@pytest.mark.parametrize('name', FORMS)
def test_whole_files_of_another_form_are_called_by_it(tmp_path, name):
    write, said = FORMS[name]
    path = tmp_path / name
    write(path)
    for one in (load, lambda p: CheckpointLoader.load_checkpoint(str(p))):
        with pytest.raises(ValueError, match=f'it is {said}') as info:
            one(path)
        assert 'Fetch' not in str(info.value)
        assert 'damaged' not in str(info.value)


def test_trust_is_explicit_and_warned_of(tmp_path, monkeypatch):
    path, mark = tmp_path / 'a.pth', tmp_path / 'touched'
    _evil()(path, mark)
    said = []
    monkeypatch.setattr('mmengine.logging.print_log',
                        lambda *args: said.append(args))
    monkeypatch.setenv(TRUST, '1')
    assert torch.equal(load(path)['fc'], GOOD['fc'])
    assert mark.exists()
    assert [level for text, _, level in said if 'code in' in text] == [30]


def test_every_address_goes_through_the_door(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    mark = tmp_path / 'touched'
    (tmp_path / 'checkpoints').mkdir()
    for name in ('https://x.org/a.pth', 'http://x.org/a.pth',
                 'torchvision://resnet50', 'mmcls://mobilenet_v2',
                 'open-mmlab://resnet50_v1c'):
        _evil()(Path(locate(name)[0]), mark)
        with pytest.raises(ValueError, match='would run code'):
            CheckpointLoader.load_checkpoint(name)
    for name in ('s3://x/a.pth', 'cluster:s3://x/a.pth', 'pavi://a'):
        with pytest.raises(ValueError, match='expected a file or a URL'):
            CheckpointLoader.load_checkpoint(name)
    assert not mark.exists()


def test_an_address_that_cannot_be_reached(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    url = 'http://127.0.0.1:9/a.pth'
    with pytest.raises(OSError, match='cannot be reached') as info:
        CheckpointLoader.load_checkpoint(url)
    text = str(info.value)
    assert text.startswith(f'checkpoint {url}: ')
    assert f'put it at {tmp_path}/checkpoints/a.pth' in text
    assert 'model.backbone.init_cfg.checkpoint=FILE' in text
    assert explain(info.value) == (text, 1)  # the remedy once
    assert not list((tmp_path / 'checkpoints').iterdir())


@pytest.mark.parametrize('code', [
    '__import__("os").mkdir("{mark}")', 'a = __import__("os").mkdir("{mark}")',
    'gpu_ids = [0, __import__("os").mkdir("{mark}")]', '_base_ = "{base}"',
    'custom_imports = dict(imports=["evil_module"])',
    'a = "{{{{$ENV:HOME:\', "}}}}", __import__("os").mkdir("{mark}"), ""',
    'import os\nos.mkdir("{mark}")\ngpu_ids = [0]',
    'class gpu_ids:\n    import os\n    os.mkdir("{mark}")',
    'a = f\'{{__import__("os").mkdir("{mark}")}}\'',
    '(', '(' * 3000, 'a = dict(**dict(b=1))', None, 7
])
@pytest.mark.parametrize('key', ['config', 'cfg'])
def test_configs_inside_are_never_executed(tmp_path, monkeypatch, code, key):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    mark, base = tmp_path / 'touched', tmp_path / 'base.py'
    base.write_text(f'import os\nos.mkdir("{mark}")')
    (tmp_path / 'evil_module.py').write_bytes(base.read_bytes())
    if isinstance(code, str):
        code = code.format(mark=mark, base=base)
    path = tmp_path / 'a.pth'
    torch.save(dict(GOOD, meta={key: code}), path)
    meta = load(path)['meta']
    Config.fromstring(meta[key], '.py')
    assert not mark.exists()
    assert meta.get(f'{key}_as_saved', meta[key]) == code


def test_literal_configs_stay_as_they_are():
    text = ('gpu_ids = [0]\nmodel = dict(type="A", b=(1, -2.5, None))\n'
            'custom_imports = dict(imports=["hsc_mm"])\n')
    assert literals_only(text) == text
    assert literals_only('a = 1\nb = f()\nc = dict(d=[2])') == (
        "a = 1\nc = {'d': [2]}")


def test_resuming_executes_nothing(tmp_path):
    toy_runner(tmp_path).train()
    path, mark = tmp_path / 'epoch_1.pth', tmp_path / 'touched'
    content = load(path)
    content['meta']['config'] = f'import os\nos.mkdir("{mark}")\ngpu_ids=[0]'
    torch.save(content, path)
    path.with_name(path.name + SUM_SUFFIX).unlink(missing_ok=True)
    again = toy_runner(tmp_path, 2, load_from=str(path), resume=True)
    again.train()
    assert again.iter == 4
    assert not mark.exists()


@pytest.fixture(scope='module')
def untrained(shared_voc, tmp_path_factory):
    """A config, and the weights of its model."""
    folder = tmp_path_factory.mktemp('door')
    config = cam_config(shared_voc, folder / 'cam.py', 2)
    init_default_scope('mmseg')
    state = MODELS.build(Config.fromfile(config).model).state_dict()
    return config, state


WRONG = dict(
    evil=('would run code', lambda s: dict(s, x=Call(os.getpid))),
    nan=('NaN or infinity', lambda s: {k: v * torch.nan if
                                       v.is_floating_point() else v
                                       for k, v in s.items()}),
    other=('fit|expected the weights of|only 0 of',
           lambda s: {k: torch.ones(3, 7) for k in s}))


@pytest.mark.parametrize('how', ['test', 'labels', 'load_from', 'pretrained'])
@pytest.mark.parametrize('kind', WRONG)
def test_runs_refuse_wrong_weights(untrained, tmp_path, how, kind):
    from mmengine.runner import Runner
    config, state = untrained
    said, change = WRONG[kind]
    path = tmp_path / 'a.pth'
    changed = change(state)
    torch.save(dict(state_dict=changed, meta={}), path)
    cfg = Config.fromfile(config)
    cfg.work_dir = str(tmp_path / 'w')
    cfg.experiment_name = f'{how}-{kind}'
    if how == 'pretrained':
        cfg.model.backbone.init_cfg = dict(
            type='Pretrained', checkpoint=str(path), prefix='backbone.')
    elif how != 'labels':
        cfg.load_from = str(path)
    runs = dict(test=lambda: Runner.from_cfg(cfg).test(),
                labels=lambda: build_model(cfg, str(path), 'cpu'))
    with pytest.raises(ValueError, match=said):
        runs.get(how, lambda: Runner.from_cfg(cfg).train())()
    assert not list((tmp_path / 'w').glob('*.pth'))
