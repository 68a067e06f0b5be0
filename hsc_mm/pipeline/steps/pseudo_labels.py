"""Step from a checkpoint of the CAM stage to pseudo labels."""
from mmengine.config import Config

from hsc_mm.registry import STEPS
from ..context import Context
from ..inputs import config_hash, stage_inputs
from ..step import Outcome, ScoreRow, Step, run_tool

__all__ = ['MakePseudoLabels']

_THRESHOLD = 'hsc_mm.ThresholdRule'


@STEPS.register_module()
class MakePseudoLabels(Step):
    """Write the pseudo labels of the training images.

    ``pseudo_label`` of the config says how (refiners, label rule). The
    background threshold is that of the user, else of this step, else of the
    rule in the config, else the best one of the seeds, else
    ``model.test_cfg.bg_threshold``.

    Args:
        checkpoint (str, optional): Name of the step whose checkpoint makes
            the CAMs; by default the last one that made some.
        threshold (float, optional): Background threshold.
        **kwargs: See :class:`Step`.
    """
    name = 'pseudo'
    folder = 'pseudo_labels'
    makes = ('pseudo_labels', )

    def __init__(self,
                 checkpoint: str | None = None,
                 threshold: float | None = None,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.checkpoint, self.threshold = checkpoint, threshold

    def check(self, ctx: Context) -> None:
        """Look for the checkpoint."""
        ctx.find('cam', self.checkpoint)

    def inputs(self, ctx: Context) -> dict:
        """Return the stage's, checkpoint, inference, rule and threshold."""
        cfg = self._cfg(ctx)
        return dict(
            stage_inputs(cfg, 'train'),
            inference=config_hash(cfg, 'test'),
            pseudo_label=cfg.get('pseudo_label'),
            checkpoint=ctx.checkpoint_hash('cam', self.checkpoint),
            threshold=self._threshold(ctx))

    def run(self, ctx: Context, resumable: bool) -> Outcome:
        """Make them; score them where all masks of the test split exist."""
        folder, threshold = ctx.root / self.folder, self._threshold(ctx)
        cfg = self._cfg(ctx)
        tta = cfg.get('tta_pipeline') is not None
        run_tool('make_pseudo_labels', [
            ctx.dump(cfg, self.name),
            ctx.checkpoint('cam', self.checkpoint), '--out', folder,
            '--threshold', threshold, *([] if tta else ['--no-tta'])
        ], ctx.root / 'manifests' / f'{self.name}_output.txt')
        rule = self._rule(ctx).get('type', _THRESHOLD)
        made_by = dict(threshold=threshold) if rule == _THRESHOLD else dict(
            rule=rule)
        return Outcome([folder], dict(ctx.score_labels(folder), **made_by))

    def rows(self, result: dict) -> list[ScoreRow]:
        """Return the score of the pseudo labels."""
        own = self.name == type(self).name
        return ScoreRow.of('pseudo labels' if own else self.name, result)

    def _cfg(self, ctx: Context) -> Config:
        return ctx.config(ctx.find('cam', self.checkpoint).config)

    def _rule(self, ctx: Context) -> dict:
        """Return the label rule that the config names, or an empty dict."""
        return (self._cfg(ctx).get('pseudo_label') or {}).get('rule') or {}

    def _threshold(self, ctx: Context) -> float:
        for threshold in (ctx.threshold, self.threshold,
                          self._rule(ctx).get('threshold')):
            if threshold is not None:
                return threshold
        if ctx.makes('seeds'):
            seeds = ctx.result(ctx.find('seeds').name)
            if seeds:
                return seeds['best']['threshold']
        return self._cfg(ctx).model.test_cfg.bg_threshold
