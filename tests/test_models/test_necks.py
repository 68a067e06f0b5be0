"""A neck that makes a step of the head independent of the features' scale."""
import pytest
import torch
from two_ranks import measured_factor, on_two_ranks

from hsc_mm.models import ScaledFeatures

FEATS = (torch.ones(2, 3, 4, 4), torch.arange(96.).view(2, 3, 4, 4) - 40)


def rms(feat):
    return float(feat.square().mean().sqrt())


def test_the_first_batch_in_training_sets_the_factor():
    neck = ScaledFeatures(1.9).eval()
    assert torch.equal(neck(FEATS)[1], FEATS[1])  # nothing is measured yet
    neck.train()
    first, last = neck(FEATS)
    assert first is FEATS[0]
    assert rms(last) == pytest.approx(1.9)
    assert neck((FEATS[0], 3 * FEATS[1]))[1].allclose(3 * last)
    assert neck.eval()(FEATS)[1].equal(last)


def test_the_factor_is_saved_with_the_weights():
    neck = ScaledFeatures(1.9)
    neck(FEATS)
    resumed = ScaledFeatures(1.9)
    resumed.load_state_dict(neck.state_dict())
    other = (FEATS[0], 7 * FEATS[1])
    assert resumed(other)[1].equal(neck(other)[1])
    averaged = ScaledFeatures(1.9).eval()  # as of an EMA, which is not loaded
    averaged.factor.copy_(neck.factor)
    assert averaged(other)[1].equal(neck(other)[1])


def test_a_map_of_zeros_has_no_scale():
    neck = ScaledFeatures(1.9)
    assert not neck((torch.zeros(1, 2, 3, 3), ))[0].any()
    neck(FEATS)
    assert rms(neck(FEATS)[1]) == pytest.approx(1.9)


def test_steps_do_not_depend_on_the_scale_of_the_features():
    moved = []
    for scale in (0.1, 20.0):
        torch.manual_seed(0)
        neck, classifier = ScaledFeatures(1.9), torch.nn.Conv2d(3, 2, 1)
        for _ in range(3):
            loss = classifier(neck([scale * FEATS[1]])[0]).square().mean()
            classifier.zero_grad()
            loss.backward()
            with torch.no_grad():
                for weight in classifier.parameters():
                    weight -= 0.1 * weight.grad
        moved.append(classifier.weight.detach())
    torch.testing.assert_close(*moved)


def test_a_backbone_may_give_one_map():
    only, = ScaledFeatures(1.9)(FEATS[1])
    assert only.shape == FEATS[1].shape
    assert rms(only) == pytest.approx(1.9)


def test_half_precision_stays():
    feat = FEATS[1].bfloat16()
    assert ScaledFeatures(1.9)((feat, ))[0].dtype == torch.bfloat16


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match='rms of ScaledFeatures: expected'):
        ScaledFeatures(0)
    with pytest.raises(ValueError, match=r'in_index of .* 2 feature maps'):
        ScaledFeatures(1, in_index=2)(FEATS)


@pytest.mark.parametrize('feats', [
    (torch.rand(2, 3, 4, 4), [torch.rand(2, 3, 4, 4), torch.rand(2, 3)]),
    (torch.rand(2, 9, 3), )])
def test_what_is_no_map_is_refused(feats):
    with pytest.raises(ValueError, match=r'in_index of ScaledFeatures: '
                       r'expected feature maps .* of the backbone'):
        ScaledFeatures(rms=1.0)(feats)


def test_two_ranks_measure_one_batch():
    assert on_two_ranks(measured_factor) == pytest.approx([2 / 5, 2 / 5])
