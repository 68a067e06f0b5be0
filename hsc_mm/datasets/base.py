"""Base class of data sets with image labels.

In one file, though long: all of it is one class, which data sets extend.
"""
import os
from pathlib import Path

import numpy as np
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset

from hsc_mm.utils import class_map
from hsc_mm.utils.indices import check_class_count
from hsc_mm.utils.paths import inside
from .aux_maps import read_aux_maps
from .checks import check_items, check_root, raise_problems
from .class_names import spelled
from .geometry import check_geometry
from .id_checks import check_ids
from .labels import data_hash, image_stem
from .mask_labels import check_mask_labels
from .own_sets import own_classes, own_ids, own_labels

__all__ = ['BaseImageLabelDataset']


class BaseImageLabelDataset(BaseSegDataset):
    """mmseg's data set with image labels; masks only where asked for.

    Each item has ``gt_label``, a multi-hot int64 array (K,) over the K
    foreground classes; ``metainfo['classes']`` has the background in front.

    Every file is looked at when the data set is built: existence, header and
    last bytes, sizes of masks and auxiliary maps against their image, and
    what masks hold (all by their header, some by their content). What is
    wrong is listed in one error. A transform that reads files joins in by
    ``scan(infos, classes)``, where the classes are :attr:`all_classes`.

    Args:
        label_file (str): Image labels: a JSON or CSV file, or a folder of
            class folders (see :mod:`hsc_mm.datasets.labels`). Relative to
            ``data_root``.
        with_labels (bool): Whether items carry ``gt_label``. False leaves
            them out (evaluation that must not see them).
        keep_empty (bool, optional): Whether images stay that hold other
            classes alone; by default in test mode only. Those whose labels
            are empty always stay: they are background.
        data_prefix (dict): Folders: ``img_path``; ``seg_map_path`` if masks
            are to be read (evaluation only).
        aux_maps (dict, optional): Maps beside the images by name, for
            example ``dict(saliency=dict(path='SaliencyMaps', suffix=None,
            required=True, fill=0))``: the folder, relative to ``data_root``;
            their suffix, found for each by default; whether each image must
            have one (losses leave out those without); the value of padding.
            None for an entry or its ``path`` leaves it out. Loaded by
            :class:`hsc_mm.LoadAuxMaps`.
        check_files (bool): Whether the files are looked at, also by ``scan``;
            False for those who tell broken ones one by one.
        kwargs: Those of :class:`mmseg.datasets.BaseSegDataset`. ``ann_file``
            is the list of image ids; without it all labelled images count.

    Attributes:
        facts (dict): See :func:`hsc_mm.datasets.facts.data_facts`.

    Raises:
        FileNotFoundError: ``data_root``, ``ann_file``, ``label_file`` or a
            folder of auxiliary maps is missing.
        ValueError: Files are missing, broken or of unequal size, masks hold
            colours or other indices than those of the classes that labels
            name, an image is not in the labels, or a label is no class.
    """

    def __init__(self,
                 label_file: str = '',
                 with_labels: bool = True,
                 keep_empty: bool | None = None,
                 data_prefix: dict | None = None,
                 aux_maps: dict | None = None,
                 check_files: bool = True,
                 **kwargs) -> None:
        self.with_labels = with_labels
        self.keep_empty = keep_empty
        self.check_files = check_files
        if kwargs.get('reduce_zero_label'):
            raise ValueError(
                'reduce_zero_label: expected False, because 0 is the '
                'background and 255 is ignored. Export the masks as (index - '
                '1) % 256.')
        root = check_root(kwargs.get('data_root') or '')
        self.aux_maps = read_aux_maps(aux_maps, root)
        self.label_file = os.path.join(root, label_file) if label_file else ''
        prefix = dict(img_path='')
        prefix.update({k: v for k, v in (data_prefix or {}).items() if v})
        super().__init__(data_prefix=prefix, **kwargs)

    @property
    def foreground(self) -> list[str]:
        """list[str]: Names of the classes without background, as labels."""
        return spelled(self._metainfo['classes'], self.all_classes)[1:]

    @property
    def split(self) -> str:
        """str: Name of the split, as result lines print it."""
        return Path(self.ann_file or self.label_file or 'all').stem

    @property
    def all_classes(self) -> list[str]:
        """list[str]: Background and every class that masks and labels know.

        ``metainfo['classes']`` may name a subset of it, in any order.
        """
        raise NotImplementedError(
            f'{type(self).__name__}: expected a property all_classes, found '
            'none.')

    def get_label_map(self, new_classes=None) -> dict[int, int] | None:
        """Map indices of masks to those of ``new_classes``, as in use.

        Returns:
            dict | None: See :func:`hsc_mm.utils.class_map`.

        Raises:
            ValueError: A class is unknown, one too many, or the first is no
                background; or :attr:`all_classes` is no list of names.
        """
        old = own_classes(type(self).__name__, self.all_classes)
        new = spelled(new_classes or [], old)
        check_class_count(type(self).__name__, len(old) - 1)
        unknown = [name for name in new if name not in old]
        if unknown or new[:1] != old[:1] or len({*new}) < len(new):
            raise ValueError(
                f'metainfo["classes"]: expected "{old[0]}" followed by some '
                f'of {old[1:]}, each once, found {new}. Correct it, or write '
                'the configs again (new_dataset --force).')
        return class_map(old, new, self.ignore_index)

    def ids(self) -> list[str]:
        """Return the image ids of the split."""
        raise NotImplementedError(
            f'{type(self).__name__}: expected a method ids(), found none.')

    def labels(self, ids: list[str]) -> dict[str, list[str]]:
        """Return id -> names of classes, in use or not, of the ids known."""
        raise NotImplementedError(
            f'{type(self).__name__}: expected a method labels(ids), found '
            'none.')

    def spelled_labels(self, ids: list[str]) -> dict[str, list[str]]:
        """Return the same, classes spelled like :attr:`all_classes`."""
        known = self.all_classes
        labels = own_labels(type(self).__name__, self.labels(ids))
        return {i: spelled(names, known) for i, names in labels.items()}

    def load_data_list(self) -> list[dict]:
        """List the items; see the class for what is raised."""
        ids = own_ids(type(self).__name__, self.ids(), self.data_prefix)
        listed = self.ann_file or self.label_file
        check_ids(f'{type(self).__name__}: image ids', ids,
                  self.data_prefix['img_path'], listed)
        infos = list(map(self.item, ids))
        for folder in self.aux_maps.values():
            folder.warn()
        if self.check_files:
            check_items(
                f'{type(self).__name__} ({self.split}, {len(infos)} images)',
                infos, listed, len(self.all_classes), self.ignore_index)
        if self.with_labels:
            infos = self._attach_labels(ids, infos)
        else:
            check_mask_labels(self, infos)
        for transform in self.pipeline.transforms:
            if self.check_files and hasattr(transform, 'scan'):
                transform.scan(infos, self.all_classes)
        check_geometry(self.pipeline.transforms, self)
        self.facts = dict(split=self.split, size=len(infos),
                          images=data_hash(infos))
        return infos

    def get_cat_ids(self, idx: int) -> list[int]:
        """Return the classes of an item, for ``ClassBalancedDataset``.

        Args:
            idx (int): Its index.

        Returns:
            list[int]: Indices into ``metainfo['classes']``, from 1.

        Raises:
            ValueError: Items have no image labels.
        """
        if not self.with_labels:
            raise ValueError(f'with_labels of {type(self).__name__}: expected '
                             'True, found False. Classes cannot be balanced '
                             'without image labels: set with_labels=True.')
        label = self.get_data_info(idx)['gt_label']
        return (np.flatnonzero(label) + 1).tolist()

    def image_path(self, image_id: str) -> str:
        """Return the path of an image; ids may carry their own suffix."""
        stem = image_stem(image_id)
        suffix = image_id[len(stem):] or self.img_suffix
        return os.path.join(self.data_prefix['img_path'],
                            self._name(image_id) + suffix)

    def _name(self, image_id: str) -> str:
        """Return the name of an image, relative to the image folder."""
        stem = image_stem(image_id)
        return inside(stem, self.data_prefix['img_path']) or stem

    def _labels_of(self, ids: list[str], images: dict[str, list[str]]
                   ) -> dict[str, list[str]]:
        """Return the labels of ids, however list and labels write a path."""
        named = {self._name(i): names for i, names in images.items()}
        return {i: named[n] for i in ids if (n := self._name(i)) in named}

    def item(self, image_id: str) -> dict:
        """Return the item of an image, without its labels.

        ``aux_maps`` of an item holds path and fill of each map that there
        is, ``optional_maps`` the names of those that it may lack and does.
        """
        stem = self._name(image_id)
        info = dict(
            img_path=self.image_path(image_id),
            img_id=stem,
            label_map=self.label_map,
            reduce_zero_label=self.reduce_zero_label,
            seg_fields=[])
        if 'seg_map_path' in self.data_prefix:
            info['seg_map_path'] = os.path.join(
                self.data_prefix['seg_map_path'], stem + self.seg_map_suffix)
        if self.aux_maps:
            found = {n: one.describe(stem) for n, one in self.aux_maps.items()}
            info['aux_maps'] = {n: one for n, one in found.items() if one}
            info['optional_maps'] = tuple(
                n for n, one in found.items() if one is None)
        return info

    def _attach_labels(self, ids: list[str], infos: list[dict]) -> list[dict]:
        labels = self.spelled_labels(ids)
        what = f'{type(self).__name__} ({self.split}): image labels'
        raise_problems(
            what, [f'{i}: no labels' for i in ids if i not in labels],
            'Every image needs an entry, empty where it shows none of the '
            f'classes; add it to {self.label_file or "the annotations"}, '
            'or remove the image from the list.')
        self._check_names(what, labels)
        check_mask_labels(self, infos, [labels[i] for i in ids])
        for image_id, info in zip(ids, infos, strict=True):
            held = [name in labels[image_id] for name in self.foreground]
            info['gt_label'] = np.array(held, dtype=np.int64)
        keep = self.test_mode if self.keep_empty is None else self.keep_empty
        kept = [
            info for image_id, info in zip(ids, infos, strict=True)
            if keep or info['gt_label'].any() or not labels[image_id]
        ]
        if not (self.test_mode or any(i['gt_label'].any() for i in infos)):
            raise ValueError(f'{what}: no image holds any of the classes '
                             f'{self.foreground}. Check `metainfo`.')
        if len(kept) < len(infos) and is_main_process():
            print_log(f'{what}: {len(infos) - len(kept)} of {len(infos)} '
                      'images hold none of the chosen classes and are left '
                      'out.', logger='current')
        return kept

    def _check_names(self, what: str, labels: dict[str, list[str]]) -> None:
        """Refuse labels that are no class of the data set at all."""
        known = self.all_classes[1:]
        raise_problems(what, [f'{i}: "{name}"' for i, names in labels.items()
                              for name in names if name not in known],
                       f'These labels are not among the classes {known}.')
