#!/usr/bin/env python
"""Parts of a training step, and their time.

    python benchmarks/step_parts.py --threads 2 --repeat 25

Options are those of `train_step.py`. SEAM and HSC take turns; the table shows
the medians of each part and what HSC adds. With `--only hsc` torch.profiler
lists the operators of that model instead.
"""
import argparse
import operator
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace

import torch
from measure import synchronize, take_turns
from torch.profiler import ProfilerActivity
from train_step import make_step, parse_args

#: Name in the table, and the method that it is.
PARTS = (
    ('backbone, both views', 'model.extract_feat'),
    ('head: CAM, PCM, embeddings', 'model.decode_head.make_views'),
    *(("baseline's losses", f'model.decode_head.losses.{name}.forward')
      for name in ('cls', 'er', 'ecr', 'min')),
    ('masks and CRF', 'model.decode_head.losses.contrast.masks'),
    ('three levels of contrast', 'model.decode_head.losses.contrast.contrast'),
    ('backward', 'optimizer.backward'),
    ('optimiser', 'optimizer.step'),
)


class Watch:
    """Times of the parts of the steps of one model.

    Args:
        device (str): What is waited for at both ends of a part.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.seconds = defaultdict(float)
        self.steps = []

    def __call__(self, model: object, optimizer: object) -> None:
        """Take the place of the methods that are parts."""
        roots = SimpleNamespace(model=model, optimizer=optimizer)
        for name, path in PARTS:
            owner, _, method = path.rpartition('.')
            try:
                thing = operator.attrgetter(owner)(roots)
            except AttributeError:  # SEAM has no contrast
                continue
            setattr(thing, method, self._timed(name, getattr(thing, method)))

    def _timed(self, name: str, function: Callable) -> Callable:
        def timed(*args: object, **kwargs: object) -> object:
            synchronize(self.device)
            start = time.perf_counter()
            result = function(*args, **kwargs)
            synchronize(self.device)
            self.seconds[name] += time.perf_counter() - start
            return result

        return timed

    def end(self) -> None:
        """Put the times of a step away."""
        self.steps.append(dict(self.seconds))
        self.seconds.clear()

    def median(self, name: str) -> float:
        """Return the milliseconds of a part, 0 where there is none."""
        return 1000 * statistics.median(
            step.get(name, 0.0) for step in self.steps)


def list_operators(step: Callable[[], dict], args: argparse.Namespace) -> None:
    """Print what torch says takes the time of a step."""
    kinds = [ProfilerActivity.CPU]
    if args.device == 'cuda':
        kinds.append(ProfilerActivity.CUDA)
    step()
    with torch.profiler.profile(activities=kinds) as result:
        step()
        synchronize(args.device)
    print(result.key_averages().table(
        sort_by=f'self_{args.device}_time_total', row_limit=20))


def main() -> None:
    """Print the table."""
    args = parse_args(__doc__, 'list the operators of this one instead')
    torch.set_num_threads(args.threads)
    if args.only:
        list_operators(make_step(args.only, args), args)
        return
    watches = {name: Watch(args.device) for name in ('seam', 'hsc')}
    steps = {}
    for name, watch in watches.items():
        one = make_step(name, args, watch)
        steps[name] = lambda one=one, watch=watch: (one(), watch.end())
    take_turns(steps, 1, args.device)
    for watch in watches.values():
        watch.steps.clear()
    times = take_turns(steps, args.repeat, args.device)
    whole = {k: 1000 * statistics.median(v) for k, v in times.items()}
    rows = [(name, *(watch.median(name) for watch in watches.values()))
            for name in dict(PARTS)]
    rest = [whole[k] - sum(row[i] for row in rows)
            for i, k in enumerate(watches, 1)]
    print('| part, ms | SEAM | HSC | HSC adds | of what HSC adds |')
    print('|---|---|---|---|---|')
    added = whole['hsc'] - whole['seam']
    for name, seam, hsc in (*rows, ('the rest', *rest),
                            ('**step**', whole['seam'], whole['hsc'])):
        print(f'| {name} | {seam:.0f} | {hsc:.0f} | {hsc - seam:+.0f} '
              f'| {(hsc - seam) / added:.0%} |')


if __name__ == '__main__':
    main()
