"""A map beside the images that the package has never heard of."""
import unicodedata

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from tiny_configs import cam_config

from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.datasets.aux_maps import read_aux_maps
from hsc_mm.datasets.transforms import LoadAuxMaps
from hsc_mm.inference import load_config
from hsc_mm.inference.missing_maps import is_map_notice, map_notice
from hsc_mm.models import Targets, ViewLoss
from hsc_mm.registry import MODELS

TRAIN = 'ImageSets/Segmentation/train.txt'
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='hsc_mm.LoadAuxMaps'),
    dict(type='RandomFlip', prob=1.0),
    dict(type='Resize', scale_factor=2.0, keep_ratio=True),
    dict(type='hsc_mm.CropPad', size=(140, 150), centre=True),
    dict(type='hsc_mm.PackImageLabelInputs')
]


@MODELS.register_module(force=True)
class QuietEdges(ViewLoss):
    """The activation of the foreground should vanish on edges."""
    needs_maps = ('edges', )

    def forward(self, views, targets):
        edges = targets.maps['edges']
        cam = views[0].cam[edges.rows].sigmoid()
        small = torch.nn.functional.interpolate(edges.data, cam.shape[2:])
        return self.loss_weight * (cam * small).mean()


@pytest.fixture
def edges_root(voc_root):
    """A VOC with a folder of maps that hold the images' green channel."""
    (voc_root / 'Edges').mkdir()
    for path in (voc_root / 'JPEGImages').iterdir():
        green = cv2.imread(str(path))[..., 1]
        cv2.imwrite(str(voc_root / 'Edges' / f'{path.stem}.png'), green)
    return voc_root


def _data(root, pipeline=PIPELINE, edges=None, **kwargs):
    init_default_scope('mmseg')
    return VOCImageLabelDataset(
        data_root=str(root), ann_file=TRAIN, pipeline=pipeline,
        aux_maps=dict(edges={'path': 'Edges', **(edges or {})}), **kwargs)


@pytest.mark.parametrize('fill', [0, 51])
def test_maps_follow_geometry_and_arrive_in_the_sample(edges_root, fill):
    data = _data(edges_root, edges=dict(fill=fill))
    for number in (0, 1):
        path = edges_root / 'JPEGImages' / f'img_0{number}.jpg'
        green = cv2.imread(str(path))[:, ::-1, 1]
        height, width = (2 * side for side in green.shape)
        packed = data[number]
        found = packed['data_samples'].gt_edges.data
        assert found.shape == (1, 140, 150)
        assert packed['inputs'].shape == (3, 140, 150)
        expected = np.full((140, 150), fill, np.float32)
        top, left = (140 - height) // 2, (150 - width) // 2
        expected[top:top + height, left:left + width] = green.repeat(
            2, axis=0).repeat(2, axis=1)
        np.testing.assert_allclose(found[0].numpy(), expected / 255,
                                   atol=1e-6)
        assert packed['data_samples'].optional_maps == ()


def test_maps_are_checked_like_all_files(edges_root):
    path = edges_root / 'Edges' / 'img_03.png'
    cv2.imwrite(str(path), np.zeros((9, 7), np.uint8))
    with pytest.raises(ValueError, match=r'img_03\.png: expected a edges map '
                       'of the size'):
        _data(edges_root)
    path.unlink()
    with pytest.raises(ValueError, match=r'img_03\.png: missing'):
        _data(edges_root)
    data = _data(edges_root, edges=dict(required=False))
    assert 'gt_edges' not in data[3]['data_samples']
    assert data[3]['data_samples'].optional_maps == ('edges', )
    # One that is there but not loaded is not excused.
    assert data[2]['data_samples'].optional_maps == ()
    assert len(_data(edges_root, check_files=False)) == 8


@pytest.mark.parametrize('link', [False, True])
def test_an_image_is_not_its_own_map(edges_root, link):
    grey = edges_root / 'JPEGImages' / 'img_03.jpg'
    folder = 'JPEGImages'
    if link:
        folder = 'Edges'
        (edges_root / 'Edges' / 'img_03.png').unlink()
        (edges_root / 'Edges' / 'img_03.jpg').symlink_to(grey)
    with pytest.raises(ValueError, match=r'img_03\.jpg: expected another file '
                       'than the image; name the folder of the edges maps'):
        _data(edges_root, edges=dict(path=folder))


def test_maps_that_are_there_but_not_loaded_are_no_zero_loss(edges_root):
    loaded = _data(edges_root, edges=dict(required=False))
    forgotten = _data(edges_root, edges=dict(required=False),
                      pipeline=[PIPELINE[0], PIPELINE[-1]])
    targets = Targets.of([loaded[0]['data_samples']], 21, ['edges'])
    assert targets.maps['edges'].rows == [0]
    with pytest.raises(ValueError, match='needs the map "edges", found none'):
        Targets.of([forgotten[0]['data_samples']], 21, ['edges'])


@pytest.mark.parametrize(('padding', 'size'), [
    (dict(size=(140, 150)), (140, 150)), (dict(size_divisor=96), (192, 192))])
def test_maps_are_padded_like_their_images(edges_root, padding, size):
    """Images of two sizes, without CropPad: the preprocessor pads them."""
    pipeline = [step for step in PIPELINE if step['type'] != 'hsc_mm.CropPad']
    data = _data(edges_root, pipeline, edges=dict(fill=51))
    packed = [data[number] for number in (0, 1)]
    before = [one['data_samples'].gt_edges.data.clone() for one in packed]
    assert len({one.shape for one in before}) == 2
    batch = MODELS.build(dict(
        type='SegDataPreProcessor', pad_val=0, seg_pad_val=255,
        **padding))(pseudo_collate(packed), True)
    assert batch['inputs'].shape[2:] == size
    found = Targets.of(batch['data_samples'], 21, ['edges']).maps['edges'].data
    assert found.shape == (2, 1, *size)
    for one, whole in zip(before, found):
        height, width = one.shape[1:]
        assert torch.equal(whole[:, :height, :width], one)
        assert torch.allclose(whole[:, height:], torch.tensor(0.2))
        assert torch.allclose(whole[:, :, width:], torch.tensor(0.2))


def test_a_map_of_another_size_than_its_image_is_refused(edges_root):
    sample = _data(edges_root)[0]['data_samples']
    sample.set_metainfo(dict(img_shape=(70, 75)))
    with pytest.raises(ValueError, match=r'img_00\.jpg: expected the map '
                       r'"edges" to have the size of the image, \(70, 75\), '
                       r'found \(140, 150\)'):
        Targets.of([sample], 21, ['edges'])


def test_an_optional_folder_without_a_map_is_said(edges_root, monkeypatch):
    lines = []
    monkeypatch.setattr('hsc_mm.datasets.transforms.loading.print_log',
                        lambda text, **kwargs: lines.append(text))
    for path in (edges_root / 'Edges').iterdir():
        path.unlink()
    _data(edges_root, edges=dict(required=False))
    assert lines == ['edges maps: 0 of 8 images have one']


@pytest.mark.parametrize('suffix', [None, '.png', '_map.png'])
@pytest.mark.parametrize('form', ['NFC', 'NFD'])
def test_a_map_in_other_characters_is_found(tmp_path, form, suffix):
    end = suffix or '.png'
    one, two = (unicodedata.normalize(form, 'käfer') for form in (
        ('NFC', 'NFD') if form == 'NFC' else ('NFD', 'NFC')))
    folders = read_aux_maps(dict(edges=dict(
        path=str(tmp_path), suffix=suffix, required=False)), '')
    for name in (one, f'{one}/{one}', f'{one}/0'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f'{name}{end}').touch()
    for name in (one, f'{one}/{one}', f'{one}/0'):
        for wanted in (name, name.replace(one, two)):
            assert folders['edges'].describe(wanted) == dict(
                path=str(tmp_path / f'{name}{end}'), fill=0)
    assert folders['edges'].describe(f'{two}/{two}s') is None
    # Each has its own where there are both.
    (tmp_path / f'{two}{end}').touch()
    folders = read_aux_maps(dict(edges=dict(
        path=str(tmp_path), suffix=suffix)), '')
    for name in (one, two):
        assert folders['edges'].find(name) == str(tmp_path / f'{name}{end}')


@pytest.mark.parametrize(('suffix', 'wanted', 'there'), [
    (None, 'img_03.png', 'IMG_03.png'), (None, 'img_03.png', 'img_03.npy'),
    ('.png', 'img_03.png', 'img_03.PNG'), ('.png', 'img_03.png', 'img_03.jpg')
])
def test_an_optional_map_of_nearly_the_name_is_said_once(
        edges_root, monkeypatch, suffix, wanted, there):
    lines = []
    monkeypatch.setattr('hsc_mm.datasets.aux_maps.print_log',
                        lambda text, *args: lines.append(text))
    folder = edges_root / 'Edges'
    _data(edges_root, edges=dict(required=False))
    (folder / 'img_04.png').unlink()
    _data(edges_root, edges=dict(required=False))
    assert not lines
    (folder / 'img_03.png').rename(folder / there)
    (folder / 'img_02.png').rename(folder / there.replace('3', '2'))
    data = _data(edges_root, edges=dict(required=False, suffix=suffix))
    assert data[3]['data_samples'].optional_maps == ('edges', )
    assert len(lines) == 1
    assert 'aux_maps.edges: 2 image(s) have no edges map' in lines[0]
    assert f'{folder / wanted.replace("3", "2")}: is ' \
        f'{folder / there.replace("3", "2")} meant? Its name' in lines[0]


def test_two_kinds_and_a_choice_of_them(edges_root):
    maps = dict(edges=dict(path='Edges'), saliency=dict(path='SaliencyMaps'),
                depth=None, heat=dict(path=None))
    init_default_scope('mmseg')
    for names, expected in ((None, {'gt_edges', 'gt_saliency'}),
                            (['saliency'], {'gt_saliency'})):
        pipeline = [PIPELINE[0], dict(PIPELINE[1], names=names), PIPELINE[-1]]
        data = VOCImageLabelDataset(
            data_root=str(edges_root), ann_file=TRAIN, pipeline=pipeline,
            aux_maps=maps)
        found = set(data[0]['data_samples'].keys()) & {
            'gt_edges', 'gt_saliency', 'gt_depth', 'gt_heat'}
        assert found == expected


@pytest.mark.parametrize(('cfg', 'text'), [
    ({'sem_seg': dict(path='x')}, r'aux_maps\.sem_seg: expected a name'),
    ({'a-b': dict(path='x')}, r'aux_maps\.a-b: expected a name'),
    ({'edges': dict(path='x', optional=True)}, r"found \['optional'\]"),
    ({'edges': dict(path='x', fill=256)}, r'fill: expected 0\.\.255'),
])
def test_what_is_wrong_with_a_declaration_is_said(cfg, text):
    with pytest.raises(ValueError, match=text):
        read_aux_maps(cfg, '')


def _trained(config, work_dir, options=None):
    cfg = load_config(config, options, str(work_dir))
    runner = Runner.from_cfg(cfg)
    runner.train()
    return cfg, runner.message_hub.log_scalars


def test_a_loss_of_a_stranger_trains_on_it_or_is_left_out(edges_root,
                                                          tmp_path):
    config = cam_config(edges_root, tmp_path / 'cam.py', iters=2)
    cfg = Config.fromfile(config)
    cfg.train_dataloader.dataset.aux_maps = dict(edges=dict(path='Edges'))
    cfg.model.decode_head.losses.edge = dict(type='hsc_mm.QuietEdges')
    cfg.val_evaluator.supervision = 'image labels + edges'
    cfg.without_edges = dict(losses=dict(cls=dict(loss_weight=0.5)))
    cfg.dump(str(config))
    cfg, scalars = _trained(config, tmp_path / 'with')
    assert scalars['train/decode.loss_edge'].data[0].min() > 0
    assert cfg.get('custom_hooks') is None
    cfg, scalars = _trained(config, tmp_path / 'without', {
        'train_dataloader.dataset.aux_maps.edges': None})
    assert 'train/decode.loss_edge' not in scalars
    assert cfg.model.decode_head.losses.cls.loss_weight == 0.5
    assert cfg.val_evaluator.supervision == 'image labels'
    assert is_map_notice(cfg.custom_hooks[-1].text)
    assert map_notice('edges') == cfg.custom_hooks[-1].text


def test_a_declaration_is_a_dict_and_a_name_alone_is_one_map(
        shared_voc, tmp_path):
    with pytest.raises(ValueError, match=r'aux_maps\.edges: expected '
                       r"dict\(path=FOLDER\), found 'Edges'"):
        read_aux_maps(dict(edges='Edges'), '')
    assert LoadAuxMaps(names='edges').names == ('edges', )
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    with pytest.raises(ValueError, match=r'aux_maps\.edges of .* dict'):
        load_config(config, {
            'train_dataloader.dataset.aux_maps.edges': 'Edges'})


def test_a_padding_of_another_value_is_refused(edges_root):
    turn = dict(type='RandomRotate', prob=1.0, degree=45)
    steps = [*PIPELINE[:3], turn, *PIPELINE[3:]]
    with pytest.raises(ValueError, match=r'RandomRotate.seg_pad_val: expected '
                       r'0, as aux_maps.edges.fill .* found 255'):
        _data(edges_root, steps)
    steps[3] = dict(type='RandomApply', transforms=[turn])
    with pytest.raises(ValueError, match=r'RandomRotate\.seg_pad_val'):
        _data(edges_root, steps)
    _data(edges_root, [PIPELINE[0], turn, *PIPELINE[1:]])  # maps come later
    steps[3] = dict(turn, seg_pad_val=0)
    for name in (edges_root / 'Edges').iterdir():
        cv2.imwrite(str(name), np.full_like(
            cv2.imread(str(name))[..., 0], 2))
    sample = _data(edges_root, steps)[0]['data_samples']
    assert sample.gt_edges.data.unique() == pytest.approx([0, 2 / 255])
