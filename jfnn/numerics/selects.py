"""Conditions as selections, so that members which share their rows go on sharing them.

`jax.vmap` gives each member a copy of every operand of a ``cond`` whose predicate differs between members,
also of rows that all share: a product with these is then one for each member, of copies. As a selection both
branches are computed, as they are under `jax.vmap` anyway, and shared operands stay shared: a step of L-BFGS
on 64 linear networks, of 5,000 rows of 512 numbers, takes 0.7 instead of 13 ms of CPU a member.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core

from jfnn.arguments.types import Tree


def selecting(function: Callable[..., Tree]) -> Callable[..., Tree]:
    """A function whose conditions, also within loops, compute all branches and select one."""

    def selected(*arguments: Tree) -> Tree:
        closed, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
        results = _evaluated(closed, jax.tree.leaves(arguments))
        return jax.tree.unflatten(jax.tree.structure(shapes), results)

    return selected


def _evaluated(closed: core.ClosedJaxpr, arguments: Sequence[Any]) -> list[Any]:
    """The results of a trace."""
    jaxpr = closed.jaxpr
    variables = [*jaxpr.constvars, *jaxpr.invars]
    values = dict(zip(variables, [*closed.consts, *arguments], strict=True))

    def read(variable: core.Var | core.Literal) -> Any:
        return variable.val if isinstance(variable, core.Literal) else values[variable]

    for equation in jaxpr.eqns:
        compute = COMPUTED.get(equation.primitive.name, _bound)
        results = compute(equation, [read(variable) for variable in equation.invars])
        values.update(zip(equation.outvars, results, strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def _bound(equation: core.JaxprEqn, operands: Sequence[Any]) -> Sequence[Any]:
    """The results of an operation as it is."""
    primitive = equation.primitive
    results = primitive.bind(*operands, **primitive.get_bind_params(equation.params))
    return results if primitive.multiple_results else [results]


def _inlined(equation: core.JaxprEqn, operands: Sequence[Any]) -> Sequence[Any]:
    """The results of a call of `jax.jit`."""
    return _evaluated(equation.params["jaxpr"], operands)


def _selected(equation: core.JaxprEqn, operands: Sequence[Any]) -> Sequence[Any]:
    """The results of the branch that the first operand names, of all branches."""
    number, *arguments = operands
    branches = [_evaluated(branch, arguments) for branch in equation.params["branches"]]
    which = number.astype(bool) if len(branches) == 2 else number
    return [jax.lax.select_n(which, *results) for results in zip(*branches, strict=True)]


def _looped(equation: core.JaxprEqn, operands: Sequence[Any]) -> Sequence[Any]:
    """The results of a ``while_loop``."""
    params = equation.params
    first = params["cond_nconsts"]
    second = first + params["body_nconsts"]
    of_condition, of_body, start = operands[:first], operands[first:second], operands[second:]

    def goes_on(carry: Sequence[Any]) -> Any:
        return _evaluated(params["cond_jaxpr"], [*of_condition, *carry])[0]

    def turn(carry: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(_evaluated(params["body_jaxpr"], [*of_body, *carry]))

    end: tuple[Any, ...] = jax.lax.while_loop(goes_on, turn, tuple(start))
    return end


#: Name of an operation with traces of its own -> how it is computed; others, such as scans, are left as is.
COMPUTED: dict[str, Callable[[core.JaxprEqn, Sequence[Any]], Sequence[Any]]] = {
    "cond": _selected,
    "while": _looped,
    "jit": _inlined,
}
