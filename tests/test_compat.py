"""What ``import hsc_mm`` refuses, and what it makes work."""
import importlib.util
import subprocess
import sys
from importlib import metadata

import pytest

from hsc_mm import compat

ONEDL = dict.fromkeys([
    'onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation', 'onedl-mmpretrain'
], '1.0')
OPENMMLAB = dict.fromkeys(
    ['mmengine', 'mmcv-lite', 'mmsegmentation', 'mmpretrain'], '2.0')
PAIR = {'torch': '2.11.0+cpu', 'torchvision': '0.26.0+cpu'}


@pytest.fixture
def pretend(monkeypatch):
    """Pretend that exactly these distributions are installed."""

    def _pretend(versions, requires=(), importable=()):

        def version(name):
            if name not in versions:
                raise metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(compat.metadata, 'version', version)
        monkeypatch.setattr(compat.metadata, 'requires', lambda _: requires)
        monkeypatch.setattr(compat, 'find_spec',
                            lambda name: name in importable or None)

    return _pretend


@pytest.mark.parametrize(('versions', 'family'), [
    (ONEDL, 'onedl'),
    (OPENMMLAB, 'openmmlab'),
    ({**{k: v for k, v in OPENMMLAB.items() if k != 'mmcv-lite'},
      'mmcv': '2.1.0'}, 'openmmlab'),
])
def test_accepts_one_whole_family(pretend, versions, family):
    pretend(versions)
    assert compat.check_families() == family


def test_this_environment_has_one_family():
    name = 'onedl-mmengine' if compat.check_families() == 'onedl' else (
        'mmengine')
    assert metadata.version(name)


def test_refuses_both_families(pretend):
    pretend({**ONEDL, 'mmengine': '0.10.7'})
    with pytest.raises(ImportError) as error:
        compat.check_families()
    text = str(error.value)
    assert 'openmmlab (mmengine 0.10.7)' in text
    assert ('"pip uninstall -y onedl-mmengine onedl-mmcv onedl-mmsegmentation '
            'onedl-mmpretrain mmengine"') in text
    assert '"pip install \'hsc_mm[onedl]\'"' in text


def test_refuses_a_mixed_family(pretend):
    pretend({'onedl-mmengine': '1', 'onedl-mmcv': '1', 'mmsegmentation': '2'})
    with pytest.raises(ImportError, match=r'openmmlab \(mmsegmentation 2\)'):
        compat.check_families()


@pytest.mark.parametrize(('versions', 'text'), [
    ({}, 'needs onedl-mmengine, onedl-mmcv, onedl-mmsegmentation, '
     'onedl-mmpretrain, but found no OpenMMLab family at all; run "pip '
     'install \'hsc_mm[onedl]\'"'),
    ({'mmengine': '0.10.7', 'mmcv': '2.1.0', 'mmpretrain': '1.2.0'},
     'needs mmsegmentation, but found mmengine 0.10.7, mmcv 2.1.0, mmpretrain '
     '1.2.0; run "pip install \'hsc_mm[openmmlab]\'"'),
])
def test_names_what_is_missing(pretend, versions, text):
    pretend(versions)
    with pytest.raises(ImportError) as error:
        compat.check_families()
    assert text in str(error.value)


def test_a_checkout_on_the_path_counts(pretend):
    pretend({k: v for k, v in OPENMMLAB.items() if k != 'mmsegmentation'},
            importable=['mmseg'])
    assert compat.check_families() == 'openmmlab'


@pytest.mark.parametrize('requires', [
    ['numpy', 'torch==2.11.0'],
    ['torch (==2.11.0)'],
    ['torch==2.11.0+cu130'],
    ['numpy'],
    None,
])
def test_accepts_a_matching_torchvision(pretend, requires):
    pretend(PAIR, requires)
    compat.check_torchvision()


def test_refuses_a_torchvision_of_another_torch(pretend):
    pretend({**PAIR, 'torch': '2.13.0+cpu'}, ['torch==2.11.0'])
    with pytest.raises(ImportError) as error:
        compat.check_torchvision()
    text = str(error.value)
    assert 'torchvision 0.26.0+cpu, which requires torch==2.11.0' in text
    assert 'with torch 2.13.0+cpu' in text
    assert '"pip install \'torch==2.11.0\' torchvision==0.26.0"' in text


def test_refuses_a_missing_torchvision(pretend):
    pretend({'torch': '2.11.0'})
    with pytest.raises(ImportError, match='found no torchvision; run "pip'):
        compat.check_torchvision()


def run_with_fake_mmcv(tmp_path, code, files):
    package = tmp_path / 'mmcv'
    package.mkdir()
    for name, text in {'__init__': '', **files}.items():
        (package / f'{name}.py').write_text(text)
    head = ('import importlib.util, sys\n'
            f'sys.path.insert(0, {str(tmp_path)!r})\n'
            'spec = importlib.util.spec_from_file_location("compat", '
            f'{compat.__file__!r})\n'
            'compat = importlib.util.module_from_spec(spec)\n'
            'spec.loader.exec_module(compat)\n'
            'compat.stub_mmcv_ops()\n'
            'assert not {"mmcv", "torch", "mmengine"} & set(sys.modules)\n')
    subprocess.run([sys.executable, '-c', head + code], check=True)


def test_stub_raises_on_use_only(tmp_path):
    run_with_fake_mmcv(
        tmp_path, """
from mmcv.ops import *
import mmcv.ops
from mmcv.ops import point_sample, DeformConv2d, get_compiler_version
assert mmcv.ops.point_sample is point_sample
assert not isinstance(1, DeformConv2d) and get_compiler_version() == 'n/a'
assert not hasattr(mmcv.ops, '__path__')
class Mine(DeformConv2d): pass
for op, name in (point_sample, 'point_sample'), (Mine, 'Mine'):
    try:
        op(1, offset=2)
    except RuntimeError as error:
        text = str(error)
        assert f'mmcv.ops.{name} is a compiled operator' in text, text
        assert "pip install 'mmcv>=2.1,<2.2'" in text, text
    else:
        raise AssertionError(name)
""", {'ops': 'raise ModuleNotFoundError("mmcv._ext")'})


def test_stub_leaves_real_ops_alone(tmp_path):
    run_with_fake_mmcv(
        tmp_path, 'from mmcv.ops import nms; assert nms == 3',
        {'ops': 'nms = 3', '_ext': ''})


def test_stub_is_for_the_upstream_family_without_ops_only():
    stubbed = any(isinstance(f, compat._OpsFinder) for f in sys.meta_path)
    lite = compat.check_families() == 'openmmlab' and (
        importlib.util.find_spec('mmcv._ext') is None)
    assert stubbed == lite


def test_a_line_that_is_always_printed_is_left_out(tmp_path, monkeypatch,
                                                   capsys):
    (tmp_path / 'talkative.py').write_text(
        "print('noise')\nprint('a warning')\n")
    (tmp_path / 'broken.py').write_text("print('a hint')\n1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    compat.import_quietly('talkative', 'noise')
    assert capsys.readouterr().out == 'a warning\n'
    with pytest.raises(ZeroDivisionError):
        compat.import_quietly('broken', 'noise')
    assert capsys.readouterr().out == 'a hint\n'
