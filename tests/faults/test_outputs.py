"""Nothing is written outside the output folder, nor over anybody's file."""
import errno
import json
import os
import resource
import signal
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import run_here
from demo_data import make_demo_data
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image
from tiny_configs import ROOT, cam_config, seg_config

from hsc_analysis.sheet import write_picture
from hsc_converters.new_configs import write_configs
from hsc_converters.new_dataset import NewDataset
from hsc_converters.saliency import write_maps
from hsc_converters.seeds import ImportOptions
from hsc_converters.seeds.convert import SeedConverter
from hsc_mm.cli import run_command
from hsc_mm.cli.errors import explain
from hsc_mm.datasets import ImageLabelDataset
from hsc_mm.evaluation.mask_metric import write_mask
from hsc_mm.inference.inputs import ImageInput
from hsc_mm.pseudo_labels import LabelChain
from hsc_mm.pseudo_labels.folder import PseudoLabelFolder
from hsc_mm.registry import MODELS
from hsc_mm.utils import read_image
from hsc_mm.utils.data_folders import refuse_data_of, refuse_folder_of_data
from hsc_mm.utils.locks import LOCK, hold
from hsc_mm.utils.outputs import (
    claim,
    claim_file,
    claim_folder,
    refuse_data_folder,
    written,
)
from hsc_mm.utils.paths import MARKER, check_name, inside, place

SEED = np.zeros((8, 8), np.uint8)


def snapshot(folder):
    """Content of every file that is no output of ours."""
    return {
        path: path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file() and not path.is_symlink()
    }


@pytest.fixture
def mine(tmp_path):
    """A user's pictures, PNGs, which outputs are called like too."""
    folder = tmp_path / 'mine'
    (folder / 'sub').mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ('a', 'b', 'sub/c'):
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(
            folder / f'{name}.png')
    return folder


@pytest.mark.parametrize('name', [
    '', '.', '..', '/etc/x', '../x', 'a/../../x', 'a/..', 'C:\\x', 'C:/x',
    '\\\\host\\x', '..\\x', 'a\0b', 'a/', MARKER, 'a/' + MARKER
])
def test_names_that_lead_elsewhere(tmp_path, name):
    with pytest.raises(ValueError, match='expected a path relative to'):
        check_name(name)
    with pytest.raises(ValueError, match='expected a path relative to'):
        claim(tmp_path / 'out', name)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('name', ['a', 'a/b.png', 'a b', "o'x", '..a', 'ä'])
def test_names_that_stay(tmp_path, name):
    assert claim(tmp_path, name) == tmp_path / name
    assert inside(name, tmp_path) == name
    assert inside(tmp_path / name, tmp_path) == name
    assert inside(tmp_path / 'x' / '..' / name, tmp_path) == name
    assert inside(f'./{name}', tmp_path) == name
    assert inside(f'x/.//{name}', tmp_path) == f'x/{name}'
    assert inside(tmp_path.parent / 'other', tmp_path) is None
    assert inside('../other', tmp_path) is None
    assert inside(f'C:/{name}', tmp_path) is None


def test_links_do_not_lead_out(tmp_path, mine):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'link').symlink_to(mine)
    with pytest.raises(ValueError, match='a symbolic link leads to'):
        place(out, 'link/a.png')
    (out / 'a.png').symlink_to(mine / 'a.png')
    with pytest.raises(FileExistsError, match='left unchanged'):
        claim(out, 'a.png')
    (out / MARKER).symlink_to(mine / 'a.png')
    before = snapshot(mine)
    with pytest.raises(OSError, match=MARKER):
        claim(out, 'b.png')
    assert snapshot(mine) == before


def test_only_our_own_files_are_replaced(tmp_path, mine):
    path = claim(tmp_path / 'out', 'a.png')
    path.write_text('ours')
    assert claim(tmp_path / 'out', 'a.png') == path
    # An input of this run, even if it is ours, and by another name.
    other = tmp_path / 'hard.png'
    os.link(path, other)
    for same in (path, other):
        with pytest.raises(FileExistsError, match='found an input of the run'):
            claim(tmp_path / 'out', 'a.png', [None, same])
    with pytest.raises(FileExistsError, match='left unchanged'):
        claim(mine, 'a.png')
    with pytest.raises(FileExistsError, match='left unchanged'):
        claim_file(mine / 'sub')
    assert claim(mine, 'new.png') == mine / 'new.png'
    with pytest.raises(FileExistsError, match='new or empty folder'):
        claim_folder(mine)
    assert claim_folder(claim_folder(tmp_path / 'x')) == tmp_path / 'x'


def test_a_note_that_a_full_disk_cuts_off_loses_no_other(tmp_path):
    claim(tmp_path, 'a.png')
    size = (tmp_path / MARKER).stat().st_size
    child = os.fork()
    if not child:
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5, size + 5))
            claim(tmp_path, 'picture_0000.png')
        except OSError as error:
            os._exit(3 if error.errno in (errno.ENOSPC, errno.EFBIG) else 4)
        finally:
            os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    claim(tmp_path, 'picture_0001.png').touch()
    assert claim(tmp_path, 'picture_0001.png').is_file()
    assert {'a.png', 'picture_0001.png'} <= written(tmp_path)


LISTS = dict(
    csv=lambda ids: 'image,labels\n' + ''.join(f'{i},cat\n' for i in ids),
    json=lambda ids: json.dumps(
        dict(classes=['cat'], images={i: ['cat'] for i in ids}), indent=0))


@pytest.mark.parametrize('kind', LISTS)
@pytest.mark.parametrize('bad', ['{mine}/../b.png', '../mine2/b.png',
                                 '/b.png', 'sub/../../b'])
def test_ids_that_lead_out_are_refused_with_their_line(mine, tmp_path, kind,
                                                       bad):
    bad = bad.format(mine=mine)
    path = tmp_path / f'labels.{kind}'
    path.write_text(LISTS[kind](['a.png', bad]))
    with pytest.raises(ValueError, match=r'line \d: .* leads out of') as info:
        ImageLabelDataset(str(path), data_prefix=dict(img_path=str(mine)))
    assert bad in str(info.value)


def test_absolute_ids_in_the_image_folder_become_relative(mine, tmp_path):
    path = tmp_path / 'labels.csv'
    ids = [f'{mine}/a.png', f'{mine}/sub/../b.png', 'sub/c.png']
    path.write_text(LISTS['csv'](ids))
    data = ImageLabelDataset(str(path), data_prefix=dict(img_path=str(mine)))
    assert [data.get_data_info(i)['img_id'] for i in range(3)] == [
        'a', 'b', 'sub/c']
    path.write_text(LISTS['csv']([*ids, 'a.png']))
    with pytest.raises(ValueError, match=r'line 5: "a\.png" has the name'):
        ImageLabelDataset(str(path), data_prefix=dict(img_path=str(mine)))


def _write_mask(out, name, mine):
    sample = dict(img_id=name, img_path=str(mine / 'a.png'),
                  pred_sem_seg=dict(data=torch.zeros(1, 8, 8)))
    write_mask(str(out), sample, {})


def _write_label(out, name, mine):
    PseudoLabelFolder(out, dict(a=1)).write(name, SEED)


def _drop_label(out, name, mine):
    PseudoLabelFolder(out, dict(a=1)).drop(name)


def _converter(out, mine):
    options = ImportOptions(form='png').resolve(None)
    chain = LabelChain.from_config(
        Config(dict(model=dict(test_cfg=dict(bg_threshold=.3)))))
    return SeedConverter(mine, out, ['background', 'cat'], options, chain,
                         read_image)


def _import(out, name, mine):
    _converter(out, mine)(dict(img_id=name, img_path=str(mine / 'a.png')))


def _saliency(out, name, mine):
    write_maps([ImageInput(name, str(mine / 'a.png'))], lambda rgb: 1 / 0,
               out)


def test_pictures_of_others_are_no_maps_of_ours(mine, tmp_path):
    out, image = tmp_path / 'out', ImageInput('a', str(mine / 'a.png'))
    out.mkdir()
    Image.new('L', (8, 8)).save(out / 'a.png')
    before = (out / 'a.png').read_bytes()
    with pytest.raises(FileExistsError, match=r'a\.png: expected no such'):
        write_maps([image], lambda rgb: rgb[..., 0] / 255, out)
    assert (out / 'a.png').read_bytes() == before


def test_maps_are_refused_before_the_first_is_written(mine, tmp_path):
    other = tmp_path / 'other'
    other.mkdir()
    Image.new('RGB', (8, 8)).save(other / 'x.png')
    before = {*mine.rglob('*')}
    with pytest.raises(FileExistsError, match='Nothing was written'):
        write_maps([ImageInput('x', str(other / 'x.png')),
                    ImageInput('a', str(mine / 'a.png'))],
                   lambda rgb: rgb[..., 0], mine)
    assert {*mine.rglob('*')} == before


WRITERS = dict(mask=_write_mask, label=_write_label, drop=_drop_label,
               seeds=_import, saliency=_saliency)


@pytest.mark.parametrize('writer', WRITERS)
@pytest.mark.parametrize('name', ['{mine}/a', '../mine/a', 'link/a'])
def test_no_writer_leaves_its_folder(mine, tmp_path, writer, name):
    out, before = tmp_path / 'out', snapshot(mine)
    if name.startswith('link'):
        if writer in ('label', 'drop', 'seeds'):  # take new folders alone
            WRITERS[writer](out, 'sub/c', mine) if writer != 'seeds' else \
                _converter(out, mine)
        out.mkdir(exist_ok=True)
        (out / 'link').symlink_to(mine)
    with pytest.raises(ValueError, match=r'relative to|symbolic link'):
        WRITERS[writer](out, name.format(mine=mine), mine)
    assert snapshot(mine) == before


@pytest.mark.parametrize('writer', WRITERS)
def test_no_writer_takes_the_folder_of_the_pictures(mine, writer):
    before = snapshot(mine)
    with pytest.raises(FileExistsError):
        WRITERS[writer](mine, 'a', mine)
    assert snapshot(mine) == before


@pytest.mark.parametrize('name', ['mask', 'saliency'])
def test_no_writer_takes_a_folder_above_the_pictures(mine, name):
    before = snapshot(mine)
    (mine / 'a.png').rename(mine / 'sub' / 'a.png')
    with pytest.raises(FileExistsError, match=r'found some in .*sub, where'):
        refuse_data_folder(mine, [mine / 'sub' / 'a.png'], names=['sub/a'])
    refuse_data_folder(mine, [mine / 'sub' / 'a.png'], names=['a', 'b/a'])
    (mine / 'sub' / 'a.png').rename(mine / 'a.png')
    (mine.parent / 'link').symlink_to(mine.parent)
    with pytest.raises(FileExistsError, match='Nothing was written'):
        WRITERS[name](mine.parent / 'link', 'mine/a', mine)
    assert snapshot(mine) == before


def test_no_output_lies_among_class_folders(mine, tmp_path, monkeypatch,
                                            capsys):
    """It would be a class at the next reading."""
    for name in 'ab':
        (mine / name).mkdir()
        (mine / f'{name}.png').rename(mine / name / '1.png')
    own, before = ROOT / 'configs' / 'own', snapshot(mine)
    new, out = NewDataset(str(mine), weights='none'), mine / 'out'
    config = write_configs(new, tmp_path / 'mine_', own)[0][0]
    (tmp_path / 'masks').mkdir()
    (tmp_path / 'link').symlink_to(mine)
    text = f'{mine}, found one in it, where it would be taken'
    for change in (dict(), dict(masks=str(out)), dict(saliency=str(out))):
        with pytest.raises(ValueError, match=text):
            write_configs(replace(new, **change), tmp_path / (
                'new' if change else 'link/out'), own)
    for name in ('export', 'import', 'import_seeds'):
        status, said = _run(monkeypatch, capsys, name, tmp_path / 'masks',
                            '--config', config, '--out', out)
        assert status == 1
        assert f'--out {out}: expected another folder than one of the' in said
    for name, *words in (
        ('check_labels', config, config, '--out', out),
        ('contact_sheet', config, tmp_path / 'masks', '--out', out / 'a.jpg'),
        ('contact_sheet', config, tmp_path / 'masks', '--out', mine / 'a.jpg'),
        ('export_onnx', config, config, '--out', out / 'a.onnx'),
        ('doctor', config, '--json', mine / 'a' / 'x' / 'a.json')):
        status, said = _run(monkeypatch, capsys, name, *words)
        assert status == 1
        assert ': expected another folder than one of the data' in said
    (tmp_path / 'black.py').write_text('def f(image):\n'
                                       '    return 0 * image[..., 0]\n')
    monkeypatch.syspath_prepend(tmp_path)
    status, said = _run(monkeypatch, capsys, 'make_saliency', '--provider',
                        'black:f', '--images', mine, '--out', out)
    assert (status, text in said) == (1, True)
    assert snapshot(mine) == before


@pytest.mark.parametrize('write', [
    lambda path: write_picture(path, np.zeros((4, 4, 3), np.uint8)),
    lambda path: make_demo_data(path.parent, 1, 1),
    lambda path: make_demo_data(path, 1, 1),
])
def test_single_files_replace_nothing(mine, write):
    before = snapshot(mine)
    with pytest.raises(FileExistsError):
        write(mine / 'a.png')
    assert snapshot(mine) == before


@pytest.mark.slow
@pytest.mark.parametrize('name', ['eval.txt', 'hsc_out.py',
                                  'deeplabv3plus_out-pseudo.py'])
@pytest.mark.parametrize('force', [False, True])
def test_new_dataset_replaces_no_file_of_the_user(mine, tmp_path, name,
                                                  force):
    labels = tmp_path / 'labels.csv'
    labels.write_text(LISTS['csv'](['a.png', 'b.png']))
    masks = tmp_path / 'masks'
    masks.mkdir()
    for img_id in 'ab':
        Image.fromarray(SEED).save(masks / f'{img_id}.png')
    out = tmp_path / 'out'
    out.mkdir()
    (out / name).write_text('mine')
    new = NewDataset(str(labels), str(mine), str(masks), weights='none')
    with pytest.raises(FileExistsError, match=name):
        write_configs(new, out, ROOT / 'configs' / 'own', force)
    assert (out / name).read_text() == 'mine'
    assert not [p for p in out.iterdir() if p.name not in (name, MARKER)]
    (out / name).unlink()
    for again in (False, True):
        write_configs(new, out, ROOT / 'configs' / 'own', again)


@pytest.mark.parametrize(('folder', 'names'), [
    ("bob's", ('cat', )), ('a "b" c', ('cat', )), ('my birds', ("o'x", )),
])
def test_quotes_in_paths_and_names(mine, tmp_path, folder, names):
    labels = tmp_path / 'labels.json'
    labels.write_text(json.dumps(dict(images={'a.png': names,
                                              'b.png': names})))
    (tmp_path / 'm').mkdir()
    Image.fromarray(SEED).save(tmp_path / 'm' / 'a.png')
    new = NewDataset(str(labels), str(mine), str(tmp_path / 'm'),
                     weights='none')
    (cam, *_), data = write_configs(new, tmp_path / folder,
                                    ROOT / 'configs' / 'own')
    cfg = Config.fromfile(cam)
    assert Path(cfg.test_dataloader.dataset.ann_file).read_text() == 'a\n'
    assert tuple(data.foreground) == names


def test_class_names_are_no_code(mine, tmp_path):
    labels, touched = tmp_path / 'labels.json', tmp_path / 'touched'
    code = f"}}}}', __import__('os').system('touch {touched}'), '"
    labels.write_text(json.dumps(dict(images={
        'a.png': ['a{{$ENV:HOME:'], 'b.png': [code]})))
    new = NewDataset(str(labels), str(mine), weights='none')
    with pytest.raises(ValueError, match='expected a name without'):
        write_configs(new, tmp_path / 'out', ROOT / 'configs' / 'own')
    assert not touched.exists()
    assert not (tmp_path / 'out').exists()


@pytest.fixture(scope='module')
def untrained(shared_voc, tmp_path_factory):
    """Configs of both stages, with weights."""
    init_default_scope('mmseg')
    folder = tmp_path_factory.mktemp('untrained')
    made = {}
    for stage, build in (('cam', cam_config), ('seg', seg_config)):
        config = build(shared_voc, folder / f'{stage}.py')
        model = MODELS.build(Config.fromfile(config).model)
        torch.save(dict(state_dict=model.state_dict(), meta={}),
                   folder / f'{stage}.pth')
        made[stage] = [config, folder / f'{stage}.pth']
    return made


def _run(monkeypatch, capsys, *argv):
    monkeypatch.setattr(sys, 'argv', [*map(str, argv)])
    status = run_command(argv[0])
    return status, capsys.readouterr().err


def test_commands_spare_pictures_masks_and_configs(untrained, voc_root,
                                                   monkeypatch, capsys,
                                                   tmp_path):
    monkeypatch.chdir(tmp_path)
    images, masks = voc_root / 'JPEGImages', voc_root / 'SegmentationClass'
    config, weights = untrained['cam']
    own = tmp_path / 'own' / 'cam.py'
    own.parent.mkdir()
    cfg = Config.fromfile(config)
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.data_root = str(voc_root)
    cfg.dump(str(own))
    root = [f'test_dataloader.dataset.data_root={voc_root}',
            f'train_dataloader.dataset.data_root={voc_root}']
    use = ['--cfg-options', *root]
    before = snapshot(voc_root) | snapshot(own.parent)
    cases = {
        'test masks': ('test', own, weights, '--out', masks, *use),
        'test pictures': ('test', own, weights, '--out', images, *use),
        'test show': ('test', own, weights, '--show-dir', masks, *use),
        'test config': ('test', own, weights, '--work-dir', own.parent, *use),
        'train config': ('train', own, '--work-dir', own.parent, *use),
        'labels': ('make_pseudo_labels', own, weights, '--out', masks, *use),
        'doctor': ('doctor', own, '--no-dry-run', '--json', own, *use),
        'predict': ('predict', images, '--config', own, '--checkpoint',
                    weights, '--out', images),
        'predict one': ('predict', images / 'img_00.jpg', '--config', own,
                        '--checkpoint', weights, '--out', images),
        'predict masks': ('predict', images, '--config', own, '--checkpoint',
                          weights, '--out', masks),
        'test lists': ('test', own, weights, '--out',
                       voc_root / 'ImageSets' / 'Segmentation', *use),
        'matrix': ('run_matrix', own, '--work-dir', images, '--seeds', 0),
        'seeds': ('import_seeds', masks, '--config', own, '--out', masks,
                  *use),
        'sheet': ('contact_sheet', own, masks, '--split', 'test', '--out',
                  images / 'img_00.jpg', *use),
        'weights': ('convert_weights', weights, own),
        'voc': ('prepare_voc', voc_root, '--splits', 'train', '--classes',
                'cat', 'dog', '--out', own),
    }
    for name, argv in cases.items():
        status, said = _run(monkeypatch, capsys, *argv)
        lines = [x for x in said.splitlines() if x.startswith('error: ')]
        assert (name, status, len(lines)) == (name, 1, 1), said
        after = snapshot(voc_root) | snapshot(own.parent)
        assert {p for p in after if MARKER not in p.name} == set(before), name
        assert all(after[p] == data for p, data in before.items()), name


def test_a_second_run_replaces_its_own(untrained, voc_root, monkeypatch,
                                       capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    config, weights = untrained['cam']
    picture = voc_root / 'JPEGImages' / 'img_00.jpg'
    for _ in range(2):
        assert _run(monkeypatch, capsys, 'predict', picture, '--config',
                    config, '--checkpoint', weights, '--out', 'out')[0] == 0
        assert _run(monkeypatch, capsys, 'test', config, weights, '--out',
                    'masks', '--work-dir', 'w')[0] == 0
    assert {p.name for p in Path('out').iterdir()} == {
        MARKER, 'img_00.mask.png', 'img_00.npz', 'img_00.overlay.png'}
    Path('out/img_00.npz').rename('out/other.npz')
    Path('out/other.npz').rename('out/img_00.npz')
    (Path('out') / MARKER).unlink()
    status, said = _run(monkeypatch, capsys, 'predict', picture, '--config',
                        config, '--checkpoint', weights, '--out', 'out')
    assert status == 1
    assert 'left unchanged' in said


@pytest.mark.parametrize('make', ['symlink', 'pipe', 'folder'])
@pytest.mark.parametrize('name', [LOCK, MARKER])
def test_our_own_names_are_no_way_to_files_of_the_user(tmp_path, name, make):
    mine, out = tmp_path / 'mine.txt', tmp_path / 'out'
    mine.write_text('mine')
    out.mkdir()
    dict(symlink=lambda: (out / name).symlink_to(mine),
         pipe=lambda: os.mkfifo(out / name),
         folder=lambda: (out / name).mkdir())[make]()
    with pytest.raises(OSError) as info:  # noqa: PT011
        hold(out) if name == LOCK else claim(out, 'a.png')
    assert name in explain(info.value)[0]
    assert explain(info.value)[1] == 1
    assert mine.read_text() == 'mine'


def test_a_run_leaves_configs_and_weights_of_the_user(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'cam.py', 2)
    out = tmp_path / 'out'
    out.mkdir()
    for name in ('cam.py', 'best_of_all.pth', 'iter_9.pth'):
        (out / name).write_text('mine')
    assert run_here('train', config, '--work-dir', out).returncode == 0
    for name in ('cam.py', 'best_of_all.pth', 'iter_9.pth.damaged'):
        assert (out / name).read_text() == 'mine'
    (out / 'cam.py').unlink()
    for _ in range(2):
        run_here('train', config, '--work-dir', out, '--resume')
        assert 'model=dict' in (out / 'cam.py').read_text()


def test_a_work_folder_is_not_that_of_the_data(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'cam.py', 2)
    before = snapshot(shared_voc)
    (tmp_path / 'masks').symlink_to(shared_voc / 'SegmentationClass')
    for folder in (shared_voc / 'JPEGImages', tmp_path / 'masks'):
        found = run_here('train', config, '--work-dir', folder)
        assert found.returncode == 1
        assert 'expected another folder than one of the data' in found.stderr
    assert snapshot(shared_voc) == before
    for folder, right in (('classes/new', False), ('classes', False),
                          ('other', True)):
        (tmp_path / 'classes').mkdir(exist_ok=True)
        with nullcontext() if right else pytest.raises(ValueError,
                                                       match='of the data'):
            refuse_folder_of_data(tmp_path / folder, dict(
                data_root=str(tmp_path), label_file='classes'))


@pytest.mark.parametrize(('folder', 'one_file', 'right'), [
    ('voc', False, False), ('voc', True, True),
    ('voc/JPEGImages', True, False),
    ('classes', True, False), ('classes/cat', True, False),
    ('other', False, True)])
@pytest.mark.parametrize('wrapped', [False, True])
def test_a_file_beside_folders_of_data_does_no_harm(tmp_path, folder,
                                                    one_file, right, wrapped):
    for name in ('voc/JPEGImages', 'classes/cat', 'other'):
        (tmp_path / name).mkdir(parents=True)
    parts = [dict(data_root=str(tmp_path / 'voc')),
             dict(data_root=str(tmp_path), label_file='classes')]
    if wrapped:
        parts = [dict(type='RepeatDataset', dataset=dict(
            type='ConcatDataset', datasets=parts))]
    cfg = dict(zip(('train_dataloader', 'val_dataloader'),
                   (dict(dataset=part) for part in parts)))
    with nullcontext() if right else pytest.raises(ValueError,
                                                   match=r'--out .* of the d'):
        refuse_data_of(cfg, tmp_path / folder, '--out', one_file)


def test_a_pipeline_leaves_folders_of_the_user(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'cam.py', 2)
    for name in ('seeds/mine.txt', 'summary.json'):
        out = tmp_path / Path(name).stem
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text('mine')
        found = run_here('pipeline', config, '--work-dir', out)
        assert found.returncode == 1
        assert 'left unchanged' in found.stderr
        assert (out / name).read_text() == 'mine'
        assert not (out / 'cam').exists()
