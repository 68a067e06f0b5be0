"""``--help`` is quick, and names what there is."""
import subprocess
import sys

import pytest
from tiny_configs import ROOT

from hsc_mm import cli
from hsc_mm.crf import PRESETS, backend_names

# Those beside the library import what they work with.
QUICK = [name for name in cli.COMMANDS if name not in cli._BESIDE]
# Written out, for --help loads nothing that knows them.
NAMED = dict(test=[*PRESETS, *backend_names()])


@pytest.mark.parametrize('command', QUICK)
def test_help_loads_neither_torch_nor_openmmlab(command):
    done = subprocess.run(
        [sys.executable, '-X', 'importtime', '-m', 'hsc_mm', command,
         '--help'], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = {line.split('|')[-1].strip().split('.')[0]
              for line in done.stderr.splitlines() if '|' in line}
    assert not loaded & {'torch', 'mmseg', 'mmcv', 'cv2'}
    for name in NAMED.get(command, ()):
        assert name in done.stdout
