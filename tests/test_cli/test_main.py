"""``python -m hsc_mm``: the list of commands, and one command."""
import re
import subprocess
import sys
from pathlib import Path

from hsc_mm.cli import COMMANDS, import_command

ROOT = Path(__file__).resolve().parents[2]


def _run(*arguments):
    return subprocess.run([sys.executable, '-m', 'hsc_mm', *arguments],
                          capture_output=True, text=True, cwd=ROOT)


def test_every_command_has_a_main_and_a_tool() -> None:
    tools = {p.stem for p in (ROOT / 'tools').glob('*.py')}
    assert tools == {*COMMANDS, 'make_demo_data'}
    for name in COMMANDS:
        assert callable(import_command(name).main)


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
