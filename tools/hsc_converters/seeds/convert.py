"""Conversion of the seed of an image: its file, checked, written as ours."""
from collections.abc import Callable, Iterable
from errno import ENOENT
from functools import partial
from pathlib import Path

import numpy as np

from hsc_mm.evaluation.mask_metric import write_seed
from hsc_mm.pseudo_labels.chain import LabelChain
from hsc_mm.pseudo_labels.files import write_soft_cam
from hsc_mm.pseudo_labels.identity import check_same, own_code
from hsc_mm.pseudo_labels.origins import input_note
from hsc_mm.pseudo_labels.soft_cam import SoftCAM
from hsc_mm.utils import (
    image_shapes,
    read_index_png,
    read_json,
    write_json,
)
from hsc_mm.utils.locks import LOCK
from hsc_mm.utils.paths import place
from hsc_mm.utils.pixels import as_rgb
from .drafts import DRAFTS, Drafts
from .maps import ForeignMaps, fit_to_image, unit_range
from .readers import (
    FORMATS,
    ImportOptions,
    read_irn,
    read_npy_dict,
    read_npz,
)

__all__ = ['MANIFEST', 'SeedConverter']

MANIFEST = 'imported_seeds.json'


class SeedConverter:
    """Reads seeds of others image by image, and writes them as ours.

    Seeds of an earlier run stay as they are until :meth:`finish`.

    Way of an image: file -> maps or mask -> mask indices -> size of the
    image -> refiners and rule -> ``<img_id>.npz`` or ``.png``, a draft.

    Args:
        source (str | Path): Folder with a file for each image.
        out (str | Path): Folder to write to.
        all_classes (list[str]): What the indices of the data set's masks
            mean, background first.
        options (ImportOptions): Resolved.
        chain (LabelChain): What is made of maps.
        read_image (callable): Reads an image as the data set does, see
            :func:`hsc_mm.datasets.transforms.load_image.dataset_reader`.

    Raises:
        FileExistsError: ``out`` holds other files, or seeds of another
            source.
    """

    def __init__(self, source: str | Path, out: str | Path,
                 all_classes: list[str], options: ImportOptions,
                 chain: LabelChain,
                 read_image: Callable[[str], np.ndarray]) -> None:
        self.source, self.out = Path(source), Path(out)
        self.drafts = Drafts(self.out)
        self.all_classes = all_classes
        self.options, self.chain = options, chain
        self.read_image = read_image
        self.read = dict(
            npy=read_npy_dict,
            irn=partial(read_irn, name=options.map_name),
            npz=read_npz,
            png=read_index_png)[options.form]
        made = chain.identity()
        maps = options.form != 'png'
        self.identity = dict(
            source=str(self.source.resolve()),
            format=options.form,
            kind=options.kind,
            offset=options.offset,
            map_name=options.map_name,
            mask_classes=list(all_classes),
            normalize=options.normalize,
            threshold=chain.threshold
            if options.kind == 'hard' and maps else None,
            refiners=made['refiners'] if maps else [],
            rule=made['rule'] if maps else None,
            **(own_code(chain) if maps else {}))
        self._open()

    def _open(self) -> None:
        manifest = self.out / MANIFEST
        found = read_json(manifest, dict) if manifest.is_file() else None
        own = {LOCK} if found is None else {LOCK, MANIFEST, DRAFTS}
        others = self.out.is_dir() and any(
            one.name not in own for one in self.out.iterdir())
        # An import that was refused wrote no seed: any other may follow.
        if found is not None and (
                others or found.get('complete') is not False):
            check_same(f'--out {self.out}: it holds seeds', found,
                       self.identity)
        elif others:
            raise FileExistsError(
                f'--out {self.out}: expected a new or empty folder, found '
                'other files in it. Choose another folder.')
        else:
            write_json(manifest, dict(self.identity, complete=False))

    def finish(self, img_ids: Iterable[str], count: int,
               failed: int) -> None:
        """Put the drafts in place; the manifest notes how many there are."""
        write_json(self.out / MANIFEST, dict(self.identity, complete=False))
        self.drafts.take(img_ids)
        write_json(self.out / MANIFEST, dict(
            self.identity, complete=not failed, count=count, failed=failed))

    def path(self, img_id: str) -> Path:
        """Return the file of an image in the source."""
        return place(self.source, f'{img_id}{FORMATS[self.options.form]}')

    def __call__(self, info: dict) -> set[int]:
        """Import the seed of an image.

        Args:
            info (dict): Item of a data set: ``img_id``, ``img_path``,
                ``label_map``.

        Returns:
            set[int]: Mask indices that the seed holds.

        Raises:
            FileNotFoundError: There is no seed.
            ValueError: It is broken, of another size, or holds a class that
                the data set does not have; the message names the file. Or
                the name leads out of the folder.
        """
        path = self.path(info['img_id'])
        self.drafts.path(info['img_id'], '')  # before anything is read
        if not path.is_file():
            raise FileNotFoundError(ENOENT, 'missing', str(path))
        size, _ = image_shapes(info['img_path'])
        try:
            found = self.read(path)
            write = self._write_maps if isinstance(
                found, ForeignMaps) else self._write_mask
            return write(info, found, size)
        except ValueError as error:
            text = str(error)
            named = text.startswith(str(path))
            raise ValueError(text if named else f'{path}: {text}') from error

    def _write_mask(self, info: dict, mask: np.ndarray,
                    size: tuple[int, int]) -> set[int]:
        if mask.shape != size:
            raise ValueError(
                f'expected a mask of the size of its image, {size[0]} x '
                f'{size[1]}, found {mask.shape[0]} x {mask.shape[1]}')
        shifted = np.where(mask == 255, 255,
                           mask.astype(int) + self.options.offset)
        self._check(np.unique(shifted[shifted != 255]))
        # Mask indices already: nothing is left to be turned round.
        write_seed(self.drafts.path(info['img_id'], '.png'), shifted, None,
                   input_note(info['img_path'], None))
        return set(np.unique(shifted).tolist())

    def _write_maps(self, info: dict, found: ForeignMaps,
                    size: tuple[int, int]) -> set[int]:
        indices = found.indices
        if not found.has_background:
            indices = indices + self.options.offset
        self._check(indices)
        if len(set(indices.tolist())) < len(indices):
            raise ValueError('expected each class once, found '
                             f'{indices.tolist()}')
        label_map = info.get('label_map') or {}
        kept = [
            place for place, index in enumerate(indices.tolist())
            if index and label_map.get(index, index) != 255
        ]
        if len(indices) and not kept and np.any(info.get('gt_label', 0)):
            raise ValueError('no map of a class in use, only of mask indices '
                             f'{indices.tolist()}. Is --class-offset right?')
        indices, maps = indices[kept], found.maps[kept]
        maps = unit_range(
            fit_to_image(maps, size, strided=self.options.form == 'irn'),
            self.options.normalize)
        image = as_rgb(self.read_image(info['img_path'])) \
            if 'image' in self.chain.needs else None
        made = self.chain(
            SoftCAM(info['img_id'], maps, indices, None, image))
        note = input_note(info['img_path'], None)
        if made.cam is not None:
            write_soft_cam(self.drafts.path(info['img_id'], '.npz'), made.cam,
                           made.classes, note)
        if made.mask is not None:
            write_seed(self.drafts.path(info['img_id'], '.png'), made.mask,
                       None, note)
        return {index for index, one in zip(indices.tolist(), maps,
                                            strict=True) if one.any()}

    def _check(self, indices: np.ndarray) -> None:
        """Refuse indices that mean no class of the data set."""
        last = len(self.all_classes) - 1
        wrong = [i for i in indices.tolist() if not 0 <= i <= last]
        if wrong:
            raise ValueError(
                f'expected mask indices 0..{last}, found {wrong[0]} (offset '
                f'{self.options.offset} included). Does --class-offset fit?')
