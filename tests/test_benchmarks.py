"""What the benchmarks compare with computes the same."""
import copy
import runpy
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from methods import head_config
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.structures import SegDataSample

from hsc_mm.models import CAMHead

FOLDER = Path(__file__).resolve().parents[1] / 'benchmarks'
HEAD = head_config(
    'seam', 'hsc', 'hsc_release',
    in_channels=10,
    num_classes=5,
    refiner=dict(type='hsc_mm.PixelCorrelation', in_channels=(6, 8),
                 in_index=(0, 1), reduced=(4, 4), embed_channels=6),
    losses=dict(cls=dict(type='hsc_mm.ClassificationLoss'),
                ecr=dict(skip_first=True),
                contrast=dict(mask_refiner=None)))


@pytest.fixture
def plain(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    sys.modules.pop('plain_head', None)
    import plain_head
    import plain_hsc
    # Masks as they come: the two CRFs are compared elsewhere.
    monkeypatch.setattr(
        plain_hsc.objective, '__defaults__',
        (lambda image, mask, classes: mask, ))
    return plain_head.PlainHSCHead


def test_the_plain_head_has_the_losses_of_the_release_recipe(plain):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    ours = CAMHead(**copy.deepcopy(HEAD))
    ours.init_weights()
    other = plain(**copy.deepcopy(HEAD))
    other.load_state_dict(ours.state_dict())
    views = []
    for size in (12, 8):
        feats = tuple(torch.randn(4, c, size, size) for c in (6, 8, 10))
        views.append((feats, torch.randn(4, 3, size * 4, size * 4)))
    samples = []
    for number in range(4):
        sample = SegDataSample()
        sample.gt_label = torch.eye(4)[number].clone()
        sample.gt_label[(number * 3) % 4] = 1
        samples.append(sample)
    expected = other.loss(views, samples)
    found = ours.loss(views, samples)
    assert set(expected) <= set(found)
    assert len(expected) == 7
    for name, value in expected.items():
        assert value.item() == pytest.approx(
            found[name].item(), rel=1e-4), name
        assert value.item() > 0


def test_the_parts_of_a_step_are_found_and_add_up(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(FOLDER))
    import step_parts
    monkeypatch.setattr(sys, 'argv', [
        'step_parts.py', '--batch', '2', '--size', '64', '--repeat', '1',
        '--config', str(FOLDER.parent / 'configs/hsc_mbv2_voc.py')])
    # Each part takes one second, by a clock that counts how often it is read.
    clock = iter(range(10**6))
    monkeypatch.setattr(step_parts.time, 'perf_counter', lambda: next(clock))
    threads = torch.get_num_threads()
    try:
        step_parts.main()
    finally:
        torch.set_num_threads(threads)
    rows = {}
    for line in capsys.readouterr().out.splitlines()[2:]:
        name, seam, hsc, *_ = (cell.strip() for cell in line[1:].split('|'))
        rows[name] = (float(seam), float(hsc))
    whole = rows.pop('**step**')
    assert [sum(row[i] for row in rows.values()) for i in range(2)] == (
        pytest.approx(list(whole)))
    # Both views pass the backbone and the head once each.
    assert rows['backbone, both views'] == (2000, 2000)
    assert rows['backward'][0] == rows['backward'][1] > 0
    for name in ('masks and CRF', 'three levels of contrast'):
        assert rows[name][0] == 0 < rows[name][1]


@pytest.mark.parametrize('script', [
    'crf', 'demo_partial_cam', 'objective', 'pseudo_labels', 'scaling',
    'step_parts', 'train_step'])
def test_every_benchmark_starts(script, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, 'argv', [f'{script}.py', '--help'])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(FOLDER / f'{script}.py'), run_name='__main__')
    assert end.value.code == 0


def test_release_and_plain_objective_have_the_same_losses(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import objective
    monkeypatch.setattr(sys, 'argv', ['objective.py', '--batch', '2'])
    args = objective.parse_args()
    inputs = objective.make_inputs(args)
    plain, release = (objective.make_step(name, args, inputs)()
                      for name in ('plain', 'release'))
    assert list(plain) == list(release) == ['roi', 'class', 'pixel']
    for key, loss in release.items():
        assert loss.item() == pytest.approx(plain[key].item(), rel=1e-3)


@pytest.mark.parametrize('name', ['voc-animals', 'clothing-ccp'])
def test_the_protocol_writes_configs_that_differ_in_the_data(name, tmp_path):
    import protocol
    data = protocol.SETS[name]
    root = tmp_path / 'data'
    root.mkdir()
    (root / 'image_labels.json').write_text(
        '{"classes": ["cat", "dog"], "images": {}}')
    stems = ('hsc_lite0_{}', 'deeplabv3plus_lite0_{}-pseudo')
    for stem in stems:
        path = protocol.write_leaf(stem, name, root, tmp_path / 'configs')
        assert path.name == f'{stem.format(name)}.py'
        found = Config.fromfile(path)
        base = Config.fromfile(
            protocol.CONFIGS / f'{stem.format("voc-animals")}.py')
        second = stem.endswith('-pseudo')
        train, test = (found[f'{split}_dataloader'].dataset
                       for split in ('train', 'test'))
        assert train.data_root == test.data_root == str(root)
        assert list(train.metainfo.classes) == ['background', 'cat', 'dog']
        assert train.ann_file.endswith(f'/{data.train}.txt')
        assert test.ann_file.endswith(
            f'/{data.test if second else data.seeds}.txt')
        assert (train.vocabulary is None) == data.voc
        assert found.model.decode_head.num_classes == 3
        assert found.optim_wrapper == base.optim_wrapper
        assert found.train_cfg == base.train_cfg
    unseen = Config.fromfile(tmp_path / 'configs' / f'hsc_lite0_{name}.py')
    assert unseen.model.test_cfg.labels_on_unseen_split == (
        name == 'clothing-ccp')


def test_the_protocol_keeps_the_settings_of_a_work_dir(
        tmp_path, monkeypatch):
    import protocol
    root = tmp_path / 'data'
    root.mkdir()
    (root / 'image_labels.json').write_text(
        '{"classes": ["cat", "dog"], "images": {}}')
    write = partial(protocol.write_leaf, 'hsc_lite0_{}', 'neu-seg')
    path = write(root, tmp_path / 'configs')
    before = path.read_bytes()
    monkeypatch.setattr(sys, 'argv', [
        'protocol.py', 'neu-seg', str(root), '--work-dir', str(tmp_path),
        '--methods', 'hsc', '--crop', '320'])
    with pytest.raises(SystemExit, match=r'another --crop.*--work-dir'):
        protocol.main()
    assert path.read_bytes() == before
    moved = root.rename(tmp_path / 'moved')
    assert str(moved) in write(moved, tmp_path / 'configs').read_text()


@pytest.mark.parametrize('method', [
    'cam', 'seam', 'hsc', 'eps', 'hsc_eps', 'ppc', 'hsc_release'])
def test_large_crops_resize_all_pictures_of_the_cam_stage(method, tmp_path):
    import protocol
    root = tmp_path / 'data'
    root.mkdir()
    (root / 'image_labels.json').write_text(
        '{"classes": ["cat", "dog"], "images": {}}')
    small, large = (
        Config.fromfile(protocol.write_leaf(
            protocol.METHODS[method].format('lite0'), 'voc-animals', root,
            tmp_path / str(crop), crop)) for crop in protocol.CROPS)
    pipeline = large.train_dataloader.dataset.pipeline
    assert [step.type for step in pipeline] == [
        step.type for step in small.train_dataloader.dataset.pipeline]
    sizes = {key: tuple(step[key]) for step in pipeline
             for key in ('long_side', 'size') if key in step}
    assert sizes == dict(long_side=(256, 512), size=(320, 320))
    assert large.test_dataloader.dataset.pipeline[1].scale == (384, 384)
    assert [one.scale for one in large.tta_pipeline[1].transforms[0]] == [
        (384, 384), (576, 576)]
    two = 'second_view' in small.model
    assert two == (method not in ('cam', 'eps'))
    assert large.model.get('second_view') == ((256, 256) if two else None)
    assert large.optim_wrapper == small.optim_wrapper
    # The release takes gradients as they are (docs/method.md, row 19).
    clips = small.optim_wrapper.get('clip_grad') is not None
    assert clips == (method != 'hsc_release')
