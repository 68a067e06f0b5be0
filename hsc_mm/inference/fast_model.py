"""Network prepared for inference: equal results, fewer passes."""
import copy

import torch
from mmcv.cnn import fuse_conv_bn
from mmengine.logging import print_log
from torch import Tensor, nn

__all__ = ['fold_batch_norm', 'make_fast']

_LARGEST_ERROR = 1e-5


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
    except (AttributeError, RuntimeError, TypeError, ValueError):
        same = False
    if same:
        return folded
    print_log(
        f'{type(backbone).__name__}: batch norms are not folded, because they '
        'do not follow convolutions.',
        logger='current')
    return backbone


def _outputs(backbone: nn.Module, image: Tensor) -> list[Tensor]:
    outputs = backbone(image)
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)
