"""What manifests note of refiners and rules, so that none is another."""
import json

import numpy as np
import pytest
from mmengine.config import Config

from hsc_mm.pseudo_labels import LabelChain
from hsc_mm.pseudo_labels.folder import PseudoLabelFolder
from hsc_mm.pseudo_labels.identity import check_same, own_code
from hsc_mm.pseudo_labels.refiners import PAR, Refiner
from hsc_mm.pseudo_labels.rules import AgreementRule, LabelRule


class Blur(Refiner):
    """A refiner whose identity is its settings alone."""
    needs = ()

    def __init__(self, size=9):
        self.size = size

    def refine(self, soft):
        return soft

    def identity(self):
        return dict(size=self.size)


class Median(Blur):
    """Another one with the same settings."""


class Plain(LabelRule):
    """A rule without a setting."""

    def label(self, soft):
        return np.zeros(soft.cam.shape[1:], np.uint8)

    def identity(self):
        return {}


class FinerPAR(PAR):
    """A part of the package, changed; its identity is inherited."""


def elsewhere():
    """A class of the same name in another module."""
    return type('Blur', (Blur, ), dict(__module__='my_project.other'))()


def folder(path, chain):
    return PseudoLabelFolder(path, chain.identity())


@pytest.mark.parametrize(('one', 'other'), [
    (Blur(), Median()), (Blur(), Blur(7)), (Blur(), elsewhere()),
    (PAR(), FinerPAR())])
@pytest.mark.parametrize('place', ['refiners', 'rule'])
def test_a_folder_tells_two_refiners_apart(tmp_path, one, other, place):

    def chain(refiner):
        if place == 'refiners':
            return LabelChain([refiner])
        return LabelChain(rule=AgreementRule([refiner, PAR()], 0.3))

    folder(tmp_path, chain(one))
    folder(tmp_path, chain(one))
    with pytest.raises(FileExistsError, match='another folder'):
        folder(tmp_path, chain(other))


def test_a_rule_need_not_name_its_class(tmp_path):
    chain = LabelChain([Blur(size=(3, 5))], Plain())
    assert str(chain) == 'Blur, Plain'
    folder(tmp_path, chain)
    folder(tmp_path, chain)     # tuples are lists in a file
    with pytest.raises(FileExistsError, match='another folder'):
        folder(tmp_path, LabelChain([Blur(size=(3, 5))]))


def test_parts_of_the_package_are_noted_as_before():
    rule = AgreementRule([PAR(), PAR(steps=3)], 0.25)
    assert LabelChain([PAR()], rule).identity() == dict(
        threshold=0.3, soft=None, refiners=[PAR().identity()],
        rule=rule.identity())
    assert rule.identity() == json.loads(json.dumps(dict(
        type='AgreementRule', threshold=0.25,
        refiners=[PAR().identity(), PAR(steps=3).identity()])))
    assert str(LabelChain([PAR()], rule)) == (
        'PAR, AgreementRule (PAR, PAR, threshold 0.25)')


@pytest.mark.parametrize('found', [None, 'Blur', dict(size=np.float32(3))])
def test_an_identity_that_no_file_can_hold_is_refused(found):
    one = Blur()
    one.identity = lambda: found
    with pytest.raises(ValueError, match=r'identity\(\) of Blur: expected'):
        LabelChain([one]).identity()


def named(*imports):
    return dict(custom_imports=dict(imports=list(imports)))


def test_code_of_ones_own_parts_is_noted(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ('own_blur', 'own_base', 'own_head'):
        (tmp_path / f'{name}.py').write_text('')
    base = type('Base', (Blur, ), dict(__module__='own_base'))
    own = type('Own', (base, ), dict(__module__='own_blur'))()
    monkeypatch.setattr(Blur, '__module__', 'hsc_mm.pseudo_labels')
    chain = LabelChain(rule=AgreementRule([own, PAR()], 0.3))
    assert own_code(LabelChain([PAR()]), named('hsc_mm', 'torch')) == {}
    found = [own_code(chain), own_code(chain, named('own_head'))]
    assert [list(one) for one in found] == [['code']] * 2
    assert found == [own_code(chain), own_code(chain, named('own_head'))]
    for number, name in enumerate(('own_blur', 'own_base', 'own_head')):
        (tmp_path / f'{name}.py').write_text('A = 1')
        now = [own_code(chain), own_code(chain, named('own_head'))]
        assert (now[0] == found[0], now[1] == found[1]) == (number > 1, False)
        found = now


@pytest.mark.parametrize('as_class', [True, False])
def test_code_of_a_type_of_the_config_is_noted(
        tmp_path, monkeypatch, as_class):
    """Without ``custom_imports``, as configs of mmengine's python style."""
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / 'own_typed_head.py'
    file.write_text('')
    kind = 'own_typed_head.Head' if not as_class else type(
        'Head', (), dict(__module__='own_typed_head'))
    cfg = Config(dict(model=dict(decode_head=dict(type=kind)), steps=[
        dict(type='hsc_mm.PAR'), dict(type='RandomFlip')]))
    chain = LabelChain([PAR()])
    found = own_code(chain, cfg)
    assert list(found) == ['code']
    assert own_code(chain, cfg) == found
    file.write_text('A = 1')
    assert own_code(chain, cfg) != found


@pytest.mark.parametrize(('old', 'new', 'said'), [
    ('abc', None, 'name no own module now'),
    (None, 'abc', 'as in earlier versions'),
    ('abc', 'def', 'has changed since')])
def test_own_code_that_is_missing_on_one_side_is_other_code(old, new, said):
    noted, now = ({'code': one} if one else {} for one in (old, new))
    with pytest.raises(FileExistsError, match=said):
        check_same('--out a: it holds seeds', noted, now)
    check_same('--out a: it holds seeds', noted, noted)
