"""Content of a checkpoint that is data: types, and configs as literals.

A runner's checkpoint holds more than tensors: log values, NumPy scalars, the
meta data of its data set, and the text of its config, which mmengine
executes when it resumes.
"""
import ast
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

__all__ = [
    'check_content', 'check_finite', 'literals_only', 'runner_types',
    'tensors'
]

_NO_WEIGHTS = ('optimizer', 'param_schedulers', 'message_hub', 'rng_state')
_CALLS = dict(dict=dict, list=list, tuple=tuple, set=set)


def literals_only(text: Any) -> str:
    """Return the assignments of literal values in a config's text.

    Calls of ``dict``, ``list``, ``tuple`` and ``set`` count as literals. Left
    out are bases, templates (``{{``), which mmengine replaces before it
    parses, and imports of modules that are not loaded already.

    Args:
        text (str): A config in Python.

    Returns:
        str: The text itself where all of it is literal; else what is left.
    """
    try:
        body = ast.parse(text).body
        kept = [_assignment(node) for node in body]
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return ''
    if None not in kept and '{{' not in text:
        return text
    return '\n'.join(line for line in kept if line is not None)


def _assignment(node: ast.stmt) -> str | None:
    """Return ``name = value``, None of anything else."""
    if not (isinstance(node, ast.Assign) and len(node.targets) == 1
            and isinstance(node.targets[0], ast.Name)):
        return None
    name = node.targets[0].id
    try:
        value = _value(node.value)
    except (ValueError, TypeError, KeyError):
        return None
    if name == 'custom_imports' and not _loaded(value):
        return None
    line = f'{name} = {value!r}'
    return None if name == '_base_' or '{{' in line else line


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call):
        call = _CALLS[node.func.id] if isinstance(node.func,
                                                  ast.Name) else None
        if call is None or any(word.arg is None for word in node.keywords):
            raise ValueError('not a literal')
        words = {word.arg: _value(word.value) for word in node.keywords}
        return call(*map(_value, node.args), **words)
    if isinstance(node, ast.Dict):
        return {
            _value(key): _value(value)
            for key, value in zip(node.keys, node.values, strict=True)
        }
    if isinstance(node, ast.List):
        return [_value(one) for one in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_value(one) for one in node.elts)
    return ast.literal_eval(node)


def _loaded(imports: Any) -> bool:
    names = imports.get('imports') if isinstance(imports, dict) else None
    names = [names] if isinstance(names, str) else names
    return isinstance(names, list | tuple) and all(
        isinstance(name, str) and name in sys.modules for name in names)


@lru_cache(maxsize=1)
def runner_types() -> list[tuple[Any, str]]:
    """List what a runner's checkpoint names besides torch's own types.

    Exactly what mmengine writes, under the names of NumPy 1 and 2, so that a
    checkpoint of one OpenMMLab family loads in the other.

    Returns:
        list[tuple]: Object and name, for
        ``torch.serialization.add_safe_globals``.
    """
    import numpy as np
    from mmengine.config import ConfigDict
    from mmengine.logging import HistoryBuffer
    from mmengine.optim import OneCycleParamScheduler
    types = {type(np.dtype(code)) for code in '?bhilqBHILQefdSU'}
    types |= {
        ConfigDict, HistoryBuffer, OneCycleParamScheduler, np.ndarray, np.dtype
    }
    allowed = [(t, f'{t.__module__}.{t.__qualname__}') for t in types]
    core = sys.modules[np.empty(0).__reduce__()[0].__module__]
    allowed += [(getattr(core, name), f'numpy.{package}.multiarray.{name}')
                for package in ('core', '_core')
                for name in ('_reconstruct', 'scalar')]
    methods = {
        (HistoryBuffer, name): getattr(HistoryBuffer, name)
        for name in ('min', 'max', 'mean', 'current')
    }
    methods.update({
        (OneCycleParamScheduler, name): getattr(OneCycleParamScheduler, name)
        for name in ('_annealing_cos', '_annealing_linear')
    })

    def method(owner: Any, name: Any) -> Any:
        """Stand in for ``getattr``, by which a pickle names a method."""
        for (known, word), found in methods.items():
            if owner is known and type(name) is str and name == word:
                return found
        raise UnpicklingError(f'attribute {name!r:.80} of {owner!r:.80} is '
                              'not something that a runner saves')

    return [*allowed, (method, 'builtins.getattr')]


def tensors(found: Mapping, prefix: str = '', depth: int = 3) -> Iterator[
        tuple[str, Tensor]]:
    """Yield name and value of the weights of a checkpoint."""
    for key, value in found.items():
        if isinstance(value, Tensor):
            yield f'{prefix}{key}', value
        elif depth and isinstance(value, Mapping) and key not in _NO_WEIGHTS:
            yield from tensors(value, f'{prefix}{key}.', depth - 1)


def check_content(path: str | Path, found: Mapping) -> None:
    """Refuse entries of a form that no training writes.

    Raises:
        ValueError: Names of weights are no text, weights are complex, sparse
            or without values, a variance is negative, or the meta data has
            another form.
    """
    def wrong(what: str, value: Any) -> ValueError:
        return ValueError(f'checkpoint {path}: expected {what}, found '
                          f'{value!r:.80}. Name a file that a training wrote.')

    state = found.get('state_dict', found)
    for key in state if isinstance(state, Mapping) else ():
        if not isinstance(key, str):
            raise wrong('names of weights as text', key)
    for name, value in tensors(found):
        if value.layout is not torch.strided or value.is_quantized or \
                value.is_complex() or value.is_meta:
            raise wrong(f'"{name}" as a dense tensor of real numbers',
                        f'{value.dtype}, {value.layout}, {value.device}')
        if name.endswith('running_var') and bool((value < 0).any()):
            raise wrong(f'"{name}" without negative variances',
                        float(value.min()))
    meta = _mapping(found, 'meta', wrong)
    for key in ('message_hub', 'optimizer', 'param_schedulers'):
        value = found.get(key, {})
        parts = value if key == 'param_schedulers' and isinstance(
            value, list) else [value]
        if not all(isinstance(one, dict) for one in parts):
            raise wrong(f'"{key}" as a dictionary or several', value)
    for key in ('iter', 'epoch'):
        value = meta.get(key, 0)
        if not isinstance(value, int) or value < 0:
            raise wrong(f'meta.{key} as a whole number from 0', value)
    classes = _mapping(meta, 'dataset_meta', wrong).get('classes') or ()
    if not isinstance(classes, list | tuple) or not all(
            isinstance(name, str) for name in classes):
        raise wrong('meta.dataset_meta.classes as a list of names', classes)
    findings = _mapping(meta, 'health', wrong).get('findings') or ()
    for one in findings if isinstance(findings, list | tuple) else (0, ):
        if not isinstance(one, Mapping) or not {'text', 'advice'} <= set(one):
            raise wrong('meta.health.findings as a training notes them',
                        findings)


def _mapping(found: Mapping, key: str, wrong: Any) -> Mapping:
    """Return an entry that is a mapping or not there."""
    value = found.get(key)
    if value is not None and not isinstance(value, Mapping):
        raise wrong(f'"{key}" as a dictionary', value)
    return value or {}


def check_finite(path: str | Path, found: Mapping) -> None:
    """Raise ValueError if weights of a checkpoint are NaN or infinite."""
    for name, value in tensors(found):
        if not _finite(value):
            raise ValueError(
                f'checkpoint {path}: expected finite weights, found NaN or '
                f'infinity in "{name}". The training that wrote it diverged, '
                'or the file is damaged: take an earlier checkpoint.')


def _finite(value: Tensor) -> bool:
    """Say whether a tensor holds neither NaN nor infinity."""
    if not value.is_floating_point() or value.layout is not torch.strided:
        return True
    value = value.detach()
    for axis, stride in enumerate(value.stride()):  # repeated values once
        if not stride and value.shape[axis]:
            value = value.narrow(axis, 0, 1)
    return bool((value if value.element_size() > 1 else
                 value.float()).isfinite().all())
