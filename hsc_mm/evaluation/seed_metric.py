"""Score of seeds: mIoU over background thresholds, and multi-label mAP.

In one file, though long: all of it is one metric.
"""
from collections.abc import Sequence

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from hsc_mm.datasets.class_names import image_name
from hsc_mm.registry import METRICS
from hsc_mm.utils import check_number, write_json
from hsc_mm.utils.outputs import claim_file
from .confusion import GRID, average_precision
from .counts import SeedCounts
from .mask_metric import check_truth, write_mask
from .report import seed_report, seed_tables
from .selection import read_selection
from .threshold_rules import find_rule

__all__ = ['SeedMetric']


@METRICS.register_module()
class SeedMetric(BaseMetric):
    """Evaluate seeds at a grid of background thresholds, in one pass.

    Reports mIoU at the model's own threshold, at that of a label-free rule,
    at the one that is best on a few held-out masks, and at the best one of
    the grid; the IoU of each class, over- and under-activation (shares of
    false positives and of misses in the union), mIoU by the size of what
    pictures show, the share of false pixels in images whose mask holds no
    class, pixel average precision, and the mean average precision of the
    class scores. The lines say on which split, of what size, whether
    image labels chose the classes, and how each threshold came about. Counts
    of all ranks are summed.

    Args:
        thresholds (sequence[float], optional): The grid, in [0, 1]; default
            0.01, 0.02, ... 0.99. The model's own threshold joins it.
        threshold_rule (str): Rule of the label-free threshold, see
            :mod:`hsc_mm.evaluation.threshold_rules`; it sees the CAMs of all
            images and no mask.
        selection (str, optional): File with the ids of images, one on a
            line, whose masks select a threshold; they are not scored.
        supervision (str): What the model was trained from, for the report.
        out_json (str, optional): File for the whole result, curve included.
        output_dir (str, optional): Folder for the seeds as palette PNGs.
        format_only (bool): Only write these.
        ignore_index (int): Index of pixels that do not count.
        kwargs: Those of :class:`mmengine.evaluator.BaseMetric`.

    Attributes:
        split (str): Name of the evaluated split;
            :class:`hsc_mm.LeakGuardHook` sets it. Without, it is unnamed.
        labels_on_unseen_split (bool): Whether image labels of images that
            the model was not trained on chose the classes;
            :class:`hsc_mm.LeakGuardHook` knows and sets it.

    Raises:
        ValueError: A sample has no ground truth, or is a mask instead of a
            seed; the rule is unknown; ids of ``selection`` are not evaluated,
            or all are.
    """

    default_prefix = 'seed'

    def __init__(self,
                 thresholds: Sequence[float] | None = None,
                 threshold_rule: str = 'auto',
                 selection: str | None = None,
                 supervision: str = 'image labels',
                 out_json: str | None = None,
                 output_dir: str | None = None,
                 format_only: bool = False,
                 ignore_index: int = 255,
                 **kwargs) -> None:
        kwargs.pop('keep_results', None)  # set by `tools/test.py --out`
        super().__init__(**kwargs)
        self.grid = [
            float(check_number('thresholds of SeedMetric', one, least=0,
                               most=1))
            for one in thresholds or GRID
        ]
        self.threshold_rule, _ = find_rule(threshold_rule)
        self.selection = selection
        self.selecting = frozenset(
            read_selection(selection) if selection else ())
        self.supervision = supervision
        self.out_json = out_json
        self.output_dir = output_dir
        self.format_only = format_only
        self.ignore_index = ignore_index
        self.split = ''
        self.labels_on_unseen_split = False
        self._written: dict[str, str] = {}
        self._reset()

    def _reset(self) -> None:
        self._own = self._used_labels = self._views = None
        self._counts: SeedCounts | None = None

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of a batch and keep its class scores."""
        for sample in data_samples:
            if self.output_dir is not None:
                write_mask(self.output_dir, sample, self.dataset_meta,
                           self._written)
            if self.format_only:
                self.results.append(None)
                continue
            if 'gt_sem_seg' not in sample:
                raise ValueError(
                    f'{sample.get("img_path")}: SeedMetric needs a mask, and '
                    'the sample has none. Set data_prefix.seg_map_path and '
                    'add LoadAnnotations to the pipeline, or take the '
                    'evaluator out of the config.')
            if 'bg_threshold' not in sample:
                raise ValueError(
                    f'{sample.get("img_path")}: SeedMetric scores seeds, and '
                    'the prediction has no bg_threshold: it is a mask, not a '
                    'CAM. Take val_evaluator=test_evaluator=dict(type='
                    "'hsc_mm.MaskMetric', iou_metrics=['mIoU']).")
            check_truth(sample, len(sample['cls_scores']) + 1,
                        self.ignore_index)
            name = image_name(sample)
            self._count(sample, name in self.selecting)
            self.results.append((name, sample['cls_scores'].cpu(),
                                 self._image_label(sample)))

    def _count(self, sample: dict, selecting: bool) -> None:
        if self._counts is None:
            self._own = float(sample['bg_threshold'])
            self._used_labels = bool(sample['use_image_labels'])
            self._views = int(sample['views'])
            self._counts = SeedCounts(
                torch.tensor(sorted({*self.grid, self._own}),
                             dtype=torch.float32), self.ignore_index)
        self._counts.add(sample['seg_logits']['data'][1:],
                         sample['gt_sem_seg']['data'].squeeze(0), selecting)

    def _image_label(self, sample: dict) -> torch.Tensor:
        """Return the classes of the mask, (K,): mAP must not need labels."""
        label = torch.zeros(len(sample['cls_scores']))
        for index in sample['gt_sem_seg']['data'].unique().tolist():
            if index not in (0, self.ignore_index):
                label[index - 1] = 1
        return label

    def evaluate(self, size: int) -> dict:
        """Sum over ranks and report; see :class:`BaseMetric`.

        A sampler that evens out the ranks gives some of them one image
        twice, at the end; it is taken back before the sum.

        Raises:
            ValueError: Some ranks have no image.
        """
        counted = all_gather_object(self._counts is not None)
        if any(counted) and not all(counted):
            raise ValueError(
                'SeedMetric: expected images on each of the '
                f'{len(counted)} processes, found none on process '
                f'{counted.index(False)}. Test with fewer processes, or a '
                'sampler that gives each as many (round_up=True).')
        surplus = len(self.results) * get_world_size() - size
        if self._counts is not None:
            if get_rank() >= get_world_size() - surplus:
                self._counts.take_back()
            self._counts.all_reduce()
        metrics = super().evaluate(size)
        self._reset()
        return metrics

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the scores, in percent, and print the tables."""
        if self.format_only:
            print_log(f'seeds are in {self.output_dir}', logger='current')
            return {}
        kept = [one for one in results if one[0] not in self.selecting]
        self._check_selection({one[0] for one in results}, len(kept))
        self._check_masks()
        scores, labels = (torch.stack(part) for part in zip(
            *(one[1:] for one in kept), strict=True))
        report = seed_report(self._counts, self._own, self.threshold_rule,
                             100 * average_precision(
                                 scores, labels.bool()).nanmean().item())
        report['facts'] = dict(
            split=self.split or self.dataset_meta.get('split', 'unnamed'),
            images=len(kept),
            views=self._views,
            used_image_labels=self._used_labels,
            labels_on_unseen_split=self.labels_on_unseen_split,
            supervision=self.supervision)
        report['classes'] = list(self.dataset_meta['classes'])
        print_log('\n' + seed_tables(report), logger='current')
        if self.out_json:
            write_json(claim_file(self.out_json, option='out_json'), report)
        best, own = report['best'], report['own']
        rates = dict(
            false_pixel_rate=own['false_pixel_rate'],
            false_pixel_rate_best=best['false_pixel_rate'])
        chosen = {
            f'{what}_{key}': report[key][value]
            for key in ('label_free', 'selected') if key in report
            for what, value in (('mIoU', 'mIoU'), ('threshold', 'threshold'))
        }
        return dict(
            mIoU=own['mIoU'],  # the first is that of save_best='auto'
            **{k: v for k, v in rates.items() if v is not None},
            **chosen,
            mIoU_best=best['mIoU'],
            threshold_best=best['threshold'],
            over_activation_best=best['over'],
            under_activation_best=best['under'],
            PxAP=report['PxAP'],
            mAP=report['mAP'])

    def _check_selection(self, seen: set[str], scored: int) -> None:
        """Refuse a selection that is not part of the images."""
        missing = sorted(self.selecting - seen)
        if missing or not scored:
            what = (f'{len(missing)} that are not, such as {missing[0]}'
                    if missing else 'all of them')
            raise ValueError(
                f'selection {self.selection}: expected ids of some of the '
                f'{len(seen)} images that are evaluated, found {what}. Name '
                'a list of this split.')

    def _check_masks(self) -> None:
        """Refuse masks that are ignored everywhere: there is no score."""
        scored, selecting = self._counts.seeds.sum(dim=(1, 2, 3, 4)).tolist()
        for what, pixels in (('', scored),
                             ('selection: ', selecting or not self.selecting)):
            if not pixels:
                raise ValueError(
                    f'{what}expected masks that show something, found only '
                    f'pixels that are ignored ({self.ignore_index}) in all of '
                    'them. Are these the masks, and is ignore_index right?')
