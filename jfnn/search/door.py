"""Functions that take options as keywords: one declaration for the signature, the types and the text."""

import copy
import dataclasses
import functools
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import jax

P = ParamSpec("P")
OptionsT = TypeVar("OptionsT")
R = TypeVar("R")


def door(options: Callable[P, OptionsT]) -> Callable[[Callable[[OptionsT], R]], Callable[P, R]]:
    """Makes a function of options one that takes their fields as its own arguments.

    Args:
        options: A dataclass, whose fields become the arguments: names, types, defaults, and texts for the
            documentation (the field's "help").
    """

    def decorate(function: Callable[[OptionsT], R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                chosen = options(*args, **kwargs)
            except TypeError as error:  # an argument too few or too many
                name = f"{getattr(options, '__name__', '')}.__init__()"
                raise TypeError(str(error).replace(name, f"{function.__name__}()")) from None
            # An interrupt may come where JAX has just begun to trace, which would go on after this call.
            with jax.core.eval_context():
                return function(chosen)

        del call.__wrapped__
        shown: Any = call
        returned = inspect.signature(function).return_annotation
        shown.__signature__ = inspect.signature(options).replace(return_annotation=returned)
        taken = {name: p.annotation for name, p in shown.__signature__.parameters.items()}
        shown.__annotations__ = taken | {"return": returned}
        summary, _, rest = (function.__doc__ or "").partition("\n    Returns:")
        shown.__doc__ = f"{summary}\n{_arguments(options)}\n    Returns:{rest}"
        return call

    return decorate


READ_AGAIN = ("split", "batches", "initial_params", "seeds")


def own_copies(options: Mapping[str, Any]) -> dict[str, Any]:
    """Copies of the arrays among options that a door reads again after training.

    An experiment has its own copy of all that it trains on; a door that builds another one from the same
    options later must not find in them what a callback has made of the caller's arrays meanwhile.
    """
    arrays = {name: options[name] for name in READ_AGAIN if name in options}
    return {name: given if callable(given) else copy.deepcopy(given) for name, given in arrays.items()}


def _arguments(options: Any) -> str:
    """The "Args" of a docstring."""
    lines = ["    Args:"]
    documented = inspect.getdoc(options) or ""
    helps = {field.name: field.metadata.get("help") for field in dataclasses.fields(options)}
    for name in inspect.signature(options).parameters:
        text = helps[name] or _attribute(documented, name)
        lines += textwrap.wrap(f"{name}: {text}", 110, initial_indent=" " * 8, subsequent_indent=" " * 12)
    return "\n".join(lines) + "\n"


def _attribute(documented: str, name: str) -> str:
    """What a docstring's "Attributes" say of a name."""
    lines = inspect.cleandoc(documented).splitlines()
    starts = [i for i, line in enumerate(lines) if line.strip().startswith(f"{name}: ")]
    if not starts:
        return ""
    text = [lines[starts[0]].strip().removeprefix(f"{name}: ")]
    for line in lines[starts[0] + 1 :]:
        if not line.startswith(" " * 8):
            break
        text.append(line.strip())
    return " ".join(text)
