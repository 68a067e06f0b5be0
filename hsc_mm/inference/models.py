"""Models for prediction: from a checkpoint or an ONNX file, made fast."""
import copy
import os
from pathlib import Path

import torch
from mmcv.cnn import fuse_conv_bn
from mmengine.config import Config
from torch import Tensor, nn

from hsc_mm.utils import check_device
from hsc_mm.utils.checkpoints import load
from hsc_mm.utils.health import spoken
from .class_names import ClassNames, class_names
from .config_changes import use_tta
from .config_values import check_values
from .configs import config_of
from .onnx_model import is_onnx, read_onnx
from .seeds import build_model

__all__ = ['fold_batch_norm', 'make_fast', 'open_model']

_LARGEST_ERROR = 1e-5


def open_model(model: str | Path | Config, weights: str | Path | None,
               device: str | None, tta: bool
               ) -> tuple[nn.Module, ClassNames, Config, list[str]]:
    """Make a model ready to predict.

    Args:
        model (str | Path | Config): A config, as a file or read, or an ONNX
            file.
        weights (str | Path, optional): Checkpoint of a config.
        device (str, optional): Where it runs.
        tta (bool): Whether it predicts at several scales.

    Returns:
        tuple: The model, its classes, a config with its test pipeline, and
        what went wrong in its training.

    Raises:
        FileNotFoundError: A file is missing.
        TypeError: The model or the weights are neither a file nor a config.
        ValueError: A file is broken, a value of the config is wrong, or the
            arguments do not go together.
    """
    if not isinstance(model, str | os.PathLike | Config):
        raise TypeError(
            'model: expected a config (its file, or a Config of mmengine) or '
            f'an ONNX file, found {type(model).__name__}.')
    if not isinstance(weights, str | os.PathLike | None):
        raise TypeError('weights: expected the file of a checkpoint, found '
                        f'{type(weights).__name__}.')
    if is_onnx(model):
        if tta or weights is not None:
            raise ValueError(
                f'{model}: expected no weights and no tta beside an ONNX '
                'file. For several scales take the checkpoint.')
        return *read_onnx(model, device), []
    if weights is None:
        raise ValueError('weights: expected a checkpoint of the config, '
                         'found none.')
    if isinstance(model, Config):
        check_values(model, model.filename)
    cfg = config_of(model)
    checkpoint = load(weights)
    cfg = use_tta(cfg) if tta else cfg
    built = build_model(cfg, str(weights), check_device(device))
    return built, class_names(cfg, checkpoint), cfg, spoken(checkpoint)


def make_fast(model: nn.Module, amp: bool = False) -> nn.Module:
    """Fold batch norms and choose the layout of memory, in place.

    Channels lie last where that helps: on a CPU, and in half precision.

    Args:
        model (nn.Module): In eval mode, a model with ``makes_cams`` (see
            :class:`hsc_mm.models.segmentors.CAMPredictor`) or a TTA model
            around one; others stay as they are.
        amp (bool): Whether it will use half precision.

    Returns:
        nn.Module: The model; no longer fit for training.
    """
    segmentor = getattr(model, 'module', model)
    if getattr(segmentor, 'makes_cams', False):
        segmentor.backbone = fold_batch_norm(segmentor.backbone)
        if amp or next(segmentor.parameters()).device.type == 'cpu':
            if hasattr(segmentor, 'memory_format'):
                segmentor.memory_format = torch.channels_last
            segmentor.to(memory_format=torch.channels_last)
    return model


@torch.no_grad()
def fold_batch_norm(backbone: nn.Module) -> nn.Module:
    r"""Multiply batch norms of fixed statistics into the convolutions.

    .. math:: \gamma (W * x - \mu) / \sigma + \beta
              = (\gamma W / \sigma) * x + (\beta - \gamma \mu / \sigma)

    Which batch norm follows which convolution is guessed from the order of
    modules, so the result is compared with the original on a random image.

    Returns:
        nn.Module: The folded copy; the original where it computes something
        else (networks that normalise before they convolve).
    """
    device = next(backbone.parameters()).device
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, 3, 97, 129, generator=generator).to(device)
    try:
        folded = fuse_conv_bn(copy.deepcopy(backbone))
        # TF32 rounds more than folding does.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            expected = _outputs(backbone, image)
            found = _outputs(folded, image)
        same = all(
            (a - b).abs().max() <= _LARGEST_ERROR * a.abs().max()
            for a, b in zip(expected, found, strict=True))
    except (AssertionError, AttributeError, RuntimeError, TypeError,
            ValueError):  # such as a network that takes no such size
        same = False
    return folded if same else backbone


def _outputs(backbone: nn.Module, image: Tensor) -> list[Tensor]:
    outputs = backbone(image)
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)
