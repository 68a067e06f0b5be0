"""Export of a checkpoint of either stage to ONNX, compared with the model."""
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config
from torch import nn

from hsc_mm.datasets.build import split_options, without_truth
from hsc_mm.datasets.transforms.load_image import LoadImage
from hsc_mm.inference.class_names import ClassNames
from hsc_mm.inference.models import open_model
from hsc_mm.inference.onnx_model import FORMAT
from hsc_mm.registry import TRANSFORMS
from hsc_mm.utils import digest, write_json
from hsc_mm.utils.checkpoints import file_sum
from hsc_mm.utils.data_folders import refuse_data_of
from hsc_mm.utils.locks import locked
from hsc_mm.utils.outputs import claim_file
from hsc_mm.utils.part_types import class_of, type_name
from hsc_mm.utils.wrappers import leaves
from .onnx_checks import check_model
from .onnx_trace import OUTPUTS, Graph, trace

__all__ = ['OnnxExport', 'export_onnx']

_PACKERS = ('PackSegInputs', 'PackImageLabelInputs')


class OnnxExport(NamedTuple):
    """What was written.

    Attributes:
        task (str): ``'cam'`` or ``'segmentation'``.
        dynamic (bool): Whether images of any size go in.
        error (float): Largest difference of outputs, relative to the largest
            value, over all sizes that were tried.
        files (tuple[Path, Path]): The ONNX file, the JSON file beside it.
        reason (str): Why the size is fixed; '' where it is not.
    """
    task: str
    dynamic: bool
    error: float
    files: tuple[Path, Path]
    reason: str = ''


def export_onnx(cfg: Config, checkpoint: str | Path, out: str | Path,
                size: Sequence[int] | None = None,
                fixed: bool = False) -> OnnxExport:
    """Write ``NAME.onnx`` and ``NAME.json`` of a checkpoint.

    The outputs are compared with those of the model at three sizes. Where
    other sizes than that of the export give other outputs, or none, the size
    is fixed: pictures are then resized to it before they go in.

    Args:
        cfg (Config): Config of the model.
        checkpoint (str | Path): Its checkpoint.
        out (str | Path): The ONNX file.
        size (sequence[int], optional): Height and width of the export; by
            default those to which the test pipeline resizes, or 512 x 512.
        fixed (bool): Whether the size is fixed in any case.

    Returns:
        OnnxExport: What was written, and how exact it is.

    Raises:
        FileExistsError: A file is there that was not written here, or
            another process writes into the folder.
        ValueError: The model cannot be exported, or gives other outputs, or
            the folder is one of the data.
    """
    if Path(out).suffix != '.onnx':
        raise ValueError(f'--out {out}: expected a name that ends in .onnx.')
    refuse_data_of(cfg, Path(out).parent, '--out', one_file=True)
    settings = _settings(cfg)
    model, names, _, _ = open_model(cfg, checkpoint, 'cpu', False)
    check_model(model)
    task = 'cam' if getattr(model, 'predicts_seeds', False) else \
        'segmentation'
    if size is None:
        size = (settings['resize'] or dict(scale=(512, 512)))['scale'][::-1]
    height, width = _padded(size, settings)
    sizes = [_padded(one, settings) for one in (
        (height, width), (height - height // 5, width + 37),
        (height + 33, max(width - width // 3, 32)))]
    with locked(Path(out).parent):  # two files, which belong together
        path, beside = (claim_file(one, [checkpoint, cfg.filename])
                        for one in (out, Path(out).with_suffix('.json')))
        reason, error = _write_graph(model, path, sizes, task, fixed)
        if reason:
            sizes = sizes[:1]
            settings['resize'] = dict(scale=[width, height], keep_ratio=False)
            settings['preprocessor'].pop('test_cfg', None)  # of padding
        content = json.loads(json.dumps(dict(
            _content(model, names, task, settings, sizes),
            parity=dict(largest_relative_error=error, sizes=sizes),
            checkpoint=dict(name=Path(checkpoint).name,
                            sha256=file_sum(checkpoint)),
            sha256=file_sum(path))))
        write_json(beside, dict(content, settings=digest(content)))
        return OnnxExport(task, not reason, error, (path, beside), reason)


def _write_graph(model: nn.Module, path: Path, sizes: list[tuple[int, int]],
                 task: str, fixed: bool) -> tuple[str, float]:
    """Write the ONNX file; return why its size is fixed, and its error."""
    draft = path.with_name(f'.{path.stem}.{os.getpid()}.tmp.onnx')
    graph = Graph(model).eval()
    reason = '--fixed was given' if fixed else ''
    try:
        if not reason:
            reason, error = trace(graph, draft, sizes, task, True)
        if reason:
            wrong, error = trace(graph, draft, sizes[:1], task, False)
            if wrong:
                raise ValueError(
                    f'model {type(model).__name__}: expected one that ONNX '
                    f'can express, found that {wrong}. Try another --size, a '
                    'multiple of the strides of the backbone, or another '
                    'network.')
        os.replace(draft, path)
    except OSError as error:  # PyTorch's writer does not name the file
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        draft.unlink(missing_ok=True)
    return reason, error


def _content(model: nn.Module, names: ClassNames, task: str, settings: dict,
             sizes: list[tuple[int, int]]) -> dict[str, Any]:
    """Return what the JSON says of the model; a single size is fixed."""
    side = (None, None) if len(sizes) > 1 else sizes[0]
    return dict(
        format=FORMAT,
        task=task,
        classes=list(names.classes),
        palette=names.palette.tolist(),
        label_map=names.label_map,
        **settings,
        input=dict(name='image', channels=_channels(settings),
                   shape=[1, 3, *side]),
        outputs=OUTPUTS[task],
        align_corners=bool(model.align_corners),
        test_cfg=dict(model.test_cfg, normalize=model.normalization)
        if task == 'cam' else {})


def _settings(cfg: Config) -> dict[str, Any]:
    """Return how the test pipeline and the preprocessor make the input."""
    load, *steps = without_truth(
        next(leaves(split_options(cfg, 'test'))).pipeline)
    if class_of(TRANSFORMS, load) not in (LoadImage, LoadImageFromFile):
        raise ValueError(
            f'test pipeline of {cfg.filename}: expected hsc_mm.LoadImage or '
            'LoadImageFromFile first, which the JSON file can describe, '
            f'found {type_name(load) or load!r}. Other programs could not '
            'make the same input.')
    names = [type_name(one) for one in steps]
    wrong = [name for name in names if name not in ('Resize', *_PACKERS)]
    resizes = [one for one in steps if type_name(one) == 'Resize']
    if wrong or len(resizes) > 1:
        raise ValueError(
            f'test pipeline of {cfg.filename}: expected at most one Resize '
            f'between loading and packing, found {wrong or names}.')
    resize = _resize(dict(resizes[0]), cfg.filename) if resizes else None
    model = cfg.model.get('module', cfg.model)
    found = dict(model.get('data_preprocessor') or {})
    if type_name(found) != 'SegDataPreProcessor':
        raise ValueError(
            f'data_preprocessor of {cfg.filename}: expected mmseg\'s '
            'SegDataPreProcessor, whose mean and std are written beside the '
            f'ONNX file, found {model.get("data_preprocessor")}.')
    # The type is known, and the others are of training.
    for key in ('type', 'size', 'size_divisor', 'batch_augments'):
        found.pop(key, None)
    own = type_name(load) == 'LoadImage'
    load = dict(load, type='hsc_mm.LoadImage' if own else 'LoadImageFromFile')
    return dict(load=load, resize=resize, preprocessor=found)


def _resize(found: dict, filename: str) -> dict[str, Any]:
    """Return ``scale``, (width, height), and ``keep_ratio`` of a Resize."""
    scale = found.get('scale')
    if scale is None:
        raise ValueError(
            f'Resize in the test pipeline of {filename}: expected scale, '
            'which the JSON file can describe, found '
            f'scale_factor={found.get("scale_factor")!r}. Set '
            'scale=(width, height).')
    found.pop('type')
    return dict(found, scale=[scale] * 2 if isinstance(scale, int) else scale,
                keep_ratio=bool(found.get('keep_ratio')))


def _channels(settings: dict) -> str:
    """Return the order of the input; pictures are loaded as BGR."""
    found = settings['preprocessor']
    turned = found.get('bgr_to_rgb') or found.get('rgb_to_bgr')
    return 'RGB' if turned else 'BGR'


def _padded(size: Sequence[int], settings: dict) -> tuple[int, int]:
    """Return the size after the padding of the preprocessor."""
    padding = settings['preprocessor'].get('test_cfg') or {}
    step = padding.get('size_divisor') or 1
    height, width = (-(-side // step) * step for side in size)
    return height, width
