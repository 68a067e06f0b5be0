"""Types of parts of a config: all spellings mean one thing everywhere."""
import pytest
from mmcv import transforms
from mmcv.transforms import RandomFlip
from mmengine.config import Config
from mmengine.model.weight_init import PretrainedInit
from mmengine.registry import init_default_scope
from tiny_configs import cam_config, seg_config
from torch import nn

from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.datasets.build import is_ours, without_truth
from hsc_mm.datasets.transforms import LoadImage, LoadPseudoLabel
from hsc_mm.datasets.transforms.load_image import is_loader
from hsc_mm.engine.fitting import pretrained_parts
from hsc_mm.evaluation import SeedMetric
from hsc_mm.evaluation.held_out import scores_seeds
from hsc_mm.inference import load_config, use_tta
from hsc_mm.pipeline.inputs import with_pseudo_dir
from hsc_mm.pseudo_labels.view_pipeline import ViewPipeline
from hsc_mm.registry import DATASETS, TRANSFORMS
from hsc_mm.utils.part_types import class_of, type_name

STYLE = """
from mmengine.config import read_base
with read_base():
    from .cam import *
from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.datasets.transforms import LoadImage, PackImageLabelInputs
from hsc_mm.evaluation import SeedMetric
from mmseg.datasets.transforms import LoadAnnotations
test_pipeline = [dict(type=LoadImage), dict(type=LoadAnnotations),
                 dict(type=PackImageLabelInputs)]
test_dataloader['dataset'].update(
    dict(type=VOCImageLabelDataset, pipeline=test_pipeline))
test_evaluator = dict(type=SeedMetric, supervision='image labels')
"""
SECOND = """
from mmengine.config import read_base
with read_base():
    from .seg import *
from hsc_mm.datasets.transforms import LoadPseudoLabel
from mmseg.models import SegTTAModel
tta_model = dict(type=SegTTAModel)
train_dataloader['dataset'].update(dict(pipeline=[
    dict(type=LoadPseudoLabel, pseudo_dir='nowhere')]))
"""


def test_a_name_has_no_scope():
    for kind in ('RandomFlip', 'mmcv.RandomFlip', RandomFlip,
                 'mmcv.transforms.RandomFlip'):
        assert type_name(dict(type=kind)) == 'RandomFlip'
        assert class_of(TRANSFORMS, dict(type=kind)) is RandomFlip
    for none in ({}, None, 'RandomFlip', dict(type=None)):
        assert type_name(none) == ''
        assert class_of(TRANSFORMS, none) is None
    assert class_of(DATASETS, dict(type='Nowhere')) is None


def test_flips_are_found_in_every_spelling():
    init_default_scope('mmseg')
    for tta in ('TestTimeAug', 'mmcv.TestTimeAug',
                transforms.TestTimeAug):
        for flip in ('RandomFlip', 'mmcv.RandomFlip', RandomFlip):
            made = ViewPipeline([dict(type=LoadImage), dict(
                type=tta, transforms=[
                    [dict(type='mmcv.Resize', scale_factor=1.0)],
                    [dict(type=flip, prob=0.), dict(type=flip, prob=1.)],
                    [dict(type='hsc_mm.PackImageLabelInputs')]])])
            assert made.flips == [None, 'horizontal']
            assert len(made.views) == 1


def test_a_config_in_python_style_is_read(shared_voc, tmp_path):
    cam_config(shared_voc, tmp_path / 'cam.py')
    (tmp_path / 'style.py').write_text(STYLE)
    cfg = load_config(tmp_path / 'style.py')
    dataset = cfg.test_dataloader.dataset
    assert dataset.type is VOCImageLabelDataset
    assert is_ours(dataset)
    assert is_loader(dataset.pipeline[0])
    assert len(without_truth(dataset.pipeline)) == 2
    assert cfg.test_evaluator.type is SeedMetric
    assert scores_seeds(cfg)
    assert ViewPipeline(dataset.pipeline).flips == [None]


def test_a_second_stage_in_python_style_is_read(shared_voc, tmp_path):
    seg_config(shared_voc, tmp_path / 'seg.py')
    (tmp_path / 'style.py').write_text(SECOND)
    cfg = load_config(tmp_path / 'style.py')
    changed = with_pseudo_dir(cfg, tmp_path / 'labels')
    step, = changed.train_dataloader.dataset.pipeline
    assert step == dict(type=LoadPseudoLabel,
                        pseudo_dir=str(tmp_path / 'labels'))
    assert use_tta(cfg).model.type == 'hsc_mm.SegTTAModel'


@pytest.mark.parametrize('kind', ['SegTTAModel', 'mmseg.SegTTAModel'])
def test_views_are_merged_by_a_model_of_ours(shared_voc, tmp_path, kind):
    cfg = Config.fromfile(seg_config(shared_voc, tmp_path / 'seg.py'))
    cfg.tta_model.type = kind
    assert use_tta(cfg).model.type == 'hsc_mm.SegTTAModel'


def test_weights_of_a_file_are_found_in_every_spelling():
    for kind in ('Pretrained', 'mmengine.Pretrained', PretrainedInit):
        model = nn.Sequential(nn.Conv2d(1, 1, 1))
        model[0].init_cfg = dict(type=kind, checkpoint='w.pth')
        assert [name for name, _, _ in pretrained_parts(model)] == ['0']
