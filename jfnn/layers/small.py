"""Small dense networks, many at once: members lie on the last axis of every array.

The vectors of a processor then run over members, and each sum of a product is written out term by term, so
that XLA makes few loops of a step, with no call for each member's few numbers.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

import jfnn.layers.sequence as sequence
from jfnn.layers.kind import LayerKind, Shape

T = TypeVar("T")

# Longer sums make programs that take long to compile, and run slower than products of matrices do.
MOST_TERMS = 32
# A tile of so many members, or several times as many, fills vectors of any width: each member's numbers take
# the same instructions as any other's.
VECTOR = 16
# What a step of a tile costs besides its members, in members, many of which share each operation.
STEP = 64


def fits(layers: Sequence[LayerKind], input_shape: Shape, members: int, batch: int) -> bool:
    """Whether a network, a tile and a batch are such that members are best laid on the last axis."""
    if not layers or members % VECTOR or not all(layer.takes_members for layer in layers):
        return False
    terms = [batch, *(n for shape in sequence.shapes(layers, input_shape) for n in shape)]
    return max(terms) <= MOST_TERMS


def shared(tree: T, members: Shape) -> T:
    """Arrays that all members share, as if each had its own: with ``(members,)`` as the last axis."""
    copies: T = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf[..., None], (*leaf.shape, *members)), tree)
    return copies


def each_member(of_members: Shape) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What maps a function of one member over a last axis of members.

    Args:
        of_members: ``(members,)``, or ``()`` where there is no such axis.
    """
    return functools.partial(jax.vmap, in_axes=-1, out_axes=-1) if of_members else lambda of_member: of_member
