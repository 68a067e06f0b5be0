"""The factory of pseudo labels: options, shards, kills, broken files."""
import argparse
import importlib
import os
import random
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import make_voc
from mmengine.config import Config
from tiny_configs import cam_config, save_weights, untrained

from hsc_mm.cli import common as cli
from hsc_mm.cli.label_flags import add_label_flags, label_changes
from hsc_mm.evaluation.threshold_rules import threshold_by
from hsc_mm.inference import load_config
from hsc_mm.pseudo_labels import (
    LabelChain,
    RunOptions,
    SoftCAM,
    make_pseudo_labels,
    sufficiency,
)
from hsc_mm.pseudo_labels.chain import label_stream
from hsc_mm.pseudo_labels.files import read_soft_cam, write_soft_cam
from hsc_mm.pseudo_labels.refiners import Refiner
from hsc_mm.pseudo_labels.rules import AgreementRule
from hsc_mm.pseudo_labels.soft_cam import band_label, best_label
from hsc_mm.pseudo_labels.views import Failure
from hsc_mm.utils import (
    read_index_png,
    read_json,
    voc_palette,
    write_index_png,
)

sys.path.insert(0, str(Path(__file__).parent))
from fragile_refiner import Fragile

COUNT = 24

pytestmark = pytest.mark.usefixtures('one_thread')


@pytest.fixture(scope='module')
def tool():
    """The tool as a module."""
    module = importlib.import_module('hsc_mm.cli.make_pseudo_labels')
    return module


@pytest.fixture(scope='module')
def stage(tmp_path_factory):
    """A CAM stage of random weights: data, config, checkpoint."""
    folder = tmp_path_factory.mktemp('factory')
    voc = make_voc(folder / 'voc', COUNT)
    config = cam_config(voc, folder / 'cam.py')
    model = untrained(load_config(config))
    model.init_weights()
    return voc, config, save_weights(model, folder / 'model.pth')


@pytest.fixture
def make(tool, stage, monkeypatch):
    """Call the tool's main with arguments; return its exit status."""

    def call(out, *arguments, config=stage[1]) -> int:
        monkeypatch.setattr(sys, 'argv', [
            'make_pseudo_labels.py', str(config), str(stage[2]), '--out',
            str(out), '--workers', '0', *map(str, arguments)
        ])
        return cli.run(tool.main)

    return call


@pytest.fixture(scope='module')
def damaged(stage, tmp_path_factory):
    """The same data, two images of it broken, one missing."""
    folder = tmp_path_factory.mktemp('damaged')
    voc = shutil.copytree(stage[0], folder / 'voc')
    images = voc / 'JPEGImages'
    (images / 'img_03.jpg').write_bytes(
        (images / 'img_03.jpg').read_bytes()[:300])
    (images / 'img_04.jpg').write_bytes(b'')
    (images / 'img_05.jpg').unlink()
    return cam_config(voc, folder / 'cam.py')


def content(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder, hidden ones too."""
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_soft_cams_hold_what_the_labels_say(make, tmp_path, stage, capsys):
    assert make(tmp_path / 'a', '--soft', '--threshold', 0.4) == 0
    said = capsys.readouterr().out
    assert '24 written, 0 skipped, 0 failed' in said
    assert 'next: PSEUDO_DIR=' in said
    labels = read_json(stage[0] / 'image_labels.json')['images']
    for img_id, names in labels.items():
        hard = read_index_png(tmp_path / 'a' / f'{img_id}.png')
        path = tmp_path / 'a' / f'{img_id}.npz'
        cam, classes = read_soft_cam(path)
        assert np.load(path)['cam'].dtype == np.float16
        assert classes.tolist() == [dict(cat=8, dog=12)[n] for n in names]
        again = band_label(cam, classes, 0.4, 0.4)
        # Half precision may change what lies on the threshold.
        unclear = (np.abs(cam.astype(float) - 0.4) < 1e-3).any(axis=0)
        if len(cam) == 2:
            unclear |= np.abs(np.diff(cam.astype(float), axis=0)[0]) < 1e-3
        assert (again == hard)[~unclear].all()
        assert unclear.mean() < 0.05
    assert read_json(tmp_path / 'a' / 'pseudo_labels.json')['soft'] == 'also'
    assert make(tmp_path / 'b', '--soft', 'only') == 0
    assert "next: set suffix='.npz' of hsc_mm.LoadPseudoLabel in SEG_CONFIG" \
        in capsys.readouterr().out
    both = content(tmp_path / 'a')
    only = content(tmp_path / 'b')
    assert not [name for name in only if name.endswith('.png')]
    assert {n: both[n] for n in only if n.endswith('.npz')
            } == {n: only[n] for n in only if n.endswith('.npz')}
    assert make(tmp_path / 'b') == 1
    assert "soft 'only', expected None" in capsys.readouterr().err


def test_a_label_free_threshold_comes_from_the_cams(make, tmp_path, capsys):
    out = tmp_path / 'a; b'
    assert make(out, '--soft', 'also', '--no-tta', '--threshold', 'li') == 0
    found = read_json(out / 'pseudo_labels.json')['threshold']
    said = capsys.readouterr().out
    assert f'background threshold {found}, label-free by "li" from the CAMs ' \
        f'of {COUNT} images' in said
    assert f"next: PSEUDO_DIR='{out}' python" in said  # for a shell
    counts = sum(
        np.histogram(read_soft_cam(path)[0].max(axis=0).astype(float), 100,
                     (0, 1))[0] for path in out.glob('*.npz'))
    # Files have half precision.
    assert found == pytest.approx(threshold_by('li', counts), abs=0.011)
    # The same run again finds the same threshold, and skips what is there.
    assert make(out, '--soft', 'also', '--no-tta', '--threshold', 'li') == 0
    assert f'0 written, {COUNT} skipped' in capsys.readouterr().out
    assert make(tmp_path / 'b', '--threshold', 'bst') == 1
    assert 'Is "best" meant' in capsys.readouterr().err


@pytest.mark.slow
def test_the_classifier_chooses_a_threshold(make, tmp_path, capsys,
                                            monkeypatch):
    # One of random weights sees no difference.
    assert make(tmp_path / 'a', '--threshold', 'sufficiency') == 1
    assert 'as sure of blurred pictures' in capsys.readouterr().err
    monkeypatch.setattr(sufficiency.Kept, 'nothing', 0.0)
    assert make(tmp_path / 'a', '--threshold', 'sufficiency') == 0
    made = read_json(tmp_path / 'a' / 'pseudo_labels.json')
    assert 0.1 <= made['threshold'] <= 0.9
    assert made['chosen'] == 'sufficiency'
    said = capsys.readouterr().out
    assert f'background threshold {made["threshold"]}, label-free by ' \
        f'"sufficiency" from parts of {COUNT} images' in said
    assert make(tmp_path / 'b', '--threshold', 'sufficency') == 1
    assert 'Is "sufficiency" meant' in capsys.readouterr().err


@pytest.mark.slow
def test_images_that_were_repaired_have_the_threshold_of_the_others(
        make, stage, damaged, tmp_path, capsys):
    out, flags = tmp_path / 'a', ('--no-tta', '--threshold', 'otsu')
    assert make(out, *flags, config=damaged) == 1
    found = read_json(out / 'pseudo_labels.json')
    assert (found['chosen'], found['complete']) == ('otsu', False)
    assert make(tmp_path / 'whole', *flags) == 0
    other = read_json(tmp_path / 'whole' / 'pseudo_labels.json')
    assert other['threshold'] != found['threshold']
    said = capsys.readouterr().out
    voc = damaged.parent / 'voc'
    broken = {name: (voc / 'JPEGImages' / name).read_bytes()
              for name in ('img_03.jpg', 'img_04.jpg')}
    try:
        shutil.copytree(stage[0] / 'JPEGImages', voc / 'JPEGImages',
                        dirs_exist_ok=True)
        assert make(out, *flags, config=damaged) == 0
        said = capsys.readouterr().out
        made = read_json(out / 'pseudo_labels.json')
        assert f'3 written, {COUNT - 3} skipped' in said
        assert f'{found["threshold"]}, by "otsu", of the labels' in said
        assert made == dict(found, complete=True, count=COUNT)
        # Of other weights it is no threshold.
        assert make(out, '--threshold', 'li', config=damaged) == 1
        assert 'Choose another folder' in capsys.readouterr().err
    finally:
        for name, data in broken.items():
            (voc / 'JPEGImages' / name).write_bytes(data)
        (voc / 'JPEGImages' / 'img_05.jpg').unlink()


@pytest.mark.slow
def test_a_rule_that_found_nothing_is_not_asked_again(
        make, stage, tmp_path, capsys, monkeypatch):
    config = _with_labels(stage[1], tmp_path / 'cam.py',
                          threshold='sufficiency')
    for number in range(2):
        assert make(tmp_path / 'a', '--no-tta', config=config) == 0
        said = capsys.readouterr().out
        assert ('That of the config is used' in said) == (number == 0)
        made = read_json(tmp_path / 'a' / 'pseudo_labels.json')
        assert (made['threshold'], made['chosen'], made['asked']) == (
            0.3, 'fixed', 'sufficiency')
        monkeypatch.setattr(sufficiency.Kept, 'nothing', 0.0)
    assert make(tmp_path / 'b', '--no-tta', config=config) == 0
    assert read_json(tmp_path / 'b' / 'pseudo_labels.json')['threshold'] != 0.3


def _with_labels(config, path, **pseudo_label):
    path.write_text(f'_base_ = {str(config)!r}\n'
                    f'pseudo_label = {pseudo_label!r}\n')
    return path


@pytest.mark.slow
def test_a_config_says_how_the_threshold_is_chosen(make, stage, tmp_path,
                                                   capsys, monkeypatch):
    chosen = {}
    rule = dict(type='hsc_mm.ThresholdRule')
    for name, pseudo_label, arguments in (
            ('rule', dict(threshold='auto'), ()),
            ('user', dict(threshold='auto'), ('--threshold', 0.45)),
            ('own', dict(threshold='auto', rule=dict(rule, threshold=0.2)),
             ()),
            ('number', dict(threshold=0.4, rule=rule), ()),
            ('band', dict(threshold='auto'), ('--band', 0.3, 0.6)),
            ('crf', dict(threshold='auto', refiners=[
                dict(type='hsc_mm.CRFRefiner')]), ()),
            ('soft', dict(threshold='auto'), ('--soft', 'only'))):
        config = _with_labels(stage[1], tmp_path / 'cam.py', **pseudo_label)
        assert make(tmp_path / name, '--no-tta', *arguments,
                    config=config) == 0
        made = read_json(tmp_path / name / 'pseudo_labels.json')
        of = made['rule'] or {}
        chosen[name] = of.get('threshold'), made['chosen']
        found = 'label-free by "otsu"' in capsys.readouterr().out
        assert found == (name == 'rule')
    assert chosen == dict(
        rule=(chosen['rule'][0], 'otsu'), user=(0.45, 'fixed'),
        own=(0.2, 'fixed'), number=(0.4, 'fixed'), band=(None, 'fixed'),
        crf=(0.3, 'fixed'), soft=(None, 'fixed'))
    assert chosen['rule'][0] not in (0.3, 0.45)
    config = _with_labels(stage[1], tmp_path / 'cam.py', threshold='atuo')
    assert make(tmp_path / 'wrong', config=config) == 1
    assert 'Is "auto" meant' in capsys.readouterr().err
    assert not (tmp_path / 'wrong').exists()
    # Pictures that are computed in windows cannot be looked at.
    monkeypatch.setenv('HSC_MM_MAX_MEGAPIXELS', '0.0001')
    for arguments, status in (((), 0), (('--threshold', 'sufficiency'), 1)):
        config = _with_labels(
            stage[1], tmp_path / 'cam.py', threshold='sufficiency')
        out = tmp_path / f'windows{status}'
        assert make(out, '--no-tta', *arguments, config=config) == status
        said = ''.join(capsys.readouterr())
        assert 'expected images that can be read whole' in said
        assert ('That of the config is used.' in said) == (status == 0)
    made = read_json(tmp_path / 'windows0' / 'pseudo_labels.json')
    assert (made['threshold'], made['chosen']) == (0.3, 'fixed')


def test_a_band_lies_between_two_thresholds(make, tmp_path, capsys):
    for name, arguments in dict(
            low=('--threshold', 0.3), high=('--threshold', 0.6),
            band=('--band', 0.3, 0.6)).items():
        assert make(tmp_path / name, *arguments, '--no-tta') == 0
    for path in (tmp_path / 'band').glob('*.png'):
        low, high, band = (
            read_index_png(tmp_path / name / path.name)
            for name in ('low', 'high', 'band'))
        assert np.array_equal(
            band, np.where(high > 0, high, np.where(low > 0, 255, 0)))
        assert (band == 255).any()
    # The same by a switch of the config.
    option = ('--cfg-options', 'pseudo_label.rule.type=hsc_mm.BandRule',
              'pseudo_label.rule.low=0.3', 'pseudo_label.rule.high=0.6')
    assert make(tmp_path / 'config', '--no-tta', *option) == 0
    assert content(tmp_path / 'config') == content(tmp_path / 'band')
    assert make(tmp_path / 'band', '--no-tta', '--band', 0.2, 0.6) == 1
    assert ("rule {'type': 'BandRule', 'low': 0.3, 'high': 0.6}, expected "
            "{'type': 'BandRule', 'low': 0.2,") in capsys.readouterr().err
    assert make(tmp_path / 'x', '--crf', '--no-tta', *option) == 0
    assert make(tmp_path / 'y', '--no-tta', '--cfg-options',
                'pseudo_label.bend=1') == 1
    assert 'expected keys of' in capsys.readouterr().err


def test_a_crf_and_two_that_agree(make, tmp_path):
    for name, arguments in dict(
            few=('--crf', '--alpha', 4), many=('--crf', '--alpha', 24),
            both=('--two-alpha', 4, 24)).items():
        assert make(tmp_path / name, *arguments, '--no-tta') == 0
    ignored = 0
    for path in (tmp_path / 'both').glob('*.png'):
        few, many, both = (
            read_index_png(tmp_path / name / path.name)
            for name in ('few', 'many', 'both'))
        assert np.array_equal(
            both, np.where((few > 0) == (many > 0), few, 255))
        ignored += (both == 255).sum()
    assert ignored > 0
    manifest = read_json(tmp_path / 'both' / 'pseudo_labels.json')
    refiners = manifest['rule']['refiners']
    assert [one['alpha'] for one in refiners] == [4, 24]
    assert refiners[0]['backend']['type'] != 'auto'


def test_shards_make_what_one_run_makes(make, tmp_path, capsys):
    assert make(tmp_path / 'whole', '--soft') == 0
    capsys.readouterr()
    parts = tmp_path / 'parts'
    assert make(parts, '--soft', '--shard', '1/2') == 0
    assert 'other parts are still missing' in capsys.readouterr().out
    first = {name for name in content(parts) if name.endswith('.png')}
    assert 0 < len(first) < COUNT
    assert not read_json(parts / 'pseudo_labels.json')['complete']
    assert make(parts, '--soft', '--shard', '2/2') == 0
    out = capsys.readouterr().out
    assert f'0 of {COUNT - len(first)} pseudo labels exist' in out
    assert f'all {COUNT} pseudo labels exist' in out
    assert content(parts) == content(tmp_path / 'whole')
    assert make(parts, '--soft', '--shard', '1/2') == 0
    assert '0 written' in capsys.readouterr().out
    for wrong in ('0/2', '3/2', 'x'):
        with pytest.raises(SystemExit):
            make(parts, '--shard', wrong)


def slow_down(monkeypatch) -> None:
    """Give whoever kills some time."""
    from hsc_mm.pseudo_labels import folder as pseudo_labels
    write = pseudo_labels.write_seed
    monkeypatch.setattr(pseudo_labels, 'write_seed', lambda *args:
                        time.sleep(0.02) or write(*args))


def test_killed_at_any_moment(make, tmp_path, capfd, monkeypatch):
    assert make(tmp_path / 'whole', '--soft') == 0
    out = tmp_path / 'killed'
    kills, rng = 0, random.Random(0)
    for attempt in range(3):
        wanted = rng.randrange(attempt * 8, attempt * 8 + 8)
        child = os.fork()
        if child == 0:
            slow_down(monkeypatch)
            os._exit(make(out, '--soft'))
        while os.waitpid(child, os.WNOHANG)[0] == 0:
            if out.is_dir() and len(list(out.iterdir())) > wanted:
                time.sleep(rng.random() * 0.01)
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                kills += 1
                break
            time.sleep(0.001)
        for path in out.glob('img_*.png'):
            read_index_png(path)
        for path in out.glob('img_*.npz'):
            read_soft_cam(path)
    assert kills == 3
    assert not read_json(out / 'pseudo_labels.json')['complete']
    capfd.readouterr()
    assert make(out, '--soft') == 0
    there = int(capfd.readouterr().out.split(': ')[1].split(' of')[0])
    assert 0 < there < COUNT
    assert content(out) == content(tmp_path / 'whole')


def test_broken_images_are_listed_and_the_rest_is_made(
        make, damaged, tmp_path, capsys):
    assert make(tmp_path / 'p', config=damaged) == 1
    shown = capsys.readouterr()
    assert '21 written, 0 skipped, 3 failed, 24 in total' in shown.out
    for line in ('failed: img_03: .*truncated', 'failed: img_04: .*empty',
                 'failed: img_05: .*img_05.jpg'):
        assert re.search(line, shown.out), line
    assert '3 of 24 images failed' in shown.err
    assert len(list((tmp_path / 'p').glob('*.png'))) == 21
    assert not read_json(tmp_path / 'p' / 'pseudo_labels.json')['complete']
    assert make(tmp_path / 'p', config=damaged) == 1
    assert '0 written, 21 skipped, 3 failed' in capsys.readouterr().out


def test_no_image_at_all_is_said_at_once(make, tmp_path, capsys):
    assert make(tmp_path / 'p', '--cfg-options',
                'train_dataloader.dataset.data_prefix.img_path=none') == 1
    assert 'as are all 24 images' in capsys.readouterr().err


def test_damaged_labels_are_made_again(make, tmp_path, capsys):
    out = tmp_path / 'p'
    assert make(out, '--soft') == 0
    good = content(out)
    mask = read_index_png(out / 'img_01.png')
    write_index_png(out / 'img_01.png', mask[:9], voc_palette())
    write_index_png(out / 'img_02.png', mask * 0 + 99, voc_palette())
    (out / 'img_03.npz').write_bytes(b'')
    (out / 'img_04.npz').write_bytes(good['img_04.npz'][:-40])
    write_soft_cam(out / 'img_05.npz', np.zeros((1, 48, 64)), [99])
    write_soft_cam(out / 'img_07.npz', np.zeros((1, 4, 4)), [8])
    capsys.readouterr()
    assert make(out, '--soft') == 0
    assert '6 written, 18 skipped' in capsys.readouterr().out
    assert content(out) == good
    assert make(out, '--soft', '--no-resume') == 0
    assert '24 written, 0 skipped' in capsys.readouterr().out
    assert content(out) == good


@pytest.mark.slow
@pytest.mark.parametrize('workers', [0, 2])
def test_a_refiner_that_fails_costs_one_image(workers):
    rng = np.random.default_rng(0)
    image = np.zeros((4, 5, 3), np.uint8)
    stream = [
        SoftCAM(name, rng.random((count, 4, 5)).astype(np.float32),
                np.arange(1, count + 1), np.zeros(2), image)
        for name, count in (('a', 1), ('b', 2), ('none', 0), ('c', 2),
                            ('d', 1), ('last', 0))
    ]
    stream.insert(1, Failure('broken', 'why'))
    refiner = Fragile(stream[2].cam[0, 0, 0], stream[4].cam[0, 0, 0])
    chain = LabelChain([refiner], threshold=0.3)
    found = list(label_stream(iter(stream), chain, workers))
    assert [f.img_id for f in found] == [
        'a', 'broken', 'b', 'none', 'c', 'd', 'last']
    assert found[2] == Failure('b', 'no memory')
    assert re.search(r'Fragile: .*\(2, 4, 5\).*\(2, 2, 5\)',
                     found[4].reason)
    assert not found[3].mask.any()
    assert found[5].mask.shape == (4, 5)
    assert np.array_equal(
        found[0].mask, stream[0].cam[0] > np.float32(0.3))


@pytest.mark.parametrize('place', ['refiners', 'rule'])
def test_what_a_refiner_returns_is_checked(place):
    """Also inside of a rule, whose label would hide it."""

    class Broken(Refiner):

        def refine(self, soft: SoftCAM) -> SoftCAM:
            return soft._replace(background=soft.cam[0] * np.nan)

        def identity(self) -> dict:
            return dict(type='Broken')

    chain = LabelChain([Broken()]) if place == 'refiners' else LabelChain(
        rule=AgreementRule([Broken(), Broken()], 0.3))
    soft = SoftCAM('x', np.ones((1, 4, 5), np.float32), np.array([1]), None,
                   np.zeros((4, 5, 3), np.uint8))
    found = list(label_stream([soft], chain))
    assert 'x: Broken: expected finite maps' in found[0].reason


@pytest.mark.parametrize(('settings', 'match'), [
    (dict(rule=dict(type='hsc_mm.BandRule', low=0.4, high=0.2)),
     'high of BandRule: expected a finite number'),
    (dict(rule=dict(type='hsc_mm.BandRule', middle=0.4)),
     'rule hsc_mm.BandRule: rejects the arguments'),
    (dict(rule=dict(type='hsc_mm.Guess')), 'rule: expected a type of'),
    (dict(rule=dict(type='hsc_mm.ThresholdRule', threshold=30)),
     'threshold of ThresholdRule: expected a finite number >= 0 and < 1'),
    (dict(rule=dict(type='hsc_mm.AgreementRule',
                    refiners=[dict(type='hsc_mm.CRFRefiner')])),
     'expected a list of two'),
    (dict(refiners=dict(type='hsc_mm.PAR')), 'refiners: expected a list'),
    (dict(refiners=[dict(type='hsc_mm.CRFRefiner', alpha=-1)]),
     'alpha of CRFRefiner: expected a finite number > 0'),
    (dict(soft='yes'), 'soft: expected'),
])
def test_wrong_settings(settings, match):
    with pytest.raises(ValueError, match=match):
        LabelChain(**settings)


@pytest.mark.parametrize(('flags', 'match'), [
    (('--two-alpha', 24, 4), 'the lower one first, found 24 4'),
    (('--alpha', 3), '--alpha: expected a CRF'),
    (('--crf-backend', 'exact', '--two-alpha', 4, 24, '--alpha', 7),
     '--alpha: expected a CRF as a refiner'),
    (('--crf-backend', 'exact'), '--crf-backend: expected a CRF, found none'),
    (('--crf', '--alpha', 0), 'alpha of CRFRefiner'),
    (('--refiners', 'Sorcery'), 'refiner: expected a type of'),
    (('--overlap', 64), '--overlap: expected --tile N beside it'),
])
def test_flags_that_make_no_sense(make, tmp_path, flags, match, capsys):
    assert make(tmp_path / 'x', *flags) == 1
    assert match in capsys.readouterr().err
    assert not (tmp_path / 'x').exists()


def config_with(stage, tmp_path, **pseudo_label):
    """Write the config with a chain in it."""
    cfg = load_config(stage[1])
    cfg.pseudo_label = pseudo_label
    cfg.dump(str(tmp_path / 'chain.py'))
    return tmp_path / 'chain.py'


@pytest.mark.slow
def test_the_config_and_the_flags_name_one_chain(make, stage, tmp_path):
    """A chain of a config, by flags, in workers, and from Python."""
    chain = dict(
        refiners=[dict(type='hsc_mm.PAR'),
                  dict(type='hsc_mm.CRFRefiner', alpha=4)], soft='also')
    config = config_with(stage, tmp_path, **chain)
    assert make(tmp_path / 'a', '--no-tta', config=config) == 0
    assert make(tmp_path / 'b', '--no-tta', '--soft', '--refiners', 'PAR',
                'CRFRefiner', '--alpha', 4, '--workers', 2) == 0
    run = make_pseudo_labels(
        stage[1], stage[2], tmp_path / 'c', tta=False,
        options=RunOptions(workers=0), **chain)
    assert run.complete
    assert (run.written, run.total, run.failures) == (24, 24, [])
    assert set(run.classes) == {1, 2}
    assert content(tmp_path / 'a') == content(tmp_path / 'b')
    assert content(tmp_path / 'a') == content(tmp_path / 'c')
    # The maps of the files are the posterior, whose label the mask is.
    for path in (tmp_path / 'a').glob('*.npz'):
        cam, classes = read_soft_cam(path)
        cam = cam.astype(np.float32)
        prob = np.concatenate([1 - cam.sum(0, keepdims=True), cam])
        first, second = np.sort(prob, axis=0)[-2:][::-1]
        mask = read_index_png(path.with_suffix('.png'))
        again = best_label(prob, classes)
        assert (again == mask)[first - second > 0.01].all()
    # Without them it is a threshold, and --threshold leaves a rule alone.
    assert make(tmp_path / 'd', '--no-tta', '--refiners', 'none',
                config=config) == 0
    assert make(tmp_path / 'e', '--no-tta') == 0
    assert png(tmp_path / 'd') == png(tmp_path / 'e')
    assert png(tmp_path / 'd') != png(tmp_path / 'a')
    assert make(tmp_path / 'f', '--no-tta', '--threshold', 0.9,
                config=config) == 0
    assert png(tmp_path / 'f') == png(tmp_path / 'a')
    rule = dict(type='hsc_mm.ThresholdRule', threshold=0.1)
    config = config_with(stage, tmp_path, rule=rule)
    assert make(tmp_path / 'g', '--no-tta', '--threshold', 0.3,
                config=config) == 0
    assert png(tmp_path / 'g') == png(tmp_path / 'e')


OWN_REFINER = """
from hsc_mm.pseudo_labels.refiners import Refiner
from hsc_mm.registry import REFINERS

@REFINERS.register_module()
class Scaled(Refiner):
    def refine(self, soft):
        return soft._replace(cam=soft.cam * 0.5)

    def identity(self):
        return {}
"""


def test_labels_of_other_code_are_not_resumed(make, stage, tmp_path, capsys,
                                              monkeypatch):
    """A refiner of one's own was changed; class and settings are the same."""
    monkeypatch.syspath_prepend(tmp_path)
    code = tmp_path / 'scaled_refiner.py'
    code.write_text(OWN_REFINER)
    config = config_with(stage, tmp_path,
                         refiners=[dict(type='hsc_mm.Scaled')])
    config.write_text(config.read_text() + (
        "custom_imports = dict(imports=['hsc_mm', 'scaled_refiner'])\n"))
    out = tmp_path / 'out'
    assert make(out, '--no-tta', config=config) == 0
    assert make(out, '--no-tta', config=config) == 0
    assert '24 skipped' in capsys.readouterr().out
    before = png(out)
    code.write_text(OWN_REFINER.replace('0.5', '0.9'))
    assert make(out, '--no-tta', config=config) == 1
    said = capsys.readouterr().err
    assert f'--out {out}: it holds pseudo labels with code' in said
    assert 'custom_imports' in said and 'another folder' in said
    assert png(out) == before


def png(folder: Path) -> dict[str, bytes]:
    """Return the masks of a folder."""
    return {n: b for n, b in content(folder).items() if n.endswith('.png')}


def test_a_device_reaches_the_refiners_that_take_one():
    parser = argparse.ArgumentParser()
    add_label_flags(parser, float, '')
    cfg = Config(dict(pseudo_label=dict(
        refiners=[dict(type='hsc_mm.PAR'),
                  dict(type='hsc_mm.PAR', device='cpu'),
                  dict(type='hsc_mm.SegmentRefiner', folder='x')])))
    assert label_changes(parser.parse_args([]), cfg) == dict(
        refiners=None, rule=None)
    parser.add_argument('--device')
    found = label_changes(parser.parse_args(['--device', 'cuda:1']), cfg)
    assert [one.get('device') for one in found['refiners']] == [
        'cuda:1', 'cpu', None]
    assert 'device' not in cfg.pseudo_label.refiners[0]
