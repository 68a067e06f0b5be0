"""Values of a config on the command line."""
import argparse

import pytest

from hsc_mm.cli.common import DictAction, PartAction, add_options


def _read(*texts):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(['--cfg-options', *texts]).cfg_options


@pytest.mark.parametrize('value', [
    "[dict(type='PolyLR',end=4)]", "[dict(type='PolyLR', end=4)]",
    "dict(type='PolyLR')", "{'type': 'PolyLR', 'end': 4}",
    "[{'type':'PolyLR','end':4}]"])
def test_a_dictionary_says_how_to_set_its_keys(value, capsys):
    with pytest.raises(SystemExit) as found:
        _read('a=1', f'param_scheduler={value}')
    assert found.value.code == 2
    said = capsys.readouterr().err
    assert '--cfg-options: param_scheduler: expected a number' in said
    assert 'found a dictionary' in said
    assert 'param_scheduler.0.KEY=VALUE' in said


def test_options_of_no_config_say_nothing_of_one(capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument('--provider-options', nargs='+', action=PartAction)
    with pytest.raises(SystemExit):
        parser.parse_args(['--provider-options', "net={'depth': 4}"])
    said = capsys.readouterr().err
    assert '--provider-options: net: expected a number, a text or' in said
    assert "found a dictionary, {'depth': 4}. Name a" in said
    assert 'KEY=VALUE' not in said and 'config' not in said


@pytest.mark.parametrize('name', ['--cam-options', '--seg-options'])
def test_options_of_any_config_say_how_to_set_keys(name, capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument(name, nargs='+', action=DictAction)
    with pytest.raises(SystemExit):
        parser.parse_args([name, 'a=dict(b=1)'])
    said = capsys.readouterr().err
    assert 'a.KEY=VALUE' in said and 'into the config file' in said


def test_a_list_that_cannot_be_read_says_how_lists_are_written(capsys):
    with pytest.raises(SystemExit):
        _read('a=[f(x=1,y=2)]')
    said = capsys.readouterr().err
    assert 'a list that cannot be read' in said and 'key="[a,b]"' in said


def test_other_values_are_read_as_before():
    assert _read('a.0.end=4', 'b=[(1,2),x]', 'c={}.pth', 'd=a b',
                 'e=dictionary(1)') == {
        'a.0.end': 4, 'b': [(1, 2), 'x'], 'c': '{}.pth', 'd': 'a b',
        'e': 'dictionary(1)'}
