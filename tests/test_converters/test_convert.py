"""Tiny files of every source, converted and loaded."""
import json
import re
import runpy
import struct
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from hsc_converters.release import SOURCES
from hsc_converters.weights import convert
from hsc_mm import __version__
from hsc_mm.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
SHAPES = json.loads(
    (ROOT / 'tests/data/resnet38d_state_dict_shapes.json').read_text())
# Of 64 base channels; the head's own widths become 3, 4 and so on.
WIDTHS = {21: 3, 3: 3, 195: 3 + 4 + 5, 192: 6}
OWN = {'f8_3': 4, 'f8_4': 5, 'proj_fc': 7, 'extra_F': 8}


def narrow(key: str, shape: list) -> list:
    """Shrink a shape of the release to one base channel."""
    module = key.split('.')[0]
    if len(shape) < 4:
        return [OWN[module]] if module in OWN and shape else [
            n // 64 for n in shape]
    out, inputs, *kernel = shape
    out = OWN.get(module) or WIDTHS.get(out) or out // 64
    if key == 'extra_F.3.weight':
        inputs = OWN['extra_F']
    else:
        inputs = WIDTHS.get(inputs) or inputs // 64
    return [out, inputs, *kernel]


def release(source: str, channels: int = 3) -> dict[str, Tensor]:
    """Make the state dict of a source, narrow, of three classes."""
    generator = torch.Generator().manual_seed(0)
    state = OrderedDict()
    for key, shape in SHAPES.items():
        backbone = key.split('.')[0] in ('conv1a', 'bn7') or re.match(
            r'b\d', key)
        if backbone or key in SOURCES[source].head:
            shape = narrow(key, shape)
            if key == 'fc8.weight':
                shape[0] = channels
            state[key] = torch.rand(shape, generator=generator) if (
                shape) else torch.tensor(5)
    return state


def as_mxnet(state: dict[str, Tensor]) -> bytes:
    """Write a backbone as MXNet does, by its names."""
    norm = dict(weight='gamma', bias='beta', running_mean='moving_mean',
                running_var='moving_var')
    arrays = {'arg:linear1000_bias': np.zeros(2, 'f4')}
    for key, value in state.items():
        if key == 'conv1a.weight':
            name = 'conv1a_weight'
        elif key.startswith('bn7.'):
            name = f'bn7_{norm.get(key[4:])}'
        else:
            block, layer, kind = key.split('.')
            place = re.sub(r'_(\d)', r'b\1', block[1:])
            place += '' if 'b' in place else 'a'
            conv, branch = layer.startswith('conv'), layer.split('_')[1]
            name = (f'{"res" if conv else "bn"}{place}_{branch}_'
                    f'{"weight" if conv else norm.get(kind)}')
        if not key.endswith('tracked'):
            arrays[f'arg:{name}'] = value.numpy()
    data = struct.pack('<QQQ', 0x112, 0, len(arrays))
    for array in arrays.values():
        n = array.ndim
        data += struct.pack(f'<I{n}Iiii', n, *array.shape, 1, 0, 0)
        data += array.tobytes()
    data += struct.pack('<Q', len(arrays))
    for name in arrays:
        data += struct.pack('<Q', len(name)) + name.encode()
    return data


@pytest.fixture
def src(tmp_path):
    return tmp_path / 'src.pth'


@pytest.fixture
def dst(tmp_path):
    return tmp_path / 'new' / 'dst.pth'


def test_mxnets_network_initialises_a_backbone(src, dst):
    state = release('mxnet')
    src.write_bytes(as_mxnet(state))
    done = convert(src, dst)
    assert done['meta'] == dict(source='mxnet', hsc_mm_version=__version__)
    net = MODELS.build(
        dict(
            type='hsc_mm.ResNet38d',
            base_channels=1,
            init_cfg=dict(
                type='Pretrained', checkpoint=str(dst), prefix='backbone.')))
    net.init_weights()
    found = net.state_dict()
    assert list(found) == list(state)
    for key, value in state.items():
        if key.endswith('tracked'):
            value = torch.tensor(0)
        assert torch.equal(found[key], value), key


@pytest.mark.parametrize('source', ['eps', 'seam', 'hsc'])
def test_a_checkpoint_is_recognised_and_renamed(src, dst, source):
    state = release(source)
    torch.save(
        {'state_dict': {f'module.{k}': v for k, v in state.items()},
         'epoch': 3}, src)
    convert(src, dst, num_classes=3)
    found = torch.load(dst, weights_only=True)
    order = SOURCES[source].background
    assert found['meta'] == dict(
        source=source, hsc_mm_version=__version__, background=order)
    assert len(found['state_dict']) == len(state)
    weight = state['fc8.weight']
    expected = weight if order == 'first' else weight[[2, 0, 1]]
    found = found['state_dict']
    assert torch.equal(found['decode_head.classifier.weight'], expected)
    assert torch.equal(found['backbone.b7.conv_branch1.weight'],
                       state['b7.conv_branch1.weight'])
    assert set(found) - {f'backbone.{k}' for k in state} == {
        f'decode_head.{name}' for name in SOURCES[source].head.values()}


def test_the_head_of_the_release(src, dst):
    state = release('hsc')
    torch.save(state, src)
    found = convert(src, dst, num_classes=3)['state_dict']
    for ours, theirs in {
            'refiner.reduce.0.weight': 'f8_3.weight',
            'refiner.reduce.1.weight': 'f8_4.weight',
            'refiner.embed.weight': 'f9.weight',
            'embeddings.pixel.0.weight': 'proj_fc.weight',
            'embeddings.region.0.bias': 'extra_F.0.bias',
            'embeddings.region.1.running_var': 'extra_F.1.running_var',
            'embeddings.region.1.num_batches_tracked':
            'extra_F.1.num_batches_tracked',
            'embeddings.region.3.weight': 'extra_F.3.weight'}.items():
        assert torch.equal(found[f'decode_head.{ours}'], state[theirs])


def test_where_the_background_is_can_be_said(src, dst):
    state = release('eps', channels=2)
    torch.save(state, src)
    found = convert(src, dst, background='none', num_classes=3)['state_dict']
    weight = found['decode_head.classifier.weight']
    assert weight.shape[0] == 3
    assert not weight[0].any()
    assert torch.equal(weight[1:], state['fc8.weight'])
    found = convert(src, dst, background='first', num_classes=2)
    assert torch.equal(
        found['state_dict']['decode_head.classifier.weight'],
        state['fc8.weight'])


def test_old_files_without_counters(src, dst):
    state = {k: v for k, v in release('hsc').items()
             if not k.endswith('tracked')}
    torch.save(state, src)
    found = convert(src, dst, num_classes=3)['state_dict']
    assert found['backbone.bn7.num_batches_tracked'] == 0
    assert found['decode_head.embeddings.region.1.num_batches_tracked'] == 0


def test_wrong_tensors_are_named(src, dst):
    state = release('hsc')
    del state['b4_5.conv_branch2a.weight']
    state['more.weight'] = torch.zeros(1)
    state['f9.weight'] = state['f9.weight'][:, 1:]
    torch.save(state, src)
    with pytest.raises(ValueError) as error:  # noqa: PT011
        convert(src, dst, num_classes=3)
    text = str(error.value)
    assert 'missing: b4_5.conv_branch2a.weight (8, 8, 3, 3);' in text
    assert 'unexpected: more.weight;' in text
    assert ('of another shape: f9.weight (6, 11, 1, 1) instead of '
            '(6, 12, 1, 1).') in text
    assert not dst.exists()


@pytest.mark.parametrize(('source', 'kwargs', 'text'), [
    ('eps', dict(source='hsc'), 'missing: f8_3.weight .* and 8 more'),
    ('hsc', dict(source='eps'), 'unexpected: f8_3.weight'),
    ('eps', dict(num_classes=21), 'fc8.weight has 3 channels instead of 21'),
    ('eps', dict(background='none'), 'has 3 channels instead of 2'),
    ('eps', dict(source='mxnet'), r'in the header.*expected 0x112'),
    ('mxnet', {}, 'expected the tensor fc8.weight .* found none among'),
    ('eps', dict(source='psa'), 'source: expected auto .* found "psa"'),
    ('eps', dict(background='middle'), 'background: .* found "middle"'),
])
def test_the_wrong_source_is_an_error(src, dst, source, kwargs, text):
    torch.save(release(source), src)
    with pytest.raises(ValueError, match=text):
        convert(src, dst, **dict(dict(num_classes=3), **kwargs))


@pytest.mark.parametrize('legacy', [False, True])
def test_a_short_checkpoint_is_an_error(src, dst, legacy):
    torch.save(release('eps'), src, _use_new_zipfile_serialization=not legacy)
    data = src.read_bytes()
    for size in (0, 1, 9, 100, 1000, 5000, len(data) // 2, len(data) - 1):
        src.write_bytes(data[:size])
        with pytest.raises(ValueError, match=r'src\.pth: expected a check'):
            convert(src, dst, num_classes=3)


@pytest.mark.parametrize(('content', 'text'), [
    ([1], 'expected a dict of tensors, found list'),
    (dict(model=dict(a=1)), 'found dict at "model"'),
    (Path('x'), 'expected a checkpoint of PyTorch'),
])
def test_other_content_is_an_error(src, dst, content, text):
    torch.save(content, src)
    with pytest.raises(ValueError, match=text):
        convert(src, dst)


def test_a_file_does_not_replace_itself(src):
    torch.save(release('eps'), src)
    with pytest.raises(ValueError, match='expected another file than'):
        convert(src, src)


def test_the_tool(src, dst, monkeypatch, capsys):
    torch.save(release('hsc'), src)

    def run(*arguments):
        tool = str(ROOT / 'tools/convert_weights.py')
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            runpy.run_path(tool, run_name='__main__')
        return done.value.code, capsys.readouterr()

    code, text = run(src, dst, '--num-classes', 3)
    assert code == 0
    assert text.out.endswith(
        'dst.pth: 242 tensors of source hsc; background of its classifier: '
        'last, now channel 0\n')
    src.write_bytes(src.read_bytes()[:999])
    code, text = run(src, dst)
    assert code == 1
    assert text.err.splitlines()[-1].startswith(f'error: {src}: expected')
    assert 'Traceback' not in text.err
    assert run(src.with_name('no.pth'), dst)[0] == 2
