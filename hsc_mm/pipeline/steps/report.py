"""Step that writes the report."""
from pathlib import Path

from hsc_mm.registry import STEPS
from hsc_mm.utils import digest
from ..context import Context
from ..gallery import training_rows, validation_rows
from ..report import Gallery, ReportContent, write_report
from ..step import Outcome, Step

__all__ = ['WriteReport']


@STEPS.register_module()
class WriteReport(Step):
    """Write tables and pictures of the steps before it into one HTML file.

    Args:
        pictures (int): Rows of pictures of each split, at most.
        **kwargs: See :class:`Step`.
    """
    name = 'report'
    makes = ('report', )

    def __init__(self, pictures: int = 12, **kwargs) -> None:
        super().__init__(**kwargs)
        self.pictures = pictures

    def inputs(self, ctx: Context) -> dict:
        """Return the manifests of all steps before it."""
        return {
            name: digest(ctx.manifests[name].content)
            for name in ctx.steps
        }

    def run(self, ctx: Context, resumable: bool) -> Outcome:
        """Write the report."""
        page = ctx.root / self.folder / 'index.html'
        configs = {'CAM stage': ctx.cam_cfg, 'segmentation stage': ctx.seg_cfg}
        galleries = []
        if ctx.makes('cam'):
            galleries.append(self._training(ctx))
        if ctx.makes('predictions'):
            galleries.append(self._predictions(ctx))
        meta = ctx.dataset('cam', 'test').metainfo
        content = ReportContent(
            configs={
                stage: Path(cfg.filename).name
                for stage, cfg in configs.items() if cfg is not None
            },
            supervision=ctx.cam_cfg.test_evaluator.get('supervision',
                                                       'image labels'),
            colours=dict(zip(meta['classes'], meta['palette'], strict=True)),
            seeds=ctx.result(ctx.find('seeds').name)
            if ctx.makes('seeds') else {},
            rows=ctx.rows(),
            seconds={n: ctx.manifests[n].seconds for n in ctx.steps},
            galleries=galleries,
            warnings=ctx.warnings())
        write_report(content, page)
        return Outcome([page], {})

    def _training(self, ctx: Context) -> Gallery:
        truth = ctx.dataset('cam', 'test')
        columns, pictures = ['image'], {}
        if 'seg_map_path' in truth.data_prefix:
            columns.append('ground truth')
        others = [
            name for name, step in ctx.steps.items()
            if 'cam' in step.makes and step.config != 'cam'
        ]
        columns += [*(f'CAM of {name}' for name in others), 'CAM']
        pictures['baselines'] = [
            (ctx.config(ctx.step(name).config),
             str(ctx.checkpoint('cam', name))) for name in others
        ]
        if ctx.makes('pseudo_labels') and any(
                ctx.pseudo_labels().rglob('*.png')):
            pictures['pseudo_dir'] = str(ctx.pseudo_labels())
            columns.append('pseudo label')
        if ctx.makes('segmentor'):
            pictures['segmentor'] = (ctx.seg_cfg,
                                     str(ctx.checkpoint('segmentor')))
            columns.append('prediction')
        rows = training_rows(ctx.cam_cfg, str(ctx.checkpoint('cam')), truth,
                             count=self.pictures, **pictures)
        return Gallery('Training images', columns, rows, legend=True)

    def _predictions(self, ctx: Context) -> Gallery:
        data = ctx.dataset('seg', 'test')
        folder = ctx.folder(ctx.find('predictions').name) / 'masks'
        rows = validation_rows(data, str(folder), self.pictures)
        if 'seg_map_path' in data.data_prefix:
            return Gallery('Validation images',
                           ['image', 'ground truth', 'prediction'], rows)
        return Gallery('Predicted images', ['image', 'prediction'], rows)
