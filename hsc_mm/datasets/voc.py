"""PASCAL VOC 2012 with image-level labels."""
import os
from collections.abc import Sequence
from pathlib import Path

from hsc_mm.registry import DATASETS
from hsc_mm.utils.alike import missing_lines
from hsc_mm.utils.indices import coloured
from hsc_mm.utils.progress import progress
from .base import BaseImageLabelDataset
from .checks import missing_files, raise_problems
from .labels import read_label_json, read_voc_list, read_voc_xml

__all__ = ['VOC_CLASSES', 'VOCImageLabelDataset']

VOC_CLASSES = ('background', 'aeroplane', 'bicycle', 'bird', 'boat', 'bottle',
               'bus', 'car', 'cat', 'chair', 'cow', 'diningtable', 'dog',
               'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa',
               'train', 'tvmonitor')


@DATASETS.register_module()
class VOCImageLabelDataset(BaseImageLabelDataset):
    """VOC's layout: JPEGImages, ImageSets/Segmentation and Annotations.

    Image labels come from ``label_file`` (the JSON that
    ``tools/prepare_voc.py`` writes) if given, else from
    ``Annotations/<id>.xml``. ``metainfo=dict(classes=('background', 'cat',
    ...))`` chooses a subset: labels of other classes are dropped, and images
    that are left without any are not trained on; in masks the other classes
    become 255, ignored.

    Other data in the same layout name their classes by ``vocabulary``.

    Args:
        data_root (str): The folder VOC2012, or one of the same layout.
        ann_file (str): List of image ids under ``data_root``.
        label_file (str): JSON of image labels under ``data_root``; empty
            for the XML files.
        data_prefix (dict): See :class:`BaseImageLabelDataset`; in addition
            ``xml_path``. Defaults: JPEGImages, Annotations, no masks.
        vocabulary (sequence[str], optional): What the indices of the masks
            mean, background first; VOC's 21 by default.
        kwargs: See :class:`BaseImageLabelDataset`.
    """

    METAINFO = coloured(VOC_CLASSES)

    def __init__(self,
                 data_root: str,
                 ann_file: str,
                 label_file: str = '',
                 data_prefix: dict | None = None,
                 vocabulary: Sequence[str] | None = None,
                 **kwargs) -> None:
        self.vocabulary = list(vocabulary or VOC_CLASSES)
        metainfo = dict(coloured(self.vocabulary),
                        **(kwargs.pop('metainfo', None) or {}))
        prefix = dict(img_path='JPEGImages', xml_path='Annotations')
        prefix.update(data_prefix or {})
        super().__init__(
            data_root=data_root,
            ann_file=ann_file,
            label_file=label_file,
            data_prefix=prefix,
            metainfo=metainfo,
            **kwargs)

    @property
    def all_classes(self) -> list[str]:
        """list[str]: The vocabulary."""
        return self.vocabulary

    def ids(self) -> list[str]:
        """Return the ids of ``ann_file``, without what stands behind them."""
        return read_voc_list(self.ann_file, self.data_prefix['img_path'])

    def labels(self, ids: list[str]) -> dict[str, list[str]]:
        """Return the labels of ``ids``; see the base class.

        Raises:
            FileNotFoundError: ``label_file`` is missing.
            ValueError: ``Annotations/<id>.xml`` are missing or broken.
        """
        if self.label_file:
            return self._labels_of(
                ids, read_label_json(self.label_file).images)
        paths = {
            i: os.path.join(self.data_prefix['xml_path'],
                            f'{self._name(i)}.xml')
            for i in ids
        }
        raise_problems(
            type(self).__name__,
            missing_lines(missing_files(paths.values())),
            'Image labels come from these annotations, or from a JSON file '
            'named as label_file: python -m hsc_mm prepare_voc makes one.')
        read = progress(paths, len(paths), 'reading labels', delay=2)
        return {i: read_voc_xml(Path(paths[i])) for i in read}
