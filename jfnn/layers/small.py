"""Many small dense networks at once: members are on the last axis of every array.

The processor's vectors then run over members, and every sum of a product is written out term by term. XLA
compiles a step into a few loops, without a call for each member's few numbers.
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

# Largest number of terms of a sum: longer sums take long to compile and run slower than matrix products.
# Benchmark this and the numbers below with the workload iris_seeds of scripts/bench.py.
MOST_TERMS = 32
# Multiples of this number of members fill vector registers of any width, so that all members are computed
# by the same instructions.
VECTOR = 16
# Times with members on the last axis. STEP: fixed time of a step, in units of the time per member. MEMBER:
# time per member, in units of its time in the other layout. Wrong values select a slower layout.
STEP = 64
MEMBER = 0.25
NARROW = 8  # widest tile in the other layout if this layout is possible, too
WIDE = 64  # tiles up to this width may use this layout, however many numbers they hold
# Largest number of terms of a product if members have separate minibatches: beyond it, the operands exceed a
# core's first-level cache, and matrix products are faster.
MOST_SEPARATE_TERMS = 2500


def fits(
    layers: Sequence[LayerKind], input_shape: Shape, members: int, batch: int, separate: bool = False
) -> bool:
    """Return whether training is faster with members on the last axis (``separate``: own minibatches)."""
    if not layers or members % VECTOR or not all(layer.takes_members for layer in layers):
        return False
    widths = [n for shape in sequence.shapes(layers, input_shape) for n in shape]
    most = max(n_in * n_out for n_in, n_out in itertools.pairwise(widths)) * batch
    return max(batch, *widths) <= MOST_TERMS and not (separate and most > MOST_SEPARATE_TERMS)


def shared(tree: T, members: Shape) -> T:
    """Broadcast arrays that all members share to a last axis ``(members,)``."""
    copies: T = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf[..., None], (*leaf.shape, *members)), tree)
    return copies


def each_member(members: Shape) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that maps a function of one member over a last axis of members.

    Args:
        members: ``(members,)``, or ``()`` if there is no such axis.
    """
    return functools.partial(jax.vmap, in_axes=-1, out_axes=-1) if members else lambda function: function
