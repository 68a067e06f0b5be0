"""Hook that says what is trained, and warns when a training goes wrong."""
from functools import partial

import torch
import torch.nn.functional as F
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from torch import Tensor, nn

from hsc_mm.datasets.class_balance import ClassBalancedSampler
from hsc_mm.models.contrast import HierarchicalContrast
from hsc_mm.registry import HOOKS
from hsc_mm.utils.health import (
    META_KEY,
    UNSCORED,
    LossWatch,
    finding,
    spoken,
    write_health,
)
from ..fitting import bare_model
from ..run_summary import (
    describe_run,
    images_of,
    label_matrix,
    named_parts,
    start_of,
)

__all__ = ['TrainingHealthHook', 'spread']

# Iterations between two looks at the embeddings, and the looks in a row that
# must find them equal everywhere.
_EVERY, _LOOKS = 10, 3
_EQUAL = 1e-3


@HOOKS.register_module()
class TrainingHealthHook(Hook):
    """Watch a training, and warn of what makes its masks worthless.

    At the start the log says what is trained. Warnings: the classification
    loss (``losses.cls`` of the head) jumps or ends no better than the label
    prior (:class:`hsc_mm.utils.health.LossWatch`); embeddings that a contrast
    compares are zero, or the same, everywhere; the backbone started from
    random numbers; nothing was scored. They are the last lines of the run.

    All but the last are also in ``health.json`` of the work folder, from the
    start of the training, and in ``meta['health']`` of its checkpoints, so
    that tests and predictions with them warn too. A run with warnings ends
    with status 0; for losses that are no numbers see
    :class:`hsc_mm.FiniteLossHook`.
    """

    priority = 'LOW'

    def __init__(self) -> None:
        self._loaded: dict = {}
        self._start: dict = {}
        self._watch: LossWatch | None = None
        self._spread: dict[str, Tensor] = {}
        self._equal: dict[str, int] = {}
        self._due = self._looked = self._scored = False
        self._handles: list = []

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Remember what is known about the weights."""
        self._loaded = (checkpoint.get('meta') or {}).get(META_KEY) or {}

    def before_train(self, runner) -> None:
        """Say what is trained; go on where a resumed run stood."""
        model = bare_model(runner.model)
        before = self._loaded.get('start')
        self._start = before if runner._resume and before else start_of(
            model, runner.cfg, None if runner._resume else runner._load_from,
            before)
        labels = label_matrix(runner.train_dataloader.dataset)
        self._begin_watch(runner, model, _drawn(runner, labels))
        self._listen(model)
        runner.logger.info('\n'.join(
            describe_run(runner, self._start, labels)))
        self._write(runner, finished=False)

    def _begin_watch(self, runner, model: nn.Module,
                     labels: Tensor | None) -> None:
        losses = named_parts(getattr(model, 'decode_head', None), 'losses')
        if losses is None or 'cls' not in losses:
            return
        prior = None
        if labels is not None and hasattr(losses['cls'], 'prior_loss'):
            prior = losses['cls'].prior_loss(labels)
        self._watch = LossWatch(prior, images_of(runner))
        if runner.iter:
            for name, past in runner.message_hub.log_scalars.items():
                if name.startswith('train/') and _is_cls(name):
                    for number, value in enumerate(past.data[0], 1):
                        self._watch.update(number, float(value))

    def _listen(self, model: nn.Module) -> None:
        """Look at the embeddings that a contrast compares."""
        head = getattr(model, 'decode_head', None)
        names = {
            level.embedding
            for loss in (named_parts(head, 'losses') or {}).values()
            if isinstance(loss, HierarchicalContrast)
            for level in loss.levels.values()
            if hasattr(level, 'embedding')
        }
        for name, module in (named_parts(head, 'embeddings') or {}).items():
            if name in names:
                self._handles.append(module.register_forward_hook(
                    partial(self._look, name)))

    def _look(self, name: str, module: nn.Module, inputs: tuple,
              output: Tensor) -> None:
        if self._due:
            self._spread[name] = spread(output)

    def before_train_iter(self,
                          runner,
                          batch_idx: int,
                          data_batch=None) -> None:
        """Decide whether the embeddings are looked at."""
        self._due = (runner.iter + 1) % _EVERY == 0

    def after_train_iter(self,
                         runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs=None) -> None:
        """Look at the classification loss, and now and then at embeddings."""
        for name, value in self._spread.items():
            equal = float(value) < _EQUAL
            self._equal[name] = self._equal.get(name, 0) + 1 if equal else 0
        self._spread.clear()
        for name in filter(_is_cls, outputs or ()):
            value = runner.message_hub.get_scalar(f'train/{name}').current()
            if self._watch and self._watch.update(runner.iter + 1,
                                                  float(value)):
                runner.logger.warning(spoken(self._record(False))[0])
                self._write(runner, finished=False)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Note the findings in the checkpoint."""
        checkpoint['meta'][META_KEY] = self._record()

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        """Note whether there were masks to score on."""
        self._looked = True
        self._scored |= any('mIoU' in name for name in metrics or ())

    after_test_epoch = after_val_epoch

    def after_train(self, runner) -> None:
        """Write the findings."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._write(runner, finished=True)
        self._loaded = self._record()

    def after_run(self, runner) -> None:
        """Say the findings, as the last lines."""
        # A run that resumes at its end has been validated before.
        skipped = not self._looked and getattr(
            runner, '_val_loop', None) is not None
        unscored = {} if self._scored or skipped else UNSCORED
        for line in (*spoken(self._loaded), *spoken(unscored)):
            runner.logger.warning(line)

    def _record(self, ended: bool = True) -> dict:
        found = self._watch.findings(ended) if self._watch else []
        found += [
            finding('embedding', f'the embedding "{name}" is zero, or the '
                    'same, at every position')
            for name, looks in self._equal.items() if looks >= _LOOKS
        ]
        if self._start.get('random'):
            found.append(finding('random', 'the network started from random '
                                 'numbers, not from pretrained weights'))
        return dict(start=self._start, findings=found)

    def _write(self, runner, finished: bool) -> None:
        if is_main_process():
            write_health(
                runner.work_dir,
                dict(self._record(finished), iterations=runner.iter,
                     max_iters=runner.max_iters, finished=finished))


def _drawn(runner, labels: Tensor | None) -> Tensor | None:
    """Return image labels as often as the sampler draws their images."""
    sampler = runner.train_dataloader.sampler
    if labels is None or not isinstance(sampler, ClassBalancedSampler):
        return labels
    return labels[sampler.order(0)]


def _is_cls(name: str) -> bool:
    """Say whether this is the log's name of the classification loss."""
    return name.rpartition('.')[2] == 'loss_cls'


@torch.no_grad()
def spread(embedding: Tensor) -> Tensor:
    """Return the variance of the directions of an embedding, in [0, 1].

    Args:
        embedding (Tensor): (B, D, h, w).

    Returns:
        Tensor: Mean squared distance of the L2-normalised vectors from their
        mean, a scalar: 0 where all are zero, or all have one direction. The
        cosines with the prototypes are then equal, and a contrast of them is
        ln C.
    """
    unit = F.normalize(embedding.detach().float(), dim=1)
    return unit.square().sum(dim=1).mean() - unit.mean(
        dim=(0, 2, 3)).square().sum()
