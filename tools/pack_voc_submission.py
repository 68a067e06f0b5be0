#!/usr/bin/env python
"""``python -m hsc_mm pack_voc_submission`` under its usual name."""
import sys

from hsc_mm.cli import run_command

if __name__ == '__main__':
    sys.exit(run_command('pack_voc_submission'))
