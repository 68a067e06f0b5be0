"""One's own pictures, through checkpoints of both stages."""
import errno
import importlib
import re
import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import Hostile, run_here
from mmengine.config import Config
from PIL import Image
from tiny_configs import ROOT, cam_config, save_weights, seg_config, untrained

from hsc_mm.cli import common as cli
from hsc_mm.inference import load_config
from hsc_mm.inference.class_names import class_names, multi_hot
from hsc_mm.inference.inferencer import HSCInferencer
from hsc_mm.inference.inputs import list_inputs
from hsc_mm.pseudo_labels.files import read_soft_cam
from hsc_mm.tiles import Tiles, scan
from hsc_mm.utils import read_image, read_index_png, voc_palette
from hsc_mm.utils.paths import MARKER

TOOL = ROOT / 'tools' / 'predict.py'
KINDS = ('.mask.png', '.npz', '.overlay.png')


def save_model(config, path):
    """Write a checkpoint of random weights; return both paths."""
    model = untrained(load_config(config))
    model.init_weights()
    return config, save_weights(model, path)


@pytest.fixture(scope='module')
def tool():
    """The tool as a module."""
    module = importlib.import_module('hsc_mm.cli.predict')
    return module


@pytest.fixture(scope='module')
def cam(tmp_path_factory, shared_voc):
    """A CAM stage: config, checkpoint."""
    folder = tmp_path_factory.mktemp('cam')
    return save_model(
        cam_config(shared_voc, folder / 'cam.py'), folder / 'cam.pth')


@pytest.fixture(scope='module')
def seg(tmp_path_factory, shared_voc):
    """A segmentation stage: config, checkpoint."""
    folder = tmp_path_factory.mktemp('seg')
    return save_model(
        seg_config(shared_voc, folder / 'seg.py'), folder / 'seg.pth')


@pytest.fixture
def predict(tool, monkeypatch, tmp_path):
    """Call the tool's main; return its exit status."""

    def call(model, *arguments) -> int:
        monkeypatch.setattr(sys, 'argv', [
            str(TOOL), *map(str, arguments), '--config', str(model[0]),
            '--checkpoint', str(model[1]), '--device', 'cpu', '--out',
            str(tmp_path / 'out')
        ])
        return cli.run(tool.main)

    return call


def names(folder) -> set[str]:
    """Return the files below a folder."""
    return {
        p.relative_to(folder).as_posix()
        for p in folder.rglob('*') if p.is_file() and p.name != MARKER
    }


def files(*stems) -> set[str]:
    """Return what is written of some images."""
    return {stem + kind for stem in stems for kind in KINDS}


def test_heat_maps_of_named_classes(predict, cam, shared_voc, tmp_path,
                                    capsys):
    image = shared_voc / 'JPEGImages' / 'img_02.jpg'
    assert predict(cam, image, '--labels', 'dog', '--threshold', 0.4) == 0
    out = tmp_path / 'out'
    assert names(out) == files('img_02')
    assert 'img_02: dog\n' in capsys.readouterr().out
    found, classes = read_soft_cam(out / 'img_02.npz')
    assert classes.tolist() == [12]
    assert found.shape == (1, 56, 40)
    assert found.max() > 0.9
    mask = read_index_png(out / 'img_02.mask.png')
    clear = np.abs(found[0].astype(float) - 0.4) > 1e-3
    assert np.array_equal(mask[clear], np.where(found[0] > 0.4, 12, 0)[clear])
    with np.load(out / 'img_02.npz') as raw:
        assert raw['names'].tolist() == ['dog']
        assert raw['scores'].shape == (2, )
    # Picture, heat map and seed side by side, a line of text above.
    overlay = read_image(out / 'img_02.overlay.png')
    width = round(40 * 256 / 56)
    assert overlay.shape == (256 + 18, 3 * width + 2 * 4, 3)


def test_both_classes_and_the_classifiers_own(predict, cam, shared_voc,
                                              tmp_path):
    image = shared_voc / 'JPEGImages' / 'img_00.jpg'
    assert predict(cam, image, '--labels', 'dog', 'cat') == 0
    path = tmp_path / 'out' / 'img_00.npz'
    both, classes = read_soft_cam(path)
    assert classes.tolist() == [8, 12]
    force = ('--cfg-options', 'model.test_cfg.force_class=True')
    assert predict(cam, image, *force) == 0
    alone, chosen = read_soft_cam(path)
    with np.load(path) as raw:
        assert set(raw['scores'] > 0.5) <= {True, False}
        wanted = raw['scores'] > 0.5
        wanted[raw['scores'].argmax()] = True
    assert chosen.tolist() == np.array([8, 12])[wanted].tolist()
    assert np.array_equal(alone, both[wanted])


@pytest.mark.parametrize('arguments', [
    ('--labels', 'none'),
    ('--cfg-options', 'model.test_cfg.score_thr=0.9999'),
    ('--tta', '--cfg-options', 'model.test_cfg.score_thr=0.9999'),
])
def test_an_image_without_any_class(predict, cam, shared_voc, tmp_path,
                                    capsys, arguments):
    image = shared_voc / 'JPEGImages' / 'img_00.jpg'
    assert predict(cam, image, *arguments) == 0
    assert 'img_00: no class\n' in capsys.readouterr().out
    found, classes = read_soft_cam(tmp_path / 'out' / 'img_00.npz')
    mask = read_index_png(tmp_path / 'out' / 'img_00.mask.png')
    assert not mask.any()
    assert found.shape == (0, *mask.shape)
    assert classes.shape == (0, )


def test_the_same_as_the_seeds_of_the_factory(cam):
    from hsc_mm.inference import seeds, use_tta
    cfg = load_config(cam[0])
    for tta in (False, True):
        inferencer = HSCInferencer(cam[0], cam[1], 'cpu', tta=tta)
        switched = use_tta(cfg) if tta else cfg
        model = seeds.build_model(switched, str(cam[1]), 'cpu')
        loader = seeds.seed_loader(seeds.seed_dataset(switched, 'train'), 0)
        for sample in seeds.iterate_seeds(model, loader):
            label = sample.gt_label.cpu().numpy()
            chosen = [n for n, y in zip(('cat', 'dog'), label) if y]
            path = sample.metainfo['img_path']
            result, again = inferencer([path, read_image(path)], chosen)
            assert result['classes'] == chosen
            assert np.array_equal(result['mask'],
                                  sample.pred_sem_seg.data[0].numpy())
            assert np.array_equal(result['mask'], again['mask'])
            wanted = sample.seg_logits.data[1:].numpy()[label > 0]
            assert np.abs(result['cam'] - wanted).max() < 1e-6
            assert result['bg_threshold'] == 0.3


def test_masks_of_a_segmentation_model(predict, seg, shared_voc, tmp_path,
                                       capsys):
    image = shared_voc / 'JPEGImages' / 'img_01.jpg'
    for extra in ((), ('--tta', )):
        assert predict(seg, image, *extra) == 0
        out = tmp_path / 'out'
        assert names(out) == files('img_01')
        mask = read_index_png(out / 'img_01.mask.png')
        with np.load(out / 'img_01.npz') as raw:
            assert raw['names'].tolist() == ['background', 'cat', 'dog']
            assert raw['mask'].dtype == np.uint8
            assert np.array_equal(np.array([0, 8, 12])[raw['mask']], mask)
        assert mask.shape == (48, 64)
    capsys.readouterr()
    assert predict(seg, image, '--labels', 'cat') == 1
    assert 'expected a checkpoint of the CAM stage' in capsys.readouterr().err
    assert predict(seg, image, '--threshold', 0.3) == 1
    assert 'no background threshold' in capsys.readouterr().err


def test_names_and_colours_of_classes(cam, seg):
    for model in (cam, seg):
        inferencer = HSCInferencer(*model, device='cpu')
        assert inferencer.names.classes == ('background', 'cat', 'dog')
        assert np.array_equal(inferencer.names.palette,
                              voc_palette()[[0, 8, 12]])
        assert inferencer.names.mask_indices(
            np.array([1, 2])).tolist() == [8, 12]


def test_unknown_labels(predict, cam, shared_voc, tmp_path, capsys):
    image = shared_voc / 'JPEGImages' / 'img_01.jpg'
    assert predict(cam, image, '--labels', 'cat', 'unicorn') == 1
    told = capsys.readouterr().err
    assert "labels: expected some of ['cat', 'dog'], found ['unicorn']" in told
    assert not (tmp_path / 'out').exists()


def test_names_do_not_move_the_cursor(predict, cam, shared_voc, tmp_path,
                                      capsys):
    source = shared_voc / 'JPEGImages' / 'img_00.jpg'
    (tmp_path / 'p').mkdir()
    for name in ('a\nb.jpg', 'c\x1b[31m.jpg', 'd\u202egpj.jpg', 'é ü.jpg'):
        (tmp_path / 'p' / name).write_bytes(source.read_bytes())
    (tmp_path / 'p' / 'e\n.jpg').write_bytes(b'none')
    assert predict(cam, tmp_path / 'p') == 1
    told = capsys.readouterr()
    names = [line.partition(':')[0] for line in told.out.splitlines()[:4]]
    assert names == [r'a\nb', r'c\x1b[31m', r'd\u202egpj', 'é ü']
    assert r'e\n.jpg: expected an image' in told.err


def test_what_is_not_there(predict, cam, seg, tmp_path, capsys):
    assert predict(cam, tmp_path / 'no.jpg') == 1
    assert 'there is no such file or folder' in capsys.readouterr().err
    assert predict(cam, tmp_path / 'n*.jpg') == 1
    assert 'No name fits this pattern' in capsys.readouterr().err
    (tmp_path / 'list.txt').write_text('a.png\n')
    assert predict(cam, tmp_path / 'list.txt') == 1
    said = capsys.readouterr().err
    assert 'list.txt: expected a picture, or a folder of pictures, found ' \
        'what may be a list' in said
    command = shlex.split(re.search('xargs .*?(?= python)', said)[0])
    listed = tmp_path / 'list.txt'
    for count in (4000, 40000):  # one run, or none
        listed.write_text(''.join(
            f'/pictures/line {n % 9}/frame_{n:05d}.png\n'
            for n in range(count)))
        done = subprocess.run(
            [*(str(listed) if word == 'LIST' else word for word in command),
             'sh', '-c', 'echo $#', 'x'], capture_output=True, text=True,
            check=False)
        assert done.stdout.split() in ([str(count)], [])
        assert (done.returncode == 0) == bool(done.stdout)
        assert done.stdout or count > 4000
    (tmp_path / 'empty').mkdir()
    assert predict(cam, tmp_path / 'empty') == 1
    assert 'expected images (.jpg' in capsys.readouterr().err
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((9, 9, 3), np.uint8))
    assert predict((cam[0], seg[1]), tmp_path / 'a.png') == 1
    assert 'it does not fit the model of' in capsys.readouterr().err
    (tmp_path / 'cut.pth').write_bytes(cam[1].read_bytes()[:5000])
    assert predict((cam[0], tmp_path / 'cut.pth'), tmp_path / 'a.png') == 1
    assert 'cut.pth' in capsys.readouterr().err


def test_a_hostile_checkpoint_does_nothing(cam, tmp_path):
    torch.save(dict(state_dict={}, meta=Hostile(tmp_path / 'trace')),
               tmp_path / 'bad.pth')
    with pytest.raises(ValueError, match=r'bad\.pth: expected a file that'):
        HSCInferencer(cam[0], tmp_path / 'bad.pth', 'cpu')
    assert not (tmp_path / 'trace').exists()
    torch.save(3, tmp_path / 'number.pth')
    with pytest.raises(ValueError, match='expected a dictionary, found int'):
        HSCInferencer(cam[0], tmp_path / 'number.pth', 'cpu')
    with pytest.raises(FileNotFoundError, match='there is no such file'):
        HSCInferencer(cam[0], tmp_path / 'no.pth', 'cpu')


def test_names_from_a_checkpoint_and_a_folder_in_place(cam, tmp_path):
    checkpoint = torch.load(cam[1], weights_only=True)
    meta = dict(classes=('background', 'x', 'y'), palette=None,
                label_map={0: 0, 1: 255, 2: 1, 3: 2})
    torch.save(dict(checkpoint, meta=dict(dataset_meta=meta)),
               tmp_path / 'own.pth')
    inferencer = HSCInferencer(cam[0], tmp_path / 'own.pth', 'cpu')
    image = np.random.default_rng(0).integers(0, 255, (33, 35, 3), np.uint8)
    result = inferencer(image, ['y'], tmp_path)[0]
    assert result['mask_indices'].tolist() == [3]
    assert set(np.unique(result['mask'])) <= {0, 2}
    mask = read_index_png(tmp_path / 'array_0.mask.png')
    assert np.array_equal(mask == 3, result['mask'] == 2)
    # Predictions beside the pictures are not taken for pictures.
    cv2.imwrite(str(tmp_path / 'z.png'), image)
    cv2.imwrite(str(tmp_path / 'z.mask.tif'), mask)
    assert [one.name for one in list_inputs(tmp_path)] == ['z']


def test_class_folders_that_are_links_are_followed(tmp_path):
    image = np.zeros((33, 35, 3), np.uint8)
    for name in ('there/cat', 'data/dog'):
        (tmp_path / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / name / 'a.png'), image)
    data = tmp_path / 'data'
    (data / 'cat').symlink_to(tmp_path / 'there/cat')
    (data / 'all').symlink_to(data)
    (data / 'dog' / 'more').symlink_to(tmp_path / 'there')
    left_out = defaultdict(list)
    found = list_inputs(data, left_out)
    assert [one.name for one in found] == ['cat/a', 'dog/a']
    assert sorted(left_out['links to folders, which are not followed']) == [
        str(data / 'all'), str(data / 'dog' / 'more')]


def test_a_folder_with_broken_images(predict, cam, shared_voc, tmp_path,
                                     capsys):
    source = tmp_path / 'in'
    (source / 'sub').mkdir(parents=True)
    image = shared_voc / 'JPEGImages' / 'img_01.jpg'
    shutil.copy(image, source / 'good.jpg')
    shutil.copy(image, source / 'sub' / 'good.JPG')
    (source / 'cut.jpg').write_bytes(image.read_bytes()[:300])
    (source / 'empty.png').write_bytes(b'')
    (source / 'text.png').write_text('no image')
    (source / 'notes.txt').write_text('nothing')
    assert predict(cam, source, '--labels', 'cat') == 1
    told = capsys.readouterr()
    assert names(tmp_path / 'out') == files('good', 'sub/good')
    assert '2 of 5 images; 3 failed' in told.out
    assert 'good: cat' in told.out
    assert 'sub/good: cat' in told.out
    for text in ('cut.jpg: expected a complete image', 'empty.png: expected',
                 'text.png: expected an image'):
        assert text in told.err
    # A second time, into the folder itself: results are no images.
    assert predict(cam, source, tmp_path / 'out', '--labels', 'cat') == 1
    assert 'expected images' in capsys.readouterr().err


def test_grey_transparent_and_turned_pictures(predict, cam, seg, tmp_path):
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 255, (41, 53), dtype=np.uint8)
    colours = rng.integers(0, 255, (41, 53, 4), dtype=np.uint8)
    wide = rng.integers(0, 60000, (41, 53), dtype=np.uint16)
    eight = ((wide.astype(int) + 128) // 257).astype(np.uint8)
    share = colours[..., 3:] / 255
    on_white = np.rint(colours[..., :3] * share + 255 * (1 - share)).astype(
        np.uint8)
    source = tmp_path / 'in'
    source.mkdir()
    for name, image in dict(
            grey=grey, thrice=cv2.merge([grey] * 3), rgba=colours,
            rgb=on_white, wide=wide, eight=eight).items():
        cv2.imwrite(str(source / f'{name}.png'), image)
    exif = Image.Exif()
    exif[0x0112] = 6  # a viewer turns it by 90 degrees, clockwise
    Image.fromarray(np.rot90(on_white[..., ::-1])).save(
        source / 'turned.png', exif=exif)
    for model in (cam, seg):
        assert predict(model, source) == 0
        out = tmp_path / 'out'
        for one, other in (('grey', 'thrice'), ('rgba', 'rgb'),
                           ('wide', 'eight'), ('turned', 'rgb')):
            masks = [read_index_png(out / f'{n}.mask.png')
                     for n in (one, other)]
            assert masks[0].shape == (41, 53)
            assert np.array_equal(*masks)


def test_equal_names_do_not_overwrite(predict, cam, shared_voc, tmp_path):
    images = sorted((shared_voc / 'JPEGImages').iterdir())
    places = [tmp_path / 'a' / 'x.jpg', tmp_path / 'b' / 'x.jpg',
              tmp_path / 'b' / 'x-2.jpg', tmp_path / 'c' / 'x.png']
    for place, image in zip(places, images):
        place.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(place), read_image(image))
    assert predict(cam, *places) == 0
    assert names(tmp_path / 'out') == files('x', 'x-3', 'x-2', 'x-4')
    for name, place in zip(('x', 'x-3', 'x-2', 'x-4'), places):
        mask = read_index_png(tmp_path / 'out' / f'{name}.mask.png')
        assert mask.shape == read_image(place).shape[:2]


def test_arrays_and_wrong_inputs(cam):
    image = np.zeros((9, 7, 3), np.uint8)
    found = HSCInferencer(*cam, device='cpu', threshold=0.2)([image, image])
    assert [r['name'] for r in found] == ['array_0', 'array_1']
    assert found[0]['mask'].shape == (9, 7)
    assert found[0]['path'] is None
    assert found[0]['bg_threshold'] == 0.2
    for wrong, error in ((image[..., 0], ValueError), (3, TypeError),
                         ([], ValueError), ([None], TypeError),
                         (image.astype(float), ValueError)):
        with pytest.raises(error, match='inputs: expected'):
            list_inputs(wrong)


def test_an_address_and_a_masked_array_are_no_pictures():
    image = np.ma.masked_array(np.zeros((9, 7, 3), np.uint8), mask=True)
    with pytest.raises(TypeError, match='found a masked array at position 1'):
        list_inputs([image.data, image])
    address = 'https://example.com/a.jpg'
    for one in (address, Path(address)):
        with pytest.raises(FileNotFoundError, match='found an address') as at:
            list_inputs(one)
        assert str(one) in str(at.value)


def test_arguments_that_are_none(cam, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for tiles in (32, (128, 32), True):
        with pytest.raises(TypeError, match=r'tiles: expected .*Tiles'):
            HSCInferencer(*cam, device='cpu', tiles=tiles)
    for model in (dict(a=1), None, 3):
        with pytest.raises(TypeError, match='model: expected a config'):
            HSCInferencer(model, cam[1], 'cpu')
    with pytest.raises(ValueError, match=r'the config: expected model=.*no m'):
        HSCInferencer(Config(dict(work_dir='x')), cam[1], 'cpu')
    with pytest.raises(TypeError, match=r'weights: expected .* found dict'):
        HSCInferencer(cam[0], dict(a=1), 'cpu')
    predict = HSCInferencer(*cam, device='cpu')
    image = np.zeros((9, 7, 3), np.uint8)
    for labels in (dict(cat=0), 1, b'cat'):
        with pytest.raises(TypeError, match='labels: expected a list of'):
            predict(image, labels)
    with pytest.raises(ValueError, match=r'out_dir.*expected the name of a'):
        predict(image, out_dir='')
    (tmp_path / 'file').touch()
    for name in ('file', tmp_path / 'file' / 'below' / 'it'):
        with pytest.raises(FileExistsError, match='file: expected a folder'):
            predict(image, out_dir=name)
    assert [path.name for path in tmp_path.iterdir()] == ['file']
    one, = predict(image, {'cat': 1}.keys(), tmp_path / 'new' / 'one')
    assert one['classes'] == ['cat']


def test_the_command(cam, shared_voc, tmp_path):
    done = run_here(
        'predict', shared_voc / 'JPEGImages', '--config', cam[0],
        '--checkpoint', cam[1], '--out', tmp_path / 'out', '--tta',
        '--device', 'cpu')
    assert done.returncode == 0, done.stderr[-2000:]
    assert '8 of 8 images; 0 failed' in done.stdout
    assert len(names(tmp_path / 'out')) == 8 * 3


@pytest.mark.parametrize('large', [False, True])
def test_a_picture_that_vanishes_when_it_is_resized(
        cam, tmp_path, large, monkeypatch):
    if large:
        pytest.importorskip('rasterio')
        monkeypatch.setenv('HSC_MM_MAX_MEGAPIXELS', '0.0005')
    cfg = load_config(cam[0])
    pipeline = cfg.test_dataloader.dataset.pipeline
    pipeline.insert(1, dict(type='Resize', scale=(32, 32), keep_ratio=True))
    for name, size in dict(a=(1, 900), b=(24, 20)).items():
        Image.new('RGB', size).save(tmp_path / f'{name}.png')
    line, other = HSCInferencer(cfg, cam[1], 'cpu')(
        str(tmp_path), out_dir=tmp_path / 'out')
    assert line['error'].startswith('a: expected a picture')
    assert 'found 1 x 900 pixels: its shorter side would' in line['error']
    assert other['error'] is None and other['mask'].shape == (20, 24)
    assert names(tmp_path / 'out') == files('b')


def test_numbers_that_overflow_in_windows_are_refused(seg):
    inferencer = HSCInferencer(*seg, device='cpu', tiles=Tiles(64, 16))
    with torch.no_grad():
        inferencer.segmentor.decode_head.conv_seg.weight.fill_(float('inf'))
    with pytest.raises(ValueError, match='expected finite'):
        list(inferencer([np.full((80, 100, 3), 90, np.uint8)]))


def test_a_picture_that_fails_leaves_no_result_of_before(
        predict, cam, shared_voc, tmp_path, capsys):
    source, out = tmp_path / 'in', tmp_path / 'out'
    source.mkdir()
    images = sorted((shared_voc / 'JPEGImages').iterdir())
    long = 'b' + 81 * '\u6f22'  # its results have names of 256 bytes
    for name, image in zip(('a', 'b', 'c', long), images):
        shutil.copy(image, source / f'{name}.jpg')
    assert predict(cam, source, '--labels', 'cat') == 1
    told = capsys.readouterr()
    assert '3 of 4 images; 1 failed' in told.out
    assert 'File name too long' in told.err
    assert names(out) == files('a', 'b', 'c')
    (source / 'b.jpg').write_bytes(images[1].read_bytes()[:300])
    assert predict(cam, source, '--labels', 'dog') == 1
    assert '2 of 4 images; 2 failed' in capsys.readouterr().out
    assert names(out) == files('a', 'c')


@pytest.mark.parametrize('end', ['.mask.png', '.npz', '.mask.tif'])
def test_files_of_the_user_are_seen_before_the_first_picture(
        predict, cam, shared_voc, tmp_path, capsys, end):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / f'img_07{end}').write_text('mine')
    foreign = end != '.mask.tif'  # of pictures with a georeference alone
    assert predict(cam, shared_voc / 'JPEGImages') == foreign
    assert ('left unchanged' in capsys.readouterr().err) == foreign
    assert len(names(tmp_path / 'out')) == (1 if foreign else 1 + 8 * 3)
    assert (tmp_path / 'out' / f'img_07{end}').read_text() == 'mine'


def test_a_full_temporary_folder_fails_one_picture(cam, tmp_path,
                                                   monkeypatch):
    pytest.importorskip('rasterio')
    monkeypatch.setenv('HSC_MM_MAX_MEGAPIXELS', '0.001')

    def full(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(scan, '_reserve', full)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (50, 40)).save(tmp_path / 'a.png', exif=exif)
    Image.new('RGB', (24, 20)).save(tmp_path / 'b.png')
    one, other = HSCInferencer(*cam, device='cpu')(
        str(tmp_path), out_dir=tmp_path / 'out')
    assert 'TMPDIR=FOLDER' in one['error'] and other['error'] is None
    assert names(tmp_path / 'out') == files('b')


def test_a_preprocessor_beside_the_model_is_the_models(cam, tmp_path):
    """As mmengine's runner takes it; everything after a training did not."""
    moved = Config.fromfile(cam[0])
    moved.data_preprocessor = moved.model.pop('data_preprocessor')
    moved.dump(tmp_path / 'moved.py')
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    wanted, = HSCInferencer(*cam, device='cpu')(image)
    for config in (tmp_path / 'moved.py', moved):
        found, = HSCInferencer(config, cam[1], device='cpu')(image)
        assert np.array_equal(found['mask'], wanted['mask'])
    moved.data_preprocessor.std = [1.0, 2.0]
    moved.dump(tmp_path / 'moved.py')
    with pytest.raises(ValueError, match='expected a mean and a'):
        load_config(tmp_path / 'moved.py')


def test_labels_are_compared_as_classes_are():
    names = class_names({}, dict(meta=dict(dataset_meta=dict(
        classes=('background', 'Ku\u0308he', 'dog')))))
    for label in ('K\xfche', 'k\xfche', 'Ku\u0308he'):
        assert multi_hot([label], names, True).tolist() == [1, 0]
    with pytest.raises(ValueError, match='unicorn'):
        multi_hot(['K\xfche', 'unicorn'], names, True)
