"""The interface of a saliency model."""
import importlib
import json
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from inspect import signature
from typing import Any, Protocol, runtime_checkable

import numpy as np

from hsc_mm.registry import MODELS
from hsc_mm.utils.code import code_hash

__all__ = [
    'SaliencyProvider', 'as_map', 'build_provider', 'code_of', 'origin_of'
]


@runtime_checkable
class SaliencyProvider(Protocol):
    """Anything that can be called with an image: a function, a network."""

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Compute the saliency map of an image.

        Args:
            image (np.ndarray): (H, W, 3) uint8, RGB, upright.

        Returns:
            np.ndarray: (H, W); floats in [0, 1], booleans, or uint8 with
            255 = salient.
        """


def build_provider(name: str,
                   options: Mapping[str, Any] | None = None
                   ) -> SaliencyProvider:
    """Find a provider by its name.

    Args:
        name (str): ``'package.module:Name'``, or the name of a registered
            model, ``'hsc_mm.Name'``. A class is built, a function taken.
        options (mapping, optional): Arguments of the class; of a function,
            arguments besides the image.

    Returns:
        SaliencyProvider: Ready to be called.

    Raises:
        ValueError: There is no such module or name, the module or the
            options are wrong, or it cannot be called.
    """
    options = dict(options or {})
    if ':' not in name:
        if MODELS.get(name) is None:
            raise ValueError(
                f'provider {name}: expected package.module:Name, or a model '
                'registered with hsc_mm.registry.MODELS, found neither.')
        build = partial(MODELS.build, dict(type=name, **options))
    else:
        target = _imported(name)
        build = partial(target, **options) if isinstance(
            target, type) else partial(_with_options, target, options)
    try:
        built = build()
    except MemoryError:
        raise
    except Exception as error:  # the provider is anybody's code
        raise ValueError(
            f'provider {name}: expected that it can be built with the '
            f'options {options}, but {type(error).__name__}: {error}. '
            'Correct --provider-options or the provider.') from error
    if not callable(built):
        raise ValueError(f'provider {name}: expected something that can be '
                         f'called with an image, found {built!r}.')
    return built


def origin_of(name: str, options: Mapping[str, Any] | None = None) -> str:
    """Return what tells a provider apart: its name, and its options."""
    if not options:
        return name
    return f'{name} {json.dumps(options, sort_keys=True, default=repr)}'


def code_of(name: str) -> str:
    """Return a hash of a provider's module, or package; '' if installed."""
    module, colon, _ = name.partition(':')
    return code_hash([module if colon else MODELS.get(name).__module__]) or ''


def _with_options(target: Any, options: Mapping[str, Any]) -> Any:
    """Give a function its arguments besides the image.

    Raises:
        TypeError: It does not take them.
    """
    if not options:
        return target
    with suppress(ValueError):  # code in C may not say what it takes
        signature(target).bind(None, **options)
    return partial(target, **options)


def _imported(name: str) -> Any:
    module, _, attribute = name.partition(':')
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f'provider {name}: {error}. Expected package.module:Name; a '
            'module beside the place where you start the command needs '
            'PYTHONPATH=. in front.') from error
    except MemoryError:
        raise
    except Exception as error:  # the module is anybody's code
        raise ValueError(
            f'provider {name}: expected a module that can be imported, but '
            f'{type(error).__name__}: {error}. Correct {module}.') from error


def as_map(result: Any, shape: tuple[int, int]) -> np.ndarray:
    """Turn what a provider returned into a map of 8 bits.

    Args:
        result (array): See :class:`SaliencyProvider`.
        shape (tuple[int, int]): Height and width of the image.

    Returns:
        np.ndarray: (H, W) uint8, 255 = salient.

    Raises:
        ValueError: It has another shape, type or range.
    """
    found = np.asarray(result)
    if found.shape != tuple(shape):
        raise ValueError(f'provider: expected a map of shape {tuple(shape)}, '
                         f'found {found.shape}.')
    if found.dtype == np.uint8:
        return found
    if found.dtype != bool and not np.issubdtype(found.dtype, np.floating):
        raise ValueError('provider: expected floats, booleans or uint8, '
                         f'found {found.dtype}.')
    values = found.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):  # not a number is caught here too
        raise ValueError('provider: expected values in [0, 1], found '
                         f'{low:.3g} to {high:.3g}.')
    return np.rint(values * 255).astype(np.uint8)
