#!/usr/bin/env python
"""Configs of benchmarks/voc.sh: those of configs/, with a CRF.

The CRF makes the background of pseudo labels from the CAMs, as
(1 - highest CAM) ** alpha, so no threshold is looked for and no mask is read.
HSC's release has an alpha of 7 and 8 steps. The others have 10 steps and the
alpha at which background and CAM are equal at the threshold of their config:
a threshold as high as that of HSC's clean recipe would be far from 7.
"""
import argparse
import math
import sys
from pathlib import Path

from hsc_mm.cli import common as cli
from hsc_mm.inference.config_files import read_config
from hsc_mm.utils import atomic_write_bytes
from hsc_mm.utils.outputs import claim

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
#: Those whose CRF is known: the command in the README of HSC's code.
KNOWN = {'hsc_r38d_eps_voc-release': dict(
    alpha=7.0, crf=dict(preset='pseudo_label', steps=8))}
_LEAF = """# Written by benchmarks/voc_configs.py.
_base_ = {base!r}
pseudo_label = dict(refiners=[{refiner!r}])
"""


def alpha_of(threshold: float) -> float:
    """Return the alpha at which a CAM of this score equals the background."""
    return round(math.log(threshold) / math.log(1 - threshold), 2)


def write_leaf(name: str, folder: Path) -> Path:
    """Write a config of configs/ with the CRF of its pseudo labels.

    Args:
        name (str): That of the config, without ``.py``.
        folder (Path): Where it is written.

    Returns:
        Path: The config.

    Raises:
        FileNotFoundError: There is no such config.
        OSError: It cannot be written.
    """
    base = CONFIGS / f'{name}.py'
    crf = KNOWN.get(name) or dict(
        alpha=alpha_of(read_config(base).model.test_cfg.bg_threshold))
    path = claim(folder, base.name, option='work dir')
    atomic_write_bytes(path, _LEAF.format(
        base=str(base),
        refiner=dict(type='hsc_mm.CRFRefiner', **crf)).encode())
    return path


def main() -> None:
    """Write the configs."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument(
        'folder', type=cli.file_path, help='where they are written')
    parser.add_argument(
        'names', nargs='+', help='names in configs/, without .py')
    args = parser.parse_args()
    for name in args.names:
        write_leaf(name, args.folder)


if __name__ == '__main__':
    sys.exit(cli.run(main))
