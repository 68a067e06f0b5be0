"""Contact sheet of the images on which a folder of labels is worst."""
import os
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.build import build_split
from hsc_mm.datasets.checks import missing_files
from hsc_mm.datasets.transforms.load_image import dataset_reader
from hsc_mm.evaluation.folder import label_and_truth
from hsc_mm.evaluation.ranking import Scored
from hsc_mm.pseudo_labels.origins import refuse_other_images
from hsc_mm.utils import atomic_write_bytes
from hsc_mm.utils.alike import missing_example
from hsc_mm.utils.outputs import claim_file
from hsc_mm.utils.pixels import as_rgb
from hsc_mm.visualization import mask_overlay, stack_rows, titled_strip
from hsc_mm.visualization.pictures import class_colours

__all__ = ['contact_sheet', 'masked_dataset', 'write_picture']

_MOST_OF_JPEG = 65500


def masked_dataset(cfg: Config, split: str, folder: str,
                   check_origin: bool = True) -> BaseImageLabelDataset:
    """Build the data set that ``<img_id>.png`` of a folder are compared with.

    Args:
        cfg (Config): Its ``<split>_dataloader`` has the masks.
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        folder (str): Of the labels.
        check_origin (bool): Whether labels of other images are refused.

    Raises:
        ValueError: The data set has no masks, files are missing, or labels
            were made from other images.
    """
    # Missing files are one line below instead of many.
    dataset = build_split(cfg, split, masks=True, check=False)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    wanted = dict(
        images=[info['img_path'] for info in infos],
        masks=[info['seg_map_path'] for info in infos],
        labels=[
            os.path.join(folder, f'{info["img_id"]}.png') for info in infos
        ])
    for kind, paths in wanted.items():
        missing = missing_files(paths)
        if missing:
            raise ValueError(
                f'--split {split}: expected {kind} of its {len(infos)} '
                f'images, {len(missing)} are missing, such as '
                f'{missing_example(missing)}.')
    if check_origin:
        refuse_other_images(folder, infos)
    return dataset


def contact_sheet(ranked: list[Scored],
                  folder: str,
                  dataset: BaseImageLabelDataset,
                  columns: int = 2,
                  height: int = 160) -> np.ndarray:
    """Draw image | ground truth | label of images, (H, W, 3) uint8 RGB.

    Raises:
        ValueError: There is no image, or one has another size than its mask.
    """
    palette = class_colours(dataset.metainfo)
    rows, read = [], dataset_reader(dataset)
    for score, img_id, index in ranked:
        info = dataset.get_data_info(index)
        label, truth = label_and_truth(folder, info)
        image = as_rgb(read(info['img_path']))
        if image.shape[:2] != truth.shape:
            sizes = [f'{one.shape[1]} x {one.shape[0]}'
                     for one in (truth, image)]
            raise ValueError(
                f'{info["img_path"]}: expected the size of its mask '
                f'{info["seg_map_path"]} and of its label, {sizes[0]}, found '
                f'{sizes[1]}. Is it the picture that they were made from?')
        strip = titled_strip(
            [('image', image),
             ('ground truth', mask_overlay(image, truth, palette)),
             ('label', mask_overlay(image, label, palette))], height)
        rows.append((f'{img_id}: mIoU {score:.1f}', strip))
    return stack_rows(rows, columns)


def write_picture(path: str | Path, picture: np.ndarray) -> None:
    """Write an RGB picture as JPEG or PNG, whole or not at all.

    Raises:
        FileExistsError: There is such a file that was not written here.
        ValueError: The suffix is of another format, or the picture is too
            large for a JPEG.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in ('.jpg', '.jpeg', '.png'):
        raise ValueError(f'{path}: expected a name that ends in .jpg, .jpeg '
                         f'or .png, found "{suffix}".')
    if suffix != '.png' and max(picture.shape) > _MOST_OF_JPEG:
        raise ValueError(f'{path}: {picture.shape[0]} x {picture.shape[1]} '
                         'pixels are too many for a JPEG. Take fewer images '
                         'or write a .png.')
    data = cv2.imencode(suffix, picture[..., ::-1])[1].tobytes()
    atomic_write_bytes(claim_file(path), data)
