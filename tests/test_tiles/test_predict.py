"""Predictions in windows: in memory, and from files above the limit."""
import copy
import warnings

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.models import SegTTAModel
from tiny_configs import (
    cam_config,
    fill_prototypes,
    prototype_config,
    seg_config,
)

from hsc_mm.inference.configs import load_config
from hsc_mm.inference.inferencer import HSCInferencer
from hsc_mm.registry import MODELS
from hsc_mm.tiles import Tiles
from hsc_mm.utils import read_image, read_index_png
from hsc_mm.utils.limits import MEGAPIXELS
from hsc_mm.utils.paths import MARKER

rasterio = pytest.importorskip('rasterio')
SHAPE = (200, 264)


class _Views(SegTTAModel):
    """Leaves the maps of one view."""


class _AllViews(_Views):
    """A stranger's, which averages maps and says so."""
    merges_maps = True

    def merge_preds(self, data_samples_list):
        for views in data_samples_list:
            prob = sum(view.seg_logits.data.softmax(0) for view in views)
            views[0].seg_logits.data = (prob / len(views)).log()
        return [views[0] for views in data_samples_list]


@pytest.fixture(scope='module', autouse=True)
def _no_map():
    with warnings.catch_warnings():
        warnings.simplefilter(
            'ignore', rasterio.errors.NotGeoreferencedWarning)
        yield


@pytest.fixture(scope='module')
def models(shared_voc, tmp_path_factory):
    """Return config and checkpoint of both stages, no resizing at test."""
    folder, found = tmp_path_factory.mktemp('tiles'), {}
    labels = folder / 'pseudo_labels'
    labels.mkdir()
    for name, make in dict(cam=cam_config, hsc=prototype_config,
                           seg=seg_config).items():
        cfg = Config.fromfile(make(shared_voc, folder / f'{name}.py'))
        pipeline = cfg.test_dataloader.dataset.pipeline
        cfg.test_dataloader.dataset.pipeline = [
            step for step in pipeline if step.type != 'Resize']
        if name == 'seg':  # no pooling of the whole picture
            cfg.model.decode_head = dict(
                type='FCNHead', in_channels=64, in_index=3, channels=8,
                num_convs=1, num_classes=3, concat_input=False,
                norm_cfg=dict(type='BN'))
            cfg.model.auxiliary_head = None
        cfg.model.test_cfg.update(
            {} if name == 'seg' else dict(score_thr=0.4))
        cfg.dump(folder / f'{name}.py')
        torch.manual_seed(1)
        cfg = load_config(folder / f'{name}.py')
        from mmengine.registry import init_default_scope
        init_default_scope('mmseg')
        model = MODELS.build(cfg.model)
        if name == 'seg':  # some of each class
            seg = model.eval().decode_head.conv_seg
            torch.nn.init.normal_(seg.weight)
            logits = model(torch.randn(1, 3, 128, 128))
            seg.bias.data -= logits.mean((0, 2, 3)).detach()
        fill_prototypes(model)
        torch.save(dict(
            state_dict=model.state_dict(),
            meta=dict(dataset_meta=dict(
                classes=cfg.test_dataloader.dataset.metainfo.classes,
                label_map={0: 0, 8: 1, 12: 2}))), folder / f'{name}.pth')
        found[name] = cfg, folder / f'{name}.pth'
    return found


@pytest.fixture(scope='module')
def picture(tmp_path_factory):
    """Return a GeoTIFF of squares on noise."""
    path = tmp_path_factory.mktemp('picture') / 'map.tif'
    rng = np.random.default_rng(0)
    image = rng.integers(0, 60, (3, *SHAPE), dtype=np.uint8)
    for _ in range(30):
        y, x = rng.integers(0, 190, 2)
        image[:, y:y + 24, x:x + 24] += rng.integers(
            0, 190, (3, 1, 1), dtype=np.uint8)
    with rasterio.open(
            path, 'w', driver='GTiff', count=3, height=SHAPE[0],
            width=SHAPE[1], dtype='uint8', photometric='RGB',
            crs='EPSG:32632', compress='deflate',
            transform=rasterio.transform.from_origin(5e5, 5e6, 2, 2)) as file:
        file.write(image)
    return path


@pytest.mark.slow
@pytest.mark.parametrize('stage', ['cam', 'hsc', 'seg'])
@pytest.mark.parametrize('labels', [None, ['dog'], []])
def test_a_picture_above_the_limit_has_the_mask_of_one_in_memory(
        models, picture, stage, labels, tmp_path, monkeypatch):
    if stage == 'seg' and labels is not None:
        pytest.skip('a segmentor takes no labels')
    tiles = Tiles(128, 48)
    model = HSCInferencer(*models[stage], device='cpu', tiles=tiles)
    small, = model(picture, labels, tmp_path / 'small')
    mask = read_index_png(tmp_path / 'small' / 'map.mask.png')
    monkeypatch.setenv(MEGAPIXELS, '0.01')
    large, = model(picture, labels, tmp_path / 'large')
    assert large['error'] is None and large['step'] == 1
    monkeypatch.delenv(MEGAPIXELS)
    found = read_index_png(tmp_path / 'large' / 'map.mask.png')
    assert np.array_equal(found, mask) and found.shape == SHAPE
    assert large['classes'] == small['classes']
    assert np.array_equal(large['mask'], small['mask'])
    if stage != 'seg':
        np.testing.assert_allclose(large['cam'], small['cam'], atol=1e-6)
        assert large['scores'].tolist() == small['scores'].tolist()
    assert not (tmp_path / 'large' / 'map.npz').exists()
    overlays = [read_image(tmp_path / n / 'map.overlay.png')
                for n in ('small', 'large')]
    assert np.array_equal(*overlays)
    for folder in ('small', 'large'):  # the map is kept
        with rasterio.open(tmp_path / folder / 'map.mask.tif') as file:
            assert file.crs == 'EPSG:32632'
            assert file.transform[:6] == (2, 0, 5e5, 0, -2, 5e6)
            assert np.array_equal(file.read(1), mask)


@pytest.mark.parametrize('stage', ['cam', 'hsc', 'seg'])
def test_windows_give_what_the_whole_picture_gives(models, picture, stage):
    whole, = HSCInferencer(*models[stage], device='cpu')(picture)
    one, = HSCInferencer(*models[stage], device='cpu',
                         tiles=Tiles(288, 64))(picture)
    assert np.array_equal(one['mask'], whole['mask'])  # it covers the picture
    if stage == 'seg':
        # The overlap is beyond what the network sees.
        tiled, = HSCInferencer(*models[stage], device='cpu',
                               tiles=Tiles(192, 64))(picture)
        assert (tiled['mask'] == whole['mask']).mean() > 0.97
        assert len(np.unique(whole['mask'])) > 1


@pytest.mark.parametrize('name', ['SegTTAModel', 'hsc_mm.SegTTAModel'])
@pytest.mark.parametrize('channels', [3, 1])
def test_windows_are_of_all_views(models, picture, monkeypatch, tmp_path,
                                  name, channels):
    cfg, weights = models['seg']
    cfg = copy.deepcopy(cfg)
    cfg.tta_model.type = name
    if channels == 1:
        cfg.model.decode_head.update(
            out_channels=1, num_classes=2, threshold=0.5)
        cfg.test_dataloader.dataset.metainfo = dict(
            classes=('background', 'dog'))
        content = torch.load(weights)
        for key in ('weight', 'bias'):
            key = f'decode_head.conv_seg.{key}'
            content['state_dict'][key] = content['state_dict'][key][1:2]
        content['meta']['dataset_meta'] = dict(classes=('background', 'dog'))
        weights = tmp_path / 'one.pth'
        torch.save(content, weights)
    model = HSCInferencer(cfg, weights, device='cpu', tta=True,
                          tiles=Tiles(288, 64))
    if channels == 1:
        maps = model.step(read_image(picture), None).seg_logits.data
        model.segmentor.decode_head.threshold = float(maps.median())
    whole, = model(picture)
    assert 0 < (whole['mask'] > 0).mean() < 1
    monkeypatch.setenv(MEGAPIXELS, '0.01')
    large, = model(picture, out_dir=tmp_path)
    assert large['error'] is None
    assert np.array_equal(large['mask'], whole['mask'])


@pytest.mark.slow
def test_views_that_are_merged_in_an_unknown_way(models, picture):
    cfg = copy.deepcopy(models['seg'][0])
    cfg.tta_model.type, found = _Views, []
    model = HSCInferencer(cfg, models['seg'][1], device='cpu', tta=True,
                          tiles=Tiles(128, 48))
    with pytest.raises(ValueError, match=r'tta_model: expected hsc_mm\.Seg'
                       r'TTAModel, .* found _Views.*merges_maps = True'):
        model(picture)
    for kind in (_AllViews, 'hsc_mm.SegTTAModel'):
        cfg.tta_model.type = kind
        one, = HSCInferencer(cfg, models['seg'][1], device='cpu', tta=True,
                             tiles=Tiles(128, 48))(picture)
        found.append(one['mask'])
    assert np.array_equal(*found)


@pytest.mark.parametrize('stage', ['cam', 'seg'])
def test_files_of_another_picture_of_the_name_are_removed(
        models, picture, stage, monkeypatch, tmp_path):
    plain, out = tmp_path / 'map.png', tmp_path / 'out'
    cv2.imwrite(str(plain), read_image(picture))
    predict = HSCInferencer(*models[stage], device='cpu')

    def files(path):
        predict(path, out_dir=out)
        return {one.name for one in out.iterdir()} - {MARKER}

    small = {'map.mask.png', 'map.overlay.png', 'map.npz'}
    assert files(picture) == small | {'map.mask.tif'}
    assert files(plain) == small
    monkeypatch.setenv(MEGAPIXELS, '0.01')
    large = small - {'map.npz'}
    assert files(picture) == large | {'map.mask.tif'}
    assert files(plain) == large
    (out / 'map.mask.tif').write_bytes(b'of the user')
    (out / MARKER).unlink()
    for name in large:
        (out / name).unlink()
    assert files(plain) == large | {'map.mask.tif'}


def test_what_cannot_be_done_is_said(models, picture, monkeypatch, tmp_path):
    model = HSCInferencer(*models['seg'], device='cpu')
    monkeypatch.setenv(MEGAPIXELS, '0.01')
    found, = model(picture)
    assert 'Name out_dir' in found['error']
    broken = tmp_path / 'cut.tif'
    broken.write_bytes(picture.read_bytes()[:20000])
    found, = model(broken, out_dir=tmp_path / 'out')
    assert 'cut.tif' in found['error']
    assert not list((tmp_path / 'out').glob('*mask*'))
    assert not list((tmp_path / 'out').glob('.*.tmp'))
