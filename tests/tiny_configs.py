"""Configs of both stages on the tiny data set, as files."""
import copy
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import nn

from hsc_mm.inference import use_tta
from hsc_mm.models import MomentumPrototypes
from hsc_mm.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
CLASSES = ('background', 'cat', 'dog')
BACKBONE = dict(
    type='ResNet',
    depth=18,
    base_channels=8,
    stem_channels=8,
    strides=(1, 2, 1, 1),
    norm_cfg=dict(type='BN'))


def _shorten(cfg: Config, iters: int) -> None:
    for name in ('train', 'val', 'test'):
        loader = cfg[f'{name}_dataloader']
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.metainfo = dict(classes=CLASSES)
    cfg.train_dataloader.batch_size = 2
    cfg.train_cfg.update(max_iters=iters, val_interval=iters)
    cfg.param_scheduler[0].end = iters
    cfg.default_hooks.checkpoint.interval = 2
    cfg.default_hooks.logger.interval = 1
    cfg.env_cfg.mp_cfg = dict(mp_start_method='fork', opencv_num_threads=1)


def cam_config(voc: Path,
               path: Path,
               iters: int = 4,
               name: str = 'cam_r50_voc') -> Path:
    """Write a config of the CAM stage, made from one in configs/."""
    cfg = Config.fromfile(ROOT / 'configs' / f'{name}.py')
    head = dict(in_channels=64, num_classes=3)
    if 'refiner' in cfg.model.decode_head:
        head['refiner'] = dict(in_channels=(16, 32))
        cfg.model.second_view = (24, 24)
    cfg.merge_from_dict(
        dict(
            model=dict(
                data_preprocessor=dict(mean=[60.0, 70.0, 80.0]),
                decode_head=head,
                test_cfg=dict(bg_threshold=0.3))))
    cfg.model.backbone = dict(BACKBONE)
    _shorten(cfg, iters)
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.data_root = str(voc)
    for step in cfg.train_dataloader.dataset.pipeline:
        if step.type == 'hsc_mm.RandomLongSideResize':
            step.long_side = (32, 64)
        if step.type == 'hsc_mm.CropPad':
            step.size = (32, 32)
    cfg.tta_pipeline[1].transforms[0] = cfg.tta_pipeline[1].transforms[0][:2]
    cfg.dump(str(path))
    return path


def hsc_config(voc: Path, path: Path, iters: int = 4) -> Path:
    """Write a config of HSC with saliency maps: every loss there is."""
    return cam_config(voc, path, iters, 'hsc_r50_eps_voc')


def prototype_config(voc: Path, path: Path) -> Path:
    """Write a config of HSC whose seeds come from CAM and prototypes."""
    cfg = Config.fromfile(cam_config(voc, path, name='hsc_r50_voc'))
    cfg.model.decode_head.seed_from = 'prototypes'
    cfg.dump(str(path))
    return path


def untrained(cfg: Config) -> nn.Module:
    """Build the model of a config, each time with the same random weights."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    return MODELS.build(copy.deepcopy(cfg.model))


def save_weights(model: nn.Module, path: Path) -> Path:
    """Write a checkpoint of weights alone; return its path."""
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


def fill_prototypes(model: nn.Module, seed: int = 0) -> None:
    """Give a model that was not trained prototypes of all classes."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, MomentumPrototypes):
            module.rows.copy_(torch.rand(module.rows.shape,
                                         generator=generator))
            module.seen.fill_(True)


def seg_config(voc: Path, path: Path, iters: int = 4) -> Path:
    """Write a config of the segmentation stage."""
    cfg = Config.fromfile(ROOT / 'configs' / 'deeplabv3plus_r50_voc-pseudo.py')
    norm_cfg = dict(type='BN')
    cfg.merge_from_dict(
        dict(
            model=dict(
                data_preprocessor=dict(size=(32, 32)),
                decode_head=dict(
                    in_channels=64,
                    channels=8,
                    c1_in_channels=8,
                    c1_channels=4,
                    num_classes=3,
                    norm_cfg=norm_cfg),
                auxiliary_head=dict(
                    in_channels=32,
                    channels=8,
                    num_classes=3,
                    norm_cfg=norm_cfg))))
    cfg.model.backbone = dict(BACKBONE)
    _shorten(cfg, iters)
    for name in ('train', 'val', 'test'):
        cfg[f'{name}_dataloader'].dataset.data_root = str(voc)
    pipeline = cfg.train_dataloader.dataset.pipeline
    pipeline[3].scale = (64, 48)
    pipeline[4].crop_size = (32, 32)
    cfg.dump(str(path))
    return path


def second_stage_config(voc: Path,
                        path: Path,
                        name: str,
                        model: dict,
                        pseudo_dir: Path,
                        iters: int = 2) -> Path:
    """Write a small config of the second stage, made from one in configs/.

    ``model`` is what changes of the model, classes and weights apart.
    """
    cfg = Config.fromfile(ROOT / 'configs' / f'{name}.py')
    cfg.model.backbone.init_cfg = None
    cfg.model.data_preprocessor.size = (32, 32)
    for head in ('decode_head', 'auxiliary_head'):
        if cfg.model.get(head):
            cfg.model[head].update(channels=8, num_classes=3)
    cfg.merge_from_dict(dict(model=model))
    _shorten(cfg, iters)
    cfg.param_scheduler = cfg.param_scheduler[:1]
    cfg.param_scheduler[0].begin = 0
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.data_root = str(voc)
    changes = dict(
        RandomResize=dict(scale=(64, 48)),
        RandomCrop=dict(crop_size=(32, 32)))
    changes['hsc_mm.LoadPseudoLabel'] = dict(pseudo_dir=str(pseudo_dir))
    for step in cfg.train_dataloader.dataset.pipeline:
        step.update(changes.get(step.type, {}))
    cfg.dump(str(path))
    return path


def train_and_test(config: Path, *hooks: Hook) -> Runner:
    """Train two iterations, score the result; return what trained."""
    folder = config.parent

    def runner(name: str, cfg: Config) -> Runner:
        cfg.work_dir = str(folder / name)
        cfg.experiment_name = f'{folder.name}_{name}'
        return Runner.from_cfg(cfg)

    trained = runner('run', Config.fromfile(config))
    for hook in hooks:
        trained.register_hook(hook)
    trained.train()
    cfg = use_tta(Config.fromfile(config))
    cfg.load_from = str(folder / 'run' / 'iter_2.pth')
    assert 0 <= runner('test', cfg).test()['mIoU'] <= 100
    return trained
