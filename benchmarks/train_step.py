#!/usr/bin/env python
"""Time and memory of a whole training step, from images to moved weights.

    python benchmarks/train_step.py --threads 2
    python benchmarks/train_step.py --device cuda --amp --config \
        configs/hsc_r50_voc.py --batch 16 --size 448

Four models take turns, same network, same batch: plain CAM (one view), the
two-view baseline (SEAM), HSC, and HSC written the plain way (`plain_head.py`).
On a CPU HSC runs once more, `anew`, without keeping freed memory for the next
step. Data loading is left out. `step_parts.py` says which part of a step takes
how long.
"""
import argparse
import copy
import logging
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from measure import resident_peak, synchronize, take_turns
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.structures import SegDataSample
from torch import nn

from hsc_mm.engine.hooks.keep_memory_hook import keep_freed_memory
from hsc_mm.functional.prototypes import MomentumPrototypes
from hsc_mm.registry import MODELS

sys.path.append(str(Path(__file__).resolve().parents[1] / 'reference'))

import plain_head

CONTESTANTS = ('cam', 'seam', 'hsc', 'anew', 'plain')
#: Losses that a contestant leaves out.
WITHOUT = dict(cam=('er', 'ecr', 'min', 'contrast'), seam=('contrast', ))


def parse_args(
    description: str = __doc__,
    only: str = 'print the peak of memory in MiB of this one alone'
) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=description.split('\n')[0])
    parser.add_argument('--config', default='configs/hsc_mbv2_voc.py')
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--size', type=int, default=160, help='pixels')
    parser.add_argument(
        '--second', type=int, help='pixels of view 2 (default: 0.8 size)')
    parser.add_argument('--repeat', type=int, default=7)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--amp', action='store_true', help='half precision')
    parser.add_argument(
        '--only', choices=CONTESTANTS, help=only)
    args = parser.parse_args()
    args.second = args.second or args.size * 4 // 5
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('--device cuda: torch sees no GPU.')
    return args


def make_data(args: argparse.Namespace, classes: int) -> dict:
    """Draw images and 1 to 3 labels for each."""
    torch.manual_seed(0)
    samples, images = [], []
    for number in range(args.batch):
        coarse = torch.rand(1, 3, 8, 8) * 255
        images.append(torch.nn.functional.interpolate(
            coarse, (args.size, args.size), mode='bilinear')[0].byte())
        label = torch.zeros(classes)
        label[torch.randperm(classes)[:number % 3 + 1]] = 1
        sample = SegDataSample(
            metainfo=dict(num_labels=number % 3 + 1))
        sample.gt_label = label
        samples.append(sample)
    return dict(inputs=images, data_samples=samples)


def make_model(name: str,
               args: argparse.Namespace) -> tuple[nn.Module, OptimWrapper]:
    """Build a contestant and what moves its weights."""
    cfg = copy.deepcopy(Config.fromfile(args.config))
    init_default_scope(cfg.default_scope)
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    model = cfg.model
    model.backbone.init_cfg = None
    model.second_view = None if name == 'cam' else (args.second, args.second)
    # The plain way keeps torch's usual layout.
    model.channels_last = name != 'plain'
    if name == 'plain':
        model.decode_head.type = plain_head.PlainHSCHead
    for key in WITHOUT.get(name, ()):
        model.decode_head.losses[key] = None
    model.decode_head.seed_from = 'raw'  # A step makes none.
    if name == 'cam':
        model.decode_head.refiner = None
    torch.manual_seed(1)
    model = MODELS.build(model).to(args.device)
    model.init_weights()
    model.train()
    wrapper = cfg.optim_wrapper
    if args.amp:
        wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')
        if args.device == 'cpu':
            wrapper.update(dtype='bfloat16')
    return model, build_optim_wrapper(model, wrapper)


def make_step(name: str,
              args: argparse.Namespace,
              watch: Callable | None = None) -> Callable[[], dict]:
    """Return what makes one step and gives back its losses.

    `watch(model, optimizer)`, where given, is called before the first step.
    """
    model, optimizer = make_model(name, args)
    if watch is not None:
        watch(model, optimizer)
    data = make_data(args, model.num_classes - 1)
    banks = [m for m in model.modules() if isinstance(m, MomentumPrototypes)]

    def step() -> dict:
        keep_freed_memory(name != 'anew')
        losses = model.train_step(data, optimizer)
        if name in ('hsc', 'anew'):
            for bank in banks:
                bank.commit()
        return losses

    return step


def peak(step: Callable[[], dict], args: argparse.Namespace) -> float:
    """Return the MiB that two steps take at most, weights included."""
    step()
    if args.device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    step()
    if args.device == 'cuda':
        synchronize(args.device)
        return torch.cuda.max_memory_allocated() / 2**20
    return resident_peak() / 2**20


def peak_apart(name: str, args: argparse.Namespace) -> float:
    """Measure alone; on a CPU, where no page is given back, in a process."""
    if args.device == 'cuda':
        return peak(make_step(name, args), args)
    output = subprocess.run(
        [sys.executable, *sys.argv, '--only', name],
        check=True, capture_output=True, text=True).stdout
    return float(output.split()[-1])


def main() -> None:
    """Print the table."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    if args.only:
        print(peak(make_step(args.only, args), args))
        return
    steps = {
        name: make_step(name, args)
        for name in CONTESTANTS if args.device == 'cpu' or name != 'anew'
    }
    take_turns(steps, 1, args.device)
    times = take_turns(steps, args.repeat, args.device)
    device = f'CPU, {args.threads} thread(s)'
    if args.device == 'cuda':
        device = torch.cuda.get_device_name()
    print(f'{device}; torch {torch.__version__}; {args.config}, batch '
          f'{args.batch}, {args.size} and {args.second} pixels')
    print('| model | ms | images/s | x seam | x plain | peak MiB |')
    print('|---|---|---|---|---|---|')
    medians = {k: statistics.median(v) for k, v in times.items()}
    steps.clear()  # Their weights would count.
    for name, seconds in medians.items():
        print(f'| {name} | {1000 * seconds:.0f} | {args.batch / seconds:.1f} '
              f'| {seconds / medians["seam"]:.3f} '
              f'| {seconds / medians["plain"]:.3f} '
              f'| {peak_apart(name, args):.0f} |')


if __name__ == '__main__':
    main()
