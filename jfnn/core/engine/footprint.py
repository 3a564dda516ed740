"""Bytes that a step of one member holds while it computes, read off its trace.

Another member of a tile needs memory for the arrays that depend on its state or hyperparameters. Arrays that
depend on the rows and the key of a step only, such as random draws, exist once per tile.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
from jax.extend import core

from jfnn.arguments.types import Tree
from jfnn.learners.data import Batch, Hyper, StepValues
from jfnn.learners.functions import Functions
from jfnn.numerics.compiling import tracing
from jfnn.params import Params, State, key_shape


def footprint(
    functions: Functions, params: Params, batch: Batch, hyper: Hyper, with_shared: bool = False
) -> int:
    """Return a step's peak bytes for one member; ``with_shared`` includes arrays that a tile's members share.

    Members share the minibatch and the key. Functions that are already traced are not called again.
    """
    key = key_shape() if functions.learner.random else None
    # A new lambda: JAX caches traces by function identity, but a function's behavior may change.
    with tracing():
        state = jax.eval_shape(lambda *arguments: functions.start(*arguments), params, hyper)

    def step(state: State, hyper: Hyper, batch: Batch, key: jax.Array | None) -> tuple[State, StepValues]:
        return functions.step(state, batch, hyper, key)

    if with_shared:
        return unshared_peak_bytes(step, (state, hyper, batch, key), ())
    return unshared_peak_bytes(step, (state, hyper), (batch, key))


def unshared_peak_bytes(
    function: Callable[..., Tree], of_member: Sequence[Tree], shared: Sequence[Tree]
) -> int:
    """Return `peak_bytes` of ``function(*of_member, *shared)``, less arrays that depend on ``shared`` only.

    A call, loop or conditional that depends on the member counts with all of its inputs and results.
    """
    with tracing():
        jaxpr = jax.make_jaxpr(function)(*of_member, *shared).jaxpr
    counted = set(jaxpr.invars[: len(jax.tree.leaves(tuple(of_member)))])
    for operation in jaxpr.eqns:
        operands = _arrays(operation.invars)
        if not counted.isdisjoint(operands):
            counted |= set(operation.outvars)
            if any(_functions([*operation.params.values()])):
                counted |= operands
    return _peak(jaxpr, lambda array: array in counted)


def peak_bytes(trace: core.ClosedJaxpr) -> int:
    """Return the most bytes alive at once while the operations of a trace run in order.

    ``max_t Σ_a bytes(a)`` over operations t and the arrays a that t reads or makes, or that exist before t
    and are read after it or returned. Constants and inputs live until their last use, results from the
    operation that makes them. Operations whose results are unused do not run. A call, loop or conditional
    adds the peak of what it makes inside, a conditional of its larger branch. Compiled steps, whose
    operations are fused and reordered, hold 0.6 to 1.2 times as much.
    """
    return _peak(trace.jaxpr, lambda array: True)


def nbytes(array: Any) -> int:
    """Return the bytes of an array of a shape and dtype; for random keys, of their raw data."""
    return int(math.prod(array.shape) * array.dtype.itemsize)


def _peak(jaxpr: core.Jaxpr, counts: Callable[[core.Var], bool]) -> int:
    """Return `peak_bytes`, counting some variables only."""

    def total(arrays: set[core.Var]) -> int:
        return sum(nbytes(array.aval) for array in arrays if counts(array))

    alive = _arrays(jaxpr.outvars)
    most = total(alive)
    for operation in reversed(jaxpr.eqns):
        results = _arrays(operation.outvars)
        operands = _arrays(operation.invars)
        if alive.isdisjoint(results):
            continue
        inside = 0
        if any(map(counts, results)):
            inside = max(map(_peak_inside, _functions([*operation.params.values()])), default=0)
        most = max(most, total(alive | results | operands) + inside)
        alive = (alive - results) | operands
    return max(most, total(alive))


def _peak_inside(jaxpr: core.Jaxpr) -> int:
    """Return the peak inside a called function, without its inputs and results, which count outside."""
    ends = _arrays([*jaxpr.invars, *jaxpr.outvars])
    return _peak(jaxpr, lambda array: array not in ends)


def _arrays(variables: Sequence[core.Var | core.Literal]) -> set[core.Var]:
    """Return the variables that hold arrays: neither literals, which are in the program, nor tokens."""
    return {v for v in variables if not isinstance(v, core.Literal) and hasattr(v.aval, "dtype")}


def _functions(value: object) -> Iterator[core.Jaxpr]:
    """Yield the functions, as jaxprs, in the parameters of an operation."""
    if isinstance(value, core.ClosedJaxpr):
        yield value.jaxpr
    elif isinstance(value, core.Jaxpr):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _functions(item)
