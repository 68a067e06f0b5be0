"""Registries: siblings of mmseg's, and those that only this package has.

Everything of this package is written ``hsc_mm.Name`` in a config, so that it
is found from any default scope.
"""
from collections.abc import Mapping
from typing import Any

from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODEL_WRAPPERS as MMENGINE_MODEL_WRAPPERS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import RUNNERS as MMENGINE_RUNNERS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry

from hsc_mm.utils.numbers import nearest
from hsc_mm.utils.part_types import parameter_of

__all__ = [
    'CRF_BACKENDS', 'DATASETS', 'DATA_SAMPLERS', 'HOOKS', 'LABEL_RULES',
    'METRICS', 'MODELS', 'MODEL_WRAPPERS', 'REFINERS', 'RUNNERS', 'STEPS',
    'THRESHOLD_RULES', 'TRANSFORMS', 'build_part'
]


def _sibling(parent: Registry, location: str) -> Registry:
    """Return a child of one of mmengine's, for a sub-package of this one."""
    return Registry(parent.name, parent=parent, scope='hsc_mm',
                    locations=[f'hsc_mm.{location}'])


MODELS = _sibling(MMENGINE_MODELS, 'models')
MODEL_WRAPPERS = _sibling(MMENGINE_MODEL_WRAPPERS, 'engine')
DATASETS = _sibling(MMENGINE_DATASETS, 'datasets')
TRANSFORMS = _sibling(MMENGINE_TRANSFORMS, 'datasets.transforms')
METRICS = _sibling(MMENGINE_METRICS, 'evaluation')
HOOKS = _sibling(MMENGINE_HOOKS, 'engine')
RUNNERS = _sibling(MMENGINE_RUNNERS, 'engine')
DATA_SAMPLERS = _sibling(MMENGINE_DATA_SAMPLERS, 'datasets')

#: Between seeds and pseudo labels: a soft CAM becomes a better soft CAM.
REFINERS = Registry(
    'refiner', scope='hsc_mm', locations=['hsc_mm.pseudo_labels.refiners'])
#: From a soft CAM to a mask.
LABEL_RULES = Registry(
    'label rule', scope='hsc_mm', locations=['hsc_mm.pseudo_labels.rules'])
#: From a histogram of CAMs to a background threshold, without masks.
THRESHOLD_RULES = Registry(
    'threshold rule',
    scope='hsc_mm',
    locations=['hsc_mm.evaluation.threshold_rules'])
#: What computes the mean field of a dense CRF on a full image.
CRF_BACKENDS = Registry(
    'CRF backend', scope='hsc_mm', locations=['hsc_mm.crf'])
#: Steps of the pipeline.
STEPS = Registry(
    'step', scope='hsc_mm', locations=['hsc_mm.pipeline.steps'])


def build_part(registry: Registry, cfg: dict, what: str, base: type,
               **defaults: object) -> Any:
    """Build a part of a registry; what is wrong with its config is said.

    Args:
        registry (Registry): One of those above.
        cfg (dict): ``type`` and arguments.
        what (str): What the part is, for the message.
        base (type): The class that parts of this kind extend.
        **defaults (object): Arguments that the config does not give, for
            parts that have one of that name.

    Raises:
        ValueError: There is no such part, it refuses its arguments, or it
            does not extend ``base``.
    """
    if not isinstance(cfg, Mapping):
        raise ValueError(f'{what}: expected dict(type=...), found {cfg!r}.')
    arguments = dict(cfg)
    name = arguments.pop('type', None)
    found: Any = registry.get(name) if isinstance(name, str) else name
    if not callable(found):  # mmengine imports modules of that name
        known = sorted(f'hsc_mm.{key}' for key in registry.module_dict)
        raise ValueError(f'{what}: expected a type of {known}, or one that '
                         f'custom_imports registers, found {name!r}.'
                         f'{nearest(str(name), known)}')
    for key, value in defaults.items():
        if parameter_of(found, key):
            arguments.setdefault(key, value)
    try:
        part = found(**arguments)
    except TypeError as error:
        raise ValueError(f'{what} {name}: rejects the arguments '
                         f'{sorted(arguments)}: {error}.') from error
    if not isinstance(part, base):
        raise ValueError(
            f'{what} {name}: expected a class that extends '
            f'{base.__module__}.{base.__name__}, found {type(part).__name__}'
            f'. Write class {type(part).__name__}({base.__name__}).')
    return part
