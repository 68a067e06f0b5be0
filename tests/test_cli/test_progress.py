"""Progress bars: on a terminal, as lines for the pipeline, else nothing."""
import io
import re

import pytest

from hsc_mm.pipeline import step
from hsc_mm.utils import progress as module
from hsc_mm.utils.progress import progress


class _Terminal(io.StringIO):

    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Let each look at the clock take a second."""
    monkeypatch.setattr(module, 'monotonic', iter(range(10**6)).__next__)


def _shown(monkeypatch, stream, **kwargs):
    monkeypatch.setattr('sys.stderr', stream)
    assert list(progress(range(9), 9, 'files', **kwargs)) == list(range(9))
    return stream.getvalue()


def test_a_terminal_shows_count_and_rate(monkeypatch, clock):
    monkeypatch.setenv('TERM', 'xterm')
    text = _shown(monkeypatch, _Terminal(), unit='masks')
    assert 'files' in text and '/9' in text and 'masks/s' in text


def test_work_quicker_than_the_delay_is_silent(monkeypatch, clock):
    assert _shown(monkeypatch, _Terminal(), delay=99) == ''


def test_pipes_and_other_ranks_stay_silent(monkeypatch, clock):
    monkeypatch.delenv('HSC_MM_PARENT', raising=False)
    assert _shown(monkeypatch, io.StringIO()) == ''
    monkeypatch.setenv('RANK', '1')
    assert _shown(monkeypatch, _Terminal()) == ''


def test_the_pipeline_shows_lines_of_its_children(monkeypatch, clock):
    monkeypatch.setenv('HSC_MM_PARENT', '1')
    lines = _shown(monkeypatch, io.StringIO()).splitlines()
    assert len(lines) == 1
    shown = step._short(step._SHOWN.search(lines[0]))
    assert re.fullmatch(r'Iter\(files\) \[\d/9\]  eta: 0:00:0\d  '
                        r'rate: \d\.\d images/s', shown)


def test_an_error_ends_the_bar(monkeypatch, clock):
    monkeypatch.setattr('sys.stderr', _Terminal())
    items = progress(range(3), 3, 'files')
    next(items)
    items.close()
