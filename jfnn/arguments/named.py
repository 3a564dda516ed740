"""Values by name that tell a name which they lack with those that they have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import jax

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentKeyError

V = TypeVar("V")


@jax.tree_util.register_pytree_with_keys_class
class Named(dict[str, V]):
    """A dict whose KeyError says which names there are; a pytree as a dict is.

    Args:
        values: Name -> value.
        argument: What the dict is, in errors.
        others: How further names come to be there, in errors.
    """

    def __init__(
        self, values: Mapping[str, V] | Iterable[tuple[str, V]], argument: str = "", others: str = ""
    ):
        super().__init__(values)
        self.argument = argument
        self.others = others

    def __missing__(self, name: object) -> V:
        """Raises ArgumentKeyError."""
        raise ArgumentKeyError(self.argument, checks.unknown(name, self, self.others))

    def tree_flatten_with_keys(self) -> tuple[list[tuple[Any, V]], tuple[tuple[str, ...], str, str]]:
        """Values in the order of their names, as JAX has those of a dict."""
        names = tuple(sorted(self))
        pairs = [(jax.tree_util.DictKey(name), self[name]) for name in names]
        return pairs, (names, self.argument, self.others)

    @classmethod
    def tree_unflatten(cls, names: tuple[tuple[str, ...], str, str], values: Iterable[V]) -> Named[V]:
        """The inverse of `tree_flatten_with_keys`."""
        return cls(dict(zip(names[0], values, strict=True)), *names[1:])
