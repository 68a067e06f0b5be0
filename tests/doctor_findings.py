"""Findings of the doctor for a config, picked by level and check."""
from pathlib import Path

from hsc_mm.doctor import examine
from hsc_mm.inference import load_config


def examined(path: Path, options: dict | None = None, **kwargs) -> list:
    """Return the findings for a config file, without a dry run."""
    cfg = load_config(path, options, str(path.parent / 'run'))
    return examine(cfg, kwargs.pop('with_dry_run', False), **kwargs)


def only_one(findings: list, level: str, check: str):
    """Return the one finding of a level; there must be no other."""
    found = [f for f in findings if f.level == level]
    assert [f.check for f in found] == [check], [f.text for f in found]
    return found[0]


def errors_of(findings: list) -> list:
    """Return the errors among findings."""
    return [f for f in findings if f.level == 'error']
