"""When a step runs, resumes, or makes room."""
import pytest

from hsc_mm.pipeline.steps import Outcome, Steps


class _Two(Steps):
    """One step writes a number, the other doubles it."""

    def __init__(self, folder, number, fail=False):
        super().__init__(('one', 'two'), folder)
        self.number, self.fail = number, fail
        self.seen = []

    def _write(self, name, number, resumable):
        self.seen.append((name, resumable))
        path = self.folder(name) / 'number.txt'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
        if self.fail:
            raise KeyboardInterrupt
        return Outcome([path], dict(number=number))

    def _one_inputs(self):
        return dict(number=self.number)

    def _one(self, resumable):
        return self._write('one', self.number, resumable)

    def _two_inputs(self):
        return dict(one=self.manifests['one'].result)

    def _two(self, resumable):
        return self._write('two', 2 * self.number, resumable)


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


def test_a_stopped_step_is_gone_on_with_if_its_inputs_are_the_same(tmp_path):
    for _ in range(2):
        stopped = _Two(tmp_path, 3, fail=True)
        with pytest.raises(KeyboardInterrupt):
            stopped.run(say=_quiet)
    assert stopped.seen == [('one', True)]
    other = _Two(tmp_path, 4)
    other.run(say=_quiet)
    assert other.seen == [('one', False), ('two', False)]
    assert (tmp_path / 'one.old1' / 'number.txt').read_text() == '3'
