"""Functions that take the fields of a dataclass as keywords, so that these are declared only once."""

import dataclasses
import functools
import inspect
import re
import textwrap
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import jax
from numpy.typing import ArrayLike

from jfnn.arguments.fields import Converted
from jfnn.arguments.suggestions import did_you_mean, keyword_choices

P = ParamSpec("P")
OptionsT = TypeVar("OptionsT")
R = TypeVar("R")


def takes_fields(options: Callable[P, OptionsT]) -> Callable[[Callable[[OptionsT], R]], Callable[P, R]]:
    """Turn a function of a dataclass into a function of its fields.

    Args:
        options: The dataclass. Its fields give names, types and defaults; their "help", or "Attributes" in
            its docstring, gives the documentation.
    """

    def decorate(function: Callable[[OptionsT], R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            made = make_options(call, options, *args, **kwargs)
            # Otherwise, an interrupt while JAX begins to trace would leave JAX tracing after this call.
            with jax.core.eval_context():
                return function(made)

        del call.__wrapped__
        public: Any = call
        returned = inspect.signature(function).return_annotation
        parameters = [
            parameter.replace(annotation=given_type(parameter.annotation))
            for parameter in inspect.signature(options).parameters.values()
        ]
        shown = [parameter.replace(annotation=_type_text(parameter.annotation)) for parameter in parameters]
        public.__signature__ = inspect.Signature(shown, return_annotation=returned)
        annotations = {parameter.name: parameter.annotation for parameter in parameters}
        public.__annotations__ = annotations | {"return": returned}
        summary, _, rest = (inspect.getdoc(function) or "").partition("\nReturns:")
        public.__doc__ = f"{summary}\n{_arguments(options)}\nReturns:{rest}"
        return call

    return decorate


def _type_text(annotation: object) -> str:
    """Return a type as written in code, without modules ("ArrayLike | None"), for `help`."""
    text, arrays = (
        re.sub(r"(?:\w+\.)+(?=\w)", "", inspect.formatannotation(one)) for one in (annotation, ArrayLike)
    )
    members = arrays.removeprefix("Union[").removesuffix("]")
    text = text.replace(arrays, "ArrayLike").replace(members, "ArrayLike")
    return text.replace("Union[ArrayLike, NoneType]", "ArrayLike | None")


def make_options(
    caller: Callable[..., object], options: Callable[P, OptionsT], /, *args: P.args, **kwargs: P.kwargs
) -> OptionsT:
    """Create a dataclass from a function's arguments; raise TypeError naming the function on a mismatch."""
    try:
        inspect.signature(options).bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{caller.__name__}() {_reason(error, caller, options, args, kwargs)}") from None
    return options(*args, **kwargs)


def _reason(
    error: TypeError,
    caller: Callable[..., object],
    options: Callable[..., object],
    args: Sequence[object],
    kwargs: Mapping[str, object],
) -> str:
    """Explain why arguments do not fit the fields of a dataclass, with a suggestion."""
    parameters = inspect.signature(options).parameters
    named = [p.name for p in inspect.signature(caller).parameters.values() if p.kind is not p.VAR_KEYWORD]
    several = [name for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    if len(args) > len(several):
        return f"takes {len(several)} positional arguments, {', '.join(several)}, got {len(args)}"
    for name in kwargs:
        if name not in parameters:
            meant = did_you_mean(name, keyword_choices([*named, *parameters]))
            return f"got an unexpected keyword argument {name!r}{meant}"
    return str(error)


def _arguments(options: Any) -> str:
    """Return the "Args" section of a docstring."""
    pattern = r"^ {4}(\w+): (.*?)(?=^ {4}\w|\Z)"
    helps = dict(re.findall(pattern, inspect.getdoc(options) or "", re.MULTILINE | re.DOTALL))
    helps |= {f.name: f.metadata["help"] for f in dataclasses.fields(options) if "help" in f.metadata}
    lines = ["Args:"]
    for name in inspect.signature(options).parameters:
        text = " ".join(f"{name}: {helps.get(name, '')}".split())
        lines += textwrap.wrap(text, 110, initial_indent=" " * 4, subsequent_indent=" " * 8)
    return "\n".join(lines) + "\n"


def given_type(annotation: object) -> Any:
    """Return the type that a field accepts, from its annotation."""
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is Converted else annotation
