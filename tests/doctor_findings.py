"""Findings of the doctor for a config, picked by level and check."""
from pathlib import Path

from hsc_mm.doctor import examine
from hsc_mm.inference import load_config


def _examine(path: Path, options: dict | None = None, **kwargs) -> list:
    cfg = load_config(path, options, str(path.parent / 'run'))
    return examine(cfg, kwargs.pop('with_dry_run', False), **kwargs)


def _only(findings: list, level: str, check: str):
    """Return the one finding of a level; there must be no other."""
    found = [f for f in findings if f.level == level]
    assert [f.check for f in found] == [check], [f.text for f in found]
    return found[0]


def _errors(findings: list) -> list:
    return [f for f in findings if f.level == 'error']
