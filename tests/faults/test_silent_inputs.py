"""Pseudo labels whose image or image labels are others by now."""
import json
import shutil

import numpy as np
import pytest
from conftest import make_voc
from mmengine.config import Config
from PIL import Image
from tiny_configs import seg_config

from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.datasets.transforms import LoadPseudoLabel
from hsc_mm.doctor.case import Case
from hsc_mm.doctor.pseudo_labels import pseudo_labels
from hsc_mm.pseudo_labels.chain import LabelChain, Labelled
from hsc_mm.pseudo_labels.files import write_soft_cam
from hsc_mm.pseudo_labels.folder import PseudoLabelFolder
from hsc_mm.pseudo_labels.origins import other_classes, read_note
from hsc_mm.pseudo_labels.run import LabelRun, write_labels
from hsc_mm.utils import image_shapes, voc_palette, write_index_png

KINDS = [('.png', ), ('.npz', ), ('.png', '.npz')]


def _plan(voc, out, kinds, chain=None) -> tuple[LabelRun, PseudoLabelFolder]:
    data = VOCImageLabelDataset(
        data_root=str(voc), label_file='image_labels.json',
        ann_file='ImageSets/Segmentation/train.txt')
    folder = PseudoLabelFolder(out, dict(a=1), data.metainfo['label_map'],
                               kinds)
    return LabelRun.plan(data, folder, chain=chain), folder


def _label(voc, img_id, kinds) -> Labelled:
    shape = image_shapes(voc / 'JPEGImages' / f'{img_id}.jpg')[0]
    return Labelled(
        img_id, np.array([8]),
        np.zeros(shape, np.uint8) if '.png' in kinds else None,
        np.ones((1, *shape), np.float32) if '.npz' in kinds else None)


@pytest.fixture(params=KINDS, ids=['hard', 'soft', 'both'])
def labelled(request, voc_root, tmp_path):
    run, folder = _plan(voc_root, tmp_path / 'out', request.param)
    write_labels((_label(voc_root, i, request.param) for i in run.img_ids),
                 folder, run)
    assert _plan(voc_root, tmp_path / 'out', request.param)[0].missing == 0
    return voc_root, tmp_path / 'out', request.param


def _missing(labelled) -> set[str]:
    run, folder = _plan(*labelled)
    missing = set(run.img_ids) - run.existing
    write_labels((_label(labelled[0], i, labelled[2]) for i in missing),
                 folder, run)
    assert _plan(*labelled)[0].missing == 0
    return missing


def test_exchanged_image_labels_are_noticed(labelled):
    path = labelled[0] / 'image_labels.json'
    content = json.loads(path.read_text())
    images = content['images']
    images['img_00'], images['img_01'] = images['img_01'], images['img_00']
    images['img_04'] = ['cat', 'dog']
    path.write_text(json.dumps(content))
    assert _missing(labelled) == {'img_00', 'img_01', 'img_04'}


def test_replaced_pictures_are_noticed(labelled):
    images = labelled[0] / 'JPEGImages'
    other = make_voc(labelled[0].parent / 'other', seed=7) / 'JPEGImages'
    before = (images / 'img_02.jpg').stat()
    shutil.copy(other / 'img_02.jpg', images)
    data = bytearray((images / 'img_03.jpg').read_bytes())
    data[len(data) // 2] ^= 1  # of the same size and time
    (images / 'img_03.jpg').write_bytes(data)
    (images / 'img_05.jpg').touch()
    assert before.st_mtime_ns <= (images / 'img_02.jpg').stat().st_mtime_ns
    assert _missing(labelled) == {'img_02', 'img_03'}


@pytest.mark.slow
@pytest.mark.parametrize('kinds', KINDS)
@pytest.mark.parametrize('ruled', [False, True])
def test_replaced_segments_are_noticed(voc_root, tmp_path, kinds, ruled):
    segments = tmp_path / 'segments'
    (segments / 'img_05').mkdir(parents=True)
    masks = [segments / f'{name}.npy'
             for name in ('img_02', 'img_03', 'img_05/1', 'img_05/2')]
    for path in masks:
        np.save(path, np.ones((4, 4), np.uint8))
    refiners = [dict(type='hsc_mm.SegmentRefiner', folder=str(segments),
                     missing='skip')]
    chain = LabelChain(rule=dict(
        type='hsc_mm.AgreementRule', refiners=refiners * 2)) if ruled else (
            LabelChain(refiners))
    made = voc_root, tmp_path / 'out', kinds, chain

    def missing():
        run, folder = _plan(*made)
        found = set(run.img_ids) - run.existing
        write_labels((_label(voc_root, i, kinds) for i in found), folder, run)
        return found

    assert len(missing()) == 8
    assert not missing()
    masks[0].touch()
    assert not missing()
    np.save(masks[1], np.zeros((4, 4), np.uint8))
    masks[2].unlink()
    assert missing() == {'img_03', 'img_05'}
    np.save(segments / 'img_07.npy', np.ones((4, 4), np.uint8))
    assert missing() == {'img_07'}
    assert _plan(*made[:3])[0].missing == 4  # without that refiner


def test_the_doctor_names_labels_of_replaced_pictures(voc_root, tmp_path):
    run, folder = _plan(voc_root, tmp_path / 'out', ('.png', ))
    write_labels((_label(voc_root, i, ('.png', )) for i in run.img_ids),
                 folder, run)
    assert all(read_note(folder.file(i)) == run.notes[i]
               for i in run.img_ids)
    cfg = Config.fromfile(seg_config(voc_root, tmp_path / 'seg.py'))
    for step in cfg.train_dataloader.dataset.pipeline:
        if step.type == 'hsc_mm.LoadPseudoLabel':
            step.pseudo_dir = str(tmp_path / 'out')

    def stale():
        return [f for f in pseudo_labels(Case(cfg)) if 'replaced' in f.text]

    assert not stale()
    images = voc_root / 'JPEGImages'
    shutil.copy(images / 'img_01.jpg', images / 'img_03.jpg')
    finding, = stale()
    line, = finding.details
    assert 'img_03.png: made from another image' in line


@pytest.mark.parametrize('way', ['renamed', 'saved anew', 'image'])
@pytest.mark.parametrize('kinds', KINDS[:2], ids=['hard', 'soft'])
def test_exchanged_pseudo_labels_are_refused(voc_root, tmp_path, kinds, way):
    out, images = tmp_path / 'out', voc_root / 'JPEGImages'
    Image.open(images / 'img_04.jpg').rotate(180).save(images / 'img_05.jpg')
    for name in ('SegmentationClass', 'saliency'):
        for mask in (voc_root / name).glob('img_04.*'):
            shutil.copy(mask, mask.with_stem('img_05'))
    write_labels((_label(voc_root, f'img_0{i}', kinds) for i in (3, 4, 5)),
                 *reversed(_plan(voc_root, out, kinds)))
    folder, suffix = (images, '.jpg') if way == 'image' else (out, kinds[0])
    one, two = (folder / f'img_0{i}{suffix}' for i in (4, 5))
    contents = one.read_bytes(), two.read_bytes()
    infos = [dict(img_path=str(images / f'img_0{i}.jpg'), img_id=f'img_0{i}')
             for i in (3, 4, 5)]
    shape = image_shapes(infos[1]['img_path'])[0]
    load = LoadPseudoLabel(str(out), kinds[0])
    load.scan(infos)
    if way == 'saved anew' and suffix == '.png':
        Image.open(one).save(one)
    elif way == 'saved anew':
        write_soft_cam(one, np.ones((1, *shape)), np.array([8]))
    else:
        two.write_bytes(contents[0])
    one.write_bytes(one.read_bytes() if way == 'saved anew' else contents[1])
    count = 1 if way == 'saved anew' else 2
    with pytest.raises(ValueError, match=f': {count} problem.*check_origin'):
        load.scan(infos)
    LoadPseudoLabel(str(out), kinds[0], check_origin=False).scan(infos)
    trusted = tmp_path / 'trusted'
    trusted.mkdir()
    for i in (4, 5):  # what a person drew is believed
        write_index_png(trusted / f'img_0{i}.png', np.zeros(shape, np.uint8),
                        voc_palette())
    LoadPseudoLabel(str(out), kinds[0], trusted_dir=str(trusted)).scan(infos)


@pytest.mark.parametrize('label_map', [None, {0: 0, 8: 1, 12: 2, 1: 255}])
def test_labels_of_other_classes_than_the_image_labels(label_map):
    cat, dog = (1, 2) if label_map is None else (8, 12)
    infos = [dict(img_id=f'{n}', gt_label=np.eye(2)[n % 2], gt=(cat, dog)[
        n % 2], label_map=label_map) for n in range(4)]
    right = [(info, {0, info['gt'], 255}) for info in infos]
    assert other_classes(right) == []
    assert other_classes([(info, {0}) for info in infos]) == []
    assert other_classes([(infos[0], {0, dog}), *right[1:]]) == []
    turned = [(info, {0, cat + dog - info['gt']}) for info in infos]
    line, = other_classes(turned)
    assert line.startswith('4 of 4 labels')
