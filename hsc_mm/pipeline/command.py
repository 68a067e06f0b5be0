"""Command of the shell that makes a work dir again."""
import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from hsc_mm.inference.config_options import option_words
from hsc_mm.utils.checkpoints import trusted
from .context import Context

__all__ = ['pipeline_command', 'shown_path', 'used_variables']


def shown_path(path: str | Path) -> str:
    """Return a path as a word of a shell, which needs no other folder.

    It is relative to here where that does not lead through the root or the
    home folder, so that a report for others names no more folders than it
    has to. Else it begins with ``~/``, or is absolute.
    """
    path, here = os.path.abspath(path), os.getcwd()
    home = os.path.expanduser('~')
    shared = os.path.commonpath([here, path])
    if shared in (here, path) or shared not in (os.sep, home):
        found = os.path.relpath(path)
        return shlex.quote(f'./{found}' if found.startswith('-') else found)
    if home != os.sep and os.path.commonpath([home, path]) == home:
        return f'~/{shlex.quote(os.path.relpath(path, home))}'
    return shlex.quote(path)


def used_variables(ctx: Context) -> dict[str, str]:
    """Return the environment variables that configs of a run have read.

    ``PSEUDO_DIR`` is left out: the pipeline makes the labels.
    """
    found: dict[str, str] = {}
    for cfg in ctx.configs.values():
        if cfg is not None:
            found.update(cfg.env_variables)
    found.pop('PSEUDO_DIR', None)
    return dict(sorted(found.items()))


def pipeline_command(ctx: Context, baselines: Iterable[str]) -> list[str]:
    """Return the command that made the work dir, in parts.

    Args:
        ctx (Context): With all steps.
        baselines (iterable[str]): Config files of the baselines.
    """
    configs = [cfg for cfg in (ctx.cam_cfg, ctx.seg_cfg) if cfg is not None]
    words = [
        f'{name}=' + (shown_path(value) if os.path.exists(value) else
                      shlex.quote(value))
        for name, value in used_variables(ctx).items()]
    words.append('python -m hsc_mm pipeline')
    words += [shown_path(cfg.filename or 'config.py') for cfg in configs]
    words.append(f'--work-dir {shown_path(ctx.root)}')
    others = [shown_path(path) for path in baselines]
    if others:
        words.append(f'--baseline {" ".join(others)}')
    if ctx.threshold is not None:
        words.append(f'--threshold {ctx.threshold}')
    if ctx.select is not None:
        words.append(f'--select {ctx.select}' if isinstance(ctx.select, int)
                     else f'--select-list {shown_path(ctx.select)}')
    if trusted():
        words.append('--trust-checkpoint')
    for stage, options in ctx.options.items():
        words.append(shlex.join(option_words(f'--{stage}-options', options)))
    return words
