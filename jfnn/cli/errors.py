"""Errors of the library in terms of the command line's flags."""

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path

from jfnn.cli.flags import Flags, flag_of
from jfnn.cli.parser import Parser
from jfnn.schedulers import SCHEDULERS

# An argument of the library -> the field of the flag that sets it, where names differ.
RENAMED = {
    **dict.fromkeys(("path", "x_train", "y_train", "x_test", "y_test"), "data"),
    "sizes": "hidden",
    "layers": "network",
    "inputs": "shape",
    "random_state": "split_seed",
    "drop_last": "keep_last",
    "batch_sizes": "batch_size",
}
# Advice of the library, as a regular expression -> what helps on the command line.
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


@contextlib.contextmanager
def reported(parser: Parser, flags: Flags) -> Iterator[None]:
    """Exits with 2 and one line where the library refuses an argument; other errors pass."""
    try:
        yield
    except (ValueError, TypeError) as error:
        message = in_terms_of_flags(str(error), flags)
        if message is None:
            raise
        parser.error(message)


def in_terms_of_flags(message: str, flags: Flags) -> str | None:
    """A library's message with the argument's name made the flag's; None where it names no flag."""
    name, _, rest = message.partition(": ")
    if named := _flag_named(name, rest, flags):
        return f"{named}: {advised(rest, flags)}"
    # Files of a run that cannot be gone on with are named by their path.
    begins = (f"{flags.out}: ", f"{flags.out}{os.sep}")
    if message.startswith(begins) or (os.path.exists(name) and Path(name).is_relative_to(flags.out)):
        return f"--out: {advised(message, flags)}"
    return None


def _flag_named(name: str, rest: str, flags: Flags) -> str | None:
    arguments = [argument for argument, _ in flags.optimizer_arg]
    if name in arguments:
        return f"--optimizer-arg {name}"
    if name in ("hyper", "optimizer") and set(re.findall(r"\w+", rest)) & set(arguments):
        return "--optimizer-arg"
    if name == "schedulers":
        kinds = [kind for kind in SCHEDULERS if kind in flags.present]
        return flag_of(next((kind for kind in kinds if SCHEDULERS[kind].__name__ in rest), kinds[0]))
    known = {field.name for field in dataclasses.fields(Flags)} - {"present"}
    field = RENAMED.get(name, name)
    return flag_of(field) if field in known else None


def advised(message: str, flags: Flags) -> str:
    """A message with its advice in terms of flags; what people called their files stays as it is."""
    paths = [str(path) for path in (flags.data, flags.data and flags.data.name, flags.out) if path]
    pieces = re.split(rf"((?<![\w./-])(?:{'|'.join(map(re.escape, paths))})(?![\w-]))", message)
    kinds = "|".join(kind.__name__ for kind in SCHEDULERS.values())
    for advice, here in {**ADVICE, rf"({kinds})\([^)]*\)": "it"}.items():
        pieces[::2] = [re.sub(advice, here, piece) for piece in pieces[::2]]
    return "".join(pieces)
