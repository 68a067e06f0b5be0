"""Step of the pipeline, its results, and commands that it runs.

In one file, though long: a step, its outcome and its rows are one contract.
"""
from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hsc_mm.cli.signals import PARENT, killed

if TYPE_CHECKING:
    from .context import Context

__all__ = [
    'BACKGROUND', 'Outcome', 'ScoreRow', 'Step', 'ToolError', 'run_tool'
]

#: What is scored where every pixel is background: the row to beat.
BACKGROUND = 'background everywhere'

_SHOWN = re.compile(r'(Iter\([^)]+\)\s*\[\s*\d+/\d+\]).*')
_LAST_LINES = 15


class Outcome(NamedTuple):
    """What a step leaves.

    Attributes:
        outputs (list[Path]): Files and folders below the work dir; a step
            whose outputs are changed or gone runs again.
        result (dict): JSON values for later steps and for the report.
    """
    outputs: list[Path]
    result: dict


class ScoreRow(NamedTuple):
    """A score in the tables of report, console and matrix.

    Attributes:
        what (str): What was scored; the same in every run.
        split (str): Split whose masks were looked at.
        miou (float): Percent.
        iou (list[float | None]): Of each class; None: it does not occur.
        classes (list[str]): Their names.
        threshold (float, optional): Background threshold.
        false_pixels (float, optional): Percent of the pixels of images
            without any class that are called one.
        chosen (str, optional): How the threshold was chosen.
        images (int, optional): Number of images that were scored.

    ``miou`` is the mean of ``iou``, of classes that have one.
    """
    what: str
    split: str
    miou: float
    iou: list[float | None]
    classes: list[str]
    threshold: float | None = None
    false_pixels: float | None = None
    chosen: str | None = None
    images: int | None = None

    @classmethod
    def of(cls, what: str, result: dict) -> list[ScoreRow]:
        """Return the row of a result, or none where nothing was scored.

        Args:
            what (str): What was scored.
            result (dict): With the keys of
                :func:`hsc_mm.evaluation.folder.score_folder`, and
                ``threshold`` and ``chosen`` if there are such.
        """
        if result.get('mIoU') is None:
            return []
        return [
            cls(what, result['split'], result['mIoU'], result['iou'],
                result['classes'], result.get('threshold'),
                result.get('false_pixel_rate'), result.get('chosen'),
                result.get('images'))
        ]

    @property
    def list_scored(self) -> tuple[str, int | None]:
        """tuple: Split and images; lists in two folders may have one name."""
        return self.split, self.images

    @property
    def title(self) -> str:
        """str: ``what``, the threshold, and how it was chosen."""
        if self.threshold is None:
            return self.what
        how = f', {self.chosen}' if self.chosen else ''
        return f'{self.what} (threshold {self.threshold}{how})'


class Step:
    """Base of all steps.

    A step runs when its outputs are incomplete or its inputs changed; see
    :class:`hsc_mm.pipeline.Pipeline`. A subclass has :meth:`inputs` and
    :meth:`run`, and is registered with :data:`hsc_mm.registry.STEPS`.

    Args:
        name (str, optional): How later steps, the command line and the
            manifest call it; by default that of the class.
        folder (str, optional): The folder below the work dir that it owns;
            by default that of the class, or ``name`` where one is given.

    Attributes:
        makes (tuple[str, ...]): What later steps can ask the context for:
            ``'cam'`` and ``'segmentor'`` (``result`` has ``checkpoint``, a
            file in the folder, and ``hash``), ``'seeds'`` (``result`` is
            that of :class:`hsc_mm.SeedMetric`, or empty),
            ``'pseudo_labels'`` (the folder is one), ``'predictions'`` (masks
            of the segmentor's test split in ``masks``), ``'report'``.
        config (str): Config of what it makes, see :meth:`Context.config`.
        needs_seg_cfg (bool): Whether it is left out where there is no config
            of the segmentation stage.
        settings (dict): How the config names it, without name and folder; a
            change runs the step again.
    """
    name = ''
    folder = ''
    makes: tuple[str, ...] = ()
    config = 'cam'
    needs_seg_cfg = False

    def __init__(self,
                 name: str | None = None,
                 folder: str | None = None) -> None:
        self.folder = folder or name or self.folder or self.name
        self.name = name or self.name
        self.settings: dict = {}

    def check(self, ctx: Context) -> None:
        """Refuse wrong settings and data before any step runs.

        Args:
            ctx (Context): Steps before this one have no results yet.

        Raises:
            ValueError: Something is wrong.
        """

    def inputs(self, ctx: Context) -> dict:
        """Return JSON values that tell what the step is made from.

        Args:
            ctx (Context): All steps before this one are finished.
        """
        raise NotImplementedError(f'{type(self).__name__}.inputs')

    def run(self, ctx: Context, resumable: bool) -> Outcome:
        """Do the work.

        Args:
            ctx (Context): All steps before this one are finished.
            resumable (bool): Whether the folder holds what an interrupted
                run of the same inputs left. Otherwise there is no folder.
        """
        raise NotImplementedError(f'{type(self).__name__}.run')

    def rows(self, result: dict) -> list[ScoreRow]:
        """Return the scores of a finished run.

        Args:
            result (dict): That of its :class:`Outcome`.
        """
        return []


class ToolError(ValueError):
    """A tool ended with an error."""


def run_tool(name: str, arguments: list, log: Path) -> None:
    """Run a command of :mod:`hsc_mm.cli` and wait for it.

    Progress lines of the tool are passed on, every line goes to ``log``.

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
            errors='replace',
            env=dict(os.environ, **{PARENT: str(os.getpid())})) as child:
        try:
            for line in child.stdout or ():
                file.write(line)
                file.flush()
                tail = [*tail[1 - _LAST_LINES:], line.rstrip()]
                shown = _SHOWN.search(line)
                if shown:
                    print(f'    {_short(shown)}', flush=True)
        except BaseException:
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
            raise
    if said := killed(child.returncode):
        raise ToolError(f'{name} {said} (full output: {log})')
    if child.returncode:
        errors = [line for line in tail if line.startswith('error: ')]
        reason = errors[-1] if errors else '\n'.join(tail)
        raise ToolError(f'{name} ended with status {child.returncode} (full '
                        f'output: {log})\n{reason}')


def _short(found: re.Match) -> str:
    """Keep of a line of mmengine's log what a person wants to see."""
    kept = re.findall(r'(eta: [\d:]+|loss: [\d.]+|seed/mIoU\w*: [\d.]+|'
                      r'\bmIoU: [\d.]+|rate: [\d.]+ \w+/s)', found.group())
    return '  '.join([found.group(1), *kept])
