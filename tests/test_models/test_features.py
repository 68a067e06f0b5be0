"""Feature maps that a config names, and what is said of those it misses."""
import pytest
import torch

from hsc_mm.models.features import pick_features

FEATS = tuple(torch.rand(2, wide, 5, 6) for wide in (4, 8, 16))


def pick(in_index, in_channels, feats=FEATS):
    return pick_features(feats, in_index, in_channels, 'Head', 'decode_head')


def test_maps_are_chosen_by_index():
    first, last = pick((0, -1), (4, 16))
    assert first is FEATS[0]
    assert last is FEATS[2]
    assert pick((1, ), (8, ), (None, FEATS[1], None)) == [FEATS[1]]


@pytest.mark.parametrize(('in_index', 'in_channels', 'parts'), [
    ((0, 1), (5, 9), [
        'of Head: expected 5, found 4 channels in feature map 0',
        'expected 9, found 8 channels in feature map 1',
        'gives 3 feature maps, of [4, 8, 16] channels',
        'decode_head.in_channels and decode_head.in_index'
    ]),
    ((3, 1), (4, 9), [
        'expected a feature map 3, found none',
        'expected 9, found 8 channels', 'gives 3 feature maps',
        'model.backbone.out_indices'
    ]),
    ((-4, ), (4, ), ['expected a feature map -4, found none']),
])
def test_all_that_is_wrong_is_said_at_once(in_index, in_channels, parts):
    with pytest.raises(ValueError, match='of Head: ') as error:
        pick(in_index, in_channels)
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize('shape', [(2, 16), (2, 30, 16)])
def test_tokens_and_vectors_are_no_maps(shape):
    with pytest.raises(ValueError, match=r'expected feature maps \(B, D, h, '
                       rf'w\), found shape \({shape[0]}, {shape[1]}.*'
                       'out_type="featmap"'):
        pick((0, ), (16, ), (torch.rand(shape), ))


@pytest.mark.parametrize('make', [list, tuple])
def test_a_map_beside_a_class_token_is_named(make):
    """mmseg's VisionTransformer(output_cls_token=True)."""
    pair = make([torch.rand(2, 16, 5, 6), torch.rand(2, 16)])
    for feats in ((pair, ), (FEATS[0], pair)):
        with pytest.raises(ValueError, match=r'in_index of Head: expected '
                           r'feature maps \(B, D, h, w\), found '
                           f'{make.__name__} as number -1 .*'
                           'output_cls_token=False'):
            pick((-1, ), (16, ), feats)
    # One that is not chosen is left alone.
    assert pick((0, ), (4, ), (FEATS[0], pair)) == [FEATS[0]]
    with pytest.raises(ValueError, match=r'of \[4, None\] channels'):
        pick((0, ), (5, ), (FEATS[0], pair))


@pytest.mark.parametrize(('found', 'name'), [
    (None, 'None'), (dict(out=FEATS[0]), 'dict'), ('map', 'str')])
def test_what_is_no_tensor_is_no_map(found, name):
    with pytest.raises(ValueError, match=r'expected feature maps \(B, D, h, '
                       rf'w\), found {name} as number 0'):
        pick((0, ), (16, ), (found, ))
