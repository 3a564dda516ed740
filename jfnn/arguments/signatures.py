"""Signatures of user-defined functions and other packages' functions, and checks against them."""

import inspect
import types
import typing
from collections.abc import Callable, Collection, Sequence
from typing import Any

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentTypeError


def check_callable(
    function: object,
    arguments: Sequence[object],
    argument: str,
    expected: str,
    names: Collection[str] = (),
) -> None:
    """Raise ArgumentTypeError unless a value accepts these positional arguments and keywords ``names``.

    ``expected`` describes such a function in the error. A C function without a signature is invalid.
    """
    try:
        fits = callable(function) and bool(
            inspect.signature(function).bind(*arguments, **dict.fromkeys(names))
        )
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ArgumentTypeError(argument, f"expected {expected}, got {checks.as_text(function)}")


def takes(function: Callable[..., object], name: str) -> bool:
    """Return whether a function accepts a keyword; False for a C function without a signature."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return False
    return any(p.name == name or p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)


def check_parameter(value: object, parameter: inspect.Parameter, argument: str, numeric: bool) -> None:
    """Raise ArgumentError unless a value has the kind of a parameter: a switch, a number or a count.

    The kind follows from the annotation or default of the parameter of another package's function. The value
    is an item of ``argument``; if ``numeric``, it is one or several numbers, as float parameters accept.
    """
    default = type(parameter.default)
    kinds = {float if default is int else default}
    if not isinstance(parameter.annotation, str) and parameter.annotation is not parameter.empty:
        kinds = set(typing.get_args(parameter.annotation)) or {parameter.annotation}
    function = callable(value) and any(typing.get_origin(kind) is Callable for kind in kinds)
    if Any in kinds or function or (value is None and types.NoneType in kinds):
        return
    with checks.item_of(argument):
        if bool in kinds and kinds <= {bool, types.NoneType}:
            checks.as_switch(value, parameter.name)
        elif float in kinds and not numeric:
            checks.as_number(value, parameter.name, None)
        elif int in kinds and float not in kinds:
            checks.as_count(value, parameter.name, 0)
