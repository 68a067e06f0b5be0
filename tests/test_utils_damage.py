"""Damage inside of pictures: what decoders say, and of which file."""
import os
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from hsc_mm.utils import damage
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


def test_a_decoder_that_crashes_does_not_end_the_others(
        tmp_path, monkeypatch):
    python = tmp_path / 'python'
    python.touch(0o755)
    monkeypatch.setattr(damage, 'sys', SimpleNamespace(
        executable=str(python)))
    python.write_text('#!/bin/sh\necho\nkill -9 $$\n')
    assert damaged(['a', 'b', 'c']) == {'b': 'the decoder crashed'}
    python.write_text('#!/bin/sh\necho no module >&2; exit 1\n')
    with pytest.raises(OSError, match=r'^a: .*it ended: no module'):
        damaged(['a'])
