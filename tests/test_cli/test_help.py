"""``--help`` is quick, and names what there is."""
import json
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


# One process for all: each command would take the start of Python anew.
ALL = """
import contextlib, io, json, sys
sys.orig_argv = ['python', '-m', 'hsc_mm']  # how the package knows commands
from hsc_mm import cli
found = {}
for name in cli.COMMANDS:
    sys.argv, text = ['hsc_mm', name, '--help'], io.StringIO()
    try:
        with contextlib.redirect_stdout(text):
            cli.main()
    except SystemExit as end:
        found[name] = [end.code, text.getvalue(), sorted(sys.modules)]
print(json.dumps(found))
"""


@pytest.fixture(scope='module')
def helped():
    """Return command -> status, text, and all modules loaded so far."""
    done = subprocess.run([sys.executable, '-c', ALL], capture_output=True,
                          text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize('command', cli.COMMANDS)
def test_help_loads_neither_torch_nor_openmmlab(command, helped):
    status, text, loaded = helped[command]
    assert status == 0
    assert not {'torch', 'mmseg', 'mmcv', 'cv2'} & {*loaded}
    assert text.startswith('usage: ')
    for name in NAMED.get(command, ()):
        assert name in text
