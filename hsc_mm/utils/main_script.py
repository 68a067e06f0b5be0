"""Guard of the script that is running, which worker processes import."""
import ast
import sys
import threading
from pathlib import Path

__all__ = ['unguarded_script']


def unguarded_script() -> str | None:
    """Return the script that is running without the usual guard.

    A process that is started to work for it imports it, and so does all of
    it once more, but for what stands under ``if __name__ == '__main__'``.

    Returns:
        str | None: Its file; None where the line that is being run is
        guarded, or where no script is running.
    """
    main = sys.modules.get('__main__')
    file = getattr(main, '__file__', None)
    # Of the main thread: another one has frames of its own.
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None and not (frame.f_code.co_name == '<module>' and
                                     frame.f_globals is vars(main)):
        frame = frame.f_back
    if frame is None or file is None:
        return None
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    guarded = any(
        isinstance(part, ast.If)
        and part.lineno <= frame.f_lineno <= (part.end_lineno or 0)
        and any(getattr(one, 'id', '') == '__name__'
                for one in ast.walk(part.test)) for part in ast.walk(tree))
    return None if guarded else file
