#!/usr/bin/env python
"""The generator of the demo data set, which lies beside the package."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'demo'))

if __name__ == '__main__':
    from demo_data.command import main

    from hsc_mm.cli.common import run

    sys.exit(run(main))
