"""Selection of a backbone's feature maps by a head."""
from collections.abc import Sequence

from torch import Tensor

from hsc_mm.utils.numbers import check_number

__all__ = ['pick_features']


def pick_features(feats: Sequence[Tensor], in_index: Sequence[int],
                  in_channels: Sequence[int], owner: str,
                  where: str) -> list[Tensor]:
    """Choose feature maps, and see that they are what a config says.

    ``feats`` are those of the backbone, (B, D, h, w) each; messages name the
    owner, and where in ``model`` of a config the two arguments stand.

    Raises:
        ValueError: There are fewer maps, they have other channels, or they
            are tokens or vectors. All that is wrong is named at once, with
            the channels of every map.
    """
    channels = [None if f is None else f.shape[1] for f in feats]
    there = (f'The backbone gives {len(feats)} feature maps, of '
             f'{channels} channels')
    chosen, problems = [], []
    for index, wide in zip(in_index, in_channels, strict=True):
        check_number(f'in_index of {owner}', index, whole=True)
        if not -len(feats) <= index < len(feats):
            problems.append(f'expected a feature map {index}, found none')
            continue
        feat = feats[index]
        if feat.ndim != 4:
            raise ValueError(
                f'in_index of {owner}: expected feature maps (B, D, h, w), '
                f'found shape {tuple(feat.shape)} as number {index} of the '
                'backbone, which gives tokens or pools. See its arguments: '
                'out_type="featmap" of VisionTransformer, '
                'gap_before_final_norm=False of ConvNeXt.')
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
