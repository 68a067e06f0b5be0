"""Errors of the modules that ``custom_imports`` of a config names."""
import os
import traceback
from pathlib import Path

from hsc_mm.utils.code import is_installed

__all__ = ['import_refused']

_PACKAGE = str(Path(__file__).resolve().parents[1]) + os.sep


def import_refused(path: str | Path, error: BaseException
                   ) -> ValueError | None:
    """Say which module of a config could not be imported, and where.

    Args:
        path (str | Path): The config.
        error (BaseException): What reading it raised.

    Returns:
        ValueError | None: With file and line of the user's module, or with
        the name that was not found; None where no import failed.
    """
    raised = []
    one: BaseException | None = error
    while one is not None:
        frames = traceback.extract_tb(one.__traceback__)
        calls = [frame.name for frame in frames]
        if 'import_modules_from_strings' in calls:
            raised.append((one, frames[calls.index(
                'import_modules_from_strings'):]))
        one = one.__context__
    if not raised:
        return None
    prefix = f'config {path}: custom_imports: '
    for one, frames in raised:
        place = _place(one, [(frame.filename, frame.lineno or 0)
                             for frame in frames])
        if place:
            text = str(one.args[0] if isinstance(one, KeyError) and one.args
                       else getattr(one, 'msg', None) or one)
            said = (text.strip() or 'no text').splitlines()[0].rstrip('.')
            return ValueError(f'{prefix}{place}: {type(one).__name__}: '
                              f'{said}. Correct it there.')
    missing = [one for one, _ in raised if isinstance(one, ImportError)]
    if not missing:
        return None
    text = str(missing[-1]).rstrip('.')
    if 'is not a package' in text:
        return ValueError(f'{prefix}{text}. Name the module, without a class '
                          'and without .py.')
    return ValueError(f'{prefix}{text}. For a module of your own put '
                      'PYTHONPATH=FOLDER, the folder that it lies in, in '
                      'front of the command.')


def _place(error: BaseException, frames: list[tuple[str, int]]) -> str | None:
    """Return the last file and line of a user's own, None without one."""
    if isinstance(error, SyntaxError) and error.filename:
        frames = [*frames, (error.filename, error.lineno or 0)]
    own = [(file, line) for file, line in frames
           if not file.startswith(('<', _PACKAGE)) and not is_installed(file)]
    return f'{own[-1][0]}, line {own[-1][1]}' if own else None
