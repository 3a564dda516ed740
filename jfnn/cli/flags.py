"""Flags, each declared once: a field of a dataclass with type, default, help and reader.

A flag that sets an option of `jfnn.sweep` has its name, its default and, where that fits a line, its help.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jfnn.experiment.options import SearchOptions

OPTIONS = {field.name: field for field in dataclasses.fields(SearchOptions)}
DTYPES = ("float32", "float64")
OUT = "for results; without the flag the next that is free"
Read = Callable[[str], Any]
Condition = Callable[[Any], bool]


def flag(
    metavar: str,
    help: str,
    default: Any = None,
    read: Read = str,
    *,
    many: bool = False,
    sets: Sequence[str] = (),
    needs: tuple[str, Condition] | None = None,
    group: str | None = None,
) -> Any:
    """A field for a flag.

    Args:
        metavar: Stands for its value in the help.
        help: Its help.
        default: The default; a text is read as a word of the command line is.
        read: The word as a value; bool for a switch.
        many: Whether the flag may be repeated; the field then is a tuple.
        sets: Arguments of the library that it sets, besides one of its own name; their errors name the flag.
        needs: Words and a condition on all flags, without which the flag would change nothing.
        group: Title and, on further lines, text of the group of flags that begins here in the help.
    """
    value = read(default) if isinstance(default, str) else default
    value = (value,) if many and default else value
    shown = "" if default is None or default is False or default == () else f" (default: {default})"
    declared = {"metavar": metavar, "help": (help + shown).replace("%", "%%"), "read": read, "many": many}
    declared |= {"sets": sets, "needs": needs, "group": group}
    return dataclasses.field(default_factory=lambda: value, metadata=declared)


def option(name: str, metavar: str = "", help: str = "", read: Read = str, **declared: Any) -> Any:
    """A field for a flag that sets the option of `jfnn.sweep` of this name, with its default and its help."""
    clause = OPTIONS[name].metadata["help"].partition("; ")[0].partition(". ")[0].rstrip(".")
    text = help or clause[0].lower() + clause[1:].replace("``out``", "--out")
    return flag(metavar, text, OPTIONS[name].default, read, **declared)


def flag_of(name: str) -> str:
    """The flag of a field or of a kind of scheduler: ``--learning-rate``."""
    return "--" + name.replace("_", "-")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
    """Flags of every command, and the names of those that the command line has (``present``)."""

    dtype: str = flag("NAME", f"{', '.join(DTYPES)}", "float32", group="running")
    devices: int | None = flag("N", "how many to use, on a CPU cores (default: all)", read=int)
    out: Path
    resume: bool = option("resume", read=bool)
    quiet: bool = flag("", "print nothing but errors", False, bool)
    present: frozenset[str] = frozenset()
