"""Names of the scores that a validation returns."""
from mmengine.evaluator import BaseMetric
from mmseg.evaluation import IoUMetric

from .mask_metric import MaskMetric
from .seed_metric import SeedMetric

__all__ = ['score_names']

_SEEDS = ('mIoU', 'mIoU_best', 'threshold_best', 'over_activation_best',
          'under_activation_best', 'PxAP', 'mAP')
# Only where some CAM is above zero, where some mask shows no class.
_SOME_SEEDS = ('mIoU_label_free', 'threshold_label_free', 'false_pixel_rate',
               'false_pixel_rate_best')
_OF_MASKS = dict(mIoU=('mIoU', 'mAcc'), mDice=('mDice', 'mAcc'),
                 mFscore=('mFscore', 'mPrecision', 'mRecall'))


def score_names(metric: BaseMetric) -> list[str] | None:
    """Return all scores that a metric may return, with its prefix.

    Args:
        metric (BaseMetric): Of a validation.

    Returns:
        list[str] | None: None of a metric whose scores are not known here.
    """
    if type(metric) is SeedMetric:
        names = [*_SEEDS, *_SOME_SEEDS]
        if metric.selecting:
            names += ['mIoU_selected', 'threshold_selected']
    elif type(metric) in (MaskMetric, IoUMetric):
        names = ['aAcc', *dict.fromkeys(
            name for one in metric.metrics for name in _OF_MASKS[one])]
        if type(metric) is MaskMetric:
            names.append('false_pixel_rate')
    else:
        return None
    return [f'{metric.prefix}/{one}' if metric.prefix else one
            for one in names]
