"""Predictions of pictures in windows: those in memory, and larger ones."""
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from hsc_mm.functional.cam import choose_classes, seed_scores
from hsc_mm.pseudo_labels.origins import note_of
from hsc_mm.tiles import Block, MaskWriter, Scan, Tiles, blend
from hsc_mm.tiles.large import (
    Preview,
    cam_blocks,
    joined,
    survey,
    write_blocks,
)
from hsc_mm.tiles.masks import georeference
from hsc_mm.utils import voc_palette
from hsc_mm.utils.numbers import check_finite_maps
from hsc_mm.utils.outputs import claim, drop

__all__ = ['predict_large', 'sample_of_tiles']


def _predict(model: Any, label: Tensor | None):
    """Return what computes the maps of a window; see ``tiles.large``.

    Raises:
        ValueError: The model merges the masks of views, and not their maps.
    """
    merger = model.model
    if isinstance(merger, BaseTTAModel) and not model.is_cam and not getattr(
            merger, 'merges_maps', False):
        raise ValueError(
            'tta_model: expected hsc_mm.SegTTAModel, whose maps are the mean '
            'of all views, for a picture in windows, found '
            f'{type(merger).__name__}. Name it in the config, or predict '
            'without --tta; a class of your own whose seg_logits are those '
            'of all views says so by merges_maps = True.')

    def run(image: np.ndarray) -> tuple[np.ndarray, Tensor | None]:
        sample = model.step(image, label)
        if not model.is_cam:
            maps = sample.seg_logits.data.float().cpu()
            check_finite_maps(None, maps)
            return maps.numpy(), None
        return (sample.activation.data.float().cpu().numpy(),
                sample.cls_scores.float().cpu())

    return run


def _classes(maps: np.ndarray, threshold: float) -> np.ndarray:
    """Return the class of each pixel; of one channel, whether it is above."""
    if len(maps) == 1:
        return maps[0] > threshold
    return torch.from_numpy(maps).max(0).indices.numpy()


def sample_of_tiles(model: Any, image: np.ndarray, label: Tensor | None,
                    tiles: Tiles) -> SegDataSample:
    """Predict a picture in memory by windows.

    Args:
        model (HSCInferencer): The model.
        image (np.ndarray): (H, W, 3 or N) uint8.
        label (Tensor, optional): Image labels, (K,).
        tiles (Tiles): The windows.

    Returns:
        SegDataSample: As of the whole picture: activations or logits are
        blended, and the score of a class is its highest in any window.
    """
    maps, scores = joined(Scan(None, None, {}, image), tiles,
                          _predict(model, label))
    sample = SegDataSample(metainfo=dict(ori_shape=image.shape[:2]))
    if model.is_cam:
        sample.activation = PixelData(data=torch.from_numpy(maps))
        sample.cls_scores = scores
        if label is not None:
            sample.gt_label = label.clone()
        model.segmentor.finish(sample)
        return sample
    mask = _classes(maps, _threshold(model))
    sample.pred_sem_seg = PixelData(
        data=torch.from_numpy(mask.astype(np.int64))[None])
    return sample


def _threshold(model: Any) -> float:
    """Return the threshold of a segmentor of one channel."""
    head = getattr(model.segmentor, 'decode_head', None)
    return getattr(head, 'threshold', None) or 0.5


def predict_large(model: Any, scan: Scan, label: Tensor | None, tiles: Tiles,
                  out_dir: str | Path | None, name: str) -> dict:
    """Predict a picture above the limit; its mask is written row by row.

    Two passes over the windows of a CAM stage: the first finds classes and
    the extremes of each CAM, the second the seed.

    Args:
        model (HSCInferencer): The model.
        scan (Scan): The picture.
        label (Tensor, optional): Image labels, (K,).
        tiles (Tiles): The windows.
        out_dir (str | Path, optional): Folder to write to.
        name (str): Of the picture.

    Returns:
        dict: As of :meth:`HSCInferencer.predict`, of the picture in small;
        ``step`` says how many of its pixels are one, ``image`` is the
        picture, and ``mask_file`` the mask in full.

    Raises:
        ValueError: No folder is named.
    """
    if out_dir is None:
        raise ValueError(f'{scan.path}: expected a folder for the mask of a '
                         'picture above the limit of megapixels, found none. '
                         'Name out_dir.')
    result, blocks, label_of = _prepare(model, scan, label, tiles)
    heat, small = Preview(scan.shape), Preview(scan.shape)
    path = claim(out_dir, f'{name}.mask.png', [scan.path])
    place = georeference(scan.path)
    tif = None
    if place:
        tif = claim(out_dir, f'{name}.mask.tif', [scan.path])
    else:
        drop(out_dir, f'{name}.mask.tif')
    with MaskWriter(path, scan.shape, voc_palette(), note_of(scan.path),
                    place=place, tif=tif) as writer:
        seen = write_blocks(
            writer, _watched(blocks, heat if model.is_cam else None),
            label_of, model.names.label_map, small)
    result.update(mask=small.array, step=small.step, mask_file=str(path),
                  image=_small_image(scan, tiles))
    if model.is_cam:
        result['cam'] = heat.array
    else:
        result['classes'] = [
            name for name, there in zip(model.names.classes, seen,
                                        strict=False) if there
        ]
    return result


def _prepare(model: Any, scan: Scan, label: Tensor | None, tiles: Tiles):
    """Return the beginning of a result, blocks, and what labels them."""
    predict = _predict(model, label)
    if not model.is_cam:
        threshold = _threshold(model)
        return (dict(task='segmentation'), blend(
            scan.shape, tiles, lambda *box: predict(scan.window(*box))[0]),
                lambda maps: _classes(maps, threshold))
    cfg = model.segmentor.test_cfg
    cfg['use_image_labels'] = label is not None
    found = survey(scan, tiles, predict)
    present = choose_classes(found.scores, label, cfg)
    indices = present.nonzero()[:, 0].numpy() + 1
    threshold = float(cfg['bg_threshold'])
    lookup = np.concatenate([[0], indices])

    def label_of(cam: np.ndarray) -> np.ndarray:
        scores = seed_scores(torch.from_numpy(cam), threshold) if len(
            cam) else torch.zeros(1, *cam.shape[1:])
        return lookup[scores.max(0).indices.numpy()]

    result = dict(
        task='cam', classes=[model.names.classes[i] for i in indices],
        class_indices=indices, mask_indices=model.names.mask_indices(indices),
        scores=found.scores.numpy(), bg_threshold=threshold)
    return result, cam_blocks(scan, tiles, predict, found, present,
                              model.segmentor.make_cams), label_of


def _watched(blocks: Iterator[Block],
             preview: Preview | None) -> Iterator[Block]:
    for block in blocks:
        if preview is not None:
            preview.add(block.top, block.left, block.maps)
        yield block


def _small_image(scan: Scan, tiles: Tiles) -> np.ndarray:
    """Read the picture in small, (h, w, 3 or N) uint8."""
    preview = Preview(scan.shape)
    for top in range(0, scan.shape[0], tiles.size):
        bottom = min(top + tiles.size, scan.shape[0])
        rows = scan.window(top, bottom, 0, scan.shape[1])
        preview.add(top, 0, np.moveaxis(rows, -1, 0))
    return np.ascontiguousarray(np.moveaxis(preview.array, 0, -1))
