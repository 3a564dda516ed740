"""Functions traced once; the trace is compiled, and compared where equal functions share a program.

Custom functions may change their meaning while their names stay: by a global, a captured list, an
attribute, a module loaded anew. So they are traced anew for each run, and everything behind that uses the
trace: programs are shared between equal traces, never between equal functions.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import numpy as np
from jax.extend import core

from jfnn.identity.code import array_parts, checksum, code_parts
from jfnn.numerics.compiling import tracing

# Parameters of operations that only say where code stands, or how derivatives are made if anybody asks.
LEFT_OUT = ("name", "jvp_jaxpr_fun", "fwd_jaxpr_thunk", "bwd", "out_trees", "debug_info", "ctx_mesh")


class Trace:
    """A function as JAX traced it, for arguments of one structure, shapes and dtypes; equal by operations.

    Attributes:
        shapes: Shapes and dtypes of its value.
        checksum: Of all its operations and constants.
    """

    def __init__(self, function: Callable[..., object], *arguments: object):
        """Traces a pure function of pytrees of arrays, for arrays or their shapes and dtypes."""
        # A new function: JAX keeps traces by the identity of a function.
        trace = jax.make_jaxpr(lambda *args: function(*args), return_shape=True)
        with tracing():
            self._closed, self.shapes = trace(*arguments)
        self._structure = jax.tree.structure(self.shapes)
        self.checksum = checksum((str(self._structure), *_closed_parts(self._closed)))

    def __call__(self, *arguments: object) -> Any:
        """The function's value; arguments must be of the shapes that were traced."""
        leaves = core.jaxpr_as_fun(self._closed)(*jax.tree.leaves(arguments))
        return jax.tree.unflatten(self._structure, leaves)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trace) and self.checksum == other.checksum

    def __hash__(self) -> int:
        return hash(self.checksum)


def shapes_of(tree: object) -> Any:
    """Shapes and dtypes of the arrays of a pytree."""
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
