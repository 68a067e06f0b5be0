"""Loading of auxiliary maps, such as saliency maps."""
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio
from mmengine.dist import is_main_process
from mmengine.logging import print_log

from hsc_mm.datasets.aux_maps import (
    aux_key,
    colour_problem,
    map_kind,
    to_grey,
)
from hsc_mm.datasets.checks import raise_problems
from hsc_mm.registry import TRANSFORMS

__all__ = ['LoadAuxMaps']


@TRANSFORMS.register_module()
class LoadAuxMaps(BaseTransform):
    """Load the auxiliary maps of an item; geometry then follows the image.

    Required keys: ``aux_maps`` of the data set's items, ``seg_fields``, and
    ``img_shape`` to compare with. Added: ``aux_<name>``, (H, W) uint8, for
    each map, which :class:`hsc_mm.PackImageLabelInputs` makes
    ``gt_<name>`` of. Formats are those of OpenCV; of 16 bits the upper 8
    are used.

    Args:
        names (sequence[str], optional): Maps that are loaded; one that the
            data set does not declare is then an error. None loads what is
            declared, and nothing where nothing is.
        backend_args (dict, optional): File backend of mmengine.

    Raises:
        ValueError: A map is not there, has colours, or another size than
            the image.
    """
    loads_truth = True

    def __init__(self,
                 names: Sequence[str] | None = None,
                 backend_args: dict | None = None) -> None:
        self.names = None if names is None else tuple(names)
        self.backend_args = backend_args

    def scan(self, infos: list[dict]) -> None:
        """Refuse maps in colour before training, and say how many there are.

        Args:
            infos (list[dict]): Items of a data set of this package.

        Raises:
            ValueError: Maps have colours.
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
            with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
                found = pool.map(partial(colour_problem, kind=kind), paths)
                problems = [problem for problem in found if problem]
            raise_problems(f'{kind}s ({len(paths)})', problems,
                           'Grey maps are needed, 255 = 1.')
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
