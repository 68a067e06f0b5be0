"""Reading MXNet's files, of every version and cut anywhere."""
import struct

import numpy as np
import pytest

from hsc_converters.mxnet import read_params, rename_mxnet

ARRAYS = {
    'arg:conv1a_weight': np.arange(24, dtype='f4').reshape(2, 3, 2, 2),
    'aux:bn7_moving_var': np.array([1, 2], dtype='f8'),
    'arg:count': np.array([7], dtype='i8'),
}
FLAGS = {'float32': 0, 'float64': 1, 'int64': 6}


def header(version: str, shape: tuple) -> bytes:
    """Write version and shape as that version does."""
    n = len(shape)
    if version == 'legacy':
        return struct.pack(f'<I{n}I', n, *shape)
    if version == 'V1':
        return struct.pack(f'<II{n}q', 0xF993fac8, n, *shape)
    magic = dict(V2=0xF993fac9, V3=0xF993faca)[version]
    return struct.pack(f'<Iii{n}q', magic, 0, n, *shape)


def params(arrays: dict, version: str = 'legacy') -> bytes:
    """Write a file as MXNet does."""
    data = struct.pack('<QQQ', 0x112, 0, len(arrays))
    for array in arrays.values():
        data += header(version, array.shape)
        data += struct.pack('<iii', 1, 0, FLAGS[array.dtype.name])
        data += array.tobytes()
    data += struct.pack('<Q', len(arrays))
    for name in arrays:
        data += struct.pack('<Q', len(name)) + name.encode()
    return data


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'x.params'


@pytest.mark.parametrize('version', ['legacy', 'V1', 'V2', 'V3'])
def test_every_version_is_read(path, version):
    path.write_bytes(params(ARRAYS, version))
    found = read_params(path)
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


@pytest.mark.parametrize(('size', 'text'), [
    (0, 'the header, at byte 0: expected 24 bytes .* found 0'),
    (26, 'array 1 of 3, at byte 24: expected 4 bytes of version, found 2'),
    (30, 'array 1 of 3, at byte 28: expected 16 bytes of 4 dimensions'),
    (50, r'array 1 of 3, at byte 44: expected 12 bytes of device'),
    (100, r'array 1 of 3, at byte 56: expected 96 bytes of float32 values '
     r'of shape \(2, 3, 2, 2\), found 44'),
    (-70, 'the names, at byte .* their number'),
    (-3, 'name 3 of 3, at byte .*: expected 9 bytes of its letters, found 6'),
])
def test_a_short_file_says_where_it_ends(path, size, text):
    data = params(ARRAYS)
    path.write_bytes(data[:size])
    with pytest.raises(ValueError, match=rf'x\.params: in {text}'):
        read_params(path)


def test_every_cut_is_an_error(path):
    data = params(ARRAYS, 'V2')
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(ValueError, match='where the file ends'):
            read_params(path)


@pytest.mark.parametrize(('offset', 'value', 'text'), [
    (0, b'PK\3\4', 'the header, .*expected 0x112, .* found 0x4034b50'),
    (24, b'\xc7\xfa\x93\xf9', 'array 1 of 3, .*the mark of a version'),
    (28, b'\1', r'array 1 of 3, .*storage type 0\), found type 1'),
    (43, b'\xff', 'array 1 of 3, .*dimensions >= 0, found'),
    (76, b'\x63', 'array 1 of 3, .*a type from 0 to 6, found 99'),
])
def test_other_content_is_an_error(path, offset, value, text):
    data = bytearray(params(ARRAYS, 'V2'))
    data[offset:offset + len(value)] = value
    path.write_bytes(data)
    with pytest.raises(ValueError, match=text):
        read_params(path)


def test_as_many_names_as_arrays(path):
    data = params(ARRAYS).replace(
        struct.pack('<QQ', 3, 17), struct.pack('<QQ', 2, 17))
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r'expected 3 names.*found 2'):
        read_params(path)


@pytest.mark.parametrize(('name', 'expected'), [
    ('arg:conv1a_weight', 'conv1a.weight'),
    ('arg:res2a_branch2a_weight', 'b2.conv_branch2a.weight'),
    ('arg:res2a_branch1_weight', 'b2.conv_branch1.weight'),
    ('arg:res4b5_branch2b1_weight', 'b4_5.conv_branch2b1.weight'),
    ('arg:bn3b2_branch2a_gamma', 'b3_2.bn_branch2a.weight'),
    ('arg:bn6a_branch2b2_beta', 'b6.bn_branch2b2.bias'),
    ('aux:bn2a_branch2a_moving_mean', 'b2.bn_branch2a.running_mean'),
    ('aux:bn7_moving_var', 'bn7.running_var'),
    ('arg:res2a_branch2a_gamma', 'res2a_branch2a_gamma'),
    ('arg:stage1_unit1_bn1_gamma', 'stage1_unit1_bn1_gamma'),
])
def test_names(name, expected):
    assert list(rename_mxnet({name: np.zeros(1)})) == [expected]


def test_the_classifier_is_left_out():
    assert rename_mxnet({'arg:linear1000_weight': np.zeros(1),
                         'arg:linear1000_bias': np.zeros(1)}) == {}
