"""ONNX files predict what their checkpoints predict."""
import errno
import json
import re
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from conftest import run_here
from mmengine.registry import DefaultScope
from mmseg.models import EncoderDecoder
from tiny_configs import (
    cam_config,
    fill_prototypes,
    prototype_config,
    save_weights,
    seg_config,
    untrained,
)

from hsc_converters import onnx_export
from hsc_mm.cli import common, import_command
from hsc_mm.datasets.transforms.load_image import LoadImage
from hsc_mm.inference import HSCInferencer, load_config
from hsc_mm.inference.onnx_model import OnnxSegmentor, open_session
from hsc_mm.models.segmentors import CAMSegmentor
from hsc_mm.utils.picture_sizes import SIZE

pytest.importorskip('onnxruntime')
pytest.importorskip('onnx')


def save(config, resize=None, **changes):
    """Write a checkpoint of random weights beside a config."""
    cfg = load_config(config)
    cfg.merge_from_dict(changes)
    if resize is not None:
        pipeline = cfg.test_dataloader.dataset.pipeline
        pipeline.insert(1, dict(type='Resize', **resize))
    cfg.dump(str(config))
    model = untrained(cfg)
    model.init_weights()
    for module in model.modules():  # as after a training
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    fill_prototypes(model)
    return config, save_weights(model, config.with_suffix('.pth'))


@pytest.fixture(scope='module')
def models(shared_voc, tmp_path_factory):
    """Config and checkpoint of three kinds of seeds and two segmentors."""
    folder = tmp_path_factory.mktemp('models')
    found = dict(
        cam=save(cam_config(shared_voc, folder / 'cam.py')),
        refined=save(
            cam_config(shared_voc, folder / 'refined.py',
                       name='seam_r50_voc')),
        prototypes=save(prototype_config(shared_voc, folder / 'hsc.py')),
        segmentor=save(seg_config(shared_voc, folder / 'seg.py')),
        resized=save(seg_config(shared_voc, folder / 'resized.py'),
                     resize=dict(scale=(64, 64), keep_ratio=True)))
    return found


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a command; return its exit status and what it said."""

    def run(name, *arguments):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
        try:
            status = common.run(import_command(name).main)
        except SystemExit as end:  # of argparse
            status = end.code
        return status, capsys.readouterr()

    return run


@pytest.mark.parametrize(('device', 'gpu', 'found'), [
    (None, False, []), (None, True, [0]), ('cpu', True, []),
    ('cuda', True, [0]), ('cuda:1', True, [1]), ('cuda', False, None),
    ('gpu', True, None), ('mps', True, None), ('cpuu', False, None)])
def test_a_file_runs_where_it_was_asked_to(monkeypatch, device, gpu, found):
    import onnxruntime
    cuda = 'CUDAExecutionProvider'
    monkeypatch.setattr(onnxruntime, 'get_available_providers',
                        lambda: [cuda] * gpu + ['CPUExecutionProvider'])
    monkeypatch.setattr(onnxruntime, 'InferenceSession',
                        lambda *_, providers: providers)
    if found is None:
        with pytest.raises(ValueError, match=f'device: .* found {device}'):
            open_session('x.onnx', device)
        return
    assert open_session('x.onnx', device) == [
        *((cuda, dict(device_id=one)) for one in found),
        'CPUExecutionProvider']


def test_what_onnxruntime_raises_is_an_error_of_the_picture():
    class SmallError(Exception):
        pass

    class Session:
        def get_inputs(self):
            return [SimpleNamespace(shape=[1, 3, 'height', 'width'])]

        def run(self, *_):
            raise SmallError('INVALID_ARGUMENT : Invalid input shape: {1,6}')

    model = OnnxSegmentor(Session(), dict(
        preprocessor={}, classes=['a', 'b'], task='segmentation',
        test_cfg={}, align_corners=False))
    with pytest.raises(RuntimeError) as found:
        model.run(torch.zeros(1, 3, 4, 4))
    assert SIZE.search(str(found.value))


@pytest.mark.parametrize(('resize', 'found'), [
    (dict(scale=32, keep_ratio=True), dict(scale=[32, 32], keep_ratio=True)),
    (dict(scale=(48, 32)), dict(scale=[48, 32], keep_ratio=False))])
def test_a_resize_is_described_in_full(models, tmp_path, resize, found):
    config, checkpoint = models['segmentor']
    cfg = load_config(config)
    data = cfg.test_dataloader.dataset
    data.pipeline.insert(1, dict(type='Resize', **resize))
    cfg.test_dataloader.dataset = dict(type='ConcatDataset', datasets=[data])
    done = onnx_export.export_onnx(cfg, checkpoint, tmp_path / 'a.onnx')
    assert done.dynamic
    content = json.loads((tmp_path / 'a.json').read_text())
    assert {key: content['resize'][key] for key in found} == found
    data.pipeline[1] = dict(type='Resize', scale_factor=0.5)
    with pytest.raises(ValueError, match=r'scale_factor=0\.5'):
        onnx_export.export_onnx(cfg, checkpoint, tmp_path / 'b.onnx')


@pytest.mark.parametrize(
    'kind', ['cam', 'refined', 'prototypes', 'segmentor', 'resized'])
def test_predictions_are_those_of_the_checkpoint(
        models, call, tmp_path, shared_voc, kind):
    file = tmp_path / f'{kind}.onnx'
    status, said = call('export_onnx', *models[kind], '--out', file,
                        '--size', 40, 56)
    assert status == 0, said.err
    assert 'images of any size' in said.out
    found = json.loads(file.with_suffix('.json').read_text())
    assert found['classes'] == ['background', 'cat', 'dog']
    assert found['label_map']['8'] == 1
    assert found['input']['shape'] == [1, 3, None, None]
    assert found['parity']['largest_relative_error'] < 1e-4
    images = [shared_voc / 'JPEGImages' / f'img_{n:02d}.jpg'
              for n in range(3)]
    images.append(cv2.resize(cv2.imread(str(images[0])), (77, 61)))
    labels = ['dog', 'cat'] if kind in (
        'cam', 'refined', 'prototypes') else None
    torch_model = HSCInferencer(*models[kind], device='cpu')
    onnx_model = HSCInferencer(file, device='cpu')
    assert len(np.unique(onnx_model(images, labels)[0]['mask'])) > 1
    for chosen in (labels, None):
        for one, other in zip(torch_model(images, chosen),
                              onnx_model(images, chosen), strict=True):
            assert one.keys() == other.keys()
            assert one['classes'] == other['classes']
            assert one['mask'].shape == other['mask'].shape
            assert (one['mask'] != other['mask']).mean() < 1e-3
            if labels:
                assert np.allclose(one['cam'], other['cam'], atol=1e-4)
                assert np.allclose(one['scores'], other['scores'], atol=1e-5)
                assert one['bg_threshold'] == other['bg_threshold']
                assert (one['mask_indices'] == other['mask_indices']).all()


def test_the_command_predicts_with_either(models, call, tmp_path, shared_voc):
    file = tmp_path / 'cam.onnx'
    assert call('export_onnx', *models['cam'], '--out', file)[0] == 0
    image = shared_voc / 'JPEGImages' / 'img_01.jpg'
    config, checkpoint = models['cam']
    for name, arguments in (('torch', ('--config', config, '--checkpoint',
                                       checkpoint)),
                            ('onnx', ('--checkpoint', file))):
        assert call('predict', image, '--out', tmp_path / name, '--labels',
                    'cat', '--device', 'cpu', '--threshold', 0.4,
                    *arguments)[0] == 0
    masks = [cv2.imread(str(tmp_path / name / 'img_01.mask.png'))
             for name in ('torch', 'onnx')]
    assert (masks[0] != masks[1]).mean() < 1e-3
    status, said = call('predict', image, '--checkpoint', checkpoint)
    assert (status, 'expected --config FILE' in said.err) == (2, True)
    status, said = call('predict', image, '--checkpoint', file, '--config',
                        config)
    assert (status, 'beside an ONNX file' in said.err) == (2, True)
    status, said = call('predict', image, '--checkpoint', file, '--tta')
    assert (status, 'no tta beside an ONNX file' in said.err) == (1, True)


def test_a_network_with_fixed_sizes_says_so(models, call, tmp_path,
                                            monkeypatch):
    config, checkpoint = models['segmentor']
    file = tmp_path / 'fixed.onnx'
    status, said = call('export_onnx', config, checkpoint, '--out', file,
                        '--size', 32, 48, '--fixed')
    assert status == 0
    assert 'The size is fixed, because --fixed was given' in said.out
    found = json.loads(file.with_suffix('.json').read_text())
    assert found['input']['shape'] == [1, 3, 32, 48]
    assert found['resize'] == dict(scale=[48, 32], keep_ratio=False)
    image = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)
    fixed, = HSCInferencer(file, device='cpu')(image)
    whole, = HSCInferencer(config, checkpoint, device='cpu')(image)
    assert (fixed['mask'] != whole['mask']).mean() < 1e-3
    larger = cv2.resize(image, (90, 70))
    assert HSCInferencer(file, device='cpu')(larger)[0]['mask'].shape == (
        70, 90)

    # A Python number in the graph: the trace holds for one size alone.
    def predict_cam(self, inputs, data_samples=None):
        activation, scores = self.encode_decode(inputs, data_samples)
        return activation * int(inputs.shape[2]), scores

    monkeypatch.setattr(CAMSegmentor, 'predict_cam', predict_cam)
    done = onnx_export.export_onnx(
        load_config(models['cam'][0]), models['cam'][1],
        tmp_path / 'number.onnx', (32, 48))
    assert not done.dynamic
    assert 'size (26, 85) differs by' in done.reason


_UNET = dict(
    type='UNet', base_channels=4, num_stages=2, strides=(1, 1),
    enc_num_convs=(1, 1), dec_num_convs=(1, ), downsamples=(True, ),
    enc_dilations=(1, 1), dec_dilations=(1, ))


@pytest.mark.parametrize(('backbone', 'head'), [
    (None, dict(type='PSPHead', pool_scales=(1, 2), in_channels=64)),
    (_UNET, dict(type='FCNHead', num_convs=1, in_channels=4))])
def test_an_attempt_at_free_sizes_is_quiet(models, tmp_path, capfd, backbone,
                                           head):
    """Pooling to a grid, and a network that takes even sizes alone."""
    cfg = load_config(models['segmentor'][0])
    cfg.model.auxiliary_head = None
    cfg.model.backbone = backbone or cfg.model.backbone
    cfg.model.decode_head = dict(head, channels=8, in_index=-1, num_classes=3,
                                 norm_cfg=dict(type='BN'))
    cfg.dump(str(tmp_path / 'c.py'))
    config = save(tmp_path / 'c.py')
    capfd.readouterr()
    found = run_here('export_onnx', *config, '--out', tmp_path / 'c.onnx',
                     '--size', 32, 48)
    assert found.returncode == 0, found.stderr
    assert 'The size is fixed, because ' in found.stdout
    assert ''.join(capfd.readouterr()) == ''  # of torch and onnxruntime
    assert len(found.stdout.splitlines()) < 9


class OwnSeeds(CAMSegmentor):
    def finish(self, sample, views=1):
        super().finish(sample, views)


class OwnViews(CAMSegmentor):
    def predict(self, inputs, data_samples=None):
        return super().predict(inputs.flip(3), data_samples)


class OwnMasks(EncoderDecoder):
    def encode_decode(self, inputs, batch_img_metas):
        return -super().encode_decode(inputs, batch_img_metas)


class OwnReader(LoadImage):
    """Reads pictures in a way of its own."""


@pytest.mark.parametrize(('kind', 'own', 'method'), [
    ('cam', OwnSeeds, 'CAMPredictor does, found its own finish()'),
    ('cam', OwnViews, 'CAMSegmentor does, found its own predict()'),
    ('segmentor', OwnMasks, 'EncoderDecoder does, found its own encode_dec')])
def test_a_model_that_predicts_in_its_own_way_is_refused(
        models, tmp_path, kind, own, method):
    cfg = load_config(models[kind][0])
    cfg.model.type = own
    with pytest.raises(ValueError, match=re.escape(
            f'model {own.__name__}: expected one that predicts as {method}')):
        onnx_export.export_onnx(cfg, models[kind][1], tmp_path / 'x.onnx')
    assert not list(tmp_path.glob('x.*'))


def test_an_own_loader_is_refused(models, tmp_path):
    cfg = load_config(models['cam'][0])
    cfg.test_dataloader.dataset.pipeline[0] = dict(type=OwnReader)
    with pytest.raises(ValueError, match=r'test pipeline of .*expected '
                       r'hsc_mm\.LoadImage or .* found .?OwnReader'):
        onnx_export.export_onnx(cfg, models['cam'][1], tmp_path / 'x.onnx')


@pytest.mark.parametrize(('turned', 'channels'), [
    (dict(bgr_to_rgb=True), 'RGB'), (dict(rgb_to_bgr=True), 'RGB'),
    (dict(bgr_to_rgb=False), 'BGR'), ({}, 'BGR')])
def test_the_order_of_the_channels_is_that_of_the_input(turned, channels):
    assert onnx_export._channels(dict(preprocessor=turned)) == channels


def test_a_full_disk_is_no_fault_of_the_model(models, call, tmp_path,
                                              monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, 'No space left')

    monkeypatch.setattr(torch.onnx, 'export', full)
    status, said = call('export_onnx', *models['cam'], '--out',
                        tmp_path / 'x.onnx', '--size', 32, 32)
    assert status == 1
    assert f'{tmp_path / "x.onnx"}: the disk is full' in said.err
    assert not list(tmp_path.glob('*.onnx'))


def test_what_cannot_be_exported_or_read_is_told(
        models, call, tmp_path, shared_voc):
    def fails(*arguments):
        status, said = call(*arguments)
        assert status == 1
        return said.err

    cam, segmentor = models['cam'], models['segmentor']
    file = tmp_path / 'x.onnx'
    assert 'ends in .onnx' in fails('export_onnx', *cam, '--out',
                                    tmp_path / 'x.pb')
    assert 'test_cfg.mode="whole"' in fails(
        'export_onnx', *segmentor, '--out', file, '--cfg-options',
        'model.test_cfg.mode=slide', 'model.test_cfg.crop_size=(32,32)',
        'model.test_cfg.stride=(16,16)')
    assert not file.exists()
    (tmp_path / 'mine.onnx').write_bytes(b'mine')
    assert 'mine.onnx: expected no such file' in fails(
        'export_onnx', *cam, '--out', tmp_path / 'mine.onnx')
    assert (tmp_path / 'mine.onnx').read_bytes() == b'mine'
    image = shared_voc / 'JPEGImages' / 'img_01.jpg'
    predict = ('predict', image, '--out', tmp_path / 'out', '--checkpoint')
    assert 'mine.json: there is no such file' in fails(
        *predict, tmp_path / 'mine.onnx')
    assert call('export_onnx', *cam, '--out', file, '--size', 32, 32)[0] == 0
    with DefaultScope.overwrite_default_scope('mmengine'):  # as in a shell
        assert call(*predict, file)[0] == 0
    beside = file.with_suffix('.json')
    good = json.loads(beside.read_text())
    for key, value in (('label_map', 5), ('palette', 'x'), ('resize', 'x'),
                       ('load', 5), ('preprocessor', dict(mean='x')),
                       ('classes', ['background', 'cat']),
                       ('test_cfg', dict(good['test_cfg'], score_thr=0.4))):
        beside.write_text(json.dumps(dict(good, **{key: value})))
        assert re.search(r'expected .* Export', fails(*predict, file)), key
    beside.write_text(json.dumps(good))
    file.write_bytes(file.read_bytes() + b'.')
    assert 'found another one' in fails(*predict, file)
    beside.write_text('{"format": "hsc_mm onnx 1"}')
    assert 'and the keys' in fails(*predict, file)
