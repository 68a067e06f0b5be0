"""Steps that evaluate: the seeds, and the segmentor."""
import shutil

from hsc_mm.evaluation.folder import score_folder
from hsc_mm.evaluation.leak_guard import check_image_labels, training_images
from hsc_mm.registry import STEPS
from hsc_mm.utils import read_json
from hsc_mm.utils.outputs import MARKER
from ..context import Context
from ..inputs import stage_inputs
from ..step import Outcome, ScoreRow, Step, run_tool

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
        """Refuse image labels of images that were not trained on."""
        stage = ctx.find('cam', self.checkpoint).config
        data = ctx.dataset(stage, 'test')
        if 'seg_map_path' in data.data_prefix:
            check_image_labels(ctx.config(stage).model.test_cfg, data,
                               training_images(ctx.dataset(stage, 'train')))

    def inputs(self, ctx: Context) -> dict:
        """Return those of the stage, and the checkpoint."""
        return dict(
            stage_inputs(
                ctx.config(ctx.find('cam', self.checkpoint).config), 'test'),
            checkpoint=ctx.checkpoint_hash('cam', self.checkpoint))

    def run(self, ctx: Context, resumable: bool) -> Outcome:
        """Evaluate."""
        stage = ctx.find('cam', self.checkpoint).config
        if 'seg_map_path' not in ctx.dataset(stage, 'test').data_prefix:
            return Outcome([], {})
        folder = ctx.root / self.folder
        out = folder / 'seeds.json'
        cfg = ctx.config(stage)
        tta = cfg.get('tta_pipeline') is not None
        run_tool('test', [
            ctx.dump(cfg, self.name),
            ctx.checkpoint('cam', self.checkpoint), *(['--tta'] if tta else
                                                      []), '--work-dir',
            folder, '--cfg-options', f'test_evaluator.out_json={out}'
        ], folder / 'output.txt')
        return Outcome([out], read_json(out))

    def rows(self, result: dict) -> list[ScoreRow]:
        """Return the scores at two thresholds, and the score to beat.

        The thresholds are the best one and that of the config. The score to
        beat is that of background everywhere; a baseline's step leaves it to
        the step after it.
        """
        if not result:
            return []
        found = {f'{self.name}, best': result['best'],
                 f'{self.name}, fixed': result['own']}
        if self.name == type(self).name:
            found = {'background everywhere': result['background_only'],
                     **found}
        return [
            ScoreRow(what, result['facts']['split'], at['mIoU'], at['iou'],
                     result['classes'], at.get('threshold'),
                     at.get('false_pixel_rate'))
            for what, at in found.items()
        ]


@STEPS.register_module()
class EvaluateSegmentor(_Test):
    """Predict the test images, evaluate where masks exist."""
    name = 'eval'
    makes = ('predictions', )
    needs_seg_cfg = True

    def check(self, ctx: Context) -> None:
        """Read the data: what is wrong with it shows now."""
        ctx.find('segmentor', self.checkpoint)
        ctx.dataset('seg', 'test')

    def inputs(self, ctx: Context) -> dict:
        """Return those of the stage, and the checkpoint."""
        return dict(
            stage_inputs(ctx.seg_cfg, 'test'),
            checkpoint=ctx.checkpoint_hash('segmentor', self.checkpoint))

    def run(self, ctx: Context, resumable: bool) -> Outcome:
        """Predict, and evaluate."""
        folder = ctx.root / self.folder
        masks, data = folder / 'masks', ctx.dataset('seg', 'test')
        has_masks = 'seg_map_path' in data.data_prefix
        if (masks / MARKER).is_file():  # nothing but ours is removed
            shutil.rmtree(masks, ignore_errors=True)
        arguments = [
            ctx.dump(ctx.seg_cfg, self.name),
            ctx.checkpoint('segmentor', self.checkpoint), '--work-dir',
            folder, '--out', masks
        ]
        if not has_masks:
            arguments += ['--cfg-options', 'test_evaluator.format_only=True']
        run_tool('test', arguments, folder / 'output.txt')
        return Outcome([masks],
                       score_folder(str(masks), data) if has_masks else {})

    def rows(self, result: dict) -> list[ScoreRow]:
        """Return the score of the predictions."""
        own = self.name == type(self).name
        return ScoreRow.of('segmentation' if own else self.name, result)
