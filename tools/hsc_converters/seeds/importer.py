"""Import of the seeds of a split from files of another project."""
import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mmengine.config import Config

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.checks import raise_problems
from hsc_mm.datasets.mask_checks import MASK_ADVICE
from hsc_mm.datasets.mask_labels import black_and_white, compare_labels
from hsc_mm.datasets.transforms.load_image import dataset_reader
from hsc_mm.inference import load_config, seeds
from hsc_mm.pseudo_labels.chain import LabelChain
from hsc_mm.pseudo_labels.refiners import Refiner
from hsc_mm.pseudo_labels.rules import LabelRule, ThresholdRule
from hsc_mm.utils.alike import missing_lines
from hsc_mm.utils.data_folders import refuse_data_of
from hsc_mm.utils.io import DISK_ERRORS
from hsc_mm.utils.locks import locked
from hsc_mm.utils.pool import map_ordered
from .convert import SeedConverter
from .readers import ImportOptions, source_format

__all__ = ['ImportSummary', 'import_seeds']


@dataclass
class ImportSummary:
    """What became of an import.

    Attributes:
        form (str): Format of the files.
        kind (str): ``'soft'`` or ``'hard'``.
        threshold (float): Background threshold.
        total (int): Number of images of the split.
        missing (list[str]): What was said of images without a seed.
        broken (list[str]): Of seeds that cannot be used.
    """
    form: str
    kind: str
    threshold: float
    total: int
    missing: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def written(self) -> int:
        """int: Number of seeds that were written."""
        return self.total - len(self.missing) - len(self.broken)


def import_seeds(cfg: Config | str | Path,
                 source: str | Path,
                 out: str | Path,
                 *,
                 options: ImportOptions | None = None,
                 threshold: float | None = None,
                 refiners: Sequence[dict | Refiner] | None = None,
                 rule: dict | LabelRule | None = None,
                 workers: int = 0,
                 progress: Callable[[Iterable, int], Iterable] | None = None
                 ) -> ImportSummary:
    """Read the seeds of a split and write them as ours.

    Maps go through the refiners and the rule of pseudo labels: those that
    are given, else those of ``pseudo_label`` of the config.

    Args:
        cfg (Config | str | Path): Whose data set names images and classes.
        source (str | Path): Folder with a file for each image.
        out (str | Path): Folder to write to: new, empty, or that of the same
            seeds, which are written again, all at once at the end.
        options (ImportOptions, optional): Format and meaning of the files.
        threshold (float, optional): Background threshold of masks; by
            default a number in ``pseudo_label.threshold``, else
            ``model.test_cfg.bg_threshold``, or 0.3.
        refiners (sequence[dict | Refiner], optional): Refine the maps.
        rule (dict | LabelRule, optional): Makes masks of them.
        workers (int): Processes, where there are refiners; 0 = this one.
        progress (callable, optional): Gets what is to come and its number,
            and yields it.

    Returns:
        ImportSummary: Counts, and what is missing or broken.

    Raises:
        FileExistsError: ``out`` holds other files, or other seeds, or
            another process writes into it.
        FileNotFoundError: There is no such source, or no seed in it.
        OSError: The disk is full, or cannot be written.
        ValueError: Arguments contradict each other, the seeds do not
            show the classes of the image labels, or ``out`` is a folder of
            the data, or lies among class folders.
    """
    cfg = load_config(cfg) if not isinstance(
        cfg, Config) else copy.deepcopy(cfg)
    options = options or ImportOptions()
    refuse_data_of(cfg, out, '--out')
    dataset = seeds.seed_dataset(
        cfg, options.split, check=False, guard=False)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    options = options.resolve(
        lambda: source_format(source, [info['img_id'] for info in infos]))
    chain = _build_chain(cfg, options, threshold, refiners, rule)
    with locked(out):
        converter = SeedConverter(source, out, dataset.all_classes, options,
                                  chain, dataset_reader(dataset))
        summary = ImportSummary(options.form, options.kind, chain.threshold,
                                len(infos))
        workers = workers if chain.refines and chain.parallel else 0
        with converter.drafts:
            results = map_ordered(
                converter, ((info['img_id'], info) for info in infos), workers)
            shown = []
            for (_, found), info in zip(
                    progress(results, len(infos)) if progress else results,
                    infos, strict=True):
                if isinstance(found, FileNotFoundError):
                    summary.missing.append(found.filename or str(found))
                elif getattr(found, 'errno', None) in DISK_ERRORS:
                    raise found
                elif isinstance(found, BaseException):
                    summary.broken.append(str(found) or type(found).__name__)
                else:
                    shown.append((info, found))
            summary.missing = missing_lines(summary.missing)
            _check_labels(source, shown, dataset)
            if shown:  # else there is nothing to put in place of old ones
                converter.finish([info['img_id'] for info in infos],
                                 summary.written,
                                 summary.total - summary.written)
    return summary


def _check_labels(source: str | Path, shown: list[tuple[dict, set[int]]],
                  dataset: BaseImageLabelDataset) -> None:
    """Refuse seeds that show other classes than the image labels, or none."""
    contents = [found for _, found in shown]
    line = black_and_white(contents) if contents else None
    raise_problems(f'{source}: seeds', [line] if line else [], MASK_ADVICE)
    labelled = [(info['img_id'], found, [
        dataset.foreground[i] for i in info['gt_label'].nonzero()[0]])
        for info, found in shown if 'gt_label' in info]
    if labelled:
        wrong, doubtful = compare_labels(
            *zip(*labelled, strict=True), dataset.all_classes)
        raise_problems(
            f'{source}: seeds', wrong and wrong + doubtful,
            'Their indices mean other classes than the image labels, or '
            'none. Does --class-offset fit, and are the classes in the same '
            'order?')


def _build_chain(cfg: Config, options: ImportOptions,
                 threshold: float | None,
                 refiners: Sequence[dict | Refiner] | None,
                 rule: dict | LabelRule | None) -> LabelChain:
    """Build the chain of an import; ``kind`` says what is written."""
    build = partial(LabelChain.from_config, cfg, threshold)
    cfg.pseudo_label = dict(cfg.get('pseudo_label') or {}, soft=None)
    if options.form == 'png':
        if refiners or rule:
            raise ValueError('refiners and rule: PNGs hold indices, not '
                             'maps. Import maps to refine or label them.')
        if threshold is not None:
            raise ValueError(
                f'--threshold {threshold:g}: expected maps, which it makes '
                'masks of, found PNGs, which hold indices. Leave it out.')
        cfg.pseudo_label = {}
        return build()
    chain = build(refiners=refiners, rule=rule,
                  soft='only' if options.kind == 'soft' else None)
    if options.kind == 'soft' and rule and not isinstance(
            chain.rule, ThresholdRule):
        raise ValueError('rule: it makes masks. Choose kind hard for them.')
    if 'attention' in chain.needs:
        raise ValueError(
            'refiners: expected none that reads the attention of a network, '
            'because imported seeds have none, found '
            f'{[type(one).__name__ for one in chain.refiners]}.')
    return chain
