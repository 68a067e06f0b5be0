"""What a label rule returns is looked at before it is written."""
import numpy as np
import pytest
import torch
from mmengine.config import Config

from hsc_mm.pseudo_labels import RunOptions
from hsc_mm.pseudo_labels.chain import (
    LabelChain,
    label_stream,
    usual_threshold,
)
from hsc_mm.pseudo_labels.rules import AgreementRule, LabelRule, ThresholdRule
from hsc_mm.pseudo_labels.soft_cam import SoftCAM
from hsc_mm.pseudo_labels.thresholds import Threshold, choose_threshold

SOFT = SoftCAM('cat_1', np.linspace(0, 1, 60, dtype=np.float32).reshape(
    2, 5, 6), np.array([1, 3]), None)
MASK = SOFT.classes[SOFT.cam.argmax(0)]


class Own(LabelRule):
    """Returns what it is told."""

    def __init__(self, found):
        self.found = found

    def label(self, soft):
        return self.found

    def identity(self):
        return {}


class Cut(LabelRule):
    """The foreground above a threshold."""

    def __init__(self, threshold=0.3):
        self.threshold = threshold

    def label(self, soft):
        return np.where(soft.cam.max(0) > self.threshold, MASK, 0)

    def identity(self):
        return {}


class Clean(Cut):
    """Hands its arguments on, as parts of this project do."""

    def __init__(self, least=3, **kwargs):
        super().__init__(**kwargs)
        self.least = least


class Hidden(Cut):
    """Has a threshold that nobody gives."""

    def __init__(self):
        super().__init__(0.2)


@pytest.mark.parametrize(('kind', 'reads'), [
    (Cut, True), (Clean, True), (Hidden, False)])
def test_a_threshold_reaches_a_rule_through_its_arguments(kind, reads):
    chain = LabelChain(rule=dict(type=kind), threshold=0.6)
    assert chain.rule.threshold == (0.6 if reads else 0.2)
    assert chain.rule.reads_threshold(False) is reads
    own = LabelChain(rule=dict(type=kind, **dict(threshold=0.4) if reads
                               else {}), threshold=0.6)
    assert own.rule.threshold == (0.4 if reads else 0.2)


@pytest.mark.parametrize(('found', 'words'), [
    (None, 'found None'),
    (MASK.tolist(), 'found list'),
    (torch.from_numpy(MASK), r'found Tensor of torch.int64 \(5, 6\)'),
    (MASK > 0, r'found ndarray of bool \(5, 6\)'),
    (MASK + 0.7, r'found ndarray of float64 \(5, 6\)'),
    (MASK[:2], r'found ndarray of int64 \(2, 6\)'),
    (MASK[None], r'found ndarray of int64 \(1, 5, 6\)'),
])
def test_what_is_no_mask_is_refused(found, words):
    with pytest.raises(ValueError, match='cat_1: Own: expected a mask.*'
                       rf'integers.*\(5, 6\).*{words}'):
        Own(found)(SOFT)
    reason, = label_stream([SOFT], LabelChain(rule=Own(found)))
    assert 'cat_1: Own' in reason.reason


@pytest.mark.parametrize('index', [-1, 2, 77, 254, 300, 256 + 3])
def test_a_class_that_the_image_has_not_is_refused(index):
    mask = MASK.copy()
    mask[2, 3] = index
    with pytest.raises(ValueError, match=r'cat_1: Own: expected .*\[0, 1, 3, '
                       rf'255\].*found \[{index}\]'):
        Own(mask)(SOFT)


@pytest.mark.parametrize('kind', [np.uint8, np.int16, np.int64])
def test_integers_become_bytes(kind):
    mask = MASK.astype(kind)
    mask[0, 0], mask[0, 1] = 0, 255
    found = Own(mask)(SOFT)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, mask)


def test_a_rule_that_is_an_object_keeps_its_threshold():
    cfg = Config(dict(model=dict(), pseudo_label=dict(
        threshold='sufficiency')))
    own = ThresholdRule(0.3)
    assert usual_threshold(cfg) == 'sufficiency'
    assert usual_threshold(cfg, rule=own) is None
    chain = LabelChain.from_config(cfg, rule=own)
    assert chain.rule is own and chain.threshold == 0.3
    assert LabelChain.from_config(cfg, 0.3, rule=own).rule is own
    with pytest.raises(ValueError, match='beside a ThresholdRule that has '
                       r'its own, 0\.3, found 0\.6'):
        LabelChain.from_config(cfg, 0.6, rule=own)
    two = AgreementRule([dict(type='hsc_mm.PAR')] * 2, 0.5)
    assert usual_threshold(cfg, rule=two) is None
    assert LabelChain.from_config(cfg, rule=two).threshold == 0.5
    with pytest.raises(ValueError, match='beside a AgreementRule'):
        LabelChain.from_config(cfg, 0.3, rule=two)


class _Other(Cut):
    """Calls something else ``threshold``."""

    def __init__(self, threshold):
        self.threshold = threshold


@pytest.mark.parametrize('value', [[.3, .4], 50, np.array([.1, .2]), len])
def test_a_rule_may_call_other_things_threshold(value):
    cfg = Config(dict(model=dict(test_cfg=dict(bg_threshold=0.2))))
    own = _Other(value)
    for given, expected in ((None, 0.2), (0.4, 0.4)):
        chain = LabelChain.from_config(cfg, given, rule=own)
        assert chain.rule is own and own.threshold is value
        assert chain.threshold == expected


@pytest.mark.parametrize('name', ['best', 'sufficiency'])
def test_what_was_found_for_labels_is_not_looked_for_again(name):
    lines = []
    options = RunOptions(notify=lines.append)
    found = choose_threshold(Config(), 'no.pth', 'train', name, None, options,
                             Threshold(0.4, name))
    assert found == Threshold(0.4, name)
    assert lines == [f'background threshold 0.4, by "{name}", of the labels '
                     'that are there']
