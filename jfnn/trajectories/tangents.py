"""Derivatives along a direction, pushed forward through the steps of training."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def push_forward(function: Callable[..., tuple[Any, Any]], at: Any, along: Any) -> tuple[Any, Any, Any]:
    """A function's value, and its derivative along a direction, ``J v``.

    Layers define how errors are pulled back, through which JAX's own forward mode does not go. A pull-back is
    linear in the error, so ``J v`` is the transpose of the pull-back, by pulling back once more.

    Args:
        function: ``point -> (value, rest)``; the rest is not differentiated.
        at: The point, a pytree of floats.
        along: The direction, shaped like the point.

    Returns:
        ``(value, derivative, rest)``.
    """
    value, pull_back, rest = jax.vjp(function, at, has_aux=True)
    _, push = jax.vjp(lambda error: pull_back(error)[0], jax.tree.map(jnp.zeros_like, value))
    return value, push(along)[0], rest


def floats_of(tree: Any) -> list[jax.Array]:
    """A tree's leaves that are floats; others, such as an optimizer's count of steps, have no derivative."""
    return [leaf for leaf in jax.tree.leaves(tree) if _is_float(leaf)]


def with_floats(tree: Any, floats: list[jax.Array]) -> Any:
    """The tree with other floats in the places of its own."""
    others = iter(floats)
    return jax.tree.map(lambda leaf: next(others) if _is_float(leaf) else leaf, tree)


def _is_float(leaf: jax.Array) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(leaf), jnp.floating))
