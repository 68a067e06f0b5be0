"""A hash of what the files of a data set hold."""
from hsc_mm.datasets.base import BaseImageLabelDataset
from hsc_mm.datasets.checks import item_maps
from hsc_mm.utils import digest
from hsc_mm.utils.sums import content_sums

__all__ = ['split_hash']


def split_hash(dataset: BaseImageLabelDataset) -> str:
    """Return a hash of a data set, wherever it lies.

    It covers ids, image labels, contents of images, masks and auxiliary maps,
    in the order of the list, and the classes.

    Raises:
        OSError: A file cannot be read.
    """
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    files = [dict(item_maps(info), image=info['img_path']) for info in infos]
    sums = iter(content_sums(path for one in files for path in one.values()))
    items = [(info['img_id'], info['gt_label'].tolist()
              if 'gt_label' in info else None,
              {kind: next(sums) for kind in one})
             for info, one in zip(infos, files, strict=True)]
    classes = [dataset.metainfo.get(key) for key in ('classes', 'label_map')]
    return digest([items, classes])
