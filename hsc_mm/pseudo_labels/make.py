"""The function that makes pseudo labels of a checkpoint."""
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmengine.config import Config

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.build import split_options
from hsc_mm.inference import seeds, use_tta
from hsc_mm.inference.configs import config_of
from hsc_mm.tiles import Tiles
from hsc_mm.utils import check_device, digest
from hsc_mm.utils.arguments import check_kind, check_path
from hsc_mm.utils.checkpoint_sources import without_start
from hsc_mm.utils.checkpoints import check_file, file_sum, load
from hsc_mm.utils.health import spoken
from hsc_mm.utils.locks import locked
from .cams import iterate_cams
from .chain import LabelChain, Labelled, label_stream, usual_threshold
from .folder import PseudoLabelFolder
from .identity import own_code
from .options import RunOptions
from .refiners import Refiner
from .rules import LabelRule
from .run import LabelRun, write_labels
from .section import with_threshold
from .selected import Selected
from .thresholds import choose_threshold, found_before
from .tiled import TiledImages
from .views import Failure

__all__ = ['make_pseudo_labels']


def make_pseudo_labels(cfg: Config | str | Path,
                       checkpoint: str | Path,
                       out: str | Path,
                       *,
                       split: str = 'train',
                       threshold: float | str | Selected | None = None,
                       refiners: Sequence[dict | Refiner] | None = None,
                       rule: dict | LabelRule | None = None,
                       soft: str | None = None,
                       tta: bool = True,
                       options: RunOptions | None = None) -> LabelRun:
    """Turn the CAMs of a checkpoint into files of pseudo labels.

    Masks are palette PNGs with the indices that the masks of the data set
    have; soft CAMs are npz. What is not given is as ``pseudo_label`` of the
    config says; see :class:`hsc_mm.pseudo_labels.chain.LabelChain`.

    Args:
        cfg (Config | str | Path): Config of a model that makes CAMs.
        checkpoint (str | Path): Checkpoint of the model.
        out (str | Path): Folder for the files: a new or empty one, or that
            of the same labels, which is resumed.
        split (str): Whose dataloader names the images.
        threshold (float | str | Selected, optional): Background threshold in
            [0, 1). ``Selected(5)`` takes the one with the highest mIoU on
            five masks of each class, after the refiners. ``'best'``
            evaluates the test split first and takes that of the seeds,
            before refiners, which looks at all its masks. ``'auto'`` or the
            name of a label-free rule
            (:mod:`hsc_mm.evaluation.threshold_rules`) looks at the CAMs of
            500 images of the split, evenly spread; ``'sufficiency'``
            (:mod:`hsc_mm.pseudo_labels.sufficiency`) asks the classifier
            about parts of 64 of them. What was found for labels of the same
            weights that are in ``out`` stays. By default that of
            ``pseudo_label``, else ``model.test_cfg.bg_threshold``.
        refiners (sequence[dict | Refiner], optional): Refine the CAMs.
        rule (dict | LabelRule, optional): Makes masks of them.
        soft (str, optional): ``'also'``: refined soft CAMs besides;
            ``'only'``.
        tta (bool): Scales and flips of ``tta_pipeline``; otherwise one view.
        options (RunOptions, optional): How to compute.

    Returns:
        LabelRun: Counts, and the images that failed, each with its reason.

    Raises:
        TypeError: An argument is of another type.
        FileExistsError: ``out`` holds other files, or other labels, or
            another process writes into it.
        OSError: A file cannot be written.
        ValueError: Config, checkpoint or settings are bad, or no image can
            be read.
    """
    check_path('out', out)
    check_path('checkpoint', checkpoint)
    options = RunOptions() if options is None else options
    check_kind('options', options, RunOptions, 'hsc_mm.pseudo_labels.'
               'RunOptions(...)')
    check_device(options.device)
    check_file(checkpoint)
    cfg = config_of(cfg)
    changes = dict(refiners=refiners, rule=rule, soft=soft)
    if threshold is not None:
        with_threshold(rule, threshold)
    facts = dict(
        checkpoint=file_sum(checkpoint)[:16], split=split,
        amp=options.amp or None,
        tiles=options.tiles and list(options.tiles.check()))
    before, tested = found_before(out, facts), use_tta(cfg) if tta else cfg
    if isinstance(threshold, Selected):
        chosen = threshold.choose(
            tested, str(checkpoint), LabelChain.from_config(cfg, **changes),
            options, before)
    else:
        chosen = choose_threshold(
            tested, str(checkpoint), split, threshold,
            usual_threshold(cfg, **changes), options, before)
    threshold = chosen.value
    if threshold is not None:
        cfg.model.test_cfg.bg_threshold = float(threshold)
    chain = LabelChain.from_config(cfg, threshold, **changes)
    if tta:
        cfg = use_tta(cfg)
    dataset = seeds.seed_dataset(cfg, split, check=False)
    alone = options.shard == (1, 1)
    with locked(out, '--out', 0 if alone else options.shard[0]):
        folder = PseudoLabelFolder(
            out,
            dict(
                facts,
                **chain.identity(),
                **own_code(chain, cfg),
                # What CAMs are computed by: model and test pipeline.
                inference=digest([without_start(cfg.model),
                                  split_options(cfg, 'test').pipeline]),
                classes=list(dataset.metainfo['classes']),
                mask_classes=list(dataset.all_classes)),
            label_map=dataset.metainfo['label_map'],
            kinds=chain.suffixes,
            about=chosen.about)
        run = LabelRun.plan(dataset, folder, options.batch_size,
                            options.shard, options.workers, options.resume,
                            options.tiles and options.tiles.size, chain)
        run.warnings += spoken(load(checkpoint))
        options.notify(f'{out}: {len(run.existing)} of {run.total} pseudo '
                       f'labels exist, {chain}')
        if run.missing:
            folder.begin()
            labels = _labels(cfg, str(checkpoint), dataset, run, chain,
                             options, folder)
            write_labels(options.progress(labels, run.missing), folder, run)
        run.complete = folder.finish(run.img_ids, alone, run.notes)
    return run


def _labels(cfg: Config, checkpoint: str, dataset: BaseImageLabelDataset,
            run: LabelRun, chain: LabelChain, options: RunOptions,
            folder: PseudoLabelFolder) -> Iterator[Labelled | Failure]:
    """Compute what is missing."""
    engine, loader, _ = options.load(cfg, checkpoint, dataset, run.batches,
                                     chain.needs)
    stream = iterate_cams(engine, loader, run.existing)
    if run.tiled:
        tiled = TiledImages(
            engine, dataset, split_options(cfg, 'test').pipeline,
            options.tiles or Tiles(), chain)
        stream = itertools.chain(
            stream, tiled.soft_cams(run.tiled, run, folder))
    return label_stream(stream, chain, options.workers)
