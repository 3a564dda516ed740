"""``jfnn grid``, without an installed command."""

import sys

from jfnn.cli.main import command

if __name__ == "__main__":
    sys.argv.insert(1, "grid")
    sys.exit(command())
