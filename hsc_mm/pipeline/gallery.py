"""Rows of pictures for the report: what each stage makes of an image."""
import copy
import os
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from mmengine.config import Config
from mmseg.apis import inference_model, init_model
from mmseg.structures import SegDataSample

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.evaluation.folder import ground_truth
from hsc_mm.inference import seeds, use_tta
from hsc_mm.utils import read_image, read_index_png, to_classes
from hsc_mm.visualization import cam_overlay, label_strip, mask_overlay

__all__ = ['Row', 'encode', 'training_rows', 'validation_rows']

_HEIGHT = 150
Row = tuple[str, np.ndarray]


def _chosen(size: int, count: int) -> list[int]:
    """Return up to ``count`` indices, evenly spread."""
    return sorted(set(np.linspace(0, size - 1, min(size, count)).astype(int)))


def _rgb(info: dict) -> np.ndarray:
    return np.ascontiguousarray(read_image(info['img_path'])[..., ::-1])


def training_rows(cam_cfg: Config,
                  cam_checkpoint: str,
                  truth: BaseImageLabelDataset,
                  pseudo_dir: str | None = None,
                  segmentor: tuple[Config, str] | None = None,
                  baselines: Sequence[tuple[Config, str]] = (),
                  count: int = 12) -> Iterator[Row]:
    """Yield image | ground truth | CAMs | pseudo label | prediction.

    Each is a title and a picture, RGB uint8.

    Args:
        cam_cfg (Config): Config of the CAM stage.
        cam_checkpoint (str): Its checkpoint.
        truth (BaseImageLabelDataset): Split with masks, or without; of the
            training images, those in it are shown if there are any.
        pseudo_dir (str, optional): Folder of pseudo labels.
        segmentor (tuple[Config, str], optional): Config of the segmentation
            stage and its checkpoint.
        baselines (sequence[tuple]): Config and checkpoint of other CAM
            stages; their CAMs stand before that of ``cam_cfg``.
        count (int): Number of rows at most.
    """
    dataset = seeds.seed_dataset(use_tta(cam_cfg), 'train')
    masks = {
        info['img_id']: info
        for info in map(truth.get_data_info, range(len(truth)))
    }
    ids = [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))]
    both = [i for i, img_id in enumerate(ids) if img_id in masks]
    places = both or list(range(len(ids)))
    places = [places[i] for i in _chosen(len(places), count)]
    stages = [*baselines, (cam_cfg, cam_checkpoint)]
    predict = _predictor(*segmentor) if segmentor else None
    palette = np.array(dataset.metainfo['palette'], dtype=np.uint8)
    for samples in zip(*(_seeds(*stage, places) for stage in stages),
                       strict=True):
        sample = samples[-1]
        img_id, path = (sample.metainfo[k] for k in ('img_id', 'img_path'))
        image = _rgb(dict(img_path=path))
        tiles = [image]
        if img_id in masks and 'seg_map_path' in masks[img_id]:
            tiles.append(
                mask_overlay(image, ground_truth(masks[img_id]), palette))
        tiles += [
            cam_overlay(image, one.seg_logits.data[1:].amax(0).cpu().numpy())
            for one in samples
        ]
        if pseudo_dir is not None:
            label = read_index_png(os.path.join(pseudo_dir, f'{img_id}.png'))
            label = to_classes(label, dataset.metainfo['label_map'])
            tiles.append(mask_overlay(image, label, palette))
        if predict is not None:
            tiles.append(mask_overlay(image, predict(path), palette))
        names = np.array(dataset.foreground)[sample.gt_label.bool().numpy()]
        yield f'{img_id}: {", ".join(names)}', label_strip(tiles, _HEIGHT)


def _seeds(cfg: Config, checkpoint: str,
           places: list[int]) -> Iterator[SegDataSample]:
    """Yield the seeds of some training images."""
    cfg = use_tta(cfg)
    dataset = seeds.seed_dataset(cfg, 'train')
    dataset.get_subset_(places)
    return seeds.iterate_seeds(
        seeds.build_model(cfg, checkpoint, 'cpu',
                          dataset.metainfo['classes']),
        seeds.seed_loader(dataset, 0))


def _predictor(cfg: Config, checkpoint: str) -> Callable[[str], np.ndarray]:
    """Return what predicts the classes of an image file, (H, W) uint8."""
    cfg = copy.deepcopy(cfg)
    cfg.test_pipeline = cfg.test_dataloader.dataset.pipeline
    model = init_model(cfg, checkpoint, device='cpu')
    return lambda path: inference_model(
        model, path).pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)


def validation_rows(dataset: BaseImageLabelDataset,
                    folder: str,
                    count: int = 12) -> Iterator[Row]:
    """Yield image | ground truth | prediction of up to ``count`` images.

    Title and picture, RGB uint8; ``folder`` has the masks ``<img_id>.png``.
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
