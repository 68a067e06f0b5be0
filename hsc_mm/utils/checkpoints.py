"""Loading of all checkpoints, without running what they hold.

A checkpoint is data. Loading one builds tensors and plain values and runs
nothing that the file asks for; :mod:`.checkpoint_sources` puts :func:`load`
in the place of mmengine's loaders, some of which fall back to trusting the
file. What is loaded is whole (checksums) and holds numbers (no NaN).
"""
import hashlib
import os
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .checkpoint_content import (
    check_content,
    check_finite,
    literals_only,
    runner_types,
    tensors,
)
from .checkpoint_forms import why_unreadable

__all__ = [
    'SUM_SUFFIX', 'TRUST', 'check_file', 'check_finite', 'file_sum', 'load',
    'not_a_folder', 'read', 'trusted', 'why_not_whole'
]

#: Of the file beside a checkpoint that holds its SHA-256, as sha256sum does.
SUM_SUFFIX = '.sha256'
#: Environment variable of ``--trust-checkpoint``.
TRUST = 'HSC_MM_TRUST_CHECKPOINT'
_SUM = re.compile(r'(?:^\\?|= ?)([0-9a-f]{64})(?![0-9a-z])', re.M)
# What a user names by mistake; its first letter may mean a call in a pickle.
_TEXTS = ('.py', '.txt', '.md', '.json', '.yml', '.yaml', '.csv', '.log')
# A damaged pickle may raise anything; MemoryError, when it names a size.
_ERRORS = (OSError, RuntimeError, ValueError, EOFError, LookupError,
           TypeError, AttributeError, ArithmeticError, MemoryError,
           AssertionError, ImportError, pickle.UnpicklingError)


def trusted() -> bool:
    """Say whether the user told us to run the code of checkpoints.

    Raises:
        ValueError: :data:`TRUST` in the environment is neither 1 nor 0.
    """
    value = os.environ.get(TRUST, '').strip()
    if value not in ('', '0', '1'):
        raise ValueError(f'{TRUST}: expected 1, which runs the code of '
                         f'checkpoints, or 0, found {value!r}.')
    return value == '1'


def file_sum(path: str | Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    found = hashlib.sha256()
    with open(path, 'rb') as file:  # Python 3.10 has no hashlib.file_digest
        while part := file.read(1 << 20):
            found.update(part)
    return found.hexdigest()


def check_file(path: str | Path) -> None:
    """Refuse a checkpoint that is no file.

    Raises:
        FileNotFoundError: There is none, or a folder; the message names the
            newest checkpoint in it.
    """
    path = Path(path)
    if path.is_dir():
        raise FileNotFoundError(not_a_folder(path))
    if not path.is_file():
        raise FileNotFoundError(f'checkpoint {path}: there is no such file.')


def not_a_folder(path: str | Path) -> str:
    """Say that a folder is no checkpoint, and which is the newest in it."""
    there = max(Path(path).glob('*.pth'), default=None,
                key=lambda one: one.stat().st_mtime)
    return f'checkpoint {path}: expected a file, found a folder. ' + (
        f'Is "{there}" meant?' if there else
        'Name the file of the weights, such as iter_300.pth.')


def load(path: str | Path, map_location: Any = 'cpu') -> dict:
    """Load a checkpoint, and run nothing of it.

    Types besides tensors and plain values are those that mmengine's own
    checkpoints hold. A config inside is reduced to its literal values.
    With :data:`TRUST` in the environment, code in the file runs.

    Args:
        path (str | Path): The file.
        map_location: See :func:`torch.load`.

    Returns:
        dict: What a runner saved, or a state dict.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, no checkpoint, wants code to run, holds
            entries of another form than a training writes, or its weights
            are NaN or infinite.
    """
    path = Path(path).expanduser()
    found = read(path, map_location)
    if not isinstance(found, Mapping):
        raise ValueError(
            f'checkpoint {path}: expected a dictionary, found '
            f'{type(found).__name__}. Name a file that a training wrote.')
    if not any(True for _ in tensors(found)):
        raise ValueError(f'checkpoint {path}: expected weights, found no '
                         'tensor in it. Name a file that a training wrote.')
    check_content(path, found)
    check_finite(path, found)
    if not trusted():
        _tame(found)
    return found


def read(path: str | Path, map_location: Any = 'cpu') -> Any:
    """Read whatever a file holds, as safely as :func:`load`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged or wants code to run.
    """
    path = Path(path)
    check_file(path)
    damage = _wrong_bytes(path)
    if damage:
        raise ValueError(f'checkpoint {path}: {damage}')
    return _read(path, map_location)


def _read(path: Path, map_location: Any) -> Any:
    if trusted():
        from mmengine.logging import print_log
        print_log(f'checkpoint {path}: {TRUST} is set: code in the file may '
                  'run',
                  'current', 30)
        return torch.load(path, map_location, weights_only=False)
    torch.serialization.add_safe_globals(runner_types())
    try:
        return torch.load(path, map_location, weights_only=True)
    except _ERRORS as error:
        lines = [line.strip() for line in str(error).splitlines()]
        asks = [line for line in lines if 'GLOBAL' in line or
                'reduce' in line or 'attribute' in line]
        if asks and path.suffix.lower() not in _TEXTS:
            name = re.search(r'GLOBAL (\S+)', asks[0])
            raise ValueError(
                f'checkpoint {path}: expected a file that holds weights and '
                'plain values, found something that would run code ('
                f'{name[1] if name else asks[0][-120:]}). It was '
                'not run. If you know who made the file, and only then, use '
                f'--trust-checkpoint (or {TRUST}=1).') from error
        reason = (lines or [''])[0].split('. ')[0][:200]
        reason = reason or type(error).__name__
        raise ValueError(
            f'checkpoint {path}: expected a file that torch can read, but '
            f'{why_unreadable(path, reason)}') from error


def why_not_whole(path: str | Path) -> str | None:
    """Say what is wrong with the bytes of a checkpoint; None: nothing.

    Bytes are compared with the checksum beside the file or, without one,
    with those inside it. A file of torch's old format has none and is read.
    """
    try:
        damage = _wrong_bytes(Path(path))
        if not damage and not zipfile.is_zipfile(path):
            _read(Path(path), 'cpu')
    except (OSError, ValueError) as error:
        return str(error)
    return damage


def _wrong_bytes(path: Path) -> str | None:
    """Compare a file with its checksum, else with those of its members."""
    if not path.stat().st_size:
        return 'expected a checkpoint, found an empty file. Fetch it again.'
    beside = path.with_name(path.name + SUM_SUFFIX)
    if beside.is_file():  # of sha256sum, with --tag or without, or openssl
        text = beside.read_text('utf-8', 'replace').strip().lower()
        if text and file_sum(path) not in _SUM.findall(text)[:1]:
            return (f'it does not match the checksum in {beside.name} beside '
                    'it: it is damaged. Take another checkpoint (or, if it '
                    f'was changed on purpose, remove {beside.name}).')
        if text:
            return None
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except zipfile.BadZipFile:
        if path.read_bytes()[:2] != b'PK':
            return None  # the old format, or no checkpoint: torch will say
        return 'it is truncated. Fetch or copy it again.'
    except (OSError, RuntimeError, NotImplementedError, EOFError,
            zipfile.zlib.error) as error:
        return f'it is damaged ({error}). Fetch or copy it again.'
    return broken and f'it is damaged (in {broken}). Fetch or copy it again.'


def _tame(found: Mapping) -> None:
    """Keep of a runner's configs what is no code: hosts execute them."""
    meta = found.get('meta')
    if isinstance(meta, dict):
        for key in ('config', 'cfg'):
            if key in meta:
                text = literals_only(meta[key])
                if text != meta[key]:
                    meta[f'{key}_as_saved'], meta[key] = meta[key], text
