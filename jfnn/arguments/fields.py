"""Dataclasses that are valid by construction: a field's converter checks what it is given, once."""

import dataclasses
import functools
import typing
from collections.abc import Callable, Collection, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from jfnn.arguments import checks

Given = TypeVar("Given", contravariant=True)
Held = TypeVar("Held", covariant=True)
# Of a value and its argument's name, and of values of the fields that it is ``given``: the value in its
# canonical type. It raises ArgumentError for an invalid one, and gives back unchanged what it gave.
Convert = Callable[..., Any]


class Converted(Protocol[Given, Held]):
    """The type of a field for type checkers: what it may be given, and what its converter makes of that."""

    def __get__(self, instance: object, owner: object = None) -> Held: ...

    def __set__(self, instance: object, value: Given) -> None: ...


def field(
    default: object = dataclasses.MISSING,
    convert: Convert | None = None,
    given: Sequence[str] = (),
    **metadata: Any,
) -> Any:
    """A field with a default, which is converted as well, a converter and further metadata.

    ``given`` names fields before it, whose values the converter takes too.
    """
    return dataclasses.field(default=default, metadata=metadata | {"convert": convert, "given": given})


class Valid:
    """Base of dataclasses whose fields are converted in order where an object is made; then they stay.

    A dataclass without any converter, as of a user's, is as Python makes it. Copies and pickles are not
    converted again. A subclass is a frozen dataclass where it is to be hashable. One that overrides
    ``__post_init__``, as for what relates several fields, calls this one first.
    """

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __post_init__(self) -> None:
        """Raises ArgumentError with the name of the first field whose value is invalid."""
        values = vars(self)
        for name, declared in self.__dataclass_fields__.items():
            convert = declared.metadata.get("convert")
            if convert is not None:
                others = [values[other] for other in declared.metadata.get("given", ())]
                values[name] = convert(values[name], name, *others)

    def __setattr__(self, name: str, value: object) -> None:
        """Sets a field of a new object; raises FrozenInstanceError where it has a value."""
        if (name in vars(self) or name not in self.__dataclass_fields__) and self._converts():
            raise dataclasses.FrozenInstanceError(f"cannot assign to {name!r}")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        """Raises FrozenInstanceError."""
        if self._converts():
            raise dataclasses.FrozenInstanceError(f"cannot delete {name!r}")
        super().__delattr__(name)

    @classmethod
    def _converts(cls) -> bool:
        """Whether this is a dataclass of which some field has a converter."""
        declared = vars(cls).get("__dataclass_fields__", {})
        return any(field.metadata.get("convert") is not None for field in declared.values())


def names(kind: type[Valid]) -> list[str]:
    """Names of the fields."""
    return [declared.name for declared in dataclasses.fields(kind)]


def given_type(annotation: object) -> Any:
    """The type that a field may be given, by its annotation."""
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is Converted else annotation


def at_least(minimum: int, maximum: int | None = checks.MOST) -> Convert:
    """A converter of whole numbers from ``minimum`` to ``maximum`` (None: no limit)."""
    return functools.partial(checks.as_count, minimum=minimum, maximum=maximum)


def above(minimum: float) -> Convert:
    """A converter of numbers above a bound."""
    return functools.partial(checks.as_number, minimum=minimum, strict=True)


def one_of(choices: Collection[str]) -> Convert:
    """A converter of one of some names."""
    return functools.partial(checks.as_choice, choices=choices)


def optional(convert: Convert) -> Convert:
    """A converter that leaves None as it is."""
    return functools.partial(as_optional, convert=convert)


def as_optional(value: object, argument: str, convert: Convert) -> Any:
    """None as it is, and all else converted."""
    return None if value is None else convert(value, argument)
