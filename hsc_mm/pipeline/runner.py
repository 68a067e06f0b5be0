"""Runner of the steps: it skips, resumes, and moves old outputs aside.

In one file, though long: steps are built and run by one set of rules.
"""
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from mmengine.config import Config

from hsc_mm.inference.configs import check_one_metric
from hsc_mm.registry import STEPS
from hsc_mm.utils import check_keys
from hsc_mm.utils.code import code_hash
from hsc_mm.utils.part_types import type_name
from .contents import split_hash
from .context import Context
from .inputs import held_out_input
from .manifest import as_json, refuse_foreign
from .step import Step
from .step_folder import StepFolder
from .summary import PipelineResults

__all__ = ['DEFAULT_STEPS', 'Pipeline', 'build_pipeline']

#: What ``pipeline.steps`` of a config is where it says nothing.
DEFAULT_STEPS = ('hsc_mm.TrainCAM', 'hsc_mm.ScoreSeeds',
                 'hsc_mm.MakePseudoLabels', 'hsc_mm.TrainSegmentor',
                 'hsc_mm.EvaluateSegmentor', 'hsc_mm.WriteReport')


def build_pipeline(cam_cfg: Config,
                   seg_cfg: Config | None,
                   work_dir: str | Path,
                   threshold: float | str | None = None,
                   baselines: Iterable[Config] = (),
                   select: int | str | Path | None = None) -> 'Pipeline':
    """Build the pipeline that a config names; see :func:`run_pipeline`.

    ``pipeline.steps``, a list of dicts with ``type``, replaces
    :data:`DEFAULT_STEPS`. Without a config of the segmentation stage the
    default is to end with the scores of the seeds; of a list in the config,
    the steps that need one are left out. Each of the baselines is trained,
    and its seeds are scored, before all other steps.

    Returns:
        Pipeline: Checked.

    Raises:
        ValueError: See :class:`Pipeline`; steps or threshold are wrong, or
            two baselines have one file.
    """
    listed = (cam_cfg.get('pipeline') or {}).get('steps')
    check_keys('pipeline', cam_cfg.get('pipeline') or {}, ('steps', ))
    if listed is None:
        names = DEFAULT_STEPS if seg_cfg is not None else DEFAULT_STEPS[:2]
        listed = [dict(type=name) for name in names]
    baselines = list(baselines)
    others = {str(cfg.filename): cfg for cfg in baselines}
    if len(others) < len(baselines):
        names = [str(cfg.filename) for cfg in baselines]
        raise ValueError(
            'baselines: expected configs of different files, found several of '
            f'{max(names, key=names.count)}. Write each variant to a file of '
            'its own (Config.dump).')
    for cfg in (cam_cfg, seg_cfg or {}, *others.values()):
        check_one_metric(cfg, 'the pipeline')
    listed = [*_baseline_steps(others), *listed]
    steps = [_build_step(entry, cam_cfg) for entry in listed]
    if seg_cfg is None:
        steps = [step for step in steps if not step.needs_seg_cfg]
    if threshold is not None and not any(
            'pseudo_labels' in step.makes for step in steps):
        raise ValueError(f'threshold {threshold}: no step makes pseudo labels '
                         'with it. Name a config of the segmentation stage.')
    context = Context(work_dir, cam_cfg, seg_cfg, threshold, steps, select)
    context.configs.update(others)
    return Pipeline(steps, context)


def _baseline_steps(paths: Iterable[str]) -> list[dict]:
    """Return two steps of each config, named by its file."""
    listed = []
    for path in paths:
        name = re.sub(r'[^\w-]', '-', Path(path).stem)
        listed += [
            dict(type='hsc_mm.TrainCAM', config=path, name=name),
            dict(type='hsc_mm.ScoreSeeds', checkpoint=name,
                 name=f'{name}-seeds')
        ]
    return listed


def _build_step(entry: dict, cfg: Config) -> Step:
    try:
        step = STEPS.build(dict(entry))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'pipeline.steps of {cfg.filename}: expected dicts with a '
            f'registered type and its arguments, found {entry!r}: '
            f'{error}') from error
    step.settings = {
        key: value
        for key, value in entry.items()
        if key not in ('name', 'config')
    }
    return step


class Pipeline:
    """Run the steps whose outputs are missing or whose inputs changed.

    Each step has a manifest in ``work_dir/manifests``: its inputs (hashes of
    config and data, versions, its own settings), the sizes of what it wrote,
    its result. What an interrupted step of the same inputs left is resumed;
    what any other run left is moved aside, not deleted.

    Args:
        steps (list[Step]): In their order.
        context (Context): Of the same steps.

    Raises:
        ValueError: Two steps share a name or a folder, or a step refuses
            its settings or data (:meth:`Step.check`).
    """

    def __init__(self, steps: list[Step], context: Context) -> None:
        for what in ('name', 'folder'):
            found = [getattr(step, what) for step in steps]
            bad = [n for n in found if not re.fullmatch(r'[\w-]+', n)
                   or found.count(n) > 1 or n == 'manifests']
            if bad:
                raise ValueError(
                    f'pipeline.steps: expected a unique {what} for each step, '
                    f'of letters, digits, "_" and "-", found {bad[0]!r} in '
                    f'{found}. Set another one with "{what}="; a --baseline '
                    'has the name of its file: rename that.')
        self.steps = {step.name: step for step in steps}
        self.context = context
        for step in steps:
            step.check(context.before(step.name))

    def run(self,
            force: Iterable[str] = (),
            start: str | None = None,
            say: Callable[[str], None] = print) -> None:
        """Run what is not current; see :func:`hsc_mm.run_pipeline`.

        Raises:
            ValueError: A step fails, or there is none of a name.
        """
        forced = set(map(self._known, force))
        if start is not None:
            names = list(self.steps)
            forced.update(names[names.index(self._known(start)):])
        if self.context.cam_cfg is not None:
            for hook in self.context.cam_cfg.get('custom_hooks') or []:
                if type_name(hook) == 'NoticeHook':
                    say(f'NOTICE: {hook["text"]}')
        for manifest in self.context.manifests.values():
            manifest.load()  # another run may have ended since it was read
        for place in map(self._place, self.steps.values()):
            refuse_foreign(place.path, place.manifest, place.mark)
        width = max(7, *map(len, self.steps)) if self.steps else 0
        for number, (name, step) in enumerate(self.steps.items(), start=1):
            inputs, place = self._inputs(step), self._place(step)
            manifest = place.manifest
            reason = 'forced' if name in forced else (
                manifest.reason_to_run(inputs))
            head = f'[{number}/{len(self.steps)}] {name:{width}s}'
            if reason and name not in forced and (
                    old := place.take_back(inputs)):
                say(f'{head} takes back {old}, which the same inputs made')
                reason = manifest.reason_to_run(inputs)
            if reason is None:
                say(f'{head} is current (it took {manifest.seconds:.0f} s)')
                place.mark.drop()
                continue
            if name not in forced and place.mark.content and \
                    place.made_by(inputs):
                reason = 'not finished; what is there is resumed'
            say(f'{head} runs ({reason})')
            self._run(step, place, inputs, name not in forced)

    def results(self) -> PipelineResults:
        """Return what the finished steps found out."""
        ctx = self.context
        page = None
        if ctx.makes('report'):
            page = ctx.folder(ctx.find('report').name) / 'index.html'
        return PipelineResults(
            results={n: m.result for n, m in ctx.manifests.items()},
            seconds={n: m.seconds for n, m in ctx.manifests.items()},
            rows=ctx.rows(),
            report=page,
            warnings=ctx.warnings(),
            background=ctx.background())

    def reason_to_run(self, name: str) -> str | None:
        """Return why a step must run, in words; None if it is current."""
        return self.context.manifests[name].reason_to_run(
            self._inputs(self.steps[name]))

    def _known(self, name: str) -> str:
        if name not in self.steps:
            raise ValueError(f'--force/--from {name}: expected one of the '
                             f'steps {", ".join(self.steps)}.')
        return name

    def _inputs(self, step: Step) -> dict:
        inputs = dict(step.inputs(self.context.before(step.name)))
        if 'pseudo_labels' in step.makes:  # see Context.score_labels
            inputs.update(self._scored())
        if step.settings:
            inputs['step'] = step.settings
        if code := code_hash(type(step).__module__):
            inputs['step_code'] = code  # a step of one's own
        return as_json(inputs, f'inputs of step {step.name}')

    def _scored(self) -> dict[str, str]:
        """Return the inputs of :meth:`Context.score_labels`."""
        ctx = self.context
        if ctx.cam_cfg is None:
            return {}
        data = ctx.dataset('cam', 'test')
        masks = 'seg_map_path' in data.data_prefix
        return dict(held_out_input(ctx.selection),
                    **(dict(scored=split_hash(data)) if masks else {}))

    def _run(self, step: Step, place: StepFolder, inputs: dict,
             resume: bool) -> None:
        resumable, spent = place.begin(inputs, resume)
        start = time.monotonic()
        outputs, result = step.run(self.context.before(step.name), resumable)
        result = as_json(result, f'result of step {step.name}')
        place.manifest.save(inputs, outputs, result,
                            spent + time.monotonic() - start)
        place.mark.drop()

    def _place(self, step: Step) -> StepFolder:
        return StepFolder(self.context.root / step.folder,
                          self.context.manifests[step.name])
