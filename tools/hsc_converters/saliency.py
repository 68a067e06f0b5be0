"""Folder of saliency maps, one for each image."""
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hsc_mm.datasets.checks import check_files
from hsc_mm.inference.inputs import ImageInput
from hsc_mm.pseudo_labels.origins import note_of, read_note
from hsc_mm.utils import read_image, write_grey_png
from hsc_mm.utils.locks import locked
from hsc_mm.utils.outputs import claim, refuse_data_folder, written
from hsc_mm.utils.paths import place
from .saliency_provider import SaliencyProvider, as_map

__all__ = ['SaliencyRun', 'write_maps']


@dataclass
class SaliencyRun:
    """What became of a run.

    Attributes:
        made (int): Maps that were written.
        there (int): Maps that were there and were kept.
        failures (list[str]): A line for each image without a map.
        unknown (list[str]): Paths of those kept maps that have no note of
            what they were made from.
        other_code (list[str]): Of those that other code of the provider made.
    """
    made: int = 0
    there: int = 0
    failures: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    other_code: list[str] = field(default_factory=list)


def write_maps(images: Iterable[ImageInput], provider: SaliencyProvider,
               out: str | Path,
               progress: Callable | None = None,
               origin: str = '',
               code: str = '') -> SaliencyRun:
    """Write ``<name>.png`` for each image, grey, 255 = salient.

    Files appear whole or not at all, with a note of image and provider;
    those that are there and fit are kept, so a run that was stopped is gone
    on with by the same call. A map of a picture that was replaced is made
    again. One without a note, of an earlier version or of another program, is
    kept, and so is one of other code: a provider may be mended in between. An
    image that cannot be read, or whose map is wrong, costs nothing but its
    own map.

    Args:
        images (iterable[ImageInput]): What to look at.
        provider (SaliencyProvider): The model.
        out (str | Path): The folder; locked meanwhile.
        progress (callable, optional): Wraps images and their number.
        origin (str): What tells the provider apart, see
            :func:`.saliency_provider.origin_of`.
        code (str): Hash of its code, see :func:`.saliency_provider.code_of`.

    Returns:
        SaliencyRun: Counts and failures.

    Raises:
        FileExistsError: ``out`` is a folder of images, has maps of another
            provider, or a file of this name that was not written here, or
            another process writes there.
        OSError: A file cannot be written.
    """
    images = list(images)
    refuse_data_folder(out, [image.path for image in images],
                       names=[image.name for image in images])
    with locked(out):
        maps = _our_maps(images, out)
        _check_provider(maps.values(), out, origin)
        return _write(progress(images, len(images)) if progress else images,
                      provider, out, (origin, code), maps)


def _our_maps(images: Iterable[ImageInput],
              out: str | Path) -> dict[str, Path]:
    """Return name -> map of the images that have one of ours, whole."""
    ours, found = written(out), {}
    for image in images:
        name = f'{image.name}.png'
        path = place(out, name)
        if name in ours and path.is_file() and not check_files(str(path), {}):
            found[image.name] = path
    return found


def _check_provider(maps: Iterable[Path], out: str | Path,
                    origin: str) -> None:
    """Refuse a folder with maps of another provider."""
    for path in maps:
        note = read_note(path)
        found = note.partition(' ')[2]
        if note and found != origin:
            raise FileExistsError(
                f'--out {out}: it holds maps of the provider {found!r}, '
                f'{path.relative_to(out)} among them, expected those of '
                f'{origin!r}. Nothing was written. Choose another folder, or '
                'remove these maps.')


def _note(image: ImageInput, origin: str, code: str) -> str:
    """Return what a map notes: hashes of image and code, and the provider."""
    note = note_of(image.path)
    return note and f'{note}{code and "-"}{code} {origin}'


def _parts(note: str) -> tuple[list[str], list[str], str]:
    """Return the hashes of an image, that of the code if any, the provider."""
    hashes, _, origin = note.partition(' ')
    return hashes.split('-')[:2], hashes.split('-')[2:], origin


def _is_kept(image: ImageInput, path: Path, made_by: tuple[str, str],
             run: SaliencyRun) -> bool:
    """Say whether a map that is there is that of its image.

    Raises:
        ValueError: It has another size, and may be another program's.
    """
    if check_files(image.path, {}):  # reading it says what is wrong
        return False
    wrong, note = check_files(
        image.path, {'saliency map': str(path)}), read_note(path)
    if note:
        made, code, origin = _parts(note)
        now, other, wanted = _parts(_note(image, *made_by))
        kept = not wrong and (made, origin) == (now, wanted)
        if kept and code and other and code != other:
            run.other_code.append(str(path))
        return kept
    if wrong:
        raise ValueError(f'{wrong[0]}. It does not say that this command made '
                         'it, and was left: move it away and run again.')
    run.unknown.append(str(path))
    return True


def _write(images: Iterable[ImageInput], provider: SaliencyProvider,
           out: str | Path, made_by: tuple[str, str],
           maps: dict[str, Path]) -> SaliencyRun:
    run = SaliencyRun()
    for image in images:
        path, there = place(out, f'{image.name}.png'), maps.get(image.name)
        try:
            if there and _is_kept(image, there, made_by, run):
                run.there += 1
                continue
            pixels = image.read(read_image)
            found = as_map(provider(_rgb(pixels)), pixels.shape[:2])
            note = _note(image, *made_by)
        except MemoryError:
            raise
        except Exception as error:  # the provider is anybody's code
            kind = '' if isinstance(error, OSError | ValueError) else (
                f'the provider failed, {type(error).__name__}: ')
            run.failures.append(f'{image.path}: {kind}{error}')
            continue
        claim(out, f'{image.name}.png', [image.path])
        write_grey_png(path, found, note)
        run.made += 1
    return run


def _rgb(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image[..., ::-1])
