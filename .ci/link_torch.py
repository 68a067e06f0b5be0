"""Hard-link torch and torchvision into a second virtual environment.

A second copy of them costs gigabytes of download and disk. This makes their
installed files, and those of everything they require, appear in another
environment of the same Python version, metadata included, so that pip finds
them installed there::

    .venv/bin/python .ci/link_torch.py .venv-openmmlab

pip replaces files and never writes into them, so neither environment can
change the other's.
"""
import argparse
import os
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOTS = ('torch', 'torchvision')
# The two environments need different versions of these.
SKIPPED = {'pip', 'setuptools', 'wheel'}
PURELIB = 'import sysconfig; print(sysconfig.get_path("purelib"))'


def closure(roots) -> set:
    """Names of the installed distributions that the roots require."""
    seen, todo = set(), [(name, frozenset()) for name in roots]
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen or name in SKIPPED:
            continue
        seen.add((name, extras))
        for line in metadata.requires(name) or ():
            needed = Requirement(line)
            marker = needed.marker
            if marker is None or any(
                    marker.evaluate({'extra': extra})
                    for extra in (extras or {''})):
                todo.append((canonicalize_name(needed.name),
                             frozenset(needed.extras)))
    return {name for name, _ in seen}


def link(source: Path, target: Path) -> None:
    """Hard-link one file, or copy it where the file system cannot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:
        pass
    except OSError:
        shutil.copy2(source, target)


def main() -> None:
    """Link the closure of torch and torchvision."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('environment', help='the second virtual environment')
    python = Path(parser.parse_args().environment) / 'bin' / 'python'
    target = Path(
        subprocess.run(
            [python, '-c', PURELIB],
            check=True,
            capture_output=True,
            text=True).stdout.strip())
    names = sorted(closure(ROOTS))
    count = 0
    for name in names:
        distribution = metadata.distribution(name)
        for file in distribution.files or ():
            # Scripts lie outside site-packages and name the first Python.
            if file.parts[0] != '..' and file.locate().is_file():
                link(file.locate(), target / file)
                count += 1
    print(f'linked {count} files of {len(names)} distributions: '
          f'{", ".join(names)}')


if __name__ == '__main__':
    main()
