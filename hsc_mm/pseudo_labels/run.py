"""One run over a list of images that writes pseudo labels."""
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from math import prod
from pathlib import Path

import numpy as np

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.utils.headers import read_header
from hsc_mm.utils.limits import most_pixels
from .chain import LabelChain, Labelled
from .folder import PseudoLabelFolder
from .origins import input_note
from .soft_cam import IGNORED
from .views import Failure, plan_batches

__all__ = ['LabelRun', 'write_labels']

_WRITERS = 2
_BACKLOG = 16


@dataclass
class LabelRun:
    """What a run has to do, and what became of it.

    Attributes:
        img_ids (list[str]): All images of the list.
        batches (list[list[int]]): Positions to compute, see
            :func:`hsc_mm.pseudo_labels.views.plan_batches`; batches of other
            shards and those whose labels are all there are left out.
        existing (frozenset[str]): Images of this shard whose files exist;
            they are skipped.
        total (int): Number of images of this shard.
        tiled (list[int]): Positions to compute in windows; they are in no
            batch.
        written (int): Number of images whose files were written.
        failures (list[Failure]): Images that were given up.
        classes (Counter): Class index -> number of written images that show
            it.
        complete (bool): Whether the files of all images of the list exist,
            those of other shards too.
        class_names (tuple[str]): Name of each class, background first.
        warnings (list[str]): What went wrong in the training of the model,
            and files of refiners that are not there.
        notes (dict[str, str]): Image -> what its label is made from.
    """
    img_ids: list[str]
    batches: list[list[int]]
    existing: frozenset[str]
    total: int
    tiled: list[int] = field(default_factory=list)
    written: int = 0
    failures: list[Failure] = field(default_factory=list)
    classes: Counter = field(default_factory=Counter)
    complete: bool = False
    class_names: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def plan(cls,
             dataset: BaseImageLabelDataset,
             folder: PseudoLabelFolder,
             batch_size: int = 1,
             shard: tuple[int, int] = (1, 1),
             workers: int = 2,
             resume: bool = True,
             tile: int | None = None,
             chain: LabelChain | None = None) -> 'LabelRun':
        """Look at images and folder; shard (i, n) is part i of n.

        Images with a side above ``tile``, and those above the limit of
        megapixels, are computed in windows.

        Files exist when they are whole, have the size of their image, hold
        nothing but indices of the data set, and were made from the image,
        labels and files of refiners (of ``chain``) that there are now.

        Raises:
            ValueError: None of the images can be read, or what a refiner
                names are no paths of files.
        """
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        known = mask_indices(dataset)
        with ThreadPoolExecutor(max(workers, 1)) as pool:
            shapes, notes, absent = zip(*pool.map(
                partial(_look, chain=chain), infos), strict=True)
            if not any(shapes):
                raise ValueError(
                    f'{infos[0]["img_path"]}: missing or not an image, as are '
                    f'all {len(infos)} images of the list. Check data_root, '
                    'data_prefix and the suffixes.')
            tiled = frozenset(
                place for place, found in enumerate(shapes) if found
                and (prod(found[0]) > most_pixels()
                     or (tile and max(found[0]) > tile)))
            batches = plan_batches(
                [None if place in tiled else s and s[0]
                 for place, s in enumerate(shapes)],
                batch_size)[shard[0] - 1::shard[1]]
            places = [place for batch in batches for place in batch]
            done = pool.map(
                lambda place: resume and folder.has(
                    infos[place]['img_id'],
                    shapes[place] and shapes[place][:1], known,
                    notes[place]), places)
            existing = frozenset(
                place for place, found in zip(places, done, strict=True)
                if found)
        return cls([info['img_id'] for info in infos],
                   [b for b in batches
                    if not existing.issuperset(b) and b[0] not in tiled],
                   frozenset(infos[place]['img_id'] for place in existing),
                   len(places),
                   [place for place in places
                    if place in tiled and place not in existing],
                   class_names=tuple(dataset.metainfo['classes']),
                   warnings=_told([path for one in absent for path in one]),
                   notes={info['img_id']: note for info, note in zip(
                       infos, notes, strict=True) if note})

    @property
    def missing(self) -> int:
        """int: Number of images that are to be computed."""
        return self.total - len(self.existing)

    def summary(self) -> list[str]:
        """Return lines for people: counts, classes, failures."""
        shown = ', '.join(f'{self.class_names[index]} {count}'
                          for index, count in sorted(self.classes.items()))
        lines = [
            f'{self.written} written, {len(self.existing)} skipped, '
            f'{len(self.failures)} failed, {self.total} in total'
        ]
        if shown:
            lines.append(f'images written, by class: {shown}')
        return lines + [f'failed: {f.img_id}: {f.reason}'
                        for f in self.failures]


def _told(absent: list[Path]) -> list[str]:
    """Tell of files that refiners name and that are not there."""
    return [f'files() of the refiners: {len(absent)} files are not there, '
            f'the first is {absent[0]}'] if absent else []


def mask_indices(dataset: BaseImageLabelDataset) -> frozenset[int]:
    """Return the indices that label files of a data set may hold."""
    label_map = dataset.metainfo['label_map']
    if label_map is None:
        return frozenset(range(len(dataset.metainfo['classes'])))
    return frozenset(
        mask for mask, index in label_map.items() if index != IGNORED)


def _look(info: dict,
          chain: LabelChain | None
          ) -> tuple[tuple | None, str | None, list[Path]]:
    """Return shapes and note of an image, None where it cannot be read.

    And the files that refiners name and that are not there.
    """
    path = info['img_path']
    named = chain.named_files(info['img_id']) if chain else []
    files = [one for one in named if one.is_file()]
    absent = [one for one in named if one not in files]
    try:
        header = read_header(path, checked=False)
        return (header.seen, header.stored), input_note(
            path, info.get('gt_label'), files), absent
    except Exception:  # whatever it is, reading the image will tell
        return None, None, absent


def write_labels(stream: Iterable[Labelled | Failure],
                 folder: PseudoLabelFolder, run: LabelRun) -> None:
    """Write a stream of labels and count.

    Threads pack the files while the next ones are computed; a few labels
    wait for them at most.

    Raises:
        OSError: A file cannot be written (a full disk).
    """
    waiting: list[Future] = []
    with ThreadPoolExecutor(_WRITERS) as pool:
        for item in stream:
            if isinstance(item, Failure):
                run.failures.append(item)
                folder.drop(item.img_id)
                continue
            waiting.append(pool.submit(
                _write, item, folder, run.notes.get(item.img_id, '')))
            if len(waiting) >= _BACKLOG:
                _count(waiting.pop(0), run)
        for future in waiting:
            _count(future, run)


def _write(item: Labelled, folder: PseudoLabelFolder,
           note: str) -> set[int]:
    if item.cam is not None:
        folder.write_soft(item.img_id, item.cam, item.classes, note)
    if item.mask is None:
        return set(item.classes.tolist())
    folder.write(item.img_id, item.mask, note)
    return set(np.flatnonzero(np.bincount(item.mask.ravel())).tolist()) - {
        0, IGNORED
    }


def _count(future: Future, run: LabelRun) -> None:
    run.classes.update(future.result())
    run.written += 1
