"""The installed command ``jfnn``, apart from the package, whose import Ctrl-C then ends in silence."""

import signal


def main() -> int:
    """Runs the command's words; gives its exit status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else Ctrl-C is ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # there is nothing to stop yet but imports
    from jfnn.cli import main as command
    from jfnn.cli import process

    return process.run(command.main, "jfnn")
