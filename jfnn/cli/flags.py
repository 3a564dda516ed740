"""Flags, each declared once: a field of a dataclass with type, default, help and reader.

A flag that sets an option of `jfnn.sweep` has its name, its default and, where that fits a line, its help.
The parser follows from the declarations; its errors are one line that begins with the flag.
"""

import argparse
import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from jfnn.cli.values import number, one_of, place, plain, whole_number
from jfnn.experiment.options import SearchOptions
from jfnn.schedulers import SCHEDULERS, Scheduler

OPTIONS = {field.name: field for field in dataclasses.fields(SearchOptions)}
OUT = "for results; without the flag the next that is free"
Read = Callable[[str], Any]
READERS: dict[type, Read] = {int: whole_number, float: number, str: str, Path: place}
Condition = Callable[[Any], bool]
SomeFlags = TypeVar("SomeFlags", bound="Flags")


def flag(
    metavar: str,
    help: str,
    default: Any = None,
    read: Read | None = None,
    *,
    choices: Collection[str] = (),
    otherwise: str = "",
    many: bool = False,
    sets: Sequence[str] = (),
    needs: tuple[str, Condition] | None = None,
    group: str | None = None,
) -> Any:
    """A field for a flag.

    Args:
        metavar: Stands for its value in the help.
        help: Its help.
        default: The default; with a reader, a text is read as a word of the command line is.
        read: The word as a value; None for the reader of the choices or, in `READERS`, of the field's type.
        choices: Names that it takes, listed in the help.
        otherwise: The default in words, where it is None.
        many: Whether the flag may be repeated; the field then is a tuple.
        sets: Arguments of the library that it sets, besides one of its own name; their errors name the flag.
        needs: Words and a condition on all flags, without which the flag would change nothing.
        group: Title and, on further lines, text of the group of flags that begins here in the help.
    """
    if choices:
        help, read = f"{help}: {', '.join(choices)}".removeprefix(": "), read or one_of(choices)
    shown = otherwise or ("" if default is None or default is False or default == () else default)
    value = read(default) if read is not None and isinstance(default, str) else default
    value = (value,) if many and default else value
    help = (help + f" (default: {shown})" * (shown != "")).replace("%", "%%")
    declared = dict(metavar=metavar, help=help, read=read, many=many, sets=sets, needs=needs, group=group)
    return dataclasses.field(default=value, metadata=declared)


def switch(help: str, **declared: Any) -> Any:
    """A field for a flag without a value."""
    return flag("", help, False, **declared)


def option(name: str, metavar: str = "", help: str = "", read: Read | None = None, **declared: Any) -> Any:
    """A field for a flag that sets the option of `jfnn.sweep` of this name, with its default and its help."""
    clause = OPTIONS[name].metadata["help"].partition("; ")[0].partition(". ")[0].rstrip(".")
    text = help or clause[0].lower() + clause[1:].replace("``out``", "--out")
    return flag(metavar, text, OPTIONS[name].default, read, **declared)


def flag_name(name: str) -> str:
    """The flag of a field or of a kind of scheduler: ``--learning-rate``."""
    return "--" + name.replace("_", "-")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
    """Flags of every command; ``present`` has the names of the flags on the command line."""

    dtype: str = flag("NAME", "", "float32", choices=("float32", "float64"), group="running")
    devices: int | None = flag("N", "how many to use, on a CPU cores", otherwise="all")
    out: Path
    resume: bool = option("resume")
    quiet: bool = switch("print nothing but errors")
    present: frozenset[str] = frozenset()


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line that begins with the flag; flags are whole, texts as written."""

    def __init__(self, **options: Any) -> None:
        """Takes the arguments of `argparse.ArgumentParser`."""
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Exits with 2."""
        self.exit(2, f"{self.prog}: error: {message.removeprefix('argument ')}\n")


def make_parser(kind: type[Flags], prog: str, description: str, examples: str) -> Parser:
    """A parser of all flags of a class; its namespaces hold those of the command line alone."""
    parser = Parser(
        prog=prog,
        usage="%(prog)s [options]",
        description=description,
        epilog=examples,
        argument_default=argparse.SUPPRESS,
    )
    groups: dict[str, argparse._ActionsContainer] = {}
    title, types = "", typing.get_type_hints(kind)
    shared = {field.name for field in dataclasses.fields(Flags)}
    for field in sorted(dataclasses.fields(kind), key=lambda field: field.name in shared):
        name, declared = field.name, field.metadata
        if declared.get("group"):
            title, _, text = declared["group"].partition("\n")
            groups[title] = groups.get(title) or parser.add_argument_group(title, text)
        if name == "schedulers":
            for kind_name, scheduler in SCHEDULERS.items():
                groups[title].add_argument(flag_name(kind_name), **_scheduler_argument(scheduler))
        elif declared and types[name] is bool:
            groups[title].add_argument(flag_name(name), action="store_true", help=declared["help"])
        elif declared:
            plainest, *_ = typing.get_args(types[name]) or (types[name],)
            values = {"metavar": declared["metavar"], "type": declared["read"] or READERS[plainest]}
            action = "append" if declared["many"] else "store"
            groups[title].add_argument(flag_name(name), action=action, help=declared["help"], **values)
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


def parse(kind: type[SomeFlags], parser: Parser, argv: Sequence[str]) -> SomeFlags:
    """The values of flags; exits with 2 for invalid words, and for flags whose needs are not met."""
    present = vars(parser.parse_args(_joined(argv)))
    fields = {name: value for name, value in present.items() if name not in SCHEDULERS}
    fields |= {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    if schedulers := tuple(present[name] for name in SCHEDULERS if name in present):
        fields["schedulers"] = schedulers
    flags = kind(**fields, present=frozenset(present))
    for field in dataclasses.fields(kind):
        needs = field.metadata.get("needs")
        if needs and field.name in present and not needs[1](flags):
            parser.error(f"{flag_name(field.name)}: goes with {needs[0]}")
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
