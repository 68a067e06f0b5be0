"""Pictures of one's own: what is known of them, and what is wrong."""
import os
from dataclasses import dataclass

from .checks import missing_files, raise_problems
from .image_label import ImageLabelDataset
from .mask_checks import MASK_ADVICE, mask_problems

__all__ = ['NewDataset']


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
    """
    label_file: str
    images: str | None = None
    masks: str | None = None
    saliency: str | None = None
    backbone: str = 'lite0'
    weights: str | None = None
    grey: bool = False
    iters: int = 300

    def read(self) -> ImageLabelDataset:
        """Read labels and look at all images.

        Raises:
            FileNotFoundError: ``label_file`` is not there.
            ValueError: Labels or images are wrong; all that are, are listed.
        """
        return ImageLabelDataset(
            self.label_file,
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
        paths = {
            info['img_id']: os.path.join(self.masks, info['img_id'] + '.png')
            for info in map(dataset.get_data_info, range(len(dataset)))
        }
        missing = set(missing_files(paths.values()))
        found = [i for i, path in paths.items() if path not in missing]
        if not found:
            raise ValueError(
                f'--masks {self.masks}: expected masks named like the images, '
                f'for example {next(iter(paths.values()))}, found none.')
        count = len(dataset.all_classes)
        raise_problems(f'--masks {self.masks}', [
            line for i in found for line in mask_problems(paths[i], count)
        ], MASK_ADVICE)
        return found
