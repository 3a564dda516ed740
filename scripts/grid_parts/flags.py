"""The flags of grid.py, and the library's errors in their terms."""

import argparse
import re
from pathlib import Path

from grid_parts import values
from grid_parts.flag_table import EXAMPLES, FLAGS

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

    def error(self, message):
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
    """The flags' values."""
    args = parser.parse_args(_glued(argv))
    args.sizes = args.sizes or [values.widths("50")]
    args.optimizer_args = dict(args.optimizer_args)
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
    for advice, here in ADVICE.items():
        message = message.replace(advice, here)
    name, _, rest = message.partition(": ")
    if name in named:
        return f"{named[name]}: {rest}"
    # Files of a run that cannot be gone on with are named by their path.
    return f"--out: {message}" if args.out is not None and Path(name).is_relative_to(args.out) else None
