"""Predictions of configs whose segmentor is refined by a CRF."""

import cv2
import numpy as np
import pytest
import torch
from tiny_configs import save_weights, seg_config, untrained

from hsc_mm.inference import HSCInferencer, load_config, seeds, use_tta
from hsc_mm.tiles import Tiles
from hsc_mm.utils import read_image
from hsc_mm.utils.limits import MEGAPIXELS

CRF = dict(backend='exact', steps=2, device='cpu')


@pytest.fixture(scope='module')
def stages(shared_voc, tmp_path_factory):
    """Return configs as the guide writes them, and a checkpoint."""
    folder = tmp_path_factory.mktemp('refined')
    path = seg_config(shared_voc, folder / 'seg.py')
    model = untrained(load_config(path))
    last = model.eval().decode_head.conv_seg  # some of each class
    torch.nn.init.normal_(last.weight)
    image = read_image(shared_voc / 'JPEGImages' / 'img_01.jpg')
    with torch.no_grad():
        logits = model(model.data_preprocessor(dict(inputs=[
            torch.from_numpy(image.transpose(2, 0, 1).copy())]))['inputs'])
        last.bias -= logits.mean((0, 2, 3))
    save_weights(model, folder / 'seg.pth')
    by_model, by_views = folder / 'by_model.py', folder / 'by_views.py'
    by_model.write_text(
        "_base_ = 'seg.py'\nmodel = dict(_delete_=True, module="
        '{{_base_.model}}, '
        f"type='hsc_mm.CRFRefinedSegmentor', crf={CRF})\n")
    by_views.write_text(
        "_base_ = 'seg.py'\ntta_model = dict(_delete_=True, "
        f"type='hsc_mm.CRFRefinedSegmentor', crf={CRF})\n")
    return dict(plain=path, model=by_model, views=by_views), folder / 'seg.pth'


@pytest.mark.slow
@pytest.mark.parametrize(('kind', 'tta'), [
    ('model', False), ('model', True), ('views', True)])
def test_masks_are_those_of_the_test(stages, kind, tta):
    cfg, weights = load_config(stages[0][kind]), stages[1]
    predict = HSCInferencer(cfg, weights, 'cpu', tta=tta)
    plain = HSCInferencer(stages[0]['plain'], weights, 'cpu', tta=tta)
    switched = use_tta(cfg) if tta else cfg
    model = seeds.build_model(switched, str(weights), 'cpu')
    changed = 0
    for sample in seeds.iterate_seeds(model, seeds.seed_loader(
            seeds.seed_dataset(switched, 'test'), 0)):
        path = sample.metainfo['img_path']
        for one in predict([path, read_image(path)]):
            assert np.array_equal(one['mask'],
                                  sample.pred_sem_seg.data[0].numpy())
        changed += (one['mask'] != plain(path)[0]['mask']).sum()
    assert changed


def test_windows_are_refined(stages, shared_voc, monkeypatch, tmp_path):
    pytest.importorskip('rasterio')
    picture = tmp_path / 'a.png'  # of a JPEG, libraries differ by a little
    cv2.imwrite(str(picture), read_image(
        shared_voc / 'JPEGImages' / 'img_01.jpg'))
    predict = HSCInferencer(stages[0]['model'], stages[1], 'cpu',
                            tiles=Tiles(64, 16))
    whole, = predict(picture)
    monkeypatch.setenv(MEGAPIXELS, '0.001')
    large, = predict(picture, out_dir=tmp_path / 'out')
    assert large['error'] is None
    assert np.array_equal(large['mask'], whole['mask'])
