"""CAMs of several scales and flips, many images at once.

In one file, though long: all of it is one computation over batches.
"""
import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from hsc_mm.functional.cam import (
    FLIP_AXES,
    activation_to_image,
    choose_classes,
    image_padding,
)
from hsc_mm.functional.similarity import map_rows
from hsc_mm.models.attention import record_attention
from hsc_mm.utils.picture_sizes import SizeError
from .soft_cam import SoftCAM
from .views import Failure, ViewBatch

__all__ = ['MultiScaleCAM', 'iterate_cams']


class _View(NamedTuple):
    """Activation of one scale, and where in the input the image lies."""
    activation: Tensor  # (F, B, K, h, w)
    scores: Tensor  # (F, B, K)
    size: tuple[int, int]
    padding: Sequence[int]  # left, right, top, bottom
    attention: Tensor | None  # (B, n, n), without flip
    grid: tuple[int, int] | None


class MultiScaleCAM:
    """Sum activations over scales and flips, then normalise.

    The numbers are those of :class:`hsc_mm.CAMTTAModel` up to rounding. An
    image and its flips go through the network in one batch, with other
    images of the same size; and only classes that are present are brought
    to the size of the image.

    Args:
        model (nn.Module): A model with ``makes_cams``, see
            :class:`hsc_mm.models.segmentors.CAMPredictor`, or a TTA model
            around one. Its ``test_cfg`` says whether image labels choose the
            classes.
        flips (sequence[str | None]): Each view is seen as it is (None) or
            flipped (``'horizontal'``, ``'vertical'``).
        amp (bool): Whether the network computes in half precision: float16
            on a GPU, bfloat16 on a CPU.
        attention (bool): Whether the mean attention of the last blocks of a
            vision transformer comes along, see
            :func:`hsc_mm.models.attention.record_attention`: that of the
            view without flip whose size is nearest to the image's.

    Raises:
        ValueError: It is another model; or (when called) image labels are to
            be used and a batch has none, or attention cannot be recorded.
    """

    def __init__(self,
                 model: nn.Module,
                 flips: Sequence[str | None] = (None, ),
                 amp: bool = False,
                 attention: bool = False) -> None:
        model = getattr(model, 'module', model)
        if not getattr(model, 'makes_cams', False):
            raise ValueError(
                'model: expected one with makes_cams=True such as '
                f'hsc_mm.CAMSegmentor, found {type(model).__name__}.')
        self.model = model
        self.flips = list(flips)
        self.amp = amp
        self.attention = attention
        if attention and None not in self.flips:
            raise ValueError('flips: expected a view without flip, whose '
                             f'attention is recorded, found {self.flips}.')
        self.device = next(model.parameters()).device

    @torch.inference_mode()
    def __call__(self, batch: ViewBatch) -> list[SoftCAM]:
        """Compute the CAMs of a batch, an item for each image."""
        views, nearest, scores = self._look(batch)
        present = choose_classes(scores, batch.labels, self.model.test_cfg,
                                 batch.img_ids[0])
        chosen = [one.nonzero()[:, 0] for one in present]
        cams = self._cams(views, chosen, batch.shape)
        scores = scores.cpu().numpy()
        attention, grid = views[nearest].attention, views[nearest].grid
        if attention is not None:
            attention = attention.cpu().numpy()
        return [
            SoftCAM(
                img_id, cams[i], chosen[i].cpu().numpy() + 1, scores[i],
                image=None
                if batch.images is None else batch.images[i].numpy(),
                attention=None if attention is None else attention[i],
                grid=grid) for i, img_id in enumerate(batch.img_ids)
        ]

    @torch.inference_mode()
    def activations(self, batch: ViewBatch) -> tuple[Tensor, Tensor]:
        """Return activations of all classes and scores of one image.

        Returns:
            tuple[Tensor, Tensor]: What
            :meth:`hsc_mm.models.CAMPredictor.make_cams` takes, and (K,) in
            [0, 1], on the CPU.
        """
        views, _, scores = self._look(batch)
        row = torch.arange(views[0].activation.shape[2], device=scores.device)
        total = self._total(views, torch.zeros_like(row), row, batch.shape)
        return total.cpu(), scores[0].cpu()

    def _cams(self, views: list[_View], chosen: list[Tensor],
              shape: tuple[int, int]) -> list[np.ndarray]:
        """Make the CAMs of chosen classes, (n, H, W) for each image."""
        count, maps = views[0].scores.shape[2], views[0].activation.shape[2]
        rows = [map_rows(one, count, maps) for one in chosen]
        image = torch.cat([torch.full_like(one, i)
                           for i, one in enumerate(rows)])
        total = self._total(views, image, torch.cat(rows), shape)
        cams = torch.cat([
            self.model.make_cams(part, torch.ones_like(one))
            for part, one in zip(total.split([len(one) for one in rows]),
                                 chosen, strict=True)
        ]).cpu()
        return [one.numpy() for one in cams.split([len(o) for o in chosen])]

    def _look(self, batch: ViewBatch) -> tuple[list[_View], int, Tensor]:
        """Run all scales: views, the one nearest the image, scores (B, K)."""
        nearest = batch.nearest
        views = [
            self._chunks(view, batch.shape,
                         self.attention and i == nearest)
            for i, view in enumerate(batch.views)
        ]
        return views, nearest, sum(v.scores.sum(0) for v in views) / (
            len(views) * len(self.flips))

    def _total(self, views: list[_View], image: Tensor, row: Tensor,
               shape: tuple[int, int]) -> Tensor:
        """Sum activations of N images and maps, (N, H, W).

        Similarities, which come after the activations, are averaged.
        """
        total = sum(
            activation_to_image(view.activation[:, image, row],
                                self.flips, view.size, view.padding,
                                shape, self.model.align_corners)
            for view in views)
        if views[0].activation.shape[2] > views[0].scores.shape[2]:
            similar = row >= views[0].scores.shape[2]
            total[similar] /= len(views) * len(self.flips)
        return total

    def _chunks(self, view: Tensor, shape: tuple[int, int],
                attention: bool) -> _View:
        """Run a scale, no more pixels at a time than the batch had unscaled.

        Memory then does not grow with the square of the largest scale.
        """
        pixels = view.shape[2] * view.shape[3]
        count = max(1, len(view) * shape[0] * shape[1] // pixels)
        parts = [self._run(part, attention) for part in view.split(count)]
        return parts[0]._replace(
            activation=torch.cat([p.activation for p in parts], dim=1),
            scores=torch.cat([p.scores for p in parts], dim=1),
            attention=torch.cat([p.attention for p in parts])
            if attention else None)

    def _run(self, view: Tensor, attention: bool) -> _View:
        """Run the network on images (b, 3, H_s, W_s) and their flips."""
        view = view.to(self.device, non_blocking=True)
        turned = torch.cat([
            view if flip is None else view.flip(FLIP_AXES[flip])
            for flip in self.flips
        ])
        shape = tuple(view.shape[2:])
        samples = [
            SegDataSample(metainfo=dict(ori_shape=shape, img_shape=shape))
            for _ in turned
        ]
        data = self.model.data_preprocessor(
            dict(inputs=list(turned), data_samples=samples), False)
        inputs, samples = data['inputs'], data['data_samples']
        kind = self.device.type
        recording = record_attention(
            self.model.backbone) if attention else contextlib.nullcontext()
        with torch.autocast(
                kind,
                torch.bfloat16 if kind == 'cpu' else torch.float16,
                enabled=self.amp), recording as record:
            activation, scores = self.model.predict_cam(inputs, samples)
        split = (len(self.flips), len(view))
        padding = image_padding(samples[0].metainfo)
        attention, grid = None, None
        if record is not None:
            if any(padding):
                raise ValueError(
                    'attention: expected images without padding, found '
                    f'{padding} pixels; set size_divisor of '
                    'data_preprocessor.test_cfg to None.')
            attention = record.mean().unflatten(0, split)
            attention, grid = attention[self.flips.index(None)], record.grid
        return _View(
            activation.float().unflatten(0, split),
            scores.float().unflatten(0, split), tuple(inputs.shape[2:]),
            padding, attention, grid)


def iterate_cams(
        run: MultiScaleCAM,
        loader: Iterable[tuple[list[ViewBatch], list[Failure]]],
        skip: frozenset[str] = frozenset(),
) -> Iterator[SoftCAM | Failure]:
    """Yield the CAMs of all images of a loader, batch by batch.

    The loader is that of :func:`hsc_mm.pseudo_labels.views.view_loader`;
    images in ``skip`` are in a batch for company alone. A Failure stands for
    an image that cannot be read, that is of a size which the network refuses,
    or whose CAM is not finite.
    """
    for batches, failures in loader:
        yield from (f for f in failures if f.img_id not in skip)
        for batch in batches:
            try:
                softs = run(batch)
            except SizeError as error:  # all images of a batch have one size
                yield from (Failure(name, str(error))
                            for name in batch.img_ids if name not in skip)
                continue
            for soft in softs:
                if soft.img_id in skip:
                    continue
                if not (np.isfinite(soft.cam).all()
                        and np.isfinite(soft.scores).all()):
                    yield Failure(
                        soft.img_id, 'expected a finite CAM, found inf or '
                        'nan: the weights are broken, or half precision '
                        'overflows')
                else:
                    yield soft
