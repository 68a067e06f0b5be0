"""The strongest positions of a batch, where weights are equal too."""
import pytest
import torch
import torch.nn.functional as F

from hsc_mm.functional import (
    Bank,
    class_contrast,
    contrast_cam,
    contrast_weights,
    observe_classes,
    strongest,
)


def test_equal_weights_share_the_places_that_are_left():
    weight = torch.tensor([[3., 1, 1, 2, 1, 0], [0, 0, 0, 0, 0, 0],
                           [5, 4, 3, 2, 1, 0]])
    many, few = strongest(weight, 4, 2)
    third = 2 / 3
    assert many.tolist() == [
        pytest.approx([1, third, third, 1, third, 0]),
        pytest.approx([third] * 6), [1, 1, 1, 1, 0, 0]]
    assert few.tolist() == [[1, 0, 0, 1, 0, 0],
                            pytest.approx([1 / 3] * 6), [1, 1, 0, 0, 0, 0]]
    assert strongest(weight, 9)[0].tolist() == [[1] * 6] * 3
    again = strongest(weight, 2, 4)  # in any order
    assert torch.equal(again[0], few)
    assert torch.equal(again[1], many)


def test_the_release_takes_whole_positions():
    weight = torch.tensor([[3., 1, 1, 2, 1, 0]])
    many, few = strongest(weight, 4, 2, share_ties=False)
    assert sorted(many[0].tolist()) == [0, 0, 1, 1, 1, 1]
    assert few.tolist() == [[1, 0, 0, 1, 0, 0]]


@pytest.mark.parametrize('dtype', [torch.float64, torch.float16])
def test_marks_have_the_type_of_the_weights(dtype):
    weight = torch.tensor([[3, 1, 1]], dtype=dtype)
    for ties in (True, False):
        assert strongest(weight, 2, share_ties=ties)[0].dtype == dtype


def relu_batch():
    """Three images, two classes, and CAMs that are zero at most places."""
    draw = torch.Generator().manual_seed(0)
    cam = torch.randn(3, 3, 8, 8, generator=draw).sub(1).relu()
    label = torch.tensor([[1., 1, 0], [1, 1, 1], [1, 0, 1]])
    return contrast_cam(cam), label, torch.randn(3, 5, 8, 8, generator=draw)


def test_the_order_of_the_batch_changes_nothing():
    cam, label, embedding = relu_batch()
    banks = [Bank(torch.eye(3, 5), torch.ones(3, dtype=torch.bool))] * 2
    assert (contrast_weights(cam, label)[1][:, 0] == 1).sum() > 16
    found = []
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        region = embedding.clone().requires_grad_()
        weights = contrast_weights(cam[order], label[order])
        loss, (one, _) = class_contrast(
            [region[order]] * 2, [weights[0]] * 2, label[order], banks,
            tops=(16, 4))
        loss.backward()
        pixel = observe_classes(embedding[order], weights[1])
        found.append((loss.detach(), region.grad, *one, *pixel))
    assert found[0][1].abs().max() > 1e-3
    for other in found[1:]:
        for one, two in zip(found[0], other):
            assert torch.allclose(one, two, rtol=1e-5, atol=1e-6)


def test_a_prototype_is_the_mean_over_equal_positions():
    cam, label, embedding = relu_batch()
    weight = contrast_weights(cam, label)[1]
    flat = embedding.transpose(0, 1).flatten(1)
    tied = weight.transpose(0, 1).flatten(1)[0] == 1
    row = observe_classes(embedding, weight).mean()[0]
    assert tied.sum() > 8 * 8 // 16
    assert torch.allclose(F.normalize(row, dim=0),
                          F.normalize(flat[:, tied].mean(1), dim=0),
                          atol=1e-6)
