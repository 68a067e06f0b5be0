"""Inferencer: heat maps and masks of single pictures.

In one file, though long: all of it is one class.
"""
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmseg.structures import SegDataSample

from hsc_mm.functional.cam import choose_classes
from hsc_mm.tiles import Scan, Tiles
from hsc_mm.utils import check_number
from hsc_mm.utils.io import DISK_ERRORS
from hsc_mm.utils.numbers import check_finite_maps
from hsc_mm.utils.picture_sizes import SizeError, refuse_size
from .class_names import multi_hot
from .inputs import ImageInput, array_pipeline, list_inputs
from .models import open_model
from .predictions import check_outputs, drop_prediction, write_prediction
from .tiled import predict_large, sample_of_tiles

__all__ = ['HSCInferencer']


class _RefusedError(ValueError):
    """A picture cannot be predicted; others can."""


def _narrow(name: str, shape: tuple[int, int]) -> str:
    """Say of a picture that its shorter side vanishes when resized."""
    return (f'{name}: expected a picture that the test pipeline can resize, '
            f'found {shape[1]} x {shape[0]} pixels: its shorter side would '
            'vanish. Crop it.')


class HSCInferencer:
    """Apply a model of either stage to images.

    ``__call__ -> predict -> pipeline -> model.test_step``. A checkpoint of
    the CAM stage gives heat maps of the present classes and the seed, one of
    any mmseg segmentor gives the mask.

    Args:
        model (str | Path | Config): The config, as a file or read; or an
            ONNX file of ``export_onnx``, which needs nothing else.
        weights (str | Path, optional): Checkpoint of the model.
        device (str, optional): ``'cpu'``, ``'cuda'`` ...; default
            ``'cuda'`` if there is one.
        tta (bool): Several scales and flip, as ``tta_pipeline`` says.
        threshold (float, optional): Background threshold in [0, 1); default
            ``model.test_cfg.bg_threshold``. CAM stage only.
        tiles (Tiles, optional): Windows in which larger pictures are
            predicted; by default only those above the limit of megapixels
            are, in windows of 1024 pixels.

    Attributes:
        warnings (list[str]): What went wrong in the training of the model.

    Raises:
        FileNotFoundError: There is no such config or checkpoint.
        TypeError: An argument is of another kind.
        ValueError: The checkpoint is broken or does not fit, the names of the
            classes are nowhere to be found, or a threshold is given to a
            segmentation model.
    """

    def __init__(self,
                 model: str | Path | Config,
                 weights: str | Path | None = None,
                 device: str | None = None,
                 tta: bool = False,
                 threshold: float | None = None,
                 tiles: Tiles | None = None) -> None:
        if tiles is not None and not isinstance(tiles, Tiles):
            raise TypeError(
                'tiles: expected windows, such as hsc_mm.tiles.Tiles(size='
                f'1024, overlap=256), or None, found {tiles!r}.')
        self.tiles = tiles and tiles.check()
        self.model, self.names, cfg, self.warnings = open_model(
            model, weights, device, tta)
        self.segmentor = getattr(self.model, 'module', self.model)
        self.pipeline, self.read, self.reading = array_pipeline(cfg)
        if threshold is not None:
            if not self.is_cam:
                raise ValueError('threshold: expected a checkpoint of the '
                                 'CAM stage; a segmentation model has no '
                                 'background threshold.')
            check_number('threshold', threshold, least=0, below=1)
            self.segmentor.test_cfg['bg_threshold'] = float(threshold)

    @property
    def is_cam(self) -> bool:
        """bool: Whether it predicts seeds, as a model of the CAM stage."""
        return getattr(self.segmentor, 'predicts_seeds', False)

    def __call__(self,
                 inputs: Any,
                 labels: Sequence[str] | None = None,
                 out_dir: str | Path | None = None) -> list[dict]:
        """Apply the model; see :meth:`predict` for the arguments.

        Returns:
            list[dict]: One for each image, in order.
        """
        return list(self.predict(inputs, labels, out_dir))

    def predict(self,
                inputs: Any,
                labels: Sequence[str] | None = None,
                out_dir: str | Path | None = None) -> Iterator[dict]:
        """Apply the model to one image after the other.

        Args:
            inputs (str | Path | np.ndarray | list): An image file, a folder
                (with its sub-folders), an array (H, W, 3) uint8 BGR as mmcv
                reads it, or a list of these.
            labels (sequence[str], optional): Names of the classes that the
                images hold, none of them by an empty list; by default the
                classifier decides. CAM stage only.
            out_dir (str | Path, optional): Folder to write to, see
                :func:`hsc_mm.inference.predictions.write_prediction`.

        Yields:
            dict: ``name``; ``path`` (None of an array); ``error``, None or
            why the image failed, and then nothing else; ``task``,
            ``'cam'`` or ``'segmentation'``; ``mask``, class indices (H, W)
            uint8; ``classes``, names of the present or found classes. Of
            the CAM stage also ``cam``, their normalised maps (k, H, W)
            float32 in [0, 1]; ``class_indices`` and ``mask_indices`` (k,);
            ``scores``, probability of every foreground class (K,);
            ``bg_threshold``. For a picture above the limit of megapixels see
            :func:`hsc_mm.inference.tiled.predict_large`.

        Raises:
            FileExistsError: ``out_dir`` is a file, or a folder of inputs, or
                holds a file of yours where a result goes.
            FileNotFoundError: There is no such file or folder.
            TypeError: An argument is of another kind.
            ValueError: A label is unknown, or a folder holds no images.
        """
        label = multi_hot(labels, self.names, self.is_cam)
        items = list_inputs(inputs)
        if out_dir is not None:
            check_outputs(out_dir, items)
        return self._run(items, label, out_dir)

    def _run(self, items: list[ImageInput], label: torch.Tensor | None,
             out_dir: str | Path | None) -> Iterator[dict]:
        for item in items:
            result = dict(name=item.name, path=item.path, error=None)
            try:
                found = self._one(item, label, out_dir)
                image = found.pop('image')
                result.update(found)
                if out_dir is not None:
                    write_prediction(out_dir, image, result, self.names)
            except (OSError, _RefusedError) as error:
                if getattr(error, 'errno', None) in DISK_ERRORS:
                    raise
                if out_dir is not None:
                    drop_prediction(out_dir, item.name)
                result = dict(name=item.name, path=item.path,
                              error=str(error))
            yield result

    def _one(self, item: ImageInput, label: torch.Tensor | None,
             out_dir: str | Path | None) -> dict:
        """Read and predict a picture; ``image`` is the picture.

        Raises:
            OSError: It cannot be read.
            _RefusedError: It is broken, or the network cannot take it.
        """
        try:
            scan = Scan(item.path, self.read, self.reading, item.array)
        except (OSError, ValueError) as error:  # a full TMPDIR, too
            raise _RefusedError(str(error)) from error
        try:
            with scan:
                image = scan.image
                if image is None:
                    return predict_large(
                        self, scan, label, self.tiles or Tiles(), out_dir,
                        item.name)
        except cv2.error as error:
            raise _RefusedError(_narrow(item.name, scan.shape)) from error
        except ValueError as error:
            raise _RefusedError(str(error)) from error
        try:
            return dict(self._infer(image, label), image=image)
        except cv2.error as error:
            raise _RefusedError(
                _narrow(item.name, image.shape[:2])) from error
        except SizeError as error:
            raise _RefusedError(f'{item.name}: {error}') from error

    @torch.no_grad()
    def step(self, image: np.ndarray,
             label: torch.Tensor | None) -> SegDataSample:
        """Predict an image, (H, W, 3 or N) uint8, as a whole."""
        data = self.pipeline(dict(img=image))
        samples = data['data_samples']
        samples = samples if isinstance(samples, list) else [samples]
        if self.is_cam:
            self.segmentor.test_cfg['use_image_labels'] = label is not None
            for sample in samples:
                if label is not None:
                    sample.gt_label = label.clone()
        if getattr(self.model, 'reads_image', False):
            for sample in samples:
                sample.set_metainfo(dict(image=image))
        try:
            return self.model.test_step(pseudo_collate([data]))[0]
        except (AssertionError, RuntimeError) as error:
            inputs = data['inputs']
            refuse_size(error, self.segmentor, inputs[0] if isinstance(
                inputs, list) else inputs)
            raise

    def _infer(self, image: np.ndarray, label: torch.Tensor | None) -> dict:
        tiled = self.tiles and max(image.shape[:2]) > self.tiles.size
        sample = sample_of_tiles(self, image, label, self.tiles) \
            if tiled else self.step(image, label)
        mask = sample.pred_sem_seg.data.squeeze(0).cpu().numpy()
        result = dict(mask=mask.astype(np.uint8))
        if not self.is_cam:
            if 'seg_logits' in sample:
                check_finite_maps(None, sample.seg_logits.data)
            counts = np.bincount(result['mask'].ravel())
            found = np.flatnonzero(counts[:self.names.count])
            return dict(
                result,
                task='segmentation',
                classes=[self.names.classes[i] for i in found])
        scores = sample.cls_scores.float().cpu()
        present = choose_classes(scores, label, self.segmentor.test_cfg)
        indices = present.nonzero()[:, 0] + 1
        cam = sample.seg_logits.data[indices.to(sample.seg_logits.data.device)]
        return dict(
            result,
            task='cam',
            classes=[self.names.classes[i] for i in indices],
            class_indices=indices.numpy(),
            mask_indices=self.names.mask_indices(indices.numpy()),
            cam=cam.float().cpu().numpy(),
            scores=scores.numpy(),
            bg_threshold=float(self.segmentor.test_cfg['bg_threshold']))
