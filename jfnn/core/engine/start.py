"""Initial states, without a compiled program if each array is constant or equals an argument.

Most optimizers start with zeros, or one number, in every array; compiling that takes longer than training a
small network.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np
from jax.extend import core

from jfnn.arguments.types import Array, Tree
from jfnn.learners.functions import Functions
from jfnn.numerics.compiling import tracing
from jfnn.params import Params, State


class Input(NamedTuple):
    """An argument, by its number among all arrays of a function's arguments."""

    number: int


Origin = Input | complex | Array


class Start(NamedTuple):
    """The result of `Learner.start`, as read from its trace.

    Attributes:
        shapes: Shapes and dtypes of a member's state.
        origins: For each array of the state, the number that fills it, or the `Input` that it equals, in the
            array's dtype; None if some array is computed.
    """

    shapes: State
    origins: list[Origin] | None

    def states(self, params: Params, hyper: Mapping[str, np.ndarray], members: int) -> State:
        """Return states of all members (NumPy), with zeros for all memory if some array is computed.

        ``params`` and ``hyper`` have all members on the leading axis.
        """
        if self.origins is None:
            return State(params, zeros_for_members(self.shapes.memory, members))
        inputs = jax.tree.leaves((params, hyper))
        untouched = set(range(len(jax.tree.leaves(params))))  # numbers of parameters not yet in the states
        leaves = []
        for shape, origin in zip(jax.tree.leaves(self.shapes), self.origins, strict=True):
            if isinstance(origin, Input):
                start = np.asarray(inputs[origin.number], shape.dtype)
                leaves.append(start if origin.number in untouched else start.copy())
                untouched.discard(origin.number)
            else:
                leaves.append(np.full((members, *shape.shape), origin, shape.dtype))
        states: State = jax.tree.unflatten(jax.tree.structure(self.shapes), leaves)
        return states


def read_start(
    functions: Functions, params: Params, hyper: Mapping[str, np.generic | jax.ShapeDtypeStruct]
) -> Start:
    """Trace `Learner.start` for one member's parameters and hyperparameters, or for their shapes."""
    with tracing():
        traced, shapes = jax.make_jaxpr(functions.start, return_shape=True)(params, hyper)
    jaxpr = traced.jaxpr
    known: dict[core.Var, Origin] = {variable: Input(i) for i, variable in enumerate(jaxpr.invars)}
    for equation in jaxpr.eqns:
        [operand, *_] = equation.invars or [None]
        name = equation.primitive.name
        if name == "broadcast_in_dim" and isinstance(operand, core.Literal):
            known[equation.outvars[0]] = operand.val
        elif name == "convert_element_type" and operand in jaxpr.invars:
            known[equation.outvars[0]] = known[operand]
    origins = []
    for variable in jaxpr.outvars:
        if isinstance(variable, core.Literal):
            origins.append(variable.val)
        elif variable in known:
            origins.append(known[variable])
        else:
            return Start(shapes, None)
    return Start(shapes, origins)


def zeros_for_members(shapes: Tree, members: int) -> Tree:
    """Return zeros of these shapes and dtypes for all members, on the leading axis (NumPy)."""
    return jax.tree.map(lambda leaf: np.zeros((members, *leaf.shape), leaf.dtype), shapes)
