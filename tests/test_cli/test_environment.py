"""Commands where something of the environment is missing."""
import os
import re
import site
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _doctor(folder, missing, fake='', **env):
    """Run the doctor without some packages, or with a file in their place."""
    for place in filter(os.path.isdir, site.getsitepackages()):
        for path in Path(place).iterdir():
            if not path.name.startswith(missing) and \
                    not (folder / path.name).exists():
                (folder / path.name).symlink_to(path)
    if fake:
        (folder / f'{missing[0].rstrip("/")}.py').write_text(fake)
    return subprocess.run(
        [sys.executable, '-S', '-m', 'hsc_mm', 'doctor', 'x.py'],
        env={**os.environ, 'PYTHONPATH': f'{ROOT}:{folder}', **env},
        capture_output=True, text=True, cwd='/')


@pytest.mark.parametrize(('missing', 'fake', 'text'), [
    (('mm', 'onedl'), '', 'hsc_mm needs .*but found no OpenMMLab family at '
     'all; run "pip install'),
    (('torch', ), '', 'needs torch and torchvision, but found no torch'),
    (('cv2', ), 'libGL.so.1', 'needs OpenCV, which cannot be imported '
     r'\(libGL\.so\.1: cannot .*apt install libgl1'),
    (('cv2', ), 'libgthread-2.0.so.0', 'needs OpenCV')])
def test_what_is_missing_is_said_in_a_sentence(tmp_path, missing, fake, text):
    done = _doctor(tmp_path, missing, fake and (
        f'raise ImportError("{fake}: cannot open shared object file")'))
    said = [one for one in done.stderr.splitlines() if one]
    assert done.returncode == 1 and len(said) == 1
    assert said[0].startswith('error: ')
    assert re.search(text, said[0])


def test_another_library_is_not_opencvs(tmp_path):
    fake = 'raise ImportError("libcudart.so.12: cannot", name="termcolor._C")'
    done = _doctor(tmp_path, ('termcolor', ), fake)
    assert (done.returncode, done.stderr) == (
        1, 'error: libcudart.so.12: cannot\n')
    done = _doctor(tmp_path, ('termcolor', ), fake, HSC_MM_TRACEBACK='1')
    assert done.returncode == 1 and 'Traceback' in done.stderr
