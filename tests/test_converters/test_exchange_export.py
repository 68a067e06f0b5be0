"""Exports: what is refused, what the masks mean, and their order."""
import csv
import shutil

import numpy as np
import pytest

from hsc_converters.exchange import ExportOptions, export_masks
from hsc_converters.exchange.formats import FORMATS
from hsc_converters.exchange.records import list_records
from hsc_mm.pseudo_labels.files import write_soft_cam
from hsc_mm.pseudo_labels.origins import note_of
from hsc_mm.pseudo_labels.trusted import TRUSTED
from hsc_mm.utils import read_json, voc_palette, write_json
from hsc_mm.utils.images import write_index_png


def test_masks_of_other_pictures_are_not_exported(project, tmp_path):
    # "1" and "1-2" are names by the order of folders, as in predict.
    cfg, root, masks = project
    folders = []
    for name, number in (('img_01', '1'), ('img_03', '1-2')):
        folders.append(tmp_path / name)
        folders[-1].mkdir()
        picture = shutil.copy(root / 'JPEGImages' / f'{name}.jpg',
                              folders[-1] / '1.jpg')
        write_index_png(tmp_path / 'p' / f'{number}.mask.png', masks[name],
                        voc_palette(), note_of(picture))
    for folder in (tmp_path / 'right', tmp_path / 'wrong'):
        def export(images, folder=folder, **more):
            export_masks(cfg, tmp_path / 'p', folder, ExportOptions(
                'coco', images=tuple(map(str, images)), **more))
        if folder.name == 'right':
            export(folders)
            assert (folder / 'instances.json').is_file()
        else:
            with pytest.raises(ValueError, match=r'1\.mask\.png: made from '
                               r'another image than .*img_03/1\.jpg'):
                export(folders[::-1])
            assert not folder.exists()
            export(folders[::-1], accept_origin=True)
            assert (folder / 'instances.json').is_file()


@pytest.mark.parametrize('form', list(FORMATS))
def test_an_export_is_not_written_over(project, tmp_path, form):
    """It may hold corrections by now."""
    cfg, root, _ = project
    out = tmp_path / 'out'
    export_masks(cfg, root / 'pseudo', out, ExportOptions(form))
    (out / 'queue.json').unlink()       # as one that was interrupted
    before = {path: path.read_bytes() for path in out.rglob('*')
              if path.is_file()}
    with pytest.raises(FileExistsError, match=r'--out .*Corrections.*new '
                       'folder'):
        export_masks(cfg, root / 'pseudo', out, ExportOptions(form, first=2))
    assert before == {path: path.read_bytes() for path in out.rglob('*')
                      if path.is_file()}
    shutil.rmtree(out)
    export_masks(cfg, root / 'pseudo', out, ExportOptions(form, first=2))
    with pytest.raises(FileExistsError, match='inputs'):    # not "corrections"
        export_masks(cfg, out, out, ExportOptions(form))


def test_predictions_of_other_classes_are_refused(project, tmp_path):
    """``predict`` writes the names of its model beside each mask."""
    cfg, _, masks = project
    folder = tmp_path / 'predicted'

    def export(stage, names, mask_names=('background', 'cat', 'dog')):
        for name, mask in masks.items():
            write_index_png(folder / f'{name}.mask.png', mask, voc_palette())
            drawn = mask.copy()
            for index, one in enumerate(mask_names):
                drawn[mask == index] = names.index(one)
            present = sorted({*np.unique(mask).tolist()} - {0, 255})
            raw = dict(mask=drawn, names=names) if stage == 'seg' else dict(
                cam=np.zeros((len(present), *mask.shape), np.float16),
                classes=present, names=[mask_names[i] for i in present])
            np.savez(folder / f'{name}.npz', **raw)
        export_masks(cfg, folder, tmp_path / f'{stage}{len(names)}')

    for stage in ('seg', 'cam'):
        export(stage, ['background', 'cat', 'dog'])
        # A model of more classes, in another order.
        export(stage, ['background', 'dog', 'elk', 'cat'])
        with pytest.raises(ValueError, match=r'img_0\d\.npz: expected index 1 '
                           r'to be "cat".*found "ant"'):
            export(stage, ['background', 'ant', 'cat', 'dog', 'x'],
                   ('background', 'ant', 'cat'))
    path = folder / 'img_00.npz'
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r'img_00\.npz: expected an npz'):
        export_masks(cfg, folder, tmp_path / 'cut')


def test_another_spelling_in_metainfo_is_the_same_class(project, tmp_path):
    cfg, _, masks = project
    dataset = cfg.train_dataloader.dataset
    records, classes = list_records(cfg)
    dataset.metainfo = dict(classes=('background', 'Cat', 'DOG'))
    assert list_records(cfg) == (records, classes)
    for name, mask in masks.items():
        write_index_png(tmp_path / f'a/{name}.mask.png', mask, voc_palette())
        np.savez(tmp_path / f'a/{name}.npz', mask=mask,
                 names=['background', 'Cat', 'Dog'])
    export_masks(cfg, tmp_path / 'a', tmp_path / 'out')


def test_masks_of_other_classes_than_the_labels_are_refused(project,
                                                            tmp_path):
    """Masks of ``test --out`` say nothing of what their indices mean."""
    cfg, _, masks = project
    folder = tmp_path / 'tested'
    for name, mask in masks.items():
        turned = np.where((mask > 0) & (mask < 255), 3 - mask, mask)
        write_index_png(folder / f'{name}.png', turned, voc_palette())
    with pytest.raises(ValueError, match=r'--accept-labels\.\n.* labelled '):
        export_masks(cfg, folder, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    export_masks(cfg, folder, tmp_path / 'out',
                 ExportOptions(accept_labels=True))
    for name, mask in masks.items():    # nothing was found: it can be drawn
        write_index_png(folder / f'{name}.png', 0 * mask, voc_palette())
    export_masks(cfg, folder, tmp_path / 'empty')


@pytest.mark.parametrize(('names', 'found'), [
    (['background', 'dog', 'cat'], 'an index means another class'),
    (['background', 'cat', 'dog', 'elk'], 'an index means another class'),
    (['background', 'cat', 'dog'], None)])
@pytest.mark.parametrize('manifest', ['pseudo_labels.json',
                                      'imported_seeds.json', TRUSTED])
def test_other_masks_name_the_same_classes(project, tmp_path, manifest, names,
                                           found):
    cfg, root, _ = project
    other = tmp_path / 'other'
    shutil.copytree(root / 'pseudo', other)
    write_json(other / manifest, dict(mask_classes=names))
    options = ExportOptions(against=(str(other), ))
    if found is None:
        export_masks(cfg, root / 'pseudo', tmp_path / 'o', options)
        return
    with pytest.raises(ValueError, match=f'{other / manifest}: expected masks '
                       rf'of the classes .*{found}'):
        export_masks(cfg, root / 'pseudo', tmp_path / 'o', options)
    assert not (tmp_path / 'o').exists()


def test_other_masks_mean_the_same_classes(project, tmp_path):
    cfg, root, masks = project
    other, out = tmp_path / 'other', tmp_path / 'out'

    def export(*folders, change=lambda mask: mask, **more):
        for name, mask in masks.items():
            write_index_png(other / f'{name}.png', change(mask),
                            voc_palette())
        options = ExportOptions(against=(*map(str, folders), str(other)),
                                **more)
        export_masks(cfg, root / 'pseudo', out, options)

    with pytest.raises(ValueError, match=r'img_00\.png: expected indices '
                       r'0\.\.2 and 255.*found \[9\]'):
        export(change=lambda mask: np.where(mask == 1, 9, mask))
    with pytest.raises(ValueError, match=r'img_00\.png: expected a mask of '
                       'the size'):
        export(change=lambda mask: mask[1:])
    turned = dict(change=lambda mask: np.where(
        (mask > 0) & (mask < 255), 3 - mask, mask))
    with pytest.raises(ValueError, match=rf'{other}: .*--accept-labels\.\n.* '
                       'labelled '):
        export(root / 'pseudo', **turned)
    assert not out.exists()
    np.savez(other / 'img_00.npz', cam=np.zeros(
        (1, *masks['img_00'].shape), np.float16), classes=[1], names=['elk'])
    with pytest.raises(ValueError, match=rf'{other}/img_00\.npz: expected '
                       'index 1 to be "cat".*found "elk"'):
        export(accept_labels=True)
    (other / 'img_00.npz').unlink()
    export(accept_labels=True, **turned)


def test_a_folder_without_trusted_masks_is_another_one(project, tmp_path):
    cfg, root, _ = project
    for folder in (root / 'JPEGImages', root / 'SegmentationClass'):
        if folder.name == 'SegmentationClass':
            write_json(folder / TRUSTED, dict(mask_classes=['x']))
        with pytest.raises(ValueError, match='expected masks'):
            export_masks(cfg, root / 'pseudo', tmp_path / 'o',
                         ExportOptions(trusted=str(folder)))
    assert not (tmp_path / 'o').exists()


def test_the_most_doubtful_comes_first(project, tmp_path):
    cfg, root, masks = project
    pseudo = root / 'pseudo'
    write_index_png(pseudo / 'img_06.png', masks['img_06'] * 0,
                    voc_palette())      # the cat is missing
    masks['img_05'][:20] = 255
    write_index_png(pseudo / 'img_05.png', masks['img_05'], voc_palette())
    soft = np.full((2, *masks['img_02'].shape), 0.25)
    soft[0] = 0.75
    write_soft_cam(pseudo / 'img_02.npz', soft, [1, 2])
    other = tmp_path / 'other'
    for name, mask in masks.items():
        write_index_png(other / f'{name}.png', mask, voc_palette())
    turned = masks['img_02'].copy()
    turned[:, ::2][turned[:, ::2] != 255] = 1
    write_index_png(other / 'img_02.png', turned, voc_palette())
    queue, files = export_masks(
        cfg, pseudo, tmp_path / 'out', ExportOptions(
            'label-studio', first=3, against=(str(other), )))
    assert [one.img_id for one in queue] == ['img_06', 'img_02', 'img_05']
    first, second, third = queue
    valid = masks['img_02'] != 255
    apart = (turned != masks['img_02'])[valid].mean()
    assert second.disagreement == pytest.approx(apart)
    assert second.confidence == pytest.approx(0.25)
    assert second.priority == pytest.approx(
        ((~valid).mean() + apart + 0.75) / 3)
    assert third.priority == pytest.approx((masks['img_05'] == 255).mean() / 2)
    assert (first.missing, first.confidence) == (('cat', ), None)
    assert first.priority > 1
    tasks = read_json(tmp_path / 'out' / 'tasks.json')
    assert [one['data']['img_id'] for one in tasks] == [
        one.img_id for one in queue]
    rows = list(csv.DictReader(
        (tmp_path / 'out' / 'queue.csv').read_text().splitlines()))
    assert [row['img_id'] for row in rows] == [o.img_id for o in queue]
    assert rows[0]['missing'] == 'cat'
    listed = read_json(tmp_path / 'out' / 'queue.json')
    assert listed[1]['confidence'] == 0.25
    assert [path.name for path in files[-2:]] == ['queue.csv', 'queue.json']
