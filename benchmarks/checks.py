#!/usr/bin/env python
"""Cost of the checks: of a training step, and of pseudo labels.

    python benchmarks/checks.py --threads 2 --repeat 15
    python benchmarks/checks.py --count 24 --only labels

`training`: the step of `train_step.py` without checks, with what hooks look at
in each iteration (finite losses, jumps of the loss, embeddings, batch norms),
and once more without, which says how large the noise is. The three take turns.
`labels`: one run of `make_pseudo_labels`, and the share of its time inside the
checks of weights, files, maps and locks.
"""
import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pseudo_labels as label_benchmark
import torch
import train_step
from measure import take_turns
from mmengine.logging import MessageHub
from torch import nn

from hsc_mm.engine.fitting import guard_batch_norms
from hsc_mm.engine.hooks import FiniteLossHook, TrainingHealthHook
from hsc_mm.inference import load_config
from hsc_mm.pseudo_labels import RunOptions, make_pseudo_labels
from hsc_mm.utils.health import LossWatch

ROOT = Path(__file__).resolve().parents[1]
#: What checks a run of pseudo labels: module and function.
CHECKS = ('hsc_mm.utils.checkpoints.check_content',
          'hsc_mm.utils.checkpoints.check_finite',
          'hsc_mm.utils.checkpoints._wrong_bytes',
          'hsc_mm.pseudo_labels.folder.check_label',
          'hsc_mm.pseudo_labels.run.input_note',
          'hsc_mm.datasets.base.check_items',
          'hsc_mm.utils.locks.hold',
          'numpy.isfinite')


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--only', choices=('training', 'labels'))
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--size', type=int, default=128, help='pixels')
    parser.add_argument('--repeat', type=int, default=11, help='steps')
    parser.add_argument('--count', type=int, default=12, help='images')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    return parser.parse_args()


def checked_step(args: argparse.Namespace) -> Callable[[], None]:
    """Return the step of HSC with all that hooks do in each iteration."""
    models: list[nn.Module] = []
    step = train_step.make_step(
        'hsc', args, lambda model, optimizer: models.append(model))
    model, = models
    guard_batch_norms(model)
    health, finite = TrainingHealthHook(), FiniteLossHook()
    health._watch = LossWatch(0.5, args.batch)
    health._listen(model)
    runner = SimpleNamespace(
        iter=0, message_hub=MessageHub.get_instance('checks'))

    def checked() -> None:
        health.before_train_iter(runner, runner.iter)
        losses = step()
        for name, value in losses.items():  # as RuntimeInfoHook does
            runner.message_hub.update_scalar(f'train/{name}', value)
        finite.after_train_iter(runner, runner.iter, outputs=losses)
        health.after_train_iter(runner, runner.iter, outputs=losses)
        runner.iter += 1

    return checked


def logged_step(args: argparse.Namespace, name: str) -> Callable[[], None]:
    """Return the step, whose losses are logged and not looked at."""
    step, hub = train_step.make_step('hsc', args), MessageHub.get_instance(
        name)

    def logged() -> None:
        for key, value in step().items():
            hub.update_scalar(f'train/{key}', value)

    return logged


def training(args: argparse.Namespace) -> None:
    """Print the ratio of a step with checks to one without."""
    steps = dict(
        without=logged_step(args, 'one'), checks=checked_step(args),
        again=logged_step(args, 'two'))
    take_turns(steps, 2, args.device)
    times = take_turns(steps, args.repeat, args.device)
    least, median = ({name: measure(found) for name, found in times.items()}
                     for measure in (min, statistics.median))
    for name in ('checks', 'again'):
        print(f'training, {name:7s}: {1000 * median[name]:.1f} ms a step, '
              f'{median[name] / median["without"]:.3f} of the median without '
              f'({least[name] / least["without"]:.3f} of the fastest)')


def labels(args: argparse.Namespace) -> None:
    """Print the share of time that a run of pseudo labels spends in checks."""
    spent = dict.fromkeys(CHECKS, 0.0)

    def timed(name: str) -> mock._patch:
        def run(*values, **words):
            start = time.perf_counter()
            try:
                return inner(*values, **words)
            finally:
                spent[name] += time.perf_counter() - start

        patch = mock.patch(name, run)
        inner, _ = patch.get_original()
        return patch

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        label_benchmark.write_data(root, args.count)
        cfg = load_config(ROOT / 'configs' / 'cam_mbv2_voc.py')
        cfg.model.backbone.init_cfg = None
        cfg.train_dataloader.dataset.update(
            data_root=folder, ann_file='list.txt',
            label_file='image_labels.json')
        weights = root / 'weights.pth'
        model = label_benchmark.build(cfg, 'cpu')
        torch.save(dict(state_dict=model.state_dict(), meta={}), weights)
        patches = [timed(name) for name in CHECKS]
        for patch in patches:
            patch.start()
        start = time.perf_counter()
        make_pseudo_labels(
            cfg, weights, root / 'out', options=RunOptions(
                workers=0, device=args.device))
        total = time.perf_counter() - start
        for patch in patches:
            patch.stop()
    print(f'labels: {args.count} images in {total:.1f} s, of it '
          f'{sum(spent.values()):.3f} s in checks '
          f'({sum(spent.values()) / total:.2%}): ' + ', '.join(
              f'{name.rpartition(".")[2]} {1000 * value:.0f} ms'
              for name, value in spent.items()))


def main() -> None:
    """Print ratios, measured in one run."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    if args.only != 'labels':
        training(argparse.Namespace(
            **vars(args) | dict(
                only=None, config=str(ROOT / 'configs' / 'hsc_mbv2_voc.py'),
                second=args.size * 4 // 5, amp=False)))
    if args.only != 'training':
        labels(args)


if __name__ == '__main__':
    main()
