"""Seeds that come from the refined CAM and prototypes: head and model."""
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from tiny_configs import fill_prototypes, prototype_config

from hsc_mm.functional import join_similarity, max_norm
from hsc_mm.registry import MODELS


@pytest.fixture
def config(shared_voc, tmp_path):
    init_default_scope('mmseg')
    return Config.fromfile(prototype_config(shared_voc, tmp_path / 'a.py'))


def build(config, **head):
    cfg = config.copy()
    cfg.merge_from_dict(dict(model=dict(decode_head=head)))
    torch.manual_seed(0)
    return MODELS.build(cfg.model).eval()


@torch.no_grad()
def predict(model):
    return model.predict_cam(
        torch.randn(2, 3, 48, 64, generator=torch.Generator().manual_seed(0)))


def test_similarities_follow_the_activations(config):
    model = build(config)
    fill_prototypes(model)
    plain, scores = predict(build(config, seed_from='refined'))
    maps, same = predict(model)
    assert maps.shape == (2, 5, *plain.shape[2:])
    assert torch.equal(maps[:, :2], plain) and torch.equal(scores, same)
    assert model.normalization == 'min-max'
    assert -1 <= maps[:, 2:].min() < maps[:, 2:].max() <= 1


def test_absent_classes_take_no_part(config):
    model = build(config)
    fill_prototypes(model)
    maps = predict(model)[0][0]
    cam = model.make_cams(maps, torch.tensor([0, 1]))
    expected = join_similarity(max_norm(maps[None, 1:2])[0], maps[[2, 4]])
    assert not cam[0].any()
    torch.testing.assert_close(cam[1:], expected)
    assert not model.make_cams(maps, torch.tensor([0, 0])).any()


def test_a_class_that_was_never_seen_has_its_cam(config):
    model = build(config)
    fill_prototypes(model)
    for bank in model.decode_head.losses['contrast'].levels['pixel'].bank:
        bank.seen[2], bank.rows[2] = False, 0
    maps = predict(model)[0][0]
    assert (maps[4] == -2).all()
    present = torch.tensor([1, 1])
    cam, alone = (model.make_cams(one, present) for one in (maps, maps[:2]))
    assert torch.equal(cam[1], alone[1])
    assert cam[1].max() > 0.9
    assert not torch.allclose(cam[0], alone[0])


@pytest.mark.parametrize('losses', [
    dict(contrast=None), dict(contrast=dict(levels=dict(pixel=None)))])
def test_it_needs_prototypes_of_pixels(config, losses):
    with pytest.raises(ValueError, match=r'seed_from="prototypes": expected '
                       r'a loss with prototypes.*Set seed_from="refined"'):
        build(config, losses=losses)
    build(config, losses=losses, seed_from='refined')
