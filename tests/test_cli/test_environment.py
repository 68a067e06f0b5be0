"""Commands where something of the environment is missing."""
import os
import re
import site
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(('missing', 'text'), [
    (('mm', 'onedl'), 'hsc_mm needs .*but found no OpenMMLab family at all; '
     'run "pip install'),
    (('torch', ), 'needs torch and torchvision, but found no torch'),
    (('cv2', ), 'needs OpenCV, which cannot be imported .libGL.so.1: cannot '
     '.*apt install libgl1')])
def test_what_is_missing_is_said_in_a_sentence(tmp_path, missing, text):
    for folder in site.getsitepackages():
        for path in Path(folder).iterdir():
            if not path.name.startswith(missing) and \
                    not (tmp_path / path.name).exists():
                (tmp_path / path.name).symlink_to(path)
    if missing == ('cv2', ):
        (tmp_path / 'cv2.py').write_text(
            'raise ImportError("libGL.so.1: cannot open shared object file")')
    done = subprocess.run(
        [sys.executable, '-S', '-m', 'hsc_mm', 'doctor', 'x.py'],
        env={**os.environ, 'PYTHONPATH': f'{ROOT}:{tmp_path}'},
        capture_output=True, text=True, cwd='/')
    said = [one for one in done.stderr.splitlines() if one]
    assert done.returncode == 1 and len(said) == 1
    assert said[0].startswith('error: ')
    assert re.search(text, said[0])
