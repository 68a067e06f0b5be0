"""Rows of pictures for the report: what each stage makes of an image."""
import copy
import os
from collections.abc import Iterator

import cv2
import numpy as np
from mmengine.config import Config
from mmseg.apis import inference_model, init_model

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.evaluation.folder import ground_truth
from hsc_mm.inference import seeds, use_tta
from hsc_mm.utils import read_image, read_index_png, to_classes
from hsc_mm.visualization import cam_overlay, label_strip, mask_overlay

__all__ = ['Row', 'training_rows', 'validation_rows']

_HEIGHT = 150
Row = tuple[str, np.ndarray]


def _chosen(size: int, count: int) -> list[int]:
    """Return up to ``count`` indices, evenly spread."""
    return sorted(set(np.linspace(0, size - 1, min(size, count)).astype(int)))


def _rgb(info: dict) -> np.ndarray:
    return np.ascontiguousarray(read_image(info['img_path'])[..., ::-1])


def training_rows(cam_cfg: Config, cam_checkpoint: str, pseudo_dir: str,
                  seg_cfg: Config, seg_checkpoint: str, truth:
                  BaseImageLabelDataset, count: int = 12) -> Iterator[Row]:
    """Yield image | ground truth | CAM | pseudo label | prediction.

    Args:
        cam_cfg (Config): Config of the CAM stage.
        cam_checkpoint (str): Its checkpoint.
        pseudo_dir (str): Folder of pseudo labels.
        seg_cfg (Config): Config of the segmentation stage.
        seg_checkpoint (str): Its checkpoint.
        truth (BaseImageLabelDataset): Split with masks; images without a
            pseudo label are passed over.
        count (int): Number of rows at most.

    Yields:
        tuple[str, np.ndarray]: Title and picture, RGB uint8.
    """
    cam_cfg = use_tta(cam_cfg)
    dataset = seeds.seed_dataset(cam_cfg, 'train')
    masks = {
        info['img_id']: info
        for info in map(truth.get_data_info, range(len(truth)))
    }
    ids = [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))]
    both = [i for i, img_id in enumerate(ids) if img_id in masks]
    places = both or list(range(len(ids)))
    dataset.get_subset_([places[i] for i in _chosen(len(places), count)])
    model = seeds.build_model(cam_cfg, cam_checkpoint, 'cpu')
    seg_cfg = copy.deepcopy(seg_cfg)
    seg_cfg.test_pipeline = seg_cfg.test_dataloader.dataset.pipeline
    segmentor = init_model(seg_cfg, seg_checkpoint, device='cpu')
    palette = np.array(dataset.metainfo['palette'], dtype=np.uint8)
    for sample in seeds.iterate_seeds(model, seeds.seed_loader(dataset, 0)):
        img_id = sample.metainfo['img_id']
        info = dict(img_path=sample.metainfo['img_path'])
        image = _rgb(info)
        tiles = [image]
        if img_id in masks and 'seg_map_path' in masks[img_id]:
            tiles.append(
                mask_overlay(image, ground_truth(masks[img_id]), palette))
        tiles.append(
            cam_overlay(image,
                        sample.seg_logits.data[1:].amax(0).cpu().numpy()))
        pseudo = read_index_png(os.path.join(pseudo_dir, f'{img_id}.png'))
        tiles.append(
            mask_overlay(image,
                         to_classes(pseudo, dataset.metainfo['label_map']),
                         palette))
        found = inference_model(segmentor, info['img_path'])
        tiles.append(
            mask_overlay(
                image,
                found.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8),
                palette))
        names = np.array(dataset.foreground)[sample.gt_label.bool().numpy()]
        yield f'{img_id}: {", ".join(names)}', label_strip(tiles, _HEIGHT)


def validation_rows(dataset: BaseImageLabelDataset,
                    folder: str,
                    count: int = 12) -> Iterator[Row]:
    """Yield image | ground truth | prediction.

    Args:
        dataset (BaseImageLabelDataset): The split that was predicted.
        folder (str): Masks, ``<img_id>.png``.
        count (int): Number of rows at most.

    Yields:
        tuple[str, np.ndarray]: Title and picture, RGB uint8.
    """
    palette = np.array(dataset.metainfo['palette'], dtype=np.uint8)
    for index in _chosen(len(dataset), count):
        info = dataset.get_data_info(index)
        image = _rgb(info)
        tiles = [image]
        if 'seg_map_path' in info:
            tiles.append(mask_overlay(image, ground_truth(info), palette))
        found = read_index_png(os.path.join(folder, f'{info["img_id"]}.png'))
        tiles.append(
            mask_overlay(image, to_classes(found, info['label_map']),
                         palette))
        yield info['img_id'], label_strip(tiles, _HEIGHT)


def encode(picture: np.ndarray) -> bytes:
    """Encode an RGB picture as JPEG."""
    return cv2.imencode('.jpg', picture[..., ::-1],
                        [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
