"""Run the command line as ``python -m jfnn``, even if ``jfnn`` is not on the path."""

import sys

from jfnn.cli.main import command

if __name__ == "__main__":
    sys.exit(command())
