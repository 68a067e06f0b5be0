"""Configs of both stages for pictures of one's own."""
import os
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from hsc_mm.datasets import ImageLabelDataset
from hsc_mm.datasets.checks import missing_files, raise_problems
from hsc_mm.datasets.mask_checks import MASK_ADVICE, mask_problems
from hsc_mm.utils import atomic_write_bytes
from .leaf_text import leaf_text

__all__ = ['NewDataset', 'write_configs']

BASES = ('hsc_mbv2_own.py', 'deeplabv3plus_mbv2_own-pseudo.py')


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
        weights (str, optional): Weights of MobileNetV2; ``'none'`` starts
            from random numbers, None takes mmpretrain's.
        grey (bool): Whether these weights want images normalised by 127.5
            instead of ImageNet's mean and deviation.
        iters (int): Iterations of each stage.
    """
    label_file: str
    images: str | None = None
    masks: str | None = None
    saliency: str | None = None
    weights: str | None = None
    grey: bool = False
    iters: int = 300

    def read(self) -> ImageLabelDataset:
        """Read labels and look at all images.

        Raises:
            FileNotFoundError: ``label_file`` is not there.
            ValueError: Labels or images are wrong; all that are, are listed.
        """
        prefix = dict(img_path=self.images, saliency_path=self.saliency)
        return ImageLabelDataset(
            self.label_file,
            data_prefix={k: v for k, v in prefix.items() if v})

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


def write_configs(new: NewDataset,
                  out: str | Path,
                  bases: str | Path,
                  force: bool = False) -> tuple[Path, Path, ImageLabelDataset]:
    """Write a short config for each stage, on top of those in configs/own.

    Args:
        new (NewDataset): The pictures.
        out (str | Path): Folder for the configs; its name is theirs.
        bases (str | Path): The folder ``configs/own``.
        force (bool): Whether configs that are there are replaced.

    Returns:
        tuple: Config of the CAM stage, of the segmentation stage, and the
        data set.

    Raises:
        FileExistsError: A config is there.
        ValueError: See :meth:`NewDataset.read`, :meth:`NewDataset.with_mask`.
    """
    out = Path(out)
    names = (f'hsc_{out.name}.py', f'deeplabv3plus_{out.name}-pseudo.py')
    there = [out / name for name in names if (out / name).exists()]
    if there and not force:
        raise FileExistsError(f'{there[0]}: there is one already. Choose '
                              'another --out, or replace it with --force.')
    dataset = new.read()
    scored = new.with_mask(dataset)
    if scored:
        atomic_write_bytes(out / 'eval.txt',
                           ('\n'.join(scored) + '\n').encode())
    for stage, (name, base) in enumerate(zip(names, BASES, strict=True)):
        base = Path(os.path.relpath(Path(bases) / base, out)).as_posix()
        text = leaf_text(new, dataset, len(scored), base, cam=stage == 0)
        atomic_write_bytes(out / name, text.encode())
        Config.fromfile(out / name)
    return out / names[0], out / names[1], dataset
