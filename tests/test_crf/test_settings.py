"""Presets, probabilities made of CAMs, and what is refused."""
import pickle

import numpy as np
import pytest
import torch

from hsc_mm.crf import (
    PRESETS,
    CRFBackend,
    DenseCRF,
    backend_names,
    build_crf,
    cam_probability,
    crf_numbers,
    pydense,
)
from hsc_mm.registry import CRF_BACKENDS

PROB = np.full((2, 4, 6), 0.5, np.float32)
IMAGE = np.zeros((4, 6, 3), np.uint8)


def test_presets_are_those_of_the_papers():
    numbers = PRESETS['pseudo_label']
    assert (numbers.gaussian_sxy, numbers.gaussian_weight) == (3, 3)
    assert (numbers.bilateral_sxy, numbers.bilateral_srgb,
            numbers.bilateral_weight, numbers.steps) == (80, 13, 10, 10)
    numbers = PRESETS['segmentation']
    assert (numbers.gaussian_sxy, numbers.gaussian_weight) == (1, 3)
    assert (numbers.bilateral_sxy, numbers.bilateral_srgb,
            numbers.bilateral_weight, numbers.steps) == (67, 3, 4, 10)


def test_a_single_number_is_replaced():
    numbers = build_crf(
        dict(preset='segmentation', backend='reduced', steps=8)).numbers
    assert numbers == crf_numbers('segmentation', steps=8)
    assert (numbers.steps, numbers.bilateral_sxy) == (8, 67)
    assert crf_numbers('segmentation', steps=None).steps == 10
    assert PRESETS['segmentation'].steps == 10


@pytest.mark.parametrize(('options', 'words'), [
    (dict(preset='voc'), "preset .*'pseudo_label'.*found 'voc'"),
    (dict(backend='gpu'), "backend .*'reduced'.*found 'gpu'"),
    (dict(backend=dict(type='exact', dtype='float16')),
      "dtype .*'float64'.*found 'float16'"),
    (dict(backend=dict(max_cells=9)), "backend .*'auto'.*found None"),
    (dict(backend=dict(type='auto', max_cells=9)),
     r"no options of 'auto', found \['max_cells'\]"),
    (dict(backend=dict(type='reduced', cells=9)),
     r"'reduced' rejects the options \['cells'\]"),
    (dict(max_cells=9), r'option .*found .max_cells.*backend=dict\('),
    (dict(srgb=13), "option .*'bilateral_srgb'.*found 'srgb'"),
    (dict(steps=-1), 'steps .*an integer >= 0, found -1'),
    (dict(steps=1.5), 'steps .*an integer >= 0, found 1.5'),
    (dict(steps=True), 'steps .*an integer >= 0, found True'),
    (dict(gaussian_sxy=0), 'gaussian_sxy .*> 0, found 0'),
    (dict(bilateral_weight=-2), 'bilateral_weight .*>= 0, found -2'),
    (dict(bilateral_srgb='13'), "bilateral_srgb .*> 0, found '13'"),
    (dict(bilateral_sxy=float('nan')), 'bilateral_sxy .*found nan'),
    (dict(bilateral_sxy=float('inf')), 'bilateral_sxy .*found inf'),
    (dict(backend=dict(type='exact', memory_mb=0)),
     'memory_mb .*> 0, found 0'),
    (dict(backend=dict(type='reduced', max_cells=0)),
     'max_cells .*> 0, found 0'),
])
def test_bad_settings_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        build_crf(options)


def test_pydensecrf_missing_says_what_to_install(monkeypatch):
    monkeypatch.setattr(pydense, 'has_pydensecrf', lambda: False)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(ValueError, match=r'pip install .hsc_mm\[crf\]'):
        DenseCRF(backend='pydensecrf')
    assert DenseCRF().backend == 'reduced'
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    # The exact kernel takes seconds for a picture on a GPU too.
    assert DenseCRF().backend == 'reduced' and not DenseCRF().on_gpu
    assert DenseCRF(backend='exact').on_gpu
    monkeypatch.setattr(pydense, 'has_pydensecrf', lambda: True)
    assert DenseCRF().backend == 'pydensecrf'


def test_a_stranger_registers_a_backend(monkeypatch):
    known = dict(CRF_BACKENDS.module_dict)
    monkeypatch.setattr(CRF_BACKENDS, '_module_dict', known)

    @CRF_BACKENDS.register_module(name='sharpen')
    class Sharpen(CRFBackend):
        on_device = True

        def __init__(self, power=2):
            self.power = power

        def __call__(self, prob, image, numbers, device):
            return prob**self.power * numbers.steps

    assert 'sharpen' in backend_names()
    crf = build_crf(
        dict(backend=dict(type='sharpen', power=3), steps=4, device='cuda:1'))
    assert (crf.backend, crf.on_gpu) == ('sharpen', True)
    np.testing.assert_allclose(crf(PROB, IMAGE), PROB**3 * 4)
    # 'auto' leaves it alone until it says that it suits.
    assert build_crf().backend != 'sharpen'
    Sharpen.suits, Sharpen.priority = classmethod(lambda cls: True), 99
    assert build_crf().backend == 'sharpen'
    assert not build_crf(dict(backend='reduced', device='cuda')).on_gpu


def changed(array, place, value):
    array = array.copy()
    array[place] = value
    return array


@pytest.mark.parametrize(('prob', 'image', 'words'), [
    (PROB.tolist(), IMAGE, 'prob: expected a numpy array, found list'),
    (PROB, 'cat.jpg', 'image: expected a numpy array, found str'),
    (PROB[0], IMAGE, r'prob: .*\(L, H, W\), found float32 \(4, 6\)'),
    (PROB[:0], IMAGE, r'prob: .*\(L, H, W\), found float32 \(0, 4, 6\)'),
    (PROB.astype(int), IMAGE, r'prob: expected floats .*found int64'),
    (PROB, IMAGE[..., 0], r'image: .*\(H, W, 3\), found uint8 \(4, 6\)'),
    (PROB, IMAGE / 255., r'image: expected uint8 .*found float64'),
    (PROB.transpose(0, 2, 1), IMAGE,
     r'prob: expected the size \(4, 6\) .*found \(6, 4\)'),
    (changed(PROB, (1, 2, 3), np.nan), IMAGE, 'prob: expected finite'),
    (changed(PROB, (1, 2, 3), np.inf), IMAGE, 'prob: expected finite'),
    (changed(PROB, (1, 2, 3), -0.1), IMAGE, 'prob: .*>= 0, found -0.1'),
])
def test_bad_inputs_are_named(prob, image, words):
    with pytest.raises(ValueError, match=words):
        DenseCRF(backend='reduced')(prob, image)


def test_a_crf_can_be_pickled():
    crf = DenseCRF(backend='reduced', steps=3)
    again = pickle.loads(pickle.dumps(crf))
    assert repr(again) == repr(crf)
    assert (again(PROB, IMAGE) == crf(PROB, IMAGE)).all()


def test_cam_probability_puts_the_background_first():
    cam = np.array([[[0, 0.5, 1]], [[0.25, 0.75, 0]]])
    found = cam_probability(cam, 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, 0], [0.75**2, 0.25**2, 0])
    np.testing.assert_array_equal(found[1:], cam)


@pytest.mark.parametrize(('cam', 'alpha', 'words'), [
    (PROB[0], 7, r'cam: .*\(K, H, W\).*found \(4, 6\)'),
    (PROB[:0], 7, 'cam: .*at least one class'),
    (PROB * 3, 7, 'cam: .*found 1.5 to 1.5'),
    (PROB * np.nan, 7, 'cam: .*found nan'),
    (PROB, 0, 'alpha: expected a number > 0, found 0'),
    (PROB, float('nan'), 'alpha: .*found nan'),
])
def test_bad_cams_are_named(cam, alpha, words):
    with pytest.raises(ValueError, match=words):
        cam_probability(cam, alpha)
