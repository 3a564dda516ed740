"""``jfnn grid``, without an installed command."""

import os
import sys

from jfnn.cli import grid

if __name__ == "__main__":
    sys.exit(grid.start(sys.argv[1:], "grid.py", ["python", os.path.relpath(__file__)]))
