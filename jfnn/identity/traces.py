"""Traces of functions, which are compiled, and compared to find functions that can share a program.

Custom functions may change their meaning while their names stay the same: through a global, a captured list,
an attribute, or a reloaded module. So they are traced anew for each run, and everything afterwards uses the
trace: equal traces share programs, whatever functions they come from.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import numpy as np
from jax.extend import core

from jfnn.identity.code import array_parts, checksum, code_parts
from jfnn.numerics.compiling import tracing

# Parameters of operations that only locate code, or define derivatives, which a finished trace does not need.
LEFT_OUT = ("name", "jvp_jaxpr_fun", "fwd_jaxpr_thunk", "bwd", "out_trees", "debug_info", "ctx_mesh")


class Trace:
    """A function traced by JAX for one structure, shapes and dtypes of arguments; compared by operations.

    Attributes:
        shapes: Shapes and dtypes of its value.
        checksum: Checksum of all its operations and constants.
    """

    def __init__(self, function: Callable[..., object], *arguments: object):
        """Trace a pure function of pytrees of arrays, for arrays or their shapes and dtypes."""
        # A new lambda bypasses JAX's cache of traces by function identity: a function's behavior may change.
        trace = jax.make_jaxpr(lambda *args: function(*args), return_shape=True)
        with tracing():
            self._closed, self.shapes = trace(*arguments)
        self._structure = jax.tree.structure(self.shapes)
        self.checksum = checksum((str(self._structure), *_closed_parts(self._closed)))

    def __call__(self, *arguments: object) -> Any:
        """Return the function's value; arguments must have the traced shapes."""
        leaves = core.jaxpr_as_fun(self._closed)(*jax.tree.leaves(arguments))
        return jax.tree.unflatten(self._structure, leaves)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trace) and self.checksum == other.checksum

    def __hash__(self) -> int:
        return hash(self.checksum)


def shapes_of(tree: object) -> Any:
    """Return the shapes and dtypes of the arrays of a pytree."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(np.shape(leaf), leaf.dtype), tree)


def _closed_parts(closed: object) -> Iterator[str | bytes]:
    for constant in getattr(closed, "consts", ()):
        yield from array_parts(constant)
    yield from _parts(getattr(closed, "jaxpr", closed))


def _parts(jaxpr: Any) -> Iterator[str | bytes]:
    numbers: dict[Any, int] = {}

    def variables(them: Iterable[Any]) -> Iterator[str | bytes]:
        for variable in them:
            if isinstance(variable, core.Literal):
                yield from array_parts(variable.val)
                yield str(variable.aval)
            else:
                yield f"{numbers.setdefault(variable, len(numbers))} {variable.aval}"

    yield from variables((*jaxpr.constvars, *jaxpr.invars))
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        yield from variables(equation.invars)
        for name, value in sorted(equation.params.items()):
            if name not in LEFT_OUT:
                yield name
                yield from _parameter_parts(value)
        yield from variables(equation.outvars)
    yield from variables(jaxpr.outvars)


def _parameter_parts(value: object) -> Iterator[str | bytes]:
    if hasattr(value, "eqns") or hasattr(value, "jaxpr"):
        yield from _closed_parts(value)
    elif isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        yield f"{type(value).__name__} {len(value)}"
        for item in value:
            yield from _parameter_parts(item)
    elif isinstance(value, np.ndarray | jax.Array):
        yield from array_parts(value)
    elif callable(value) and not isinstance(value, type):  # a function that runs on the host
        yield from code_parts(value)
    else:
        yield str(value)
