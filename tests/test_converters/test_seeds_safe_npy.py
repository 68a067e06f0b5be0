"""Pickles in .npy files: hostile ones, and those that hold arrays."""
import pickle

import numpy as np
import pytest
import torch
from conftest import Hostile
from seed_maps import from_zero, save

from hsc_converters.seeds import load_npy


def test_a_hostile_file_does_nothing(bring, maps, tmp_path, capsys):
    trace = tmp_path / 'trace'
    contents = from_zero(maps)
    contents['img_01'] = {7: Hostile(trace)}
    save(tmp_path / 'from', contents)
    assert bring(tmp_path / 'from') == 1
    assert not trace.exists()
    told = capsys.readouterr()
    assert 'img_01.npy: expected a .npy file of arrays, but it asks for ' in (
        told.err)
    assert '7 of 8 seeds written' in told.out
    np.load(tmp_path / 'from' / 'img_01.npy', allow_pickle=True)
    assert trace.exists()  # it would have


class Reduced:
    """Whatever one likes to be called."""

    def __init__(self, *reduced) -> None:
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize('content', [
    Reduced(np.ndarray, ((1, ), np.dtype('O'), b'\x41' * 8)),
    Reduced(eval, ('1', )),
    Reduced(getattr, ('x', 'join')),
    Reduced(torch._utils._rebuild_tensor_v2, (), dict(x=1)),
    np.zeros(2, [('a', 'O')]),
    np.array(['2000-01-01'], 'M8[D]'),
])
def test_pointers_and_functions_are_refused(content, tmp_path):
    path = tmp_path / 'x.npy'
    header = np.array(None)
    np.save(path, header, allow_pickle=True)
    data = path.read_bytes()
    start = data.index(b'\n') + 1
    path.write_bytes(data[:start] + pickle.dumps(dict(a=content), 4))
    with pytest.raises(ValueError, match=r'a \.npy file of arrays'):
        load_npy(path)


@pytest.mark.parametrize('protocol', [2, 4, 5])
def test_what_arrays_are_made_of_is_read(protocol, tmp_path):
    array = np.arange(6, dtype='>f4').reshape(2, 3)
    content = {
        np.int64(3): array,
        'fortran': np.asfortranarray(array),
        'text': np.array(['a', 'bc']),
        'none': np.zeros((0, 4)),
        'half': torch.ones(2, dtype=torch.float16),
        'list': [np.float32(2.5), True, None, 'x'],
        'inner': np.array([dict(a=1), None]),
    }
    np.save(tmp_path / 'x.npy', None, allow_pickle=True)
    data = (tmp_path / 'x.npy').read_bytes()
    whole = np.array(content)
    (tmp_path / 'x.npy').write_bytes(
        data[:data.index(b'\n') + 1] + pickle.dumps(whole, protocol))
    found = load_npy(tmp_path / 'x.npy')
    assert np.array_equal(found[3], array)
    assert np.array_equal(found['fortran'], array)
    assert found['text'].tolist() == ['a', 'bc']
    assert found['none'].shape == (0, 4)
    assert found['half'].tolist() == [1, 1]
    assert found['list'] == [2.5, True, None, 'x']
    assert found['inner'] == [dict(a=1), None]
