"""Table of the formats, and which of them a file has."""
from pathlib import Path

from hsc_mm.utils import read_json
from . import coco, cvat, fiftyone, label_studio

__all__ = ['FORMATS', 'find_format']

#: Format -> what writes it, what reads it, folder of its pictures.
FORMATS = {
    'coco': (coco.write_coco, coco.read_coco, 'images'),
    'coco-polygons': (coco.write_coco_polygons, coco.read_coco, 'images'),
    'cvat': (cvat.write_cvat, cvat.read_cvat, 'images'),
    'label-studio': (label_studio.write_label_studio,
                     label_studio.read_label_studio, 'images'),
    'fiftyone': (fiftyone.write_fiftyone, fiftyone.read_fiftyone, 'data'),
}


def find_format(path: Path) -> str:
    """Find out which of :data:`FORMATS` a file or folder has.

    Raises:
        FileNotFoundError: There is nothing of that name.
        ValueError: It is none of them.
    """
    if not path.exists():
        raise FileNotFoundError(f'{path}: there is no such file or folder.')
    if path.is_dir():
        if (path / 'labelmap.txt').is_file():
            return 'cvat'
        if (path / 'labels').is_dir():
            return 'fiftyone'
    elif path.suffix.lower() == '.zip':
        return 'cvat'
    elif path.suffix.lower() == '.json':
        return 'label-studio' if isinstance(
            read_json(path), list) else 'coco'
    raise ValueError(
        f'{path}: expected a JSON file of COCO or Label Studio, a zip archive '
        'of CVAT or its folder, or a folder of FiftyOne with "labels"; found '
        'none of these. Name the format by --format.')
