"""Bytes that a step of one member holds while it computes, read off its trace.

A member trained beside others needs memory for the arrays that depend on its state or its hyperparameters.
What follows from the rows and the key of a step only, such as draws, is computed once for all members of a
tile.
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
    """Bytes that a step of one member holds at its peak, without arrays that a tile's members share, or with.

    Members share the minibatch and the key. Functions that are traced already are not called again.
    """
    key = key_shape() if functions.learner.random else None
    # New functions: JAX keeps traces by the identity of a function, whose meaning may change.
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
    """`peak_bytes` of ``function(*of_member, *shared)``, without arrays that follow from ``shared`` only.

    A call, a loop or a choice that depends on the member counts with all of its inputs and results.
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
    """The most bytes alive at once while the operations of a trace run in order.

    ``max_t Σ_a bytes(a)`` over operations t and the arrays a that t reads or makes, or that are there before
    t and read after it or returned. Constants and inputs live to their last use, results from the operation
    that makes them. Operations whose results nothing depends on do not run. A call, a loop or a choice adds
    the peak of what it makes inside, a choice that of its larger branch. Compiled steps, whose operations are
    fused and in another order, hold 0.6 to 1.2 times as much.
    """
    return _peak(trace.jaxpr, lambda array: True)


def nbytes(array: Any) -> int:
    """Bytes of an array of a shape and dtype: of random keys those of their raw data."""
    return int(math.prod(array.shape) * array.dtype.itemsize)


def _peak(jaxpr: core.Jaxpr, counts: Callable[[core.Var], bool]) -> int:
    """`peak_bytes` of the variables that count."""

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
            inside = max(map(_made_inside, _functions([*operation.params.values()])), default=0)
        most = max(most, total(alive | results | operands) + inside)
        alive = (alive - results) | operands
    return max(most, total(alive))


def _made_inside(jaxpr: core.Jaxpr) -> int:
    """The peak of a function that an operation calls, without inputs and results, which count outside."""
    ends = _arrays([*jaxpr.invars, *jaxpr.outvars])
    return _peak(jaxpr, lambda array: array not in ends)


def _arrays(variables: Sequence[core.Var | core.Literal]) -> set[core.Var]:
    """Variables that hold arrays: no literals, which stand in the program, and no tokens."""
    return {v for v in variables if not isinstance(v, core.Literal) and hasattr(v.aval, "dtype")}


def _functions(value: object) -> Iterator[core.Jaxpr]:
    """Functions, as jaxprs, in the parameters of an operation."""
    if isinstance(value, core.ClosedJaxpr):
        yield value.jaxpr
    elif isinstance(value, core.Jaxpr):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _functions(item)
