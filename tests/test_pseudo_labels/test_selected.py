"""The threshold that a few masks select on refined maps."""
import re

import numpy as np
import pytest
from conftest import make_voc, run_here
from PIL import Image
from tiny_configs import cam_config, save_weights, untrained

from hsc_mm.evaluation.selection import read_selection, write_selection
from hsc_mm.inference import load_config
from hsc_mm.pseudo_labels import (
    RunOptions,
    Selected,
    SoftCAM,
    make_pseudo_labels,
)
from hsc_mm.pseudo_labels.files import read_soft_cam
from hsc_mm.pseudo_labels.folder import MANIFEST
from hsc_mm.pseudo_labels.refiners import Refiner
from hsc_mm.pseudo_labels.rules import ThresholdRule
from hsc_mm.tiles import Tiles
from hsc_mm.utils import (
    read_index_png,
    read_json,
    voc_palette,
    write_index_png,
)

FEW = ('img_01', 'img_04', 'img_06')
INDICES = (8, 12)  # of cat and dog in the masks


class Bright(Refiner):
    """Makes maps of the brightness, so that a threshold can be good."""

    def __init__(self, power: float = 1, broken: str = '') -> None:
        self.power, self.broken = power, broken

    def refine(self, soft: SoftCAM) -> SoftCAM:
        if soft.img_id == self.broken:
            raise RuntimeError('no memory')
        bright = (soft.image.max(axis=2) / np.float32(255))**self.power
        return soft._replace(cam=np.float32(0.9) * bright * np.ones_like(
            soft.cam))

    def identity(self) -> dict:
        return dict(type='Bright', power=self.power)


@pytest.fixture
def stage(tmp_path):
    """Data that a test may change, config and checkpoint of a CAM stage."""
    voc = make_voc(tmp_path / 'voc')
    config = cam_config(voc, tmp_path / 'cam.py')
    model = untrained(load_config(config))
    model.init_weights()
    write_selection(tmp_path / 'few.txt', FEW)
    return voc, config, save_weights(model, tmp_path / 'model.pth')


def _make(stage, out, **kwargs):
    kwargs = dict(threshold=Selected(out.parent / 'few.txt'),
                  refiners=[Bright()], options=RunOptions(workers=0)) | kwargs
    make_pseudo_labels(*stage[1:], out, **kwargs)
    return read_json(out / MANIFEST)


def _write(path, mask) -> None:
    write_index_png(path, mask, voc_palette())


def _best(stage, soft) -> float:
    """Score labels at all thresholds, image by image and pixel by pixel."""
    scores = []
    for threshold in np.arange(1, 100) / 100:
        found, truth = [], []
        for name in FEW:
            cam, classes = read_soft_cam(soft / f'{name}.npz')
            mask = read_index_png(stage[0] / 'SegmentationClass'
                                  / f'{name}.png')
            label = classes[cam.argmax(0)]
            label[cam.max(0) <= np.float32(threshold)] = 0
            found.append(label[mask != 255])
            truth.append(mask[mask != 255])
        found, truth = np.concatenate(found), np.concatenate(truth)
        scores.append(np.mean([
            ((found == i) & (truth == i)).sum()
            / ((found == i) | (truth == i)).sum() for i in (0, *INDICES)]))
    return round(float((np.argmax(scores) + 1) / 100), 2)


@pytest.mark.slow
def test_it_is_the_best_one_of_the_refined_maps(stage, tmp_path):
    found = {power: _make(stage, tmp_path / str(power), soft='also',
                          refiners=[Bright(power)]) for power in (0.5, 1, 2)}
    for power, made in found.items():
        assert made['chosen'] == 'selected'
        assert made['threshold'] == _best(stage, tmp_path / str(power))
    assert made['selection'] == [*FEW]
    # It goes where the refiner moves the maps: dark pixels are below 80.
    assert found[2]['threshold'] < 0.15 < found[1]['threshold'] < 0.4 \
        < found[0.5]['threshold']
    plain = _make(stage, tmp_path / 'plain', soft='also', refiners=[])
    assert plain['threshold'] == _best(stage, tmp_path / 'plain')


def test_images_in_windows_select_it_too(stage, tmp_path):
    for folder, suffix in dict(JPEGImages='jpg',
                               SegmentationClass='png').items():
        path = stage[0] / folder / f'{FEW[0]}.{suffix}'
        image = Image.open(path)
        image.resize((128, 96), Image.Resampling.NEAREST).save(path)
    options = RunOptions(workers=0, tiles=Tiles(64, 8))
    for name, refiners in dict(plain=[], out=[Bright()]).items():
        made = _make(stage, tmp_path / name, soft='also', options=options,
                     refiners=refiners)
        assert made['threshold'] == _best(stage, tmp_path / name)


def test_it_stays_until_other_masks_select_it(stage, tmp_path):
    said = []
    options = RunOptions(workers=0, notify=said.append)
    first = _make(stage, tmp_path / 'out', options=options)
    (tmp_path / 'out' / 'img_00.png').unlink()
    assert _make(stage, tmp_path / 'out', options=options) == first
    assert [line for line in said if 'threshold' in line and 'labels' in line
            and 'there' in line]
    for name in FEW:  # other masks: everything is a cat
        mask = stage[0] / 'SegmentationClass' / f'{name}.png'
        _write(mask, np.full_like(read_index_png(mask), 8))
    again = _make(stage, tmp_path / 'new')
    assert again['masks'] != first['masks']
    assert again['threshold'] != first['threshold']
    with pytest.raises(FileExistsError, match='threshold'):
        _make(stage, tmp_path / 'out')


def test_what_cannot_be_selected_is_refused(stage, tmp_path):
    twice = dict(type='hsc_mm.AgreementRule', refiners=[Bright(), Bright(2)])
    for wrong in (dict(soft='only'), dict(rule=twice)):
        with pytest.raises(ValueError, match='Leave --select out'):
            _make(stage, tmp_path / 'out', **wrong)
    with pytest.raises(ValueError, match=r'its own, 0\.4, found Selected'):
        _make(stage, tmp_path / 'out', rule=ThresholdRule(0.4))
    for wrong in (0, -1, 2.5, None):
        with pytest.raises(ValueError, match='select: expected'):
            Selected(wrong)
    with pytest.raises(ValueError, match=f'{FEW[1]}: .*no memory'):
        _make(stage, tmp_path / 'out', refiners=[Bright(broken=FEW[1])])
    mask = stage[0] / 'SegmentationClass' / f'{FEW[0]}.png'
    _write(mask, np.zeros((9, 9), np.uint8))
    with pytest.raises(ValueError, match=re.escape(f'{mask}')):
        _make(stage, tmp_path / 'out')
    for name in FEW:
        path = mask.with_name(f'{name}.png')
        shape = np.asarray(Image.open(
            stage[0] / 'JPEGImages' / f'{name}.jpg')).shape[:2]
        _write(path, np.full(shape, 255, np.uint8))
    with pytest.raises(ValueError, match='found 3 that are ignored every'):
        _make(stage, tmp_path / 'out')
    assert not list((tmp_path / 'out').glob('*.png'))


def test_the_command_takes_masks_of_each_class_or_a_list(stage, tmp_path):
    ends = [run_here('make_pseudo_labels', *stage[1:], '--out',
                     tmp_path / name, '--workers', 0, *arguments)
            for name, arguments in dict(
                number=['--select', 1],
                list=['--select-list', tmp_path / 'few.txt'],
                both=['--select', 1, '--threshold', 0.4]).items()]
    assert [end.returncode for end in ends] == [0, 0, 2]
    assert 'expected none beside --select' in ends[2].stderr
    found = {name: read_json(tmp_path / name / MANIFEST)
             for name in ('number', 'list')}
    assert {one['chosen'] for one in found.values()} == {'selected'}
    assert found['list'] | dict(masks=0) != found['number'] | dict(masks=1)
    assert f'selected on {len(read_selection(tmp_path / "few.txt"))} masks' \
        in ends[1].stdout
