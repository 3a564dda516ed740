"""Parsers of command lines: made from declarations of flags, with errors and warnings in one line."""

import argparse
import contextlib
import dataclasses
import inspect
import re
import shlex
import sys
import typing
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from tqdm.auto import tqdm

from jfnn import optimizers
from jfnn.arguments import checks
from jfnn.arguments.callers import Doubt, doubt_of
from jfnn.arguments.cures import Cure
from jfnn.cli.flags import NOTES, Flags
from jfnn.cli.words import Read, one_integer, one_number, path, plain
from jfnn.schedulers import SCHEDULERS, Scheduler

FIELDS = {field.name for field in dataclasses.fields(Flags)}
READERS: dict[type, Read] = {int: one_integer, float: one_number, str: str, Path: path}


def in_flags(cure: Cure) -> str:
    """A cure by a flag, "--resume goes on with it"; empty for one that no flag brings."""
    if isinstance(cure, str) or cure.argument not in FIELDS:
        return ""
    value = [] if cure.value is True else ["full" if cure.value is None else shlex.quote(str(cure.value))]
    return " ".join([flag_name(cure.argument), *value, cure.effect])


@contextlib.contextmanager
def warnings_in_lines(prog: str) -> Iterator[None]:
    """Shows warnings as errors are shown, in a line each behind the flag that they name, above the bar."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = str(message)
        doubt = doubt_of(message)
        if doubt is not None:
            about = flag_name(doubt.argument) if doubt.argument in FIELDS else doubt.argument
            cure = None if doubt.cure is None else in_flags(doubt.cure)
            text = str(Doubt(doubt.found, about, cure))
        tqdm.write(f"{prog}: warning: {text}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def flag_name(name: str) -> str:
    """The flag of a field or of a kind of scheduler: ``--learning-rate``."""
    return "--" + name.replace("_", "-")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line that begins with the flag; flags are whole, texts as written."""

    def __init__(self, **options: Any) -> None:
        """Takes the arguments of `argparse.ArgumentParser`."""
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Exits with 2; a flag of two spellings is named by the first."""
        message = re.sub(r"^argument (--[\w-]+)(/--[\w-]+)*", r"\1", message)
        self.exit(2, f"{self.prog}: error: {message.removeprefix('argument ')}\n")


def make_parser(prog: str, description: str, examples: str) -> Parser:
    """A parser of all flags; its namespaces hold only those of the command line."""
    parser = Parser(
        prog=prog,
        usage="%(prog)s [options]",
        description=description,
        epilog=examples,
        argument_default=argparse.SUPPRESS,
    )
    group: argparse._ActionsContainer = parser
    types = typing.get_type_hints(Flags)
    for field in dataclasses.fields(Flags):
        declared = field.metadata
        if declared.get("group"):
            title, _, text = declared["group"].partition("\n")
            group = parser.add_argument_group(title, text or None)
        arguments: dict[str, dict[str, Any]] = {}
        if field.name == "schedulers":
            arguments = {name: _scheduler_argument(scheduler) for name, scheduler in SCHEDULERS.items()}
        elif declared:
            argument = dict(declared["argument"])
            if "type" in argument and argument["type"] is None:
                kind = types[field.name]
                first, *_ = typing.get_args(kind) or (kind,)
                argument["type"] = READERS[first]
            arguments = {field.name: argument}
        for name, argument in arguments.items():
            plain_help = argument["help"].replace("``", "")  # marks of docstrings
            spellings = map(flag_name, [name, *declared.get("also", ())])
            group.add_argument(*spellings, **argument | {"help": plain_help})
    return parser


def _scheduler_argument(kind: type[Scheduler]) -> dict[str, Any]:
    """Reader and help of the flag of a scheduler: numbers with colons between."""
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
    """The values of flags; exits with 2 for invalid words, and for flags whose needs are not met."""
    parsed, others = parser.parse_known_args(_joined(argv))
    if others:
        known = [flag for action in parser._actions for flag in action.option_strings]
        name = others[0].partition("=")[0]
        meant = _optimizer_argument(others, vars(parsed)) or checks.did_you_mean(name, known)
        if not name.startswith("-"):
            meant = "; values stand behind their flag, several with commas between"
        parser.error(f"unrecognized arguments: {' '.join(others)}{meant}")
    present = vars(parsed)
    fields = {name: value for name, value in present.items() if name not in SCHEDULERS}
    fields |= {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    if schedulers := tuple(present[name] for name in SCHEDULERS if name in present):
        fields["schedulers"] = schedulers
    flags = Flags(**fields, present=frozenset(present))
    if flags.data is None and flags.network == "mlp":
        flags = dataclasses.replace(flags, **{name: NOTES[name] for name in NOTES if name not in present})
    for field in dataclasses.fields(Flags):
        needs = field.metadata.get("needs")
        if needs and field.name in present and not needs[1](flags):
            parser.error(f"{flag_name(field.name)}: goes with {needs[0]}")
    return flags


def _optimizer_argument(others: Sequence[str], parsed: Mapping[str, Any]) -> str:
    """Advice on a flag that is an argument of the optimizer, with its value behind it; else empty."""
    word, _, value = others[0].partition("=")
    name = word.removeprefix("--").replace("-", "_")
    if not word.startswith("--") or name not in optimizers.argument_names(parsed.get("optimizer", "sgd")):
        return ""
    behind = [value] if value else [other for other in others[1:2] if not other.startswith("-")]
    return f"; it goes into --optimizer-arg {name}={(behind or ['VALUES'])[0]}"


def _joined(argv: Sequence[str]) -> list[str]:
    """Joins a flag and a negative value, --l2 -1e-3, by "=": argparse takes most such values for flags."""
    words: list[str] = []
    for word in argv:
        if re.match(r"-[\d.]", word) and words and words[-1].startswith("--"):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words
