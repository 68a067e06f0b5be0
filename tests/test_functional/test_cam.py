import pytest
import torch
import torch.nn.functional as F
from sampling import cam_at_pixels, image_at_pixels

from hsc_mm.functional.cam import (
    activation_to_image,
    cam_to_input,
    choose_classes,
    input_to_image,
    normalize_cam,
    seed_scores,
)


@pytest.mark.parametrize('force', [True, False])
def test_the_classifier_keeps_the_best_where_it_must(force):
    scores = torch.tensor([0.2, 0.4, 0.3])
    for threshold, wanted in ((0.5, [0, int(force), 0]), (0.25, [0, 1, 1])):
        cfg = dict(use_image_labels=False, score_thr=threshold)
        if force:
            cfg['force_class'] = True
        found = choose_classes(scores, torch.tensor([1, 0, 0]), cfg)
        assert found.tolist() == wanted
        both = choose_classes(torch.stack([scores, scores / 9]), None, cfg)
        assert both.tolist() == [wanted, [0, int(force), 0]]
        assert both.dtype == scores.dtype


def test_image_labels_choose_and_must_be_there():
    cfg = dict(use_image_labels=True, score_thr=0.5)
    scores = torch.tensor([0.2, 0.9])
    found = choose_classes(scores, torch.tensor([1, 0]), cfg)
    assert found.tolist() == [1, 0]
    assert found.dtype == scores.dtype
    with pytest.raises(ValueError, match='x: expected image labels'):
        choose_classes(scores, None, cfg, 'x')


def test_flips_and_padding_are_undone():
    """A flipped, padded view adds what the view itself adds."""
    maps = torch.rand(3, 5, 4)  # stride 4, input 20 x 16, image 17 x 13
    common = ((20, 16), (1, 2, 3, 0), (17, 13), False)
    plain = activation_to_image(maps[None], [None], *common)
    enlarged = F.interpolate(
        maps[None], (20, 16), mode='bilinear', align_corners=False)[0]
    assert torch.equal(plain, enlarged[:, 3:, 1:14])
    for flip, axis in (('horizontal', 2), ('vertical', 1)):
        found = activation_to_image(
            torch.stack([maps, maps]), [None, flip], *common)
        assert torch.allclose(found, plain + plain.flip(axis), atol=1e-6)
    none = activation_to_image(maps[None, :0], [None], *common)
    assert none.shape == (0, 17, 13)
    with pytest.raises(ValueError, match='flip: expected one of'):
        activation_to_image(maps[None], ['diagonal'], *common)


def test_normalisation_by_class_and_image():
    activation = torch.tensor([[[0., 2.], [4., 1.]], [[3., 0.], [0., 0.]],
                               [[0., 0.], [0., 0.]]])
    cam = normalize_cam(activation, torch.tensor([1., 0., 1.]))
    assert torch.allclose(cam[0], activation[0] / 4, atol=1e-4)
    assert cam[1].abs().sum() == 0
    assert cam[2].abs().sum() == 0  # an empty map, not 0 / 0
    assert cam.max() < 1


def test_normalisation_by_minimum_and_maximum():
    activation = torch.tensor([[[3., 4.], [5., 7.]], [[2., 2.], [2., 2.]],
                               [[1., 9.], [1., 1.]]])
    cam = normalize_cam(activation, torch.tensor([1., 1., 0.]), 'min-max')
    expected = (activation[0] - 3 - 1e-5) / (4 + 1e-5)
    assert torch.allclose(cam[0], expected.clamp(min=0), atol=1e-7)
    assert not cam[1:].any()  # a constant map says nothing; no such class


def test_background_is_in_front():
    cam = torch.tensor([[[0.2, 0.5]]])
    scores = seed_scores(cam, 0.3)
    assert scores.shape == (2, 1, 2)
    assert scores.argmax(0).tolist() == [[0, 1]]
    assert scores[0, 0, 0] == pytest.approx(0.3)


@pytest.mark.parametrize('size', [(33, 49), (40, 48), (34, 55), (7, 1)])
@pytest.mark.parametrize('stride', [1, 4, 8])
def test_a_position_lies_where_it_looks(size, stride):
    cells = [-(-n // stride) for n in size]
    maps = torch.rand(1, 2, *cells)
    found = cam_to_input(maps, size, align_corners=True)
    expected = cam_at_pixels(maps[0].numpy(), size, stride)
    assert abs(found[0].numpy() - expected).max() < 1e-5
    if all(n % stride == 1 for n in size):
        corners = F.interpolate(maps, size, mode='bilinear',
                                align_corners=True)
        assert torch.allclose(found, corners, atol=1e-5)


def test_patches_and_images_keep_their_areas():
    maps = torch.rand(1, 2, 5, 6)
    expected = image_at_pixels(maps[0].numpy(), (40, 48))
    for found in (cam_to_input(maps, (40, 48), align_corners=False),
                  input_to_image(maps, (40, 48))):
        assert abs(found[0].numpy() - expected).max() < 1e-5


def test_a_map_of_no_stride_spans_the_input():
    maps = torch.rand(1, 1, 5, 9)
    assert torch.equal(
        cam_to_input(maps, (31, 31), align_corners=True),
        F.interpolate(maps, (31, 31), mode='bilinear', align_corners=True))
