"""Damage inside of JPEGs and PNGs, in a process that hears the decoders.

What libjpeg cannot read it fills with grey, and writes a line about it to
the standard error of the process, without the name of the file. So a process
of its own decodes the files one after the other, and listens. The source of
this module is its program: it imports no other module of the package.
"""
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

__all__ = ['damaged', 'is_heard']

_PART = 400  # files, for which one process more is worth its start
_HEADS = (b'\xff\xd8\xff', b'\x89PNG')
_SAID = ('Corrupt JPEG data: ', 'libpng error: ')
# Another signal, such as SIGKILL where memory ran out, blames no file.
_CRASHES = [-number for number in (
    signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE,
    signal.SIGILL)]


def damaged(paths: Sequence[str]) -> dict[str, str]:
    """Decode JPEGs and PNGs, and say which are damaged inside.

    Decoders of other formats raise, or fill nothing. A bar shows the progress.

    Args:
        paths (sequence[str]): Files; those of another format are left out.

    Returns:
        dict[str, str]: Path -> what the decoder says, in the order of
        ``paths``; without those that are whole.

    Raises:
        OSError: A process that decodes cannot start, or ends too early.
    """
    from hsc_mm.utils.progress import progress  # no part of the program
    count = min(os.cpu_count() or 1, 8, 1 + len(paths) // _PART)
    with ExitStack() as stack:
        parts = [stack.enter_context(closing(_listen(paths[n::count])))
                 for n in range(count)]
        lines = progress((next(parts[i % count]) for i in range(len(paths))),
                         len(paths), 'decoding', 'files', delay=2)
        return {path: line
                for path, line in zip(paths, lines, strict=True) if line}


def is_heard(path: str) -> bool:
    """Say whether a file is a JPEG or PNG, whose decoders are listened to."""
    try:
        with open(path, 'rb') as file:
            return file.read(4).startswith(_HEADS)
    except OSError:  # which other checks tell
        return True


def _listen(paths: Sequence[str]) -> Iterator[str]:
    """Yield what another process says of each file; '' where it is whole.

    A file at which that crashes is damaged; the next ones get a new process.
    """
    while paths:
        with tempfile.TemporaryFile() as names, \
                tempfile.TemporaryFile() as heard:
            names.write(b'\0'.join(map(os.fsencode, paths)))
            names.seek(0)
            child = subprocess.Popen(
                [sys.executable, '-c', Path(__file__).read_text('utf-8')],
                stdin=names, stdout=subprocess.PIPE, stderr=heard)
            done = 0
            with child, child.stdout as lines:
                try:
                    for line in lines:
                        done += 1
                        yield line.decode('utf-8', 'replace').rstrip('\n')
                except BaseException:  # nobody listens any more
                    child.kill()
                    raise
            paths = paths[done:]
            if paths and child.returncode in _CRASHES:
                yield 'the decoder crashed'
                paths = paths[1:]
            elif paths:
                heard.seek(0)
                raise OSError(
                    f'{paths[0]}: the process that decodes it ended with '
                    f'status {child.returncode}: '
                    f'{heard.read().decode("utf-8", "replace")[-300:]}')


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
    for path in sys.stdin.buffer.read().split(b'\0'):
        print(_decode(path), flush=True)


if __name__ == '__main__':
    _main()
