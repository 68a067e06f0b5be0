"""What files hold tells them apart, not their places and times."""
import importlib
import os
import sys
import sysconfig

import pytest

from hsc_mm.cli.errors import explain
from hsc_mm.utils.code import code_hash, is_installed
from hsc_mm.utils.sums import fingerprint


def test_fingerprint_sees_changed_files(tmp_path):
    path = tmp_path / 'x.jpg'
    path.write_bytes(b'one')
    before = fingerprint([path])
    assert fingerprint([str(path)]) == before
    os.utime(path, ns=(1, 1))
    assert fingerprint([path]) == before
    path.write_bytes(b'two')
    assert fingerprint([path]) != before


def test_the_fingerprint_of_a_copied_folder_is_the_same(tmp_path):
    for folder in ('a', 'b'):
        for name in ('x', 'sub/y'):
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)

    def found(folder):
        return fingerprint(p for p in (tmp_path / folder).rglob('*')
                           if p.is_file())

    assert found('a') == found('b') != fingerprint([])
    (tmp_path / 'b' / 'x').rename(tmp_path / 'b' / 'z')
    assert found('a') != found('b')


def test_a_path_through_a_link_is_read_as_the_system_reads_it(tmp_path):
    (tmp_path / 'disk' / 'voc').mkdir(parents=True)
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data' / 'voc').symlink_to(tmp_path / 'disk' / 'voc')
    (tmp_path / 'disk' / 'map.png').write_text('one')
    path = f'{tmp_path}/data/voc/../map.png'
    before = fingerprint([path])
    (tmp_path / 'disk' / 'map.png').write_text('two')
    assert fingerprint([path]) != before


def test_code_is_that_of_the_modules_that_are_not_installed(
        tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'one_file.py').write_text('A = 1')
    (tmp_path / 'a_package').mkdir()
    for name in ('__init__', 'losses', 'helper'):
        (tmp_path / 'a_package' / f'{name}.py').write_text('')
    found = [code_hash(['one_file']), code_hash(['a_package.losses'])]
    assert None not in found
    assert code_hash(['torch', 'hsc_mm.models', 'nowhere', 'os']) is None
    environment = tmp_path / 'a_package/.venv/lib/site-packages'
    environment.mkdir(parents=True)
    (environment / 'other.py').write_text('')
    assert code_hash(['a_package.losses']) == found[1]
    (tmp_path / 'a_package' / 'helper.py').write_text('B = 2')
    assert code_hash(['one_file']) == found[0]
    assert code_hash(['a_package.losses']) != found[1]
    (tmp_path / 'one_file.py').write_text('A = 2')
    assert code_hash(['one_file']) != found[0]
    sys.modules.pop('a_package')


@pytest.fixture(params=[True, False], ids=['package', 'namespace'])
def tree(request, tmp_path, monkeypatch):
    """A package of the user's; its folder may have no ``__init__.py``."""
    name = f'tree_{request.param}'.lower()
    folder = tmp_path / name
    for file in ('losses.py', 'part/__init__.py', 'part/a.py',
                 'part/deep/__init__.py', 'part/deep/b.py', 'plain/c.py',
                 *['__init__.py'] * request.param):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text('')
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for module in [one for one in sys.modules if one.split('.')[0] == name]:
        sys.modules.pop(module)


def test_code_of_a_package_is_that_of_its_packages(tree):
    """Configs that a training writes below it are none of it."""
    for name in (tree.name, f'{tree.name}.losses'):
        found = code_hash(name)
        assert found is not None
        for file in ('runs/a/config.py', 'runs/a/vis_data/config.py',
                     '.venv/lib/site-packages/one/__init__.py',
                     'data/__pycache__/x.py', 'plain/other.py'):
            (tree / file).parent.mkdir(parents=True, exist_ok=True)
            (tree / file).write_text(name)
        assert code_hash(name) == found
        for file in ('losses.py', 'part/a.py', 'part/deep/b.py', 'new.py'):
            (tree / file).write_text(f'A = "{name}"')
            assert code_hash(name) != found, file
            found = code_hash(name)


def test_modules_that_run_are_code_whatever_their_folders_hold(tree):
    """``plain`` has no ``__init__.py``, which Python does not ask for."""
    names = [tree.name, f'{tree.name}.losses', f'{tree.name}.plain.c']
    before = [code_hash(name) for name in names]
    importlib.import_module(names[2])
    found = [code_hash(name) for name in names]
    assert [a == b for a, b in zip(found, before)] == [False, False, True]
    (tree / 'plain' / 'c.py').write_text('A = 1')
    assert not set(found) & {code_hash(name) for name in names}


@pytest.mark.parametrize('text', [
    'import {0}.plain.c', 'from {0}.plain import c', 'from .plain.c import x',
    'from .plain import c', '__import__("{0}.plain.c")',
    'import importlib; importlib.import_module("{0}.plain.c")'])
def test_what_a_function_imports_is_code_before_it_runs(tree, text):
    """In a folder without ``__init__.py``, whose other files are none."""
    (tree / 'losses.py').write_text(
        f'def f():\n    {text.format(tree.name)}\n')
    (tree / 'plain' / 'c.py').write_text('from . import d\nimport torch\n')
    for name in (tree.name, f'{tree.name}.losses'):
        found = code_hash(name)
        (tree / 'plain' / 'other.py').write_text(name)
        assert code_hash(name) == found
        for file in ('c', 'd'):
            with (tree / 'plain' / f'{file}.py').open('a') as out:
                out.write(f'A = "{name}"\n')
            assert code_hash(name) != found, file
            found = code_hash(name)
    assert f'{tree.name}.plain' not in sys.modules


def test_a_module_beside_a_module_is_code_where_it_is_imported(
        tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'single.py').write_text('import json, torch, hsc_mm\n')
    for name in ('json', 'helper_of_single'):
        (tmp_path / f'{name}.py').write_text('')
    found = [code_hash('single')]
    (tmp_path / 'single.py').write_text(
        'def f():\n    import json, torch, hsc_mm, helper_of_single\n')
    found.append(code_hash('single'))
    (tmp_path / 'helper_of_single.py').write_text('import single\nA = 1\n')
    found.append(code_hash('single'))
    assert len(set(found)) == 3
    (tmp_path / 'json.py').write_text('A = 1')
    assert code_hash('single') == found[2]
    (tmp_path / 'helper_of_single.py').write_text('A = (')
    assert code_hash('single') not in found


def test_python_and_packages_are_no_code_of_the_user(tmp_path):
    assert code_hash(['argparse', 'json.decoder', 'numpy.linalg']) is None
    assert is_installed(sysconfig.__file__)
    assert is_installed('/usr/lib/python3/dist-packages/torch/nn.py')
    assert not is_installed(tmp_path / 'my_project' / 'losses.py')
    assert not is_installed(__file__)


@pytest.fixture
def editable(tmp_path, monkeypatch):
    """mmseg in a folder beside the user's, as ``pip install -e`` leaves it."""
    folder = tmp_path / 'mmsegmentation' / 'mmseg'
    folder.mkdir(parents=True)
    (folder / '__init__.py').write_text('')
    (folder / 'heads.py').write_text('def f():\n    raise ValueError("no")\n')
    for name in [name for name in sys.modules
                 if name.split('.')[0] == 'mmseg']:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(folder.parent)
    yield importlib.import_module('mmseg.heads')
    for name in ('mmseg', 'mmseg.heads'):
        sys.modules.pop(name)


def test_openmmlab_in_a_folder_is_no_code_of_the_user(editable, tmp_path):
    assert is_installed(editable.__file__)
    assert not is_installed(tmp_path / 'my' / 'mmseg' / 'heads.py')
    assert not is_installed(tmp_path / 'mmsegmentation' / 'mmseg_mine.py')
    assert code_hash(['mmseg.heads', 'mmseg']) is None
    with pytest.raises(ValueError) as info:  # noqa: PT011
        editable.f()
    assert explain(info.value) == ('no (raised by mmseg)', 1)
