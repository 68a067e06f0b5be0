"""Masks from an export through corrections to the training."""
import sys

import numpy as np
import pytest

from hsc_converters.exchange import (
    ExportOptions,
    ImportOptions,
    export_masks,
    import_masks,
)
from hsc_converters.exchange.formats import FORMATS
from hsc_converters.exchange.records import Item, MaskClasses
from hsc_mm.cli import import_command
from hsc_mm.datasets.transforms import LoadPseudoLabel
from hsc_mm.pseudo_labels.files import write_soft_cam
from hsc_mm.pseudo_labels.folder import PseudoLabelFolder
from hsc_mm.utils import read_index_png, read_json, voc_palette
from hsc_mm.utils.images import write_index_png


def test_from_pseudo_labels_to_training(project, tmp_path):
    cfg, root, masks = project
    out, trusted = tmp_path / 'out', tmp_path / 'trusted'
    export_masks(cfg, root / 'pseudo', out, ExportOptions('cvat'))
    picture = out / 'images' / 'img_03.jpg'
    assert picture.read_bytes() == (
        root / 'JPEGImages' / 'img_03.jpg').read_bytes()
    found = import_masks(cfg, out / 'annotations.zip', trusted)
    assert sorted(found.written) == sorted(masks)
    assert found.ignored == np.mean(np.concatenate(
        [m.ravel() == 255 for m in masks.values()]))
    for name, mask in masks.items():
        assert np.array_equal(read_index_png(trusted / f'{name}.png'), mask)

    # A person corrects one; the others are as they were.
    better = masks['img_03'].copy()
    better[better == 255] = 0
    (tmp_path / 'again').mkdir()
    FORMATS['coco'][0](tmp_path / 'again', [
        Item('img_03', 'images/img_03.jpg', better),
        Item('img_04', 'images/img_04.jpg', masks['img_04'])],
        MaskClasses(('background', 'cat', 'dog')))
    again = tmp_path / 'again' / 'instances.json'
    found = import_masks(cfg, again, trusted)
    assert (found.written, found.same) == ([], ['img_04'])
    assert 'img_03.png: expected no trusted mask' in found.refused[0]
    found = import_masks(cfg, again, tmp_path / 'new', ImportOptions(
        changed_from=str(root / 'pseudo')))
    assert (found.written, found.unchanged) == (['img_03'], ['img_04'])
    found = import_masks(cfg, again, trusted, ImportOptions(replace=True))
    assert (found.written, found.refused) == (['img_03'], [])
    assert read_json(trusted / 'trusted_masks.json')['masks']['img_03'] == (
        dict(source='instances.json', format='coco'))

    # What lies there by hand is never replaced, trusted or not.
    by_hand = tmp_path / 'hand' / 'img_03.png'
    write_index_png(by_hand, masks['img_03'], voc_palette())
    before = by_hand.read_bytes()
    found = import_masks(cfg, again, by_hand.parent,
                         ImportOptions(replace=True))
    assert 'was written by this tool' in found.refused[0]
    assert by_hand.read_bytes() == before
    # Pseudo labels and trusted masks never share a folder.
    with pytest.raises(FileExistsError, match='found other files in it'):
        PseudoLabelFolder(trusted, {})
    (root / 'pseudo' / 'pseudo_labels.json').write_text('{}')
    with pytest.raises(FileExistsError, match='which the next run overwrites'):
        import_masks(cfg, again, root / 'pseudo')
    # The export leaves out what is trusted already.
    queue, _ = export_masks(cfg, root / 'pseudo', tmp_path / 'rest',
                            ExportOptions(trusted=str(tmp_path / 'new')))
    assert len(queue) == 7
    assert 'img_03' not in {one.img_id for one in queue}


def test_the_second_stage_reads_trusted_masks_whole(project, tmp_path):
    _, root, masks = project
    for name, mask in masks.items():
        write_soft_cam(tmp_path / 'soft' / f'{name}.npz',
                       np.full((1, *mask.shape), 0.3), [1])
    better = np.full(masks['img_02'].shape, 2, np.uint8)
    write_index_png(tmp_path / 'trusted' / 'img_02.png', better,
                    voc_palette())
    (tmp_path / 'soft' / 'img_02.npz').unlink()     # not needed
    loader = LoadPseudoLabel(
        str(tmp_path / 'soft'), '.npz', band=(0.2, 0.4),
        trusted_dir=str(tmp_path / 'trusted'))

    def info(name, label_map=None):
        return dict(img_path=str(root / 'JPEGImages' / f'{name}.jpg'),
                    img_id=name, img_shape=masks[name].shape, seg_fields=[],
                    label_map=label_map)

    infos = [info(name) for name in masks]
    loader.scan(infos, ['background', 'cat', 'dog'])
    assert (loader.transform(info('img_02'))['gt_seg_map'] == 2).all()
    turned = loader.transform(info('img_02', {0: 0, 1: 2, 2: 1}))
    assert (turned['gt_seg_map'] == 1).all()
    assert (loader.transform(info('img_01'))['gt_seg_map'] == 255).all()
    assert 'trusted_dir' in repr(loader)
    with pytest.raises(ValueError, match=r'such as img_01\.png, found 1'):
        loader.scan([info('img_01')], None)
    write_index_png(tmp_path / 'trusted' / 'img_05.png', better[:5],
                    voc_palette())
    loader = LoadPseudoLabel(str(tmp_path / 'soft'), '.npz',
                             trusted_dir=str(tmp_path / 'trusted'))
    with pytest.raises(ValueError, match=r'img_05\.png: expected a pseudo'):
        loader.scan(infos)
    (tmp_path / 'trusted' / 'trusted_masks.json').write_text(
        '{"mask_classes": ["background", "dog", "cat"]}')
    with pytest.raises(ValueError, match='an index means another class'):
        loader.scan(infos, ['background', 'cat', 'dog'])
    with pytest.raises(FileNotFoundError, match=r'trusted_dir .*hsc_mm impo'):
        LoadPseudoLabel(str(root), trusted_dir=str(tmp_path / 'none'))
    assert LoadPseudoLabel(str(root), trusted_dir='none').trusted.ids == set()


def test_the_commands(project, tmp_path, monkeypatch, capsys):
    _, root, masks = project
    out, trusted = tmp_path / 'out', tmp_path / 'trusted'

    def call(name, *arguments):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments),
                                          '--config', root / 'config.py'])
        sys.argv = list(map(str, sys.argv))
        status = import_command(name).main()
        return status, capsys.readouterr()

    status, said = call('export', root / 'pseudo', '--out', out, '--first',
                        3, '--format', 'fiftyone')
    assert (status, '3 masks' in said.out) == (0, True)
    assert len(list((out / 'data').iterdir())) == 3
    status, said = call('import', out, '--out', trusted)
    assert status == 0
    assert '3 trusted masks written (fiftyone), 0 were there' in said.out
    # Predictions of pictures that belong to no data set.
    for name in ('img_01', 'img_02'):
        write_index_png(tmp_path / 'predicted' / f'{name}.mask.png',
                        masks[name], voc_palette())
    shown = ['--images', *(root / 'JPEGImages' / f'{name}.jpg'
                           for name in ('img_01', 'img_02'))]
    status, _ = call('export', tmp_path / 'predicted', '--out',
                     tmp_path / 'predicted_out', *shown)
    assert status == 0
    status, said = call('import', tmp_path / 'predicted_out' /
                        'instances.json', '--out', tmp_path / 'new', *shown)
    assert (status, '2 trusted masks written' in said.out) == (0, True)
    write_index_png(next((out / 'labels').iterdir()),
                    masks['img_00'][:3], voc_palette())
    status, said = call('import', out, '--out', trusted)
    assert status == 1
    assert 'expected a mask of the size' in said.err
