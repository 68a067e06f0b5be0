import pytest
import torch

from hsc_mm.models.cam import normalize_cam, present_classes, seed_scores


def test_present_classes_keep_the_best():
    scores = torch.tensor([0.2, 0.4, 0.3])
    assert present_classes(scores, 0.5).tolist() == [0, 1, 0]
    assert present_classes(scores, 0.25).tolist() == [0, 1, 1]


def test_normalisation_by_class_and_image():
    activation = torch.tensor([[[0., 2.], [4., 1.]], [[3., 0.], [0., 0.]],
                               [[0., 0.], [0., 0.]]])
    cam = normalize_cam(activation, torch.tensor([1., 0., 1.]))
    assert torch.allclose(cam[0], activation[0] / 4, atol=1e-4)
    assert cam[1].abs().sum() == 0
    assert cam[2].abs().sum() == 0  # an empty map, not 0 / 0
    assert cam.max() < 1


def test_background_is_in_front():
    cam = torch.tensor([[[0.2, 0.5]]])
    scores = seed_scores(cam, 0.3)
    assert scores.shape == (2, 1, 2)
    assert scores.argmax(0).tolist() == [[0, 1]]
    assert scores[0, 0, 0] == pytest.approx(0.3)
