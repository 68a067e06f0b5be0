"""Keys of config files that nothing reads are found by their likeness."""
import pytest
from mmengine.config import Config

from hsc_mm.inference.config_values import check_values
from hsc_mm.registry import METRICS


@pytest.mark.parametrize(('text', 'key', 'meant'), [
    ('load_form = "x.pth"', 'load_form', 'load_from'),
    ('trian_cfg = dict()', 'trian_cfg', 'train_cfg'),
    ('optim_wraper = dict()', 'optim_wraper', 'optim_wrapper'),
    ('custom_hook = []', 'custom_hook', 'custom_hooks'),
    ('resume_from = "x.pth"', 'resume_from', None),
    ('env_cfg = dict(cudnn_bechmark=True)', 'env_cfg.cudnn_bechmark',
     'cudnn_benchmark'),
    ('env_cfg = dict(mp_cfg=dict(mp_start_metod="fork"))',
     'env_cfg.mp_cfg.mp_start_metod', 'mp_start_method'),
    ('default_hooks = dict(checkpiont=dict(type="CheckpointHook"))',
     'default_hooks.checkpiont', 'checkpoint'),
    ('optim_wrapper = dict(paramwise_cfg=dict(bias_lr_mlt=2.0))',
     'optim_wrapper.paramwise_cfg.bias_lr_mlt', 'bias_lr_mult'),
    ('optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict('
     'head=dict(lr_mul=2.0))))',
     'optim_wrapper.paramwise_cfg.custom_keys.head.lr_mul', 'lr_mult'),
    ('train_dataloader = dict(dataset=dict(metainfo=dict(clsases=["a"])))',
     'train_dataloader.dataset.metainfo.clsases', 'classes'),
    ('val_dataloader = dict(dataset=dict(data_prefix=dict(img_pth="a")))',
     'val_dataloader.dataset.data_prefix.img_pth', 'img_path'),
])
def test_misspelt_keys_of_a_file(text, key, meant):
    cfg = Config.fromstring(f'model = dict(type="M")\n{text}\n', '.py')
    with pytest.raises(ValueError, match=rf'{key} of c\.py: nothing reads '
                       f'this key.*{meant or "mmcv 1"}'):
        check_values(cfg, 'c.py')


@pytest.mark.parametrize('text', [
    'train_pipeline = []', 'test_pipeline = []', 'model_2 = dict()',
    'crop_size = 3', 'optimizer = dict()', 'models = []', 'img_cfg = dict()',
    'default_hooks = dict(leak_guard=dict(type="x"))',
    'optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict('
    'head=dict(lr_mult=2.0, momentum=0.5))))'])
def test_names_of_ones_own(text):
    check_values(Config.fromstring(
        f'model = dict(type="M")\n{text}\n', '.py'), 'c.py')


def test_unknown_arguments_of_the_metric():
    with pytest.raises(ValueError, match='Is "iou_metrics" meant'):
        METRICS.build(dict(type='hsc_mm.MaskMetric', iou_metric=['mIoU']))
    METRICS.build(dict(type='hsc_mm.MaskMetric', keep_results=True))
