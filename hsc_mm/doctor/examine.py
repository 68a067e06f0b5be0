"""All checks in order; a check that fails does not stop the others."""
from collections.abc import Callable, Iterator
from functools import partial
from tempfile import TemporaryDirectory

from mmengine.config import Config

from .aux_maps import aux_maps
from .case import Case, draw_labels
from .damage import damage
from .dry_run import dry_run, spell_time, views
from .files import contents, counts, files
from .finding import Finding, error, fact
from .foreground import foreground
from .labels import classes, labels, masks
from .machine import disk, environment
from .pseudo_labels import pseudo_labels
from .sizes import narrow
from .weights import batch, weights

__all__ = ['CHECKS', 'examine']

#: Title -> check, in the order in which they run.
CHECKS: dict[str, Callable[[Case], Iterator[Finding]]] = {
    'versions': environment,
    'data': counts,
    'files': files,
    'damage': damage,
    'sizes': narrow,
    'contents': contents,
    'labels': labels,
    'masks': masks,
    'foreground': foreground,
    'maps': aux_maps,
    'pseudo labels': pseudo_labels,
    'classes': classes,
    'weights': weights,
    'batch': batch,
    'views': views,
    'disk': disk,
    'dry run': dry_run
}
# Errors that do not keep a training from beginning.
_HARMLESS = ('versions', 'masks', 'weights', 'disk')
# Checks that the second stage leaves out: once is enough, or too early.
_FIRST_ONLY = ('versions', 'foreground', 'pseudo labels')


def examine(cfg: Config,
            with_dry_run: bool = True,
            say: Callable[[str], None] = lambda title: None,
            seg_cfg: Config | None = None) -> list[Finding]:
    """Run all checks.

    Args:
        cfg (Config): Of either stage; see
            :func:`hsc_mm.inference.load_config`.
        with_dry_run (bool): Whether the beginning of the training is tried.
        say (callable): Told the title of each check before it runs.
        seg_cfg (Config, optional): Of the segmentation stage, if ``cfg`` is
            that of the CAM stage. Its pseudo labels need not exist: drawn
            ones stand for them. Its checks are called ``'stage 2: ...'``.

    Returns:
        list[Finding]: In the order of the checks.
    """
    case = Case(cfg)
    found = _examine(case, CHECKS, with_dry_run, say)
    if seg_cfg is None:
        return found
    second = Case(seg_cfg)
    checks = {k: v for k, v in CHECKS.items() if k not in _FIRST_ONLY}
    checks['damage'] = partial(damage, known=case)
    checks['dry run'] = partial(_second_dry_run, cam=case)
    more = _examine(second, checks, with_dry_run,
                    lambda title: say(f'stage 2: {title}'))
    for finding in more:
        finding.check = f'stage 2: {finding.check}'
    found += more
    if case.seconds and second.seconds:
        found.append(fact(
            f'both trainings: {spell_time(case.seconds + second.seconds)}; '
            'seeds, pseudo labels and predictions take extra time'))
        found[-1].check = 'time'
    return found


def _second_dry_run(case: Case, cam: Case) -> Iterator[Finding]:
    with TemporaryDirectory() as folder:
        tried = draw_labels(case, cam, folder)
        yield from dry_run(tried)
    case.seconds = tried.seconds


def _examine(case: Case, checks: dict[str, Callable], with_dry_run: bool,
             say: Callable[[str], None]) -> list[Finding]:
    found: list[Finding] = []
    for title, check in checks.items():
        if title == 'dry run':
            if not with_dry_run:
                continue
            if any(f.level == 'error' and f.check not in _HARMLESS
                   for f in found):
                found.append(fact('skipped because of the errors'))
                found[-1].check = title
                continue
        say(title)
        for finding in _run(check, case):
            finding.check = title
            found.append(finding)
    return found


def _run(check: Callable, case: Case) -> Iterator[Finding]:
    """Run a check; what it cannot cope with is a finding too."""
    try:
        yield from check(case)
    except Exception as problem:
        yield error(
            f'the check could not be finished: {type(problem).__name__}: '
            f'{problem}', 'Fix what it names; the other checks were run.')
