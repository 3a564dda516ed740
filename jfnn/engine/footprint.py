"""Bytes that a step of one member holds while it computes, read off its trace.

A member trained beside others needs room for the arrays that are its own. What follows from the rows and the
key of a step alone, such as draws, is computed once for all members of a tile, and is counted for none.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.extend import core

from jfnn.layers.kind import Params
from jfnn.learners.data import Batch, Hyper
from jfnn.learners.learner import Learner
from jfnn.learners.traced import Traced
from jfnn.numerics.compiling import tracing

# Bytes for a tile's members together on a core of a CPU; measured on learners from machines of 3x4 units to a
# loss on 5,000 points, on a core with 2 MB of cache: no width that it gives took more than 1.15 times the CPU
# time of the best one, and with anything from 0.8 to 4 MB none took more than 1.2 times.
CPU_ROOM = 1_500_000
# Members of the tile whose step is traced: a prime by which their axis is told from all others.
MEMBERS = 7919


def footprint(learner: Learner | Traced, params: Params, batch: Batch, hyper: Hyper) -> int:
    """Bytes that a step of one member holds at its peak, less those of arrays that a tile's members share.

    Members share the minibatch and the key. Functions that are traced already are not called again.
    """
    key = jax.eval_shape(lambda: jax.random.key(0)) if learner.random else None
    # Functions of their own: JAX keeps traces by the identity of a function, whose meaning may change.
    with tracing():
        state = jax.eval_shape(lambda *arguments: learner.start(*arguments), params, hyper)
    return own_bytes(lambda *arguments: learner.step(*arguments), (state, hyper), (batch, key))


def own_bytes(function: Callable[..., Any], own: tuple[Any, Any], shared: tuple[Any, Any]) -> int:
    """`peak_bytes` of ``function(own[0], shared[0], own[1], shared[1])`` for one member of a tile.

    It is traced for a whole tile: arrays with an axis of members are a member's own, others are not counted.
    """
    tile = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((MEMBERS, *leaf.shape), leaf.dtype), own)
    mapped = jax.vmap(function, in_axes=(0, None, 0, None))
    with tracing():
        trace = jax.make_jaxpr(mapped)(tile[0], shared[0], tile[1], shared[1])
    return peak_bytes(trace, lambda array: nbytes(array) // MEMBERS if MEMBERS in array.shape else 0)


def nbytes(array: Any) -> int:
    """Bytes of an array of a shape and dtype: of random keys those of their raw data."""
    return int(math.prod(array.shape) * array.dtype.itemsize)


def peak_bytes(trace: Any, size: Callable[[Any], int] = nbytes, inside: bool = False) -> int:
    """The most bytes alive at once while the operations of a trace run in order.

    ``max_t Σ_a size(a)`` over operations t and the arrays a that t reads or makes, or that are there before t
    and read after it or returned. Constants and inputs live to their last use, results from the operation
    that makes them. Operations whose results nothing depends on do not run. A call, a loop or a choice adds
    the peak of what it makes inside, a choice that of its larger branch. Compiled steps, whose operations are
    fused and in another order, hold 0.6 to 1.2 times as much.

    Args:
        trace: A jaxpr.
        size: Bytes of an array, from its shape and dtype.
        inside: Whether the trace's inputs and results are left out, which a surrounding operation counts.
    """
    jaxpr = getattr(trace, "jaxpr", trace)
    ends = _arrays([*jaxpr.invars, *jaxpr.outvars]) if inside else set()

    def total(arrays: set[Any]) -> int:
        return sum(size(array.aval) for array in arrays - ends)

    alive = _arrays(jaxpr.outvars)
    most = total(alive)
    for operation in reversed(jaxpr.eqns):
        results, operands = _arrays(operation.outvars), _arrays(operation.invars)
        if alive.isdisjoint(results):
            continue
        inner = [peak_bytes(function, size, True) for function in _traces([*operation.params.values()])]
        most = max(most, total(alive | results | operands) + max(inner, default=0))
        alive = (alive - results) | operands
    return max(most, total(alive))


def _arrays(variables: list[Any]) -> set[Any]:
    """Variables that hold arrays: no literals, which stand in the program, and no tokens."""
    return {v for v in variables if not isinstance(v, core.Literal) and hasattr(v.aval, "dtype")}


def _traces(value: Any) -> Iterator[Any]:
    """Traces in the parameters of an operation."""
    if hasattr(value, "eqns") or hasattr(value, "jaxpr"):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _traces(item)
