"""Saliency maps: found, refused, made, left out, done without."""
import sys

import cv2
import numpy as np
import pytest
import torch
from conftest import run_here
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tiny_configs import ROOT, cam_config, hsc_config

from hsc_converters.saliency import write_maps
from hsc_converters.saliency_provider import (
    SaliencyProvider,
    as_map,
    build_provider,
    origin_of,
)
from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.datasets.aux_maps import AuxMapFolder
from hsc_mm.datasets.grey_maps import colour_problem
from hsc_mm.datasets.transforms import LoadAuxMaps
from hsc_mm.inference import load_config
from hsc_mm.inference.configs import config_of
from hsc_mm.inference.inputs import list_inputs
from hsc_mm.inference.missing_maps import (
    drop_losses_without_maps,
    map_notice,
)
from hsc_mm.registry import MODELS
from hsc_mm.utils import read_map

TRAIN = 'ImageSets/Segmentation/train.txt'
KEY = 'train_dataloader.dataset.aux_maps.saliency'
NOTICE = map_notice('saliency')


def _data(root, pipeline=(), **options):
    return VOCImageLabelDataset(
        data_root=str(root), ann_file=TRAIN, pipeline=list(pipeline),
        aux_maps=dict(saliency=dict(path='SaliencyMaps', **options)))


def test_maps_of_any_suffix_are_found(voc_root):
    folder = voc_root / 'SaliencyMaps'
    suffixes = ('.png', '.jpg', '.bmp', '.tif', '.JPEG', '.webp', '.PNG',
                '.tiff')
    for number, suffix in enumerate(suffixes):
        path = folder / f'img_{number:02d}.png'
        values = cv2.imread(str(path), 0).astype(np.uint16) * 257
        path.unlink()
        if suffix == '.PNG':  # 16 bits
            cv2.imwrite(str(path), values)
            path.rename(path.with_suffix(suffix))
        else:
            Image.fromarray((values >> 8).astype(np.uint8)).save(
                path.with_suffix(suffix))
    init_default_scope('mmseg')
    data = _data(voc_root, pipeline=[
        dict(type='LoadImageFromFile'),
        dict(type='hsc_mm.LoadAuxMaps')])
    for number, suffix in enumerate(suffixes):
        info = data.get_data_info(number)
        assert info['aux_maps']['saliency']['path'].endswith(suffix)
        found = data[number]['aux_saliency']
        assert found.dtype == np.uint8
        assert found.min() < 20
        assert found.max() > 235
    Image.new('L', (4, 4)).save(folder / 'img_00.bmp')
    with pytest.raises(ValueError, match=r'expected one saliency map, found '
                       r'\.bmp, \.png'):
        _data(voc_root)
    assert len(_data(voc_root, required=False, suffix='.png')) == 8


def test_a_folder_that_is_not_there_is_no_fallback(shared_voc, tmp_path):
    with pytest.raises(FileNotFoundError,
                       match=r'aux_maps\.saliency.*no such'):
        AuxMapFolder('saliency', str(tmp_path / 'no')).find('img_00')
    cfg = load_config(hsc_config(shared_voc, tmp_path / 'cam.py'),
                      {f'{KEY}.path': 'NoSuchFolder'})
    assert cfg.model.decode_head.losses.sal is not None


def test_missing_maps_are_listed_unless_allowed(voc_root):
    for number in (1, 4):
        (voc_root / 'SaliencyMaps' / f'img_0{number}.png').unlink()
    with pytest.raises(ValueError, match=r'(?s)2 problem.*required='
                       r'False.*img_01\.png: missing.*img_04'):
        _data(voc_root)
    data = _data(voc_root, required=False)
    without = [i for i in range(8) if 'saliency' not in data[i]['aux_maps']]
    assert without == [1, 4]
    assert data[1]['optional_maps'] == ('saliency', )


def test_maps_in_colour_are_refused_before_training(voc_root):
    folder = voc_root / 'SaliencyMaps'
    path = folder / 'img_03.png'
    grey = cv2.imread(str(path), 0)
    cv2.imwrite(str(path), np.stack([grey] * 3, axis=2))
    assert colour_problem(path, 'saliency map') is None
    pipeline = [dict(type='hsc_mm.LoadAuxMaps')]
    assert len(_data(voc_root, pipeline=pipeline)) == 8
    cv2.imwrite(str(path), np.stack([grey, grey, 255 - grey], axis=2))
    with pytest.raises(ValueError, match=r'img_03\.png: expected a grey'):
        _data(voc_root, pipeline=pipeline)
    Image.fromarray(grey.astype(np.float32)).save(folder / 'img_03.tif')
    path.unlink()
    with pytest.raises(
            ValueError, match='8 or 16 bits per pixel, found float'):
        _data(voc_root, pipeline=pipeline)


def test_the_coverage_is_said(voc_root, monkeypatch):
    lines = []
    monkeypatch.setattr('hsc_mm.datasets.transforms.loading.print_log',
                        lambda text, **kwargs: lines.append(text))
    (voc_root / 'SaliencyMaps' / 'img_02.png').unlink()
    data = _data(voc_root, required=False)
    LoadAuxMaps().scan([data[i] for i in range(8)])
    assert lines == ['saliency maps: 7 of 8 images have one']
    LoadAuxMaps().scan([dict(img_path='x')])
    assert len(lines) == 1


def _head():
    torch.manual_seed(0)
    return MODELS.build(
        dict(type='hsc_mm.CAMHead', in_channels=6, num_classes=3,
             losses=dict(sal=dict(type='hsc_mm.SaliencyLoss'))))


def _samples(with_map):
    generator = torch.Generator().manual_seed(1)
    samples = []
    for has in with_map:
        sample = SegDataSample(
            metainfo=dict(optional_maps=() if has else ('saliency', )))
        sample.gt_label = torch.tensor([1.0, 0.0])
        data = torch.rand(1, 16, 16, generator=generator)
        if has:
            sample.gt_saliency = PixelData(data=data)
        samples.append(sample)
    return samples


def test_images_without_a_map_count_as_zero():
    head = _head()
    feats = torch.rand(3, 6, 8, 8)
    image = torch.rand(3, 3, 16, 16)
    both = head.loss([((feats, ), image)], _samples([True, False, True]))
    alone = [
        head.loss([((feats[i:i + 1], ), image[i:i + 1])],
                  _samples([True, False, True])[i:i + 1])['loss_sal']
        for i in range(3)
    ]
    assert alone[1] == 0
    torch.testing.assert_close(both['loss_sal'], sum(alone) / 3)
    alone[1].backward()
    assert head.classifier.weight.grad.abs().sum() == 0
    unmarked = _samples([True, False, True])
    unmarked[1].set_metainfo(dict(optional_maps=()))
    with pytest.raises(ValueError, match='a loss needs the map "saliency"'):
        head.loss([((feats, ), image)], unmarked)


PAIRS = {
    'eps_r50_voc': 'cam_r50_voc',
    'hsc_r50_eps_voc': 'hsc_r50_voc',
    'hsc_r38d_eps_voc': 'hsc_r38d_seam_voc',
    'demo/eps_demo': 'demo/cam_demo',
    'demo/hsc_eps_demo': 'demo/hsc_demo',
    'voc-animals/eps_mbv2_voc-animals': 'voc-animals/cam_mbv2_voc-animals',
    'voc-animals/hsc_eps_mbv2_voc-animals':
        'voc-animals/hsc_mbv2_voc-animals',
    'own/hsc_eps_mbv2_own': 'own/hsc_mbv2_own',
    'own/hsc_eps_lite0_own': 'own/hsc_lite0_own'
}

#: What the recipe of a config has otherwise than that of its baseline.
OWN = {
    'eps_r50_voc': dict(
        test_cfg=dict(bg_threshold=0.2),
        backbone=dict(frozen_stages=-1))
}


@pytest.mark.parametrize(('name', 'baseline'), PAIRS.items())
def test_without_maps_a_config_is_its_baseline(name, baseline):
    path = ROOT / 'configs' / f'{name}.py'
    found = load_config(path, {KEY: None})
    expected = load_config(ROOT / 'configs' / f'{baseline}.py')
    expected.merge_from_dict(dict(model=OWN.get(name, {})))
    found.model.backbone.setdefault('frozen_stages', -1)
    expected.model.backbone.setdefault('frozen_stages', -1)
    heads = []
    for cfg in (found, expected):
        head = dict(cfg.model.pop('decode_head').to_dict(), activation='relu')
        head['losses'] = {k: v for k, v in head['losses'].items() if v}
        heads.append({'seed_from': 'raw', **head})
    assert heads[0] == heads[1]
    assert found.model.to_dict() == expected.model.to_dict()
    for key in ('val_evaluator', 'test_evaluator'):
        assert found[key].supervision == 'image labels'
    assert found.custom_hooks[-1].text == NOTICE
    untouched = load_config(path)
    assert untouched.test_evaluator.supervision == 'image labels + saliency'
    assert untouched.get('custom_hooks') is None
    assert drop_losses_without_maps(found) is False


def test_without_maps_the_release_has_seeds_of_the_refined_cam():
    head = load_config(ROOT / 'configs/hsc_r38d_eps_voc-release.py',
                       {KEY: None}).model.decode_head
    assert (head.activation, head.seed_from) == ('relu', 'refined')


def test_hsc_on_eps_has_seeds_of_the_refined_cam_or_of_prototypes():
    """Its thresholds are those of HSC, which were chosen on such seeds."""
    paths = [path for path in sorted((ROOT / 'configs').rglob('hsc_*eps*.py'))
             if 'release' not in path.stem]
    assert len(paths) > 5
    for path in paths:
        head = load_config(path).model.decode_head
        assert head.seed_from in ('refined', 'prototypes'), path


def test_a_loader_that_requires_maps_forbids_the_fallback(shared_voc,
                                                          tmp_path):
    config = hsc_config(shared_voc, tmp_path / 'cam.py')
    cfg = load_config(config)
    assert cfg.train_dataloader.dataset.pipeline[2].type == \
        'hsc_mm.LoadAuxMaps'
    names = 'train_dataloader.dataset.pipeline.2.names'
    strict = {KEY: None, names: ['saliency']}
    assert load_config(config, strict).model.decode_head.losses.sal is not None


def test_a_run_without_maps_says_so_in_its_log(shared_voc, tmp_path):
    config = hsc_config(shared_voc, tmp_path / 'cam.py', iters=1)
    done = run_here('train', config, '--work-dir', tmp_path / 'run',
                    '--cfg-options', f'{KEY}=None')
    assert done.returncode == 0, done.stderr[-2000:]
    log, = (tmp_path / 'run').glob('*/*.log')
    assert NOTICE in log.read_text()
    assert 'supervision: image labels\n' in log.read_text()
    assert '+ saliency' not in log.read_text().split('Seeds on')[1]


def test_a_run_with_some_maps_trains(voc_root, tmp_path):
    for number in range(4):
        (voc_root / 'SaliencyMaps' / f'img_0{number}.png').unlink()
    config = hsc_config(voc_root, tmp_path / 'cam.py', iters=2)
    done = run_here('train', config, '--work-dir', tmp_path / 'run',
                    '--cfg-options', f'{KEY}.required=False')
    assert done.returncode == 0, done.stderr[-2000:]
    log, = (tmp_path / 'run').glob('*/*.log')
    text = log.read_text()
    assert 'saliency maps: 4 of 8 images have one' in text
    assert text.count('decode.loss_sal') == 2


class CentrePrior:
    """The centre is salient."""

    def __init__(self, width: float = 0.3) -> None:
        self.width = width
        self.calls = 0

    def __call__(self, image):
        self.calls += 1
        height, width = image.shape[:2]
        y, x = np.mgrid[:height, :width]
        distance = ((y + 0.5) / height - 0.5)**2 + ((x + 0.5) / width - 0.5)**2
        return np.exp(-distance / (2 * self.width**2))


def all_salient(image, value=1.0):
    return np.full(image.shape[:2], value)


def test_maps_are_made_kept_and_used(voc_root):
    images = list_inputs(str(voc_root / 'JPEGImages'))
    out = voc_root / 'made'
    provider = CentrePrior()
    assert isinstance(provider, SaliencyProvider)
    run = write_maps(images, provider, out)
    assert (run.made, run.there, run.failures) == (8, 0, [])
    middle = cv2.imread(str(out / 'img_01.png'), -1)
    assert middle.shape == (48, 64)
    assert middle[24, 32] > 250 > 60 > middle[0, 0]
    (out / 'img_02.png').write_bytes((out / 'img_02.png').read_bytes()[:50])
    (out / 'img_03.png').unlink()
    run = write_maps(images, provider, out)
    assert (run.made, run.there) == (2, 6)
    assert provider.calls == 10
    data = VOCImageLabelDataset(
        data_root=str(voc_root), ann_file=TRAIN,
        aux_maps=dict(saliency=dict(path='made')),
        pipeline=[dict(type='hsc_mm.LoadAuxMaps')])
    assert len(data) == 8
    image = voc_root / 'JPEGImages' / 'img_05.jpg'
    image.write_bytes(image.read_bytes()[:200])
    (out / 'img_05.png').unlink()
    run = write_maps(images, provider, out)
    assert run.there == 7
    assert 'img_05.jpg' in run.failures[0]


@pytest.fixture
def pictures(tmp_path):
    """Two grey pictures; and what makes maps of all of a folder."""
    folder, out = tmp_path / 'mine', tmp_path / 'maps'
    folder.mkdir()
    for name, grey in (('x.png', 40), ('y.png', 80)):
        Image.new('RGB', (6, 4), (grey, ) * 3).save(folder / name)

    def make(origin='first', **more):
        return write_maps(list_inputs(str(folder)), lambda rgb: rgb[..., 0],
                          out, origin=origin, **more)

    run = make()
    assert (run.made, run.there, run.failures, run.unknown) == (2, 0, [], [])
    return folder, out, make


def _grey(out, name):
    return read_map(out / f'{name}.png')[0, 0]


def test_maps_of_replaced_pictures_are_made_again(pictures):
    folder, out, make = pictures
    assert (make().made, make().there) == (0, 2)
    Image.new('RGB', (6, 4), (200, ) * 3).save(folder / 'y.png')
    run = make()
    assert (run.made, run.there, run.failures) == (1, 1, [])
    assert (_grey(out, 'x'), _grey(out, 'y')) == (40, 200)
    Image.new('L', (6, 4), 120).save(folder / 'x.bmp')  # takes the name x
    run = make()
    assert (run.made, run.there) == (2, 1)
    assert (_grey(out, 'x'), _grey(out, 'x-2')) == (120, 40)


def test_maps_of_another_provider_are_refused(pictures):
    folder, out, make = pictures
    Image.new('L', (6, 4), 120).save(folder / 'a.png')
    before = {p: p.read_bytes() for p in out.iterdir()}
    with pytest.raises(FileExistsError, match=(
            r"maps: it holds maps of the provider 'first', x\.png among them, "
            r"expected those of 'second'\. .*Choose another folder")):
        make('second')
    assert {p: p.read_bytes() for p in out.iterdir()} == before
    assert make().made == 1


def test_maps_without_a_note_are_kept_and_named(pictures):
    folder, out, make = pictures
    Image.new('L', (6, 4), 7).save(out / 'x.png')  # another program's
    Image.new('RGB', (6, 4), (200, ) * 3).save(folder / 'x.png')
    for origin in ('first', 'second'):
        if origin == 'second':
            (out / 'y.png').unlink()
        run = make(origin)
        assert (run.there + run.made, run.failures) == (2, [])
        assert run.unknown == [str(out / 'x.png')]
        assert _grey(out, 'x') == 7
    Image.new('L', (8, 8), 7).save(out / 'x.png')
    line, = make('second').failures
    assert 'x.png: expected a saliency map of the size of its image' in line
    assert 'move it away and run again' in line
    assert read_map(out / 'x.png').shape == (8, 8)


def test_maps_of_other_code_are_kept_and_named(pictures):
    folder, out, make = pictures
    Image.new('L', (6, 4), 120).save(folder / 'a.png')
    before = {p: p.read_bytes() for p in out.glob('*.png')}
    run = make(code='one')  # maps of an earlier version say nothing of it
    assert (run.made, run.there, run.other_code) == (1, 2, [])
    assert make(code='one').other_code == []
    run = make(code='two')
    assert (run.made, run.there) == (0, 3)
    assert run.other_code == [str(out / 'a.png')]
    assert {p: p.read_bytes() for p in before} == before
    (out / 'a.png').unlink()
    assert make(code='two').made == 1
    assert make(code='two').other_code == []
    assert make().other_code == []  # installed since: its code is not read


def test_a_note_needs_no_option_of_plain_values():
    assert origin_of('a:b') == origin_of('a:b', {}) == 'a:b'
    assert origin_of('a:b', dict(y=(1, 2), x='ü')) == \
        'a:b {"x": "\\u00fc", "y": [1, 2]}'
    assert origin_of('a:b', dict(x=1)) != origin_of('a:b', dict(x=2))
    assert 'dtype' in origin_of('a:b', dict(x=np.dtype('int8')))


def test_the_provider_sees_rgb(tmp_path):
    path = tmp_path / 'red.png'
    Image.new('RGB', (5, 4), (250, 10, 20)).save(path)
    seen = []

    def provider(image):
        seen.append(image)
        return image[..., 0] > 100

    assert write_maps(list_inputs(str(path)), provider, tmp_path / 'o').made
    assert seen[0].shape == (4, 5, 3)
    assert list(seen[0][0, 0]) == [250, 10, 20]
    assert cv2.imread(str(tmp_path / 'o' / 'red.png'), -1).min() == 255


def test_what_a_provider_may_return():
    shape = (2, 3)
    assert as_map(np.full(shape, 0.5, np.float32), shape).max() == 128
    assert as_map(np.ones(shape, bool), shape).min() == 255
    assert as_map(torch.full(shape, 7, dtype=torch.uint8), shape).max() == 7
    for wrong, text in ((np.zeros((3, 3)), r'shape \(2, 3\), found \(3, 3\)'),
                        (np.full(shape, 2.0), r'\[0, 1\], found 2 to 2'),
                        (np.full(shape, np.nan), r'\[0, 1\], found nan'),
                        (np.zeros(shape, int), 'floats, booleans or uint8')):
        with pytest.raises(ValueError, match=text):
            as_map(wrong, shape)


def test_providers_are_found_by_name():
    module = __name__
    built = build_provider(f'{module}:CentrePrior', dict(width=0.2))
    assert built.width == 0.2
    image = np.zeros((2, 2, 3), np.uint8)
    made = build_provider(f'{module}:all_salient', dict(value=0.25))(image)
    assert made.max() == 0.25
    for name in (f'{module}:None_such', 'no_such_module:Name', 'Unregistered'):
        with pytest.raises(ValueError, match=r'[Ee]xpected'):
            build_provider(name)
    with pytest.raises(ValueError, match='can be called'):
        build_provider(f'{module}:TRAIN')


@pytest.mark.parametrize('name', [
    'CentrePrior', 'all_salient', 'hsc_mm.SaliencyLoss'])
def test_a_wrong_option_names_the_provider(name):
    full = name if '.' in name else f'{__name__}:{name}'
    with pytest.raises(ValueError, match=rf'provider {full}: expected .*foo.*'
                       'Correct --provider-options'):
        build_provider(full, dict(foo=4))


@pytest.mark.parametrize(('text', 'kind'), [
    ('def f(image)\n', 'SyntaxError'), ('f = 1 / 0\n', 'ZeroDivisionError')])
def test_a_broken_module_names_the_provider(tmp_path, monkeypatch, text,
                                            kind):
    (tmp_path / 'broken.py').write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=rf'provider broken:f: .*{kind}: .*'
                       'Correct broken'):
        build_provider('broken:f')
    Image.new('L', (4, 4)).save(tmp_path / 'a.png')
    done = run_here('make_saliency', '--provider', 'broken:f', '--images',
                    tmp_path, '--out', tmp_path / 'o')
    assert done.returncode == 1
    assert 'error: provider broken:f: expected a module' in done.stderr


def test_the_command(tmp_path, shared_voc, monkeypatch):
    (tmp_path / 'mine.py').write_text(
        'import numpy as np\n'
        'def nothing(image, value=0.0):\n'
        '    return np.full(image.shape[:2], value)\n')
    command = ('make_saliency', '--provider', 'mine:nothing', '--images',
               shared_voc / 'JPEGImages', '--out', tmp_path / 'maps')
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        done = run_here(*command)
    assert done.returncode == 0, done.stderr
    assert '8 written, 0 skipped, 0 failed, 8 in total' in done.stdout
    path = tmp_path / 'maps' / 'img_00.png'
    Image.open(path).copy().save(path, pnginfo=PngInfo())
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        again = run_here(*command)
        other = run_here(*command, '--provider-options', 'value=0.5')
        (tmp_path / 'mine.py').write_text(
            (tmp_path / 'mine.py').read_text() + '# mended\n')
        mended = run_here(*command)
    assert '0 written, 8 skipped, 0 failed, 8 in total' in again.stdout
    assert 'other code' not in again.stderr
    assert '0 written, 8 skipped, 0 failed, 8 in total' in mended.stdout
    assert '7 map(s) of other code of the provider mine:nothing' in (
        mended.stderr)
    assert '1 map(s) without a note' in again.stderr
    assert f'{path}' in again.stderr
    assert other.returncode == 1
    assert "'mine:nothing {\"value\": 0.5}'" in other.stderr
    sys.modules.pop('mine')
    done = run_here(*command)
    assert done.returncode == 1
    assert 'PYTHONPATH=.' in done.stderr


def test_plain_configs_are_left_alone(shared_voc, tmp_path):
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    before = cfg.pretty_text
    assert drop_losses_without_maps(cfg) is False
    assert cfg.pretty_text == before


@pytest.mark.parametrize(('paths', 'dropped'), [
    ((None, None), True), ((None, 'SaliencyMaps'), False)])
def test_maps_of_data_sets_in_a_wrapper_are_seen(
        shared_voc, tmp_path, paths, dropped):
    config = hsc_config(shared_voc, tmp_path / 'cam.py')
    cfg = load_config(config)
    loader = cfg.train_dataloader
    plain = loader.dataset.to_dict()
    loader.dataset = dict(type='ConcatDataset', datasets=[
        dict(plain, aux_maps=dict(saliency=dict(path=path)))
        for path in paths])
    assert drop_losses_without_maps(cfg) is dropped
    assert (cfg.model.decode_head.losses.sal is None) is dropped


def test_without_maps_a_config_object_is_its_file():
    path = ROOT / 'configs' / 'hsc_r50_eps_voc.py'
    plain = Config.fromfile(path)
    plain.merge_from_dict({KEY: None})
    both = [dict(plain.test_evaluator), dict(type='hsc_mm.MaskMetric')]
    plain.test_evaluator = both
    expected = load_config(path, {KEY: None}).model
    assert config_of(plain).model == expected != plain.model
    assert drop_losses_without_maps(plain)
    assert plain.model == expected
    assert plain.test_evaluator[0].supervision == 'image labels'
