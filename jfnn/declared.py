"""What functions of others declare to take."""

import inspect
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

from jfnn import checks


def check_declared(value: Any, parameter: inspect.Parameter, argument: str, numeric: bool) -> None:
    """Refuses what is no switch or no number for a parameter that is declared as one, or is one by default.

    Args:
        value: What is handed in.
        parameter: Of another package's function.
        argument: The caller's argument, named in errors.
        numeric: Whether the value is a number or stands for several.
    """
    default = type(parameter.default)
    kinds = {float if default is int else default}
    if not isinstance(parameter.annotation, str) and parameter.annotation is not parameter.empty:
        kinds = set(typing.get_args(parameter.annotation)) or {parameter.annotation}
    function = callable(value) and any(typing.get_origin(kind) is Callable for kind in kinds)
    if Any in kinds or function or (value is None and types.NoneType in kinds):
        return
    if bool in kinds and kinds <= {bool, types.NoneType}:
        checks.as_switch(value, argument)
    elif float in kinds and not numeric:
        checks.as_number(value, argument, None)
    elif int in kinds and float not in kinds:
        checks.as_count(value, argument, 0)


def check_takes(function: Any, arguments: Sequence[Any], argument: str, expected: str) -> None:
    """Refuses what cannot be called with so many arguments, or is in C and does not tell.

    Args:
        function: What a user hands in.
        arguments: What it will be called with.
        argument: The caller's argument, named in errors.
        expected: What it should be, in words.
    """
    try:
        fits = callable(function) and bool(inspect.signature(function).bind(*arguments))
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise TypeError(f"{argument}: expected {expected}, got {checks.shown(function)}")
