"""Many images through a CRF: order, exceptions, dead workers."""
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest

from hsc_mm.crf import DenseCRF, refine_many

sys.path.insert(0, str(Path(__file__).parent))
from crf_doubles import Double


def items(numbers, taken=None):
    for number in numbers:
        if taken is not None:
            taken.append(number)
        yield (f'image{number}', np.full((2, 3, 4), number, np.float32),
               np.full((3, 4, 3), number, np.uint8))


def check(found, numbers, bad):
    assert [key for key, _ in found] == [f'image{n}' for n in numbers]
    for (_, result), number in zip(found, numbers):
        if number in bad:
            assert isinstance(result, bad[number])
        else:
            assert (result == 2 * number).all()


def test_in_process():
    taken = []
    results = refine_many(Double(), items(range(1, 7), taken))
    assert taken == []
    found = [next(results)]
    assert taken == [1]
    found += results
    check(found, range(1, 7), {5: ValueError})
    assert str(found[4][1]) == 'image 5 is bad'


def test_two_workers_keep_the_order_and_survive_a_death():
    taken, numbers = [], [1, 2, 5, 3, 7, 4, 6, 8, 9]
    results = refine_many(Double(), items(numbers, taken), 2, max_pending=3)
    found = [next(results)]
    assert taken == [1, 2, 5]
    found += results
    check(found, numbers, {5: ValueError, 7: BrokenProcessPool})
    assert str(found[2][1]) == 'image 5 is bad'


def test_workers_give_what_the_process_gives():
    rng = np.random.default_rng(0)
    images = [(i, rng.random((2, 8, 9 + i), dtype=np.float32),
               rng.integers(0, 256, (8, 9 + i, 3), dtype=np.uint8))
              for i in range(3)]
    images.append((3, images[0][1], images[1][2]))
    crf = DenseCRF(backend='reduced')
    here = dict(refine_many(crf, images))
    there = dict(refine_many(crf, images, workers=1))
    for i in range(3):
        np.testing.assert_array_equal(here[i], there[i])
    assert str(here[3]) == str(there[3])
    assert 'prob: expected the size' in str(there[3])


def test_an_error_of_the_source_is_raised():
    def broken():
        yield from items([1])
        raise OSError('no more')

    with pytest.raises(OSError, match='no more'):
        list(refine_many(Double(), broken()))


@pytest.mark.parametrize(('options', 'words'), [
    (dict(workers=-1), 'workers .*>= 0, found -1'),
    (dict(workers=2, max_pending=0), 'max_pending .*>= 1, found 0'),
])
def test_bad_numbers_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        refine_many(Double(), [], **options)
