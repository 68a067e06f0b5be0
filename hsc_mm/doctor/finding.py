"""One thing that a check found out."""
from dataclasses import dataclass, field

__all__ = ['LEVELS', 'Finding', 'error', 'fact', 'warning']

LEVELS = ('error', 'warning', 'fact')


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
