"""The demo data set: its files, their agreement, what is never touched."""
import importlib
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from demo_data import CLASSES, make_demo_data, make_scene
from demo_data.paint import window
from PIL import Image

from hsc_mm.cli.common import run
from hsc_mm.utils.indices import voc_palette

TOOL = Path(__file__).parents[2] / 'tools' / 'make_demo_data.py'
TRAIN, VAL = 30, 6


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return name -> content of all files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob('*')) if path.is_file()
    }


def small(out: Path, **changes) -> object:
    """Make a tiny data set."""
    return make_demo_data(out, **{'train': 2, 'val': 1, 'workers': 1} |
                          changes)


@pytest.fixture(scope='module')
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set made by two processes."""
    out = tmp_path_factory.mktemp('demo') / 'new' / 'demo'
    assert make_demo_data(out, TRAIN, VAL, seed=3, workers=2).made
    return out


def names(demo: Path, split: str) -> list[str]:
    """Return the ids of a split."""
    return (demo / f'ImageSets/Segmentation/{split}.txt').read_text().split()


def masks(demo: Path) -> dict[str, np.ndarray]:
    """Return id -> mask."""
    return {
        path.stem: np.array(Image.open(path))
        for path in (demo / 'SegmentationClass').iterdir()
    }


@pytest.mark.slow
def test_layout(demo: Path) -> None:
    """The folders hold exactly the pictures of the lists."""
    train, val = names(demo, 'train'), names(demo, 'val')
    assert (len(train), len(val)) == (TRAIN, VAL)
    ids = sorted(train + val)
    assert len(set(ids)) == TRAIN + VAL
    for folder, ext in (('JPEGImages', 'jpg'), ('SegmentationClass', 'png'),
                        ('Annotations', 'xml'), ('SaliencyMaps', 'png')):
        found = sorted(path.name for path in (demo / folder).iterdir())
        assert found == [f'{name}.{ext}' for name in ids]
    assert (demo / 'classes.txt').read_text().split() == list(CLASSES)
    assert not (demo / 'demo.json.partial').exists()
    assert json.loads((demo / 'demo.json').read_text())['seed'] == 3


def test_same_seed_same_bytes(demo: Path, tmp_path: Path) -> None:
    """One process makes what two made; fewer pictures are a prefix."""
    make_demo_data(tmp_path, 4, 2, seed=3, workers=1)
    many, few = snapshot(demo), snapshot(tmp_path)
    same = [n for n in few if n.rsplit('.')[-1] in ('jpg', 'png', 'xml')]
    assert len(same) == 4 * 6
    assert all(few[name] == many[name] for name in same)


def test_other_seed_other_pictures(demo: Path, tmp_path: Path) -> None:
    """The seed matters, and so do split and index."""
    small(tmp_path, seed=4)
    first = 'JPEGImages/train_00000.jpg'
    pictures = {
        (demo / first).read_bytes(), (tmp_path / first).read_bytes(),
        (demo / 'JPEGImages/val_00000.jpg').read_bytes(),
        (demo / 'JPEGImages/train_00001.jpg').read_bytes()
    }
    assert len(pictures) == 4


def test_sizes_modes_and_palette(demo: Path) -> None:
    """All four files of a picture agree on its size."""
    sizes = set()
    for name in names(demo, 'train') + names(demo, 'val'):
        image = Image.open(demo / f'JPEGImages/{name}.jpg')
        mask = Image.open(demo / f'SegmentationClass/{name}.png')
        salient = Image.open(demo / f'SaliencyMaps/{name}.png')
        root = ElementTree.parse(demo / f'Annotations/{name}.xml').getroot()
        written = tuple(
            int(root.findtext(f'size/{tag}')) for tag in ('width', 'height'))
        assert image.size == mask.size == salient.size == written
        assert 128 <= min(image.size) and max(image.size) <= 160
        assert (image.mode, mask.mode, salient.mode) == ('RGB', 'P', 'L')
        assert np.array_equal(
            np.reshape(mask.getpalette(), (256, 3)), voc_palette())
        sizes.add(image.size)
    assert len(sizes) > 10


def test_mask_and_xml_agree(demo: Path) -> None:
    """The XML names the classes of the mask; its boxes hold them."""
    seen = set()
    for name, mask in masks(demo).items():
        values = set(np.unique(mask).tolist())
        assert values <= {*range(len(CLASSES) + 1), 255}
        assert {0, 255} <= values
        root = ElementTree.parse(demo / f'Annotations/{name}.xml').getroot()
        assert root.findtext('filename') == f'{name}.jpg'
        boxed = np.zeros_like(mask, dtype=bool)
        labels = set()
        for node in root.findall('object'):
            label = CLASSES.index(node.findtext('name')) + 1
            labels.add(label)
            x0, y0, x1, y1 = (
                int(node.findtext(f'bndbox/{tag}'))
                for tag in ('xmin', 'ymin', 'xmax', 'ymax'))
            assert 1 <= x0 < x1 <= mask.shape[1]
            assert 1 <= y0 < y1 <= mask.shape[0]
            inside = np.s_[y0 - 1:y1, x0 - 1:x1]
            assert (mask[inside] == label).sum() >= 40
            boxed[inside] |= mask[inside] == label
            assert node.findtext('truncated') in ('0', '1')
        assert labels == values - {0, 255}
        assert np.array_equal(boxed, (mask > 0) & (mask < 255))
        seen |= labels
    assert seen == set(range(1, len(CLASSES) + 1))


def test_borders_are_thin(demo: Path) -> None:
    """255 lies between regions only: no class touches another one."""
    for mask in masks(demo).values():
        for one, two in ((mask[1:], mask[:-1]), (mask[:, 1:], mask[:, :-1])):
            assert (one[one != two] == 255).sum() + (
                two[one != two] == 255).sum() == (one != two).sum()
        assert 0.005 < (mask == 255).mean() < 0.15


def test_saliency_errs_as_networks_do(demo: Path) -> None:
    """Good on average, never perfect."""
    overlaps = []
    for name, mask in masks(demo).items():
        salient = np.array(Image.open(demo / f'SaliencyMaps/{name}.png'))
        valid = mask != 255
        true, said = (mask > 0)[valid], (salient >= 128)[valid]
        overlaps.append((true & said).sum() / (true | said).sum())
    assert 0.65 < np.mean(overlaps) < 0.85
    assert max(overlaps) < 0.99


def test_part_is_small_and_on_the_object() -> None:
    """The part that tells the class is a small share of the object."""
    shares = []
    for i in range(12):
        scene = make_scene(np.random.default_rng(i))
        shown = (scene.mask > 0) & (scene.mask < 255)
        assert not (scene.part & (scene.mask == 0)).any()
        shares.append((scene.part & shown).sum() / shown.sum())
    assert 0.04 < np.mean(shares) < 0.2


def test_window_of_a_sprite_outside() -> None:
    """A sprite that misses the canvas has no window on it."""
    assert window((10, 0), (4, 4), (8, 8)) is None
    canvas, sprite = window((-1, 6), (4, 4), (8, 8))
    assert canvas == np.s_[6:8, 0:3] and sprite == np.s_[0:2, 1:4]


def test_second_call_does_nothing(tmp_path: Path) -> None:
    """A complete data set is left as it is, to the time stamp."""
    small(tmp_path)
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*')}
    result = small(tmp_path, workers=2)
    assert not result.made and 'already' in result.message
    assert stamps == {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*')}


@pytest.mark.parametrize('damage', ['marker', 'file'])
def test_interrupted_data_is_made_anew(tmp_path: Path, damage: str) -> None:
    """Neither a marker nor a missing file passes for a complete set."""
    small(tmp_path)
    whole = snapshot(tmp_path)
    if damage == 'marker':
        (tmp_path / 'demo.json').rename(tmp_path / 'demo.json.partial')
    (tmp_path / 'SaliencyMaps/train_00001.png').unlink()
    assert small(tmp_path).made
    assert snapshot(tmp_path) == whole


def test_other_parameters_need_force(tmp_path: Path) -> None:
    """Without force nothing changes; with it only own files go."""
    small(tmp_path, train=3)
    note = tmp_path / 'JPEGImages' / 'my_notes.jpg'
    note.write_text('mine')
    before = snapshot(tmp_path)
    with pytest.raises(FileExistsError, match=r'train 3.*train 2.*--force'):
        small(tmp_path)
    assert snapshot(tmp_path) == before
    assert small(tmp_path, force=True).made
    images = {path.name for path in note.parent.iterdir()}
    assert images == {
        'my_notes.jpg', 'train_00000.jpg', 'train_00001.jpg', 'val_00000.jpg'
    }


@pytest.mark.parametrize('force', [False, True])
@pytest.mark.parametrize('foreign', ['photo.jpg', 'demo.json', None])
def test_foreign_folder_is_refused(tmp_path: Path, force: bool,
                                   foreign: str | None) -> None:
    """Another folder, or a file, is named and left alone, force or not."""
    out = tmp_path / 'out'
    if foreign:
        out.mkdir()
        (out / foreign).write_text('{"generator": "another"}')
    else:
        out.write_text('a file')
    before = snapshot(tmp_path)
    with pytest.raises(FileExistsError, match=r'out: .*(found|holds)'):
        small(out, force=force)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize('bad', [{'train': 0}, {'val': -1}, {'seed': -1},
                                 {'workers': 0}, {'train': 1.5}])
def test_bad_numbers(tmp_path: Path, bad: dict) -> None:
    """The argument and what was found are named, nothing is made."""
    (name, value), = bad.items()
    with pytest.raises(ValueError, match=rf'{name}: .*found {value}'):
        small(tmp_path / 'out', **bad)
    assert not (tmp_path / 'out').exists()


def test_tool(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """The command line makes a set and reports errors in one line."""
    tool = importlib.import_module('demo_data.command')
    args = ['--out', str(tmp_path / 'a'), '--train', '1', '--val', '1']
    tool.main(args)
    assert 'Made' in capsys.readouterr().out
    tool.main(args)
    assert 'already' in capsys.readouterr().out
    assert run(lambda: tool.main([*args, '--seed', '1'])) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert 'error: out: ' in error and '--force' in error
