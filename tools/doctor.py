#!/usr/bin/env python
"""The command ``python -m hsc_mm doctor`` under its usual name."""
import sys

if __name__ == '__main__':
    try:
        from hsc_mm.cli import run_command
    except ImportError as problem:  # its message has the remedy
        print(f'1. error (versions): {problem}')
        sys.exit(1)
    sys.exit(run_command('doctor'))
