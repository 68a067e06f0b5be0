"""Export of masks with their pictures, the most doubtful first."""
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from hsc_mm.datasets.checks import raise_problems
from hsc_mm.datasets.label_folders import MANIFESTS
from hsc_mm.datasets.mask_labels import compare_labels
from hsc_mm.pseudo_labels.origins import check_origins
from hsc_mm.pseudo_labels.trusted import (
    TRUSTED,
    TrustedMasks,
    check_mask_classes,
)
from hsc_mm.utils import atomic_write_bytes, read_index_png
from hsc_mm.utils.data_folders import refuse_data_of
from hsc_mm.utils.locks import locked
from hsc_mm.utils.outputs import claim, refuse_data_folder, written
from .formats import FORMATS
from .order import Doubt, judge, mask_file, read_mask, write_queue
from .records import IGNORED, Item, MaskClasses, Record, list_records

__all__ = ['ExportOptions', 'export_masks']

_MANIFESTS = (*MANIFESTS, TRUSTED)
_ADVICE = 'Nothing was written. Make the masks again, or name another folder.'


@dataclass(frozen=True)
class ExportOptions:
    """What is exported, and how.

    Attributes:
        form (str): One of :data:`.formats.FORMATS`.
        split (str): Whose dataloader names the images.
        images (tuple[str, ...]): Files and folders instead of a split.
        first (int, optional): How many images, from the head of the queue;
            by default all.
        against (tuple[str, ...]): Folders of other masks of the same images,
            see :func:`.order.judge`.
        trusted (str, optional): Folder of trusted masks; their images are
            left out.
        pictures (bool): Whether the pictures are copied.
        accept_labels (bool): Whether the masks may show other classes than
            the image labels name.
        accept_origin (bool): Whether they may be made from other files than
            the images.
    """
    form: str = 'coco'
    split: str = 'train'
    images: tuple[str, ...] = ()
    first: int | None = None
    against: tuple[str, ...] = ()
    trusted: str | None = None
    pictures: bool = True
    accept_labels: bool = False
    accept_origin: bool = False


def export_masks(cfg: Config,
                 source: str | Path,
                 out: str | Path,
                 options: ExportOptions | None = None,
                 progress: Callable[[Iterable, int], Iterable] | None = None
                 ) -> tuple[list[Doubt], list[Path]]:
    """Write masks for an annotation tool, the most doubtful first.

    Args:
        cfg (Config): Whose data set names images and classes.
        source (str | Path): Folder of the masks: pseudo labels, or
            predictions.
        out (str | Path): Folder to write to.
        options (ExportOptions, optional): What and how.
        progress (callable, optional): Gets what is to come and its number,
            and yields it.

    Returns:
        tuple: The queue, as exported, and the files that the tool imports.

    Raises:
        FileExistsError: ``out`` holds an export, or a file of the user's, or
            another process writes into it.
        FileNotFoundError: There is no such folder.
        ValueError: Masks are missing, broken, of another size, or hold
            indices of no class, or of other classes, in the source or in a
            folder of ``against``; no image has a mask in
            ``trusted``; or ``out`` is a folder of the data, or lies among
            class folders.
    """
    options = options or ExportOptions()
    write, _, pictures = FORMATS[options.form]
    for folder in (source, *options.against):
        if not Path(folder).is_dir():
            raise FileNotFoundError(f'{folder}: there is no such folder.')
    refuse_data_of(cfg, out, '--out')
    records, classes = list_records(cfg, options.split, list(options.images))
    refuse_data_folder(out, [one.img_path for one in records])
    refuse_data_folder(out, [Path(source) / 'x'])
    _refuse_export(Path(out))
    for folder in (source, *options.against):
        for name in _MANIFESTS:
            check_mask_classes(Path(folder) / name, classes.names)
    done = TrustedMasks(options.trusted)
    done.check([one.img_id for one in records], classes.names)
    left = {one.img_id: one for one in records if one.img_id not in done}
    queue = _judge(list(left.values()), source, classes, options)
    queue = queue[:options.first]
    listed = [left[one.img_id] for one in queue]
    raise_problems(
        f'masks of {source}', [] if options.accept_origin else check_origins(
            [str(mask_file(source, one.img_id)) for one in listed],
            [one.img_path for one in listed], edited=True),
        'Make the masks again, or name the images in the order in which '
        '"predict" was given them. --accept-origin exports them as they are.')
    with locked(out):
        steps = progress(listed, len(listed)) if progress else listed
        files = write(Path(out), _items(
            steps, source, Path(out), pictures, options.pictures), classes)
        return queue, files + write_queue(Path(out), queue)


def _refuse_export(out: Path) -> None:
    """Refuse a folder with outputs: people correct some exports there."""
    found = next((name for name in sorted(written(out))
                  if (out / name).is_file()), None)
    if found:
        raise FileExistsError(
            f'--out {out}: expected a folder without files of an earlier '
            f'export, found {found}. Corrections there would be lost. Nothing '
            'was written; choose a new folder.')


def _judge(records: Sequence[Record], source: str | Path,
           classes: MaskClasses, options: ExportOptions) -> list[Doubt]:
    """Judge all masks, and sort: ties stay in the order of the list."""
    found, problems = [], []
    folders = [source, *options.against]
    unnamed: list[list[tuple[str, set[int], list[str]]]] = [
        [] for _ in folders]
    for record in records:
        try:
            masks = []
            for folder, lines in zip(folders, unnamed, strict=True):
                mask, named = read_mask(folder, record, classes)
                masks.append(mask)
                if record.labels is not None and not named:
                    lines.append((record.img_id, {*mask.ravel().tolist()},
                                  sorted(record.labels)))
            found.append(judge(record, masks[0], source, classes, masks[1:]))
        except (OSError, ValueError) as error:
            problems.append(str(error))
    raise_problems(f'{source}', problems, _ADVICE)
    if not found:
        raise ValueError(f'{source}: expected masks to export, found that '
                         f'none of {len(records)} images is left. Are all '
                         'trusted already?')
    for folder, lines in zip(folders, unnamed, strict=True):
        if not options.accept_labels and not any(
                (Path(folder) / name).is_file() for name in _MANIFESTS):
            _check_labels(folder, lines, classes)
    return sorted(found, key=lambda one: -one.priority)


def _check_labels(source: str | Path,
                  masks: Sequence[tuple[str, set[int], list[str]]],
                  classes: MaskClasses) -> None:
    """Refuse masks whose indices seem to mean other classes.

    Nothing says what they mean: they are compared with the image labels.
    """
    if not any(held - {0, IGNORED} for _, held, _ in masks):
        return
    wrong, _ = compare_labels(*zip(*masks, strict=True), classes.names)
    raise_problems(
        f'{source}', wrong, 'Do the indices mean the classes '
        f'{", ".join(classes.names)}? Make the masks again with this data '
        'set, or export them as they are by --accept-labels.')


def _items(records: Iterable[Record], source: str | Path, out: Path,
           folder: str, copy: bool) -> Iterator[Item]:
    """Read mask after mask, and copy its picture as it is."""
    for record in records:
        suffix = Path(record.img_path).suffix
        picture = f'{folder}/{record.img_id}{suffix}'
        if copy:
            atomic_write_bytes(claim(out, picture, [record.img_path]),
                               Path(record.img_path).read_bytes())
        yield Item(record.img_id, picture,
                   read_index_png(mask_file(source, record.img_id)))
