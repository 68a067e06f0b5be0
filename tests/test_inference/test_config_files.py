"""Configs that are refused before mmengine reads them."""
import re
from pathlib import Path

import pytest

from hsc_mm.inference import load_config
from hsc_mm.inference.config_files import read_config

ROOT = Path(__file__).resolve().parents[2]
FORMS = {
    'utf-8-sig': ('c.py', 'found a byte order mark. Save it as UTF-8'),
    'utf-16': ('c.py', 'found zero bytes, as of UTF-16. Save it as UTF-8'),
}


@pytest.mark.parametrize('encoding', FORMS)
def test_an_encoding_is_named_with_its_file(tmp_path, encoding):
    name, said = FORMS[encoding]
    base = tmp_path / name
    base.write_text('model = dict(type="M")\n', encoding=encoding)
    leaf = tmp_path / 'leaf.py'
    leaf.write_text(f'_base_ = "{name}"\n')
    for path in (base, leaf):
        with pytest.raises(ValueError, match=said) as at:
            read_config(path)
        assert f'config {base}: ' in str(at.value)


@pytest.mark.parametrize(('name', 'text', 'said'), [
    ('c.yaml', '', 'expected keys and values, found an empty file'),
    ('c.yaml', '- model\n', 'expected keys and values, found a list'),
    ('c.json', '["model"]', 'expected keys and values, found a list'),
    ('c.yaml', '_base_: ./c.yaml\n', r'in a circle \(.*c\.yaml -> .*c\.yaml'),
    ('c.json', '{"_base_": ["./c.json"]}', r'in a circle \(.*c\.json -> '),
    ('c.yaml', 'a: [1\n', r'c\.yaml'),
    ('c.yaml', 'a: 1\n', r'expected model=dict'),
])
def test_yaml_and_json(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=said) as at:
        read_config(path)
    assert str(path) in str(at.value)
    assert 'RecursionError' not in str(at.value)


def test_a_variable_of_a_base_in_yaml(tmp_path):
    (tmp_path / 'b.yaml').write_text('x: 3\n')
    path = tmp_path / 'c.yaml'
    path.write_text('_base_: ./b.yaml\nmodel: {type: M}\n'
                    'y: {{_base_.x}}\n')
    assert read_config(path).y == 3


VARIABLES = re.compile(r'\{\{\$(\w+):')
READERS = {
    path: sorted({*VARIABLES.findall(path.read_text())})
    for path in (*ROOT.glob('configs/**/*.py'),
                 *ROOT.glob('projects/*/configs/*.py'))
    if VARIABLES.search(path.read_text())
}


def test_configs_have_variables():
    names = {name for found in READERS.values() for name in found}
    assert {'PSEUDO_DIR', 'TRUSTED_DIR', 'VOC2012_ROOT', 'COCO2014_ROOT',
            'VOC_ANIMALS_ROOT', 'HSC_MM_DEMO_ROOT', 'DEIT_SMALL_WEIGHTS',
            'RESNET38D_WEIGHTS', 'MOBILENET_V2_WEIGHTS'} <= names


@pytest.mark.parametrize('path', READERS, ids=lambda path: path.stem)
def test_every_variable_may_hold_an_apostrophe(tmp_path, monkeypatch, path):
    """Each is replaced, too: mmengine leaves other forms as they are."""
    leaf = tmp_path / 'leaf.py'
    leaf.write_text(f'_base_ = {str(path)!r}\nmodel = dict(type="M")\n'
                    if '_base_' in path.parts else
                    f'_base_ = {str(path)!r}\n')
    for name in READERS[path]:
        monkeypatch.setenv(name, f"bob's/{name}")
    found = str(read_config(leaf).to_dict())
    for name in READERS[path]:
        assert f"bob's/{name}" in found


def test_pseudo_labels_of_a_folder_with_an_apostrophe(monkeypatch):
    monkeypatch.setenv('PSEUDO_DIR', "work/bob's/pseudo")
    cfg = load_config(ROOT / 'configs/deeplabv3plus_r50_voc-pseudo.py')
    assert "pseudo_dir': \"work/bob's/pseudo\"" in str(
        cfg.train_dataloader.to_dict())


@pytest.mark.parametrize(('text', 'value', 'said'), [
    ("'{{$OWN_DIR:a}}'", "bob's", r'OWN_DIR: expected .* without quotation '
     'marks and line breaks, found "bob\'s". Write it as '
     r'r"""{{\$OWN_DIR:...}}"""'),
    *[('r"""{{$OWN_DIR:a}}"""', value, 'OWN_DIR, which .* a backslash')
      for value in ('a\\b', 'C:\\data', 'a\\1')],
    ("'{{$OWN_DIR}}'", 'a', r'OWN_DIR: expected \{\{\$NAME:default\}\} on'),
    ("'{{$OWN_DIR:a'\n    'b}}'", 'a', r'OWN_DIR: expected .* on one line'),
])
def test_variables_that_mmengine_would_misread(tmp_path, monkeypatch, text,
                                               value, said):
    path = tmp_path / 'c.py'
    path.write_text(f'model = dict(type="M")\nx = ({text})\n')
    monkeypatch.setenv('OWN_DIR', value)
    with pytest.raises(ValueError, match=said) as at:
        read_config(path)
    assert str(path) in str(at.value)
    assert '/tmp/tmp' not in str(at.value)


@pytest.mark.parametrize(('name', 'text', 'said'), [
    ('c.py', b'x = (\nr = r"""{{$OWN_DIR:a}}"""\n', 'line 1: .*never closed'),
    ('c.py', b'r = r"""{{$OWN_DIR:a}}"""\nx = "\xe9"\n', 'UTF-8|utf-8'),
    ('lazy.py', b'from mmengine.config import read_base\n'
     b'with read_base():\n    from .b import *\n',
     'never closed'),
])
def test_other_mistakes_are_not_laid_to_variables(tmp_path, monkeypatch, name,
                                                  text, said):
    monkeypatch.setenv('OWN_DIR', "bob's")
    (tmp_path / 'b.py').write_text('y = (\n')
    path = tmp_path / name
    path.write_bytes(text)
    with pytest.raises(ValueError, match=said) as at:
        read_config(path)
    named = tmp_path / 'b.py' if name == 'lazy.py' else path
    assert str(at.value).startswith(f'config {named}')
    assert 'OWN_DIR' not in str(at.value)


def test_a_circle_behind_variables_is_told(tmp_path):
    path = tmp_path / 'c.yaml'
    path.write_text('_base_: ./c.yaml\nmodel: {type: M}\n'
                    'y: {{_base_.x}}\n')
    with pytest.raises(ValueError, match='in a circle') as at:
        read_config(path)
    assert str(path) in str(at.value)
