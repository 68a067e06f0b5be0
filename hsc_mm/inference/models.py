"""Models for prediction, from a checkpoint or an ONNX file."""
from pathlib import Path

from mmengine.config import Config
from torch import nn

from hsc_mm.utils import check_device
from hsc_mm.utils.checkpoints import load
from hsc_mm.utils.health import spoken
from .class_names import ClassNames, class_names
from .configs import load_config, use_tta
from .onnx_model import is_onnx, read_onnx
from .seeds import build_model

__all__ = ['open_model']


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
        ValueError: A file is broken, or the arguments do not go together.
    """
    if is_onnx(model):
        if tta or weights is not None:
            raise ValueError(
                f'{model}: expected no weights and no tta beside an ONNX '
                'file. For several scales take the checkpoint.')
        return *read_onnx(model, device), []
    if weights is None:
        raise ValueError('weights: expected a checkpoint of the config, '
                         'found none.')
    cfg = model if isinstance(model, Config) else load_config(model)
    checkpoint = load(weights)
    cfg = use_tta(cfg) if tta else cfg
    built = build_model(cfg, str(weights), check_device(device))
    return built, class_names(cfg, checkpoint), cfg, spoken(checkpoint)
