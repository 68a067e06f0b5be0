"""``python -m hsc_mm``: the list of commands, and one command."""
import ast
import inspect
import logging
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import hsc_mm
from hsc_mm.cli import COMMANDS, import_command, main, run_command
from hsc_mm.utils.checkpoints import load

ROOT = Path(__file__).resolve().parents[2]


def _run(*arguments):
    return subprocess.run([sys.executable, '-m', 'hsc_mm', *arguments],
                          capture_output=True, text=True, cwd=ROOT)


def test_every_command_has_a_main_and_a_tool() -> None:
    tools = {p.stem for p in (ROOT / 'tools').glob('*.py')}
    assert tools == {*COMMANDS, 'make_demo_data'}
    for name in COMMANDS:
        assert callable(import_command(name).main)


@pytest.mark.parametrize('name', sorted({*COMMANDS} - {'matrix_tables'}))
def test_every_command_says_where_results_are_or_what_is_next(name) -> None:
    source = inspect.getsource(inspect.getmodule(import_command(name).main))
    assert 'cli.finish(' in source or 'next:' in source


def test_without_arguments_the_commands_are_listed() -> None:
    done = _run()
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)
    examples = re.findall(r'^  python -m hsc_mm (\w+)(.*)', done.stdout, re.M)
    assert len(examples) == 4
    for name, arguments in examples:
        assert name in COMMANDS
        for word in arguments.split():
            assert not word.endswith('.py') or (ROOT / word).is_file()


def test_a_mistyped_command_suggests_the_nearest() -> None:
    done = _run('traain')
    assert done.returncode == 2
    assert 'found "traain". Is "train" meant?' in done.stderr


def test_a_command_runs_and_its_usage_names_it() -> None:
    done = _run('train', '--help')
    assert done.returncode == 0
    assert 'usage: python -m hsc_mm train' in done.stdout


def test_the_version_is_told(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, 'argv', ['hsc_mm', '--version'])
    assert main() == 0
    assert capsys.readouterr().out == f'{hsc_mm.__version__}\n'


def test_a_mistyped_file_suggests_the_nearest(monkeypatch, capsys) -> None:
    monkeypatch.chdir(ROOT)
    for given, text in (
            ('configs/hsc_r50_vc.py', ' Is "configs/hsc_r50_voc.py" meant?'),
            ('README.p', ''), ('nowhere/hsc_r50_voc.py', '')):
        monkeypatch.setattr(sys, 'argv', ['train', given])
        with pytest.raises(SystemExit, match='2'):
            run_command('train')
        assert capsys.readouterr().err == (
            f'error: config {given}: there is no such file.{text}\n')


def test_folders_and_exchanged_files_are_called_so(
        tmp_path, monkeypatch, capsys) -> None:
    config, weights = tmp_path / 'c.py', tmp_path / 'run' / 'iter_2.pth'
    weights.parent.mkdir()
    for path in (config, weights):
        path.write_text('custom_imports = dict()\n')

    def said(*words) -> str:
        monkeypatch.setattr(sys, 'argv', list(map(str, words)))
        with suppress(SystemExit):
            assert run_command(words[0]) == 1
        return capsys.readouterr().err

    assert said('train', tmp_path) == (
        f'error: config {tmp_path}: expected a config file (.py), found a '
        'folder. Name a file in it.\n')
    assert said('test', config, weights.parent) == (
        f'error: checkpoint {weights.parent}: expected a file, found a '
        f'folder. Is "{weights}" meant?\n')
    assert 'Name the file of the weights' in said('test', config, tmp_path)
    assert said('test', weights, config) == (
        f'error: config {weights}: expected a config (.py, .json, .yaml, '
        '.yml), found .pth. The config is named before its checkpoint.\n')
    with pytest.raises(FileNotFoundError, match=r'Is ".*iter_2\.pth" meant'):
        hsc_mm.make_pseudo_labels(config, weights.parent, tmp_path / 'out')
    with pytest.raises(ValueError, match=r'c\.py: .* it is a text file'):
        load(config)


def test_lines_that_no_user_can_act_on_are_not_logged() -> None:
    from hsc_mm.engine.runner import for_users
    for text, shown in (('Using env variable `VOC2012_ROOT` with', False),
                        ('Loads checkpoint by local backend', False),
                        ('Saving checkpoint at 3 iterations', True)):
        record = logging.LogRecord('x', 20, 'x', 1, text, (), None)
        assert for_users(record) is shown


def test_messages_name_commands_that_wheels_have_too() -> None:
    found = []
    for path in (ROOT / 'hsc_mm').rglob('*.py'):
        tree = ast.parse(path.read_text())
        texts = {id(node.body[0].value) for node in ast.walk(tree)
                 if isinstance(node, ast.Module | ast.ClassDef |
                               ast.FunctionDef) and ast.get_docstring(node)}
        found += [
            f'{path}:{node.lineno}' for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and id(node) not in texts
            and re.search(r'tools/(?!make_demo_data)\w+\.py',
                          str(node.value))]
    assert not found
