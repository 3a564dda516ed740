"""The command ``jfnn``, which imports a subcommand only to run it."""

import argparse
import functools
import signal
import sys
from collections.abc import Callable, Sequence

import jfnn
from jfnn.arguments import suggestions

COMMANDS = {
    "grid": "train an η×λ grid of networks, or cells drawn at random, and report on it",
    "predict": "predict the rows of a .csv file with the networks of such a run",
    "workers": "check the workers of a cluster before a run",
}


def main(argv: Sequence[str]) -> int:
    """Run ``jfnn COMMAND …``."""
    return _import_command(argv)()


def _import_command(argv: Sequence[str]) -> Callable[[], int]:
    """Import a command, and return the function that runs the command line."""
    if not argv or argv[0] not in COMMANDS:
        return functools.partial(_without_command, argv)
    from jfnn.cli import predict, run, workers  # these modules import JAX

    starts = {"grid": run.start, "predict": predict.start, "workers": workers.start}
    return functools.partial(starts[argv[0]], argv[1:])


def _without_command(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("jfnn", epilog="jfnn COMMAND --help describes each command")
    parser.add_argument("--version", action="version", version=jfnn.__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, help_text in COMMANDS.items():
        commands.add_parser(name, help=help_text, add_help=False)
    if argv and argv[0] not in ("-h", "--help", "--version"):
        meant = suggestions.did_you_mean(argv[0], (*COMMANDS, "--help", "--version"))
        parser.error(f"expected a command, {', '.join(COMMANDS)}, got {argv[0]!r}{meant}")
    parser.parse_args(argv)
    return 0


def command() -> int:
    """Run `main` as the installed command and return its exit status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # an ignored Ctrl-C stays ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing needs cleaning up during imports
    from jfnn.cli import process

    return process.run(_import_command(sys.argv[1:]), "jfnn")
