"""Import of the seeds of a split from files of another project."""
import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mmengine.config import Config

from hsc_mm.datasets.transforms.load_image import dataset_reader
from hsc_mm.inference import load_config, seeds
from hsc_mm.pseudo_labels.chain import LabelChain
from hsc_mm.pseudo_labels.refiners import Refiner
from hsc_mm.pseudo_labels.rules import LabelRule, ThresholdRule
from hsc_mm.utils.locks import locked
from hsc_mm.utils.pool import map_ordered
from .convert import ImportOptions, SeedConverter
from .readers import source_format

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
            seeds, which are written again.
        options (ImportOptions, optional): Format and meaning of the files.
        threshold (float, optional): Background threshold of masks; by
            default ``model.test_cfg.bg_threshold``, or 0.3.
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
        ValueError: Arguments contradict each other.
    """
    cfg = load_config(cfg) if not isinstance(
        cfg, Config) else copy.deepcopy(cfg)
    options = options or ImportOptions()
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
        results = map_ordered(
            converter, ((info['img_id'], info) for info in infos), workers)
        for _, error in progress(results, len(infos)) if progress else results:
            if isinstance(error, FileNotFoundError):
                summary.missing.append(str(error))
            elif isinstance(error, BaseException):
                summary.broken.append(str(error) or type(error).__name__)
        converter.finish(summary.written, summary.total - summary.written)
    return summary


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
