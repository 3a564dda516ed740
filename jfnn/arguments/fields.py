"""Dataclasses that are valid by construction: each field's converter checks its value once."""

import copy
import dataclasses
import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any, ClassVar, Protocol, Self, TypeVar

from jfnn.arguments import checks

Given = TypeVar("Given", contravariant=True)
Held = TypeVar("Held", covariant=True)
# Converts a value to its canonical type, given the argument's name and the values of the ``given`` fields. It
# raises ArgumentError for an invalid value, and is idempotent.
Convert = Callable[..., Any]


class Converted(Protocol[Given, Held]):
    """The type of a field for type checkers: the type it accepts, and the type it is converted to."""

    def __get__(self, instance: object, owner: object = None) -> Held: ...

    def __set__(self, instance: object, value: Given) -> None: ...


def field(
    default: object = dataclasses.MISSING,
    convert: Convert | None = None,
    given: Sequence[str] = (),
    **metadata: Any,
) -> Any:
    """Return a field with a default, a converter that also gets the fields ``given``, and metadata."""
    return dataclasses.field(default=default, metadata=metadata | {"convert": convert, "given": given})


class Valid:
    """Base of dataclasses whose fields are converted in order when an object is created, and then fixed.

    Dataclasses without converters, such as user-defined ones, behave as usual. Copies and pickles are not
    converted again. For hashable objects, make the subclass a frozen dataclass. A subclass that checks
    several fields together overrides `check_together`.
    """

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __post_init__(self) -> None:
        """Raise ArgumentError with the name of the first field whose value is invalid."""
        self._convert(self.__dataclass_fields__)
        self.check_together()

    def check_together(self) -> None:
        """Raise ArgumentError if valid fields do not fit together."""

    def with_changes(self, **values: Any) -> Self:
        """Return a copy with other values of some fields; only these are converted.

        Raises:
            ValueError, TypeError: No such field; an invalid value; or values that do not fit the others.
        """
        unknown = values.keys() - self.__dataclass_fields__.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no field {min(unknown)!r}")
        other = copy.copy(self)
        vars(other).update(values)
        other._convert(values)
        other.check_together()
        return other

    def _convert(self, changed: Collection[str]) -> None:
        """Convert the changed fields, and those whose converters get one of them."""
        values = vars(self)
        for name, declared in self.__dataclass_fields__.items():
            convert = declared.metadata.get("convert")
            given = declared.metadata.get("given", ())
            if convert is not None and (name in changed or not set(given).isdisjoint(changed)):
                values[name] = convert(values[name], name, *(values[other] for other in given))

    def __setattr__(self, name: str, value: object) -> None:
        """Set a field of a new object; raise FrozenInstanceError if it already has a value."""
        if (name in vars(self) or name not in self.__dataclass_fields__) and self._converts():
            raise dataclasses.FrozenInstanceError(f"cannot assign to {name!r}")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        """Raise FrozenInstanceError."""
        if self._converts():
            raise dataclasses.FrozenInstanceError(f"cannot delete {name!r}")
        super().__delattr__(name)

    @classmethod
    def _converts(cls) -> bool:
        declared = vars(cls).get("__dataclass_fields__", {})
        return any(field.metadata.get("convert") is not None for field in declared.values())


def names(kind: type[Valid]) -> list[str]:
    """Return the names of the fields."""
    return [declared.name for declared in dataclasses.fields(kind)]


def at_least(minimum: int, maximum: int | None = checks.MOST) -> Convert:
    """Return a converter of whole numbers from ``minimum`` to ``maximum`` (None: no limit)."""
    return functools.partial(checks.as_count, minimum=minimum, maximum=maximum)


def above(minimum: float) -> Convert:
    """Return a converter of numbers above ``minimum``."""
    return functools.partial(checks.as_number, minimum=minimum, strict=True)


def one_of(choices: Collection[str]) -> Convert:
    """Return a converter that accepts only the names in ``choices``."""
    return functools.partial(checks.as_choice, choices=choices)


def optional(convert: Convert) -> Convert:
    """Return a converter that keeps None."""
    return functools.partial(as_optional, convert=convert)


def as_optional(value: object, argument: str, convert: Convert) -> Any:
    """Convert all values except None."""
    return None if value is None else convert(value, argument)
