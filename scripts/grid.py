"""``jfnn grid``, without an installed command."""

import os
import signal
import sys

if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else Ctrl-C is ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # there is nothing to stop yet but imports
    from jfnn.cli import process, run

    words = ["python", os.path.relpath(__file__)]
    sys.exit(process.run(lambda: run.start(sys.argv[1:], "grid.py", words), "grid.py"))
