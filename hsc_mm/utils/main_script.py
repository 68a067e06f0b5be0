"""Guard of the script that is running, which worker processes import."""
import ast
import sys
from pathlib import Path
from types import FrameType

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
    frame: FrameType | None = sys._getframe()
    while frame is not None and not (frame.f_code.co_name == '<module>' and
                                     frame.f_globals is vars(main)):
        frame = frame.f_back
    if frame is None or file is None:
        return None
    try:
        body = ast.parse(Path(file).read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return None
    for part in body:
        if part.lineno <= frame.f_lineno <= (part.end_lineno or part.lineno):
            guarded = isinstance(part, ast.If) and any(
                getattr(one, 'id', '') == '__name__'
                for one in ast.walk(part.test))
            return None if guarded else file
    return None
