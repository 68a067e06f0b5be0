"""A pool of processes: order, exceptions, dead workers."""
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest

from hsc_mm.crf import DenseCRF
from hsc_mm.utils.pool import map_ordered

sys.path.insert(0, str(Path(__file__).parent))
from crf_doubles import Double

PARENT = """
import time
from hsc_mm.utils import pool

if __name__ == '__main__':
    workers = pool._Pool(max, 2)
    futures = [workers.executor.submit(time.sleep, 1) for _ in range(2)]
    [future.result() for future in futures]
    print(*workers.executor._processes, flush=True)
    time.sleep(60)
"""


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
    results = map_ordered(Double(), items(range(1, 7), taken))
    assert taken == []
    found = [next(results)]
    assert taken == [1]
    found += results
    check(found, range(1, 7), {5: ValueError})
    assert str(found[4][1]) == 'image 5 is bad'


def test_two_workers_keep_the_order_and_survive_a_death():
    taken, numbers = [], [1, 2, 5, 3, 7, 4, 6, 8, 9]
    results = map_ordered(Double(), items(numbers, taken), 2)
    found = [next(results)]
    assert taken == [1, 2, 5, 3]
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
    here = dict(map_ordered(crf, images))
    there = dict(map_ordered(crf, images, workers=1))
    for i in range(3):
        np.testing.assert_array_equal(here[i], there[i])
    assert str(here[3]) == str(there[3])
    assert 'prob: expected the size' in str(there[3])


def test_an_error_of_the_source_is_raised():
    def broken():
        yield from items([1])
        raise OSError('no more')

    with pytest.raises(OSError, match='no more'):
        list(map_ordered(Double(), broken()))


def test_a_bad_number_is_named():
    with pytest.raises(ValueError, match=r'workers .*>= 0, found -1'):
        map_ordered(Double(), [], workers=-1)


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / 'parent.py'
    script.write_text(PARENT)
    child = subprocess.Popen([sys.executable, script],
                             stdout=subprocess.PIPE, text=True)
    for line in child.stdout:  # a library may say something first
        workers = line.split()
        if line[0].isdigit():
            break
    workers = [int(pid) for pid in workers]
    assert len(workers) == 2
    child.kill()
    child.wait()
    deadline = time.monotonic() + 20
    while (alive := [pid for pid in workers if running(pid)]) and \
            time.monotonic() < deadline:
        time.sleep(0.1)
    assert alive == []


def running(pid):
    """Say whether a process is there, and not a zombie."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().split()[2] != 'Z'
    except FileNotFoundError:
        return False


SCRIPT = """
from pathlib import Path
from hsc_mm.utils.pool import map_ordered

with open('runs', 'a') as file:
    file.write('x')

def main():
    print(dict(map_ordered(abs, [(1, -1), (2, -2)], 2)))

{guard}
"""


@pytest.mark.slow
@pytest.mark.parametrize(('guard', 'warns'), [
    ('main()', True), ('if __name__ == "__main__":\n    main()', False),
    ('try:\n    main()\nfinally:\n    pass', True),
    ('try:\n    if __name__ == "__main__":\n        main()\nfinally:\n    1',
     False),
    ('from threading import Thread\none = Thread(target=main)\none.start()\n'
     'one.join()', True),
    ('@lambda one: one()\ndef again():\n    main()', True)])
def test_a_script_without_the_guard_runs_once(tmp_path, guard, warns):
    (tmp_path / 'own.py').write_text(SCRIPT.format(guard=guard))
    run = subprocess.run([sys.executable, 'own.py'], cwd=tmp_path, text=True,
                         capture_output=True, check=True, timeout=120)
    assert '{1: 1, 2: 2}' in run.stdout
    assert ('own.py: without if __name__' in run.stdout + run.stderr) == warns
    if warns:
        assert (tmp_path / 'runs').read_text() == 'x'
