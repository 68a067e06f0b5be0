"""What fails in a user's own file names it, and is no bug of ours."""
import importlib
import re
import sys

import pytest
import torch
from torch.utils.data import DataLoader

from hsc_mm.cli.errors import BUG, explain, report
from hsc_mm.cli.own_errors import of_worker
from hsc_mm.models.losses import LossDict, ViewLoss
from hsc_mm.models.views import Targets, View
from hsc_mm.registry import DATASETS, HOOKS

OWN = """
import torch.nn.functional as F
from mmengine.hooks import Hook
from torch.utils.data import Dataset
from hsc_mm import functional as hsc
from hsc_mm.models import ViewLoss
from hsc_mm.registry import DATASETS, HOOKS, MODELS


@MODELS.register_module(force=True)
class OwnLoss(ViewLoss):
    def __init__(self, what):
        super().__init__()
        self.what = what

    def forward(self, views, targets):
        return getattr(self, self.what)(views, targets)

    def shape(self, views, targets):
        return F.binary_cross_entropy_with_logits(
            views[0].cam.mean((2, 3)), targets.labels)

    def second(self, views, targets):
        return views[1].cam.mean()

    def embedding(self, views, targets):
        return views[0].embedding('foo').mean()

    def ours(self, views, targets):
        return hsc.normalize_cam(None, None)

    def nothing(self, views, targets):
        assert len(views) == 2


@MODELS.register_module(force=True)
class OwnSignature(ViewLoss):
    def forward(self, cam, labels, extra):
        return cam.sum()


@HOOKS.register_module(force=True)
class OwnHook(Hook):
    def before_train_iter(self, runner):
        None + 1

    def before_val(self, runner):
        runner.call_hook('before_train_iter')

    def before_run(self, runner):
        runner.nosuch

    def after_run(self, runner):
        raise TypeError('expected a number')


class Oops(Exception):
    pass


@DATASETS.register_module(force=True)
class OwnOops(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise Oops('no cow' + chr(10) + 'ValueError: of a second line')


@DATASETS.register_module(force=True)
class OwnData(Dataset):
    def __init__(self, broken=False):
        {}['colour'] if broken else None

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return [][index]
"""


@pytest.fixture(scope='module')
def own(tmp_path_factory):
    folder = tmp_path_factory.mktemp('own')
    (folder / 'own_losses.py').write_text(OWN)
    sys.path.insert(0, str(folder))
    yield importlib.import_module('own_losses').__file__
    sys.path.remove(str(folder))


def said(own, call, code):
    """Return what is said, but for the file and the line of the code."""
    with pytest.raises(Exception) as info:  # noqa: PT011
        call()
    text, status = explain(info.value)
    assert (status, '\n' in text, 'bug of hsc_mm' in text) == (
        1, False, False), text
    line = OWN[:OWN.index(code)].count('\n') + 1
    assert f'{own}, line {line}, in ' in text, text
    return text


@pytest.mark.parametrize(('what', 'code', 'words'), [
    ('shape', 'return F.bin', r'shape .*: ValueError: Target size'),
    ('second', 'return views[1]',
     r'\("return views\[1\]\.cam\.mean\(\)"\): IndexError: list index out'),
    ('embedding', "return views[0].embedding('foo')",
     r'KeyError: embedding "foo": expected one of \[\]\. A .*needs'),
    ('ours', 'return hsc.norm', r"'NoneType'.*\(in .*cam\.py, line \d+, of "
     'hsc_mm: if your code is right, please report it'),
    ('nothing', 'assert len', r'AssertionError\. HSC_MM_TRACEBACK=1 shows')])
def test_a_loss(own, what, code, words):
    losses = LossDict(dict(mine=dict(type='hsc_mm.OwnLoss', what=what)))
    cam = torch.rand(2, 4, 3, 3, requires_grad=True)
    view = View(torch.rand(2, 3, 6, 6), (), cam, cam)
    targets = Targets(torch.ones(2, 3))
    assert re.search(words, said(own, lambda: losses([view], targets), code))


def test_a_signature(own):
    losses = LossDict(dict(mine=dict(type='hsc_mm.OwnSignature')))
    cam = torch.rand(2, 4, 3, 3, requires_grad=True)
    view = View(torch.rand(2, 3, 6, 6), (), cam, cam)
    text = said(own, lambda: losses([view], Targets(torch.ones(2, 3))),
                'def forward(self, cam')
    assert 'TypeError: OwnSignature.forward() missing 1 required' in text


@pytest.fixture
def hooked(own):
    from mmengine.runner import Runner
    runner = Runner.__new__(Runner)
    runner._hooks = [HOOKS.build(dict(type='hsc_mm.OwnHook'))]
    return runner


def test_a_hook(own, hooked):
    text = said(own, lambda: hooked.call_hook('before_run'), 'runner.nosuch')
    assert "AttributeError: 'Runner' object has no attribute" in text


@pytest.mark.parametrize('place', ['before_train_iter', 'before_val'])
def test_a_type_error_in_a_hook(own, hooked, place, monkeypatch, capsys):
    """mmengine raises it once more, without its frames."""
    text = said(own, lambda: hooked.call_hook(place), 'None + 1')
    assert re.search(r'"\): TypeError: unsupported .* and \'int\'\. HSC', text)
    monkeypatch.setenv('HSC_MM_TRACEBACK', '1')
    with pytest.raises(TypeError) as info:
        hooked.call_hook(place)
    assert report(info.value) == 1
    assert f'File "{own}"' in capsys.readouterr().err


def test_a_type_error_that_a_hook_raises_is_said_as_it_is(hooked):
    with pytest.raises(TypeError) as info:
        hooked.call_hook('after_run')
    assert explain(info.value) == ('expected a number', 1)


@pytest.mark.parametrize('workers', [0, 1])
def test_a_data_set(own, workers):
    data = DATASETS.build(dict(type='hsc_mm.OwnData'))
    text = said(own, lambda: list(DataLoader(data, num_workers=workers)),
                'return [][index]')
    assert ': IndexError: list index out of range. HSC' in text


@pytest.mark.parametrize('workers', [0, 1])
def test_an_exception_of_any_name_in_a_data_set(own, workers):
    data = DATASETS.build(dict(type='hsc_mm.OwnOops'))
    text = said(own, lambda: list(DataLoader(data, num_workers=workers)),
                "raise Oops('no")
    assert re.search(r'"\): (own_losses\.)?Oops: no cow\. HSC', text)


@pytest.mark.parametrize(('lines', 'kind', 'words'), [
    ('mine.Oops', 'mine.Oops', ''), ('Oops: a: b\nc', 'Oops', 'a: b\nc'),
    ('    raise Oops(\n          ^^^^\nf.<locals>.Oops: a',
     'f.<locals>.Oops', 'a')])
def test_what_a_worker_raised(lines, kind, words):
    text = ('Caught Oops in DataLoader worker process 0.\nOriginal Traceback '
            '(most recent call last):\n  File "a.py", line 1, in f\n' + lines)
    assert of_worker(text) == (kind, words)
    assert of_worker(text[1:]) is None


def test_what_is_built(own):
    """The part of the config is named, and where it ends."""
    text = said(own, lambda: DATASETS.build(dict(
        type='hsc_mm.OwnData', broken=True)), "{}['colour']")
    assert text.startswith('OwnData of the config: ')
    assert "'colour'" in text


def test_a_script_of_the_user_calls_us(own):
    """Frames above ours are no code that we call."""
    with pytest.raises(AttributeError) as info:
        View(None, (), torch.ones(1, 1, 1, 1), None).colours  # noqa: B018
    assert explain(info.value)[1] == BUG


class Misspelt(ViewLoss):
    def forwards(self, views, targets):
        return views[0].cam.sum()


def test_a_method_that_is_missing_is_named():
    with pytest.raises(NotImplementedError) as info:
        Misspelt()([], None)
    text, status = explain(info.value)
    assert 'bug of hsc_mm' not in text
    assert 'Misspelt: expected a method forward(views, targets)' in text
    assert status == 1
