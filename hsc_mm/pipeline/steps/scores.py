"""Steps that evaluate: the seeds, and the segmentor."""
import copy
from inspect import isclass
from pathlib import Path

from mmengine.config import Config

from hsc_mm.evaluation import MaskMetric
from hsc_mm.evaluation.folder import score_folder
from hsc_mm.evaluation.held_out import scores_seeds
from hsc_mm.evaluation.leak_guard import check_image_labels, training_images
from hsc_mm.evaluation.marked import class_shares, unlearned_classes
from hsc_mm.evaluation.selection import check_selection, write_selection
from hsc_mm.registry import METRICS, STEPS
from hsc_mm.utils import read_json
from hsc_mm.utils.outputs import drop, written
from hsc_mm.utils.part_types import class_of
from ..context import Context
from ..inputs import held_out_input, stage_inputs
from ..step import BACKGROUND, Outcome, ScoreRow, Step, run_tool

__all__ = ['EvaluateSegmentor', 'ScoreSeeds']


class _Test(Step):
    """A child process that tests a checkpoint.

    Args:
        checkpoint (str, optional): Name of the step whose checkpoint is
            tested; by default the last one that made some.
        **kwargs: See :class:`Step`.
    """

    def __init__(self, checkpoint: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.checkpoint = checkpoint


@STEPS.register_module()
class ScoreSeeds(_Test):
    """Evaluate the seeds (several scales, flip) where masks exist."""
    name = 'seeds'
    makes = ('seeds', )

    def check(self, ctx: Context) -> None:
        """Refuse image labels of images not trained on, wrong selections."""
        _ = ctx.selection
        stage = ctx.find('cam', self.checkpoint).config
        data = ctx.dataset(stage, 'test')
        if 'seg_map_path' in data.data_prefix:
            ctx.check_classes(stage)
            if ctx.selection:
                check_selection(f'selection of {ctx.config(stage).filename}',
                                data, ctx.selection)
            _check_scores(ctx.config(stage))
            check_image_labels(ctx.config(stage).model.test_cfg, data,
                               training_images(ctx.dataset(stage, 'train')))

    def inputs(self, ctx: Context) -> dict:
        """Return those of the stage, and the checkpoint."""
        return dict(
            stage_inputs(
                ctx.config(ctx.find('cam', self.checkpoint).config), 'test'),
            checkpoint=ctx.checkpoint_hash('cam', self.checkpoint),
            **held_out_input(ctx.selection))

    def run(self, ctx: Context, resumable: bool) -> Outcome:
        """Evaluate."""
        stage = ctx.find('cam', self.checkpoint).config
        if 'seg_map_path' not in ctx.dataset(stage, 'test').data_prefix:
            return Outcome([], {})
        folder = ctx.root / self.folder
        out = folder / 'seeds.json'
        cfg = copy.deepcopy(ctx.config(stage))
        cfg.merge_from_dict({'test_evaluator.out_json': str(out)})
        tta = ['--tta'] if cfg.get('tta_pipeline') is not None else []
        outputs, select = [out], []
        if ctx.selection:
            chosen = folder / 'selection.txt'
            write_selection(chosen, ctx.selection)
            outputs.append(chosen)
            select = ['--select-list', chosen]
        run_tool('test', [
            ctx.dump(cfg, self.name),
            ctx.checkpoint('cam', self.checkpoint), *tta, *select,
            '--work-dir', folder
        ], folder / 'output.txt')
        return Outcome(outputs, read_json(out, dict))

    def rows(self, result: dict) -> list[ScoreRow]:
        """Return the scores at several thresholds, and the score to beat.

        The thresholds are the best one, that of the config, that of the
        label-free rule, and the one selected on a few masks, where there are
        some. The score to beat is that of background everywhere; a
        baseline's step leaves it to the step after it.
        """
        if not result:
            return []
        names = dict(best='best', own='fixed', label_free='label-free',
                     selected='selected')
        found = {f'{self.name}, {name}': result[key]
                 for key, name in names.items() if key in result}
        if self.name == type(self).name:
            found = {BACKGROUND: result['background_only'],
                     **found}
        return [
            ScoreRow(what, result['facts']['split'], at['mIoU'], at['iou'],
                     result['classes'], at.get('threshold'),
                     at.get('false_pixel_rate'), _chosen(at),
                     result['facts'].get('images'))
            for what, at in found.items()
        ]


def _check_scores(cfg: Config) -> None:
    """Refuse a test that leaves no file of scores; it would end the step."""
    if not scores_seeds(cfg) or cfg.test_evaluator.get('format_only'):
        raise ValueError(
            f'test_evaluator of {cfg.filename}: expected hsc_mm.SeedMetric, '
            'which scores the seeds at all thresholds, without format_only, '
            f'found {cfg.get("test_evaluator")}. Take it, and "test" for '
            'other metrics. Or score nothing: leave seg_map_path out of its '
            'data_prefix, and LoadAnnotations out of its pipeline.')


def _chosen(at: dict) -> str | None:
    """Say what a threshold was chosen by, if not by its name."""
    if 'rule' in at:
        return f'by "{at["rule"]}"'
    return f'on {at["images"]} masks' if 'images' in at else None


@STEPS.register_module()
class EvaluateSegmentor(_Test):
    """Predict the test images, evaluate where masks exist."""
    name = 'eval'
    makes = ('predictions', )
    needs_seg_cfg = True

    def check(self, ctx: Context) -> None:
        """Read the data: what is wrong with it shows now."""
        ctx.find('segmentor', self.checkpoint)
        ctx.check_classes('seg')
        data = ctx.dataset('seg', 'test')
        if ctx.selection and 'seg_map_path' in data.data_prefix and \
                len(ctx.held_out(data)) == len(data):
            raise ValueError(
                f'--select: expected some of the {len(data)} images of '
                f'{data.split}, on which the segmentor is scored, found all '
                'of them: nothing would be left to score. Choose fewer, or '
                'give its test another list.')

    def inputs(self, ctx: Context) -> dict:
        """Return those of the stage, and the checkpoint."""
        return dict(
            stage_inputs(ctx.seg_cfg, 'test'),
            checkpoint=ctx.checkpoint_hash('segmentor', self.checkpoint),
            **held_out_input(ctx.held_out(ctx.dataset('seg', 'test'))))

    def run(self, ctx: Context, resumable: bool) -> Outcome:
        """Predict, and evaluate."""
        folder = ctx.root / self.folder
        masks, data = folder / 'masks', ctx.dataset('seg', 'test')
        has_masks = 'seg_map_path' in data.data_prefix
        for name in written(masks):  # nothing but ours is removed
            drop(masks, name)
        cfg, writes = _writing(ctx.seg_cfg, masks, has_masks)
        arguments = [
            ctx.dump(cfg, self.name),
            ctx.checkpoint('segmentor', self.checkpoint), '--work-dir',
            folder, *(() if writes else ('--out', masks))
        ]
        if not has_masks:
            arguments += ['--cfg-options', 'test_evaluator.format_only=True']
        run_tool('test', arguments, folder / 'output.txt')
        shares = class_shares(str(masks), data)
        trained = ctx.find('segmentor', self.checkpoint)
        learned = ctx.result(ctx.find(
            'pseudo_labels', getattr(trained, 'labels', None)).name).get(
                'shares', {}) if ctx.makes('pseudo_labels') else {}
        scores = score_folder(
            str(masks), data, ctx.held_out(data)) if has_masks else {}
        return Outcome([masks], dict(
            scores, shares=shares,
            warnings=unlearned_classes(shares, learned)))

    def rows(self, result: dict) -> list[ScoreRow]:
        """Return the score of the predictions."""
        own = self.name == type(self).name
        return ScoreRow.of('segmentation' if own else self.name, result)


def _writing(cfg: Config, masks: Path, scored: bool) -> tuple[Config, bool]:
    """Return a config whose test can write masks with indices of the data.

    mmseg's metric writes class indices, those of others write nothing.

    Returns:
        tuple[Config, bool]: The config; whether it writes as it is, so that
        ``--out`` is not needed.
    """
    kind = class_of(METRICS, cfg.get('test_evaluator'))
    if isclass(kind) and issubclass(kind, MaskMetric):
        return cfg, False
    cfg, ours = copy.deepcopy(cfg), dict(type='hsc_mm.MaskMetric')
    if not scored or not cfg.get('test_evaluator'):
        cfg.test_evaluator = ours
        return cfg, False
    cfg.test_evaluator = [cfg.test_evaluator, dict(
        ours, format_only=True, output_dir=str(masks))]
    return cfg, True
