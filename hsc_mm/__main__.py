"""Entry of ``python -m hsc_mm``."""
import sys

from hsc_mm.cli import main

if __name__ == '__main__':
    sys.exit(main())
