"""Small dense networks, many at once: members lie on the last axis of every array.

The vectors of a processor then run over members, and each sum of a product is written out term by term, so
that XLA makes few loops of a step, with no call for each member's few numbers.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

import jfnn.layers.sequence as sequence
from jfnn.layers.kind import LayerKind, Shape

T = TypeVar("T")

# Terms of a sum at most: longer ones make programs that take long to compile, and run slower than products of
# matrices. Compare by the workload iris_seeds of scripts/bench.py, as for the numbers below.
MOST_TERMS = 32
# A tile of a multiple of this number of members fills vectors of any width: each member's numbers take
# the same instructions as any other's.
VECTOR = 16
# Fixed time of a step, in units of a member of such a tile, and time of such a member, in units of a member
# of other tiles. Wrong ones choose a slower layout.
STEP = 64
MEMBER = 0.25
NARROW = 8  # members a tile at most where these are too few for `VECTOR`
WIDE = 64  # members a tile that always pay, however much they hold
# Terms of a product in all at most, where members have separate minibatches: more of them read more than a
# core's first cache holds, and matrices are faster.
MOST_SEPARATE_TERMS = 2500


def fits(
    layers: Sequence[LayerKind], input_shape: Shape, members: int, batch: int, separate: bool = False
) -> bool:
    """Whether members train faster on the last axis, with minibatches that are shared or ``separate``."""
    if not layers or members % VECTOR or not all(layer.takes_members for layer in layers):
        return False
    widths = [n for shape in sequence.shapes(layers, input_shape) for n in shape]
    most = max(n_in * n_out for n_in, n_out in itertools.pairwise(widths)) * batch
    return max(batch, *widths) <= MOST_TERMS and not (separate and most > MOST_SEPARATE_TERMS)


def shared(tree: T, members: Shape) -> T:
    """Arrays that all members share, with ``(members,)`` as a last axis."""
    copies: T = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf[..., None], (*leaf.shape, *members)), tree)
    return copies


def each_member(members: Shape) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that maps a function of one member over a last axis of members.

    Args:
        members: ``(members,)``, or ``()`` where there is no such axis.
    """
    return functools.partial(jax.vmap, in_axes=-1, out_axes=-1) if members else lambda function: function
