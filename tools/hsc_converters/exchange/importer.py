"""Import of corrected masks, which become trusted."""
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mmengine.config import Config

from hsc_mm.datasets.label_folders import MANIFESTS
from hsc_mm.pseudo_labels.origins import input_note, read_note
from hsc_mm.pseudo_labels.trusted import TRUSTED, check_mask_classes
from hsc_mm.utils import (
    read_index_png,
    read_json,
    voc_palette,
    write_index_png,
    write_json,
)
from hsc_mm.utils.data_folders import refuse_data_of
from hsc_mm.utils.io import DISK_ERRORS
from hsc_mm.utils.locks import locked
from hsc_mm.utils.outputs import claim, refuse_data_folder
from hsc_mm.utils.paths import place
from .formats import FORMATS, find_format
from .order import mask_file
from .picture_names import refuse_repeats
from .records import IGNORED, MaskClasses, Record, check_mask, list_records

__all__ = ['ImportOptions', 'ImportSummary', 'import_masks']


@dataclass(frozen=True)
class ImportOptions:
    """What is imported, and what is let pass.

    Attributes:
        form (str): One of :data:`.formats.FORMATS`, or ``'auto'``.
        split (str): Whose dataloader names the images.
        images (tuple[str, ...]): Files and folders instead of a split.
        changed_from (str, optional): Folder of the masks as they were
            exported: those that are still the same are passed over.
        accept_labels (bool): Whether a mask may show other classes than the
            image label names.
        replace (bool): Whether an imported mask may replace one that was
            imported before.
    """
    form: str = 'auto'
    split: str = 'train'
    images: tuple[str, ...] = ()
    changed_from: str | None = None
    accept_labels: bool = False
    replace: bool = False


@dataclass
class ImportSummary:
    """What became of an import.

    Attributes:
        form (str): Format of the file.
        written (list[str]): Images whose mask was written.
        same (list[str]): Images whose trusted mask is the same already.
        unchanged (list[str]): Images that nobody changed, passed over.
        refused (list[str]): What was said of masks that were not taken.
        ignored (float): Share of ignored pixels in what was written.
    """
    form: str
    written: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    ignored: float = 0.0


def import_masks(cfg: Config,
                 source: str | Path,
                 out: str | Path,
                 options: ImportOptions | None = None,
                 progress: Callable[[Iterable, int], Iterable] | None = None
                 ) -> ImportSummary:
    """Read corrected masks, check each, and write them as trusted.

    Args:
        cfg (Config): Whose data set names images and classes.
        source (str | Path): What the annotation tool exported.
        out (str | Path): Folder of trusted masks: ``<img_id>.png``, with
            mask indices, and :data:`hsc_mm.pseudo_labels.trusted.TRUSTED`.
        options (ImportOptions, optional): What and how.
        progress (callable, optional): Gets what is to come and its number,
            and yields it.

    Returns:
        ImportSummary: Counts, and why masks were refused.

    Raises:
        FileExistsError: ``out`` is a folder of the data or of pseudo labels,
            or another process writes into it.
        FileNotFoundError: There is no such file.
        ValueError: The file is broken, holds no mask, or one of its labels is
            no class; or ``out`` holds masks of other classes, is a folder
            of the data, or lies among class folders.
    """
    options = options or ImportOptions()
    source, out = Path(source), Path(out)
    refuse_data_of(cfg, out, '--out')
    form = find_format(source) if options.form == 'auto' else options.form
    records, classes = list_records(cfg, options.split, list(options.images))
    by_id = {one.img_id: one for one in records}
    found = refuse_repeats(
        [*FORMATS[form][1](source, classes, by_id)], source, by_id)
    if not found:
        raise ValueError(f'{source}: expected corrected masks, found none. In '
                         'Label Studio, tasks without an annotation do not '
                         'count: submit or accept them.')
    _check_folder(out, classes)
    refuse_data_folder(out, [one.img_path for one in records],
                       names=[one.img_id for one in records])
    summary, ignored, pixels = ImportSummary(form), 0, 0
    with locked(out):
        manifest = claim(out, TRUSTED)
        content = read_json(
            manifest, {'masks?': dict}) if manifest.is_file() else {}
        content.setdefault('mask_classes', list(classes.names))
        origin = content.setdefault('masks', {})
        # What an interrupted import leaves has its classes beside it.
        write_json(manifest, content)
        for img_id, read in progress(
                found, len(found)) if progress else found:
            try:
                record = _record(img_id, by_id, source)
                mask = read(record.size)
                check_mask(f'{source}: {img_id}', mask, record, classes)
                kind = _take(mask, record, out, classes, options)
            except (OSError, ValueError) as error:
                if getattr(error, 'errno', None) in DISK_ERRORS:
                    raise
                summary.refused.append(str(error))
                continue
            getattr(summary, kind).append(img_id)
            if kind != 'unchanged' and (
                    kind == 'written' or img_id not in origin):
                origin[img_id] = dict(source=source.name, format=form)
            if kind == 'written':
                ignored += int((mask == IGNORED).sum())
                pixels += mask.size
        write_json(manifest, content)
    summary.ignored = ignored / max(pixels, 1)
    return summary


def _check_folder(out: Path, classes: MaskClasses) -> None:
    """Refuse a folder that tools overwrite, or masks of other classes."""
    for name in MANIFESTS:
        if (out / name).is_file():
            raise FileExistsError(
                f'--out {out}: expected a folder for trusted masks alone, '
                f'found pseudo labels ({name}), which the next run '
                'overwrites. Choose another folder.')
    check_mask_classes(out / TRUSTED, classes.names)


def _record(img_id: str, by_id: dict[str, Record], source: Path) -> Record:
    if img_id not in by_id:
        raise ValueError(
            f'{source}: expected images of the split, such as '
            f'{next(iter(by_id))}, found "{img_id}". Keep the names of the '
            'pictures, or name the split by --split, or those of predictions '
            'by --images.')
    return by_id[img_id]


def _take(mask: np.ndarray, record: Record, out: Path, classes: MaskClasses,
          options: ImportOptions) -> str:
    """Write a mask, unless it is to be passed over; say what was done.

    Raises:
        FileExistsError: The folder holds another mask of the image.
        ValueError: The mask contradicts the image label.
    """
    img_id = record.img_id
    if options.changed_from and np.array_equal(
            mask, read_index_png(mask_file(options.changed_from, img_id))):
        return 'unchanged'
    if record.labels is not None and not options.accept_labels:
        _check_labels(mask, record, classes)
    path = place(out, f'{img_id}.png')
    note = input_note(record.img_path, None)
    if path.is_file():
        same = _is_same(mask, path)
        if same and read_note(path) in ('', note):
            return 'same'
        if not (same or options.replace):  # of a picture that has changed
            raise FileExistsError(
                f'{path}: expected no trusted mask of this image, or the '
                'same, found another one. It stays as it is; --replace takes '
                'the new one.')
    path = claim(out, f'{img_id}.png', [record.img_path])
    write_index_png(path, mask, voc_palette(), note)
    return 'written'


def _is_same(mask: np.ndarray, path: Path) -> bool:
    """Say whether a file holds a mask; a broken one may be replaced."""
    try:
        return np.array_equal(mask, read_index_png(path))
    except ValueError:
        return False


def _check_labels(mask: np.ndarray, record: Record,
                  classes: MaskClasses) -> None:
    """Refuse a mask that shows other classes than its image label names."""
    shown = {classes.names[i] for i in np.unique(mask).tolist()
             if 0 < i != IGNORED} & classes.used
    extra, lacking = shown - record.labels, record.labels - shown
    words = [f'shows {", ".join(sorted(extra))}'] * bool(extra)
    words += [f'lacks {", ".join(sorted(lacking))}'] * bool(lacking)
    if words:
        raise ValueError(
            f'{record.img_id}: expected the classes of its image label, '
            f'{", ".join(sorted(record.labels)) or "none"}, but the mask '
            f'{" and ".join(words)}. Correct the one that is wrong, or take '
            'the mask as it is by --accept-labels.')
