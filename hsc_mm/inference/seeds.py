"""Seeds of a split, from a config and a checkpoint."""
import copy
import logging
from collections.abc import Iterator, Sequence

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, load_checkpoint
from mmengine.structures import BaseDataElement
from torch import nn
from torch.utils.data import DataLoader

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.build import (
    build_split,
    split_options,
    without_truth,
)
from hsc_mm.evaluation.leak_guard import check_image_labels, training_images
from hsc_mm.registry import MODELS
from hsc_mm.utils.pool import guard_workers
from .class_names import check_class_names

__all__ = [
    'best_threshold', 'build_model', 'iterate_seeds', 'seed_dataset',
    'seed_loader'
]


def build_model(cfg: Config,
                checkpoint: str,
                device: str,
                classes: Sequence[str] | None = None) -> nn.Module:
    """Build the model of a config, load a checkpoint, set eval mode.

    ``classes`` are those of the data that it will see, background included.

    Raises:
        ValueError: The checkpoint does not fit the model, or knows other
            classes.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model = MODELS.build(copy.deepcopy(cfg.model))
    try:
        found = load_checkpoint(
            getattr(model, 'module', model),
            checkpoint,
            map_location='cpu',
            strict=True,
            logger='silent')
    except RuntimeError as error:
        lines = [line for line in str(error).splitlines()[1:] if line.strip()]
        raise ValueError(
            f'checkpoint {checkpoint}: it does not fit the model of '
            f'{cfg.filename}: {"; ".join(map(_short, lines[:2]))}. Name the '
            'config that it was trained with.') from error
    check_class_names(checkpoint, found, classes)
    return model.to(device).eval()


def _short(line: str) -> str:
    """Keep the first three of the names that torch lists."""
    head, colon, listed = line.partition(': ')
    names = listed.split(', ')
    more = f' and {len(names) - 3} more' if len(names) > 3 else ''
    return f'{head}{colon}{", ".join(names[:3])}{more}'.strip()


def seed_dataset(cfg: Config,
                 split: str,
                 check: bool = True,
                 guard: bool = True) -> BaseImageLabelDataset:
    """Build the data set of images whose seeds are wanted.

    The data set is that of ``<split>_dataloader``, read through the test
    pipeline, without its masks: they are not looked at. Of a training split
    the same images are left out as in training.

    Image labels of another split than the training data are refused, see
    :func:`hsc_mm.evaluation.leak_guard.check_image_labels`.

    Args:
        cfg (Config): After :func:`hsc_mm.inference.use_tta`, or before.
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        check (bool): Whether missing and broken images are an error; False
            for those who tell them one by one.
        guard (bool): Whether the model will choose classes, and image labels
            must not be leaked; False where seeds come from elsewhere.

    Returns:
        BaseImageLabelDataset: In the order of the list.

    Raises:
        ValueError: Image labels would be used that are not to be seen, or
            an image is bad.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    built = build_split(
        cfg,
        split,
        pipeline=without_truth(split_options(cfg, 'test').pipeline),
        masks=False,
        check=check)
    if guard and split != 'train':
        test_cfg = cfg.model.get('module', cfg.model).get('test_cfg')
        loader = cfg.get('train_dataloader') or {}
        if check_image_labels(test_cfg, built,
                              training_images(loader.get('dataset'))):
            print_log(
                f'image labels of {split}, on which the model was not '
                'trained, choose the classes (labels_on_unseen_split=True)',
                logger='current', level=logging.WARNING)
    return built


def seed_loader(dataset: BaseImageLabelDataset, workers: int) -> DataLoader:
    """Return the loader of one image at a time, in the order of the data."""
    return guard_workers(Runner.build_dataloader(
        dict(
            batch_size=1,
            num_workers=workers,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dataset)))


@torch.no_grad()
def iterate_seeds(model: nn.Module,
                  loader: DataLoader) -> Iterator[BaseDataElement]:
    """Yield the seed of each image of a loader.

    Each is a SegDataSample with ``pred_sem_seg`` and ``seg_logits``, see
    :meth:`hsc_mm.models.CAMSegmentor.finish`.
    """
    for batch in loader:
        yield from model.test_step(batch)


def best_threshold(cfg: Config, checkpoint: str,
                   device: str | None = None) -> float:
    """Return the background threshold of the highest mIoU on the test split.

    Args:
        cfg (Config): Whose test is run.
        checkpoint (str): The weights.
        device (str, optional): Where; None: where mmengine's runner tests.

    Raises:
        ValueError: The config's evaluator is not :class:`hsc_mm.SeedMetric`.
    """
    cfg = copy.deepcopy(cfg)
    cfg.load_from, cfg.resume = checkpoint, False
    from hsc_mm.engine.runner import build_runner  # it imports this package
    runner = build_runner(cfg)
    if device is not None:  # its data follow the model
        runner.model.to(device)
    metrics = runner.test()
    found = [value for name, value in metrics.items()
             if name.rpartition('/')[2] == 'threshold_best']
    if not found:
        raise ValueError(
            f'test_evaluator of {cfg.filename}: expected hsc_mm.SeedMetric, '
            'which finds the best threshold; name one instead of "best".')
    return float(found[0])
