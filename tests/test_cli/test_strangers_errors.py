"""Sentences for what strangers' losses and heads end in, with real losses."""
import pytest
import torch
from torch import nn

from hsc_mm.cli.errors import explain
from hsc_mm.models import View, ViewLoss
from hsc_mm.models.losses import LossDict
from hsc_mm.models.views import Targets


class InPlace(ViewLoss):
    """Changes the CAM that another loss reads."""

    def forward(self, views, targets):
        exponent = views[0].cam.exp()
        total = exponent.sum()
        exponent.clamp_(min=1)
        return total + (exponent ** 2).sum()


def error_of(call) -> tuple[str, int]:
    """Return what is said of the exception that a call raises."""
    with pytest.raises(Exception) as error:  # noqa: PT011 - explain's input
        call()
    return explain(error.value)


def losses(loss, cam, **parts):
    """Compute a loss of one view."""
    targets = Targets(torch.ones(1, 3), {})
    return LossDict(dict(own=loss))([View(None, (), cam, cam, **parts)],
                                    targets)


def test_a_change_in_place_is_named():
    weight = nn.Parameter(torch.rand(1, 4, 5, 5))
    text, status = error_of(lambda: losses(
        dict(type=InPlace), weight * 2)['loss_own'].backward())
    assert status == 1
    assert 'changed in place' in text
    assert 'clamp_()' in text


def test_a_detached_cam_is_named():
    text, status = error_of(lambda: torch.rand(2).sum().backward())
    assert status == 1
    assert 'expected a loss that depends on a parameter' in text
    assert 'compute_cam' in text


def test_a_loss_of_mmseg_among_those_of_views_is_named():
    text, status = error_of(lambda: losses(
        dict(type='mmseg.CrossEntropyLoss'), torch.rand(1, 4, 5, 5)))
    assert status == 1
    assert text.startswith('CrossEntropyLoss of mmseg: TypeError')


def test_an_embedding_that_no_loss_needs_says_so():
    with pytest.raises(KeyError, match=r'needs = \("pixel", \)'):
        View(None, (), *[torch.rand(1, 4, 5, 5)] * 2).embedding('pixel')
