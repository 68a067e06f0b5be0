"""Findings of the checks, and how they are written down."""
from dataclasses import asdict, dataclass, field
from io import StringIO

from rich.console import Console
from rich.text import Text

__all__ = ['Finding', 'as_json', 'as_text', 'error', 'fact', 'warning']

_LEVELS = ('error', 'warning', 'fact')
_STYLES = dict(error='bold red', warning='bold yellow')


@dataclass
class Finding:
    """What was found, and what to do about it.

    Attributes:
        level (str): ``'error'``: training would fail or learn nothing
            sensible. ``'warning'``: worth a look. ``'fact'``: for the record.
        text (str): What was found, one or two sentences.
        advice (str): What to do; empty for facts.
        details (list[str]): Lines below, a file each; all of them.
        check (str): Name of the check, filled in by
            :func:`hsc_mm.doctor.examine`.
    """
    level: str
    text: str
    advice: str = ''
    details: list[str] = field(default_factory=list)
    check: str = ''


def error(text: str, advice: str, details: list[str] | None = None) -> Finding:
    """Make a finding that must be mended."""
    return Finding('error', text, advice, details or [])


def warning(text: str,
            advice: str,
            details: list[str] | None = None) -> Finding:
    """Make a finding that is worth a look."""
    return Finding('warning', text, advice, details or [])


def fact(text: str) -> Finding:
    """Make a finding for the record."""
    return Finding('fact', text)


def as_text(title: str,
            findings: list[Finding],
            colour: bool = False,
            width: int = 100) -> str:
    """Write facts by check, then errors and warnings with numbers.

    Args:
        title (str): First line.
        findings (list[Finding]): Of :func:`hsc_mm.doctor.examine`.
        colour (bool): Whether for a terminal.
        width (int): Columns.

    Returns:
        str: Several lines.
    """
    text = StringIO()
    console = Console(
        file=text, width=width, force_terminal=colour, highlight=False)

    def say(line: str, indent: int = 0, style: str = '') -> None:
        wrapped = Text(line, style=style).wrap(console, width - indent)
        for part in wrapped:
            console.print(Text(' ' * indent) + part, soft_wrap=True)

    say(title, style='bold')
    shown = ''
    for finding in findings:
        if finding.level == 'fact':
            if finding.check != shown:
                say(finding.check, style='bold')
            shown = finding.check
            say(finding.text, 2)
    number = 0
    for level in _LEVELS[:2]:
        for finding in findings:
            if finding.level != level:
                continue
            number += 1
            say('')
            say(f'{number}. {level} ({finding.check}): {finding.text}', 0,
                _STYLES[level])
            for line in finding.details:
                console.print(Text(f'     {line}'), soft_wrap=True)
            if finding.advice:
                say(f'-> {finding.advice}', 3)
    say('')
    say(_verdict(findings), style='bold')
    return text.getvalue()


def _verdict(findings: list[Finding]) -> str:
    errors, warnings = (sum(f.level == level for f in findings)
                        for level in _LEVELS[:2])
    if errors:
        return (f'{errors} error(s), {warnings} warning(s). Fix the errors '
                'before training.')
    if warnings:
        return (f'no errors, {warnings} warning(s): training can start.')
    return 'no errors, no warnings: training can start.'


def as_json(findings: list[Finding]) -> list[dict]:
    """Return the findings as JSON values."""
    return [asdict(finding) for finding in findings]
