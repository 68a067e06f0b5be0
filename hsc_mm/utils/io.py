"""Files that are written whole or not at all."""
import errno
import hashlib
import json
import math
import os
import threading
import uuid
import zipfile
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from .binary import refuse_binary
from .limits import check_regular

__all__ = [
    'DISK_ERRORS', 'PARSER', 'atomic_write_bytes', 'digest', 'draft_path',
    'read_json', 'read_text', 'write_json', 'write_npz'
]

#: Of the disk, not of a file: what writes many files ends.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
#: Held while Python's parser reads a file that threads may read: two parses
#: at once raise a SystemError before Python 3.11.8 and 3.12.2 (CPython issue
#: 106905). A config and the header of an array of numpy are such files.
PARSER = threading.RLock()


def atomic_write_bytes(path: str | Path,
                       data: bytes | memoryview) -> None:
    """Write a file so that no reader ever sees a part of it.

    The bytes go to a temporary name in the same folder, which is renamed.
    When anything fails (a full disk, a killed process) the file of that name
    is what it was before.

    Raises:
        OSError: The folder cannot be made or written, or the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = draft_path(path)
    try:
        with open(temporary, 'wb') as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def draft_path(path: Path) -> Path:
    """Return a temporary name beside a file, another one at every call.

    It is one of a hidden file, ``.NAME.ID.tmp``. NAME is cut at 200 bytes,
    as most systems take 255.
    """
    stem = os.fsdecode(os.fsencode(path.name)[:200])
    return path.with_name(f'.{stem}.{uuid.uuid4().hex}.tmp')


def digest(content: Any) -> str:
    """Return a hash of JSON values, 16 hexadecimal digits."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_json(path: str | Path, form: Any = object) -> Any:
    """Read a JSON file.

    Args:
        path (str | Path): The file.
        form (type | dict | list | tuple): What it holds. A type; ``float``
            stands for any finite number. ``[FORM]``: a list of such.
            ``(FORM, )``: such, or null. ``{str: FORM}``: a dictionary of
            such. ``{'key': FORM}``: one with this key, and maybe others;
            ``'key?'`` may be missing.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not JSON, has another form, or has a key
            twice; the message names file and line, or the key.
    """
    try:
        found = json.loads(
            read_text(path), object_pairs_hook=partial(_unique, path),
            parse_int=partial(_integer, path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f'{path}: expected a JSON file, but {error}. '
                         'Write the file again.') from error
    _check_form(path, '', found, form)
    return found


def _check_form(path: str | Path, place: str, found: Any, form: Any) -> None:
    """Refuse values of another form, see :func:`read_json`."""
    if isinstance(form, tuple):
        if found is not None:
            _check_form(path, place, found, form[0])
        return
    kind = type(form) if isinstance(form, dict | list) else form
    right = isinstance(found, int | float if kind is float else kind)
    if kind in (int, float) and right:
        right = not isinstance(found, bool) and math.isfinite(found)
    if not right:
        said = dict(float='finite number', int='whole number',
                    str='text').get(kind.__name__, f'JSON {kind.__name__}')
        value = f'{found!r}'[:50] if place else type(found).__name__
        raise ValueError(f'{path}: {place[1:]}{": " * bool(place)}expected a '
                         f'{said}, found {value}. Write the file again.')
    for number, one in enumerate(found if isinstance(form, list) else ()):
        _check_form(path, f'{place}.{number}', one, form[0])
    for key, inner in form.items() if isinstance(form, dict) else ():
        name = '' if key is str else key.removesuffix('?')
        if name == key not in found:
            raise ValueError(f'{path}: {f"{place}.{key}"[1:]}: expected this '
                             'key, found none. Write the file again.')
        for one in found if key is str else {name} & found.keys():
            _check_form(path, f'{place}.{one}', found[one], inner)


def _integer(path: str | Path, digits: str) -> int:
    """Read an integer; Python refuses endless ones without the file."""
    if len(digits) > 99:
        raise ValueError(f'{path}: expected integers, found one of '
                         f'{len(digits)} digits. Write the file again.')
    return int(digits)


def _unique(path: str | Path, pairs: list[tuple[str, Any]]) -> dict:
    """Make a dictionary, whose second value of a key would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for n, key in enumerate(keys) if key in keys[:n])
        raise ValueError(f'{path}: expected each key once, found "{twice}" '
                         'twice. Merge the two.')
    return found


def read_text(path: str | Path) -> str:
    """Read a text in UTF-8, or in UTF-16 with its mark in front.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no file, no text, or in another encoding.
    """
    check_regular(path)
    data = Path(path).read_bytes()
    wide = data[:2] in (b'\xff\xfe', b'\xfe\xff')
    try:
        text = data.decode('utf-16' if wide else 'utf-8-sig')
    except UnicodeDecodeError as error:
        refuse_binary(path, data)
        line = data[:error.start].count(b'\n') + 1
        raise ValueError(
            f'{path}, line {line}: expected text in UTF-8, but '
            f'{error.reason}. Save the file as UTF-8.') from error
    if '\0' in text:
        refuse_binary(path, data)
        raise ValueError(f'{path}: expected a text file, found a zero byte. '
                         'Save the file as text in UTF-8.')
    return text


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON, whole or not at all (see :func:`atomic_write_bytes`)."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + '\n'
    atomic_write_bytes(path, text.encode('utf-8'))


def write_npz(path: str | Path, note: str = '', **arrays: np.ndarray) -> None:
    """Write an npz, whole or not at all, packed for speed.

    numpy packs maps of floats half as fast, to files that are no smaller.

    Args:
        path (str | Path): The file.
        note (str): Comment of the archive.
        arrays (np.ndarray): What it holds, by name.
    """
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED,
                         compresslevel=1) as archive:
        for name, array in arrays.items():
            with archive.open(f'{name}.npy', 'w', force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array),
                                          allow_pickle=False)
        archive.comment = note.encode()
    atomic_write_bytes(path, buffer.getbuffer())
