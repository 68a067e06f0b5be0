#!/usr/bin/env python
"""The command ``python -m hsc_mm figures`` under its usual name."""
import sys

from hsc_mm.cli import run_command

if __name__ == '__main__':
    sys.exit(run_command('figures'))
