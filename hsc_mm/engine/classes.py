"""Classes of the data, and the channels that a model has for them."""
from collections.abc import Mapping

from mmseg.models.decode_heads import STDCHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import nn

from hsc_mm.inference.class_names import check_same_classes
from .task import meta_of

__all__ = ['check_heads', 'check_splits']


def check_heads(model: nn.Module, meta: Mapping) -> None:
    """Refuse segmentors that have channels for other classes.

    Args:
        model (nn.Module): With ``decode_head``, or without.
        meta (mapping): Metainfo of the training data.

    Raises:
        ValueError: A head counts other classes, or has neither a channel for
            each nor one for two.
    """
    count = len(meta.get('classes') or ())
    for name in ('decode_head', 'auxiliary_head'):
        heads = getattr(model, name, None)
        for head in heads if isinstance(heads, nn.ModuleList) else [heads]:
            if isinstance(head, STDCHead):  # learns borders, not classes
                continue
            found = getattr(head, 'num_classes', count)
            if count and found != count:
                raise ValueError(
                    f'model.{name}.num_classes: expected {count}, the classes '
                    f'of the data set ({", ".join(meta["classes"][:5])} ...),'
                    f' found {found}.')
            channels = getattr(head, 'out_channels', count) if isinstance(
                head, BaseDecodeHead) else count
            if count and channels != count and (channels, count) != (1, 2):
                raise ValueError(
                    f'model.{name}.out_channels: expected {count}, one for '
                    'each class (of two classes also 1), found '
                    f'{channels}. Leave it out.')


def check_splits(runner) -> None:
    """Refuse a training that is validated on other classes.

    Raises:
        ValueError: The data sets differ in their classes or the order.
    """
    check_same_classes({
        f'{task}_dataloader': meta_of(runner, task).get('classes')
        for task in ('train', 'val')})
