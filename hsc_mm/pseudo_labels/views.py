"""Reading of images at several scales, batches of equal size."""
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.build import split_options
from hsc_mm.utils.pixels import as_colours
from hsc_mm.utils.pool import guard_workers
from .view_pipeline import ViewPipeline

__all__ = ['Failure', 'ViewBatch', 'plan_batches', 'view_loader']


class Failure(NamedTuple):
    """An image that nothing was made of, and why."""
    img_id: str
    reason: str


class ViewBatch(NamedTuple):
    """Images of equal size, as one worker read them.

    Attributes:
        img_ids (list[str]): B ids.
        shape (tuple[int, int]): Height and width of the images as loaded.
        views (list[Tensor]): Each scale, (B, 3, H_s, W_s) as loaded.
        labels (Tensor, optional): Image labels, (B, K).
        images (Tensor, optional): As loaded, (B, H, W, 3) uint8 RGB.
    """
    img_ids: list
    shape: tuple
    views: list
    labels: Tensor | None
    images: Tensor | None

    @property
    def nearest(self) -> int:
        """int: Place of the scale whose size is nearest the image's."""
        areas = [view.shape[2] * view.shape[3] for view in self.views]
        area = self.shape[0] * self.shape[1]
        return min(range(len(areas)), key=lambda i: abs(areas[i] - area))


def plan_batches(shapes: Sequence,
                 batch_size: int,
                 window: int = 256) -> list[list[int]]:
    """Put images of equal size together that are near each other.

    The plan follows from the list alone. Whoever takes some of its batches,
    another machine or a run that resumes after a stop, computes each image
    in the same company, and so to the same bits.

    Args:
        shapes (sequence): Size of each image; None = not known, alone.
        batch_size (int): Largest number of images in a batch.
        window (int): Most positions between the first and the last of them.

    Returns:
        list[list[int]]: Positions; each image once.
    """
    open_batches: OrderedDict = OrderedDict()
    done = []
    for place, shape in enumerate(shapes):
        while open_batches:
            oldest = next(iter(open_batches))
            if place - open_batches[oldest][0] < window:
                break
            done.append(open_batches.pop(oldest))
        key = place if shape is None else tuple(shape)
        open_batches.setdefault(key, []).append(place)
        if shape is None or len(open_batches[key]) == batch_size:
            done.append(open_batches.pop(key))
    return done + list(open_batches.values())


class _Reader(Dataset):
    """Read whole batches; what fails is told and left out."""

    def __init__(self, dataset: BaseImageLabelDataset, pipeline: ViewPipeline,
                 with_images: bool) -> None:
        self.dataset = dataset
        self.pipeline = pipeline
        self.with_images = with_images

    def __getitem__(
            self,
            places: list[int]) -> tuple[list[ViewBatch], list[Failure]]:
        batches: dict[tuple, list] = {}
        failures = []
        for place in places:
            info = self.dataset.get_data_info(place)
            try:
                views, image = self.pipeline(info)
            except Exception as error:  # any file may be broken in any way
                reason = str(error) or type(error).__name__
                failures.append(Failure(info['img_id'], reason))
                continue
            key = (image.shape, *(v['inputs'].shape for v in views))
            batches.setdefault(key, []).append((info, views, image))
        return [self._stack(items) for items in batches.values()], failures

    def _stack(self, items: list) -> ViewBatch:
        infos, views, images = zip(*items, strict=True)
        samples = [one[0]['data_samples'] for one in views]
        labels = torch.stack([s.gt_label for s in samples]) if all(
            'gt_label' in sample for sample in samples) else None
        rgb = torch.from_numpy(
            np.stack([as_colours(image)[..., ::-1] for image in images
                      ])) if self.with_images else None
        return ViewBatch([info['img_id'] for info in infos],
                         tuple(samples[0].ori_shape), [
                             torch.stack([v['inputs'] for v in scale])
                             for scale in zip(*views, strict=True)
                         ], labels, rgb)


def _as_is(item: tuple) -> tuple:
    return item


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(0)


def view_loader(dataset: BaseImageLabelDataset,
                cfg: Config,
                batches: Sequence[list[int]],
                workers: int,
                with_images: bool = False,
                pin_memory: bool = False) -> tuple[DataLoader, ViewPipeline]:
    """Build the loader of the views of a test pipeline.

    An item is a list of :class:`ViewBatch` and one of :class:`Failure`; the
    pipeline beside it says how the views are to be flipped. Each of the
    workers holds two batches in memory.
    """
    pipeline = ViewPipeline(split_options(cfg, 'test').pipeline)
    loader = guard_workers(DataLoader(
        _Reader(dataset, pipeline, with_images),
        sampler=list(batches),
        batch_size=None,
        collate_fn=_as_is,
        num_workers=workers,
        worker_init_fn=_one_thread,
        pin_memory=pin_memory))
    return loader, pipeline
