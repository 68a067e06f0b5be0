"""When a step runs, resumes, or makes room."""
import importlib
import os
import shutil
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
from mmengine.config import Config

from hsc_mm.pipeline import Context, Outcome, Pipeline, Step
from hsc_mm.pipeline.manifest import Manifest
from hsc_mm.pipeline.steps import WriteReport
from hsc_mm.utils import read_json, write_json


class _Number(Step):
    """Write a number, or twice that of an earlier step."""

    def __init__(self, name, seen, number=None, twice=None, fail=False):
        super().__init__(name)
        self.seen, self.number, self.twice = seen, number, twice
        self.fail = fail

    def _value(self, ctx):
        return 2 * ctx.result(self.twice)['number'] if self.twice else (
            self.number)

    def inputs(self, ctx):
        return dict(number=self._value(ctx), shape=(1, 2))

    def run(self, ctx, resumable):
        self.seen.append((self.name, resumable))
        path = ctx.root / self.folder / 'number.txt'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(self._value(ctx)))
        ctx.dump(Config(dict(number=self._value(ctx))), self.name)
        if self.fail:
            raise KeyboardInterrupt
        return Outcome([path], dict(number=self._value(ctx)))


class _Two(Pipeline):
    """One step writes a number, the other doubles it."""

    def __init__(self, folder, number, fail=False):
        self.seen = []
        steps = [
            _Number('one', self.seen, number=number, fail=fail),
            _Number('two', self.seen, twice='one', fail=fail)
        ]
        super().__init__(steps, Context(folder, steps=steps))


def _quiet(_):
    pass


def test_what_is_current_is_left_alone(tmp_path):
    lines = []
    first = _Two(tmp_path, 3)
    first.run(say=lines.append)
    assert first.seen == [('one', False), ('two', False)]
    assert (tmp_path / 'two' / 'number.txt').read_text() == '6'
    assert lines == ['[1/2] one     runs (not run yet)',
                     '[2/2] two     runs (not run yet)']
    second = _Two(tmp_path, 3)
    second.run(say=_quiet)
    assert second.seen == []
    second.run(['two'], say=_quiet)
    assert second.seen == [('two', False)]


def test_other_inputs_move_the_old_outputs_aside(tmp_path):
    for number in (3, 4, 5):
        _Two(tmp_path, number).run(say=_quiet)
    texts = [(tmp_path / name / 'number.txt').read_text()
             for name in ('one.old1', 'one.old2', 'one', 'two')]
    assert texts == ['3', '4', '5', '10']


def test_what_the_same_inputs_made_is_taken_back(tmp_path):
    _Two(tmp_path, 3).run(say=_quiet)
    interrupted = _Two(tmp_path, 4, fail=True)
    with pytest.raises(KeyboardInterrupt):
        interrupted.run(say=_quiet)
    lines = []
    again = _Two(tmp_path, 3)
    again.run(say=lines.append)
    assert again.seen == []
    assert lines[0] == ('[1/2] one     takes back one.old1, which the same '
                        'inputs made')
    assert all('is current' in line for line in lines[1:])
    assert (tmp_path / 'one' / 'number.txt').read_text() == '3'
    config = tmp_path / 'manifests' / 'one_config.py'
    assert Config.fromfile(config).number == 3
    record = max(tmp_path.glob('one.old*/.hsc_mm_step.json'))
    later = time.time() + 86400  # it was moved aside a day after its end
    os.utime(record, (later, later))
    resumed = _Two(tmp_path, 4)  # what was interrupted goes on, too
    resumed.run(say=_quiet)
    assert resumed.seen == [('one', True), ('two', False)]
    assert Config.fromfile(config).number == 4
    assert resumed.context.manifests['one'].seconds < 1000
    forced = _Two(tmp_path, 3)
    forced.run(['one'], say=_quiet)
    assert forced.seen[0] == ('one', False)


@pytest.mark.parametrize('fails', ['write', 'rename'])
def test_a_kill_while_outputs_are_taken_back_mixes_nothing(
        tmp_path, monkeypatch, fails):
    for number in (3, 4):
        _Two(tmp_path, number).run(say=_quiet)
    whole = getattr(Manifest if fails == 'write' else Path, fails)

    def stopped(self, *args):
        if fails == 'write' or self.name == 'one.old1':
            raise KeyboardInterrupt
        return whole(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Manifest if fails == 'write' else Path, fails, stopped)
        with pytest.raises(KeyboardInterrupt):
            _Two(tmp_path, 3).run(say=_quiet)
    for number in (4, 3, 4):
        _Two(tmp_path, number).run(say=_quiet)
        found = (tmp_path / 'one' / 'number.txt').read_text()
        assert found == str(number)


def test_damaged_outputs_are_mended_in_place(tmp_path):
    _Two(tmp_path, 3).run(say=_quiet)
    (tmp_path / 'one' / 'number.txt').unlink()
    (tmp_path / 'one' / 'earlier.txt').write_text('kept')
    again = _Two(tmp_path, 3)
    again.run(say=_quiet)
    assert again.seen == [('one', True)]
    assert (tmp_path / 'one' / 'earlier.txt').exists()


def test_the_time_of_earlier_tries_counts(tmp_path):
    stopped = _Two(tmp_path, 3, fail=True)
    with pytest.raises(KeyboardInterrupt):
        stopped.run(say=_quiet)
    mark = tmp_path / 'manifests' / 'one.started.json'
    content = read_json(mark)
    began = content['finished'] / 1e9
    write_json(mark, dict(content, seconds=100.))
    os.utime(tmp_path / 'one' / 'number.txt', (began, began + 50))
    again = _Two(tmp_path, 3)
    again.run(say=_quiet)
    assert again.context.manifests['one'].seconds == pytest.approx(150, abs=5)
    assert again.context.manifests['two'].seconds < 5


def test_a_copy_does_not_count_the_time_until_it_was_made(tmp_path):
    stopped = _Two(tmp_path / 'a', 3, fail=True)
    with pytest.raises(KeyboardInterrupt):
        stopped.run(say=_quiet)
    shutil.copytree(tmp_path / 'a', tmp_path / 'b')
    later = time.time() + 1e5  # of cp -r, a day later
    for path in (tmp_path / 'b').rglob('*'):
        os.utime(path, (later, later))
    again = _Two(tmp_path / 'b', 3)
    again.run(say=_quiet)
    assert again.seen[0] == ('one', True)
    assert again.context.manifests['one'].seconds < 5


def test_a_report_has_the_names_of_its_folder_and_configs(tmp_path):
    def inputs(root, name):
        return WriteReport().inputs(
            Context(tmp_path / root, Config.fromfile(tmp_path / f'{name}.py')))

    for name in 'xy':
        (tmp_path / f'{name}.py').write_text('a = 1')
    assert inputs('a', 'x') == inputs('a', 'x')
    assert inputs('a', 'x') != inputs('b', 'x')
    assert inputs('a', 'x') != inputs('a', 'y')


def test_an_interrupted_step_resumes_if_its_inputs_are_the_same(tmp_path):
    for _ in range(2):
        stopped = _Two(tmp_path, 3, fail=True)
        lines = []
        with pytest.raises(KeyboardInterrupt):
            stopped.run(say=lines.append)
    assert stopped.seen == [('one', True)]
    assert lines == ['[1/2] one     runs (not finished; what is there is '
                     'resumed)']
    other = _Two(tmp_path, 4)
    other.run(say=_quiet)
    assert other.seen == [('one', False), ('two', False)]
    assert (tmp_path / 'one.old1' / 'number.txt').read_text() == '3'


def test_a_forced_step_runs_anew(tmp_path):
    stopped = _Two(tmp_path, 3, fail=True)
    with pytest.raises(KeyboardInterrupt):
        stopped.run(say=_quiet)
    again = _Two(tmp_path, 3)
    lines = []
    again.run(['one'], say=lines.append)
    assert lines[0] == '[1/2] one     runs (forced)'
    assert again.seen == [('one', False), ('two', False)]
    assert (tmp_path / 'one.old1').is_dir()
    # Killed after the record was written, before the mark was removed.
    mark = tmp_path / 'manifests' / 'one.started.json'
    mark.write_bytes((tmp_path / 'manifests' / 'one.json').read_bytes())
    _Two(tmp_path, 3).run(say=_quiet)
    assert not mark.exists()


def test_what_another_run_has_finished_since_is_current(tmp_path):
    waiting, first = _Two(tmp_path, 3), _Two(tmp_path, 3)
    first.run(say=_quiet)
    waiting.run(say=_quiet)
    assert waiting.seen == []
    assert waiting.context.result('two') == dict(number=6)


def test_from_a_step_on_all_run(tmp_path):
    _Two(tmp_path, 3).run(say=_quiet)
    for start, ran in (('one', ['one', 'two']), ('two', ['two'])):
        again = _Two(tmp_path, 3)
        again.run(start=start, say=_quiet)
        assert [name for name, _ in again.seen] == ran
    for wrong in (dict(start='three'), dict(force=['three'])):
        with pytest.raises(ValueError, match='three: expected one of the '
                           'steps one, two'):
            _Two(tmp_path, 3).run(say=_quiet, **wrong)


@pytest.mark.parametrize('names', [('one', 'one'), ('one', 'a/b'),
                                   ('one', 'manifests'), ('one', '')])
def test_steps_do_not_share_a_folder(tmp_path, names):
    steps = [_Number(name, [], number=1) for name in names]
    with pytest.raises(ValueError, match='a unique name for each step'):
        Pipeline(steps, Context(tmp_path, steps=steps))


def test_a_step_does_not_see_those_after_it(tmp_path):
    steps = [_Number('one', [], twice='two'), _Number('two', [], number=1)]
    with pytest.raises(ValueError, match="step 'two': expected one of"):
        Pipeline(steps, Context(tmp_path, steps=steps)).run(say=_quiet)


def test_inputs_that_no_manifest_can_hold_are_refused(tmp_path):
    steps = [_Number('one', [], number=tmp_path)]
    with pytest.raises(ValueError, match='inputs of step one: expected JSON'):
        Pipeline(steps, Context(tmp_path, steps=steps)).run(say=_quiet)


def test_a_step_of_ones_own_runs_again_when_its_code_changes(
        tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    code = tmp_path / 'a_step_of_mine.py'
    text = """from hsc_mm.pipeline import Outcome, Step

class Count(Step):
    name = folder = 'count'

    def inputs(self, ctx):
        return dict()

    def run(self, ctx, resumable):
        return Outcome([], dict(pixels=12))
"""
    found = []
    for number in ('12', '12', '99'):
        code.write_text(text.replace('12', number))
        sys.modules.pop('a_step_of_mine', None)
        importlib.invalidate_caches()
        step = import_module('a_step_of_mine').Count()
        lines = []
        Pipeline([step], Context(tmp_path / 'work', steps=[step])).run(
            say=lines.append)
        found.append(any(' runs (' in line for line in lines))
    assert found == [True, False, True]
    assert 'changed: step_code' in lines[0]
