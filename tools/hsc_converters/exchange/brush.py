"""Run-length code of Label Studio's brush (the npm package rle-pack).

A stream of bits: the number of values (32 bits), the bits of a value less
one (5), four sizes less one (4 each); then runs. A run begins with a bit,
1 = one value that repeats, 0 = values one by one; two bits that choose a
size; its length less one in so many bits; and the value or values. Values
are those of an RGBA image, row by row; alpha is the mask.
"""
from collections.abc import Sequence

import numpy as np

__all__ = ['decode_brush', 'encode_brush']

_SIZES = (3, 4, 8, 16)


def encode_brush(mask: np.ndarray) -> list[int]:
    """Encode a mask, (H, W) bool, into bytes 0..255."""
    flat = mask.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    starts = np.concatenate([[0], edges])
    lengths = 4 * np.diff(np.concatenate([starts, [flat.size]]))
    bits = [f'{4 * flat.size:032b}{7:05b}',
            *(f'{size - 1:04b}' for size in _SIZES)]
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        value = '1' * 8 if flat[start] else '0' * 8
        for begin in range(0, length, 1 << _SIZES[-1]):
            rest = min(length - begin, 1 << _SIZES[-1]) - 1
            place = next(n for n, s in enumerate(_SIZES) if rest < 1 << s)
            bits.append(f'1{place:02b}{rest:0{_SIZES[place]}b}{value}')
    text = ''.join(bits)
    packed = np.packbits(np.frombuffer(text.encode(), np.uint8) - ord('0'))
    return packed.tolist()


def decode_brush(code: Sequence[int], height: int, width: int) -> np.ndarray:
    """Decode bytes into a mask.

    Args:
        code (sequence[int]): Bytes, 0..255.
        height (int): Height of the image.
        width (int): Width of the image.

    Returns:
        np.ndarray: (H, W) bool: alpha is 128 or more. The rim of a stroke is
        drawn half transparent there.

    Raises:
        ValueError: It is no such code, or that of another size.
    """
    try:
        data = bytes([*code])  # of a number it would make so many zeros
    except (TypeError, ValueError) as error:
        raise ValueError(f'expected bytes 0..255, found {error}') from error
    bits = ''.join(f'{byte:08b}' for byte in data)
    if len(bits) < 53:
        raise ValueError(f'expected 7 bytes or more, found {len(data)}')
    count, depth = int(bits[:32], 2), int(bits[32:37], 2) + 1
    if count != 4 * height * width or depth != 8:
        raise ValueError(
            f'expected {4 * height * width} values of 8 bits, RGBA of '
            f'{width} x {height} pixels, found {count} of {depth}')
    sizes = [int(bits[at:at + 4], 2) + 1 for at in range(37, 53, 4)]
    values, place, at = np.zeros(count, np.uint8), 0, 53
    while place < count:
        repeats, size = bits[at:at + 1] == '1', sizes[
            int(bits[at + 1:at + 3] or '0', 2)]
        at += 3
        length = int(bits[at:at + size] or '0', 2) + 1
        at += size
        many = 1 if repeats else length
        if at + 8 * many > len(bits) or place + length > count:
            raise ValueError('expected a whole code, found one that is cut '
                             'short or garbled')
        run = [int(bits[i:i + 8], 2) for i in range(at, at + 8 * many, 8)]
        values[place:place + length] = run
        place, at = place + length, at + 8 * many
    return values.reshape(height, width, 4)[:, :, 3] >= 128
