"""Locks of folders that a process writes into; they end with the process.

A lock is one of the system (``fcntl.lockf``) on a hidden file in the folder,
so neither a kill nor a crash leaves one behind. The file says who holds it.
"""
import contextlib
import errno
import json
import os
import shlex
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: folders are not locked
    fcntl = None  # type: ignore[assignment]

__all__ = ['LOCK', 'check_free', 'hold', 'locked', 'release']

#: Name of the file in the folder.
LOCK = '.hsc_mm_lock'
# Of systems that lock no files, some network drives for example.
_WITHOUT = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
# A link to a file of the user's is not followed, a pipe not waited for.
_OPEN = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(
    os, 'O_NOFOLLOW', 0) | getattr(os, 'O_NONBLOCK', 0)
_held: dict[str, int] = {}


def hold(folder: str | os.PathLike,
         option: str = '--out',
         shard: int = 0) -> None:
    """Lock a folder for this process, until it ends or releases it.

    A folder that this process holds already stays held. Forked children do
    not hold it.

    Args:
        folder (str | Path): Made if missing.
        option (str): What messages call the folder.
        shard (int): From 1: one of several processes that share the folder,
            each with a number of its own. 0: alone.

    Raises:
        FileExistsError: Another process holds it; the message says which.
        OSError: The folder cannot be made or written.
    """
    home = os.path.realpath(folder)
    if fcntl is None or home in _held:
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    path = os.path.join(home, LOCK)
    while True:
        file = os.open(path, _OPEN, 0o666)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO), path)
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB,
                        int(shard > 0), shard)
        except OSError as error:
            os.close(file)
            if error.errno in _WITHOUT:
                return
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            with contextlib.suppress(FileNotFoundError):  # released just now
                raise FileExistsError(_refusal(folder, option, _holders(path))
                                      ) from None
            continue
        # The one before may have removed it between opening and locking.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), os.stat(path)):
                break
        os.close(file)
    _held[home] = file
    if not shard:
        os.ftruncate(file, 0)
    with contextlib.suppress(OSError):  # a full disk: a lock without a name
        os.write(file, (json.dumps(_me()) + '\n').encode())


@contextlib.contextmanager
def locked(folder: str | os.PathLike,
           option: str = '--out',
           shard: int = 0) -> Iterator[None]:
    """Hold a folder for a while; see :func:`hold`."""
    before = os.path.realpath(folder) in _held
    hold(folder, option, shard)
    try:
        yield
    finally:
        if not before:
            release(folder)


def check_free(folder: str | os.PathLike, option: str = '--work-dir') -> None:
    """Refuse a folder that another process holds, without holding it.

    Raises:
        FileExistsError: See :func:`hold`.
    """
    if os.path.exists(os.path.join(folder, LOCK)):
        with locked(folder, option):
            pass


def release(folder: str | os.PathLike | None = None) -> None:
    """Let go of a folder, or of all that this process holds."""
    homes = list(_held) if folder is None else [os.path.realpath(folder)]
    for home in homes:
        file = _held.pop(home, None)
        if file is None:
            continue
        with contextlib.suppress(OSError):
            # Other shards may hold their part: then the file stays.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(os.path.join(home, LOCK))
        os.close(file)


def _me() -> dict:
    """Say who this process is."""
    return dict(
        pid=os.getpid(),
        host=socket.gethostname(),
        command=shlex.join(sys.argv)[:300],
        since=time.strftime('%Y-%m-%d %H:%M:%S'))


def _holders(path: str) -> list[dict]:
    """Read who holds a lock, those left out that have ended here."""
    found = []
    for line in Path(path).read_text('utf-8', 'replace').splitlines():
        with contextlib.suppress(ValueError):
            one = json.loads(line)
            if isinstance(one, dict) and _alive(one):
                found.append(one)
    return found


def _alive(who: dict) -> bool:
    if who.get('host') != socket.gethostname():
        return True
    try:
        os.kill(int(who['pid']), 0)
    except (KeyError, ValueError, TypeError, ProcessLookupError):
        return False
    except OSError:  # it is another user's
        pass
    return True


def _refusal(folder: str | os.PathLike, option: str,
             holders: list[dict]) -> str:
    who = '; '.join(
        f'process {one.get("pid")} on {one.get("host")} since '
        f'{one.get("since")}: {one.get("command")}' for one in holders[-3:])
    return (f'{option} {folder}: another process is writing into this folder '
            f'({who or "unknown"}). Wait until it ends, stop it, or name '
            'another folder.')
