"""Step that writes the report."""
import os
from pathlib import Path

from hsc_mm.registry import STEPS
from hsc_mm.utils import digest
from hsc_mm.visualization.layers import Picture
from hsc_mm.visualization.pictures import class_colours
from ..command import pipeline_command, used_variables
from ..context import Context
from ..gallery import training_pictures, validation_pictures
from ..report import Gallery, ReportContent, write_report
from ..step import BACKGROUND, Outcome, ScoreRow, Step
from ..summary import how_chosen

__all__ = ['WriteReport', 'draw_training']


@STEPS.register_module()
class WriteReport(Step):
    """Write tables and pictures of the steps before it into one HTML file.

    Args:
        pictures (int): Pictures of each split, at most.
        **kwargs: See :class:`Step`.
    """
    name = 'report'
    makes = ('report', )

    def __init__(self, pictures: int = 24, **kwargs) -> None:
        super().__init__(**kwargs)
        self.pictures = pictures

    def inputs(self, ctx: Context) -> dict:
        """Return the manifests of all steps before it, and the names shown.

        A work dir or a config that was renamed has another command.
        """
        files = [cfg.filename or '' for cfg in (ctx.cam_cfg, ctx.seg_cfg)
                 if cfg is not None]
        files += [ctx.step(name).config for name in _baselines(ctx)]
        return dict(
            {name: digest(ctx.manifests[name].content) for name in ctx.steps},
            shown=digest([*map(os.path.abspath, [ctx.root, *files]),
                          *used_variables(ctx).items()]))

    def run(self, ctx: Context, resumable: bool) -> Outcome:
        """Write the report."""
        page = ctx.root / self.folder / 'index.html'
        galleries = []
        if ctx.makes('cam'):
            galleries.append(self._training(ctx))
        if ctx.makes('predictions'):
            galleries.append(self._predictions(ctx))
        if galleries and ctx.makes('pseudo_labels'):
            line = how_chosen(ctx.result(ctx.find('pseudo_labels').name))
            galleries[0].note += line and f' {line[0].upper()}{line[1:]}.'
        meta = ctx.dataset('cam', 'test').metainfo
        content = ReportContent(
            summary=_summary(ctx),
            headline=_headline(ctx),
            colours=dict(
                zip(meta['classes'], class_colours(meta).tolist(),
                    strict=True)),
            rows=[*ctx.rows(), *ctx.background()],
            seeds={
                name: ctx.result(name)
                for name, step in ctx.steps.items()
                if 'seeds' in step.makes and ctx.result(name)
            },
            seconds={n: ctx.manifests[n].seconds for n in ctx.steps},
            galleries=galleries,
            command=pipeline_command(
                ctx, [ctx.step(name).config for name in _baselines(ctx)]),
            facts=_facts(ctx),
            warnings=ctx.warnings())
        write_report(content, page)
        return Outcome([page], {})

    def _training(self, ctx: Context) -> Gallery:
        pictures = draw_training(ctx, self.pictures)
        scored = 'seed'
        if pictures and 'pseudo label' in pictures[0].layers:
            scored = 'pseudo label'
        total = len(ctx.dataset('cam', 'train'))
        note = f'{len(pictures)} of {total} images'
        found = Gallery('Training images', note, pictures, heat=True)
        if len(pictures) < total:
            found.note += ', spread evenly over ' + (
                'those with a mask' if found.scored else 'the split')
        found.note += '.'
        if found.scored:
            found.note += (' The worst come first; IoU is that of the '
                           f'{scored} of each image.')
        return found

    def _predictions(self, ctx: Context) -> Gallery:
        data = ctx.dataset('seg', 'test')
        folder = ctx.folder(ctx.find('predictions').name) / 'masks'
        pictures = validation_pictures(data, str(folder), self.pictures,
                                       ctx.dataset('cam', 'test').metainfo)
        shown = f'{len(pictures)} of {len(data)} images'
        if 'seg_map_path' not in data.data_prefix:
            return Gallery('Predicted images',
                           f'{shown}, spread evenly over the split.', pictures)
        if len(pictures) < len(data):
            shown += (': one half are the worst of all, the other half is '
                      'spread evenly over the rest')
        return Gallery(
            'Validation images', f'{shown}. The worst come first; IoU is '
            'that of the prediction for each image.', pictures)


def draw_training(ctx: Context, count: int,
                  worst: bool = False) -> list[Picture]:
    """Draw what each finished step makes of training images, worst first.

    They are spread evenly over the split, or those with the worst pseudo
    labels.
    """
    last = ctx.find('cam')
    stages = {
        'CAM' if step is last else f'CAM of {name}':
            (ctx.config(step.config), str(ctx.checkpoint('cam', name)))
        for name, step in ctx.steps.items() if 'cam' in step.makes
    }
    layers = {}
    if ctx.makes('pseudo_labels') and any(ctx.pseudo_labels().rglob('*.png')):
        layers['pseudo_dir'] = str(ctx.pseudo_labels())
    if ctx.makes('segmentor'):
        layers['segmentor'] = ctx.seg_cfg, str(ctx.checkpoint('segmentor'))
    return training_pictures(
        stages, ctx.dataset(last.config, 'test'), count=count, worst=worst,
        **layers)


def _baselines(ctx: Context) -> list[str]:
    """Return the names of the steps that train other CAM stages."""
    return [
        name for name, step in ctx.steps.items()
        if 'cam' in step.makes and step.config != 'cam'
    ]


def _summary(ctx: Context) -> str:
    """Return a sentence: what was trained from what."""
    names = [Path(cfg.filename or 'config').stem
             for cfg in (ctx.cam_cfg, ctx.seg_cfg) if cfg is not None]
    data = ctx.dataset('cam', 'train')
    labels = ctx.cam_cfg.test_evaluator.get('supervision', 'image labels')
    number = len(data.foreground)
    return (f'{" and ".join(names)}, trained from {labels} of {len(data):,} '
            f'image{"s" * (len(data) != 1)}, {number} '
            f'class{"es" * (number != 1)}, without masks')


def _headline(ctx: Context) -> ScoreRow | None:
    """Return the score of the segmentor, else the best one of the seeds."""
    for kind in ('predictions', 'seeds'):
        if ctx.makes(kind):
            step = ctx.find(kind)
            rows = [row for row in step.rows(ctx.result(step.name))
                    if row.what != BACKGROUND]
            if rows:
                return rows[0]
    return None


def _facts(ctx: Context) -> dict[str, str]:
    """Return what else a repetition needs."""
    found = {'work dir': ctx.root.resolve().name}
    configs = {'CAM': ctx.cam_cfg, 'segmentation': ctx.seg_cfg}
    for stage, cfg in configs.items():
        if cfg is not None:
            seed = (cfg.get('randomness') or {}).get('seed')
            found[f'random seed, {stage} stage'] = (
                'none: each run draws its own' if seed is None else str(seed))
    seeds = ctx.result(ctx.find('seeds').name) if ctx.makes('seeds') else {}
    if seeds:
        facts = seeds['facts']
        labels = ('image labels' if facts['used_image_labels'] else
                  'the classifier')
        if facts.get('labels_on_unseen_split'):
            labels += ' of images that the model was not trained on'
        found['seeds'] = (
            f'scored on {facts["split"]}, {facts["images"]} images; classes '
            f'of a seed from {labels}; supervision: {facts["supervision"]}')
    versions = dict.fromkeys(
        ctx.manifests[name].content['inputs'].get('versions')
        for name in ctx.steps)
    found['versions'] = '; '.join(filter(None, versions))
    found['complete configs'] = ', '.join(
        f'manifests/{name}_config.py' for name in sorted(ctx.steps)
        if (ctx.root / 'manifests' / f'{name}_config.py').is_file())
    return found
