"""What is shipped, and how ``make`` fails."""
import ast
import os
import re
import stat
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import pytest
import yaml
from modelindex.load_model_index import load as load_model_index
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / 'requirements' / 'constraints.txt'


def pip(*args):
    subprocess.run(
        [sys.executable, '-m', 'pip', '-q', *map(str, args)],
        check=True,
        cwd=ROOT)


def rubbish():
    patterns = ('build', 'dist', '*.egg-info', 'hsc_mm/.mim')
    return {path for pattern in patterns for path in ROOT.glob(pattern)}


def build(source, folder):
    pip('wheel', '--no-deps', '--no-build-isolation', '--no-index', '-w',
        folder, source)
    return next(folder.glob('hsc_mm-*.whl'))


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    before = rubbish()
    path = build(ROOT, tmp_path_factory.mktemp('wheel'))
    assert rubbish() == before
    return path


@pytest.fixture(scope='module')
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp('site-packages')
    pip('install', '--no-deps', '--no-index', '--no-compile', '--target',
        folder, wheel)
    return folder


def shipped(*folders):
    return {
        str(path.relative_to(ROOT))
        for folder in folders for path in (ROOT / folder).rglob('*.py')
    }


def test_a_long_file_says_why():
    for path in sorted((ROOT / 'hsc_mm').rglob('*.py')):
        text = path.read_text()
        why = 'In one file, though long:' in ' '.join(
            (ast.get_docstring(ast.parse(text)) or '').split())
        assert why == (text.count('\n') > 220), path


def test_wheel_holds_package_tools_and_configs(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert shipped('hsc_mm') <= names
    for path in (ROOT / 'hsc_mm' / 'pipeline' / 'page').iterdir():
        assert str(path.relative_to(ROOT)) in names
    mim = {f'hsc_mm/.mim/{n}' for n in shipped('tools', 'configs', 'demo')}
    assert 'hsc_mm/.mim/tools/train.py' in mim
    assert any(n.startswith('hsc_mm/.mim/configs/_base_/') for n in mim)
    assert mim | {'hsc_mm/.mim/model-index.yml'} <= names
    assert not [n for n in names if '__pycache__' in n]
    tops = {n.split('/')[0] for n in names}
    assert {re.sub('-.*', '', top) for top in tops} == {'hsc_mm'}


def test_mim_finds_the_tools_of_an_installed_wheel(installed):
    dist = Distribution.at(next(installed.glob('hsc_mm-*.dist-info')))
    # The rule of onedl-mim, and the one of all others.
    for first in (str(dist.files[0]).split('/')[0], 'hsc_mm'):
        root = installed / first / '.mim'
        assert (root / 'tools' / 'train.py').is_file()
        assert len(list(root.rglob('cam_r50_voc.py'))) == 1
        assert len(list((root / 'tools').rglob('prepare_coco.py'))) == 1


@pytest.mark.slow
def test_converters_of_an_installed_wheel_run(installed, tmp_path):
    done = subprocess.run(
        [sys.executable, '-m', 'hsc_mm', 'prepare_coco', '--root', 'none'],
        cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': str(installed)},
        capture_output=True,
        text=True)
    assert done.returncode == 2
    assert '--root none: there is no such folder' in done.stderr


@pytest.mark.slow
def test_sdist_builds_the_same_wheel(wheel, tmp_path):
    before = rubbish()
    subprocess.run(
        [sys.executable, 'setup.py', '-q', 'sdist', '-d', tmp_path],
        check=True,
        cwd=ROOT)
    assert rubbish() == before
    with tarfile.open(next(tmp_path.glob('*.tar.gz'))) as sdist:
        sdist.extractall(tmp_path, filter='data')
    source = next(tmp_path.glob('hsc_mm-*/'))
    assert (source / 'Makefile').is_file()
    again = build(source, tmp_path)
    assert set(zipfile.ZipFile(again).namelist()) == set(
        zipfile.ZipFile(wheel).namelist())


def test_a_family_is_an_extra_and_never_a_requirement(installed):
    dist = Distribution.at(next(installed.glob('hsc_mm-*.dist-info')))
    assert dist.metadata['Requires-Python'] == '>=3.10'
    needs = [Requirement(line) for line in dist.requires]

    def names(extra):
        return {
            need.name
            for need in needs
            if need.marker is None or need.marker.evaluate({'extra': extra})
        }

    assert {'torch', 'torchvision'} <= names('')
    assert not [name for name in names('') if 'mm' in name]
    onedl = {n for n in names('onedl') if 'mm' in n}
    assert len(onedl) == 4
    assert all(name.startswith('onedl-') for name in onedl)
    assert {n for n in names('openmmlab') if 'mm' in n} == {
        'mmengine', 'mmcv-lite', 'mmsegmentation', 'mmpretrain'
    }


def test_both_constraint_files_pin_the_same_where_they_overlap():
    pins = [{
        line.split('==')[0]: line
        for line in path.read_text().splitlines() if '==' in line
    } for path in (CONSTRAINTS,
                   CONSTRAINTS.with_name('constraints-openmmlab.txt'))]
    shared = pins[0].keys() & pins[1].keys()
    assert {'torch', 'torchvision', 'numpy', 'setuptools'} <= shared
    assert not [n for n in shared if pins[0][n] != pins[1][n]]


def test_model_index_is_valid_and_names_configs_that_exist():
    path = str(ROOT / 'model-index.yml')
    index = load_model_index(path)
    index.build_models_with_collections()
    assert [c.name for c in index.collections] == ['HSC']
    models = yaml.safe_load(Path(path).read_text())['Models']
    assert models
    for model in models:
        assert (ROOT / model['Config']).is_file()
        assert Path(model['Config']).stem == model['Name']
        assert 'Results' not in model or 'Weights' in model


def make_env(folder, python, **env):
    done = subprocess.run(
        [ROOT / '.ci/make_env.sh', 'venv', 'onedl', CONSTRAINTS],
        cwd=folder,
        env={'PATH': os.environ['PATH'], 'PYTHON': str(python), **env},
        capture_output=True,
        text=True)
    assert done.returncode == 1
    assert not (folder / 'venv' / '.ready').exists()
    sentence = done.stderr.strip()
    assert sentence.count('\n') == 0
    assert sentence.startswith('hsc_mm: ')
    assert sentence.endswith('.')
    return sentence


def fake_python(folder, text):
    path = folder / 'python'
    path.write_text(f'#!/bin/sh\n{text}\n')
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return path


def test_make_names_a_python_that_is_too_old(tmp_path):
    old = fake_python(
        tmp_path, 'case "$2" in *exit*) exit 1;; esac; echo 3.9.18')
    sentence = make_env(tmp_path, old)
    assert f'PYTHON={old} is Python 3.9.18, but Python 3.10 or' in sentence
    assert 'make PYTHON=/path/to/python3.11' in sentence


def test_make_names_a_python_that_is_not_there(tmp_path):
    sentence = make_env(tmp_path, '/no/python')
    assert 'PYTHON=/no/python is not a Python that runs' in sentence


def test_make_says_that_venv_is_missing(tmp_path):
    sentence = make_env(
        tmp_path, fake_python(tmp_path, '[ "$2" != venv ] && echo 3.11.0'))
    assert 'venv or ensurepip module is missing' in sentence
    assert 'venv/install.log' in sentence


@pytest.mark.slow
def test_make_says_that_there_is_no_index(tmp_path):
    sentence = make_env(
        tmp_path,
        sys.executable,
        PIP_INDEX_URL='http://127.0.0.1:9/simple',
        PIP_CONFIG_FILE=os.devnull,
        PIP_RETRIES='0')
    assert 'pip cannot reach a package index' in sentence
    assert 'what pip said is in venv/install.log' in sentence
    assert '127.0.0.1' in (tmp_path / 'venv' / 'install.log').read_text()


def test_make_quotes_the_folder_that_it_runs_in():
    lines = (ROOT / 'Makefile').read_text().splitlines()
    named = [one for one in lines if one[:1] == '\t' and '$(CURDIR)' in one]
    assert named
    for line in named:
        assert not re.sub(r'"[^"]*"', '', line).count('$(CURDIR)'), line
