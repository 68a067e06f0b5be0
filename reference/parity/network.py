"""ResNet-38d with PCM and projectors, its weights imported by name."""
import sys
from pathlib import Path

import numpy as np
import torch
from methods import head_config
from torch import Tensor, nn

from hsc_mm.registry import MODELS
from .rows import Arrays, Row, background_first, compare, compare_channels

sys.path.append(str(Path(__file__).resolve().parents[2] / 'tools'))

from hsc_converters.release import SOURCES, rename_release

__all__ = ['check_network', 'formula_weights', 'own_shapes']

#: Shape by name, in the words of the public checkpoints.
Shapes = dict[str, list[int]]

#: A network as deep as this multiplies what rounding does.
TOLERANCE = 1e-4
_MAPS = ('conv4', 'conv5', 'conv6')
#: Arrays that have a channel of the background.
_CLASSES = ('pred', 'cam', 'pred_rv', 'cam_rv')


def build_network(num_classes: int = 21,
                  base: int = 64,
                  reduced: tuple[int, int] = (64, 128),
                  embed: int = 192,
                  pixel: int = 128,
                  region: int = 256) -> nn.Module:
    """Build the CAM network of the release, without memory for weights."""
    with torch.device('meta'):
        return MODELS.build(
            dict(
                type='hsc_mm.CAMSegmentor',
                backbone=dict(type='hsc_mm.ResNet38d', base_channels=base),
                decode_head=head_config(
                    'hsc',
                    'hsc_release',
                    type='hsc_mm.CAMHead',
                    in_channels=64 * base,
                    num_classes=num_classes,
                    refiner=dict(
                        type='hsc_mm.PixelCorrelation',
                        in_channels=(8 * base, 16 * base),
                        in_index=(0, 1),
                        reduced=reduced,
                        embed_channels=embed),
                    embeddings=dict(
                        pixel=dict(channels=pixel),
                        region=dict(channels=region))),
                second_view=(128, 128),
                test_cfg=dict(
                    bg_threshold=0.22, use_image_labels=True,
                    score_thr=0.5))).eval()


def own_shapes(num_classes: int = 21) -> Shapes:
    """Return names and shapes of the release as this package knows them."""
    state = build_network(num_classes).state_dict()
    names = {
        f'decode_head.{ours}': theirs
        for theirs, ours in SOURCES['hsc'].head.items()
    }
    return {
        names.get(key, key.removeprefix('backbone.')): list(value.shape)
        for key, value in state.items()
        if key in names or key.startswith('backbone.')
    }


def formula_weights(shapes: Shapes) -> dict[str, Tensor]:
    r"""Compute the weights that the stored outputs were computed with.

    With i the place of a name in sorted order and t = 0, 1, ... along the
    tensor, :math:`w = \sin(0.7310585786\, t + 1.3\, i)`, brought to the
    size that suits what it is.

    Args:
        shapes (dict): Shape by name.

    Returns:
        dict[str, Tensor]: Float32 by name; counters of batches are zero.
    """
    return {
        key: _formula(index, key, shapes[key]) if shapes[key] else
        torch.tensor(0)
        for index, key in enumerate(sorted(shapes))
    }


def _formula(index: int, key: str, shape: list[int]) -> Tensor:
    t = np.arange(np.prod(shape), dtype=np.float64)
    w = np.sin(0.7310585786 * t + 1.3 * index).reshape(shape)
    if key.endswith('running_var'):
        w = 1 + 0.3 * w
    elif key.endswith('running_mean'):
        w = 0.1 * w
    elif len(shape) == 1:
        w = 1 + 0.2 * w if key.endswith('weight') else 0.05 * w
    else:
        w = w * np.sqrt(1.6 / np.prod(shape[1:]))
    return torch.from_numpy(w.astype(np.float32))


def load_network(shapes: Shapes) -> nn.Module:
    """Build the network as wide as the shapes say, and import its weights.

    Raises:
        ValueError: A tensor is missing, or of another shape.
    """
    missing = [key for key in ('conv1a.weight', *SOURCES['hsc'].head)
               if key not in shapes]
    if missing:
        raise ValueError(f'the list of shapes lacks {", ".join(missing)}')
    network = build_network(
        num_classes=shapes['fc8.weight'][0],
        base=shapes['conv1a.weight'][0],
        reduced=(shapes['f8_3.weight'][0], shapes['f8_4.weight'][0]),
        embed=shapes['f9.weight'][0],
        pixel=shapes['proj_fc.weight'][0],
        region=shapes['extra_F.0.weight'][0])
    state = rename_release(formula_weights(shapes), 'hsc', 'last')
    try:
        lacking, unknown = network.load_state_dict(
            state, strict=False, assign=True)
    except RuntimeError as error:
        raise ValueError(f'the list of shapes does not fit: {error}'
                         ) from error
    # Checkpoints of the release are without prototypes.
    lacking = [key for key in lacking if '.contrast.' not in key]
    if lacking or unknown:
        raise ValueError('the list of shapes does not fit: missing '
                         f'{lacking[:3]}, unexpected {unknown[:3]}')
    return network.eval()


@torch.no_grad()
def check_network(arrays: Arrays, shapes: Shapes | None = None) -> list[Row]:
    """Recompute the outputs of the network for an image.

    Args:
        arrays (Arrays): ``image``, and any of the outputs.
        shapes (dict, optional): Shape by name of the weights; None stands
            for those of VOC's network with as many classes as are stored.

    Returns:
        list[Row]: One for each stored output.
    """
    image = arrays.tensor('image')
    if shapes is None:
        classes = [arrays[name].shape[1] for name in _CLASSES
                   if name in arrays]
        shapes = own_shapes(*classes[:1])
    network = load_network(shapes)
    feats = network.extract_feat(image)
    output = network.decode_head(feats, image)
    outputs = dict(zip(_MAPS, feats, strict=True))
    outputs.update(
        cam=output.cam,
        pred=output.cam.mean((2, 3)),
        cam_rv=output.refined,
        pred_rv=output.refined.mean((2, 3)),
        feat_pixel=output.embedding('pixel'),
        feat_region=output.embedding('region'))
    return [
        _compare(name, arrays[name], value)
        for name, value in outputs.items() if name in arrays
    ]


def _compare(name: str, expected: np.ndarray, found: Tensor) -> Row:
    """Compare an output, or those channels of it that are stored."""
    if name in _CLASSES:
        what = 'class scores' if name.startswith('pred') else 'CAM'
        return compare(name, what, found, background_first(expected),
                       TOLERANCE)
    return compare_channels(name, 'feature map', found, expected, TOLERANCE)
