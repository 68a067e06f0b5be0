#!/usr/bin/env python
"""Time and memory of the whole contrast, forward and backward.

    python benchmarks/objective.py --threads 1
    python benchmarks/objective.py --device cuda

From refined CAMs and embeddings of two views to three losses, their gradients
and moved prototypes, the CRF included: `HierarchicalContrast` in both recipes
against `plain_hsc.objective`, a transcription of the release with loops over
classes and images. The contestants take turns, the table has medians. On a CPU
all of them keep freed memory, as trainings do.
"""
import argparse
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from measure import resident, resident_peak, synchronize, take_turns
from torch import Tensor

from hsc_mm.engine.hooks.keep_memory_hook import keep_freed_memory
from hsc_mm.models import Targets

sys.path.append(str(Path(__file__).resolve().parents[1] / 'reference'))

import plain_crf
import plain_hsc
from methods import build_contrast, make_views

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
REGION, PIXEL = 256, 128
VIEWS = ((56, 56), (16, 16))
CONTESTANTS = ('plain', 'release', 'clean')


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--batch', type=int, default=12)
    parser.add_argument(
        '--classes', type=int, default=21, help='background included')
    parser.add_argument('--repeat', type=int, default=10)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument(
        '--only', choices=CONTESTANTS,
        help='print the growth of memory in bytes of this one alone')
    args = parser.parse_args()
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('--device cuda: torch sees no GPU.')
    return args


def make_inputs(args: argparse.Namespace) -> dict:
    """Draw blobs as CAMs, smooth images, and 1 to 3 classes an image."""
    torch.manual_seed(0)

    def draw(channels: int, coarse: int, size: tuple[int, int]) -> Tensor:
        noise = torch.randn(args.batch, channels, coarse, coarse)
        return torch.nn.functional.interpolate(
            noise, size=size, mode='bilinear').to(args.device)

    label = torch.zeros(args.batch, args.classes - 1)
    for number, row in enumerate(label):
        row[torch.randperm(args.classes - 1)[:number % 3 + 1]] = 1
    colours = (draw(3, 8, (128, 128)) * 60 + 128).clamp(0, 255).round()
    mean, std = (
        torch.tensor(one, device=args.device).view(3, 1, 1)
        for one in (MEAN, STD))
    return dict(
        refined=[draw(args.classes, 5, size) for size in VIEWS],
        pixels=[draw(PIXEL, 12, size).relu().requires_grad_()
                for size in VIEWS],
        regions=[draw(REGION, 12, size).requires_grad_() for size in VIEWS],
        label=label.to(args.device),
        max_labels=int(label.sum(1).max()) + 1,
        colours=colours,
        image=(colours - mean) / std)


def make_step(name: str, args: argparse.Namespace,
              inputs: dict) -> Callable[[], dict]:
    """Return what makes one iteration and gives back its losses."""
    torch.manual_seed(1)
    contrast = build_contrast(
        args.classes, REGION, PIXEL,
        recipe='release' if name == 'plain' else name).to(args.device)
    moved = [
        bank for level in contrast.levels.values() for bank in level.bank
    ]
    plain = {
        f'{key}{view + 1}': contrast.levels[level].bank[view].rows.clone()
        for level, key in (('roi', 'roi'), ('cls', 'class'),
                           ('pixel', 'pixel')) for view in range(2)
    }

    def step() -> dict:
        leaves = inputs['pixels'] + inputs['regions']
        if name == 'plain':
            losses = plain_hsc.objective(
                *inputs['refined'], *inputs['pixels'], *inputs['regions'],
                inputs['image'], inputs['label'], plain)
        else:
            views = make_views(inputs['refined'], inputs['pixels'],
                               inputs['regions'], inputs['colours'])
            losses = contrast(
                views,
                Targets(inputs['label'], max_labels=inputs['max_labels']))
            for bank in moved:
                bank.commit()
        if name == 'plain':
            losses = {key.removeprefix('loss_'): loss
                      for key, loss in losses.items()
                      if key.startswith('loss_')}
        torch.autograd.grad(sum(losses.values()), leaves)
        return {key: loss.detach() for key, loss in losses.items()}

    return step


def growth(step: Callable[[], dict], args: argparse.Namespace) -> int:
    """Return the bytes that the peak of a step lies above its beginning."""
    if args.device == 'cuda':
        step()
        synchronize(args.device)
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        synchronize(args.device)
        return torch.cuda.max_memory_allocated() - before
    before = resident()
    step()
    step()
    return resident_peak() - before


def growth_apart(name: str, step: Callable[[], dict],
                 args: argparse.Namespace) -> int:
    """Measure; on a CPU, where no page is given back, in a fresh process."""
    if args.device == 'cuda':
        return growth(step, args)
    output = subprocess.run(
        [sys.executable, *sys.argv, '--only', name],
        check=True, capture_output=True, text=True).stdout
    return int(output.split()[-1])


def main() -> None:
    """Print the table."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    keep_freed_memory()
    inputs = make_inputs(args)
    if args.only:
        print(growth(make_step(args.only, args, inputs), args))
        return
    steps = {name: make_step(name, args, inputs) for name in CONTESTANTS}
    first = {name: step() for name, step in steps.items()}
    times = {
        name: [1000 * one for one in seconds] for name, seconds in take_turns(
            steps, args.repeat, args.device).items()
    }
    crf = 'exact' if plain_crf.dcrf is None else 'pydensecrf'
    device = f'CPU, {args.threads} thread(s)'
    if args.device == 'cuda':
        device = torch.cuda.get_device_name()
    print(f'{device}; torch {torch.__version__}; batch {args.batch}, '
          f'{args.classes} classes; CRF of plain: {crf}, image by image')
    print('| objective | ms | ms least | x plain | peak MiB | x plain |')
    print('|---|---|---|---|---|---|')
    medians = {k: statistics.median(v) for k, v in times.items()}
    peaks = {name: growth_apart(name, step, args) / 2**20
             for name, step in steps.items()}
    for name in CONTESTANTS:
        print(f'| {name} | {medians[name]:.1f} | {min(times[name]):.1f} | '
              f'{medians[name] / medians["plain"]:.3f} | {peaks[name]:.0f} | '
              f'{peaks[name] / peaks["plain"]:.3f} |')
    worst = max(
        abs(loss.item() / first['plain'][key].item() - 1)
        for key, loss in first['release'].items())
    print(f'Losses of release and plain differ by {worst:.1e}, relative.')


if __name__ == '__main__':
    main()
