"""Damage inside of pictures: what decoders say, and of which file."""
import os
import signal
import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from hsc_mm.cli.signals import PARENT
from hsc_mm.utils import damage, progress
from hsc_mm.utils.damage import damaged


def _picture(suffix):
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (40, 50, 3), np.uint8), (300, 200))
    return bytearray(cv2.imencode(suffix, image)[1].tobytes())


def _write(path, data):
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
@pytest.mark.parametrize('kind', ['zeros', 'random', 'cut', 'half'])
def test_damage_in_the_middle_is_found(tmp_path, suffix, kind):
    data = _picture(suffix)
    middle = len(data) // 2
    whole = _write(tmp_path / f'whole{suffix}', data)
    if kind == 'half':
        data[middle:-16] = bytes(len(data) - 16 - middle)
    elif kind == 'cut':
        del data[middle:middle + 700]
    else:
        data[middle:middle + 700] = bytes(700) if kind == 'zeros' else \
            np.random.default_rng(1).integers(0, 256, 700, np.uint8).tobytes()
    broken = _write(tmp_path / f'broken{suffix}', data)
    found = damaged([whole, broken, whole])
    assert list(found) == [broken]
    assert found[broken].startswith(
        'Corrupt JPEG data: ' if suffix == '.jpg' else (
            'libpng error: ', 'it cannot be decoded'))


def test_other_files_are_left_out(tmp_path):
    data = _picture('.jpg')
    progressive = cv2.imencode('.jpg', np.full((9, 9, 3), 255, np.uint8), [
        cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1]
    names = [os.fsdecode(b'\xff a\nb.jpg'), '.jpg', 'ü "$x".jpg']
    paths = [_write(tmp_path / name, data) for name in names]
    paths += [_write(tmp_path / 'text.jpg', b'text'),
              _write(tmp_path / 'empty.jpg', b''),
              _write(tmp_path / 'white.jpg', progressive.tobytes()),
              str(tmp_path / 'missing.jpg'), str(tmp_path)]
    assert damaged(paths) == damaged([]) == {}
    del data[3000:4000]
    _write(tmp_path / names[0], data)
    assert list(damaged(paths)) == paths[:1]


def test_many_files_are_parted_and_keep_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(damage, '_PART', 1)
    monkeypatch.setattr(damage.os, 'cpu_count', lambda: 3)
    data = _picture('.jpg')
    del data[3000:4000]
    paths = [_write(tmp_path / f'{n}.jpg', data) for n in (4, 3, 2, 1)]
    assert list(damaged(paths)) == paths


@pytest.fixture
def decoder(tmp_path, monkeypatch):
    """Write a shell script that decodes in place of Python."""
    python = tmp_path / 'python'
    python.touch(0o755)
    monkeypatch.setattr(damage, 'sys', SimpleNamespace(
        executable=str(python)))
    return lambda lines: python.write_text(f'#!/bin/sh\n{lines}\n')


def test_a_decoder_that_crashes_does_not_end_the_others(decoder):
    decoder('echo; kill -SEGV $$')
    assert damaged(['a', 'b', 'c']) == {'b': 'the decoder crashed'}
    decoder('echo no module >&2; exit 1')
    with pytest.raises(OSError, match=r'^a: .*status 1: no module'):
        damaged(['a'])


@pytest.mark.parametrize('number', ['KILL', 'TERM'])
def test_a_decoder_that_is_stopped_damages_no_file(decoder, number):
    decoder(f'echo; kill -{number} $$')
    with pytest.raises(OSError, match=r'^b: .*ended with status -\d+'):
        damaged(['a', 'b', 'c'])


def test_a_doctor_that_is_stopped_ends_the_decoder(decoder, tmp_path):
    decoder(f'echo $$ > {tmp_path}/pid; echo; exec sleep 60')

    def stop(*_):
        raise KeyboardInterrupt

    start = time.monotonic()
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(1)
    try:
        with pytest.raises(KeyboardInterrupt):
            damaged(['a', 'b'])
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - start < 30
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / 'pid').read_text()), 0)


def test_progress_counts_the_files(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(PARENT, '1')
    monkeypatch.setattr(progress, '_EVERY', 0)
    path = _write(tmp_path / 'a.jpg', _picture('.jpg'))
    assert damaged([path] * 3) == {}
    assert 'Iter(decoding) [2/3]' in capsys.readouterr().err
