"""Sentences for what ends in a user's own code: losses, hooks, data sets."""
import os
import re
import traceback
from collections.abc import Iterable
from itertools import dropwhile
from pathlib import Path

from hsc_mm.utils.code import is_installed

__all__ = ['of_gradient', 'of_hook', 'of_worker', 'own_code', 'own_place']

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGE = f'{_ROOT / "hsc_mm"}{os.sep}'
_COMMANDS = (f'{_ROOT / "hsc_mm" / "cli"}{os.sep}',
             f'{_ROOT / "tools"}{os.sep}', f'{_ROOT / "demo"}{os.sep}')
_Frames = list[tuple[str, int, str, str]]  # file, line, function, code


def of_hook(error: BaseException) -> BaseException:
    """Return the TypeError that a hook raised, or the error itself.

    mmengine's ``call_hook`` raises those once more ``from None``: frames of
    the hook are in the context alone. Its traceback is shown from here on.
    """
    while isinstance(error, TypeError) and isinstance(
            error.__context__, TypeError):
        *_, last = [None, *traceback.extract_tb(error.__traceback__)]
        if last is None or last.name != 'call_hook':
            break
        error.__suppress_context__ = False
        error = error.__context__
    return error


def of_worker(text: str) -> tuple[str, str] | None:
    """Return kind and text of what a worker process raised.

    They follow the last frame of the traceback that the text holds. None
    where it is of no such process.
    """
    if not re.search(r'Caught \w+ in \w+ \w+ process', text):
        return None
    last = text.rpartition('\n  File "')[2]
    raised = re.split(r'\n(?=\S)', last, maxsplit=1)[-1].strip()
    kind = re.split(r':\s|\n', raised, maxsplit=1)[0].rstrip(':')
    return kind, raised[len(kind):].removeprefix(':').strip()


def of_gradient(error: BaseException) -> str | None:
    """What torch finds in ``backward()``: no frame names the code."""
    text = str(error)
    if not isinstance(error, RuntimeError):
        return None
    if 'does not require grad' in text:
        return ('training: expected a loss that depends on a parameter, '
                'found none. Look for detach(), torch.no_grad() and frozen '
                'layers in head (compute_cam), refiner and losses. If none '
                'of them is yours, please report it.')
    if 'modified by an inplace operation' in text:
        return ('training: a tensor that the gradient needs was changed in '
                'place. Look in losses, head and refiner for clamp_(), '
                'add_(), x[...] = y; write x.clamp(), x + y, torch.where(). '
                'torch.autograd.set_detect_anomaly(True) shows the line. If '
                'none of them is yours, please report it.')
    return None


def own_code(error: BaseException) -> str | None:
    """What a file of the user ends with, or calls in a wrong way."""
    frames, kind, said = _told(error)
    place = own_place(error, frames)
    if place is None:
        return None
    text = f'{place}: {kind}: {said}' if said else f'{place}: {kind}'
    file, line, _, code = [
        one for one in [('', 0, '', ''), *frames]
        if one[0].startswith(_PACKAGE) or not is_installed(one[0])][-1]
    if file.startswith(_PACKAGE) and not code.startswith('raise') and \
            _signature(error) is None:
        text += (f' (in {_short(file)}, line {line}, of hsc_mm: if your code '
                 'is right, please report it)')
    return f'{text}. HSC_MM_TRACEBACK=1 shows the way there.'


def own_place(error: BaseException, frames: _Frames | None = None
              ) -> str | None:
    """Return file, line and code of the user that an error came out of.

    That is what our package or a library calls and neither holds; None
    where there is no such code.
    """
    frames = _told(error)[0] if frames is None else frames
    own = [one for one in dropwhile(_is_caller, frames) if _is_own(one[0])]
    found = _signature(error) or (own[-1] if own else None)
    if found is None:
        return None
    file, line, function, code = found
    return f'{_short(file)}, line {line}, in {function}' + (
        f' ("{code}")' if code else '')


def _told(error: BaseException) -> tuple[_Frames, str, str]:
    """Return frames, kind and first line, also those of a worker process."""
    text, kind = str(error), type(error).__name__
    inner = of_worker(text)
    if inner:
        frames: Iterable = re.findall(
            r'File "([^"]+)", line (\d+), in (.+)\n(?: {4}(.+))?', text)
        kind, text = inner
    else:
        frames = [(one.filename, one.lineno or 0, one.name, one.line or '')
                  for one in traceback.extract_tb(error.__traceback__)]
        if isinstance(error, KeyError) and ' ' in text:
            text = str(error.args[0])  # a sentence, without quotes
    said = (text.strip() or ' ').splitlines()[0].strip().rstrip('.')
    return [(file, int(line), name, code.strip())
            for file, line, name, code in frames], kind, said


def _is_caller(frame: tuple[str, int, str, str]) -> bool:
    """Say whether no part of a model or a training is called yet."""
    file = frame[0]
    return file.startswith(_COMMANDS) or not (
        file.startswith(_PACKAGE) or is_installed(file))


def _is_own(file: str) -> bool:
    return not (file.startswith(('<', _PACKAGE, *_COMMANDS))
                or is_installed(file))


def _short(file: str) -> str:
    """Return a path from the current folder, if it lies in there."""
    short = os.path.relpath(file)
    return file if short.startswith(os.pardir) else short


def _signature(error: BaseException) -> tuple[str, int, str, str] | None:
    """Return the function of the user that was called with other arguments.

    It has no frame: it is looked for in the variables of its caller.
    """
    wrong = re.match(r'([\w.<>]+)\(\) (missing|takes|got)', str(error))
    if not isinstance(error, TypeError) or not wrong:
        return None
    frames = [one for one, _ in traceback.walk_tb(error.__traceback__)]
    for frame in frames[-1:]:
        for value in list(frame.f_locals.values()):
            method = getattr(type(value), wrong[1].rpartition('.')[2], None)
            for one in (value, method):
                code = getattr(one, '__code__', None)
                if code and _is_own(code.co_filename) and getattr(
                        one, '__qualname__', '') == wrong[1]:
                    return (code.co_filename, code.co_firstlineno,
                            code.co_name, '')
    return None
