"""Seeds of other projects: formats, classes, sizes, hostile files."""
import errno
import importlib
import pickle
import re
import shutil
import sys

import cv2
import numpy as np
import pytest
import torch
from conftest import Hostile, run_here
from mmengine.config import Config
from mmseg.evaluation import IoUMetric
from tiny_configs import ROOT, cam_config, seg_config

from hsc_converters.seeds import (
    convert,
    evaluate_seeds,
    import_seeds,
    load_npy,
    source_format,
)
from hsc_mm.cli import common as cli
from hsc_mm.inference import load_config
from hsc_mm.pseudo_labels import LabelChain, SoftCAM
from hsc_mm.pseudo_labels.files import read_soft_cam, write_soft_cam
from hsc_mm.pseudo_labels.refiners import PAR, CRFRefiner
from hsc_mm.pseudo_labels.rules import AgreementRule, BandRule
from hsc_mm.registry import DATASETS, TRANSFORMS
from hsc_mm.utils import (
    read_image,
    read_index_png,
    read_json,
    voc_palette,
    write_index_png,
)

IDS = [f'img_{number:02d}' for number in range(8)]
MASK_INDEX = dict(cat=8, dog=12)
TOOL = ROOT / 'tools' / 'import_seeds.py'


@pytest.fixture(scope='module')
def tool():
    """The tool as a module."""
    return importlib.import_module(
        'hsc_converters.commands.import_seeds_command')


@pytest.fixture(scope='module')
def config(tmp_path_factory, shared_voc):
    """A config of the CAM stage."""
    return cam_config(shared_voc, tmp_path_factory.mktemp('seeds') / 'cam.py')


@pytest.fixture
def bring(tool, config, monkeypatch, tmp_path):
    """Call the tool's main on a folder; return its exit status."""

    def call(source, *arguments, out=tmp_path / 'out', config=config) -> int:
        monkeypatch.setattr(sys, 'argv', [
            str(TOOL), str(source), '--config', str(config), '--out', str(out),
            *map(str, arguments)
        ])
        return cli.run(tool.main)

    return call


@pytest.fixture(scope='module')
def maps(shared_voc):
    """Image id -> mask index -> map in [0, 1] of the image's size."""
    rng = np.random.default_rng(0)
    labels = read_json(shared_voc / 'image_labels.json')['images']
    found = {}
    for img_id in IDS:
        truth = read_index_png(
            shared_voc / 'SegmentationClass' / f'{img_id}.png')
        found[img_id] = {
            MASK_INDEX[name]: np.clip(
                0.6 * (truth == MASK_INDEX[name]) +
                0.4 * rng.random(truth.shape), 0, 1).astype(np.float32)
            for name in labels[img_id]
        }
    return found


def save(folder, contents) -> None:
    """Write ``<img_id>.npy`` with pickles in them, as others do."""
    folder.mkdir()
    for img_id, content in contents.items():
        np.save(folder / f'{img_id}.npy', content, allow_pickle=True)


def from_zero(maps) -> dict:
    """Count the foreground from 0, as most projects do."""
    return {i: {k - 1: m for k, m in one.items()} for i, one in maps.items()}


def irn(maps, **more) -> dict:
    """Write maps as IRN does."""
    return {
        i: dict(
            keys=torch.tensor([k - 1 for k in one]),
            high_res=np.stack(list(one.values())),
            **{name: make(one) for name, make in more.items()})
        for i, one in maps.items()
    }


def assert_soft(folder, maps) -> None:
    """Compare a folder of our soft seeds with maps."""
    for img_id, one in maps.items():
        cam, classes = read_soft_cam(folder / f'{img_id}.npz')
        assert cam.dtype == np.float16
        assert classes.tolist() == list(one)
        assert set(classes.tolist()) <= {8, 12}
        for found, wanted in zip(cam, one.values(), strict=True):
            assert np.abs(found.astype(np.float32) - wanted).max() < 1e-3


def contents(folder) -> dict:
    """Return what the files of a folder hold."""
    return {path.name: path.read_bytes() if path.is_file() else None
            for path in folder.iterdir()}


def test_a_dictionary_of_maps(bring, maps, tmp_path):
    save(tmp_path / 'from', from_zero(maps))
    assert source_format(tmp_path / 'from', IDS) == 'npy'
    assert bring(tmp_path / 'from') == 0
    assert_soft(tmp_path / 'out', maps)
    manifest = read_json(tmp_path / 'out' / 'imported_seeds.json')
    assert manifest['complete']
    assert (manifest['count'], manifest['offset']) == (8, 1)
    # Files that count the background themselves.
    save(tmp_path / 'counted', maps)
    assert bring(
        tmp_path / 'counted', '--class-offset', 0, out=tmp_path / 'c') == 0
    assert_soft(tmp_path / 'c', maps)


def test_maps_of_no_class_in_use_are_no_seeds(bring, maps, tmp_path, capsys):
    save(tmp_path / 'from', from_zero(from_zero(maps)))  # shifted by one
    assert bring(tmp_path / 'from') == 1
    said = capsys.readouterr()
    assert f'0 of {len(IDS)} seeds written' in said.out
    assert 'Is --class-offset right?' in said.err
    assert not list((tmp_path / 'out').glob('*.npz'))


def test_one_array_of_all_classes(bring, maps, tmp_path):
    arrays = {}
    for img_id, one in maps.items():
        arrays[img_id] = np.zeros((20, *next(iter(one.values())).shape), 'f4')
        for index, value in one.items():
            arrays[img_id][index - 1] = value
    save(tmp_path / 'from', arrays)
    assert bring(tmp_path / 'from') == 0
    assert_soft(tmp_path / 'out', maps)


def test_irn(bring, maps, tmp_path):
    save(tmp_path / 'from', irn(maps))
    assert source_format(tmp_path / 'from', IDS) == 'irn'
    assert bring(tmp_path / 'from') == 0
    assert_soft(tmp_path / 'out', maps)
    # With the background in front of the keys.
    padded = {
        i: dict(keys=np.array([0, *one]), rw=np.stack([*one.values()]))
        for i, one in maps.items()
    }
    save(tmp_path / 'padded', padded)
    assert bring(tmp_path / 'padded', out=tmp_path / 'p') == 0
    assert_soft(tmp_path / 'p', maps)


def test_maps_at_a_stride_become_as_large_as_the_image(
        bring, maps, tmp_path, capsys):
    small = {
        i: {k: m[::4, ::4] for k, m in one.items()}
        for i, one in maps.items()
    }
    save(
        tmp_path / 'from',
        irn(maps, cam=lambda one: torch.from_numpy(
            np.stack([m[::4, ::4] for m in one.values()]))))
    assert bring(tmp_path / 'from', '--map', 'cam') == 0
    large = {
        i: {k: cv2.resize(m, None, fx=4, fy=4) for k, m in one.items()}
        for i, one in small.items()
    }
    assert_soft(tmp_path / 'out', large)
    assert bring(tmp_path / 'from', '--map', 'x', out=tmp_path / 'x') == 1
    assert "expected maps named x, found ['cam', 'high_res', 'keys']" in (
        capsys.readouterr().err)


def test_masks_from_maps(bring, maps, tmp_path):
    save(tmp_path / 'from', from_zero(maps))
    assert bring(tmp_path / 'from', '--kind', 'hard', '--threshold', 0.5) == 0
    for img_id, one in maps.items():
        keys = np.array([0, *one])
        whole = np.stack([np.full_like(m, 0.5) for m in [*one.values()][:1]] +
                         [*one.values()])
        seed = read_index_png(tmp_path / 'out' / f'{img_id}.png')
        assert np.array_equal(seed, keys[whole.argmax(axis=0)])
        assert set(np.unique(seed)) <= {0, 8, 12}


def test_index_masks(bring, shared_voc, tmp_path, capsys):
    source = shared_voc / 'SegmentationClass'
    assert bring(source) == 0
    for img_id in IDS:
        assert np.array_equal(
            read_index_png(tmp_path / 'out' / f'{img_id}.png'),
            read_index_png(source / f'{img_id}.png'))
    assert '(png -> hard)' in capsys.readouterr().out
    assert bring(source, '--kind', 'soft', out=tmp_path / 's') == 1
    assert 'Choose --kind hard' in capsys.readouterr().err
    # Masks without a background: 255 stays, the rest moves.
    shifted = tmp_path / 'shifted'
    for img_id in IDS:
        mask = read_index_png(source / f'{img_id}.png')
        mask = np.where(mask == 0, 255, mask)
        write_index_png(shifted / f'{img_id}.png',
                        np.where(mask == 255, 255, mask - 1), voc_palette())
    assert bring(shifted, '--class-offset', 1, out=tmp_path / 'm') == 0
    found = read_index_png(tmp_path / 'm' / 'img_02.png')
    assert set(np.unique(found)) == {8, 12, 255}


def test_our_own_files(bring, maps, tmp_path):
    for img_id, one in maps.items():
        write_soft_cam(tmp_path / 'from' / f'{img_id}.npz',
                       np.stack([*one.values()]), np.array([*one]))
    assert bring(tmp_path / 'from') == 0
    for img_id in IDS:
        ours, theirs = (tmp_path / f / f'{img_id}.npz'
                        for f in ('out', 'from'))
        for one, other in zip(*map(read_soft_cam, (ours, theirs)),
                              strict=True):
            assert one.dtype == other.dtype and (one == other).all()


def test_values_out_of_range(bring, maps, tmp_path, capsys):
    more = {
        i: {k - 1: 7 * m - 1 for k, m in one.items()}
        for i, one in maps.items()
    }
    save(tmp_path / 'from', more)
    assert bring(tmp_path / 'from') == 1
    assert 'Add --normalize' in capsys.readouterr().err
    assert bring(tmp_path / 'from', '--normalize', out=tmp_path / 'n') == 0
    wanted = {}
    for img_id, one in more.items():
        cut = {k + 1: m.clip(min=0) for k, m in one.items()}
        wanted[img_id] = {k: m / m.max() for k, m in cut.items()}
    assert_soft(tmp_path / 'n', wanted)


def test_a_hostile_file_does_nothing(bring, maps, tmp_path, capsys):
    trace = tmp_path / 'trace'
    contents = from_zero(maps)
    contents['img_01'] = {7: Hostile(trace)}
    save(tmp_path / 'from', contents)
    assert bring(tmp_path / 'from') == 1
    assert not trace.exists()
    told = capsys.readouterr()
    assert 'img_01.npy: expected a .npy file of arrays, but it asks for ' in (
        told.err)
    assert '7 of 8 seeds written' in told.out
    np.load(tmp_path / 'from' / 'img_01.npy', allow_pickle=True)
    assert trace.exists()  # it would have


class Reduced:
    """Whatever one likes to be called."""

    def __init__(self, *reduced) -> None:
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize('content', [
    Reduced(np.ndarray, ((1, ), np.dtype('O'), b'\x41' * 8)),
    Reduced(eval, ('1', )),
    Reduced(getattr, ('x', 'join')),
    Reduced(torch._utils._rebuild_tensor_v2, (), dict(x=1)),
    np.zeros(2, [('a', 'O')]),
    np.array(['2000-01-01'], 'M8[D]'),
])
def test_pointers_and_functions_are_refused(content, tmp_path):
    path = tmp_path / 'x.npy'
    header = np.array(None)
    np.save(path, header, allow_pickle=True)
    data = path.read_bytes()
    start = data.index(b'\n') + 1
    path.write_bytes(data[:start] + pickle.dumps(dict(a=content), 4))
    with pytest.raises(ValueError, match=r'a \.npy file of arrays'):
        load_npy(path)


@pytest.mark.parametrize('protocol', [2, 4, 5])
def test_what_arrays_are_made_of_is_read(protocol, tmp_path):
    array = np.arange(6, dtype='>f4').reshape(2, 3)
    content = {
        np.int64(3): array,
        'fortran': np.asfortranarray(array),
        'text': np.array(['a', 'bc']),
        'none': np.zeros((0, 4)),
        'half': torch.ones(2, dtype=torch.float16),
        'list': [np.float32(2.5), True, None, 'x'],
        'inner': np.array([dict(a=1), None]),
    }
    np.save(tmp_path / 'x.npy', None, allow_pickle=True)
    data = (tmp_path / 'x.npy').read_bytes()
    whole = np.array(content)
    (tmp_path / 'x.npy').write_bytes(
        data[:data.index(b'\n') + 1] + pickle.dumps(whole, protocol))
    found = load_npy(tmp_path / 'x.npy')
    assert np.array_equal(found[3], array)
    assert np.array_equal(found['fortran'], array)
    assert found['text'].tolist() == ['a', 'bc']
    assert found['none'].shape == (0, 4)
    assert found['half'].tolist() == [1, 1]
    assert found['list'] == [2.5, True, None, 'x']
    assert found['inner'] == [dict(a=1), None]


def test_what_is_wrong_is_listed_and_the_rest_finished(
        bring, maps, tmp_path, voc_root, capsys):
    save(tmp_path / 'from', from_zero(maps))
    config = cam_config(voc_root, tmp_path / 'cam.py')
    assert bring(tmp_path / 'from', config=config) == 0
    source = tmp_path / 'from'
    (source / 'img_00.npy').unlink()
    data = (source / 'img_01.npy').read_bytes()
    (source / 'img_01.npy').write_bytes(data[:len(data) // 2])
    np.save(source / 'img_02.npy', {7: np.zeros((5, 5))}, allow_pickle=True)
    np.save(source / 'img_03.npy', {20: maps['img_03'][8]}, allow_pickle=True)
    (source / 'img_04.npy').write_bytes(b'')
    np.save(source / 'img_05.npy', 3.0)
    image = voc_root / 'JPEGImages' / 'img_06.jpg'
    whole = image.read_bytes()
    image.write_bytes(b'')
    capsys.readouterr()
    assert bring(source, config=config) == 1
    told = capsys.readouterr()
    assert '1 of 8 seeds written (npy -> soft), 1 missing, 6 broken' in (
        told.out)
    for text in ('img_00.npy: missing', 'img_01.npy: expected a .npy file',
                 'size of the image, 56 x 40, found 5 x 5',
                 'img_03.npy: expected mask indices 0..20, found 21',
                 'img_04.npy: expected', 'img_05.npy: expected maps',
                 'img_06.jpg'):
        assert text in told.err
    # Nothing of the first run is left to be taken for theirs.
    assert [p.name for p in (tmp_path / 'out').glob('*.npz')] == ['img_07.npz']
    assert not read_json(tmp_path / 'out' / 'imported_seeds.json')['complete']
    image.write_bytes(whole)
    assert bring(source, '--evaluate', config=config) == 1
    assert '6 are missing' in capsys.readouterr().err


def test_masks_that_are_wrong_are_listed(bring, shared_voc, tmp_path, capsys):
    source = tmp_path / 'from'
    shutil.copytree(shared_voc / 'SegmentationClass', source)
    mask = read_index_png(source / 'img_00.png')
    write_index_png(source / 'img_00.png', mask.T, voc_palette())
    mask[0, 0] = 21
    write_index_png(source / 'img_02.png', mask, voc_palette())
    cv2.imwrite(str(source / 'img_03.png'),
                read_image(shared_voc / 'JPEGImages' / 'img_03.jpg'))
    assert bring(source) == 1
    told = capsys.readouterr()
    assert '5 of 8 seeds written' in told.out
    for text in ('56 x 40, found 40 x 56', '0..20, found 21', '(colours?)'):
        assert text in told.err


def test_folders_are_not_mixed(bring, maps, tmp_path, capsys):
    save(tmp_path / 'from', from_zero(maps))
    assert bring(tmp_path / 'from') == 0
    assert bring(tmp_path / 'from') == 0
    assert bring(tmp_path / 'from', '--kind', 'hard') == 1
    assert "holds seeds with kind 'soft'" in capsys.readouterr().err
    assert bring(tmp_path / 'from', out=tmp_path / 'from') == 1
    assert 'expected a new or empty folder' in capsys.readouterr().err
    assert bring(tmp_path / 'nothing', out=tmp_path / 'n') == 1
    assert 'there is no such folder' in capsys.readouterr().err


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
    save(tmp_path / 'from', from_zero(maps))
    assert bring(tmp_path / 'from', '--band', 0.2, 0.6) == 1
    assert 'Choose kind hard' in capsys.readouterr().err
    assert bring(tmp_path / 'from', '--refiners', 'AttentionAffinity') == 1
    assert 'none that reads the attention' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def scores(maps, voc, threshold) -> list[float]:
    """Compute the IoU in percent by mmseg's own counting."""
    areas = 0
    for img_id, one in maps.items():
        truth = read_index_png(voc / 'SegmentationClass' / f'{img_id}.png')
        whole = np.zeros((3, *truth.shape), np.float32)
        whole[0] = threshold
        for index, value in one.items():
            whole[1 if index == 8 else 2] = value.astype(np.float16)
        truth = np.select([truth == 8, truth == 12], [1, 2], truth.astype(int))
        areas = areas + torch.stack(
            IoUMetric.intersect_and_union(
                torch.from_numpy(whole.argmax(axis=0)),
                torch.from_numpy(truth), 3, 255)).double()
    return (100 * areas[0] / areas[1]).tolist()


def test_a_seed_of_nearly_the_name_is_a_hint(bring, maps, tmp_path, capsys):
    source = tmp_path / 'from'
    save(source, {i.upper(): one for i, one in from_zero(maps).items()})
    assert bring(source) == 1
    assert f'img_00.npy (is {source}/IMG_00.npy meant? Its name differs in ' \
        'case or suffix); found none.' in capsys.readouterr().err
    (source / 'IMG_07.npy').rename(source / 'img_07.npy')
    assert bring(source, '--evaluate') == 1
    told = capsys.readouterr()
    assert f'{source}/img_06.npy: missing (is {source}/IMG_06.npy meant? ' \
        in told.err
    assert '7 missing, 0 broken' in told.out or '7 are missing' in told.err


def test_an_image_that_is_gone_is_named(bring, maps, voc_root, tmp_path,
                                        capsys):
    save(tmp_path / 'from', from_zero(maps))
    config = cam_config(voc_root, tmp_path / 'cam.py')
    image = voc_root / 'JPEGImages' / 'img_06.jpg'
    image.rename(image.with_suffix('.JPG'))
    assert bring(tmp_path / 'from', config=config) == 1
    assert f'{image}: missing (is {image.with_suffix(".JPG")} meant?' in (
        capsys.readouterr().err)


def test_a_score_of_other_files_than_the_seeds_has_a_hint(config, tmp_path):
    for name in ('img_00.npz', 'img_03.png'):
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=r'7 are missing, such as \S+/img_03'
                       r'\.npz \(is \S+/img_03\.png meant\? .*A score'):
        evaluate_seeds(load_config(config), tmp_path, 'val', 'soft', 0.3, '')


@pytest.mark.parametrize('kind', ['soft', 'hard'])
def test_masks_of_other_pictures_of_the_same_ids_score_nothing(
        bring, maps, config, voc_root, tmp_path, kind, capsys):
    save(tmp_path / 'from', from_zero(maps))
    cfg = Config.fromfile(config)
    cfg.test_dataloader.dataset.data_root = str(voc_root)
    image = voc_root / 'JPEGImages' / 'img_06.jpg'
    cv2.imwrite(str(image), 255 - cv2.imread(str(image)))
    cfg.dump(str(tmp_path / 'other.py'))
    assert bring(tmp_path / 'from', '--evaluate', 'test', '--kind', kind,
                 config=tmp_path / 'other.py') == 1
    assert f'made from another image than {image}' in (
        text := capsys.readouterr().err)
    assert '--accept-origin' in text
    assert bring(tmp_path / 'from', '--evaluate', 'test', '--kind', kind,
                 '--accept-origin', config=tmp_path / 'other.py') == 0
    assert 'mIoU' in capsys.readouterr().out


@pytest.mark.parametrize('kind', ['soft', 'hard'])
def test_the_score_is_that_of_mmseg(bring, maps, shared_voc, tmp_path, kind,
                                    capsys):
    half = {
        i: {k: m.astype(np.float16) for k, m in one.items()}
        for i, one in maps.items()
    }
    save(tmp_path / 'from', from_zero(half))
    assert bring(
        tmp_path / 'from', '--evaluate', '--kind', kind, '--threshold', 0.35,
        '--json', tmp_path / 's.json', '--supervision', 'tags') == 0
    wanted = scores(maps, shared_voc, np.float32(0.35))
    found = read_json(tmp_path / 's.json')
    text = capsys.readouterr().out
    assert 'supervision: tags' in text
    assert 'the files chose the classes' in text.replace('\n', ' ')
    if kind == 'hard':
        assert found['iou'] == pytest.approx(wanted, abs=0.01)
        return
    assert found['own']['threshold'] == 0.35
    assert found['own']['iou'] == pytest.approx(wanted, abs=0.01)
    assert 40 < found['own']['mIoU'] < 99
    best = [np.mean(scores(maps, shared_voc, np.float32(t / 100)))
            for t in range(1, 100)]
    assert found['curve']['mIoU'] == pytest.approx(best, abs=0.01)
    assert found['best']['mIoU'] == pytest.approx(max(best), abs=0.01)


def test_the_command(maps, config, tmp_path):
    contents = from_zero(maps)
    contents.pop('img_05')
    save(tmp_path / 'from', contents)
    done = run_here('import_seeds', tmp_path / 'from', '--config', config,
                    '--out', tmp_path / 'out')
    assert done.returncode == 1, done.stderr[-2000:]
    assert 'img_05.npy: missing' in done.stderr
    assert 'Traceback' not in done.stderr
    assert '7 of 8 seeds written (npy -> soft), 1 missing' in done.stdout


def _empty(folder, img_id, mask):
    np.save(folder / f'{img_id}.npy', {})


def _exchanged(folder, img_id, mask):
    turned = np.select([mask == 8, mask == 12], [12, 8], mask.astype(int))
    write_index_png(folder / f'{img_id}.png', turned.astype(np.uint8),
                    voc_palette())


def _white(folder, img_id, mask):
    write_index_png(folder / f'{img_id}.png',
                    np.where(mask, 255, 0).astype(np.uint8), voc_palette())


@pytest.mark.parametrize(('make', 'said'), [
    (_empty, 'none of 8 masks holds a class'),
    (_exchanged, 'none of 8 masks|are labelled cat'),
    (_white, 'black-and-white')])
def test_seeds_of_other_classes_than_the_labels_are_refused(
        bring, shared_voc, tmp_path, capsys, make, said):
    source = tmp_path / 'source'
    source.mkdir()
    for img_id in IDS:
        make(source, img_id, read_index_png(
            shared_voc / 'SegmentationClass' / f'{img_id}.png'))
    assert bring(source) == 1
    assert re.search(said, capsys.readouterr().err)
    assert not read_json(tmp_path / 'out' / 'imported_seeds.json')['complete']


@pytest.mark.parametrize('kind', ['soft', 'hard'])
def test_a_refused_import_leaves_the_seeds_that_are_there(
        bring, maps, tmp_path, capsys, kind):
    save(tmp_path / 'from', from_zero(maps))
    assert bring(tmp_path / 'from', '--kind', kind) == 0
    good = contents(tmp_path / 'out')
    shutil.rmtree(tmp_path / 'from')
    save(tmp_path / 'from', {
        i: {19 - k: one for k, one in found.items()}  # 7 and 11: turned round
        for i, found in maps.items()})
    assert bring(tmp_path / 'from', '--kind', kind) == 1
    assert 'in the same order?' in capsys.readouterr().err
    assert contents(tmp_path / 'out') == good
    for img_id in IDS:
        (tmp_path / 'from' / f'{img_id}.npy').write_bytes(b'')
    assert bring(tmp_path / 'from', '--kind', kind, '--format', 'npy') == 1
    assert contents(tmp_path / 'out') == good


def test_a_full_disk_ends_an_import_and_costs_no_seed(
        bring, maps, tmp_path, monkeypatch, capsys):
    save(tmp_path / 'from', from_zero(maps))
    assert bring(tmp_path / 'from') == 0
    good = contents(tmp_path / 'out')
    write = convert.write_soft_cam

    def fill(path, *arguments):
        if path.stem == 'img_03':
            raise OSError(errno.ENOSPC, 'No space left on device', str(path))
        write(path, *arguments)

    monkeypatch.setattr(convert, 'write_soft_cam', fill)
    assert bring(tmp_path / 'from') == 1
    assert 'the disk is full' in capsys.readouterr().err
    assert contents(tmp_path / 'out') == good


def test_seeds_written_again_take_the_places_of_the_first(
        bring, maps, tmp_path):
    save(tmp_path / 'from', from_zero(maps))
    assert bring(tmp_path / 'from') == 0
    half = {i: {k: one / 2 for k, one in found.items()}
            for i, found in maps.items()}
    del half['img_05']
    shutil.rmtree(tmp_path / 'from')
    save(tmp_path / 'from', from_zero(half))
    drafts = tmp_path / 'out' / '.import.tmp'  # of a killed run
    drafts.mkdir()
    (drafts / 'img_05.npz').write_bytes(b'')
    assert bring(tmp_path / 'from') == 1
    assert_soft(tmp_path / 'out', half)
    assert not (tmp_path / 'out' / 'img_05.npz').exists()
    assert not drafts.exists()
    manifest = read_json(tmp_path / 'out' / 'imported_seeds.json')
    assert (manifest['complete'], manifest['count']) == (False, 7)


def test_the_name_of_maps_is_of_one_format_alone(bring, tmp_path, capsys):
    (tmp_path / 'source').mkdir()
    for img_id in IDS:
        np.save(tmp_path / 'source' / f'{img_id}.npy', {})
    assert bring(tmp_path / 'source', '--map', 'rw') == 1
    assert '--map rw: expected files of the format irn' in \
        capsys.readouterr().err
    for img_id in IDS:
        (tmp_path / 'source' / f'{img_id}.npy').write_text('text')
    assert bring(tmp_path / 'source') == 1
    assert 'The first: ' in capsys.readouterr().err
