"""Checks of transforms that move an image, or join several of them."""
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mmcv.transforms import LoadAnnotations, RandomFlip

from hsc_mm.utils.wrappers import inner
from .aux_maps import AuxMapFolder, aux_key
from .transforms.pseudo_label import LoadPseudoLabel

__all__ = ['check_geometry', 'check_mixed']

#: Those of mmpretrain that move an image and leave its mask where it was.
_MOVERS = frozenset((
    'EfficientNetCenterCrop', 'EfficientNetRandomCrop', 'MAERandomResizedCrop',
    'RandomCrop', 'RandomResizedCrop',
    'RandomResizedCropAndInterpolationWithTwoPic', 'RandomTranslatePad',
    'Rotate', 'Shear', 'Translate'))
#: Those of torchvision, which mmpretrain wraps.
_MOVING = re.compile('Affine|Crop|Elastic|Flip|Perspective|Rotation')


def check_geometry(transforms: Iterable, dataset: Any) -> None:
    """Refuse transforms that leave maps, masks or image labels behind.

    Args:
        transforms (iterable): All of a pipeline, those of wrappers included.
        dataset (Any): Whose they are: its ``aux_maps``, and whether it has
            image labels (``with_labels``), if it is one of this package.

    Raises:
        ValueError: One moves the image and not what was loaded beside it:
            classifiers' transforms of mmpretrain, and mmcv's ``RandomFlip``
            where there are auxiliary maps. Or it pads maps with another
            value than their ``fill``. Or it joins images whose labels
            it does not join (mmseg's ``RandomMosaic``), where no mask is
            learned. A class with ``moves_maps = True`` is let through.
    """
    transforms = [*transforms]
    maps = getattr(dataset, 'aux_maps', None) or {}
    _check_padding(transforms, maps)
    beside: set[str] = set()
    for one in _flat(transforms):
        name = type(one).__name__
        if maps and getattr(one, 'loads_aux_maps', False):
            beside.add('map')
        elif isinstance(one, LoadAnnotations | LoadPseudoLabel):
            beside.add('mask')
        elif getattr(one, 'moves_maps', False):
            continue
        elif hasattr(one, 'get_indices') and 'mask' not in beside and getattr(
                dataset, 'with_labels', False):
            raise ValueError(
                f'{name}: expected transforms that keep an image to itself, '
                'found one that joins several: their image labels are those '
                'of the first alone, and what the others show would be '
                'learned as absent. Leave it out of the CAM stage; the '
                'second stage may have it.')
        elif beside and _moves_alone(one, beside, maps):
            raise ValueError(
                f'{name}: expected transforms that move what was loaded '
                f'beside the image, {" and ".join(sorted(beside))}, as well, '
                f'found {type(one).__module__}.{name}, which does not. Take '
                'one of mmseg, such as mmseg.RandomFlip or '
                'mmseg.RandomRotate, or leave it out; a class of your own '
                'that moves them says so: moves_maps = True.')


def check_mixed(dataset: Any, more: Iterable = ()) -> None:
    """Check the transforms of data sets and of the wrappers round them.

    Args:
        dataset (Any): Built: one, or a wrapper of some.
        more (iterable): Transforms that follow.

    Raises:
        ValueError: See :func:`check_geometry`.
    """
    own = getattr(dataset, 'pipeline', None)
    own = getattr(own, 'transforms', own)
    steps = [*(own if isinstance(own, list | tuple) else ()), *more]
    parts = inner(dataset)
    for one in parts:
        check_mixed(one, steps)
    if not parts:
        check_geometry(steps, dataset)


def _classes(transform: Any) -> Iterator[str]:
    """Yield the class of a transform, and of those it draws from."""
    for kind in type(transform).__mro__:
        yield f'{kind.__module__.split(".")[0]}.{kind.__name__}'
    if type(transform).__name__ == 'TorchVisonTransformWrapper':
        yield f'torchvision.{type(getattr(transform, "t", None)).__name__}'
    for policy in getattr(transform, 'policies', None) or ():  # RandAugment
        if isinstance(policy, dict):
            yield f'mmpretrain.{str(policy.get("type")).split(".")[-1]}'


def _moves_alone(transform: Any, beside: set[str],
                 maps: Iterable[str]) -> bool:
    """Say whether a transform leaves a mask or maps of these names behind."""
    if any(map(_is_mover, _classes(transform))):
        return True
    if 'map' in beside and _flips_alone(transform):
        return True
    keys = ['gt_seg_map'] if 'mask' in beside else []
    if 'map' in beside:
        keys += map(aux_key, maps)
    return _albu_moves_alone(transform, keys)


def _is_mover(name: str) -> bool:
    package, _, kind = name.partition('.')
    return (package == 'mmpretrain' and kind in _MOVERS) or (
        package == 'torchvision' and _MOVING.search(kind) is not None)


def _flips_alone(transform: Any) -> bool:
    """Say whether it is mmcv's flip, which knows the mask and no maps."""
    return getattr(type(transform), '_flip', None) is RandomFlip._flip


def _albu_moves_alone(transform: Any, keys: Iterable[str]) -> bool:
    """Say whether a wrapper of albumentations leaves one of the keys behind.

    Its transforms that take masks move them, where ``keymap`` has them.
    """
    known = getattr(transform, 'keymap_to_albu', None)
    if known is None:
        return False
    return not {*keys} <= {*known} and any(
        'mask' in (getattr(one, 'targets', None) or ())
        for one in _flat([getattr(transform, 'aug', None)])
        if not hasattr(one, 'transforms'))


def _check_padding(transforms: Iterable,
                   folders: Mapping[str, AuxMapFolder]) -> None:
    """Refuse transforms of mmseg that pad maps with the value of masks.

    They have one value, ``seg_pad_val``, for everything beside the image.
    Those before maps are loaded (``loads_aux_maps``) do not count.
    """
    loaded = False
    for transform in _flat(transforms):
        loaded |= getattr(transform, 'loads_aux_maps', False)
        value = getattr(transform, 'seg_pad_val', None)
        wrong = {name: one.fill for name, one in folders.items()
                 if one.fill != value}
        if loaded and value is not None and wrong:
            name, fill = next(iter(wrong.items()))
            raise ValueError(
                f'{type(transform).__name__}.seg_pad_val: expected {fill}, as '
                f'aux_maps.{name}.fill says what lies beside an image, found '
                f'{value}. Set seg_pad_val={fill}; or leave the transform '
                'out, where the pipeline has masks too.')


def _flat(transforms: Iterable) -> Iterator:
    """Yield transforms, and those in them (``RandomApply``)."""
    for one in transforms:
        yield one
        inner = getattr(one, 'transforms', one if isinstance(
            one, list | tuple) else ())
        yield from _flat(inner if isinstance(inner, list | tuple) else [inner])
