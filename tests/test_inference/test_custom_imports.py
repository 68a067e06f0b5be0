"""Modules of one's own that fail while a config imports them."""
import re
import sys

import pytest

from hsc_mm.inference import load_config

MODULES = {
    'name': ('import torch\nlayer = nn.Linear(1, 1)\n', 2,
             "NameError: name 'nn' is not defined"),
    'twice': ('from hsc_mm.registry import MODELS\n\n\n'
              '@MODELS.register_module()\nclass CAMHead:\n    pass\n', 4,
              'KeyError: CAMHead is already registered'),
    'lacks': ('import timmx\n', 1, "ModuleNotFoundError: No module named 't"),
    'member': ('from hsc_mm.models import Nope\n', 1,
               "ImportError: cannot import name 'Nope'"),
    'syntax': ('x = 1\nclass A(:\n    pass\n', 2, 'SyntaxError: invalid'),
    'missing': ('import json\n\njson.load(open("names.json"))\n', 3,
                'FileNotFoundError: '),
    'endless': ('def f():\n    return f()\n\n\nf()\n', 2,
                'RecursionError: '),
    'leaves': ('import sys\n\nsys.exit("needs timm")\n', 3,
               'SystemExit: needs timm'),
    'attempt': ('try:\n    import timmx\nexcept ImportError:\n'
                '    import timmy\n', 4, "No module named 'timmy'"),
}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder with the package ``own_parts``, and a config of a module."""
    package = tmp_path / 'own_parts'
    package.mkdir()
    (package / '__init__.py').touch()
    monkeypatch.syspath_prepend(str(tmp_path))

    def config(module):
        path = tmp_path / 'own.py'
        path.write_text(f'custom_imports = dict(imports=["hsc_mm", '
                        f'"{module}"])\nmodel = dict()\n')
        return path

    yield package, config
    for name in [one for one in sys.modules if one.startswith('own_parts')]:
        del sys.modules[name]


@pytest.mark.parametrize('name', MODULES)
def test_an_error_in_a_module_has_its_file_and_line(own, name):
    package, config = own
    text, line, words = MODULES[name]
    (package / f'{name}.py').write_text(text)
    with pytest.raises(ValueError, match='custom_imports: ') as info:
        load_config(config(f'own_parts.{name}'))
    said = str(info.value)
    assert f'{package / name}.py, line {line}: ' in said
    assert words in said
    assert 'PYTHONPATH' not in said
    with pytest.raises(ValueError, match='custom_imports: ') as info:
        load_config(config('hsc_mm'), {
            'custom_imports.imports': ['hsc_mm', f'own_parts.{name}']})
    assert f'{package / name}.py, line {line}: ' in str(info.value)


@pytest.mark.parametrize(('module', 'words'), [
    ('own_parts.nowhere', r"No module named 'own_parts\.nowhere'\. .*PYTHON"),
    ('own_part', r"No module named 'own_part'\. .*PYTHONPATH=FOLDER"),
    ('own_parts.flat.Class', 'is not a package. Name the module, without'),
    ('own_parts.flat.py', 'is not a package. Name the module, without')])
def test_a_module_that_is_not_there(own, module, words):
    package, config = own
    (package / 'flat.py').touch()
    with pytest.raises(ValueError, match='custom_imports: ') as info:
        load_config(config(module))
    assert re.search(words, str(info.value))


def test_modules_of_options_are_told_in_the_same_words(own):
    package, config = own
    (package / 'lacks.py').write_text('import timmx\n')
    for name, words in (('own_parts.lacks', 'lacks.py, line 1: Module'),
                        ('own_parts.not', 'PYTHONPATH=FOLDER')):
        with pytest.raises(ValueError, match=f'custom_imports: .*{words}'):
            load_config(config('hsc_mm'),
                        {'custom_imports.imports': ['hsc_mm', name]})
