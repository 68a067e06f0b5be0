"""Checks of the tensors in a file of weights."""
import torch
from torch import Tensor

from hsc_mm.models import ResNet38d
from .release import SOURCES

__all__ = ['expected_shapes', 'find_problems', 'outputs']

Shape = tuple[int, ...]


def expected_shapes(state: dict[str, Tensor], source: str) -> dict[str, Shape]:
    """Return what a network as wide as that of a file consists of.

    The width is that of ``conv1a``; the channels that a layer of the head
    puts out are those found, and what follows it must take as many.

    Args:
        state (dict[str, Tensor]): By the names of the public checkpoints.
        source (str): A key of ``SOURCES``.

    Returns:
        dict[str, tuple[int, ...]]: Shape by name.
    """
    base = outputs(state, 'conv1a.weight', 64)
    with torch.device('meta'):
        network = ResNet38d(base)
    shapes = {key: tuple(value.shape)
              for key, value in network.state_dict().items()}
    head = _head_shapes(state, base)
    return shapes | {key: head[key] for key in SOURCES[source].head}


def outputs(state: dict[str, Tensor], key: str, default: int = 1) -> int:
    """Return how many channels a layer puts out."""
    found = state.get(key)
    return len(found) if found is not None and found.ndim else default


def _head_shapes(state: dict[str, Tensor], base: int) -> dict[str, Shape]:
    """Return the shapes of every tensor that a head may have."""
    low, high = (outputs(state, f'{k}.weight') for k in ('f8_3', 'f8_4'))
    region, last = (outputs(state, f'extra_F.{k}.weight') for k in (0, 3))
    shapes = {
        'fc8.weight': (outputs(state, 'fc8.weight'), 64 * base, 1, 1),
        'f8_3.weight': (low, 8 * base, 1, 1),
        'f8_4.weight': (high, 16 * base, 1, 1),
        # Of the image, of f8_3 and of f8_4, in this order.
        'f9.weight': (outputs(state, 'f9.weight'), 3 + low + high, 1, 1),
        'proj_fc.weight':
        (outputs(state, 'proj_fc.weight'), 64 * base, 1, 1),
        'extra_F.0.weight': (region, 64 * base, 3, 3),
        'extra_F.1.num_batches_tracked': (),
        'extra_F.3.weight': (last, region, 1, 1),
        'extra_F.3.bias': (last, ),
    }
    for name in ('0.bias', '1.weight', '1.bias', '1.running_mean',
                 '1.running_var'):
        shapes[f'extra_F.{name}'] = (region, )
    return shapes


def find_problems(state: dict[str, Tensor],
                  expected: dict[str, Shape]) -> list[str]:
    """Compare the tensors of a file with those expected.

    Returns:
        list[str]: One entry for what is missing, one for what is unexpected
        and one for what has another shape, where there is any.
    """
    groups = {
        'missing': [f'{key} {shape}' for key, shape in expected.items()
                    if key not in state],
        'unexpected': [key for key in state if key not in expected],
        'of another shape': [
            f'{key} {tuple(state[key].shape)} instead of {shape}'
            for key, shape in expected.items()
            if key in state and tuple(state[key].shape) != shape
        ],
    }
    return [f'{what}: {_some(names)}' for what, names in groups.items()
            if names]


def _some(names: list[str], most: int = 5) -> str:
    """Join names, the first of many."""
    text = ', '.join(names[:most])
    return text if len(names) <= most else (
        f'{text} and {len(names) - most} more')
