"""Tracing of a model into an ONNX file, and comparison of the two."""
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from hsc_mm.inference.onnx_model import open_session

__all__ = ['OUTPUTS', 'Graph', 'trace']

_OPSET = 17
_TOLERANCE = 1e-4
#: Task -> names of the outputs.
OUTPUTS = dict(cam=('activation', 'scores'), segmentation=('logits', ))


class Graph(nn.Module):
    """The part of a model that is exported: from the image to raw outputs.

    Args:
        model (nn.Module): Of the CAM stage, or an EncoderDecoder of mmseg.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return activations and scores, or logits, of (1, 3, H, W)."""
        if getattr(self.model, 'predicts_seeds', False):
            return tuple(self.model.predict_cam(image))
        feats = self.model.extract_feat(image)
        return (self.model.decode_head(feats), )


@torch.no_grad()
def trace(graph: Graph, path: Path, sizes: Sequence[tuple[int, int]],
          task: str, dynamic: bool) -> tuple[str, float]:
    """Write an ONNX file and compare its outputs with those of the model.

    Args:
        graph (Graph): The model, in eval mode.
        path (Path): The file.
        sizes (sequence[tuple[int, int]]): Heights and widths of random
            images; the first is traced, all are compared.
        task (str): One of :data:`OUTPUTS`.
        dynamic (bool): Whether the file takes any height and width.

    Returns:
        tuple[str, float]: What is wrong, '' if nothing; and the largest
        difference of an output, relative to its largest value.

    Raises:
        ValueError: onnxruntime is missing.
    """
    generator = torch.Generator().manual_seed(0)
    images = [torch.randn(1, 3, *size, generator=generator)
              for size in sizes]
    axes = {name: {2: f'{name}_h', 3: f'{name}_w'}
            for name in ('image', *OUTPUTS[task]) if name != 'scores'}
    try:
        with _quiet():
            torch.onnx.export(
                graph, (images[0], ), str(path), input_names=['image'],
                output_names=list(OUTPUTS[task]), opset_version=_OPSET,
                dynamic_axes=axes if dynamic else None, dynamo=False)
    except OSError:  # of the disk, not of the model
        raise
    except Exception as error:  # of many classes, some of them private
        return f'the export fails ({_line(error)})', 0.0
    session = open_session(path, 'cpu', quiet=True)
    largest = 0.0
    for size, image in zip(sizes, images, strict=True):
        try:
            expected = graph(image)
            found = session.run(None, {'image': image.numpy()})
        except Exception as error:
            return f'size {size} fails ({_line(error)})', 0.0
        for one, other in zip(expected, found, strict=True):
            if tuple(one.shape) != other.shape:
                return f'size {size} gives outputs of {other.shape}', 0.0
            gap = (one - torch.from_numpy(other)).abs().max() / \
                one.abs().max().clamp(min=1e-12)
            if not gap <= _TOLERANCE:  # NaN among them
                return (f'size {size} differs by {gap:.1e} of the largest '
                        'value'), float(gap)
            largest = max(largest, float(gap))
    return '', largest


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to itself what the tracer says of an attempt.

    That are warnings of what it keeps constant, and hundreds of lines of a
    graph that takes one size alone, which torch logs whether asked or not.
    """
    log = getattr(torch._C, '_jit_onnx_log', None)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        if log is not None:
            torch._C._jit_onnx_log = lambda *args: None
        try:
            yield
        finally:
            if log is not None:
                torch._C._jit_onnx_log = log


def _line(error: Exception) -> str:
    """Return the first line of an error, short."""
    text = (str(error) or type(error).__name__).splitlines()[0]
    return text if len(text) < 120 else f'{text[:117]}...'
