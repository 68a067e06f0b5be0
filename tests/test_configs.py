"""Every config loads, builds its model, and is reachable by its name."""
from collections import Counter
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from hsc_mm.registry import DATASETS, MODELS
from hsc_mm.utils import read_json

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
ZOO = read_json(CONFIGS.parent / 'benchmarks/results/model_zoo.json')
LEAVES = sorted(p for p in CONFIGS.rglob('*.py') if '_base_' not in p.parts)
BASES = sorted(p for p in CONFIGS.rglob('*.py') if '_base_' in p.parts)


def test_there_are_configs_and_no_name_twice():
    assert len(LEAVES) >= 33
    names = Counter(path.name for path in LEAVES)
    assert [name for name, count in names.items() if count > 1] == []


def test_every_base_is_used():
    texts = ''.join(path.read_text() for path in LEAVES)
    unused = [
        base.name for base in BASES
        if str(base.relative_to(CONFIGS)) not in texts
    ]
    assert unused == []


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_config_builds(path):
    cfg = Config.fromfile(path)
    init_default_scope(cfg.default_scope)
    assert 'hsc_mm' in cfg.custom_imports['imports']
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    # "python benchmarks/model_zoo.py" writes the table again.
    entry = ZOO[path.relative_to(CONFIGS.parent).as_posix()]
    assert sum(p.numel() for p in model.parameters()) == entry['parameters']
    classes = cfg.train_dataloader.dataset.get('metainfo', {}).get('classes')
    vocabulary = cfg.train_dataloader.dataset.get('vocabulary')
    known = DATASETS.get(cfg.train_dataloader.dataset.type).METAINFO
    count = len(classes or vocabulary or known['classes'])
    assert model.num_classes == count
    if model.__class__.__name__ == 'CAMSegmentor':
        assert cfg.val_evaluator.supervision in (
            'image labels', 'image labels + saliency')
        assert 'seg_map_path' not in cfg.train_dataloader.dataset.get(
            'data_prefix', {})
        assert cfg.tta_model.type == 'hsc_mm.CAMTTAModel'
    else:
        assert cfg.val_evaluator.supervision == 'pseudo labels'
    # mmengine's runner gives it to the TTA model, over the model's own.
    assert 'data_preprocessor' not in cfg
    # One dict, as `tools/test.py --out` needs it.
    assert isinstance(cfg.test_evaluator, dict)
    # The release's own schedule ends before its training does.
    if not path.stem.endswith('-release'):
        assert cfg.param_scheduler[0]['end'] == cfg.train_cfg.max_iters
