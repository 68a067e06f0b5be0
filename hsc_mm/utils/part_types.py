"""Types of the parts of a config: by name, with a scope, or as a class."""
from typing import Any

from mmengine.registry import Registry

__all__ = ['class_of', 'type_name']


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
