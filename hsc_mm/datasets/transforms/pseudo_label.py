"""Loading of pseudo labels, hard or soft.

In one file, though long: all of it is one transform and its checks at the
start.
"""
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.dist import is_main_process
from mmengine.logging import print_log

from hsc_mm.datasets.checks import missing_files, raise_problems
from hsc_mm.datasets.class_names import image_name
from hsc_mm.datasets.label_folders import MANIFESTS
from hsc_mm.datasets.mask_checks import some_of
from hsc_mm.datasets.mask_labels import indices
from hsc_mm.pseudo_labels.files import check_label, read_soft_cam, soft_classes
from hsc_mm.pseudo_labels.origins import (
    ORIGIN_ADVICE,
    check_origins,
    other_classes,
)
from hsc_mm.pseudo_labels.soft_cam import band_label, threshold_pair
from hsc_mm.pseudo_labels.trusted import TrustedMasks, check_mask_classes
from hsc_mm.registry import TRANSFORMS
from hsc_mm.utils import image_shapes, read_index_png, to_classes
from hsc_mm.utils.alike import missing_lines
from hsc_mm.utils.pool import map_threads

__all__ = ['LoadPseudoLabel']


@TRANSFORMS.register_module()
class LoadPseudoLabel(BaseTransform):
    """Load a pseudo label in place of the mask of a data set.

    Takes the place of ``LoadAnnotations`` in a training pipeline, for any
    data set of mmseg. The file is ``<pseudo_dir>/<img_id><suffix>``, where
    data sets without ``img_id`` go by the image's file name. It holds the
    indices that the data set's own masks would have, as
    ``tools/make_pseudo_labels.py`` writes them: a PNG, or an npz with soft
    CAMs, which become a label here. An image with a trusted mask, one that
    a person corrected, gets that instead, whole: no threshold and no band
    apply to it, and it needs no pseudo label.

    Required keys: ``img_path``, ``img_shape``, ``seg_fields``; ``label_map``
    is followed. Added: ``gt_seg_map``, (H, W) uint8, 255 = ignored.

    Args:
        pseudo_dir (str): Folder of the pseudo labels.
        suffix (str): Their suffix; ``'.npz'`` are soft CAMs.
        threshold (float | tuple[float, float], optional): Background
            threshold of soft CAMs; of two numbers, one between them is drawn
            each time, from NumPy's random numbers. By default 0.3.
        band (tuple[float, float], optional): Instead of a threshold: what
            lies between the two is ignored.
        trusted_dir (str, optional): Folder of masks ``<img_id>.png`` that a
            person corrected, see
            :class:`hsc_mm.pseudo_labels.trusted.TrustedMasks`.
        check_origin (bool): Whether :meth:`scan` refuses labels of other
            images or classes, or that another program changed.

    Raises:
        FileNotFoundError: ``pseudo_dir`` or ``trusted_dir`` is not a folder
            (when built), or the image has no pseudo label.
        ValueError: The label is broken, of another size than the image or
            that of two images; or (when built) ``threshold`` or ``band`` is
            out of range or given for PNGs.
    """
    loads_truth = True

    def __init__(self,
                 pseudo_dir: str,
                 suffix: str = '.png',
                 threshold: float | Sequence[float] | None = None,
                 band: Sequence[float] | None = None,
                 trusted_dir: str | None = None,
                 check_origin: bool = True) -> None:
        if not os.path.isdir(pseudo_dir):
            raise FileNotFoundError(
                f'pseudo_dir {pseudo_dir}: there is no such folder. '
                'PSEUDO_DIR=FOLDER in front of the command names another '
                'one; "python -m hsc_mm make_pseudo_labels CAM_CONFIG '
                f'CHECKPOINT --out {pseudo_dir}" makes it.')
        self.pseudo_dir = pseudo_dir
        self.suffix = suffix
        self.soft = suffix == '.npz'
        if not self.soft and (threshold, band) != (None, None):
            raise ValueError(
                'threshold and band of LoadPseudoLabel: expected none for '
                f'labels with the suffix "{suffix}", found {threshold} and '
                f'{band}. They are for soft CAMs, suffix=".npz".')
        if threshold is not None and band is not None:
            raise ValueError('LoadPseudoLabel: expected a threshold or a '
                             f'band, found both, {threshold} and {band}.')
        self.threshold = threshold_pair(
            'threshold', 0.3 if threshold is None else threshold)
        self.band = None if band is None else threshold_pair('band', band)
        self.trusted = TrustedMasks(trusted_dir)
        self.check_origin = check_origin
        self._images: dict[str, str] = {}  # label -> its image

    def scan(self,
             infos: list[dict],
             classes: Sequence[str] | None = None) -> None:
        """Look at the labels of all images, before training.

        PNGs are read whole, of an npz the header and the list of classes;
        images too, see :meth:`other_origins`.

        Args:
            infos (list[dict]): Items of a data set of this package.
            classes (sequence[str], optional): What the indices of its masks
                mean, background first.

        Raises:
            ValueError: Labels are missing, broken, of another size or image,
                hold an index that no mask of the data set has, or were made
                with other classes.
        """
        self.check_classes(classes)
        trusted = self.trusted.check([image_name(i) for i in infos], classes)
        if trusted and is_main_process():
            others = len(self.trusted.ids) - trusted
            print_log(f'{self.trusted.folder}: {trusted} of {len(infos)} '
                      f'images have a trusted mask, {others} masks are of '
                      'other images', logger='current')
        how = '"python -m hsc_mm make_pseudo_labels" with the same --out ' \
            'makes the missing ones.'
        missing = missing_files(map(self._path, infos))
        soft = missing and self.suffix == '.png' and all(
            os.path.isfile(f'{path[:-4]}.npz') for path in missing)
        raise_problems(
            f'pseudo_dir {self.pseudo_dir}', missing_lines(missing),
            "These are soft CAMs: set suffix='.npz' of "
            'hsc_mm.LoadPseudoLabel.' if soft else how)
        by_hand = [image_name(info) in self.trusted for info in infos]
        for trusted, what, advice in (
                (True, f'trusted_dir {self.trusted.folder}',
                 'Correct these masks, or remove them.'),
                (False, f'pseudo_dir {self.pseudo_dir}', how)):
            raise_problems(what, list(filter(None, map_threads(
                self._problem, [info for info, one in zip(
                    infos, by_hand, strict=True) if one is trusted]))),
                advice)
        raise_problems(f'pseudo_dir {self.pseudo_dir}',
                       self.other_origins(infos), ORIGIN_ADVICE)
        if self.check_origin:
            self.trusted.check_content(infos)
        looked = [(info, soft_classes(path) if path.endswith('.npz') else
                   indices(path)) for info in some_of(infos)
                  for path in [self._path(info)]
                  if path.endswith(('.npz', '.png'))]
        if self.check_origin:
            raise_problems(f'pseudo_dir {self.pseudo_dir}',
                           other_classes(looked), ORIGIN_ADVICE)
        if len(looked) > 1 and is_main_process() and not any(
                found - {0, 255} for _, found in looked):
            print_log(
                f'pseudo_dir {self.pseudo_dir}: none of the {len(looked)} '
                'labels that were examined shows a class. A network learns '
                'nothing from them; look at the CAMs, and at their '
                'threshold.', 'current', logging.WARNING)

    def check_classes(self, classes: Sequence[str] | None) -> None:
        """Refuse a folder whose manifest names other classes.

        Args:
            classes (sequence[str], optional): See :meth:`scan`.

        Raises:
            ValueError: The names or their order differ.
        """
        for name in MANIFESTS:
            check_mask_classes(Path(self.pseudo_dir) / name, classes)

    def other_origins(self, infos: list[dict]) -> list[str]:
        """See :func:`.check_origins`; a person may edit trusted masks."""
        lines = []
        for trusted in (False, True):
            some = [info for info in infos if self.check_origin and
                    (image_name(info) in self.trusted) is trusted]
            lines += check_origins(list(map(self._path, some)),
                                   [info['img_path'] for info in some],
                                   edited=trusted)
        return lines

    def _problem(self, info: dict) -> str | None:
        try:
            check_label(
                self._path(info), image_shapes(info['img_path'])[:1],
                _mask_indices(info))
        except (OSError, ValueError) as error:
            return str(error)

    def _path(self, info: dict) -> str:
        name = image_name(info)
        if name in self.trusted:
            return self.trusted.path(name)
        return os.path.join(self.pseudo_dir, name + self.suffix)

    def transform(self, results: dict) -> dict:
        """Load; see the class."""
        path = self._path(results)
        image = results['img_path']
        known = self._images.setdefault(path, image)
        if known != image and os.path.realpath(known) != os.path.realpath(
                image):
            raise ValueError(
                f'{path}: expected the label of one image, found two, {known} '
                f'and {image}. ' + (
                    'Give each another id.' if results.get('img_id') else
                    'Files of a data set without img_id go by their names: '
                    'give each another name.'))
        soft = self.soft and image_name(results) not in self.trusted
        mask = self._harden(path) if soft else read_index_png(path)
        if mask.shape != tuple(results['img_shape'][:2]):
            raise ValueError(
                f'{path}: expected a pseudo label of the size of its image, '
                f'{results["img_shape"][:2]}, found {mask.shape}.')
        results['gt_seg_map'] = to_classes(mask, results.get('label_map'))
        results['seg_fields'].append('gt_seg_map')
        return results

    def _harden(self, path: str) -> np.ndarray:
        """Read soft CAMs and make a label of them, (H, W) uint8."""
        cam, classes = read_soft_cam(path)
        low, high = self.band or self.threshold
        if self.band is None and low < high:
            low = high = np.random.uniform(low, high)
        return band_label(cam, classes, low, high)

    def __repr__(self) -> str:
        text = f'{type(self).__name__}(pseudo_dir={self.pseudo_dir!r}'
        if self.soft:
            text += f', suffix={self.suffix!r}, ' + (
                f'threshold={self.threshold}'
                if self.band is None else f'band={self.band}')
        if self.trusted.folder is not None:
            text += f', trusted_dir={str(self.trusted.folder)!r}'
        return text + ')'


def _mask_indices(info: dict) -> set[int] | None:
    """Return the indices that masks may hold, None where it is not known."""
    if info.get('label_map') is not None:
        return set(info['label_map'])
    if 'gt_label' in info:
        return set(range(len(info['gt_label']) + 1))
    return None
