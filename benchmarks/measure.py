"""Memory of this process, and times of steps that take turns."""
import time
from collections.abc import Callable

import torch

__all__ = ['resident', 'resident_peak', 'synchronize', 'take_turns']


def _status(field: str) -> int:
    """Return a field of /proc/self/status in bytes.

    getrusage would not do: its peak outlives exec, so that a child reports
    that of the process that started it.
    """
    with open('/proc/self/status') as file:
        for line in file:
            if line.startswith(field + ':'):
                return int(line.split()[1]) * 1024
    raise OSError(f'/proc/self/status: expected the field {field}, found no '
                  'such line; memory is measured on Linux only.')


def resident() -> int:
    """Return the bytes that the process holds now."""
    return _status('VmRSS')


def resident_peak() -> int:
    """Return the most bytes that the process has held."""
    return _status('VmHWM')


def synchronize(device: str) -> None:
    """Wait for the device."""
    if device == 'cuda':
        torch.cuda.synchronize()


def take_turns(steps: dict[str, Callable], repeat: int,
               device: str) -> dict[str, list[float]]:
    """Run steps in turn, so that noise meets all alike.

    Args:
        steps (dict[str, Callable]): What is measured, by name; run once
            before.
        repeat (int): Rounds.
        device (str): What is waited for.

    Returns:
        dict[str, list[float]]: Seconds of each round.
    """
    times = {name: [] for name in steps}
    for _ in range(repeat):
        for name, step in steps.items():
            synchronize(device)
            start = time.perf_counter()
            step()
            synchronize(device)
            times[name].append(time.perf_counter() - start)
    return times
