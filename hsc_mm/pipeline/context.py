"""Context of a step: configs, data sets, outputs of earlier steps.

In one file, though long: all of it is one class, which every step gets.
"""
from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path

from mmengine.config import Config

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.build import build_split
from hsc_mm.evaluation.folder import covers, score_folder
from hsc_mm.evaluation.selection import find_selection, same_images
from hsc_mm.inference import load_config
from hsc_mm.inference.class_names import check_same_classes
from hsc_mm.utils import digest
from hsc_mm.utils.health import UNSCORED, spoken
from hsc_mm.utils.outputs import claim
from .manifest import Manifest
from .step import ScoreRow, Step
from .summary import background_rows, no_better

__all__ = ['Context']


class Context:
    """Configs, data sets and the steps before the one that looks.

    Args:
        root (str | Path): Folder of everything that is written.
        cam_cfg (Config, optional): Config of the CAM stage.
        seg_cfg (Config, optional): Config of the segmentation stage.
        threshold (float | str, optional): Background threshold of the pseudo
            labels that the user named, or how it is chosen.
        steps (iterable[Step]): The steps.
        select (int | str, optional): Masks per class that a threshold is
            selected on, or a file with the ids of such images.

    Attributes:
        configs (dict[str, Config]): ``'cam'``, ``'seg'``, and files of
            others.
        options (dict[str, dict]): Values that changed the configs ``'cam'``
            and ``'seg'``, for the command in the report.
    """

    def __init__(self,
                 root: str | Path,
                 cam_cfg: Config | None = None,
                 seg_cfg: Config | None = None,
                 threshold: float | str | None = None,
                 steps: Iterable[Step] = (),
                 select: int | str | Path | None = None) -> None:
        self.root = Path(root)
        self.configs = dict(cam=cam_cfg, seg=seg_cfg)
        self.options: dict[str, dict] = {}
        self.threshold = threshold
        self.steps = {step.name: step for step in steps}
        self.manifests = {
            name: Manifest(self.root / 'manifests' / f'{name}.json', self.root)
            for name in self.steps
        }
        self.select = select
        self._selection: list[str] | None = None
        self._datasets: dict[tuple[str, str], BaseImageLabelDataset] = {}

    @property
    def cam_cfg(self) -> Config | None:
        """Config: That of the CAM stage."""
        return self.configs['cam']

    @property
    def seg_cfg(self) -> Config | None:
        """Config: That of the segmentation stage."""
        return self.configs['seg']

    def config(self, stage: str) -> Config:
        """Return a config.

        Args:
            stage (str): ``'cam'``, ``'seg'``, or the file of another one.

        Raises:
            FileNotFoundError: There is no such file.
        """
        if stage not in self.configs:
            self.configs[stage] = load_config(stage)
        return self.configs[stage]

    def before(self, name: str) -> Context:
        """Return what the step of a name sees: the steps before it."""
        seen = copy.copy(self)
        names = list(self.steps)
        seen.steps = {n: self.steps[n] for n in names[:names.index(name)]}
        return seen

    def step(self, name: str) -> Step:
        """Return a step; ValueError where there is none of that name."""
        if name not in self.steps:
            raise ValueError(f'step {name!r}: expected one of '
                             f'{list(self.steps)}, the steps so far.')
        return self.steps[name]

    def find(self, kind: str, name: str | None = None) -> Step:
        """Return the last step that makes something.

        Args:
            kind (str): See :attr:`Step.makes`.
            name (str, optional): Take this step instead of the last.

        Raises:
            ValueError: None does, or the named one does not.
        """
        steps = [self.step(name)] if name else reversed(self.steps.values())
        found = next((step for step in steps if kind in step.makes), None)
        if found is None:
            raise ValueError(
                f'{f"step {name!r}" if name else "pipeline.steps"}: expected '
                f'a step with {kind!r} in its "makes", found '
                f'{ {s.name: s.makes for s in self.steps.values()} }.')
        return found

    def makes(self, kind: str) -> bool:
        """Say whether a step so far makes something of a kind."""
        return any(kind in step.makes for step in self.steps.values())

    def folder(self, name: str) -> Path:
        """Return the folder of a step."""
        return self.root / self.step(name).folder

    def result(self, name: str) -> dict:
        """Return what a step found out."""
        return self.manifests[self.step(name).name].result

    def identity(self, name: str) -> str:
        """Return a hash of what a finished step made.

        That is the ``hash`` of its result; of a step without one, a hash of
        its inputs, but for those that only its score depends on.
        """
        manifest = self.manifests[self.step(name).name]
        inputs = {k: v for k, v in manifest.content['inputs'].items()
                  if k not in ('held_out', 'scored')}
        return manifest.result.get('hash') or digest(inputs)

    def checkpoint(self, kind: str, name: str | None = None) -> Path:
        """Return a checkpoint file.

        Args:
            kind (str): ``'cam'`` or ``'segmentor'``.
            name (str, optional): See :meth:`find`.
        """
        step = self.find(kind, name)
        return self.folder(step.name) / self.result(step.name)['checkpoint']

    def checkpoint_hash(self, kind: str, name: str | None = None) -> str:
        """Return what tells the contents of that file apart."""
        return self.result(self.find(kind, name).name)['hash']

    def pseudo_labels(self, name: str | None = None) -> Path:
        """Return the folder of pseudo labels, see :meth:`find`."""
        return self.folder(self.find('pseudo_labels', name).name)

    def dataset(self, stage: str, split: str) -> BaseImageLabelDataset:
        """Return the data set of a :meth:`config`, without pipeline."""
        if (stage, split) not in self._datasets:
            self._datasets[stage, split] = build_split(
                self.config(stage), split, maps=True)
        return self._datasets[stage, split]

    def check_classes(self, stage: str) -> None:
        """Read the data of a stage, and refuse a test on other classes.

        Raises:
            ValueError: See :func:`hsc_mm.inference.class_names.
                check_same_classes`.
        """
        check_same_classes({
            f'{split}_dataloader of {self.config(stage).filename}':
            self.dataset(stage, split).metainfo['classes']
            for split in ('train', 'test')})

    @property
    def selection(self) -> list[str]:
        """list[str]: Images whose masks select a threshold, or none.

        Those of ``--select``, else of ``test_evaluator.selection``.

        Raises:
            ValueError: See :func:`hsc_mm.evaluation.selection.
                find_selection`.
        """
        if self._selection is None:
            metric = (self.cam_cfg or {}).get('test_evaluator')
            select = self.select or (
                metric.get('selection') if isinstance(metric, dict) else None)
            self._selection = find_selection(
                self.dataset('cam', 'test'), select) if select else []
        return self._selection

    def held_out(self, data: BaseImageLabelDataset) -> set[str]:
        """Return the ids in a data set of the images of :attr:`selection`."""
        if not self.selection:
            return set()
        return same_images(
            self.dataset('cam', 'test'), set(self.selection), data)

    def score_labels(self, folder: str | Path) -> dict:
        """Score ``<img_id>.png`` of a folder on the CAM stage's test masks.

        Empty where there are no masks, or images without a pseudo label,
        because they are no training images; see
        :func:`hsc_mm.evaluation.folder.score_folder`. Images that a
        threshold was selected on are left out.
        """
        data = self.dataset('cam', 'test')
        if not covers(folder, data, self.dataset('cam', 'train')):
            return {}
        return score_folder(str(folder), data, self.held_out(data))

    def rows(self) -> list[ScoreRow]:
        """Return the scores of the steps so far."""
        return [
            row for step in self.steps.values()
            if self.manifests[step.name].content
            for row in step.rows(self.result(step.name))
        ]

    def background(self) -> list[ScoreRow]:
        """Return scores of background everywhere that :meth:`rows` lacks."""
        return background_rows(self.rows(), map(self.result, self.steps))

    def warnings(self) -> list[str]:
        """Return what a reader of the results must know, from the steps."""
        found = [f'{name}: {line}' for name in self.steps
                 for line in self.result(name).get('warnings', ())]
        rows = self.rows()
        return [*found, *(no_better([*rows, *self.background()])
                          if rows else spoken(UNSCORED))]

    def dump(self, cfg: Config, name: str) -> Path:
        """Write ``manifests/<name>_config.py`` for a child process."""
        path = claim(self.root / 'manifests', f'{name}_config.py',
                     option='work_dir')
        cfg.dump(str(path))
        return path
