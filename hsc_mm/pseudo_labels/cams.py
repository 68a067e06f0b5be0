"""CAMs of several scales and flips, many images at once."""
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from hsc_mm.functional.cam import (
    cam_to_input,
    input_to_image,
    normalize_cam,
    present_classes,
)
from hsc_mm.models.segmentors import CAMSegmentor
from .soft_cam import SoftCAM
from .views import Failure, ViewBatch

__all__ = ['MultiScaleCAM', 'SoftCAM', 'iterate_cams']

_AXES = dict(horizontal=3, vertical=2)


class _View(NamedTuple):
    """Activation of one scale, and where in the input the image lies."""
    activation: Tensor  # (F, B, K, h, w)
    scores: Tensor  # (F, B, K)
    size: tuple[int, int]
    padding: Sequence[int]  # left, right, top, bottom


class MultiScaleCAM:
    """Sum activations over scales and flips, then normalise.

    The numbers are those of :class:`hsc_mm.CAMTTAModel` up to rounding. An
    image and its flips go through the network in one batch, with other
    images of the same size; and only classes that are present are brought
    to the size of the image.

    Args:
        model (nn.Module): A :class:`hsc_mm.CAMSegmentor`, or a
            :class:`hsc_mm.CAMTTAModel` around one. Its ``test_cfg`` says
            whether image labels choose the classes.
        flips (sequence[str | None]): Each view is seen as it is (None) or
            flipped (``'horizontal'``, ``'vertical'``).
        amp (bool): Whether the network computes in half precision: float16
            on a GPU, bfloat16 on a CPU.

    Raises:
        ValueError: It is another model, or (when called) image labels are to
            be used and a batch has none.
    """

    def __init__(self,
                 model: nn.Module,
                 flips: Sequence[str | None] = (None, ),
                 amp: bool = False) -> None:
        model = getattr(model, 'module', model)
        if not isinstance(model, CAMSegmentor):
            raise ValueError('model: expected hsc_mm.CAMSegmentor, found '
                             f'{type(model).__name__}.')
        self.model = model
        self.flips = list(flips)
        self.amp = amp
        self.device = next(model.parameters()).device

    @torch.inference_mode()
    def __call__(self, batch: ViewBatch) -> list[SoftCAM]:
        """Compute the CAMs of a batch, an item for each image."""
        if batch.labels is None and self.model.test_cfg['use_image_labels']:
            raise ValueError(
                f'{batch.img_ids[0]}: test_cfg has use_image_labels=True, '
                'but the data set gives no labels. Set '
                'model.test_cfg.use_image_labels=False.')
        views = [self._chunks(view, batch.shape) for view in batch.views]
        scores = sum(v.scores.sum(0)
                     for v in views) / (len(views) * len(self.flips))
        present = self._present(scores, batch.labels)
        image, column = present.nonzero(as_tuple=True)  # (N,) each
        total = sum(
            self._to_image(view, image, column, batch.shape)
            for view in views)  # (N, H, W)
        cams = normalize_cam(total, torch.ones_like(column)).cpu().numpy()
        image, column = image.cpu().numpy(), column.cpu().numpy()
        scores = scores.cpu().numpy()
        return [
            SoftCAM(img_id, cams[image == i], column[image == i] + 1,
                    scores[i],
                    None if batch.images is None else batch.images[i].numpy())
            for i, img_id in enumerate(batch.img_ids)
        ]

    def _present(self, scores: Tensor, labels: Tensor | None) -> Tensor:
        """Return which classes are present, (B, K), 0 or 1."""
        if self.model.test_cfg['use_image_labels']:
            return labels.to(scores)
        score_thr = self.model.test_cfg['score_thr']
        return torch.stack([present_classes(s, score_thr) for s in scores])

    def _chunks(self, view: Tensor, shape: tuple[int, int]) -> _View:
        """Run a scale, no more pixels at a time than the batch had unscaled.

        Memory then does not grow with the square of the largest scale.
        """
        pixels = view.shape[2] * view.shape[3]
        count = max(1, len(view) * shape[0] * shape[1] // pixels)
        parts = [self._run(part) for part in view.split(count)]
        return parts[0]._replace(
            activation=torch.cat([p.activation for p in parts], dim=1),
            scores=torch.cat([p.scores for p in parts], dim=1))

    def _run(self, view: Tensor) -> _View:
        """Run the network on images (b, 3, H_s, W_s) and their flips."""
        view = view.to(self.device, non_blocking=True)
        turned = torch.cat([
            view if flip is None else view.flip(_AXES[flip])
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
        with torch.autocast(
                kind,
                torch.bfloat16 if kind == 'cpu' else torch.float16,
                enabled=self.amp):
            activation, scores = self.model.encode_decode(inputs, samples)
        meta = samples[0].metainfo
        split = (len(self.flips), len(view))
        return _View(
            activation.float().unflatten(0, split),
            scores.float().unflatten(0, split), tuple(inputs.shape[2:]),
            meta.get('img_padding_size',
                     meta.get('padding_size', (0, 0, 0, 0))))

    def _to_image(self, view: _View, image: Tensor, column: Tensor,
                  shape: tuple[int, int]) -> Tensor:
        """Add the flips of the chosen maps at the size of the image.

        Args:
            view (_View): Activations of one scale.
            image (Tensor): Which image of the batch, (N,).
            column (Tensor): Which class of it, (N,).
            shape (tuple[int, int]): H and W.

        Returns:
            Tensor: (N, H, W).
        """
        if len(image) == 0:
            return view.activation.new_zeros(0, *shape)
        left, right, top, bottom = view.padding
        height, width = view.size
        total = 0
        for flip, activation in zip(
                self.flips, view.activation, strict=True):
            maps = cam_to_input(activation[image, column][:, None],
                                view.size, self.model.align_corners)
            maps = maps[..., top:height - bottom, left:width - right]
            total = total + (maps if flip is None else maps.flip(_AXES[flip]))
        return input_to_image(total, shape)[:, 0]


def iterate_cams(
        run: MultiScaleCAM,
        loader: Iterable[tuple[list[ViewBatch], list[Failure]]],
        skip: frozenset[str] = frozenset(),
) -> Iterator[SoftCAM | Failure]:
    """Yield the CAMs of all images of a loader.

    Args:
        run (MultiScaleCAM): The engine.
        loader (iterable): Of :func:`hsc_mm.pseudo_labels.views.view_loader`.
        skip (frozenset[str]): Ids that are in a batch for company alone.

    Yields:
        SoftCAM | Failure: Batch by batch; a Failure for an image that
        cannot be read or whose CAM is not finite.
    """
    for batches, failures in loader:
        yield from (f for f in failures if f.img_id not in skip)
        for batch in batches:
            for soft in run(batch):
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
