"""CAMs and pseudo labels of images in windows."""
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.transforms.load_image import (
    image_reader,
    reading_options,
)
from hsc_mm.functional.cam import choose_classes
from hsc_mm.functional.similarity import map_rows
from hsc_mm.tiles import MaskWriter, Scan, Tiles
from hsc_mm.tiles.large import cam_blocks, joined, survey, write_blocks
from hsc_mm.utils import voc_palette
from hsc_mm.utils.pixels import as_rgb
from .cams import MultiScaleCAM
from .chain import LabelChain, Labelled
from .folder import PseudoLabelFolder
from .run import LabelRun
from .soft_cam import SoftCAM
from .view_pipeline import ViewPipeline
from .views import Failure, ViewBatch

__all__ = ['TiledImages', 'Windows']


class Windows:
    """CAMs of images that are computed window by window.

    Args:
        engine (MultiScaleCAM): Computes a window.
        dataset (BaseImageLabelDataset): Of the images.
        steps (sequence[dict]): The test pipeline.
        tiles (Tiles): The windows.
    """

    def __init__(self, engine: MultiScaleCAM, dataset: BaseImageLabelDataset,
                 steps: Sequence[dict], tiles: Tiles) -> None:
        self.engine, self.dataset, self.tiles = engine, dataset, tiles
        self.pipeline = ViewPipeline(steps)
        self._read, self._options = image_reader(steps), reading_options(steps)

    def cams(self, places: Sequence[int],
             compute: Callable[[Scan, dict], Any] | None = None
             ) -> Iterator[Any]:
        """Yield what is computed of images, a Failure of those that fail.

        Args:
            places (sequence[int]): Their places in the data set.
            compute (callable, optional): Gets an open image and its item; by
                default :meth:`whole`, of images below the limit of
                megapixels.
        """
        for place in places:
            info = self.dataset.get_data_info(place)
            try:
                with Scan(info['img_path'], self._read,
                          self._options) as scan:
                    yield (compute or self.whole)(scan, info)
            except (OSError, ValueError) as error:
                yield Failure(info['img_id'], str(error))

    def predict(self, info: dict, image: np.ndarray
                ) -> tuple[np.ndarray, Tensor]:
        """Compute the activations of a window, (K, h, w), and scores."""
        views = self.pipeline.views_of(image, info)
        maps, scores = self.engine.activations(ViewBatch(
            [info['img_id']], image.shape[:2],
            [view['inputs'][None] for view in views], None, None))
        if not (torch.isfinite(maps).all() and torch.isfinite(scores).all()):
            raise ValueError('expected a finite CAM, found inf or nan: the '
                             'weights are broken, or half precision '
                             'overflows')
        return maps.numpy(), scores

    def present(self, scores: Tensor, info: dict) -> Tensor:
        """Choose the classes of an image, (K,) bool."""
        label = info.get('gt_label')
        return choose_classes(
            scores, None if label is None else torch.as_tensor(label),
            self.engine.model.test_cfg, info['img_id'])

    def whole(self, scan: Scan, info: dict,
              with_image: bool = False) -> SoftCAM:
        """Compute the CAMs of an image that is in memory."""
        maps, scores = joined(scan, self.tiles,
                              lambda image: self.predict(info, image))
        present = self.present(scores, info)
        chosen = present.nonzero()[:, 0]
        rows = map_rows(chosen, len(present), len(maps)).numpy()
        cam = self.engine.model.make_cams(
            torch.from_numpy(maps[rows]), torch.ones(len(chosen))).numpy()
        return SoftCAM(info['img_id'], cam, chosen.numpy() + 1,
                       scores.numpy(),
                       as_rgb(scan.image) if with_image else None)


class TiledImages(Windows):
    """Pseudo labels of images in windows, one after the other.

    Args:
        engine (MultiScaleCAM): Computes a window.
        dataset (BaseImageLabelDataset): Of the images.
        steps (sequence[dict]): The test pipeline.
        tiles (Tiles): The windows.
        chain (LabelChain): Makes labels.

    Raises:
        ValueError: A refiner reads attention, which windows do not have.
    """

    def __init__(self, engine: MultiScaleCAM, dataset: BaseImageLabelDataset,
                 steps: Sequence[dict], tiles: Tiles,
                 chain: LabelChain) -> None:
        if 'attention' in chain.needs:
            raise ValueError('tile: expected refiners that read no attention, '
                             'for windows have their own. Leave '
                             'AttentionAffinity out, or set no tile.')
        super().__init__(engine, dataset, steps, tiles)
        self.chain = chain

    def soft_cams(self, places: Sequence[int],
                  run: LabelRun,
                  folder: PseudoLabelFolder
                  ) -> Iterator[SoftCAM | Labelled | Failure]:
        """Yield the CAMs of images; of large ones, whose mask is written.

        Args:
            places (sequence[int]): Their places in the data set.
            run (LabelRun): Has their notes.
            folder (PseudoLabelFolder): Where masks of large ones go.

        Yields:
            SoftCAM | Labelled | Failure: ``Labelled`` without mask and maps
            stands for an image above the limit of megapixels.
        """
        def compute(scan: Scan, info: dict) -> SoftCAM | Labelled:
            if scan.large:
                return self._large(scan, info, run, folder)
            return self.whole(scan, info, 'image' in self.chain.needs)

        return self.cams(places, compute)

    def _large(self, scan: Scan, info: dict, run: LabelRun,
               folder: PseudoLabelFolder) -> Labelled:
        """Write the mask of an image that is read in parts."""
        if self.chain.refines or self.chain.soft:
            raise ValueError(
                f'{scan.path}: expected an image below the limit of '
                'megapixels, for refiners and soft CAMs need it whole. Cut '
                'it into pictures, or make labels by a threshold or a band.')
        if not self.chain.rule.labels_parts():
            raise ValueError(
                f'{scan.path}: expected a label rule with per_pixel = True, '
                'for images above the limit of megapixels are labelled part '
                f'by part, found {type(self.chain.rule).__name__}. Set it in '
                'the class if label() looks at each pixel alone; else cut '
                'the image into pictures.')

        def predict(image: np.ndarray) -> tuple[np.ndarray, Tensor]:
            return self.predict(info, image)

        found = survey(scan, self.tiles, predict)
        present = self.present(found.scores, info)
        classes = present.nonzero()[:, 0].numpy() + 1
        blocks = cam_blocks(scan, self.tiles, predict, found, present,
                            self.engine.model.make_cams)
        with MaskWriter(folder.file(info['img_id']), scan.shape, voc_palette(),
                        run.notes.get(info['img_id'], '')) as writer:
            seen = write_blocks(writer, blocks, lambda cam: self.chain.rule(
                SoftCAM(info['img_id'], cam, classes, found.scores.numpy())),
                              folder.label_map)
        return Labelled(info['img_id'], classes[seen[classes]], None, None)
