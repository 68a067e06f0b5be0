"""Auxiliary maps, such as saliency maps, and image labels: loaded, packed."""
from collections.abc import Sequence
from functools import partial

import mmcv
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine import fileio
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs

from hsc_mm.datasets.aux_maps import aux_key, map_kind
from hsc_mm.datasets.checks import raise_problems
from hsc_mm.datasets.grey_maps import colour_problem, is_black, to_grey
from hsc_mm.datasets.mask_checks import some_of
from hsc_mm.registry import TRANSFORMS
from hsc_mm.utils.pool import map_threads

__all__ = ['LoadAuxMaps', 'PackImageLabelInputs']


@TRANSFORMS.register_module()
class LoadAuxMaps(BaseTransform):
    """Load the auxiliary maps of an item; geometry then follows the image.

    Required keys: ``aux_maps`` of the data set's items, ``seg_fields``, and
    ``img_shape`` to compare with. Added: ``aux_<name>``, (H, W) uint8, for
    each map, which :class:`hsc_mm.PackImageLabelInputs` makes
    ``gt_<name>`` of. Formats are those of OpenCV; of 16 bits the upper 8
    are used.

    Args:
        names (str | sequence[str], optional): Maps that are loaded; one that
            the data set does not declare is then an error. None loads what is
            declared, and nothing where nothing is.
        backend_args (dict, optional): File backend of mmengine.

    Raises:
        ValueError: A map is not there, has colours, or another size than
            the image.
    """
    loads_truth = True
    loads_aux_maps = True  # transforms behind it move and pad maps

    def __init__(self,
                 names: str | Sequence[str] | None = None,
                 backend_args: dict | None = None) -> None:
        names = (names, ) if isinstance(names, str) else names
        self.names = None if names is None else tuple(names)
        self.backend_args = backend_args

    def scan(self, infos: list[dict], classes: Sequence[str] = ()) -> None:
        """Refuse maps in colour before training, and say how many there are.

        Args:
            infos (list[dict]): Items of a data set of this package.
            classes (sequence[str]): Not looked at.

        Raises:
            ValueError: Maps have colours, or are all black.
        """
        names = self.names or dict.fromkeys(
            name for info in infos
            for key in ('aux_maps', 'optional_maps')
            for name in info.get(key, ()))
        for name in names:
            kind = map_kind(name)
            paths = [
                info['aux_maps'][name]['path'] for info in infos
                if name in info.get('aux_maps', ())
            ]
            found = map_threads(partial(colour_problem, kind=kind), paths)
            raise_problems(f'{kind}s ({len(paths)})',
                           list(filter(None, found)),
                           'Grey maps are needed, 255 = 1.')
            looked = some_of(paths)
            if len(looked) > 1 and all(map_threads(is_black, looked)):
                raise ValueError(
                    f'{kind}s: expected values up to 255, found none above '
                    f'1 in {len(looked)} maps, such as {looked[0]}. Write '
                    'them as 0..255 (of 16 bits: 0..65535).')
            if is_main_process():
                print_log(
                    f'{kind}s: {len(paths)} of {len(infos)} images have one',
                    logger='current')

    def transform(self, results: dict) -> dict:
        """Load; see the class."""
        declared = results.get('aux_maps', {})
        for name in declared if self.names is None else self.names:
            if name in declared:
                results[aux_key(name)] = self._load(
                    declared[name]['path'], map_kind(name),
                    tuple(results['img_shape'][:2]))
                results['seg_fields'].append(aux_key(name))
            elif name not in results.get('optional_maps', ()):
                raise ValueError(
                    f'{results.get("img_path")}: LoadAuxMaps expected a '
                    f'{map_kind(name)}, found {sorted(declared)}. Name the '
                    'folder of the maps in the data set: '
                    f'aux_maps=dict({name}=dict(path=...)).')
        return results

    def _load(self, path: str, kind: str,
              shape: tuple[int, ...]) -> np.ndarray:
        """Read a map of a shape, (H, W) uint8."""
        data = fileio.get(path, backend_args=self.backend_args)
        found = mmcv.imfrombytes(data, flag='unchanged')
        if found is None:
            raise ValueError(f'{path}: expected a {kind}, but it cannot be '
                             'decoded.')
        found = to_grey(path, found, kind)
        if found.shape != shape:
            raise ValueError(f'{path}: expected a {kind} of the size of its '
                             f'image, {shape}, found {found.shape}.')
        return found

    def __repr__(self) -> str:
        return f'{type(self).__name__}(names={self.names})'


@TRANSFORMS.register_module()
class PackImageLabelInputs(PackSegInputs):
    """mmseg's packing, with image labels and auxiliary maps.

    Required keys: those of :class:`mmseg.datasets.PackSegInputs`; taken
    along when there: ``gt_label`` (K,) multi-hot, and of each map that
    :class:`hsc_mm.LoadAuxMaps` loaded ``aux_<name>``, (H, W) uint8.

    The sample gets ``gt_label``, a float tensor of shape (K,) over the
    foreground classes, their number as ``num_labels`` of the metainfo,
    and ``gt_<name>`` of each map, PixelData of shape (1, H, W) in [0, 1],
    whose metainfo ``fill`` is the value of padding.

    Args:
        meta_keys (sequence[str]): What of ``results`` becomes metainfo.
    """

    def __init__(self,
                 meta_keys=('img_path', 'img_id', 'seg_map_path', 'ori_shape',
                            'img_shape', 'pad_shape', 'scale_factor', 'flip',
                            'flip_direction', 'reduce_zero_label',
                            'optional_maps', 'reading')) -> None:
        super().__init__(meta_keys=meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack; see the class."""
        for key in ('img', *results.get('seg_fields', ())):
            # A picture one pixel wide that is mirrored counts as contiguous,
            # and torch refuses its strides.
            if key in results and min(results[key].strides) < 0:
                results[key] = results[key].copy()
        packed = super().transform(results)
        sample = packed['data_samples']
        if 'gt_label' in results:
            label = np.asarray(results['gt_label'], dtype=np.float32)
            sample.gt_label = torch.from_numpy(label)
            # In the metainfo, so that it is known without asking a device.
            sample.set_metainfo(dict(num_labels=int((label > 0).sum())))
        for name in results.get('aux_maps', ()):
            found = results.get(aux_key(name))
            if found is not None:
                grey = torch.from_numpy(np.ascontiguousarray(found))
                fill = results['aux_maps'][name]['fill'] / 255
                sample.set_field(
                    PixelData(metainfo=dict(fill=fill),
                              data=grey[None].float() / 255), f'gt_{name}')
        return packed
