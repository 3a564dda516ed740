"""Command-line parsers, made from declared flags, with errors and warnings of one line."""

import argparse
import contextlib
import dataclasses
import re
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from tqdm.auto import tqdm

from jfnn import optimizers
from jfnn.arguments import suggestions
from jfnn.arguments.callers import Doubt, doubt_of
from jfnn.arguments.checks import Cure
from jfnn.cli.flags import GROUPS, NOTES, Flags

DECLARED = {field.name: field.metadata for field in dataclasses.fields(Flags) if field.metadata}


def flag_name(name: str) -> str:
    """Return the flag of a field: ``--learning-rate``."""
    return "--" + name.replace("_", "-")


def as_flags(cure: Cure) -> str:
    """Return a cure as a flag, "--batch-size full takes all of them"; empty if no flag applies."""
    if isinstance(cure, str) or cure.argument not in DECLARED:
        return ""
    value = [] if cure.value is True else ["full" if cure.value is None else shlex.quote(str(cure.value))]
    return " ".join([flag_name(cure.argument), *value, cure.effect])


@contextlib.contextmanager
def warnings_in_lines(prog: str) -> Iterator[None]:
    """Show warnings like errors: one line each, after the flag they concern, above the progress bar."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = str(message)
        doubt = doubt_of(message)
        if doubt is not None:
            about = flag_name(doubt.argument) if doubt.argument in DECLARED else doubt.argument
            cure = None if doubt.cure is None else as_flags(doubt.cure)
            text = str(Doubt(doubt.found, about, cure))
        tqdm.write(f"{prog}: warning: {text}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


class Parser(argparse.ArgumentParser):
    """A parser with one-line errors that begin with the flag; flags may not be abbreviated."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)
        self._negative_number_matcher = re.compile(r"-[\d.]")  # -1e-3 and -1,2 are values, not flags

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"{self.prog}: error: {message.removeprefix('argument ')}\n")


def make_parser(prog: str, description: str, examples: str) -> Parser:
    """Return a parser of all flags; its namespaces contain only the flags on the command line."""
    parser = Parser(
        prog=prog,
        usage="%(prog)s [options]",
        description=description,
        epilog=examples,
        argument_default=argparse.SUPPRESS,
    )
    group: argparse._ActionsContainer = parser
    for name, declared in DECLARED.items():
        if name in GROUPS:
            title, _, text = GROUPS[name].partition("\n")
            group = parser.add_argument_group(title, text or None)
        group.add_argument(flag_name(name), **declared["argument"])
    return parser


def parse(parser: Parser, argv: Sequence[str]) -> Flags:
    """Return the values of flags; exit with status 2 for invalid words or unmet requirements."""
    parsed, others = parser.parse_known_args(argv)
    present = vars(parsed)
    if others:
        advice = _advice(others[0].partition("=")[0], present.get("optimizer", "sgd"))
        parser.error(f"unrecognized arguments: {' '.join(others)}{advice}")
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in present.items()
    }
    flags = Flags(**fields, present=frozenset(present))
    if flags.data is None and flags.network == "mlp":
        flags = dataclasses.replace(flags, **{name: NOTES[name] for name in NOTES if name not in present})
    for name in present:
        needed, *values = DECLARED[name]["needs"] or [name]
        value = vars(flags)[needed]
        if value is None or (values and value not in values):
            words = " ".join([flag_name(needed), " or ".join(values)]).strip()
            parser.error(f"{flag_name(name)}: requires {words}")
    return flags


def _advice(word: str, optimizer: str) -> str:
    """Suggest how to correct a word that is not a flag."""
    name = word.removeprefix("--").replace("-", "_")
    if not word.startswith("-"):
        return "; values follow their flag and are separated by commas"
    if name in optimizers.argument_names(optimizer):
        return f"; pass it as --optimizer-arg {name}=VALUES"
    return suggestions.did_you_mean(word, [*map(flag_name, DECLARED), "--help"])
