"""Refiners and rules for seeds, and the training that reads these."""
import re

import cv2
import numpy as np
import pytest
from seed_maps import IDS, assert_soft, from_zero, irn, save
from tiny_configs import seg_config

from hsc_converters.seeds import import_seeds
from hsc_mm.inference import load_config
from hsc_mm.pseudo_labels import LabelChain, SoftCAM
from hsc_mm.pseudo_labels.files import read_soft_cam
from hsc_mm.pseudo_labels.refiners import PAR, CRFRefiner
from hsc_mm.pseudo_labels.rules import AgreementRule, BandRule
from hsc_mm.registry import DATASETS, TRANSFORMS
from hsc_mm.utils import read_image, read_index_png, read_json


@pytest.mark.parametrize('kind', ['soft', 'hard'])
def test_the_second_stage_reads_them(bring, maps, shared_voc, tmp_path, kind):
    maps = dict(maps, img_04={})  # shows none of the classes
    save(tmp_path / 'from', dict(irn(dict(maps, img_04={0: np.zeros(1)})),
                                 img_04=dict(keys=np.zeros(0))))
    assert bring(tmp_path / 'from', '--kind', kind, '--threshold', 0.45) == 0
    options = dict(suffix='.npz', threshold=0.45) if kind == 'soft' else {}
    cfg = load_config(seg_config(shared_voc, tmp_path / 'seg.py'))
    options = dict(
        cfg.train_dataloader.dataset,
        serialize_data=False,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(
                type='hsc_mm.LoadPseudoLabel',
                pseudo_dir=str(tmp_path / 'out'),
                **options)
        ])
    dataset = DATASETS.build(options)
    assert len(dataset) == 8
    for item in dataset:
        one = maps[item['img_id']]
        seed = item['gt_seg_map']
        assert seed.any() == bool(one)
        for index, value in one.items():
            sure = (value > 0.46) & (value == np.max([*one.values()], axis=0))
            if sure.any():
                assert set(seed[sure]) == {dict([(8, 1), (12, 2)])[index]}


@pytest.mark.slow
@pytest.mark.parametrize(('flags', 'chain'), [
    (('--band', 0.2, 0.6), dict(rule=BandRule(0.2, 0.6))),
    (('--crf', '--alpha', 4), dict(refiners=[CRFRefiner(4)])),
    (('--refiners', 'PAR', '--threshold', 0.4),
     dict(refiners=[PAR()], threshold=0.4)),
    (('--two-alpha', 4, 24),
     dict(rule=AgreementRule([CRFRefiner(4), CRFRefiner(24)], 0.3))),
])
def test_masks_by_refiners_and_rules(bring, maps, shared_voc, tmp_path, flags,
                                     chain):
    """The chain of pseudo labels, applied to maps that others made."""
    save(tmp_path / 'from', from_zero(maps))
    assert bring(tmp_path / 'from', '--kind', 'hard', *flags) == 0
    chain = LabelChain(**chain)
    for img_id, one in maps.items():
        image = read_image(shared_voc / 'JPEGImages' / f'{img_id}.jpg')
        soft = SoftCAM(img_id, np.stack(list(one.values())), np.array(
            list(one)), None, np.ascontiguousarray(image[..., ::-1]))
        mask = read_index_png(tmp_path / 'out' / f'{img_id}.png')
        assert np.array_equal(mask, chain(soft).mask)
    manifest = read_json(tmp_path / 'out' / 'imported_seeds.json')
    assert manifest['rule'] == chain.identity()['rule']
    assert manifest['refiners'] == chain.identity()['refiners']
    # Without them it is a threshold.
    assert bring(tmp_path / 'from', '--kind', 'hard',
                 out=tmp_path / 'plain') == 0
    assert (tmp_path / 'plain' / 'img_01.png').read_bytes() != (
        tmp_path / 'out' / 'img_01.png').read_bytes()


def test_soft_seeds_refined_as_the_config_says(config, maps, tmp_path):
    save(tmp_path / 'from', from_zero(maps))
    cfg = load_config(config)
    cfg.pseudo_label = dict(refiners=[dict(type='hsc_mm.PAR')], soft='also')
    for name, workers in (('here', 0), ('pool', 2)):
        found = import_seeds(cfg, tmp_path / 'from', tmp_path / name,
                             workers=workers)
        assert (found.written, found.total) == (8, 8)
    none = import_seeds(cfg, tmp_path / 'from', tmp_path / 'none',
                        refiners=[])
    assert none.kind == 'soft'
    assert_soft(tmp_path / 'none', maps)
    for img_id in IDS:
        here, pool, plain = (
            (tmp_path / name / f'{img_id}.npz').read_bytes()
            for name in ('here', 'pool', 'none'))
        assert here == pool != plain
        assert not (tmp_path / 'here' / f'{img_id}.png').exists()
    assert cfg.pseudo_label.soft == 'also'  # stays as it was


def test_refiners_see_the_pixels_that_training_sees(
        config, voc_root, maps, tmp_path):
    deep = np.full((48, 64, 4), 4095, np.uint16)
    deep[:, :30, :3] = read_image(
        voc_root / 'JPEGImages' / 'img_01.jpg')[:, :30] * 16.0
    deep[:9, :, 3], deep[9:, :, 3] = 0, 65535
    cv2.imwrite(str(voc_root / 'deep.png'), deep)
    (voc_root / 'deep.png').rename(voc_root / 'JPEGImages' / 'img_01.jpg')
    cfg = load_config(config)
    cfg.train_dataloader.dataset.data_root = str(voc_root)
    load = next(step for step in cfg.train_dataloader.dataset.pipeline
                if step.type == 'hsc_mm.LoadImage')
    load.value_range = (0, 4095)
    save(tmp_path / 'from', from_zero(maps))
    refiner = PAR()
    found = import_seeds(cfg, tmp_path / 'from', tmp_path / 'out',
                         refiners=[refiner], workers=1)
    assert found.written == 8
    image = TRANSFORMS.build(load)(dict(
        img_path=str(voc_root / 'JPEGImages' / 'img_01.jpg')))['img']
    assert image.max() == 255 and image[20:, :30].std() > 9
    one = maps['img_01']
    expected = refiner(SoftCAM(
        'img_01', np.stack(list(one.values())), np.array(list(one)), None,
        np.ascontiguousarray(image[..., ::-1])))
    cam, _ = read_soft_cam(tmp_path / 'out' / 'img_01.npz')
    np.testing.assert_allclose(cam, expected.cam, atol=1e-3)


def test_what_cannot_be_refined(bring, maps, shared_voc, tmp_path, capsys):
    source = shared_voc / 'SegmentationClass'
    assert bring(source, '--crf') == 1
    assert 'PNGs hold indices, not maps' in capsys.readouterr().err
    for flags in (['--threshold', 0.4], ['--normalize']):
        assert bring(source, *flags) == 1
        assert re.search(f'{flags[0]}.*: expected maps, .*found PNGs, which '
                         'hold indices. Leave it out.',
                         capsys.readouterr().err)
    save(tmp_path / 'from', from_zero(maps))
    assert bring(tmp_path / 'from', '--band', 0.2, 0.6) == 1
    assert 'Choose kind hard' in capsys.readouterr().err
    assert bring(tmp_path / 'from', '--refiners', 'AttentionAffinity') == 1
    assert 'none that reads the attention' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
