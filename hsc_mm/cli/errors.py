"""Sentences for exceptions, and the status that a command ends with.

What a user can fix is said in one line with the remedy, wherever it was
raised; anything else is a bug and says so. ``HSC_MM_TRACEBACK=1`` shows the
traceback besides.
"""
import os
import re
import signal
import sys
import traceback
from pathlib import Path
from types import TracebackType

from hsc_mm.utils.code import is_installed
from .config_errors import config_key, host, innermost, local, registry
from .own_errors import of_gradient, of_hook, of_worker, own_code
from .signals import ended
from .system_errors import memory, pictures, ranks, system

__all__ = ['BUG', 'explain', 'install_hook', 'report']

#: Exit status of an error that no input explains (EX_SOFTWARE).
BUG = 70
_HERE = str(Path(__file__).resolve().parents[1]) + os.sep


def explain(error: BaseException) -> tuple[str, int]:
    """Return one sentence about an exception, and the exit status.

    Args:
        error (BaseException): With its traceback.

    Returns:
        tuple[str, int]: The text without ``error:``, and 1, or :data:`BUG`
        for what is not the user's.
    """
    error = of_hook(error)
    for rule in (system, memory, ranks, pictures, _encoding, _own, registry,
                 config_key, own_code, of_gradient, host):
        text = rule(error)
        if text:
            return text, 1
    name = type(error).__name__
    line = (str(error).strip() or 'no text').splitlines()[0]
    return (f'unexpected: {name}: {line}. This is a bug of hsc_mm, please '
            'report it; run again with HSC_MM_TRACEBACK=1 to see where it '
            'arose.', BUG)


def report(error: BaseException) -> int:
    """Print an exception to stderr, in a sentence; return the exit status."""
    error = _first(error)
    if isinstance(error, KeyboardInterrupt):
        number = getattr(error, 'signal', signal.SIGINT)
        text, status = ended(number), 128 + number
    else:
        text, status = explain(error)
    if os.environ.get('HSC_MM_TRACEBACK', '0') not in ('', '0'):
        traceback.print_exception(error)
    rank = os.environ.get('RANK', '0')
    who = f'rank {rank}: ' if os.environ.get('WORLD_SIZE', '1') != '1' else ''
    print(f'error: {who}{text}', file=sys.stderr, flush=True)
    return status


def _first(error: BaseException) -> BaseException:
    """Return the signal, or full disk, that another error came out of.

    A file of weights that is interrupted can not be closed, and says so.
    """
    one: BaseException | None = error
    while one is not None:
        if isinstance(one, KeyboardInterrupt) or (isinstance(
                error, RuntimeError) and isinstance(one, OSError)):
            return one
        one = one.__context__
    return error


def install_hook() -> None:
    """Shorten what ends mmseg's own scripts, ``mim train`` and ``mim test``.

    Scripts of users keep their tracebacks, as do errors that nothing
    explains.
    """
    script = Path(getattr(sys.modules.get('__main__'), '__file__', '') or '')
    if sys.excepthook is sys.__excepthook__ and \
            script.parts[-4:-1] == ('mmseg', '.mim', 'tools'):
        sys.excepthook = _hook


def _hook(kind: type[BaseException], error: BaseException,
          trace: TracebackType | None) -> None:
    known = isinstance(error, KeyboardInterrupt) or explain(error)[1] != BUG
    report(error) if known else sys.__excepthook__(kind, error, trace)


def _own(error: BaseException) -> str | None:
    """What this package or a user's refuses; it is said already."""
    text = str(error)
    inner = of_worker(text)
    if inner:
        kind, said = inner
        files = re.findall(r'File "([^"]+)"', text)
        ours = files and files[-1].startswith(_HERE)
        return said if ours or kind.endswith('FileNotFoundError') else None
    if isinstance(error, ImportError) and 'hsc_mm' in text:
        return text
    if 'torchvision::' in text:
        return ('torch and torchvision come from different builds. Install '
                'both in one command: pip install --force-reinstall torch '
                'torchvision (and one --index-url for both).')
    if 'loaded state dict' in text and 'parameter group' in text:
        return (f'checkpoint: its optimizer is not that of the config: {text}.'
                ' Resume with the config it was trained with, or start from '
                'its weights (load_from).')
    file, line = innermost(error)
    if isinstance(error, ValueError | TypeError | NotImplementedError) and \
            line.startswith('raise') and (
                file.startswith(_HERE) or not is_installed(file)):
        return text
    if 'Weights only load failed' in text or 'PytorchStreamReader' in text:
        return text.splitlines()[0]
    return None


def _encoding(error: BaseException) -> str | None:
    """Texts in another encoding, or tables that never end."""
    where = local(error, 'path', 'file', 'filename', 'source') or 'a file'
    if isinstance(error, UnicodeError):
        return (f'{where}: expected text in UTF-8, found other bytes '
                f'({getattr(error, "reason", error)}). Save it as UTF-8 '
                '(iconv -f utf-16 -t utf-8 or -f latin1).')
    if type(error).__module__ == '_csv':
        return (f'{where}: expected a CSV, but {error}. Look for an unclosed '
                'quotation mark.')
    return None
