"""Of which annotations the masks of a split of COCO are."""
from pathlib import Path

from hsc_mm.utils import read_json
from hsc_mm.utils.checkpoints import file_sum
from hsc_mm.utils.paths import place

__all__ = [
    'MANIFEST', 'MASKS', 'annotation_file', 'check_masks', 'identity_of',
    'is_ours', 'source_sum'
]

MASKS = 'SegmentationClass'
MANIFEST = 'masks.json'
# Raised with every change of what a mask looks like.
RULES = 1


def annotation_file(root: Path, split: str) -> Path:
    """Return the path of the instances JSON of a split."""
    return place(root / 'annotations', f'instances_{split}.json')


def source_sum(root: Path, split: str) -> str:
    """Return the SHA-256 of the annotations of a split.

    Raises:
        FileNotFoundError: The JSON is missing.
    """
    path = annotation_file(root, split)
    if not path.is_file():
        raise FileNotFoundError(
            f'{path}: there is no such file. Unpack '
            f'annotations_trainval2014.zip of COCO in {root}, or name other '
            'splits by --splits.')
    return file_sum(path)


def check_masks(root: Path, split: str, drawn: bool = True) -> str:
    """Refuse masks that would not fit the labels; nothing is written.

    Args:
        root (Path): Folder in COCO's layout.
        split (str): ``'train2014'`` or the like.
        drawn (bool): Whether masks will be drawn. If not, masks of which
            nothing is known may be there.

    Returns:
        str: SHA-256 of the annotations.

    Raises:
        FileNotFoundError: The annotations are missing.
        FileExistsError: There are masks of other annotations, or files of
            others where masks will be drawn.
    """
    folder, source = root / MASKS / split, source_sum(root, split)
    if drawn:
        is_ours(folder, identity_of(source))
    elif (folder / MANIFEST).is_file() and read_json(
            folder / MANIFEST, dict).get('annotations') != source:
        raise _other_masks(folder, 'masks of other annotations')
    return source


def identity_of(source: str) -> dict:
    """Return what the file beside masks says of their origin."""
    return dict(annotations=source, rules=RULES)


def is_ours(folder: Path, identity: dict) -> bool:
    """Say whether masks of an origin are there, or refuse other files."""
    manifest = folder / MANIFEST
    if manifest.is_file():
        if read_json(manifest) == identity:
            return True
        raise _other_masks(
            folder, 'masks of other annotations or of another version')
    if not folder.is_dir() or not any(folder.iterdir()):
        return False
    raise _other_masks(folder, f'other files in it, and no {MANIFEST}',
                       ', or keep it by --no-masks')


def _other_masks(folder: Path, found: str, also: str = '') -> Exception:
    return FileExistsError(
        f'{folder}: expected a new or empty folder, or masks of the same '
        f'annotations, found {found}. Nothing was written: move the folder '
        f'away and run again{also}.')
