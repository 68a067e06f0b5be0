"""Step from a checkpoint of the CAM stage to pseudo labels.

In one file, though long: all of it is one step.
"""
from mmengine.config import Config

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.evaluation.folder import unscored_note
from hsc_mm.evaluation.marked import class_shares, unlabelled_classes
from hsc_mm.evaluation.selection import image_ids, write_selection
from hsc_mm.evaluation.threshold_rules import find_choice
from hsc_mm.pseudo_labels.chain import LabelChain, usual_threshold
from hsc_mm.pseudo_labels.folder import MANIFEST
from hsc_mm.registry import STEPS
from hsc_mm.utils import read_json
from hsc_mm.utils.sums import fingerprint
from ..contents import split_hash
from ..context import Context
from ..inputs import config_hash, stage_inputs
from ..step import Outcome, ScoreRow, Step, run_tool

__all__ = ['MakePseudoLabels']

#: Ways to choose a threshold that are no label-free rule.
_CHOICES = ('fixed', 'best', 'selected')
#: That of ``pseudo_label`` counts, be it a number or a rule.
_USUAL = 'usual'


@STEPS.register_module()
class MakePseudoLabels(Step):
    """Write the pseudo labels of the training images.

    ``pseudo_label`` of the config says how (refiners, label rule). The
    background threshold is that of the user, else of this step, else of the
    rule in the config, else the one that a few masks select, else the best
    one of the seeds, else that of ``pseudo_label``, else
    ``model.test_cfg.bg_threshold``. Masks select it after the refiners of
    ``pseudo_label``. Without these, or where the rule has refiners of its
    own, it is that of the seeds.

    Args:
        checkpoint (str, optional): Name of the step whose checkpoint makes
            the CAMs; by default the last one that made some.
        threshold (float | str, optional): Background threshold; or how it is
            chosen, see :func:`hsc_mm.run_pipeline`.
        **kwargs: See :class:`Step`.
    """
    name = 'pseudo'
    folder = 'pseudo_labels'
    makes = ('pseudo_labels', )

    def __init__(self,
                 checkpoint: str | None = None,
                 threshold: float | str | None = None,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.checkpoint, self.threshold = checkpoint, threshold

    def check(self, ctx: Context) -> None:
        """Look for the checkpoint, for what chooses a threshold, and labels.

        What would end the step ends the pipeline before anything is trained.
        """
        ctx.find('cam', self.checkpoint)
        wanted = self._wanted(ctx)
        chosen = isinstance(wanted, str)
        if chosen and wanted not in _CHOICES:
            find_choice(wanted, _CHOICES)
        metric = self._cfg(ctx).get('test_evaluator') or {}
        if wanted == 'selected' and ctx.select is None and not (
                isinstance(metric, dict) and metric.get('selection')):
            raise ValueError('threshold "selected": expected --select, found '
                             'none. Name a number, "fixed" or "auto".')
        if wanted == 'best' and not self._is_scored(ctx):
            raise ValueError('threshold "best": expected masks of the test '
                             'split, and a step that scores the seeds by '
                             'them, found none. Name a number, "fixed" or '
                             '"auto".')
        LabelChain.from_config(self._cfg(ctx), 0.5 if chosen else wanted)
        if wanted in (None, 'selected') and self._selects(ctx):
            self._check_files(ctx)

    def inputs(self, ctx: Context) -> dict:
        """Return the stage's, checkpoint, inference, rule and threshold."""
        cfg = self._cfg(ctx)
        threshold, chosen = self._threshold(ctx)
        return dict(
            stage_inputs(cfg, 'train'),
            inference=config_hash(cfg, 'test'),
            pseudo_label=cfg.get('pseudo_label'),
            checkpoint=ctx.checkpoint_hash('cam', self.checkpoint),
            threshold=threshold,
            chosen=chosen,
            **(dict(selected_by=split_hash(self._data(ctx, 'test')))
               if threshold == 'selected' else {}),
            **self._files(ctx))

    def run(self, ctx: Context, resumable: bool) -> Outcome:
        """Make them; score them where all masks of the test split exist."""
        folder = ctx.root / self.folder
        threshold, chosen = self._threshold(ctx)
        cfg = self._cfg(ctx)
        tta = cfg.get('tta_pipeline') is not None
        run_tool('make_pseudo_labels', [
            ctx.dump(cfg, self.name),
            ctx.checkpoint('cam', self.checkpoint), '--out', folder,
            *self._flags(ctx, threshold, chosen),
            *([] if tta else ['--no-tta'])
        ], ctx.root / 'manifests' / f'{self.name}_output.txt')
        if chosen == _USUAL or isinstance(threshold, str):
            made = read_json(folder / MANIFEST)
            threshold = made['threshold']
            if made['chosen'] != 'selected':
                chosen = _words(made['chosen'])
        chain = LabelChain.from_config(cfg, threshold)
        if chain.reads_threshold:
            made_at = dict(threshold=threshold, chosen=chosen)
        else:
            made_at = {}
        data = self._data(ctx, 'train')
        shares = class_shares(str(folder), data)
        scores = ctx.score_labels(folder)
        notes = [] if scores else unscored_note(
            ctx.dataset('cam', 'test'), ctx.dataset('cam', 'train'))
        return Outcome([folder], dict(
            scores, **made_at, shares=shares,
            # A refiner's own code is no input, and may have changed.
            hash=fingerprint(path for path in folder.rglob('*.*')
                             if path.suffix in chain.suffixes),
            warnings=[*unlabelled_classes(shares, data), *notes]))

    def rows(self, result: dict) -> list[ScoreRow]:
        """Return the score of the pseudo labels."""
        own = self.name == type(self).name
        return ScoreRow.of('pseudo labels' if own else self.name, result)

    def _files(self, ctx: Context) -> dict[str, str]:
        """Return what tells the files apart that refiners read."""
        chain = self._chain(ctx)
        ids = [*image_ids(self._data(ctx, 'train')),
               *(ctx.selection if self._selects(ctx) else ())]
        files = [path for img_id in ids for path in chain.files(img_id)]
        return dict(refiner_files=fingerprint(files)) if files else {}

    def _check_files(self, ctx: Context) -> None:
        """Refuse a selection whose maps could not be refined.

        Training images may have files for refiners that others lack.
        """
        chain = self._chain(ctx)
        lacking = [i for i in ctx.selection if not chain.files(i)]
        trained = image_ids(self._data(ctx, 'train'))
        if lacking and all(map(chain.files, trained)):
            raise ValueError(
                f'refiners of {self._cfg(ctx).filename}: expected files of '
                f'the {len(ctx.selection)} images that select the threshold '
                f'(--select), as of the training images, found none of '
                f'{lacking[0]}. Make them, or name a number: --threshold.')

    def _selects(self, ctx: Context) -> bool:
        """Say whether masks, if any, select a threshold of refined maps."""
        chain = self._chain(ctx)
        return bool(ctx.selection and chain.reads_threshold
                    and chain.refiners and not chain.rule.refiners)

    def _chain(self, ctx: Context) -> LabelChain:
        """Return the chain of the config, for all but its threshold."""
        return LabelChain.from_config(self._cfg(ctx), 0.5)

    def _data(self, ctx: Context, split: str) -> BaseImageLabelDataset:
        return ctx.dataset(ctx.find('cam', self.checkpoint).config, split)

    def _cfg(self, ctx: Context) -> Config:
        return ctx.config(ctx.find('cam', self.checkpoint).config)

    def _flags(self, ctx: Context, threshold: float | str,
               chosen: str) -> list[object]:
        """Return what tells the tool the threshold, or how to choose it."""
        if threshold == 'selected':
            few = ctx.root / 'manifests' / f'{self.name}_selection.txt'
            write_selection(few, ctx.selection)
            return ['--select-list', few]
        return [] if chosen == _USUAL else ['--threshold', threshold]

    def _rule(self, ctx: Context) -> dict:
        """Return the label rule that the config names, or an empty dict."""
        return (self._cfg(ctx).get('pseudo_label') or {}).get('rule') or {}

    def _wanted(self, ctx: Context) -> float | str | None:
        """Return the threshold that is asked for, or how to choose it."""
        return next((one for one in (ctx.threshold, self.threshold,
                                     self._rule(ctx).get('threshold'))
                     if one is not None), None)

    def _scoring(self, ctx: Context) -> str | None:
        """Return the last step of seeds that tests the same checkpoint."""
        own = ctx.find('cam', self.checkpoint).name
        return next((
            step.name for step in reversed(ctx.steps.values())
            if 'seeds' in step.makes and ctx.before(step.name).find(
                'cam', getattr(step, 'checkpoint', None)).name == own), None)

    def _is_scored(self, ctx: Context) -> bool:
        """Say whether seeds of the checkpoint are or will be scored."""
        return self._scoring(ctx) is not None and (
            'seg_map_path' in self._data(ctx, 'test').data_prefix)

    def _seeds(self, ctx: Context) -> dict:
        """Return what is known of the seeds of the same checkpoint."""
        step = self._scoring(ctx)
        return ctx.result(step) if step else {}

    def _threshold(self, ctx: Context) -> tuple[float | str, str]:
        """Return threshold, or label-free rule, and how it was chosen."""
        wanted = self._wanted(ctx)
        if isinstance(wanted, str) and wanted not in _CHOICES:
            name = find_choice(wanted)
            return name, _words(name)
        if wanted is not None and not isinstance(wanted, str):
            return wanted, 'fixed'
        seeds = self._seeds(ctx)
        how = wanted or ('selected' if 'selected' in seeds else 'best')
        if how == 'selected' and how in seeds:
            value = seeds[how]['threshold']
            return 'selected' if self._selects(ctx) else value, (
                f'selected on {seeds[how]["images"]} masks')
        if how in seeds:
            return seeds[how]['threshold'], how
        if wanted in ('best', 'selected'):
            need = '--select' if seeds else 'masks of the test split'
            raise ValueError(f'threshold "{wanted}": expected {need}, found '
                             'none. Name a number, "fixed" or "auto".')
        cfg = self._cfg(ctx)
        usual = None if wanted else usual_threshold(cfg)
        if usual is not None:
            return usual, _USUAL
        return cfg.model.test_cfg.bg_threshold, 'fixed'


def _words(chosen: str) -> str:
    """Say how a threshold was chosen, by the word of a manifest."""
    return chosen if chosen in _CHOICES else f'label-free, by "{chosen}"'
