"""Pipeline from image labels to an evaluated segmentor."""
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from hsc_mm.datasets.build import images_in_batch
from hsc_mm.inference.configs import config_of
from hsc_mm.utils import check_keys, check_number, write_json
from hsc_mm.utils.arguments import check_kind, check_path
from hsc_mm.utils.data_folders import refuse_data_of
from hsc_mm.utils.locks import locked
from hsc_mm.utils.outputs import claim
from hsc_mm.utils.sums import fingerprint
from hsc_mm.utils.wrappers import crop_size
from .context import Context
from .inputs import config_hash, stage_inputs
from .runner import DEFAULT_STEPS, Pipeline, build_pipeline
from .step import Outcome, ScoreRow, Step, ToolError, run_tool
from .summary import PipelineResults

__all__ = [
    'DEFAULT_STEPS', 'Context', 'Outcome', 'Pipeline', 'PipelineResults',
    'ScoreRow', 'Step', 'ToolError', 'build_pipeline', 'config_hash',
    'fingerprint', 'run_pipeline', 'run_tool', 'stage_inputs'
]


def run_pipeline(cam_cfg: Config | str | Path,
                 seg_cfg: Config | str | Path | None = None,
                 *,
                 work_dir: str | Path,
                 threshold: float | str | None = None,
                 select: int | str | Path | None = None,
                 baselines: Iterable[Config | str | Path] = (),
                 force: Iterable[str] = (),
                 start: str | None = None,
                 options: Mapping[str, dict | None] | None = None,
                 say: Callable[[str], None] = print) -> PipelineResults:
    """Run both stages; steps that are current are skipped.

    ========  ============================================================
    cam       train the CAM stage
    seeds     evaluate its seeds (several scales, flip) where masks exist
    pseudo    write pseudo labels of the training images
    seg       train the segmentation stage on them
    eval      predict the test images, evaluate where masks exist
    report    tables and pictures in one HTML file
    ========  ============================================================

    ``pipeline = dict(steps=[...])`` in the config of the CAM stage names
    other steps.

    Args:
        cam_cfg (Config | str | Path): Config of the CAM stage, or its file.
        seg_cfg (Config | str | Path, optional): Config of the segmentation
            stage; the ``pseudo_dir`` of its ``hsc_mm.LoadPseudoLabel`` is
            set here. Without one the steps are cam and seeds.
        work_dir (str | Path): Folder of everything that is written;
            ``summary.json`` in it has the results.
        threshold (float | str, optional): Background threshold of the pseudo
            labels. ``'fixed'`` is that of the config, ``'auto'`` or the name
            of a label-free rule
            (:mod:`hsc_mm.evaluation.threshold_rules`) looks at CAMs alone,
            ``'sufficiency'`` asks the classifier about parts of pictures,
            ``'selected'`` at the masks of ``select``, ``'best'`` at all masks
            of the seeds' split. By default ``'selected'`` with ``select``,
            else ``'best'``; where there are no masks, ``threshold`` of
            ``pseudo_label``, else ``'fixed'``.
        select (int | str | Path, optional): Masks per class of the seeds'
            split that select a threshold, or a file with the ids of such
            images; no step scores them.
        baselines (iterable[Config | str | Path]): Configs of other CAM
            stages, whose seeds are to stand beside those of ``cam_cfg``.
        force (iterable[str]): Names of steps that run in any case.
        start (str, optional): This step and all after it do, too.
        options (mapping, optional): Values of ``--cam-options`` and
            ``--seg-options`` that are in the configs already, as ``'cam'``
            and ``'seg'``: the command in the report has them.
        say (callable): Where progress lines go.

    Returns:
        PipelineResults: Results, times and scores of the steps.

    Raises:
        TypeError: An argument is of another type.
        ValueError: The segmentation config reads no pseudo labels, the data
            sets are not this package's, seeds would use image labels of
            images not trained on, or a step fails
            (:class:`ToolError`).
        FileNotFoundError: A file is missing.
        FileExistsError: Another process writes into ``work_dir``, or it has
            files that are not the pipeline's.
    """
    for name, value, one in (('baselines', baselines, 'cam.py'),
                             ('force', force, 'cam')):
        if isinstance(value, str | Path | Config):
            raise TypeError(f'{name}: expected a list, such as ["{one}"], '
                            f'found {value!r:.80}.')
    baselines = list(baselines)
    _check(cam_cfg, seg_cfg, baselines, work_dir, select, options)
    cam_cfg, seg_cfg, *others = (
        cfg if cfg is None else config_of(cfg)
        for cfg in (cam_cfg, seg_cfg, *baselines))
    pipeline = build_pipeline(cam_cfg, seg_cfg, work_dir, threshold, others,
                              select)
    pipeline.context.options = {k: v for k, v in (options or {}).items() if v}
    for cfg in filter(None, (cam_cfg, seg_cfg, *others)):
        refuse_data_of(cfg, work_dir)
    with locked(work_dir, '--work-dir'):
        summary = claim(work_dir, 'summary.json', option='work_dir')
        pipeline.run(force, start, say)
        results = pipeline.results()
        loader = cam_cfg.train_dataloader
        write_json(summary, dict(
            results.as_dict(), batch_size=images_in_batch(loader),
            crop=crop_size(loader.dataset.get('pipeline') or ())))
    return results


def _check(cam_cfg: Any, seg_cfg: Any, baselines: list, work_dir: Any,
           select: Any, options: Any) -> None:
    """Refuse arguments of :func:`run_pipeline` of another type."""
    check_path('work_dir', work_dir)
    for name, cfg in (('cam_cfg', cam_cfg), ('seg_cfg', seg_cfg),
                      *(('baselines', one) for one in baselines)):
        if cfg is not None or name != 'seg_cfg':
            check_kind(name, cfg, Config | str | Path, 'a config or its file')
    if select is not None and not isinstance(select, str | Path):
        check_number('select', select, above=0, whole=True)
    check_keys('options', options or {}, ('cam', 'seg'))
