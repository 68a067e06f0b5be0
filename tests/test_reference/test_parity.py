"""The comparison passes where it should, and fails by name where not."""
import json
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import plain_baselines
import plain_crf
import plain_hsc
import pytest
import torch
from parity import Arrays, Row, check_crf, check_folder, crf
from parity.folder import find_kind, judge_pools
from parity.network import build_network, own_shapes
from parity.rows import compare, compare_channels

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / 'tests' / 'data' / 'parity'
SHAPES = ROOT / 'tests' / 'data' / 'resnet38d_state_dict_shapes.json'
BANKS = dict(
    memobank1='class1', memobank2='class2', memobank_fb='roi1',
    memobank1_fb='roi2', memobank1_p='pixel1', memobank2_p='pixel2')


@pytest.fixture
def check(monkeypatch, capsys):
    """Run the tool in this process; return status, output and errors."""

    def _check(folder):
        tool = runpy.run_path(str(ROOT / 'reference' / 'check_parity.py'))
        monkeypatch.setattr(sys, 'argv', ['check_parity.py', str(folder)])
        status = tool['cli'].run(tool['main'])
        return status, *capsys.readouterr()

    return _check


def load(name):
    with np.load(DATA / f'{name}.npz') as file:
        return {key: file[key] for key in file.files}


def last(value, axis):
    """Move the background to the last place, as the release has it."""
    return np.roll(np.asarray(value), -1, axis)


def bank_arrays(banks, prefix):
    return {
        prefix + name: banks[ours].numpy().copy() if ours[:3] == 'roi' else
        last(banks[ours], 0) for name, ours in BANKS.items()
    }


def draw(batch, classes, grids, region=24, pixel=12):
    """Draw banks, labels, and CAMs and embeddings of two views."""
    banks = {f'class{v}': torch.randn(classes, region) for v in (1, 2)}
    banks |= {f'roi{v}': torch.randn(2, region) for v in (1, 2)}
    banks |= {f'pixel{v}': torch.randn(classes, pixel) for v in (1, 2)}
    label = (torch.rand(batch, classes - 1) < 0.5).float()
    label[:, 0] = 1
    maps = [[torch.randn(batch, n, *grid) for grid in grids]
            for n in (classes, pixel, region)]
    return banks, label, maps


def contrast_file(classes=5, batch=3, steps=2):
    """Compute a file of steps by the second, slow transcription."""
    banks, label, _ = draw(batch, classes, [(5, 6)] * 2)
    arrays = bank_arrays(banks, 'init.')
    for step in range(steps):
        _, label, (cams, us, zs) = draw(batch, classes, [(5, 6)] * 2)
        cams = [plain_hsc.contrast_cam(cam) for cam in cams]
        masks = [torch.randint(0, classes, (batch, 5, 6)) for _ in cams]
        leaves = [one.requires_grad_() for one in (*us, *zs)]
        losses = dict(
            roi=plain_hsc.roi_loss(*zs, *masks, banks),
            pixel=plain_hsc.pixel_loss(*us, *cams, *masks, banks))
        losses['class'] = plain_hsc.class_loss(*zs, *cams, label, banks)
        out = dict(label=label)
        for level, loss in losses.items():
            out[f'loss_{level}'] = loss.detach()
            views = leaves[:2] if level == 'pixel' else leaves[2:]
            for v, grad in enumerate(
                    torch.autograd.grad(loss, views, retain_graph=True), 1):
                out[f'grad_{level}_{v}'] = grad[:, ::5]
        for v in (1, 2):
            out[f'cam{v}'] = last(cams[v - 1], 1)
            out[f'mask{v}'] = (
                (masks[v - 1] - 1) % classes).numpy().astype(np.uint8)
            out[f'feat_pixel{v}'] = us[v - 1].detach()
            out[f'feat_region{v}'] = zs[v - 1].detach()
        out |= bank_arrays(banks, 'after.')
        arrays |= {f'step{step}.{k}': np.asarray(v) for k, v in out.items()}
    return arrays


def objective_file(classes=4, batch=2):
    """Compute a step of the objective by the second transcription."""
    banks, label, (cams, us, zs) = draw(batch, classes, [(9, 11), (6, 7)])
    # Within the range of colours, whatever the channel.
    image = (0.8 * torch.rand(batch, 3, 40, 44) - 0.35) / 0.23
    arrays = bank_arrays(banks, 'init.')
    out = plain_hsc.objective(*cams, *us, *zs, image, label, banks)
    arrays |= dict(
        label=label, image2=image,
        crf_image=plain_crf.crf_image(image, (6, 7)))
    for v in (1, 2):
        for mask, name in ((out[f'raw_mask{v}'], f'mask{v}_raw'),
                           (out[f'mask{v}'], f'mask{v}')):
            arrays[name] = (mask - 1) % classes
        arrays |= {f'cam{v}': last(cams[v - 1], 1),
                   f'feat_pixel{v}': us[v - 1], f'feat_region{v}': zs[v - 1]}
    arrays |= {key: out[key] for key in out if key.startswith('loss_')}
    # The release stores one of its losses as an array of one element.
    arrays['loss_class'] = out['loss_class'].reshape(1)
    return arrays | bank_arrays(banks, 'after.')


def rows_of(folder, **files):
    for name, arrays in files.items():
        np.savez(folder / f'{name}.npz',
                 **{key: np.asarray(value) for key, value in arrays.items()})
    return {(row.file, row.array): row for row in check_folder(folder)}


def test_arrays_of_the_release_pass(check, tmp_path):
    for name in ('contrast', 'baselines', 'crf'):
        shutil.copy(DATA / f'{name}.npz', tmp_path / f'any {name}.npz')
    status, out, err = check(tmp_path)
    assert status == 0, out + err
    assert not err
    lines = out.splitlines()
    assert '0 failed' in lines[-1]
    for array in ('step0.loss_roi', 'step0.grad_class_1',
                  'step0.after.memobank2_p', 'loss_er', 'eps_0.6_0.3.loss'):
        assert any(array in line and 'pass' in line for line in lines), array
    assert any('5 array' not in line and '3 array(s)' in line and
               '99%' in line for line in lines)


@pytest.mark.slow
def test_the_network_of_the_release_passes(tmp_path):
    shutil.copy(DATA / 'network.npz', tmp_path)
    shutil.copy(SHAPES, tmp_path)
    rows = list(check_folder(tmp_path))
    assert {row.array for row in rows} == {
        'cam', 'pred', 'cam_rv', 'pred_rv', 'feat_pixel', 'feat_region'}
    assert all(row.verdict == 'pass' for row in rows), rows


def test_other_sizes_classes_and_strides_pass(tmp_path):
    torch.manual_seed(0)
    rows = rows_of(tmp_path, one=contrast_file(), two=contrast_file(7, 1, 1),
                   three=objective_file())
    bad = [row for row in rows.values() if row.verdict == 'FAIL']
    assert not bad
    assert len([1 for file, _ in rows if file == 'one.npz']) == 2 * 15
    assert '1 channel in 5' in rows['one.npz', 'step1.grad_roi_2'].what
    for name in ('crf_image', 'mask1_raw', 'loss_class', 'after.memobank_fb'):
        assert rows['three.npz', name].verdict == 'pass'
    assert rows['all', '2 array(s)'].verdict == 'pass'


def test_all_losses_of_the_baselines(tmp_path):
    torch.manual_seed(1)
    classes, label = 4, torch.tensor([[1., 0, 1], [0, 1, 0]])
    maps = [torch.randn(2, classes, *size).requires_grad_()
            for size in ((9, 8), (5, 6), (9, 8), (5, 6))]
    names = ('cam1', 'cam2', 'cam_rv1', 'cam_rv2')
    er = plain_baselines.er_loss(*maps[:2], label)
    ecr = plain_baselines.ecr_loss(*maps, label, True)
    arrays = dict(label=label, loss_er=er.detach(), loss_ecr=ecr.detach())
    for name, value, grad in zip(names, maps,
                                 torch.autograd.grad(er + ecr, maps)):
        arrays[name] = last(value.detach(), 1)
        arrays[f'grad_er_ecr.{name}'] = last(grad, 1)
    arrays['max_norm.cam2'] = last(
        plain_baselines.max_norm(maps[1].detach()), 1)
    one_hot = arrays['max_norm.cam2'].copy()
    one_hot[:, 1:] *= one_hot[:, 1:] == one_hot[:, 1:].max(1, keepdims=True)
    arrays['max_onehot.cam2'] = one_hot
    rows = rows_of(tmp_path, b=arrays)
    assert len(rows) == 8
    assert all(row.verdict == 'pass' for row in rows.values()), rows


@pytest.mark.parametrize(('name', 'array'), [
    ('contrast', 'step0.loss_pixel'), ('contrast', 'step0.grad_roi_1'),
    ('contrast', 'step0.after.memobank1'), ('baselines', 'loss_er'),
    ('baselines', 'eps_0.5_0.5.pred')])
def test_an_array_that_differs_fails_by_name(check, tmp_path, name, array):
    arrays = load(name)
    arrays[array] = arrays[array] * np.float32(1.0001)
    np.savez(tmp_path / 'f.npz', **arrays)
    status, out, err = check(tmp_path)
    assert status == 1
    failed = [line for line in out.splitlines() if 'FAIL' in line]
    assert len(failed) == 1
    assert array in failed[0]
    assert err.startswith(f'error: f.npz: {array}: ')
    assert 'tolerance 1e-05' in err


def test_labels_that_differ_fail_together(check, tmp_path):
    arrays = load('crf')
    arrays['label0.out'][:2] ^= 1
    np.savez(tmp_path / 'f.npz', **arrays)
    status, out, err = check(tmp_path)
    assert status == 1
    assert '87.50% of 256 equal' in out
    assert err.count('error: ') == 1
    assert 'CRF from labels: 96.6' in err


def test_the_rest_goes_on(check, tmp_path):
    """Files truncated, unknown, of missing arrays and of wrong shape."""
    whole = (DATA / 'crf.npz').read_bytes()
    (tmp_path / 'a.npz').write_bytes(whole[:len(whole) // 2])
    np.savez(tmp_path / 'b.npz', some=np.zeros(3), other=np.zeros(3))
    arrays = load('baselines')
    arrays.pop('cam2')
    arrays['saliency'] = arrays['saliency'][:, :, :0]
    np.savez(tmp_path / 'c.npz', **arrays)
    arrays = load('contrast')
    arrays.pop('init.memobank2_p')
    np.savez(tmp_path / 'd.npz', **arrays)
    np.save(tmp_path / 'e', np.zeros(3))
    (tmp_path / 'e.npy').rename(tmp_path / 'e.npz')
    arrays = load('crf')
    arrays.pop('label1.image')
    np.savez(tmp_path / 'f.npz', **arrays)
    np.savez(tmp_path / 'g.npz', loss_er=np.zeros(()))
    status, out, err = check(tmp_path)
    assert status == 1
    for line in ('a.npz: -: the file cannot be read as an archive',
                 'b.npz: -: not recognised: expected arrays of contrast, ',
                 'c.npz: -: cannot be computed (RuntimeError: ',
                 'd.npz: step*: the file has no array "init.memobank2_p"',
                 'e.npz: -: the file cannot be read as an archive',
                 'f.npz: label1: the file has no array "label1.image"',
                 'g.npz: loss_er: loss: the file has no array "cam1"'):
        assert f'error: {line}' in err
    assert 'Traceback' not in err
    assert '2 array(s)' in out


def test_dropped_arrays_are_not_compared(tmp_path):
    arrays = load('contrast')
    kept = {k: v for k, v in arrays.items()
            if not k.startswith(('step0.grad', 'step0.after'))}
    kept['step2.label'] = kept['step0.label']
    rows = rows_of(tmp_path, f=kept)
    assert [row.verdict for row in rows.values()] == ['pass'] * 3 + ['FAIL']
    assert 'no step 1' in rows['f.npz', 'step*'].what


def test_an_empty_folder_is_an_error(check, tmp_path):
    status, _, err = check(tmp_path)
    assert status == 1
    assert err == f'error: {tmp_path}: expected .npz files, found none.\n'
    with pytest.raises(SystemExit):
        check(tmp_path / 'nowhere')


def test_nothing_compared_is_an_error(check, tmp_path, monkeypatch):
    monkeypatch.setattr(crf, 'MOST_PIXELS', 10)
    image = np.zeros((4, 4, 3), np.uint8)
    prob = np.full((3, 4, 4), 1 / 3, np.float32)
    np.savez(tmp_path / 'f.npz', **{
        'soft0.image': image, 'soft0.unary_prob': prob,
        'soft0.prob_t1': prob})
    status, out, err = check(tmp_path)
    assert status == 1
    assert 'not compared: the exact kernel of 16 pixels' in out
    assert err == f'error: {tmp_path}: nothing was compared.\n'


def test_crf_from_probabilities():
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (7, 9, 3), generator=generator)
    prob = torch.rand(3, 7, 9, generator=generator).softmax(0)
    y, x = torch.meshgrid(torch.arange(7.), torch.arange(9.), indexing='ij')
    place = torch.stack([x, y], 2).reshape(-1, 2)
    colour = image.reshape(-1, 3).float()
    kernels = [(3., plain_crf.exact_kernel(place / 3)),
               (10., plain_crf.exact_kernel(
                   torch.cat([place / 80, colour / 13], 1)))]
    arrays = {'soft0.image': image.numpy().astype(np.uint8),
              'soft0.unary_prob': prob.numpy()}
    for steps in (1, 10):
        expected = plain_crf.mean_field(-prob.flatten(1).log(), kernels,
                                        steps)
        arrays[f'soft0.prob_t{steps}'] = expected.view_as(prob).numpy()
    rows = check_crf(Arrays(arrays))
    assert [row.equal for row in rows] == [63, 63]
    assert [row.verdict for row in judge_pools(rows)] == ['pass', '']


def test_names_and_shapes_are_those_of_the_release():
    assert own_shapes(21) == json.loads(SHAPES.read_text())
    assert own_shapes(4)['fc8.weight'] == [4, 4096, 1, 1]
    assert build_network(5, base=2).decode_head.num_classes == 5


@pytest.mark.parametrize(('full', 'step'), [
    (8, 1), (20, 8), (20, 7), (13, 3), (256, 8)])
def test_channels_are_found(full, step):
    maps = torch.randn(2, full, 3, 3)
    row = compare_channels('a', 'b', maps, maps[:, ::step].numpy())
    assert row.verdict == 'pass'
    assert row.what == f'b, 1 channel in {step}'
    row = compare_channels('a', 'b', maps, 2 * maps[:, ::step].numpy())
    assert row.verdict == 'FAIL'


def test_channels_that_fit_no_step():
    row = compare_channels('a', 'b', torch.ones(1, 8, 2, 2),
                           np.ones((1, 5, 2, 2)))
    assert row.verdict == 'FAIL'
    assert 'of 8, found 5 channels' in row.what


def test_not_a_number_and_zero():
    nan = np.array([np.nan, 1])
    assert compare('a', 'b', nan, nan).verdict == 'pass'
    assert compare('a', 'b', np.ones(2), nan).verdict == 'FAIL'
    assert compare('a', 'b', nan, np.ones(2)).verdict == 'FAIL'
    zeros = np.zeros(2)
    assert compare('a', 'b', zeros, zeros).verdict == 'pass'
    assert compare('a', 'b', np.full(2, 1e-9), zeros).verdict == 'FAIL'
    row = compare('a', 'b', np.zeros(3), zeros)
    assert row == Row('a', 'b: shape (3,) instead of (2,)', verdict='FAIL')


@pytest.mark.parametrize('name', ['contrast', 'baselines', 'crf', 'network'])
def test_kinds_are_known_by_their_arrays(name):
    assert find_kind(Arrays(load(name))).lower() == name
