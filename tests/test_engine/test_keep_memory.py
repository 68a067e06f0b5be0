"""Freed memory stays with a process that runs on a CPU."""
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest
from torch import nn

from hsc_mm.engine.hooks import keep_memory_hook
from hsc_mm.registry import HOOKS

COUNT = '''
import resource
import numpy as np
from hsc_mm.engine.hooks.keep_memory_hook import keep_freed_memory

def faults():
    """Pages that the kernel had to give for three arrays of 40 MB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        np.zeros(5_000_000).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
counts = [faults()]
for keep in (True, False):
    assert keep_freed_memory(keep)
    faults()  # takes what the next one finds
    counts.append(faults())
print(*counts)
'''


@pytest.mark.slow
@pytest.mark.skipif(
    platform.libc_ver()[0] != 'glibc', reason='mallopt is of glibc')
def test_the_kernel_gives_each_page_once():
    output = subprocess.run(
        [sys.executable, '-c', COUNT],
        check=True, capture_output=True, text=True).stdout
    anew, kept, again = map(int, output.split())
    # How large the pages are, and so how many, is up to a busy kernel.
    assert kept < 0.1 * min(anew, again)


@pytest.mark.parametrize(('device', 'settings', 'count'), [
    ('cpu', {}, 1), ('meta', {}, 0), ('cpu', dict(keep=False), 0)])
def test_on_a_cpu_alone(monkeypatch, device, settings, count):
    calls = []
    monkeypatch.setattr(keep_memory_hook, 'keep_freed_memory',
                        lambda: calls.append(1))
    hook = HOOKS.build(dict(type='hsc_mm.KeepMemoryHook', **settings))
    hook.before_run(SimpleNamespace(model=nn.Linear(2, 2, device=device)))
    assert len(calls) == count
