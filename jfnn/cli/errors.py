"""Errors of the library in terms of the command line's flags."""

import dataclasses
import os
import re
from pathlib import Path

from jfnn.arguments.checks import ArgumentError
from jfnn.cli.flags import Flags, flag_of
from jfnn.schedulers import SCHEDULERS
from jfnn.store.files import CorruptFileError

# Advice of the library, as a regular expression -> advice for the command line.
ADVICE = {
    "give validation or folds": "give --validation or --folds",
    "without validation or folds": "without --validation or --folds",
    "a distribution is drawn from by sample=n, or give a sequence": (
        "a range START:STOP is drawn from with --sample; without, give START:STOP:COUNT"
    ),
    "give a distribution or a sequence": "give a range START:STOP, or several values",
    "build the network with output='identity', so that it gives logits": "leave --output identity",
    r"; give optax\.contrib\.\w+ itself": "",
    "resume=True": "--resume",
    "n_splits=": "--folds ",
    r"jfnn\.": "",
}


def line(error: ArgumentError | CorruptFileError, flags: Flags) -> str | None:
    """An error in one line that begins with the flag; None where no flag sets the argument."""
    if isinstance(error, CorruptFileError):
        return f"--out: {advised(str(error), flags)}"
    if name := _flag_named(error, flags):
        return f"{name}: {advised(error.reason, flags)}"
    in_run = os.path.lexists(error.argument) and Path(error.argument).is_relative_to(flags.out)
    return f"--out: {advised(str(error), flags)}" if in_run else None


def _flag_named(error: ArgumentError, flags: Flags) -> str | None:
    """The flag that sets the argument of an error, or the invalid item of it."""
    own = [name for name, _ in getattr(flags, "optimizer_arg", ())]
    if error.argument in own:
        return f"--optimizer-arg {error.argument}"
    if isinstance(error.item, str) and error.item in own:
        return "--optimizer-arg"
    for name, kind in SCHEDULERS.items():
        if isinstance(error.item, kind):
            return flag_of(name)
    fields = {field.name: field for field in dataclasses.fields(flags)}
    for name in (f"{error.argument}_{error.item}", error.argument):
        for field in fields.values():
            if name == field.name or name in field.metadata.get("sets", ()):
                return flag_of(field.name)
    return None


def advised(message: str, flags: Flags) -> str:
    """A message with its advice in terms of flags; names of the user's files stay as they are."""
    data = getattr(flags, "data", None)
    paths = [str(path) for path in (data, data and Path(data).name, flags.out) if path]
    pieces = re.split(rf"((?<![\w./-])(?:{'|'.join(map(re.escape, paths))})(?![\w-]))", message)
    kinds = "|".join(kind.__name__ for kind in SCHEDULERS.values())
    for advice, here in {**ADVICE, rf"({kinds})\([^)]*\)": "it"}.items():
        pieces[::2] = [re.sub(advice, here, piece) for piece in pieces[::2]]
    return "".join(pieces)
