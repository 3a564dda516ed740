"""A dict of named values, with errors that list its names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jax.tree_util import DictKey, register_pytree_with_keys_class

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError


class ArgumentKeyError(ArgumentError, KeyError):
    """A name is missing from a mapping."""


@register_pytree_with_keys_class
class Named(dict[str, Any]):
    """A dict and pytree whose KeyError consists of ``argument``, the list of names, and ``others``."""

    def __init__(self, values: Mapping[str, Any], argument: str = "", others: str = ""):
        super().__init__(values)
        self.argument = argument
        self.others = others

    def __missing__(self, name: object) -> None:
        """Raise ArgumentKeyError."""
        checks.as_choice(name, self.argument, self, self.others, ArgumentKeyError)

    def tree_flatten_with_keys(self) -> tuple[list[tuple[Any, Any]], tuple[tuple[str, ...], str, str]]:
        """Return values sorted by name, like JAX does for a dict."""
        names = tuple(sorted(self))
        return [(DictKey(name), self[name]) for name in names], (names, self.argument, self.others)

    @classmethod
    def tree_unflatten(cls, texts: tuple[tuple[str, ...], str, str], values: Iterable[Any]) -> Named:
        """Invert `tree_flatten_with_keys`."""
        return cls(dict(zip(texts[0], values, strict=True)), *texts[1:])
