"""Types of the parts of a config: by name, with a scope, or as a class."""
from collections.abc import Callable, Iterator
from inspect import Parameter, isclass, signature
from typing import Any

import mmengine.registry
from mmengine.registry import Registry

__all__ = [
    'arguments_of', 'class_of', 'classes_named', 'parameter_of', 'type_name'
]


def type_name(part: Any) -> str:
    """Return the name of a part's type, without scope; '' where none is.

    ``'RandomFlip'``, ``'mmcv.RandomFlip'`` and the class, which configs in
    mmengine's python style hold, have one name.

    Args:
        part (Any): A mapping with ``type``; anything else has no type.
    """
    kind = _kind(part)
    return getattr(kind, '__name__', str(kind or '')).rpartition('.')[2]


def class_of(registry: Registry, part: Any) -> Any:
    """Return the class that a part's type stands for; None where none does.

    Args:
        registry (Registry): Where a name is looked up.
        part (Any): See :func:`type_name`.
    """
    kind = _kind(part)
    return registry.get(kind) if isinstance(kind, str) else kind


def _kind(part: Any) -> Any:
    return part.get('type') if hasattr(part, 'get') else None


def arguments_of(part: Callable) -> list[str]:
    """List the arguments of a class and of those it is made from."""
    found: dict[str, None] = {}
    for one in part.__mro__ if isclass(part) else [part]:
        if one is object or 'torch' in one.__module__.split('.')[:1]:
            continue
        function = one.__dict__.get('__init__') if isclass(one) else one
        for name, value in (signature(function).parameters.items()
                            if function else ()):
            if name != 'self' and value.kind not in (
                    value.VAR_KEYWORD, value.VAR_POSITIONAL):
                found[name] = None
    return list(found) or [  # a class of torch alone
        name for name in signature(part).parameters if name != 'self']


def parameter_of(part: Callable, name: str) -> Parameter | None:
    """Return a parameter that reaches a part, through ``**kwargs`` too.

    Args:
        part (callable): A class, or a function.
        name (str): Of the parameter.

    Returns:
        Parameter | None: None where the part takes none of that name.
    """
    for one in part.__mro__ if isclass(part) else [part]:
        function = one.__dict__.get('__init__') if isclass(one) else one
        if function is None or one is object:
            continue
        known = signature(function).parameters
        if name in known:
            return known[name]
        if not any(value.kind is value.VAR_KEYWORD
                   for value in known.values()):
            return None
    return None


def classes_named(kind: Any) -> Iterator[Any]:
    """Yield what a type may stand for, of whichever registry.

    Args:
        kind (Any): The value of ``type``: a name, with a scope or without,
            or a class.
    """
    if not isinstance(kind, str):
        yield from [kind] if callable(kind) else []
        return
    scope, _, name = kind.rpartition('.')
    todo = [one for one in vars(mmengine.registry).values()
            if isinstance(one, Registry)]
    while todo:
        one = todo.pop()
        if scope in ('', one.scope):
            one.import_from_location()
            if name in one.module_dict:
                yield one.module_dict[name]
        todo += one.children.values()
