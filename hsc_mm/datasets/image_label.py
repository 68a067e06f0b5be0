"""Data set of any pictures with image labels."""
import os
from collections.abc import Sequence

from hsc_mm.registry import DATASETS
from hsc_mm.utils.indices import coloured
from .base import BaseImageLabelDataset
from .class_names import NONE, ImageLabels, Note
from .id_checks import check_ids
from .labels import read_labels, read_list

__all__ = ['ImageLabelDataset']


@DATASETS.register_module()
class ImageLabelDataset(BaseImageLabelDataset):
    """Any pictures with image labels in one JSON, one CSV or class folders.

    The classes are those of ``label_file``, background put in front; name
    some of them in ``metainfo=dict(classes=('background', ...))`` to use a
    subset or another order. An image with an empty label shows nothing of
    interest: it is trained on, and its mask is background. Masks, where
    given for evaluation, hold the index of a class in *all* classes of
    ``label_file``, 0 for background, 255 for ignored pixels.

    Args:
        label_file (str): See :func:`hsc_mm.datasets.labels.read_labels`.
        none (sequence[str]): Names, of labels and of folders, that mean no
            class, beside ``_none``, ``background`` and what programs write for
            an empty cell: ``nan``, ``n/a``, ``#n/a``, ``<na>``, ``null``.
        kwargs: See :class:`BaseImageLabelDataset`. When ``label_file`` is a
            folder of class folders, ``data_prefix.img_path`` defaults to it.
    """

    def __init__(self,
                 label_file: str,
                 none: Sequence[str] = NONE,
                 **kwargs) -> None:
        root = kwargs.get('data_root') or ''
        self._file: ImageLabels = read_labels(
            os.path.join(root, label_file),
            [none] if isinstance(none, str) else none)
        if os.path.isdir(os.path.join(root, label_file)):
            prefix = dict(kwargs.pop('data_prefix', None) or {})
            prefix.setdefault('img_path', label_file)
            kwargs['data_prefix'] = prefix
        metainfo = dict(coloured(self.all_classes),
                        **(kwargs.pop('metainfo', None) or {}))
        super().__init__(label_file=label_file, metainfo=metainfo, **kwargs)

    @property
    def all_classes(self) -> list[str]:
        """list[str]: Background and the classes of ``label_file``."""
        return ['background', *self._file.classes]

    def ids(self) -> list[str]:
        """Return the ids of ``ann_file``, or all labelled images.

        The list may leave out suffixes that the label file has.

        Raises:
            ValueError: Two images differ in their suffix alone, or are
                two spellings of one path.
        """
        labelled = {self._name(i): i for i in self._file.images}
        if len(labelled) < len(self._file.images):
            check_ids(f'{type(self).__name__}: image ids',
                      list(self._file.images), self.data_prefix['img_path'],
                      self.label_file)
        if not self.ann_file:
            return list(labelled.values())
        known = {*labelled, *self._file.images}
        return [i if i in self._file.images else
                labelled.get(i) or labelled.get(self._name(i), i)
                for i in read_list(self.ann_file, known)]

    def labels(self, ids: list[str]) -> dict[str, list[str]]:
        """Return the labels of ``ids``; see the base class."""
        return self._labels_of(ids, self._file.images)

    @property
    def notes(self) -> tuple[Note, ...]:
        """tuple[Note, ...]: What the reader merged and left out."""
        return self._file.notes
