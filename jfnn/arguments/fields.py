"""Dataclasses that are valid by construction: a field's converter checks what it is given, once."""

import dataclasses
import typing
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

Given = TypeVar("Given", contravariant=True)
Held = TypeVar("Held", covariant=True)
Convert = Callable[[Any, str], Any]  # of a value and the field's name: the value in its canonical type


class Converted(Protocol[Given, Held]):
    """The type of a field for type checkers: what it may be given, and what its converter makes of that."""

    def __get__(self, instance: object, owner: object = None) -> Held: ...

    def __set__(self, instance: object, value: Given) -> None: ...


def field(default: object = dataclasses.MISSING, convert: Convert | None = None, **metadata: Any) -> Any:
    """A field with a default, a converter and further metadata.

    Args:
        default: The default, which is converted as well.
        convert: Raises ArgumentError, or returns a value that it returns unchanged when called again.
        **metadata: Whatever else there is to say of the field.
    """
    return dataclasses.field(default=default, metadata=metadata | {"convert": convert})


@dataclasses.dataclass
class Valid:
    """A dataclass whose fields are converted where they are set, once; afterwards they stay."""

    def __setattr__(self, name: str, value: object) -> None:
        """Sets a field of a new object; raises FrozenInstanceError where it has a value."""
        if name not in self.__dataclass_fields__ or name in vars(self):
            raise dataclasses.FrozenInstanceError(f"cannot assign to {name!r}")
        convert = self.__dataclass_fields__[name].metadata.get("convert")
        vars(self)[name] = value if convert is None else convert(value, name)


def given_type(annotation: object) -> Any:
    """The type that a field may be given, by its annotation."""
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is Converted else annotation


def optional(convert: Convert) -> Convert:
    """A converter that leaves None as it is."""
    return lambda value, argument: None if value is None else convert(value, argument)
