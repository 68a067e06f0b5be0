"""Sentences for what the system refuses: disks, memory, processes, ranks."""
import errno
import os
import re

from hsc_mm.utils.io import DISK_ERRORS
from hsc_mm.utils.pool import NO_FILES, NOT_HANDED_ON
from .config_errors import innermost, local
from .signals import AGAIN, LESS_MEMORY

__all__ = ['memory', 'pictures', 'ranks', 'system']

_SYSTEM = {
    errno.ENOSPC: f'the disk is full. Free some space. {AGAIN}',
    errno.EDQUOT: 'your quota on this disk is used up. Free some space. '
                  f'{AGAIN}',
    errno.EFBIG: f'the limit of file sizes (ulimit -f) is reached. {AGAIN}',
    errno.EROFS: 'the file system is read-only. Name a folder on another '
                 'one (--out, --work-dir).',
    errno.EACCES: 'permission denied. Name another path, or change the '
                  'permissions (ls -l shows them).',
    errno.EMFILE: 'too many files are open at once. Raise the limit (ulimit '
                  '-n 4096), or use fewer workers (--workers, '
                  'train_dataloader.num_workers=0).',
    errno.EEXIST: 'there is a file of this name where a folder belongs. Name '
                  'another path.',
    errno.EISDIR: 'there is a folder of this name where a file belongs. Name '
                  'another path.',
    errno.ENXIO: 'there is a pipe of this name where a file belongs. Remove '
                 'it, or name another path.',
    errno.ENOTDIR: 'a part of this path is a file, no folder. Name another '
                   'path.',
    errno.ELOOP: 'its symbolic links lead in a circle. Remove them, or name '
                 'another path.',
    errno.ENAMETOOLONG: 'the name is too long for this file system. Shorten '
                        'it.',
    errno.EAGAIN: 'the system cannot start more processes. Use fewer workers '
                  '(--workers, train_dataloader.num_workers=0).',
}
_SYSTEM[errno.EPERM] = _SYSTEM[errno.EACCES]
_SYSTEM[errno.ENFILE] = _SYSTEM[errno.EMFILE]
_MEMORY = re.compile(
    r"can't allocate memory|out of memory|Unable to allocate|"
    r'Cannot allocate memory|insufficient memory|array is too big|'
    'Failed to allocate memory', re.I)
_LOST = re.compile(
    r'Connection (closed|reset) by peer|[Tt]imed out waiting .*ms|'
    r'ProcessGroup\w* .*[Tt]ime|NCCL (error|communicator)')
_WORKER = re.compile(r'DataLoader worker .* (exited|is killed)|'
                     'process in the process pool was terminated')
_SHARED = re.compile(r'shared memory|file </?torch_\d|Bus error|'
                     rf'exit code {NOT_HANDED_ON}\b')
# In the text of an error of a worker.
_PACK = os.path.join('mmseg', 'datasets', 'transforms', 'formatting.py')
_SHARED_ADVICE = (
    'shared memory (/dev/shm), by which worker processes hand on images, is '
    'used up or missing. Read without workers (train_dataloader.num_workers=0 '
    'and the same of val and test, --workers 0), or enlarge it (docker run '
    f'--shm-size=8g). {AGAIN}')


def system(error: BaseException) -> str | None:
    """Errors of the operating system."""
    text = str(error)
    if isinstance(error, OSError) and error.filename is None and \
            'multiprocessing' in innermost(error)[0] and \
            error.errno in (errno.ENOSPC, errno.ENOSYS):
        return _SHARED_ADVICE  # there is no room for a semaphore
    if isinstance(error, OSError) and error.errno in _SYSTEM:
        names = ', '.join(str(name) for name in (
            error.filename, error.filename2) if name) or _written(error)
        # Our own texts stand in strerror, longer than the system's.
        own = error.strerror if error.strerror and len(
            error.strerror) > 60 else _SYSTEM[error.errno]
        return f'{names}: {own}' if names else own
    if 'unexpected pos' in text or 'PytorchStreamWriter' in text:
        return _SYSTEM[errno.ENOSPC]
    if 'received 0 items of ancdata' in text or 'Too many open files' in \
            text or f'exit code {NO_FILES}.' in f'{text} {error.__cause__}':
        return _SYSTEM[errno.EMFILE]
    if "can't start new thread" in text:
        return _SYSTEM[errno.EAGAIN]
    if 'its address cannot be reached' in text:  # said with the remedy
        return text
    if type(error).__name__ == 'URLError' or 'urlopen error' in text:
        where = local(error, 'url', 'filename', 'name')
        return (f'{where or "weights"}: they cannot be downloaded '
                f'({getattr(error, "reason", error)}). Download the file on a '
                'machine with network access, and name it '
                '(model.backbone.init_cfg.checkpoint=FILE, load_from=FILE; '
                'model.backbone.init_cfg=None starts from random numbers).')
    if isinstance(error, ValueError) and 'embedded null byte' in text:
        return 'a path holds a NUL character. Name another one.'
    if isinstance(error, FileNotFoundError) and error.filename is None and \
            error.errno:
        return ('the current folder, or one that a path is relative to, is '
                'gone. Change to another one (cd), or name the whole path.')
    if isinstance(error, OSError):
        return text if error.strerror is None else (
            f'{error.filename}: {error.strerror}' if error.filename else text)
    return None


def _written(error: OSError) -> str:
    """Return what a full disk had no room for, '' where it is not known.

    Python names no file where a file is open already.
    """
    if error.errno not in DISK_ERRORS:
        return ''
    runner = local(error, 'runner', kind=object)
    return os.fspath(local(error, 'file_path', 'filepath', 'path') or getattr(
        runner, 'log_dir', getattr(runner, 'work_dir', '')))


def memory(error: BaseException) -> str | None:
    """Too little memory, here or in a worker."""
    text = str(error)
    if isinstance(error, RuntimeError) and _SHARED.search(
            f'{text} {error.__cause__}'):
        return _SHARED_ADVICE
    if isinstance(error, MemoryError) or (isinstance(
            error, RuntimeError) and _MEMORY.search(text)) or \
            (type(error).__name__ == 'error' and 'Insufficient' in text):
        wanted = re.search(r'(?:allocate|Tried to allocate) ([\d.]+ ?\w?iB)|'
                           r'allocate (\d+ bytes)', text)
        size = next(filter(None, wanted.groups()), '') if wanted else ''
        return ('memory is used up' + (f' ({size} more were needed)' if size
                                       else '') +
                f'. {LESS_MEMORY} {AGAIN}')
    if _WORKER.search(text) or type(error).__name__ == 'BrokenProcessPool':
        return ('a worker process was killed, most often because memory or '
                'shared memory (/dev/shm) ran out. Use fewer workers '
                '(--workers, train_dataloader.num_workers=0) or smaller '
                f'batches. {AGAIN}')
    return None


def ranks(error: BaseException) -> str | None:
    """Other ranks that ended or wait no more."""
    if _LOST.search(str(error)):
        return ('another rank has ended, or did not answer in time '
                f'({str(error).splitlines()[0][:99]}). See its own message; '
                f'env_cfg.dist_cfg.timeout is the timeout in seconds. {AGAIN}')
    return None


def pictures(error: BaseException) -> str | None:
    """Limits of Pillow, OpenCV and torch."""
    kind, text = type(error).__name__, str(error)
    if kind in ('DecompressionBombError', 'DecompressionBombWarning') or \
            'CV_IO_MAX_IMAGE' in text:
        where = local(error, 'path', 'filename', 'image')
        return (f'{where or "an image"}: more pixels than are read '
                f'({text.splitlines()[0]}). Make the picture smaller, or cut '
                'it into tiles.')
    sample = local(error, 'results', kind=dict) or {}
    # mmseg copies what is mirrored unless it is one pixel wide or high.
    mirrored = 'At least one stride' in text and (
        _PACK in text or 1 in getattr(sample.get('img'), 'shape', ())[:2])
    if 'inv_scale_' in text or mirrored:
        return (f'{sample.get("img_path") or "a picture"}: it is so narrow '
                'that a side of it vanishes, or keeps one pixel, which cannot '
                'be mirrored, when it is resized. Crop it or remove it from '
                'the list; "python -m hsc_mm doctor CONFIG" names all such '
                'pictures.')
    return None
