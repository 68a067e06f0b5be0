"""All checks, one after the other; none stops the others."""
from collections.abc import Callable, Iterator

from mmengine.config import Config

from .case import Case
from .dry_run import dry_run, views
from .files import aux_maps, counts, files, masks
from .finding import Finding, error, fact
from .labels import classes, labels, pseudo_labels
from .machine import disk, environment
from .weights import weights

__all__ = ['CHECKS', 'examine']

#: Title -> check, in the order in which they run.
CHECKS: dict[str, Callable[[Case], Iterator[Finding]]] = {
    'versions': environment,
    'data': counts,
    'files': files,
    'labels': labels,
    'masks': masks,
    'maps': aux_maps,
    'pseudo labels': pseudo_labels,
    'classes': classes,
    'weights': weights,
    'views': views,
    'disk': disk,
    'dry run': dry_run
}
# Errors that do not keep two iterations from running.
_HARMLESS = ('versions', 'masks', 'weights', 'disk')


def examine(cfg: Config,
            with_dry_run: bool = True,
            say: Callable[[str], None] = lambda title: None) -> list[Finding]:
    """Run all checks.

    Args:
        cfg (Config): Of either stage; see
            :func:`hsc_mm.inference.load_config`.
        with_dry_run (bool): Whether two iterations are trained.
        say (callable): Told the title of each check before it runs.

    Returns:
        list[Finding]: In the order of the checks.
    """
    case, found = Case(cfg), []
    for title, check in CHECKS.items():
        if title == 'dry run':
            if not with_dry_run:
                continue
            if any(f.level == 'error' and f.check not in _HARMLESS
                   for f in found):
                found.append(fact('not made, because of the errors'))
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
            f'{problem}', 'Mend what it names; the other checks ran.')
