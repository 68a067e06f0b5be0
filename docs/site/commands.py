"""Reference of the commands, written from their argument parsers."""
import argparse
import sys
from collections.abc import Iterator

from hsc_mm.cli import COMMANDS, import_command

__all__ = ['find_parsers', 'write_commands']


class _FoundError(Exception):
    """Carries the parser of a command out of its ``main()``."""


def _catch(parser: argparse.ArgumentParser, *args: object) -> None:
    raise _FoundError(parser)


def find_parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield the name and the argument parser of every command.

    A command builds its parser in ``main()``, which is stopped where it
    begins to read the command line.
    """
    parse, argv = argparse.ArgumentParser.parse_args, sys.argv
    try:
        argparse.ArgumentParser.parse_args = _catch
        for name in COMMANDS:
            sys.argv = [f'python -m hsc_mm {name}']
            try:
                import_command(name).main()
            except _FoundError as found:
                yield name, found.args[0]
    finally:
        argparse.ArgumentParser.parse_args, sys.argv = parse, argv


def _row(action: argparse.Action, formatter: argparse.HelpFormatter) -> str:
    name = ', '.join(f'`{one}`' for one in action.option_strings) or (
        f'`{action.metavar or action.dest}`')
    value = '' if not action.option_strings or action.nargs == 0 else (
        formatter._format_args(
            action, formatter._get_default_metavar_for_optional(action)))
    default = action.default
    if action.nargs == 0 or default in (None, argparse.SUPPRESS, []):
        default = 'required' if action.required else ''
    else:
        default = f'`{default}`'
    text = formatter._expand_help(action) if action.help else ''
    cells = (name, f'`{value}`' if value else '', default, text)
    return '| ' + ' | '.join(
        ' '.join(cell.split()).replace('|', '\\|') for cell in cells) + ' |'


def write_commands() -> str:
    """Return the page of all commands as Markdown."""
    lines = [
        '# Commands', '',
        '`python -m hsc_mm COMMAND` and `python tools/COMMAND.py` are the '
        'same. This page is generated from the argument parsers.', '',
        '| command | purpose |', '|---|---|',
        *(f'| [`{name}`](#{name}) | {text} |'
          for name, text in COMMANDS.items())
    ]
    for name, parser in find_parsers():
        formatter = parser._get_formatter()
        about = (parser.description or '').strip().split('\n\n')
        lines += ['', f'## `{name}` {{#{name}}}', '', *about[:1], '', '```',
                  parser.format_usage().removeprefix('usage: ').strip(),
                  '```', '', '| argument | value | default | meaning |',
                  '|---|---|---|---|']
        lines += [_row(one, formatter) for one in parser._actions
                  if one.help != argparse.SUPPRESS
                  and not isinstance(one, argparse._HelpAction)]
    return '\n'.join(lines) + '\n'
