"""Last lines, warnings, notes and progress bars that the commands print."""
import shlex
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = [
    'finish', 'first', 'note', 'plain', 'progress', 'then_train', 'warn'
]

_LISTED = 20
_TURNS = ('LRE', 'RLE', 'LRO', 'RLO', 'PDF', 'LRI', 'RLI', 'FSI', 'PDI')


def finish(results: str, *then: str) -> None:
    """Print where the results are and what to do next, as the last lines.

    Args:
        results (str): File or folder, and what is in it.
        *then (str): Commands that may follow.
    """
    print(f'results: {results}')
    for command in then:
        print(f'next: {command}')


def then_train(folder: str, soft: bool) -> str:
    """Say how a segmentor is trained on the labels in a folder.

    Args:
        folder (str): Of pseudo labels.
        soft (bool): Whether they are soft CAMs alone.
    """
    command = (f'PSEUDO_DIR={shlex.quote(folder)} python -m hsc_mm train '
               'SEG_CONFIG')
    return ("set suffix='.npz' of hsc_mm.LoadPseudoLabel in SEG_CONFIG, then: "
            + command if soft else command)


def warn(lines: Iterable[str]) -> None:
    """Print warnings, as the last lines of a tool."""
    for line in lines:
        print(f'WARNING: {line}', file=sys.stderr)


def note(left_out: Mapping[str, Sequence[str]]) -> None:
    """Print what was left out: why, and the first three of the names."""
    for why, names in left_out.items():
        more = f' ... ({len(names)})' if len(names) > 3 else ''
        print(f'  {why}: {plain(", ".join(names[:3]))}{more}')


def plain(name: str) -> str:
    """Return the name of a file as a part of one line.

    What moves the cursor, colours a terminal or turns the direction of a
    text is written as Python does.
    """
    return ''.join(
        letter.encode('unicode_escape').decode()
        if unicodedata.category(letter) in ('Cc', 'Zl', 'Zp')
        or unicodedata.bidirectional(letter) in _TURNS else letter
        for letter in name)


def first(lines: Sequence[str]) -> None:
    """Print the first lines of a list of problems, and count the rest."""
    for line in lines[:_LISTED]:
        print(f'  {line}', file=sys.stderr)
    if len(lines) > _LISTED:
        print(f'  ... and {len(lines) - _LISTED} more', file=sys.stderr)


def progress(items: Iterable, total: int, what: str) -> Iterator:
    """Pass items on; see :func:`hsc_mm.utils.progress.progress`."""
    from hsc_mm.utils.progress import progress as shown  # after --help
    return shown(items, total, what)
