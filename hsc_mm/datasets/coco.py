"""MS-COCO 2014 with image-level labels."""
import logging
from collections.abc import Sequence

from mmengine.logging import print_log

from hsc_mm.registry import DATASETS
from hsc_mm.utils.indices import coloured
from .base import BaseImageLabelDataset
from .class_names import spelled
from .coco_annotations import LEFT_OUT
from .labels import ImageLabels, jpeg_names, read_label_json, read_list

__all__ = ['COCO_CLASSES', 'COCOImageLabelDataset']

COCO_CLASSES = (
    'background', 'person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus',
    'train', 'truck', 'boat', 'traffic light', 'fire hydrant', 'stop sign',
    'parking meter', 'bench', 'bird', 'cat', 'dog', 'horse', 'sheep', 'cow',
    'elephant', 'bear', 'zebra', 'giraffe', 'backpack', 'umbrella', 'handbag',
    'tie', 'suitcase', 'frisbee', 'skis', 'snowboard', 'sports ball', 'kite',
    'baseball bat', 'baseball glove', 'skateboard', 'surfboard',
    'tennis racket', 'bottle', 'wine glass', 'cup', 'fork', 'knife', 'spoon',
    'bowl', 'banana', 'apple', 'sandwich', 'orange', 'broccoli', 'carrot',
    'hot dog', 'pizza', 'donut', 'cake', 'chair', 'couch', 'potted plant',
    'bed', 'dining table', 'toilet', 'tv', 'laptop', 'mouse', 'remote',
    'keyboard', 'cell phone', 'microwave', 'oven', 'toaster', 'sink',
    'refrigerator', 'book', 'clock', 'vase', 'scissors', 'teddy bear',
    'hair drier', 'toothbrush')


@DATASETS.register_module()
class COCOImageLabelDataset(BaseImageLabelDataset):
    """COCO-2014's layout: train2014, val2014 and annotations.

    Image labels come from ``image_labels_train2014.json``, which
    ``tools/prepare_coco.py`` writes, or from ``annotations/
    instances_train2014.json`` itself, which takes longer and some GB in each
    process. Ids are file names without ``.jpg``, as
    ``COCO_train2014_000000000009``. Masks, for evaluation, hold 0 for the
    background, the 80 classes in the order of COCO's category ids as 1..80,
    and 255 for ignored pixels.

    ``metainfo=dict(classes=('background', 'cat', ...))`` chooses a subset,
    as in :class:`VOCImageLabelDataset`. Other data in the same layout name
    their classes by ``vocabulary``.

    Args:
        data_root (str): Folder of train2014, val2014 and annotations.
        label_file (str): JSON of image labels, or of instances, under
            ``data_root``. May be left out where ``with_labels`` is False
            and ``ann_file`` given.
        ann_file (str): List of image ids under ``data_root``; without it all
            images of ``label_file`` count; those without an annotation show
            no class.
        vocabulary (sequence[str], optional): What the indices of the masks
            mean, background first; COCO's 81 by default.
        kwargs: See :class:`BaseImageLabelDataset`; ``data_prefix`` names the
            folders of a split.
    """

    METAINFO = coloured(COCO_CLASSES)

    def __init__(self,
                 data_root: str,
                 label_file: str = '',
                 ann_file: str = '',
                 vocabulary: Sequence[str] | None = None,
                 **kwargs) -> None:
        self.vocabulary = list(vocabulary or COCO_CLASSES)
        self._read: ImageLabels | None = None
        if not label_file and (kwargs.get('with_labels', True)
                               or not ann_file):
            raise ValueError(
                'label_file of COCOImageLabelDataset: expected a JSON of '
                'image labels or of instances, found none. "python '
                '-m hsc_mm prepare_coco --root ROOT" makes '
                'image_labels_train2014.json.')
        metainfo = dict(coloured(self.vocabulary),
                        **(kwargs.pop('metainfo', None) or {}))
        super().__init__(
            data_root=data_root,
            label_file=label_file,
            ann_file=ann_file,
            metainfo=metainfo,
            **kwargs)
        self._read = None  # Tens of MB; load_data_list has used it.

    @property
    def all_classes(self) -> list[str]:
        """list[str]: The vocabulary."""
        return self.vocabulary

    def _labels(self) -> ImageLabels:
        """Read ``label_file`` once."""
        if self._read is None:
            self._read = read_label_json(self.label_file)
            foreground = self.vocabulary[1:]
            if spelled(self._read.classes, foreground) != foreground:
                raise ValueError(
                    f'{self.label_file}: expected the classes '
                    f'{foreground} in this order, which is what masks '
                    f'hold, found {self._read.classes}. Name those in '
                    '`vocabulary`, "background" put in front.')
            for what, names in self._read.notes:
                if what == LEFT_OUT:
                    print_log(
                        f'{self.label_file}: {len(names)} {what}, the first: '
                        f'{names[0]}.', 'current', logging.WARNING)
        return self._read

    def ids(self) -> list[str]:
        """Return the ids of ``ann_file``, or all labelled images."""
        if self.ann_file:
            return read_list(self.ann_file, jpeg_names(
                self.data_prefix['img_path']))
        return list(self._labels().images)

    def labels(self, ids: list[str]) -> dict[str, list[str]]:
        """Return the labels of ``ids``; see the base class.

        Raises:
            FileNotFoundError: ``label_file`` is missing.
            ValueError: It has another form or other classes.
        """
        return self._labels_of(ids, self._labels().images)
