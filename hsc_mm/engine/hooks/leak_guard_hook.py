"""Hook that runs the leak guard before validation and test."""
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop
from torch.utils.data import DataLoader

from hsc_mm.datasets.facts import data_facts
from hsc_mm.evaluation import SeedMetric
from hsc_mm.evaluation.leak_guard import (
    TrainingImages,
    check_image_labels,
    training_images,
)
from hsc_mm.registry import HOOKS
from ..fitting import bare_model

__all__ = ['LeakGuardHook']


@HOOKS.register_module()
class LeakGuardHook(Hook):
    """Refuse seeds from image labels of images not trained on.

    ``model.test_cfg.use_image_labels=True`` is for images whose labels are
    given, those of the training data of the same config. An evaluation of
    others is refused before it starts, and a training before its first
    iteration if that is what it would validate on. With
    ``model.test_cfg.labels_on_unseen_split=True`` it is done, and
    :class:`hsc_mm.SeedMetric` says so. A model whose ``test_cfg`` has no
    ``use_image_labels`` (the second stage) is let pass. The metric is told
    the name of the split, too.

    Raises:
        ValueError: See :func:`check_image_labels`.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self._trained: TrainingImages | None = None
        self._checked: BaseLoop | None = None

    def before_train(self, runner) -> None:
        """Check what the training will validate on."""
        if runner.val_loop is not None:
            self._check(runner, runner.val_loop)

    def before_val(self, runner) -> None:
        """Check, unless the training has."""
        self._check(runner, runner.val_loop)

    def before_test(self, runner) -> None:
        """Check."""
        self._check(runner, runner.test_loop)

    def _check(self, runner, loop: BaseLoop) -> None:
        dataset = loop.dataloader.dataset
        metrics = [metric for metric in loop.evaluator.metrics
                   if isinstance(metric, SeedMetric)]
        for metric in metrics:
            metric.split = data_facts(dataset).get('split', '')
        test_cfg = getattr(bare_model(runner.model), 'test_cfg', None) or {}
        if not test_cfg.get('use_image_labels') or loop is self._checked:
            return
        if self._trained is None:
            self._trained = training_images(_training_source(runner))
        unseen = check_image_labels(test_cfg, dataset, self._trained)
        self._checked = loop
        for metric in metrics:
            metric.labels_on_unseen_split = unseen


def _training_source(runner):
    """Return the training data set of a runner, or its config."""
    # Until it is needed, a runner holds the loop's config.
    if isinstance(runner._train_loop, BaseLoop):
        return runner._train_loop.dataloader.dataset
    loader = runner._train_dataloader
    if isinstance(loader, DataLoader):
        return loader.dataset
    return None if loader is None else loader['dataset']
