"""Every leaf of the CAM stage as it stands: channels, stride, weights."""
import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from tiny_backbones import TINY, load_leaf, tiny_config, tiny_leaf
from tiny_configs import ROOT

from hsc_mm.engine.fitting import check_pretrained
from hsc_mm.registry import MODELS


@pytest.mark.slow
@pytest.mark.parametrize('name', sorted(TINY))
def test_channels_and_stride_are_those_of_the_network(name):
    """A wrong number of channels is an error of the head."""
    model = MODELS.build(load_leaf(name).model).eval()
    stride = TINY[name][0]
    image = torch.zeros(1, 3, 2 * stride, 2 * stride)
    with torch.no_grad():
        feats = model.extract_feat(image)
        output = model.decode_head(feats, image)
    assert output.cam.shape == output.refined.shape == (1, 21, 2, 2)


@pytest.fixture(scope='module')
def known_weights():
    """Names of files, and of entries of the hub, that OpenMMLab publishes."""
    names = set()
    for package in ('mmpretrain', 'mmseg'):
        root = Path(find_spec(package).origin).parent / '.mim' / 'configs'
        if not root.is_dir():
            pytest.skip(f'{package} is installed without its configs: {root}')
        for suffix in ('*.py', '*.yml'):
            for path in root.rglob(suffix):
                names.update(re.findall(r'/([\w.-]+\.pth)',
                                        path.read_text(errors='replace')))
    hub = Path(find_spec('mmengine').origin).parent / 'hub' / 'mmcls.json'
    return names | {f'mmcls://{key}' for key in json.loads(hub.read_text())}


@pytest.mark.parametrize('name', sorted(TINY))
def test_weights_are_published(name, known_weights):
    """By whatever host: each family has its own."""
    cfg = Config.fromfile(ROOT / 'configs' / f'{name}.py')
    init_cfg = cfg.model.backbone.init_cfg
    url = init_cfg.checkpoint
    if url.startswith('torchvision://') or '://' not in url:
        assert re.match(r'torchvision://resnet\d+$|.*resnet38d', url)
        return
    if url.startswith('pip://'):
        pins = (ROOT / 'requirements' / 'constraints.txt').read_text()
        assert f'\n{url.removeprefix("pip://")}==' in pins
        return
    assert url.rsplit('/', 1)[-1] in known_weights or url in known_weights
    # Classifiers of mmpretrain keep their backbone under a prefix, which
    # mmcls:// takes away; backbones of mmseg have none.
    classifier = re.search('/mmclassification/|/mmpretrain/', url)
    assert init_cfg.get('prefix') == ('backbone.' if classifier else None)


NEW_NORMS = [name for name in sorted(TINY)
             if load_leaf(name).get('find_unused_parameters', False)]


@pytest.mark.parametrize('name', NEW_NORMS)
def test_weights_of_a_classifier_lack_the_norms_and_nothing_else(
        name, tmp_path):
    """Those of a network with its default outputs, under its prefix."""
    cfg = tiny_leaf(name)
    plain = {k: v for k, v in cfg.model.backbone.items()
             if k != 'out_indices'}
    state = MODELS.build(plain).state_dict()
    path = str(tmp_path / 'weights.pth')
    torch.save(dict(state_dict={f'backbone.{k}': v
                                for k, v in state.items()}), path)
    backbone = MODELS.build(dict(
        cfg.model.backbone,
        init_cfg=dict(type='Pretrained', checkpoint=path,
                      prefix='backbone.')))
    backbone.init_weights()
    check_pretrained(backbone,
                     cfg.default_hooks.startup_check.may_lack)
    with pytest.raises(ValueError, match=r'norm\d\.weight .*missing'):
        check_pretrained(backbone)
    for key, value in state.items():
        assert torch.equal(backbone.state_dict()[key], value)


def test_transformers_learn_as_they_are_fine_tuned(shared_voc):
    cfg = tiny_config('hsc_deit-s_voc', shared_voc)
    model = MODELS.build(cfg.model)
    groups = build_optim_wrapper(
        model, cfg.optim_wrapper).optimizer.param_groups
    assert type(build_optim_wrapper(
        model, cfg.optim_wrapper).optimizer).__name__ == 'AdamW'
    by_parameter = {id(p): g for g in groups for p in g['params']}

    def setting(parameter):
        group = by_parameter[id(parameter)]
        return group['lr'], group['weight_decay']

    assert setting(model.decode_head.classifier.weight) == (
        pytest.approx(6e-4), 0.01)
    layer = model.backbone.layers[0]
    assert setting(layer.ffn.layers[1].weight) == (6e-5, 0.01)
    for plain in (layer.ln1.weight, layer.ln1.bias, model.backbone.pos_embed,
                  model.backbone.cls_token):
        assert setting(plain) == (6e-5, 0)


def test_the_recipe_of_the_docs_is_right(tmp_path):
    """The first config in docs/backbones.md, as it is printed there."""
    text = (ROOT / 'docs' / 'backbones.md').read_text()
    recipe = re.search('```python\n(.*?)```', text, re.DOTALL)[1]
    base = ROOT / 'configs' / 'hsc_r50_voc.py'
    path = tmp_path / 'recipe.py'
    path.write_text(recipe.replace("'hsc_r50_voc.py'", repr(str(base))))
    cfg = Config.fromfile(path)
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model).eval()
    image = torch.zeros(1, 3, *cfg.model.second_view)
    with torch.no_grad():
        output = model.decode_head(model.extract_feat(image), image)
    assert output.refined.shape == (1, 21, 8, 8)


def test_the_table_of_the_docs_is_complete():
    """Stride, channels and what PCM looks at, of every backbone."""
    rows = dict(re.findall(r'^\| `(hsc_[^`]*)` \|[^|]*\|([^|]*\|[^|]*)\|',
                           (ROOT / 'docs' / 'backbones.md').read_text(),
                           re.MULTILINE))
    assert sorted(rows) == [name for name in sorted(TINY)
                            if '_eps_' not in name]
    for name, row in rows.items():
        head = load_leaf(name).model.decode_head
        first, second = head.refiner.in_channels
        assert re.fullmatch(
            f' {TINY[name][0]}, {head.in_channels} \\| .*: '
            f'{first}, {second} ', row), name
