"""A CRF behind a segmentor: probabilities, images, checkpoints."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image
from torch import nn

from hsc_mm.crf import build_crf
from hsc_mm.inference import use_crf
from hsc_mm.models import CRFRefinedSegmentor
from hsc_mm.models.segmentors.crf_segmentor import refine_present
from hsc_mm.registry import MODELS

CRF = dict(backend='exact', steps=3, device='cpu')


@MODELS.register_module()
class _Fixed(BaseModel):
    """Predicts the logits that a sample brings along."""

    def __init__(self, out_channels=3, data_preprocessor=None):
        super().__init__(data_preprocessor)
        self.out_channels = out_channels
        self.weight = nn.Parameter(torch.ones(2))
        self.decode_head = nn.Module()
        self.decode_head.threshold = 0.3

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return data_samples


def _model(out_channels=3, **kwargs):
    init_default_scope('mmseg')
    module = dict(type='hsc_mm._Fixed', out_channels=out_channels)
    return MODELS.build(
        dict(type='hsc_mm.CRFRefinedSegmentor', module=module,
             crf=kwargs.pop('crf', CRF), **kwargs))


def _picture(path, height=10, width=14):
    """Left half dark, right half light."""
    image = np.full((height, width, 3), 30, np.uint8)
    image[:, width // 2:] = (200, 180, 160)
    cv2.imwrite(str(path), image)
    return cv2.imread(str(path))[..., ::-1]


def _sample(path, logits, **meta):
    sample = SegDataSample(metainfo=dict(img_path=str(path), **meta))
    sample.seg_logits = PixelData(data=logits)
    sample.pred_sem_seg = PixelData(data=logits.argmax(0, keepdim=True))
    return sample


def _logits(height=10, width=14, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(classes, height, width, generator=generator)
    logits[1, :, width // 2:] += 1.5
    return logits


def _test(model, samples):
    return model.test_step(
        dict(inputs=[torch.zeros(3, 4, 4)] * len(samples),
             data_samples=samples))


def test_the_posterior_of_the_softmax(tmp_path):
    image = _picture(tmp_path / 'a.png')
    logits = _logits()
    truth = PixelData(data=torch.ones(1, 10, 14))
    sample = _sample(tmp_path / 'a.png', logits, img_id='a')
    sample.gt_sem_seg = truth
    found, = _test(_model(), [sample])
    expected = build_crf(dict(CRF, preset='segmentation'))(
        logits.softmax(0).numpy(), np.ascontiguousarray(image))
    assert np.allclose(found.seg_logits.data.softmax(0), expected, atol=1e-5)
    assert np.array_equal(found.pred_sem_seg.data[0], expected.argmax(0))
    assert found.pred_sem_seg.data.shape == (1, 10, 14)
    assert (expected.argmax(0) != logits.argmax(0).numpy()).any()
    assert found.img_id == 'a'
    assert torch.equal(found.gt_sem_seg.data, truth.data)


def test_images_of_several_sizes_in_a_batch(tmp_path):
    sizes = [(10, 14), (7, 9)]
    samples = []
    for number, size in enumerate(sizes):
        _picture(tmp_path / f'{number}.png', *size)
        samples.append(_sample(tmp_path / f'{number}.png', _logits(*size)))
    found = _test(_model(), samples)
    assert [tuple(one.pred_sem_seg.data.shape[1:]) for one in found] == sizes


def test_the_crf_comes_after_the_mean_of_the_views(tmp_path):
    """The mean is that of mmseg's SegTTAModel, whose labels are compared."""
    path = tmp_path / 'a.png'
    image = _picture(path)
    views = [_logits(seed=n) for n in range(3)]

    def data():
        return dict(
            inputs=[[torch.zeros(3, 4, 4)]] * 3,
            data_samples=[[_sample(path, v.clone(), flip=bool(n))]
                          for n, v in enumerate(views)])

    mean = sum(v.softmax(0) for v in views) / 3
    plain = MODELS.build(
        dict(type='SegTTAModel', module=dict(type='hsc_mm._Fixed')))
    label, = plain.test_step(data())
    assert torch.equal(label.pred_sem_seg.data[0], mean.argmax(0))
    without, = _model(crf=dict(CRF, steps=0)).test_step(data())
    assert torch.equal(without.pred_sem_seg.data[0], mean.argmax(0))
    found, = _model().test_step(data())
    expected = build_crf(dict(CRF, preset='segmentation'))(
        mean.numpy(), np.ascontiguousarray(image))
    assert np.allclose(found.seg_logits.data.softmax(0), expected, atol=1e-5)
    assert not found.flip


@pytest.mark.parametrize('views', [1, 2])
def test_one_channel_is_a_foreground(tmp_path, views):
    """mmseg hands over its sigmoid; the head says what is enough."""
    path = tmp_path / 'a.png'
    image = _picture(path)
    maps = [_logits(classes=3, seed=n)[1:2].sigmoid() for n in range(views)]
    data = dict(
        inputs=[[torch.zeros(3, 4, 4)]] * views,
        data_samples=[[_sample(path, one)] for one in maps])
    found, = _model(1).test_step(data)
    front = sum(maps) / views
    expected = build_crf(dict(CRF, preset='segmentation'))(
        torch.cat([1 - front, front]).numpy(), np.ascontiguousarray(image))
    assert np.allclose(found.seg_logits.data[0], expected[1], atol=1e-6)
    assert np.array_equal(found.pred_sem_seg.data[0].bool(),
                          expected[1] > 0.3)
    assert found.seg_logits.data.shape == (1, 10, 14)


def test_half_precision(tmp_path):
    _picture(tmp_path / 'a.png')
    found, = _test(_model(), [_sample(tmp_path / 'a.png', _logits().half())])
    assert found.seg_logits.data.isfinite().all()


def test_classes_that_are_nowhere_stay_out():
    prob = np.full((4, 3, 5), 0.001, np.float32)
    prob[0], prob[2] = 0.5, 0.498
    image = np.zeros((3, 5, 3), np.uint8)
    seen = []

    def crf(prob, image):
        seen.append(prob.shape)
        return prob

    found = refine_present(crf, prob, image, 0.01)
    assert seen == [(2, 3, 5)]
    assert not found[[1, 3]].any()
    assert np.array_equal(found[[0, 2]], prob[[0, 2]])
    refine_present(crf, prob, image, 0)
    assert seen[-1] == (4, 3, 5)
    # One class is at least 1 / C somewhere: never nothing.
    refine_present(crf, np.full((4, 3, 5), 0.25, np.float32), image, 1)
    assert seen[-1] == (4, 3, 5)


@pytest.mark.parametrize('turned', [True, False])
def test_exif_is_followed_as_the_loader_did(tmp_path, turned):
    path = tmp_path / 'a.jpg'
    image = np.zeros((10, 14, 3), np.uint8)
    image[:, 7:] = 220
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(image).save(path, exif=exif, quality=95)
    size = (14, 10) if turned else (10, 14)
    flag = cv2.IMREAD_COLOR if turned else (
        cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    loaded = cv2.imread(str(path), flag)
    assert loaded.shape[:2] == size
    logits = _logits(*size)
    found, = _test(_model(), [_sample(path, logits)])
    expected = build_crf(dict(CRF, preset='segmentation'))(
        logits.softmax(0).numpy(), np.ascontiguousarray(loaded[..., ::-1]))
    assert np.array_equal(found.pred_sem_seg.data[0], expected.argmax(0))


def test_images_that_do_not_fit(tmp_path):
    sample = _sample(tmp_path / 'a.png', _logits())
    with pytest.raises(FileNotFoundError, match=r'a\.png'):
        _test(_model(), [sample])
    _picture(tmp_path / 'a.png', 20, 28)
    with pytest.raises(ValueError, match=r'\(10, 14\), found \(20, 28\)'):
        _test(_model(), [sample])
    nameless = SegDataSample(metainfo=dict(img_id='b'))
    nameless.seg_logits = PixelData(data=_logits())
    with pytest.raises(ValueError, match=r"img_path.*\['img_id'\]"):
        _test(_model(), [nameless])


def test_what_it_does_not_go_around():
    with pytest.raises(ValueError, match=r'min_prob.*found 2'):
        _model(min_prob=2)
    with pytest.raises(ValueError, match='preset of the CRF'):
        _model(crf=dict(preset='best'))
    inner = dict(type='SegTTAModel', module=dict(type='hsc_mm._Fixed'))
    with pytest.raises(ValueError, match='found SegTTAModel'):
        MODELS.build(dict(type='hsc_mm.CRFRefinedSegmentor', module=inner))
    with pytest.raises(NotImplementedError):
        _model()(torch.zeros(1, 3, 4, 4), mode='loss')


def test_the_default_preset():
    model = CRFRefinedSegmentor(_Fixed())
    assert model.crf.numbers.bilateral_sxy == 67


def test_switching_a_config():
    from mmengine.config import Config
    plain = Config(dict(model=dict(type='EncoderDecoder', decode_head={})))
    found = use_crf(plain, preset='segmentation', backend=None)
    assert plain.model.type == 'EncoderDecoder'
    assert found.model == dict(type='hsc_mm.CRFRefinedSegmentor',
                               module=plain.model,
                               crf=dict(preset='segmentation'))
    again = use_crf(found, backend='reduced')
    assert again.model.crf == dict(preset='segmentation', backend='reduced')
    assert again.model.module == plain.model
    views = Config(dict(model=dict(type='mmseg.SegTTAModel',
                                   module=plain.model)))
    assert use_crf(views).model == dict(type='hsc_mm.CRFRefinedSegmentor',
                                        module=plain.model, crf={})
    for model in (dict(type='hsc_mm.CAMSegmentor'),
                  dict(type='hsc_mm.CAMTTAModel', module={})):
        with pytest.raises(ValueError, match='make_pseudo_labels'):
            use_crf(Config(dict(model=model)))
