"""The loss protocol: a dict of losses on a head that someone else wrote."""
import pytest
import torch
from methods import head_config
from mmengine.model import BaseModule
from mmengine.registry import init_default_scope
from torch import nn

from hsc_mm.models import LossDict, Targets, View, ViewLoss
from hsc_mm.registry import MODELS


class Spread(ViewLoss):
    """A stranger's regulariser of how much of a view is active."""
    needs = ('edges', )

    def forward(self, views, targets):
        share = torch.stack([view.cam.sigmoid().mean() for view in views])
        edges = views[0].embedding('edges')
        return dict(spread=share.var(unbiased=False), edges=edges.sum())


class TheirHead(BaseModule):
    """A head with its own classifier and no class of ours above it."""

    def __init__(self, width, num_classes, embeddings, losses):
        super().__init__()
        self.classify = nn.Conv2d(width, num_classes, 3, padding=1)
        self.losses = LossDict(losses)
        self.embeddings = nn.ModuleDict({
            name: MODELS.build(dict(in_channels=width, **cfg))
            for name, cfg in embeddings.items()})
        self.losses.check(('second_view', *self.embeddings), 'TheirHead')
        self.losses.bind(num_classes, {
            name: one.channels for name, one in self.embeddings.items()})

    def loss(self, maps, labels):
        views = [
            View(torch.zeros(len(one), 3, 32, 32), (one, ),
                 self.classify(one), self.classify(one).relu(),
                 embed={name: lambda m=module, x=one: m(x)
                        for name, module in self.embeddings.items()})
            for one in maps]
        return self.losses(views, Targets(labels))


def test_hsc_goes_on_a_head_that_someone_else_wrote():
    init_default_scope('mmseg')
    torch.manual_seed(5)  # no loss is as small as rounding
    hsc = head_config('hsc', losses=dict(
        cls=dict(type='hsc_mm.ClassificationLoss')))
    head = TheirHead(8, 4, hsc.embeddings, hsc.losses).train()
    maps = [torch.randn(3, 8, *size).relu() for size in ((12, 12), (8, 8))]
    labels = torch.tensor([[1., 0, 0], [0, 1, 0], [1, 0, 1]])
    for _ in range(2):
        losses = head.loss(maps, labels)
        sum(losses.values()).backward()
        for level in head.losses['contrast'].levels.values():
            for bank in level.bank:
                bank.commit()
    assert set(losses) == {'loss_cls', 'loss_roi', 'loss_class', 'loss_pixel'}
    assert all(loss.isfinite() and loss > 0 for loss in losses.values())
    for module in head.embeddings.values():
        assert all(p.grad.abs().sum() > 0 for p in module.parameters()
                   if p.ndim > 1)


def test_a_loss_may_return_several_terms_by_name():
    losses = LossDict(dict(mine=dict(type=Spread)))
    assert losses.needs == ('edges', )
    cam = torch.zeros(2, 3, 4, 4)
    view = View(None, (), cam, cam, embed=dict(edges=lambda: cam + 1))
    found = losses([view, view], Targets(torch.ones(2, 2)))
    assert {k: v.item() for k, v in found.items()} == {
        'loss_spread': 0, 'loss_edges': 96}


def test_two_losses_of_one_name_are_refused():
    losses = LossDict(dict(spread=dict(type='hsc_mm.ClassificationLoss'),
                           mine=dict(type=Spread)))
    cam = torch.zeros(2, 3, 4, 4)
    view = View(None, (), cam, cam, embed=dict(edges=lambda: cam))
    with pytest.raises(ValueError, match='"loss_spread" twice, of spread and '
                       r'mine \(Spread\)\. Return other names'):
        losses([view], Targets(torch.ones(2, 2)))


def test_names_of_levels_are_changed_at_the_levels():
    """Two entries of a contrast: the names are not those of the entries."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    hsc = head_config('hsc', losses=dict(
        cls=dict(type='hsc_mm.ClassificationLoss')))
    maps = [torch.randn(3, 8, *size).relu() for size in ((12, 12), (8, 8))]
    labels = torch.tensor([[1., 0, 0], [0, 1, 0], [1, 0, 1]])
    hsc.losses['again'] = hsc.losses.contrast
    with pytest.raises(ValueError, match=r'"loss_roi" twice, of contrast and '
                       r'again \(HierarchicalContrast\)\. Rename its levels, '
                       r'losses\.again\.levels=dict\(roi=None, NAME='):
        TheirHead(8, 4, hsc.embeddings, hsc.losses).loss(maps, labels)
    levels = hsc.losses.contrast.levels
    hsc.losses['again'] = dict(hsc.losses.contrast, levels={
        f'{name}_2': level for name, level in levels.items()})
    found = TheirHead(8, 4, hsc.embeddings, hsc.losses).loss(maps, labels)
    assert set(found) == {'loss_cls', 'loss_roi', 'loss_class', 'loss_pixel',
                          'loss_roi_2', 'loss_cls_2', 'loss_pixel_2'}


@pytest.mark.parametrize('nothing', [None, 0.0])
def test_a_loss_that_returns_no_tensor_is_named(monkeypatch, nothing):
    monkeypatch.setattr(Spread, 'forward', lambda *args: nothing)
    view = View(None, (), torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4))
    with pytest.raises(ValueError, match=r'losses\.mine \(Spread\): expected '
                       f'a Tensor .* found {nothing}'):
        LossDict(dict(mine=dict(type=Spread)))([view], None)


@pytest.mark.parametrize(('found', 'text'), [
    (lambda cam: (cam > 0).sum(), r'found Tensor of torch.int64 \(\)'),
    (lambda cam: (cam > 0).any(), r'found Tensor of torch.bool \(\)'),
    (lambda cam: dict(spread=cam.sum(), edges=3.0), 'found 3.0 as .edges.'),
    (lambda cam: dict(spread=cam.sum(), edges=None), 'found None as .edges.'),
    (lambda cam: dict(edges=(cam > 0).sum()), r'int64 \(\) as .edges.'),
    (lambda cam: dict(edges=[cam.sum(), 3.0]), r'found list as .edges.'),
    (lambda cam: dict(edges=[]), r'found list as .edges.'),
    (lambda cam: (cam.sum(), cam.sum()), 'found tuple'),
])
def test_a_loss_that_cannot_be_learned_from_is_named(monkeypatch, found,
                                                     text):
    monkeypatch.setattr(Spread, 'forward',
                        lambda self, views, _: found(views[0].cam))
    cam = torch.zeros(2, 3, 4, 4, requires_grad=True)
    losses = LossDict(dict(mine=dict(type=Spread)))
    with pytest.raises(ValueError, match=r'losses\.mine \(Spread\): expected '
                       rf'a Tensor.*{text}'):
        losses([View(None, (), cam, cam)], None)


def test_one_loss_at_least_has_a_gradient(monkeypatch):
    """Alone, the others would end in the middle of the first step."""
    monkeypatch.setattr(Spread, 'forward',
                        lambda self, views, _: views[0].cam.detach().sum())
    cam = torch.zeros(2, 3, 4, 4, requires_grad=True)
    targets = Targets(torch.ones(2, 2))
    mine = dict(mine=dict(type=Spread))
    with pytest.raises(ValueError, match=r'losses: expected one with a '
                       r'gradient, found none: mine \(Spread\)\..*detach'):
        LossDict(mine)([View(None, (), cam, cam)], targets)
    found = LossDict(dict(mine, cls=dict(type='hsc_mm.ClassificationLoss')))(
        [View(None, (), cam, cam)], targets)
    assert set(found) == {'loss_mine', 'loss_cls'}
    monkeypatch.setattr(Spread, 'forward', lambda self, views, _: dict(
        a=[views[0].cam.detach().sum(), views[0].cam.sum()]))
    found = LossDict(mine)([View(None, (), cam, cam)], targets)
    assert len(found['loss_a']) == 2
    with torch.no_grad():
        LossDict(mine)([View(None, (), cam, cam)], targets)
    LossDict(mine)([View(None, (), cam.detach(), cam.detach())], targets)


@pytest.mark.parametrize(('part', 'text'), [
    ('edges', r'losses\.mine of Head \(Spread\) needs "edges", found '
     r"\['second_view'\]\. Add it to the head, embeddings=dict\(edges="),
    ('attention', r'needs "attention".*Set model\.attention'),
    ('second_view', r'needs "second_view".*Set model\.second_view'),
])
def test_missing_parts_are_named_with_the_remedy(monkeypatch, part, text):
    monkeypatch.setattr(Spread, 'needs', (part, ))
    losses = LossDict(dict(mine=dict(type=Spread)))
    provided = () if part == 'second_view' else ('second_view', )
    with pytest.raises(ValueError, match=text):
        losses.check(provided, 'Head')


def test_a_part_is_computed_once_and_only_when_asked_for():
    calls = []
    cam = torch.zeros(1, 2, 3, 3)
    view = View(None, (), cam, cam,
                refine=lambda: calls.append('refined') or cam + 1,
                embed=dict(pixel=lambda: calls.append('pixel') or cam + 2))
    assert not calls
    assert view.evidence is view.refined
    view.compute(('refined', 'pixel', 'region'))
    view.embedding('pixel')
    assert calls == ['refined', 'pixel']
    with pytest.raises(KeyError, match='embedding "region": expected one'):
        view.embedding('region')


class NoSuper(ViewLoss):
    def __init__(self):
        self.gamma = 1


class Text(ViewLoss):
    needs = 'pixel'


class Detached(ViewLoss):
    def forward(self, views, targets):
        return views[0].cam.detach().mean()


@pytest.mark.parametrize(('name', 'kind', 'words'), [
    ('mine', NoSuper, r'mine \(NoSuper\): .*Begin it with super\(\)'),
    ('mine', Text, r"needs of \w+\.mine \(Text\): .*Write \('pixel', \)"),
    ('items', Spread, r'\.items: expected a name .*Rename it'),
    ('a.b', Spread, r"found 'a\.b'\. Rename it, such as a_b_1")])
def test_parts_of_ones_own_that_are_none(name, kind, words):
    with pytest.raises(ValueError, match=f'losses.*{words}|{words}'):
        LossDict({name: dict(type=kind)})
    with pytest.raises(ValueError, match=words):
        MODELS.build(dict(type='hsc_mm.HierarchicalContrast',
                          levels={name: dict(type=kind)}))


@pytest.mark.parametrize('name', ['needs', 'check'])
def test_names_that_a_dict_of_losses_has(name):
    with pytest.raises(ValueError, match=f'losses.{name}: expected a name'):
        LossDict({name: dict(type=Spread)})


def test_a_loss_without_a_gradient_is_named_once(monkeypatch):
    said = []
    monkeypatch.setattr('hsc_mm.models.losses.loss_dict.print_log',
                        lambda text, *_: said.append(text))
    losses = LossDict(dict(mine=dict(type=Detached),
                           cls=dict(type='hsc_mm.ClassificationLoss')))
    cam = torch.rand(2, 3, 4, 4, requires_grad=True)
    view = View(None, (), cam, cam)
    for _ in range(2):
        losses([view], Targets(torch.ones(2, 2)))
    assert [text.partition(',')[0] for text in said] == [
        'losses.mine (Detached): loss_mine has no gradient']
    with torch.no_grad():
        LossDict(dict(mine=dict(type=Detached)))([view], None)
    assert len(said) == 1
