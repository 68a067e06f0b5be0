"""tools/test.py of a segmentor: masks, several scales, CRF, submission."""
import importlib
import subprocess
import sys
from pathlib import Path

import mmseg
import numpy as np
import pytest
import torch
from conftest import make_voc
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image
from tiny_configs import save_weights, seg_config, untrained

from hsc_converters.voc_submission import pack_submission
from hsc_mm.datasets.labels import read_list
from hsc_mm.utils import read_index_png, voc_palette


@pytest.fixture(scope='module')
def stage(tmp_path_factory):
    """A second stage whose head is made to see several classes."""
    folder = tmp_path_factory.mktemp('seg')
    path = seg_config(make_voc(folder / 'voc', 3), folder / 'seg.py')
    cfg = Config.fromfile(path)
    cfg.tta_pipeline[1].transforms[0] = cfg.tta_pipeline[1].transforms[0][1:3]
    cfg.dump(str(path))
    model = untrained(Config.fromfile(path)).eval()
    loader = Runner.build_dataloader(Config.fromfile(path).test_dataloader)
    last = model.decode_head.conv_seg
    last.weight.data.normal_(std=1)
    with torch.no_grad():
        logits = torch.cat([
            one.seg_logits.data.flatten(1) for batch in loader
            for one in model.test_step(batch)
        ], 1)
    scale = 2 / logits.std(1)
    last.weight.data *= scale[:, None, None, None]
    last.bias.data = -logits.mean(1) * scale
    return folder, path, save_weights(model, folder / 'seg.pth')


@pytest.fixture(scope='module')
def tool():
    """The tool as a module."""
    module = importlib.import_module('hsc_mm.cli.test')
    return module


def _masks(stage, tool, monkeypatch, *flags, config=None):
    folder, default, checkpoint = stage
    name = '_'.join(flag.strip('-') for flag in flags) or 'plain'
    name = name if config is None else f'{name}_{Path(config).stem}'
    monkeypatch.setattr(sys, 'argv', [
        'test.py', str(config or default), str(checkpoint), '--out',
        str(folder / name), '--work-dir', str(folder / f'{name}_run'), *flags,
        '--cfg-options', f'experiment_name={name}'
    ])
    if not (folder / name).is_dir():  # an earlier test did the same
        tool.main()
    return {
        path.stem: read_index_png(path)
        for path in (folder / name).glob('*.png')
    }, folder / name


@pytest.mark.parametrize('flags', [(), ('--tta', ), ('--crf', ),
                                   ('--tta', '--crf', 'segmentation',
                                    '--crf-backend', 'reduced')])
def test_masks_are_like_those_of_the_data_set(stage, tool, monkeypatch,
                                              flags):
    """Classes 1 and 2 of the model are 8 and 12 in the files of VOC."""
    masks, folder = _masks(stage, tool, monkeypatch, *flags)
    voc = stage[0] / 'voc'
    ids = read_list(voc / 'ImageSets' / 'Segmentation' / 'val.txt')
    assert sorted(masks) == sorted(ids)
    found = set(np.unique(np.concatenate([m.ravel() for m in
                                          masks.values()])).tolist())
    assert found <= {0, 8, 12}
    assert len(found) > 1
    for image_id in ids:
        picture = Image.open(folder / f'{image_id}.png')
        truth = Image.open(voc / 'SegmentationClass' / f'{image_id}.png')
        assert picture.mode == truth.mode == 'P'
        assert picture.size == truth.size
        assert picture.getpalette() == voc_palette().ravel().tolist()
    # What is written is what the server takes.
    done = pack_submission(folder, ids, voc / 'JPEGImages',
                           folder.parent / f'{folder.name}.tgz')
    assert done.images == len(ids)


@pytest.mark.slow
def test_the_crf_changes_masks_and_a_config_does_the_same(
        stage, tool, monkeypatch):
    folder, path, _ = stage
    plain, _ = _masks(stage, tool, monkeypatch)
    refined, _ = _masks(stage, tool, monkeypatch, '--crf')
    assert any((plain[i] != refined[i]).any() for i in plain)
    merged, _ = _masks(stage, tool, monkeypatch, '--tta', '--crf')
    by_model = folder / 'by_model.py'
    by_model.write_text(
        f"_base_ = '{path.name}'\n"
        "model = dict(_delete_=True, type='hsc_mm.CRFRefinedSegmentor', "
        'module={{_base_.model}})\n')
    for flags, expected in (((), refined), (('--tta', ), merged)):
        found, _ = _masks(stage, tool, monkeypatch, *flags, config=by_model)
        assert all(np.array_equal(found[i], expected[i]) for i in expected)


@pytest.mark.slow
def test_mmsegs_own_script_merges_views_and_refines(stage, tool, monkeypatch):
    folder, path, checkpoint = stage
    expected, _ = _masks(stage, tool, monkeypatch, '--tta', '--crf')
    by_views = folder / 'by_views.py'
    by_views.write_text(
        f"_base_ = '{path.name}'\n"
        "tta_model = dict(type='hsc_mm.CRFRefinedSegmentor')\n")
    script = Path(mmseg.__file__).parent / '.mim' / 'tools' / 'test.py'
    done = subprocess.run(
        [sys.executable, str(script), str(by_views), str(checkpoint), '--tta',
         '--out', str(folder / 'mim'), '--work-dir', str(folder / 'mim_run')],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'predictions are refined by DenseCRF' in done.stdout + done.stderr
    for name, mask in expected.items():
        assert np.array_equal(
            read_index_png(folder / 'mim' / f'{name}.png'), mask)


def test_images_without_masks(stage, tool, monkeypatch):
    folder, path, _ = stage
    config = folder / 'blind.py'
    config.write_text(f"_base_ = '{path.name}'\n"
                      'test_evaluator = dict(format_only=True)\n')
    truth = folder / 'voc' / 'SegmentationClass'
    expected, _ = _masks(stage, tool, monkeypatch, '--tta')
    truth.rename(folder / 'hidden')
    try:
        found, _ = _masks(stage, tool, monkeypatch, '--tta', config=config)
    finally:
        (folder / 'hidden').rename(truth)
    assert sorted(found) == sorted(expected)
    assert all(np.array_equal(found[i], expected[i]) for i in expected)


def test_a_checkpoint_of_another_model_is_still_refused(stage, tool,
                                                        monkeypatch):
    folder, path, checkpoint = stage
    state = torch.load(checkpoint)['state_dict']
    state.pop('decode_head.conv_seg.weight')
    torch.save(dict(state_dict=state), folder / 'other.pth')
    with pytest.raises(ValueError, match=r'conv_seg\.weight.*is missing'):
        _masks((folder, path, folder / 'other.pth'), tool, monkeypatch,
               '--crf', '--tta')


def test_a_backend_needs_the_crf(stage, tool, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        _masks(stage, tool, monkeypatch, '--crf-backend', 'reduced')
    assert 'expected --crf beside it' in capsys.readouterr().err
