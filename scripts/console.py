"""Command lines of the scripts: common options, checks of the output folder, and the exit."""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from jfnn.cli import directories, process
from jfnn.cli.parser import Parser
from jfnn.cli.words import count, path

__all__ = ["Parser", "add_out", "add_sections", "check_directory", "count", "parse", "path", "run"]


def add_out(parser: Parser, default: str | None) -> None:
    """Add ``--out``."""
    parser.add_argument(
        "--out", type=path, default=default and Path(default), help=f"folder of results; default: {default}"
    )


def add_sections(parser: Parser, names: Iterable[str]) -> None:
    """Add ``--sections``; None or a list of names."""
    words = tuple(names)
    parser.add_argument(
        "--sections", nargs="+", choices=words, metavar="NAME", help=f"of {', '.join(words)}; default: all"
    )


def check_directory(parser: Parser, directory: Path, flag: str, files: Iterable[str] = ()) -> None:
    """Exit with 2 if the files cannot be written into a directory, which need not exist yet."""
    try:
        directories.check_directory(directory, flag, files)
    except ValueError as error:
        parser.error(str(error))


def parse(parser: Parser, arguments: Sequence[str] | None, files: Iterable[str] = ()) -> argparse.Namespace:
    """Return the options; exit with 2 if they are invalid or ``--out`` is not writable."""
    options = parser.parse_args(arguments)
    if options.out is not None:
        check_directory(parser, options.out, "--out", files)
    return options


def run(main: Callable[[], int]) -> NoReturn:
    """Run a script's ``main`` and exit with its status; Ctrl-C exits without a traceback."""
    sys.exit(process.run(main, Path(sys.argv[0]).name))
