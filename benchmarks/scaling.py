#!/usr/bin/env python
"""Cost of the contrast as batch, size, classes and ranks grow.

    python benchmarks/scaling.py --threads 1

Each row changes one number of the first row and measures the whole objective
of `objective.py`, recipe `clean`, forward and backward. Ranks share the batch
of the first row: gloo, one thread each; what they add is communication, and
pairs of images across ranks at ROI level.
"""
import argparse
import os
import statistics

import objective
import torch
from measure import take_turns
from torch import distributed, multiprocessing

from hsc_mm.engine.hooks.keep_memory_hook import keep_freed_memory

BASE = dict(batch=12, classes=21, view=56, grid=16)
GROW = dict(
    batch=(24, 48), view=(80, 112), grid=(23, 32), classes=(81, 201, 1001))
WORDS = dict(batch='batch', classes='classes', view='view 1', grid='grid')


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--repeat', type=int, default=5)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    args = parser.parse_args()
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('--device cuda: torch sees no GPU.')
    return args


def measure(args: argparse.Namespace, case: dict) -> float:
    """Return the median of the milliseconds of a step."""
    given = argparse.Namespace(
        batch=case['batch'], classes=case['classes'], device=args.device)
    objective.VIEWS = ((case['view'], ) * 2, (case['grid'], ) * 2)
    step = objective.make_step('clean', given, objective.make_inputs(given))
    step()
    times = take_turns(dict(step=step), args.repeat, args.device)
    return 1000 * statistics.median(times['step'])


def rank(index: int, count: int, args: argparse.Namespace, result) -> None:
    """Measure one rank of several."""
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT='29517')
    distributed.init_process_group('gloo', rank=index, world_size=count)
    case = dict(BASE, batch=BASE['batch'] // count)
    taken = measure(args, case)
    if index == 0:
        result.put(taken)
    distributed.barrier()
    distributed.destroy_process_group()


def ranks(count: int, args: argparse.Namespace) -> float:
    """Return the milliseconds of a step on the shared batch."""
    context = multiprocessing.get_context('spawn')
    result = context.SimpleQueue()
    multiprocessing.spawn(
        rank, args=(count, args, result), nprocs=count, join=True)
    return result.get()


def main() -> None:
    """Print the table."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    keep_freed_memory()  # as trainings do
    measure(args, BASE)
    base = measure(args, BASE)
    print(f'{args.device}, {args.threads} thread(s), torch '
          f'{torch.__version__}; '
          + ', '.join(f'{WORDS[k]} {v}' for k, v in BASE.items()))
    print('| change | ms | x first | x what grew |\n|---|---|---|---|')
    print(f'| none | {base:.1f} | 1 | 1 |')
    for key, values in GROW.items():
        for value in values:
            taken = measure(args, dict(BASE, **{key: value}))
            # Views and grids are squares: positions are what grows.
            power = 2 if key in ('view', 'grid') else 1
            grown = (value / BASE[key])**power
            print(f'| {WORDS[key]} {value} | {taken:.1f} | '
                  f'{taken / base:.2f} | {grown:.2f} |', flush=True)
    if args.device == 'cpu':
        for count in (1, 2):
            print(f'| ranks {count} (gloo) | {ranks(count, args):.1f} | | |')


if __name__ == '__main__':
    main()
