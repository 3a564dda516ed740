"""The command line of ``jfnn grid``, read by the declarations in `jfnn.cli.flags`."""

import argparse
import dataclasses
import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from jfnn.cli.flags import GOES_WITH, GROUPS, Flags, flag_of
from jfnn.cli.values import plain
from jfnn.schedulers import SCHEDULERS, Scheduler

EXAMPLES = """\
examples:
  %(prog)s
      the grid of the notes: 7 by 7, 64-50-10, 100 epochs of batches of 100
  %(prog)s --learning-rate 1e-3:1:5 --l2 0,0.1 --seeds 5 --validation 0.2 --refit
      5 by 2 cells, each averaged over seeds 0 to 4, ranked on rows held out;
      the best is trained again on all training rows, and tested
  %(prog)s --sample 60 --learning-rate 1e-4:1e-1 --l2 1e-4:1 --folds 5 \\
          --optimizer-arg momentum=uniform:0:0.95
      random search: 60 cells, ranked by five-fold cross-validation
  %(prog)s --hidden 50 --hidden 100,50 --batch-size 50,100
      two networks with two batch sizes each, all cells in one list
  %(prog)s --data wine.csv --target class --standardise --folds 5
      your own data
  %(prog)s --optimizer-arg momentum=0,0.9 --minibatch permutation --halving 3
      momentum as a third axis; cells that fall behind stop early
"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line that begins with the flag; flags are whole, texts as written."""

    def __init__(self, **options: Any) -> None:
        """Takes what `argparse.ArgumentParser` takes."""
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        options.setdefault("allow_abbrev", False)
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        """Exits with 2."""
        self.exit(2, f"{self.prog}: error: {message.removeprefix('argument ')}\n")


def make_parser(
    prog: str,
    description: str,
    declared_in: type = Flags,
    groups: Mapping[str, str] = GROUPS,
    examples: str = EXAMPLES,
) -> Parser:
    """A parser of all flags of a class; what it gives has those of the command line alone."""
    parser = Parser(
        prog=prog,
        usage="%(prog)s [options]",
        description=description,
        epilog=examples,
        argument_default=argparse.SUPPRESS,
    )
    group: argparse._ActionsContainer = parser
    for field in dataclasses.fields(declared_in):
        name, declared = field.name, field.metadata
        if name in groups:
            title, _, text = groups[name].partition("\n")
            group = parser.add_argument_group(title, text)
        if name == "schedulers":
            for kind in SCHEDULERS:
                group.add_argument(flag_of(kind), **_of_scheduler(SCHEDULERS[kind]))
        elif declared and declared["read"] is bool:
            group.add_argument(flag_of(name), action="store_true", help=declared["help"])
        elif declared:
            read = plain(declared["read"]) if declared["read"] in (int, float) else declared["read"]
            values = {"metavar": declared["metavar"], "type": read, "help": declared["help"]}
            group.add_argument(flag_of(name), action="append" if declared["many"] else "store", **values)
    return parser


def _of_scheduler(kind: type[Scheduler]) -> dict[str, Any]:
    """How to read and explain the flag of a scheduler, which takes numbers with colons between."""
    fields = [field.name for field in dataclasses.fields(kind) if not isinstance(field.default, tuple)]
    metavar = "[:".join(name.upper() for name in fields) + "]" * (len(fields) - 1)
    document = inspect.getdoc(kind) or kind.__name__
    first = re.search(rf"^ +({'|'.join(fields)}): (.*)", document, re.MULTILINE)
    text = document.partition("\n")[0].replace("%", "%%")
    text += f" {first[1].upper()}: {first[2]}".replace("%", "%%") if first else ""

    def read(words: str) -> Scheduler:
        try:
            return plain(kind.parse)(words)
        except (ValueError, TypeError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return {"metavar": metavar, "type": read, "help": text[0].lower() + text[1:].rstrip(".")}


def parse(parser: Parser, argv: Sequence[str]) -> Flags:
    """The flags' values; exits with 2 where they cannot be read."""
    present = vars(parser.parse_args(_joined(argv)))
    fields = {name: value for name, value in present.items() if name not in SCHEDULERS}
    fields |= {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    schedulers = tuple(present[name] for name in SCHEDULERS if name in present)
    flags = Flags(**fields, schedulers=schedulers, present=frozenset(present))
    for name, (other, is_there) in GOES_WITH.items():
        if name in present and not is_there(flags):
            parser.error(f"{flag_of(name)}: goes with {other}")
    return flags


def _joined(argv: Sequence[str]) -> list[str]:
    """Joins a flag and a negative value, --l2 -1e-3, by "=": argparse takes most such values for flags."""
    words: list[str] = []
    for word in argv:
        if re.match(r"-[\d.]", word) and words and words[-1].startswith("--"):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words
