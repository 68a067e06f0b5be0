"""Survey of a user's pictures: their classes, files and problems."""
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hsc_mm.datasets.checks import missing_files, raise_problems
from hsc_mm.datasets.class_names import (
    NONE,
    Note,
    image_stem,
    note_lines,
)
from hsc_mm.datasets.image_label import ImageLabelDataset
from hsc_mm.datasets.label_folders import list_pictures
from hsc_mm.datasets.mask_checks import MASK_ADVICE, mask_problems
from hsc_mm.utils.alike import look_alikes, missing_lines

__all__ = ['CROP', 'NewDataset']

#: Side of the training crops of the configs in ``configs/own``, in pixels.
CROP = 160


@dataclass
class NewDataset:
    """What is known of the pictures.

    Attributes:
        label_file (str): Folder of class folders, JSON or CSV.
        images (str, optional): Folder of the images; by default that of the
            class folders.
        masks (str, optional): Folder of the masks that there are, named like
            the images; for evaluation alone.
        saliency (str, optional): Folder of saliency maps.
        backbone (str): Of the configs in ``configs/own``: ``'lite0'``
            (EfficientNet-Lite0) or ``'mbv2'`` (MobileNetV2).
        weights (str, optional): Weights of the backbone; ``'none'`` starts
            from random numbers, None takes those of the base config, which
            come by pip (lite0) or are fetched from mmpretrain (mbv2).
        grey (bool): Whether ``weights`` want images normalised by 127.5,
            which those of lite0 get in any case, instead of ImageNet's
            mean and deviation.
        iters (int): Iterations of each stage.
        none (tuple[str, ...]): Names, of labels and of folders, that mean
            no class.
        crop (int): Side of the training crops of the CAM stage, in pixels.
            Its pictures are resized in proportion.
    """
    label_file: str
    images: str | None = None
    masks: str | None = None
    saliency: str | None = None
    backbone: str = 'lite0'
    weights: str | None = None
    grey: bool = False
    iters: int = 300
    none: tuple[str, ...] = NONE
    crop: int = CROP

    @property
    def second_view(self) -> int:
        """int: Side of the second view, four fifths of the crop, in pixels."""
        return 16 * round(self.crop / 20)

    def read(self) -> ImageLabelDataset:
        """Read labels and look at all images.

        Raises:
            FileNotFoundError: ``label_file`` is not there.
            ValueError: Labels or images are wrong; all that are, are listed.
        """
        return ImageLabelDataset(
            self.label_file,
            none=self.none,
            data_prefix={'img_path': self.images} if self.images else {},
            aux_maps=self.aux_maps)

    @property
    def aux_maps(self) -> dict[str, dict]:
        """dict[str, dict]: Argument ``aux_maps`` of the data set."""
        return dict(
            saliency=dict(path=self.saliency)) if self.saliency else {}

    def with_mask(self, dataset: ImageLabelDataset) -> list[str]:
        """Return the ids of the images that have a mask.

        Raises:
            ValueError: None has, or masks hold something else than indices.
        """
        if not self.masks:
            return []
        found = self._masks(dataset)
        if not found:
            first = dataset.get_data_info(0)['img_id']
            others = [name for name in self._beside([], dataset)
                      if name.lower().endswith('.png')]
            raise ValueError(
                f'--masks {self.masks}: expected masks named like the images, '
                f'for example {os.path.join(self.masks, first)}.png, found '
                + (f'{others[0]}. Rename them.' if others else 'no PNG.'))
        count = len(dataset.all_classes)
        raise_problems(f'--masks {self.masks}', [
            line for path in found.values()
            for line in mask_problems(path, count)
        ], MASK_ADVICE)
        return list(found)

    def _masks(self, dataset: ImageLabelDataset) -> dict[str, str]:
        """Return the masks that are there: image id -> path."""
        paths = {
            info['img_id']: os.path.join(self.masks, info['img_id'] + '.png')
            for info in map(dataset.get_data_info, range(len(dataset)))
        }
        missing = set(missing_files(paths.values()))
        raise_problems(f'--masks {self.masks}', missing_lines(
            look_alikes(sorted(missing))), 'Masks are named like the images.')
        return {i: path for i, path in paths.items() if path not in missing}

    def summary(self, dataset: ImageLabelDataset) -> str:
        """Write what was read, merged and left out, a line for each.

        Args:
            dataset (ImageLabelDataset): As read.
        """
        items = [dataset.get_data_info(i) for i in range(len(dataset))]
        labels = np.stack([item['gt_label'] for item in items])
        count = dict(
            zip(dataset.foreground, labels.sum(axis=0), strict=True))
        plural = 'es' * (len(count) != 1)
        lines = [f'{len(items)} images of {len(count)} class{plural}: '
                 + ', '.join(f'{name} {n}' for name, n in count.items())]
        empty = int((labels.sum(axis=1) == 0).sum())
        if empty:
            lines.append(f'{empty} of them show no class')
        notes = [*dataset.notes, *self._unlisted(items)]
        if self.masks:
            masks = self._masks(dataset)
            lines.append(f'{len(masks)} of them have a mask')
            others = self._beside(masks.values(), dataset)
            notes += [Note('masks not named like an image, with the suffix '
                           '.png', others)] if others else []
        lines += note_lines(notes)
        lines += [f'WARNING: every image shows {name}: nothing can be learned '
                  'from that. Add images without it, in a folder "_none" or '
                  'with an empty label.'
                  for name, number in count.items() if number == len(items)]
        lines += [f'WARNING: no image shows {name}: the class cannot be '
                  'learned. Add images of it, or remove it from the classes.'
                  for name, number in count.items() if not number]
        return '\n'.join(lines)

    def _beside(self, masks: Iterable[str],
                dataset: ImageLabelDataset) -> list[str]:
        """Return the files beside the masks that are no mask of an image.

        The pictures may lie in the same folder.
        """
        folder, used = Path(self.masks), {*map(os.path.realpath, [
            *masks, *(dataset.get_data_info(i)['img_path']
                      for i in range(len(dataset)))])}
        return sorted(path.relative_to(folder).as_posix()
                      for path in folder.rglob('*') if path.is_file()
                      and os.path.realpath(path) not in used)

    def _unlisted(self, items: list[dict]) -> list[Note]:
        """Return what the folder of images holds beside those listed."""
        if not self.images:
            return []
        left_out: dict[str, list[str]] = defaultdict(list)
        listed = {item['img_id'] for item in items}
        for path in list_pictures(Path(self.images), left_out):
            img_id = image_stem(path.relative_to(self.images).as_posix())
            if img_id not in listed:
                left_out['images without a label'].append(str(path))
        return [Note(why, paths) for why, paths in left_out.items()]
