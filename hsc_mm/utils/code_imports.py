"""Files that Python files import, found in their text without running it."""
import ast
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

__all__ = ['imported_files']

_CALLS = ('import_module', '__import__')


def imported_files(files: Iterable[Path], roots: Iterable[str],
                   known: Iterable[str] = ()) -> set[Path]:
    """Find the files that these import, and those that they import in turn.

    Imports inside functions count, and so do modules in folders without
    ``__init__.py``. A name that is only computed when the code runs is not
    found.

    Args:
        files (iterable[Path]): Files of Python code.
        roots (iterable[str]): Folders in which modules are looked for.
        known (iterable[str]): Packages that are not looked for, besides
            Python's own modules.

    Returns:
        set[Path]: The files that were found, without ``files``.
    """
    roots = [Path(root) for root in roots]
    skipped = {*known, *sys.stdlib_module_names}
    start = set(files)
    seen, todo = set(start), list(start)
    while todo:
        file = todo.pop()
        for level, name in _names(file):
            if level:
                package = file.parents[min(level, len(file.parents)) - 1]
                new = _found([package], name) | _there(package, '__init__.py')
            elif name.partition('.')[0] in skipped:
                continue
            else:
                new = _found(roots, name)
            todo += new - seen
            seen |= new
    return seen - start


def _found(places: Iterable[Path], name: str) -> set[Path]:
    """Find the files of a module and its packages in the first such place."""
    parts = name.split('.')
    for place in places:
        found: set[Path] = set()
        for end in range(len(parts)):
            folder = place.joinpath(*parts[:end])
            found |= _there(folder, f'{parts[end]}.py',
                            f'{parts[end]}/__init__.py')
        if found:
            return found
    return set()


def _there(folder: Path, *names: str) -> set[Path]:
    return {folder / name for name in names if (folder / name).is_file()}


def _names(file: Path) -> tuple[tuple[int, str], ...]:
    """Return the imports of a file, read again only where it has changed."""
    try:
        stat = os.stat(file)
        return _read(str(file), stat.st_size, stat.st_mtime_ns)
    except OSError:
        return ()


@cache
def _read(path: str, size: int, mtime: int) -> tuple[tuple[int, str], ...]:
    """Return levels and names; the level of an absolute import is 0."""
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return ()
    return tuple(sorted({one for node in ast.walk(tree)
                         for one in _of_node(node)}))


def _of_node(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import):
        yield from ((0, one.name) for one in node.names)
    elif isinstance(node, ast.ImportFrom):
        # Each name may be a module of its own.
        for one in node.names:
            yield node.level, f'{node.module or ""}.{one.name}'.lstrip('.')
    elif isinstance(node, ast.Call) and node.args:
        kind = getattr(node.func, 'attr', getattr(node.func, 'id', ''))
        name = getattr(node.args[0], 'value', None)
        if kind in _CALLS and isinstance(name, str):
            text = name.lstrip('.')
            yield len(name) - len(text), text
