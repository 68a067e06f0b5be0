"""Selection of a backbone's feature maps by a head."""
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from hsc_mm.utils.numbers import check_number
from hsc_mm.utils.shapes import described

__all__ = ['feature_map', 'output_maps', 'pick_features']


def output_maps(found: Any, source: str) -> tuple:
    """Return the outputs of a backbone or a neck as a tuple.

    Args:
        found (Any): One feature map, or a sequence or a dictionary of them,
            as torchvision's ``create_feature_extractor`` gives it.
        source (str): What gave it, for the message.

    Raises:
        ValueError: It is none of these.
    """
    if isinstance(found, Tensor):
        return (found, )
    if isinstance(found, Mapping):
        return tuple(found.values())
    if isinstance(found, Sequence) and not isinstance(found, str):
        return tuple(found)
    raise ValueError(f'{source}: expected a tuple of feature maps (B, D, h, '
                     f'w) from its forward(), found {described(found)}.')


def pick_features(feats: Sequence[Tensor], in_index: Sequence[int],
                  in_channels: Sequence[int], owner: str,
                  where: str) -> list[Tensor]:
    """Choose feature maps, and see that they are what a config says.

    ``feats`` are those of the backbone, (B, D, h, w) each; messages name the
    owner, and where in ``model`` of a config the two arguments stand.

    Raises:
        ValueError: There are fewer maps, they have other channels, or they
            are tokens, vectors, or lists with a class token. All that is
            wrong is named at once, with the channels of every map.
    """
    channels = [
        f.shape[1] if isinstance(f, Tensor) and f.ndim > 1 else None
        for f in feats
    ]
    there = (f'The backbone gives {len(feats)} feature maps, of '
             f'{channels} channels')
    chosen, problems = [], []
    for index, wide in zip(in_index, in_channels, strict=True):
        check_number(f'in_index of {owner}', index, whole=True)
        if not -len(feats) <= index < len(feats):
            problems.append(f'expected a feature map {index}, found none')
            continue
        feat = feats[index]
        feature_map(feat, index, owner)
        if feat.shape[1] != wide:
            problems.append(f'expected {wide}, found {feat.shape[1]} channels '
                            f'in feature map {index} of the backbone')
        chosen.append(feat)
    if problems:
        raise ValueError(
            f'in_channels and in_index of {owner}: {"; ".join(problems)}. '
            f'{there}: state {where}.in_channels and {where}.in_index, or '
            'model.backbone.out_indices, accordingly.')
    return chosen


def feature_map(feat: Any, index: int, owner: str) -> Tensor:
    """Return an output of a backbone, if it is a map (B, D, h, w).

    Args:
        feat (Any): What was found.
        index (int): Which of the outputs it is, for the message.
        owner (str): Whose ``in_index`` says so, for the message.

    Raises:
        ValueError: It is no Tensor of four dimensions; the message names
            the arguments of backbones that give maps.
    """
    if isinstance(feat, Tensor) and feat.ndim == 4:
        return feat
    remedy = ('which gives tokens or pools. See its arguments: '
              'out_type="featmap" of VisionTransformer, '
              'gap_before_final_norm=False of ConvNeXt.')
    found = described(feat)
    if isinstance(feat, Tensor):
        found = f'shape {tuple(feat.shape)}'
    elif isinstance(feat, list | tuple):
        remedy = ('which gives a class token beside its map. Set '
                  'model.backbone.output_cls_token=False (of a '
                  'VisionTransformer of mmseg).')
    raise ValueError(f'in_index of {owner}: expected feature maps (B, D, h, '
                     f'w), found {found} as number {index} of the backbone, '
                     f'{remedy}')
