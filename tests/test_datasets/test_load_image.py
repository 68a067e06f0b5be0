"""One reader for all: training, doctor, pseudo labels and prediction agree."""
import format_pictures as pictures
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from PIL import Image
from tiny_configs import cam_config

from hsc_mm.datasets.build import build_split
from hsc_mm.datasets.transforms.load_image import image_reader
from hsc_mm.doctor.case import Case
from hsc_mm.doctor.files import contents
from hsc_mm.inference import load_config
from hsc_mm.inference.inputs import array_pipeline
from hsc_mm.pseudo_labels.view_pipeline import ViewPipeline
from hsc_mm.utils import read_image

PLAIN = dict(type='LoadImageFromFile')
OURS = dict(type='hsc_mm.LoadImage')


@pytest.fixture
def clear(tmp_path):
    """Return a PNG whose left half is transparent."""
    rgba = np.dstack([pictures.scene(), np.full((12, 20), 255, np.uint8)])
    rgba[:, :10, 3] = 0
    path = tmp_path / 'clear.png'
    Image.fromarray(rgba).save(path)
    return path


@pytest.mark.parametrize('loader', [OURS, PLAIN])
def test_all_read_what_the_config_reads(voc_root, tmp_path, clear, loader):
    cfg = load_config(cam_config(voc_root, tmp_path / 'cam.py'))
    for pipeline in (cfg.tta_pipeline, *(
            cfg[f'{s}_dataloader'].dataset.pipeline
            for s in ('train', 'val', 'test'))):
        place = next(i for i, step in enumerate(pipeline)
                     if 'LoadImage' in step.type)
        assert pipeline[place] == OURS
        pipeline[place] = dict(loader)
    init_default_scope('mmseg')
    test = cfg.test_dataloader.dataset.pipeline
    expected = Compose([loader])(dict(img_path=str(clear)))['img']
    white = (expected[:, :10] == 255).all()
    assert white == (loader is OURS)
    _, loaded = ViewPipeline(test)(dict(img_path=str(clear)))
    for found in (loaded, image_reader(test)(clear),
                  array_pipeline(cfg)[1](clear),
                  build_split(cfg, 'train').read_image(clear)):
        assert np.array_equal(found, expected)


def test_the_doctor_warns_of_a_reader_that_sees_something_else(
        voc_root, tmp_path):
    path = voc_root / 'JPEGImages' / 'img_03.jpg'
    wide = read_image(path)[..., 0].astype(np.uint16) * 16
    path.write_bytes(pictures.written(wide, 'png'))
    cfg = Config.fromfile(cam_config(voc_root, tmp_path / 'cam.py'))
    step = next(s for s in cfg.train_dataloader.dataset.pipeline
                if s.type == OURS['type'])
    assert not [f for f in contents(Case(cfg)) if 'person' in f.text]
    step.update(value_range=(0, 4095))
    found = [f for f in contents(Case(cfg)) if f.text.startswith('train')]
    assert 'images that were looked at are not read' in found[0].text
    step.update(_delete_=True)
    step.clear()
    step.update(PLAIN)
    train = next(f for f in contents(Case(cfg)) if 'person' in f.text)
    assert str(path) in str(train) and 'LoadImage' in str(train)


def test_masks_of_turned_pictures_are_turned(voc_root, tmp_path):
    path = voc_root / 'JPEGImages' / 'img_00.jpg'
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.open(path)
    picture.load()
    picture.save(path, exif=exif)
    cfg = Config.fromfile(cam_config(voc_root, tmp_path / 'cam.py'))
    with pytest.raises(ValueError, match=r'img_00\.png: expected a mask.*'
                       'EXIF turns the image'):
        build_split(cfg, 'val', masks=True)
    mask = voc_root / 'SegmentationClass' / 'img_00.png'
    turned = Image.open(mask).transpose(Image.Transpose.ROTATE_270)
    turned.save(mask)
    dataset = build_split(cfg, 'val', masks=True, pipeline=[
        OURS, dict(type='LoadAnnotations')])
    item = dataset[0]
    assert item['gt_seg_map'].shape == item['img'].shape[:2] == item[
        'ori_shape']


def test_bands_are_read_by_the_pipeline(tmp_path):
    path = tmp_path / 'a.tif'
    pictures.bands(path, np.arange(5, dtype=np.uint8).reshape(
        5, 1, 1).repeat(8, 1).repeat(9, 2))
    init_default_scope('mmseg')
    results = Compose([dict(OURS, bands=(1, 2, 3, 4)),
                       dict(type='Resize', scale=(18, 16)),
                       dict(type='RandomFlip', prob=1.0),
                       dict(type='hsc_mm.CropPad', size=(20, 20)),
                       dict(type='hsc_mm.PackImageLabelInputs')])(
        dict(img_path=str(path), seg_fields=[]))
    assert results['inputs'].shape == (4, 20, 20)
    assert results['data_samples'].metainfo['reading']['bands'] == (
        1, 2, 3, 4)
