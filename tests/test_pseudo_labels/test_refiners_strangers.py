"""Refiners and rules of one's own: what they declare, and what is refused."""
import numpy as np
import pytest
from conftest import make_voc

from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.pseudo_labels.chain import LabelChain
from hsc_mm.pseudo_labels.files import read_soft_cam, write_soft_cam
from hsc_mm.pseudo_labels.folder import PseudoLabelFolder
from hsc_mm.pseudo_labels.refiners import PAR, CRFRefiner, Refiner
from hsc_mm.pseudo_labels.rules import build_rule
from hsc_mm.pseudo_labels.run import LabelRun
from hsc_mm.pseudo_labels.soft_cam import SoftCAM


class Own(Refiner):
    """Names the files, and returns the background, that it is told to."""
    needs = ()

    def __init__(self, files=(), background=None):
        self.found, self.filled = files, background

    def refine(self, soft):
        return soft if self.filled is None else soft._replace(
            background=self.filled)

    def files(self, img_id):
        return self.found

    def identity(self):
        return {}


class Declares(Own):
    """Says that it makes a background."""
    background = True


def soft_cam(**changes):
    """A soft CAM with an image."""
    rng = np.random.default_rng(0)
    return SoftCAM(
        'cat_1', rng.random((2, 6, 7)).astype(np.float32), np.array([2, 5]),
        np.zeros(6), rng.integers(0, 256, (6, 7, 3), np.uint8))._replace(
            **changes)


def plan(tmp_path, files):
    """Plan the labels of four images with a refiner of these files."""
    data = VOCImageLabelDataset(
        data_root=str(make_voc(tmp_path / 'voc', 4)),
        label_file='image_labels.json',
        ann_file='ImageSets/Segmentation/train.txt')
    folder = PseudoLabelFolder(tmp_path / 'out', {},
                               data.metainfo['label_map'])
    return LabelRun.plan(data, folder, chain=LabelChain([Own(files)]))


@pytest.mark.parametrize('form', [
    lambda path: path, str, lambda path: [path], lambda path: (str(path), ),
    lambda path: iter([path])])
def test_files_may_be_one_path_or_many(tmp_path, form):
    path = tmp_path / 'edges.png'
    path.write_bytes(b'1')
    chain = LabelChain([Own(form(path))])
    assert chain.files('cat_1') == [path]
    if form(path) is path:
        first = plan(tmp_path, path).notes
        path.write_bytes(b'2')
        second = plan(tmp_path / 'again', path).notes
        assert len(first) == len(second) == 4
        assert not {*first.values()} & {*second.values()}


@pytest.mark.parametrize(('files', 'words'), [
    (None, 'list of paths, found None'),
    ([3], r'list of paths, found \[3\]'),
    ('.', r'files, found the folder \.\. Name the files in it'),
])
def test_files_that_are_none_name_the_refiner(tmp_path, files, words):
    with pytest.raises(ValueError, match=rf'files\(\) of Own, .*{words}'):
        plan(tmp_path, files)


def test_files_that_are_not_there_are_told_and_stop_nothing(tmp_path):
    path = tmp_path / 'edges.png'
    absent = plan(tmp_path, [path])
    assert len(absent.batches) == len(absent.notes) == 4
    assert absent.warnings == [
        f'files() of the refiners: 4 files are not there, the first is {path}']
    path.write_bytes(b'1')
    there = plan(tmp_path / 'again', [path])
    assert not there.warnings
    assert not {*absent.notes.values()} & {*there.notes.values()}


@pytest.mark.parametrize(('refiner', 'found'), [
    (Own(background=np.zeros((6, 7))), 'expected True, .* has a map'),
    (Declares(), 'expected False, .* has no map'),
])
def test_a_background_is_declared(refiner, found):
    name = type(refiner).__name__
    with pytest.raises(ValueError, match=f'background of {name}: {found}'):
        refiner(soft_cam())


def test_a_background_stays_where_nothing_is_declared():
    filled = CRFRefiner(alpha=4, crf=dict(backend='reduced', steps=1))(
        soft_cam())
    assert PAR(dilations=(1, ), steps=1)(filled).background is not None
    assert Own()(filled).background is not None
    assert Declares(background=np.ones((6, 7)))(soft_cam()).background.all()


@pytest.mark.parametrize('needs', ['image', 'attention', ('images', )])
def test_needs_that_are_none_are_named(monkeypatch, needs):
    monkeypatch.setattr(Own, 'needs', needs)
    with pytest.raises(ValueError, match=rf'needs of Own: .*\(.*{needs[0]}'):
        LabelChain([Own()])


class Plain:
    """A class without the base that its registry asks for."""


def test_a_class_without_its_base_is_named():
    with pytest.raises(ValueError, match=r'refiner .*Plain.*ds .*Refiner'):
        LabelChain([dict(type=Plain)])
    with pytest.raises(ValueError, match=r'rule .*Plain.*ds .*LabelRule'):
        build_rule(dict(type=Plain), 0.3)


@pytest.mark.parametrize('change', [-1e-4, 8e-4])
def test_maps_that_are_let_through_can_be_written_and_read(tmp_path, change):
    class Shift(Own):
        def refine(self, soft):
            return soft._replace(cam=soft.cam + np.float32(change))

    soft = soft_cam()
    made = LabelChain([Shift()], soft='also')(
        soft._replace(cam=soft.cam * 0 + (change > 0)))
    write_soft_cam(tmp_path / 'x.npz', made.cam, made.classes)
    found, _ = read_soft_cam(tmp_path / 'x.npz')
    assert (found == (change > 0)).all()
