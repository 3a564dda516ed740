"""The flags of grid.py, and the library's errors in their terms."""

import argparse
import os
import re
from pathlib import Path
from typing import NoReturn

from jfnn.cli import values
from jfnn.cli.flag_table import EXAMPLES, FLAGS, GOES_WITH

# The library's argument -> the flag that sets it, where the one is not the other with dashes.
RENAMED = {"sizes": "--hidden", "optimizer_args": "--optimizer-arg", "random_state": "--split-seed"}
# What the library calls its own arguments where people gave a file or a directory.
ALSO = dict.fromkeys(("path", "x_train", "y_train", "x_test", "y_test"), "--data")
# What the library advises -> what helps on the command line.
ADVICE = {
    "give validation or folds": "give --validation or --folds",
    "without validation or folds": "without --validation or --folds",
    "a distribution is drawn from by sample=n, or give a sequence": (
        "a range START:STOP is drawn from with --sample; without, give START:STOP:COUNT"
    ),
    "give a distribution or a sequence": "give a range START:STOP, or several values",
    "resume=True": "--resume",
    "n_splits=": "--folds ",
    "jfnn.": "",
}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line that begins with the flag."""

    def error(self, message) -> NoReturn:
        """Exits with 2."""
        self.exit(2, f"{self.prog}: error: {message.removeprefix('argument ')}\n")


def make_parser(description: str) -> Parser:
    """All flags, each stored under the name of the library's argument that it sets."""
    parser = Parser(
        prog="grid.py",
        usage="%(prog)s [options]",
        description=description,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for (title, text), flags in FLAGS.items():
        group = parser.add_argument_group(title, text)
        for flag in flags:
            if flag.type is bool:
                group.add_argument(flag_of(flag.dest), dest=flag.dest, action="store_true", help=flag.help)
                continue
            shown = " (default: %(default)s)" if flag.default not in (None, []) else ""
            group.add_argument(
                flag_of(flag.dest),
                dest=flag.dest,
                metavar=flag.metavar,
                default=flag.default,
                type=flag.type,
                action="append" if flag.default == [] else "store",
                help=flag.help + shown,
            )
    return parser


def flag_of(argument: str) -> str:
    """The flag that sets an argument of the library."""
    return RENAMED.get(argument, "--" + argument.replace("_", "-"))


def parse(parser: Parser, argv: list[str]) -> argparse.Namespace:
    """The flags' values; ``given`` are the names of those that the command line has."""
    words = _glued(argv)
    args = parser.parse_args(words)
    args.sizes = args.sizes or [values.widths("50")]
    args.optimizer_args = dict(args.optimizer_args)
    flags = {word.partition("=")[0] for word in words}
    args.given = {name for name in vars(args) if flag_of(name) in flags}
    for name, (other, is_there) in GOES_WITH.items():
        if name in args.given and not is_there(args):
            parser.error(f"{flag_of(name)}: goes with {other}")
    return args


def _glued(argv: list[str]) -> list[str]:
    """Joins a flag and a negative value, --l2 -1e-3, by "=": argparse takes most such values for flags."""
    words: list[str] = []
    for word in argv:
        if re.match(r"-[\d.]", word) and words and words[-1].startswith("--"):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


def in_terms_of_flags(message: str, args: argparse.Namespace) -> str | None:
    """A library's message with the argument's name made the flag's; None where it names no flag."""
    named = {name: flag_of(name) for name in vars(args)} | ALSO
    named |= {name: f"--optimizer-arg {name}" for name in args.optimizer_args}
    name, _, rest = message.partition(": ")
    if name in named:
        return f"{named[name]}: {_advised(rest, args)}"
    # Files of a run that cannot be gone on with are named by their path.
    begins = (f"{args.out}: ", f"{args.out}{os.sep}")
    if args.out is not None and (message.startswith(begins) or Path(name).is_relative_to(args.out)):
        return f"--out: {_advised(message, args)}"
    return None


def _advised(message: str, args: argparse.Namespace) -> str:
    """A message with its advice in terms of flags; what people called their files stays as it is."""
    paths = [str(path) for path in (args.data, args.data and args.data.name, args.out) if path is not None]
    theirs = "|".join(map(re.escape, paths)) or "$"
    pieces = re.split(rf"((?<![\w./-])(?:{theirs})(?![\w-]))", message)
    for advice, here in ADVICE.items():
        pieces[::2] = [piece.replace(advice, here) for piece in pieces[::2]]
    return "".join(pieces)
