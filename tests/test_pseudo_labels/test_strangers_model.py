"""A segmentor of someone else, which makes CAMs besides its masks."""
import copy

import numpy as np
import pytest
import torch
from mmpretrain.models.backbones import VisionTransformer
from mmseg.models.segmentors.base import BaseSegmentor
from tiny_configs import cam_config, save_weights, untrained
from torch import nn

from hsc_mm.inference import HSCInferencer, load_config, seeds, use_tta
from hsc_mm.models.attention import record_attention
from hsc_mm.models.segmentors import CAMPredictor
from hsc_mm.pseudo_labels import RunOptions, make_pseudo_labels
from hsc_mm.pseudo_labels.cams import MultiScaleCAM
from hsc_mm.pseudo_labels.files import read_soft_cam
from hsc_mm.pseudo_labels.views import ViewBatch
from hsc_mm.registry import MODELS
from hsc_mm.utils import read_image, read_index_png, read_json

ARCH = dict(embed_dims=12, num_layers=8, num_heads=3, feedforward_channels=16)


@MODELS.register_module(force=True)
class SingleStage(CAMPredictor, BaseSegmentor):
    """A vision transformer with a classifier and a decoder."""
    predicts_seeds = False
    align_corners = False

    def __init__(self, test_cfg, data_preprocessor) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.backbone = VisionTransformer(
            ARCH, img_size=64, patch_size=8, out_type='featmap')
        self.classifier = nn.Conv2d(12, 2, 1, bias=False)
        self.decoder = nn.Conv2d(12, 3, 1)
        self.test_cfg = test_cfg

    def extract_feat(self, inputs):
        return self.backbone(inputs)[-1]

    def predict_cam(self, inputs, data_samples=None):
        activation = self.classifier(self.extract_feat(inputs))
        return activation.relu(), activation.mean((2, 3)).sigmoid()

    def encode_decode(self, inputs, batch_data_samples=None):
        return self.decoder(self.extract_feat(inputs))

    def predict(self, inputs, data_samples=None):
        logits = nn.functional.interpolate(
            self.encode_decode(inputs), inputs.shape[2:])
        return BaseSegmentor.postprocess_result(self, logits, data_samples)

    def loss(self, inputs, data_samples):
        raise NotImplementedError

    _forward = loss


@pytest.fixture(scope='module')
def stage(tmp_path_factory, shared_voc):
    """Config, checkpoint."""
    folder = tmp_path_factory.mktemp('stranger')
    cfg = load_config(cam_config(shared_voc, folder / 'cam.py'))
    cfg.model = dict(
        type='hsc_mm.SingleStage',
        test_cfg=cfg.model.test_cfg,
        data_preprocessor=cfg.model.data_preprocessor)
    cfg.tta_model = dict(type='SegTTAModel')
    return cfg, save_weights(untrained(cfg), folder / 'model.pth')


def test_its_pseudo_labels_by_attention(stage, shared_voc, tmp_path):
    chain = dict(refiners=[dict(type='hsc_mm.AttentionAffinity')])
    run = make_pseudo_labels(
        *stage, tmp_path / 'a', soft='also', **chain,
        options=RunOptions(workers=0))
    assert run.complete, run.failures
    plain = make_pseudo_labels(
        *stage, tmp_path / 'b', soft='also', options=RunOptions(workers=0))
    assert plain.written == run.written == 8
    labels = read_json(shared_voc / 'image_labels.json')['images']
    different = 0
    for img_id, names in labels.items():
        cam, classes = read_soft_cam(tmp_path / 'a' / f'{img_id}.npz')
        assert classes.tolist() == [dict(cat=8, dog=12)[n] for n in names]
        other, _ = read_soft_cam(tmp_path / 'b' / f'{img_id}.npz')
        different += not np.array_equal(cam, other)
        mask = read_index_png(tmp_path / 'a' / f'{img_id}.png')
        assert set(np.unique(mask)) <= {0, *classes.tolist()}
    assert different == 8


@pytest.mark.parametrize('count', [1, 2])
def test_attention_is_that_of_the_unscaled_view(stage, shared_voc, count):
    cfg = use_tta(stage[0])
    model = seeds.build_model(cfg, str(stage[1]), 'cpu')
    images = [
        read_image(shared_voc / 'JPEGImages' / f'img_0{i}.jpg')[:40, :40]
        for i in (1, 2)
    ][:count]
    full = torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).copy())
    half, twice = full[..., ::2, ::2], full.repeat(1, 1, 2, 2)
    batch = ViewBatch(['x', 'y'][:count], (40, 40), [half, full, twice],
                      torch.ones(count, 2), None)
    run = MultiScaleCAM(model, ('horizontal', None), attention=True)
    module = model.module
    for soft, image in zip(run(batch), images):
        data = module.data_preprocessor(
            dict(inputs=[torch.from_numpy(image.transpose(2, 0, 1).copy())],
                 data_samples=None), False)
        with torch.no_grad(), record_attention(module.backbone, 8) as record:
            module.backbone(torch.stack(data['inputs']) if isinstance(
                data['inputs'], list) else data['inputs'])
        assert soft.grid == record.grid == (5, 5)
        assert np.abs(soft.attention - record.mean()[0].numpy()).max() < 1e-6
    with pytest.raises(ValueError, match='expected a view without flip'):
        MultiScaleCAM(model, ('horizontal', ), attention=True)
    module.data_preprocessor.test_cfg = dict(size_divisor=16)
    with pytest.raises(ValueError, match='expected images without padding'):
        run(batch)


def test_attention_of_fewer_blocks_than_eight(stage, monkeypatch, tmp_path):
    monkeypatch.setitem(ARCH, 'num_layers', 3)
    cfg = copy.deepcopy(stage[0])
    weights = save_weights(untrained(cfg), tmp_path / 'three.pth')
    run = make_pseudo_labels(
        cfg, weights, tmp_path / 'a', options=RunOptions(workers=0),
        refiners=[dict(type='hsc_mm.AttentionAffinity')])
    assert run.complete, run.failures


def test_its_masks_are_those_of_the_decoder(stage, shared_voc):
    inferencer = HSCInferencer(*stage, device='cpu')
    assert not inferencer.is_cam
    result = inferencer(shared_voc / 'JPEGImages' / 'img_01.jpg')[0]
    assert result['task'] == 'segmentation'
    cfg = copy.deepcopy(stage[0])
    cfg.tta_model = dict(type='hsc_mm.CAMTTAModel')
    with pytest.raises(ValueError, match='expected a segmentor with predicts'):
        seeds.build_model(use_tta(cfg), str(stage[1]), 'cpu')
