"""``python -m jfnn``: the command, where it is not installed on the path."""

import sys

from jfnn.cli.main import command

if __name__ == "__main__":
    sys.exit(command())
