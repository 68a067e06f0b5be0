"""Pictures of a size that a network refuses."""
import re
from typing import Any

from torch import Tensor

__all__ = ['SIZE', 'SizeError', 'refuse_size']

#: What torch, onnxruntime and networks of OpenMMLab say of an input too
#: small, or of one that is no multiple of their stride.
SIZE = re.compile(
    r"Kernel size can't be greater|Output size is too small|"
    r'Padding size should be less|non-empty 3D or 4D|'
    r'[Ii]nput (image )?(size|height|width)|Invalid input shape')


class SizeError(ValueError):
    """A network cannot take a picture of this size; others it can."""


def refuse_size(error: Exception, network: Any, inputs: Tensor) -> None:
    """Name the picture's size if an exception of a network is about that.

    Args:
        error (Exception): Raised by the network.
        network (Any): What was called, for the message.
        inputs (Tensor): Its input, (B, N, H, W).

    Raises:
        SizeError: It is; where it is about something else nothing is raised.
    """
    line = (str(error).strip() or ' ').splitlines()[0]
    if not SIZE.search(line):
        return
    height, width = inputs.shape[-2:]
    advice = 'Enlarge the picture or leave it out; in a training, enlarge ' \
        'the crop or model.second_view.'
    if 'divisible' in line:
        advice = 'model.data_preprocessor.test_cfg=dict(size_divisor=N) ' \
            'pads pictures to multiples of N.'
    raise SizeError(
        f'expected a picture that {type(network).__name__} can take, found '
        f'{width} x {height} pixels where it enters the network '
        f'({line.rstrip(".")}). {advice}') from error
