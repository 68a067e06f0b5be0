"""Checks of image ids: inside the image folder, each name once."""
import json
from pathlib import Path

from hsc_mm.utils.paths import inside
from .checks import LISTED, raise_problems
from .class_names import image_stem, is_text

__all__ = ['check_ids']


def check_ids(what: str, ids: list[str], folder: str, listed: str) -> None:
    """Refuse ids that lead out of the image folder, or share a name.

    Results are written under these names.

    Args:
        what (str): The data set, as messages name it.
        ids (list[str]): Image ids, as listed; they may carry a suffix.
        folder (str): Folder of the images; an absolute path in it is an id.
        listed (str): The file that names the images.

    Raises:
        ValueError: An id is absolute or climbs, and leads out of the folder,
            or two ids have one name; the message has their lines.
    """
    names: dict[str, str] = {}
    problems = []
    for image_id in ids:
        name = inside(image_stem(image_id), folder)
        if not is_text(image_id):
            problem = 'holds control characters or is not UTF-8; rename it'
        elif name is None:
            problem = f'leads out of the image folder {folder or "."}'
        elif name in names:
            problem = f'has the name of "{names[name]}"'
        else:
            names[name] = image_id
            continue
        line = _line(listed, image_id) if len(problems) < LISTED else ''
        problems.append(f'{listed}{line}: "{image_id}" {problem}')
    raise_problems(what, problems, 'Write them relative to the image folder '
                   '(--images, data_prefix.img_path), each name once.')


def _line(path: str, image_id: str) -> str:
    """Return ``', line N'`` of an image in a list; empty if not found."""
    try:
        lines = Path(path).read_text('utf-8', 'replace').splitlines()
    except OSError:
        return ''
    quoted = json.dumps(image_id)
    for found in (lambda line: line.split(',')[0].strip() == image_id,
                  lambda line: quoted in line, lambda line: image_id in line,
                  lambda line: image_id in line.replace('\\', '/')):
        for number, line in enumerate(lines, start=1):
            if found(line):
                return f', line {number}'
    return ''
