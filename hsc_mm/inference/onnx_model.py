"""Models in ONNX files, which predict as the checkpoints they are made of.

In one file, though long: writer and reader agree on one form.
"""
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmseg.models.segmentors.base import BaseSegmentor
from torch import Tensor, nn

from hsc_mm.models.segmentors.cam_predictor import CAMPredictor
from hsc_mm.utils import digest, read_json
from hsc_mm.utils.checkpoints import file_sum
from .class_names import ClassNames

__all__ = [
    'FORMAT', 'OnnxCAM', 'OnnxSegmentor', 'is_onnx', 'open_session',
    'read_onnx'
]

#: First entry of the JSON beside an ONNX file: what its keys mean.
FORMAT = 'hsc_mm onnx 1'
_KEYS = ('task', 'classes', 'palette', 'label_map', 'load', 'resize',
         'preprocessor', 'align_corners', 'test_cfg', 'sha256', 'settings')
_LOADERS = ('LoadImageFromFile', 'hsc_mm.LoadImage')


def is_onnx(path: object) -> bool:
    """Say whether a path is that of an ONNX file, by its suffix."""
    return isinstance(path, str | Path) and str(path).endswith('.onnx')


def open_session(path: str | Path, device: str | None = None,
                 quiet: bool = False) -> Any:
    """Open an ONNX file with onnxruntime.

    Args:
        path (str | Path): The file.
        device (str, optional): ``'cpu'``, ``'cuda'`` or ``'cuda:N'``; by
            default the first GPU where onnxruntime can use one.
        quiet (bool): Whether onnxruntime prints no errors of its own beside
            those that it raises.

    Returns:
        onnxruntime.InferenceSession: The session.

    Raises:
        ValueError: onnxruntime is missing or cannot use the device, or the
            file is broken.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ValueError('onnxruntime runs ONNX files, and is not installed: '
                         "pip install onnxruntime (extra 'onnx').") from error
    cuda = 'CUDAExecutionProvider'
    gpu = cuda in onnxruntime.get_available_providers()
    match = re.fullmatch(r'cpu|cuda(?::(\d+))?', device or 'cuda')
    if match is None or ((device or 'cpu') != 'cpu' and not gpu):
        advice = 'Name cpu, cuda or cuda:N.' if gpu else \
            'Take --device cpu, or install onnxruntime-gpu.'
        raise ValueError('device: expected one that onnxruntime can use, '
                         f'found {device}. {advice}')
    chosen = [(cuda, dict(device_id=int(match[1] or 0)))] * (
        gpu and device != 'cpu')
    try:
        options = onnxruntime.SessionOptions()
        if quiet:
            options.log_severity_level = 4  # fatal alone
        return onnxruntime.InferenceSession(
            str(path), options, providers=[*chosen, 'CPUExecutionProvider'])
    except Exception as error:  # of classes that onnxruntime keeps to itself
        raise ValueError(f'{path}: expected an ONNX file, but {error}. Export '
                         'it again.') from error


class _OnnxModel(BaseSegmentor):
    """What both kinds share: a session in place of backbone and heads.

    Args:
        session (onnxruntime.InferenceSession): See :func:`open_session`.
        found (mapping): Content of the JSON file.
    """

    def __init__(self, session: Any, found: Mapping[str, Any]) -> None:
        super().__init__(data_preprocessor=dict(
            found['preprocessor'], type='mmseg.SegDataPreProcessor'))
        self.session = session
        classes = len(found['classes'])
        # Of its first output: similarities may follow CAMs.
        self.channels = (
            classes - 1, 2 * classes - 1) if found['task'] == 'cam' else (
                classes, )
        self.test_cfg = dict(found['test_cfg'])
        self._align_corners = bool(found['align_corners'])

    @property
    def align_corners(self) -> bool:
        """bool: Convention of resizes."""
        return self._align_corners

    def run(self, inputs: Tensor) -> list[Tensor]:
        """Return the outputs of an image, (1, 3, H, W) after the preprocessor.

        Raises:
            ValueError: The file takes another size.
            RuntimeError: onnxruntime fails, such as at a picture that is too
                small for the network, or where memory is used up.
        """
        expected = self.session.get_inputs()[0].shape
        if any(isinstance(one, int) and one != given for one, given in zip(
                expected, inputs.shape, strict=True)):
            raise ValueError(f'image: expected the size {expected} of the '
                             f'ONNX file, found {list(inputs.shape)}.')
        try:
            found = self.session.run(
                None, {'image': inputs.cpu().numpy().astype(np.float32)})
        except Exception as error:  # of classes of onnxruntime's own
            raise RuntimeError(str(error)) from error
        if found[0].ndim != 4 or found[0].shape[1] not in self.channels:
            raise ValueError(
                f'ONNX file: expected {self.channels[0]} maps, for the '
                'classes of its JSON file, found the shape '
                f'{found[0].shape}. Export the model again.')
        return [torch.from_numpy(one) for one in found]

    def extract_feat(self, inputs: Tensor) -> Any:
        """Raise: the file gives results, no features."""
        raise NotImplementedError('an ONNX file has no features.')

    def loss(self, inputs: Tensor, data_samples: Any) -> dict:
        """Raise: the file cannot be trained."""
        raise NotImplementedError('an ONNX file cannot be trained.')

    def _forward(self, inputs: Tensor, data_samples: Any = None) -> Tensor:
        return self.run(inputs)[0]


class OnnxCAM(CAMPredictor, _OnnxModel):
    """The CAM stage: outputs ``activation`` and ``scores``."""

    def encode_decode(self, inputs: Tensor,
                      data_samples: Any = None) -> tuple[Tensor, Tensor]:
        """Return what :meth:`CAMPredictor.predict_cam` does, of one image."""
        activation, scores = self.run(inputs)
        return activation, scores

    def predict(self, inputs: Tensor, data_samples: Any = None) -> list:
        """Make the seed; see :meth:`CAMPredictor.finish`."""
        activation, scores = self.encode_decode(inputs)
        return self.postprocess_result(activation, scores, data_samples,
                                       tuple(inputs.shape[2:]))


class OnnxSegmentor(_OnnxModel):
    """The segmentation stage: output ``logits``."""

    def encode_decode(self, inputs: Tensor,
                      data_samples: Any = None) -> Tensor:
        """Return logits at the size of the input, (1, C, H, W)."""
        return F.interpolate(
            self.run(inputs)[0], tuple(inputs.shape[2:]), mode='bilinear',
            align_corners=self.align_corners)

    def predict(self, inputs: Tensor, data_samples: Any = None) -> list:
        """Make the mask, as mmseg does."""
        return self.postprocess_result(
            self.encode_decode(inputs), data_samples)


def read_onnx(path: str | Path, device: str | None = None
              ) -> tuple[nn.Module, ClassNames, Config]:
    """Read an ONNX file and the JSON file beside it.

    Args:
        path (str | Path): ``NAME.onnx``, with ``NAME.json``.
        device (str, optional): See :func:`open_session`.

    Returns:
        tuple: The model; its classes; a config whose test pipeline reads an
        image as that of the checkpoint did.

    Raises:
        FileNotFoundError: One of the two is missing.
        ValueError: The two do not belong together, or one is broken.
    """
    path = Path(path)
    beside = path.with_suffix('.json')
    for one in (path, beside):
        if not one.is_file():
            raise FileNotFoundError(
                f'{one}: there is no such file. An ONNX file needs the JSON '
                'file of the same name that export_onnx wrote beside it.')
    found = read_json(beside)
    if not isinstance(found, dict) or found.get('format') != FORMAT or any(
            key not in found for key in _KEYS):
        raise ValueError(f'{beside}: expected "format": "{FORMAT}" and the '
                         f'keys {list(_KEYS)}. Export the model again.')
    if found.pop('settings') != digest(found):
        raise ValueError(f'{beside}: expected the settings that export_onnx '
                         'wrote, found others. Export the model again; '
                         '"predict --threshold" takes another threshold.')
    if found['sha256'] != file_sum(path):
        raise ValueError(f'{path}: expected the file that {beside.name} was '
                         'written for, found another one. Copy both from the '
                         'same export.')
    session = open_session(path, device)
    if [one.name for one in session.get_inputs()] != ['image']:
        raise ValueError(f'{path}: expected one input named "image". Export '
                         'the model again.')
    return _assemble(session, found)


def _assemble(session: Any, found: dict[str, Any]
              ) -> tuple[nn.Module, ClassNames, Config]:
    """Make the parts of :func:`read_onnx` from the JSON file."""
    if found['load'].get('type') not in _LOADERS:
        raise ValueError(f'load: expected one of {_LOADERS}, found '
                         f'{found["load"].get("type")}.')
    steps = [found['load']]
    if found['resize']:  # JSON has lists where mmcv expects tuples
        steps.append(dict(type='Resize', **{
            key: tuple(value) if isinstance(value, list) else value
            for key, value in found['resize'].items()}))
    steps.append(dict(type='hsc_mm.PackImageLabelInputs'))
    cfg = Config(dict(test_dataloader=dict(dataset=dict(pipeline=steps))))
    kind = OnnxCAM if found['task'] == 'cam' else OnnxSegmentor
    label_map = found['label_map'] and {
        int(key): value for key, value in found['label_map'].items()}
    names = ClassNames(tuple(found['classes']),
                       np.array(found['palette'], np.uint8), label_map)
    return kind(session, found).eval(), names, cfg
