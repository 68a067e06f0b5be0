"""Commands as child processes, their output kept in a file."""
import re
import subprocess
import sys
from pathlib import Path

__all__ = ['ToolError', 'run_tool']

_SHOWN = re.compile(r'Iter\((train|val|test)\)\s*\[\s*\d+/\d+\].*')
_LAST_LINES = 15


class ToolError(ValueError):
    """A tool ended with an error."""


def run_tool(name: str, arguments: list, log: Path) -> None:
    """Run a command of :mod:`hsc_mm.cli` and wait for it.

    Progress lines of the tool are passed on, every line goes to ``log``.

    Args:
        name (str): The command.
        arguments (list): Its arguments.
        log (Path): File for its output, appended to.

    Raises:
        ToolError: It ended with an error; the message has its last lines.
    """
    command = [sys.executable, '-m', 'hsc_mm', name, *map(str, arguments)]
    log.parent.mkdir(parents=True, exist_ok=True)
    tail: list[str] = []
    with open(log, 'a', encoding='utf-8') as file, subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace') as child:
        try:
            for line in child.stdout:
                file.write(line)
                file.flush()
                tail = [*tail[1 - _LAST_LINES:], line.rstrip()]
                shown = _SHOWN.search(line)
                if shown:
                    print(f'    {_short(shown.group())}', flush=True)
        except BaseException:
            child.terminate()
            raise
    if child.returncode:
        errors = [line for line in tail if line.startswith('error: ')]
        reason = errors[-1] if errors else '\n'.join(tail)
        raise ToolError(f'{name} ended with status {child.returncode} '
                        f'(everything it said: {log})\n{reason}')


def _short(line: str) -> str:
    """Keep of a line of mmengine's log what a person wants to see."""
    head = re.match(r'Iter\(\w+\)\s*\[\s*\d+/\d+\]', line).group()
    kept = re.findall(r'(eta: [\d:]+|loss: [\d.]+|seed/mIoU\w*: [\d.]+|'
                      r'\bmIoU: [\d.]+)', line)
    return '  '.join([head, *kept])
