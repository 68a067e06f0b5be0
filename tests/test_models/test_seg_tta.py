"""Mean of the views of a segmentor, in masks and in maps."""
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from hsc_mm.registry import MODELS


@MODELS.register_module()
class _Brought(BaseModel):
    """Predicts the maps that a sample brings along."""

    def __init__(self, out_channels=3, predicts_seeds=False):
        super().__init__()
        self.out_channels = out_channels
        self.predicts_seeds = predicts_seeds
        self.decode_head = nn.Module()
        self.decode_head.threshold = 0.3

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return data_samples


def _merge(views, name='hsc_mm.SegTTAModel'):
    """Return the merged sample of maps (C, H, W), one a view."""
    init_default_scope('mmseg')
    model = MODELS.build(dict(type=name, module=dict(
        type='hsc_mm._Brought', out_channels=len(views[0]))))
    samples = []
    for number, maps in enumerate(views):
        sample = SegDataSample(metainfo=dict(
            img_path='a.png', flip=bool(number)))
        sample.seg_logits = PixelData(data=maps.clone())
        sample.gt_sem_seg = PixelData(data=torch.ones(1, *maps.shape[1:]))
        samples.append([sample])
    merged, = model.test_step(
        dict(inputs=[[torch.zeros(3, 4, 4)]] * len(views),
             data_samples=samples))
    return merged


def _views(classes, count=3):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(classes, 10, 14, generator=generator)
            for _ in range(count)]


def test_masks_are_those_of_mmseg_and_maps_are_of_the_mean():
    views = _views(3)
    mean = sum(view.softmax(0) for view in views) / 3
    found = _merge(views)
    assert torch.equal(found.pred_sem_seg.data[0], mean.argmax(0))
    assert torch.equal(found.pred_sem_seg.data[0],
                       _merge(views, 'SegTTAModel').pred_sem_seg.data[0])
    torch.testing.assert_close(found.seg_logits.data.softmax(0), mean)
    assert not found.flip
    assert found.gt_sem_seg.data.all()


def test_one_channel_is_a_foreground():
    """mmseg hands over its sigmoid; the head says what is enough."""
    views = [view.sigmoid() for view in _views(1)]
    mean = sum(views) / 3
    found = _merge(views)
    assert torch.equal(found.pred_sem_seg.data.bool(), mean > 0.3)
    assert 0 < found.pred_sem_seg.data.mean() < 1
    torch.testing.assert_close(found.seg_logits.data, mean)


def test_cams_are_summed_elsewhere():
    with pytest.raises(ValueError, match=r'found _Brought\. .*CAMTTAModel'):
        MODELS.build(dict(type='hsc_mm.SegTTAModel', module=dict(
            type='hsc_mm._Brought', predicts_seeds=True)))
