"""Damage inside of JPEGs and PNGs, in a process that hears the decoders.

What libjpeg cannot read it fills with grey, and writes a line about it to
the standard error of the process, without the name of the file. So a process
of its own decodes the files one after the other, and listens. The source of
this module is its program: it imports no other module of the package.
"""
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

__all__ = ['damaged']

_PART = 400  # files, for which one process more is worth its start
_HEADS = (b'\xff\xd8\xff', b'\x89PNG')
_SAID = ('Corrupt JPEG data: ', 'libpng error: ')


def damaged(paths: Sequence[str]) -> dict[str, str]:
    """Decode JPEGs and PNGs, and say which are damaged inside.

    Other formats say nothing of it, but for missing parts, or have no sums
    that would.

    Args:
        paths (sequence[str]): Files; of another format, they are left out.

    Returns:
        dict[str, str]: Path -> what the decoder says, in the order of
        ``paths``; without those that are whole.
    """
    count = min(os.cpu_count() or 1, 1 + len(paths) // _PART)
    with ThreadPoolExecutor(count) as pool:
        parts = pool.map(_listen, [paths[n::count] for n in range(count)])
        said = {path: line for part in parts for path, line in part.items()}
    return {path: said[path] for path in paths if path in said}


def _listen(paths: Sequence[str]) -> dict[str, str]:
    """Let another process decode files; a crash is that of the next one."""
    found: dict[str, str] = {}
    rest = list(paths)
    while rest:
        done = subprocess.run(
            [sys.executable, '-c', Path(__file__).read_text('utf-8')],
            input=b'\0'.join(map(os.fsencode, rest)), capture_output=True,
            check=False)
        lines = done.stdout.decode('utf-8', 'replace').split('\n')[:-1]
        found.update((path, line) for path, line in zip(
            rest, lines, strict=False) if line)
        rest = rest[len(lines):]
        if rest and done.returncode < 0:
            found[rest.pop(0)] = 'the decoder crashed'
        elif rest:
            raise OSError(f'{rest[0]}: expected that another process decodes '
                          'it, found that it ended: '
                          f'{done.stderr.decode("utf-8", "replace")[-300:]}')
    return found


def _decode(path: bytes) -> str:
    """Return what the decoder says of a file, in a line; empty if nothing."""
    import cv2
    import numpy as np
    try:
        with open(path, 'rb') as file:
            data = file.read()
        if not data.startswith(_HEADS):
            return ''
        # Small and grey: all is decoded, but less of it computed.
        found = cv2.imdecode(np.frombuffer(data, np.uint8),
                             cv2.IMREAD_REDUCED_GRAYSCALE_8)
    except (OSError, cv2.error, MemoryError):
        return ''  # which other checks tell
    sys.stderr.flush()
    size = os.lseek(2, 0, os.SEEK_CUR)
    said = os.pread(2, size, 0).decode('utf-8', 'replace')
    os.ftruncate(2, 0)
    os.lseek(2, 0, os.SEEK_SET)
    for line in said.splitlines():
        if line.startswith(_SAID):
            return line
    return '' if found is not None else 'it cannot be decoded'


def _main() -> None:
    """Write a line for each file whose path stands in the standard input."""
    names = sys.stdin.buffer.read()
    with tempfile.TemporaryFile() as heard:
        os.dup2(heard.fileno(), 2)
        for path in names.split(b'\0') if names else ():
            print(_decode(path), flush=True)


if __name__ == '__main__':
    _main()
