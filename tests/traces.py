"""Traces of short runs: losses of three iterations and one prediction.

``python tests/traces.py --out FILE`` records them, ``--check FILE`` compares.
Weights are a function of their name, so that a trace does not depend on the
order in which modules are built.
"""
import argparse
import json
import os
import re
import sys
import tempfile
import zlib
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tests')]

CLASSES = ('background', 'cat', 'dog')
CONFIGS = (
    'demo/cam_demo', 'demo/seam_demo', 'demo/eps_demo', 'demo/hsc_demo',
    'demo/hsc_eps_demo',
    'demo/deeplabv3plus_demo-pseudo', 'own/hsc_mbv2_own',
    'own/deeplabv3plus_mbv2_own-pseudo', 'voc-animals/cam_mbv2_voc-animals',
    'voc-animals/seam_mbv2_voc-animals', 'voc-animals/eps_mbv2_voc-animals',
    'voc-animals/hsc_mbv2_voc-animals',
    'voc-animals/hsc_eps_mbv2_voc-animals',
    'voc-animals/ablation/hsc_mbv2_voc-animals_release',
    'voc-animals/deeplabv3plus_mbv2_voc-animals-pseudo',
    'voc-animals/cam_lite0_voc-animals')
#: Names of version 1 by the names that weights have now.
RENAMED = (
    (r'decode_head\.refiner\.', 'decode_head.pcm.'),
    (r'decode_head\.embeddings\.(\w+)\.', r'decode_head.\1_projector.'),
    (r'losses\.contrast\.levels\.cls\.bank', 'contrast.banks.classes'),
    (r'losses\.contrast\.levels\.(\w+)\.bank', r'contrast.banks.\1'))


class _Record(Hook):
    """What a run says, number by number."""

    def __init__(self) -> None:
        self.losses: list[dict[str, float]] = []
        self.outputs: list[float] = []

    def before_train(self, runner) -> None:
        fill(runner.model)

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None) -> None:
        self.losses.append({k: float(v) for k, v in outputs.items()})

    def after_test_iter(self, runner, batch_idx, data_batch=None,
                        outputs=None) -> None:
        self.outputs += [
            float(s.seg_logits.data.double().abs().mean()) for s in outputs
        ]


def old_name(name: str) -> str:
    """Return what a tensor was called when the traces were recorded."""
    for pattern, replacement in RENAMED:
        name = re.sub(pattern, replacement, name)
    return name


@torch.no_grad()
def fill(model: torch.nn.Module) -> None:
    """Give each tensor numbers that its name and shape determine."""
    for name, value in model.state_dict().items():
        if not value.is_floating_point():
            continue
        seed = zlib.crc32(old_name(name).encode())
        noise = torch.randn(
            value.shape, generator=torch.Generator().manual_seed(seed))
        if name.endswith('.rows'):
            if not model.get_submodule(name[:-5]).seen.any():
                continue
        elif name.endswith('neck.factor'):  # there was none
            noise = torch.ones(())
        elif name.endswith('running_var') or (value.ndim == 1 and (
                name.endswith('weight'))):
            noise = 1 + 0.1 * noise.abs()
        elif value.ndim < 2:
            noise = 0.05 * noise
        else:
            noise = noise * (1.6 / value[0].numel())**0.5
        value.copy_(noise)


def tiny(name: str, voc: Path, work_dir: Path) -> Config:
    """Return a config of this project, on tiny data, without weights."""
    cfg = Config.fromfile(ROOT / 'configs' / f'{name}.py')
    maps = cfg.train_dataloader.dataset.get('aux_maps')
    for split in ('train', 'val', 'test'):
        loader = cfg[f'{split}_dataloader']
        loader.update(num_workers=0, persistent_workers=False)
        prefix = {} if split == 'train' else dict(
            seg_map_path='SegmentationClass')
        loader.dataset = dict(
            type='hsc_mm.VOCImageLabelDataset',
            data_root=str(voc),
            ann_file='ImageSets/Segmentation/train.txt',
            label_file='image_labels.json',
            metainfo=dict(classes=CLASSES),
            data_prefix=prefix,
            aux_maps=maps if split == 'train' else None,
            test_mode=split != 'train',
            pipeline=loader.dataset.pipeline)
    cfg.train_dataloader.batch_size = 4
    for step in cfg.train_dataloader.dataset.pipeline:
        if step.type == 'hsc_mm.RandomLongSideResize':
            step.long_side = (80, 112)
        if step.type == 'hsc_mm.CropPad':
            step.size = (96, 96)
        if step.type == 'RandomCrop':
            step.crop_size = (96, 96)
        if step.type == 'hsc_mm.LoadPseudoLabel':
            step.pseudo_dir = str(voc / 'SegmentationClass')
    if cfg.model.data_preprocessor.get('size'):
        cfg.model.data_preprocessor.size = (96, 96)
    cfg.model.backbone.init_cfg = None
    for head in ('decode_head', 'auxiliary_head'):
        if cfg.model.get(head):
            cfg.model[head].num_classes = 3
    if cfg.model.get('second_view'):
        cfg.model.second_view = (80, 80)
    cfg.train_cfg.update(max_iters=3, val_interval=100)
    cfg.param_scheduler = cfg.param_scheduler[:1]
    cfg.param_scheduler[0].update(begin=0, end=3)
    if cfg.optim_wrapper.get('clip_grad', False) is None:
        # Of unclipped steps the third one differs by 2 % between processors.
        cfg.optim_wrapper.clip_grad = dict(max_norm=10.0)
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint = None
    cfg.env_cfg.mp_cfg = dict(mp_start_method='fork', opencv_num_threads=1)
    cfg.load_from = None
    cfg.work_dir = str(work_dir)
    cfg.log_level = 'ERROR'
    return cfg


def trace(name: str, voc: Path, work_dir: Path) -> dict:
    """Run a config for three iterations, then test it.

    Returns:
        dict: ``losses``, of each iteration; ``outputs``, the mean of each
        image's maps; ``mIoU``.
    """
    runner = Runner.from_cfg(tiny(name, voc, work_dir))
    record = _Record()
    runner.register_hook(record, priority='LOWEST')
    runner.train()
    metrics = runner.test()
    score = next(v for k, v in metrics.items() if k.endswith('mIoU'))
    return dict(losses=record.losses, outputs=record.outputs,
                mIoU=float(score))


def worst(old: dict, new: dict) -> float:
    """Return the largest relative difference of two traces."""

    def numbers(one: dict) -> dict[str, float]:
        found = {
            f'{number} {key}': value
            for number, losses in enumerate(one['losses'])
            for key, value in losses.items()
        }
        found.update(
            (f'output {n}', value) for n, value in enumerate(one['outputs']))
        return found

    old, new = numbers(old), numbers(new)
    if old.keys() != new.keys():
        different = sorted(old.keys() ^ new.keys())
        raise AssertionError(f'names differ: {different}')
    return max(
        abs(value - new[key]) / max(abs(value), 1e-6)
        for key, value in old.items())


def main() -> int:
    """Record, or compare."""
    from conftest import make_voc
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out')
    parser.add_argument('--check')
    parser.add_argument('--only', default='')
    args = parser.parse_args()
    torch.set_num_threads(1)
    status, traces = 0, {}
    with tempfile.TemporaryDirectory() as folder:
        voc = make_voc(Path(folder) / 'voc')
        known = json.loads(Path(args.check).read_text()) if args.check else {}
        for name in CONFIGS:
            if args.only not in name:
                continue
            traces[name] = trace(name, voc, Path(folder) / 'w' / name)
            if known:
                off = worst(known[name], traces[name])
                same = abs(known[name]['mIoU'] - traces[name]['mIoU']) < 0.02
                status |= off > 1e-6 or not same
                print(f'{name}: {off:.1e}, mIoU {known[name]["mIoU"]} '
                      f'{traces[name]["mIoU"]}')
            else:
                print(name, traces[name]['losses'][-1], traces[name]['mIoU'])
    if args.out:
        Path(args.out).write_text(json.dumps(traces, indent=1) + '\n')
    return status


if __name__ == '__main__':
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    sys.exit(main())
