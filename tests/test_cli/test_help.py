"""``--help`` is quick, and names what there is."""
import subprocess
import sys

import pytest
from tiny_configs import ROOT

from hsc_converters.coco_files import SPLIT_SIZES
from hsc_converters.exchange import FORMATS as EXCHANGED
from hsc_converters.release import BACKGROUNDS, SOURCES
from hsc_converters.seeds import FORMATS
from hsc_mm import cli
from hsc_mm.crf import PRESETS, backend_names

# Written out, for --help loads nothing that knows them.
NAMED = dict(
    test=[*PRESETS, *backend_names()],
    prepare_coco=[*SPLIT_SIZES],
    import_seeds=['auto', *FORMATS],
    export=[*EXCHANGED],
    convert_weights=['auto', *SOURCES, *BACKGROUNDS],
    **{'import': ['auto', *EXCHANGED]})


@pytest.mark.parametrize('command', cli.COMMANDS)
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
