"""Initial parameters as plain data: how each array is drawn, and from which key.

`from_key` uses one key and `jax.random` to draw the arrays that layers declare. A sweep draws the same
numbers for all arrays and seeds in one program, which all networks share.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.fields import Valid, field, one_of

Starts = Any  # a pytree of `Draw`, in the structure of the parameters
Path = tuple[tuple[int, int], ...]
DISTRIBUTIONS = ("uniform", "normal", "truncated_normal")
TRUNCATED = 2  # bound of truncated normal numbers; an integer, as in `jax.nn.initializers`

_as_distribution = one_of((*DISTRIBUTIONS, "constant"))


@dataclasses.dataclass(frozen=True)
class Draw(Valid):
    """How one array of parameters is drawn.

    Attributes:
        distribution: "normal", standard normal; "truncated_normal", the same truncated to ±2; "uniform",
            within ±bound; "constant", ones.
        shape: Shape in which numbers are drawn.
        scale: Factor of the numbers.
        bound: Bound of "uniform".
        paths: One path per part; several parts of this shape are concatenated on the last axis. A path is a
            sequence of pairs from the layer's key to the part's: ``(i, n)`` takes the ith of n keys from
            `jax.random.split`, and ``(i, 0)`` takes `jax.random.fold_in` of i.
        axes: Permutation of the axes of the drawn array, as in `numpy.transpose`; () for none.
    """

    distribution: Literal["normal", "truncated_normal", "uniform", "constant"] = field(
        convert=_as_distribution
    )
    shape: tuple[int, ...] = field(convert=functools.partial(checks.as_counts, minimum=0))
    scale: float = 1.0
    bound: float = 1.0
    paths: tuple[Path, ...] = ((),)
    axes: tuple[int, ...] = ()

    def arrange(self, parts: Sequence[Any], members: tuple[int, ...] = ()) -> Any:
        """Combine the parts' numbers, in order, into the array, with any axes of members first."""
        blocks = [part.reshape(*members, *self.shape) for part in parts]
        xp = np if isinstance(blocks[0], np.ndarray) else jnp
        array = blocks[0] if len(blocks) == 1 else xp.concatenate(blocks, axis=-1)
        if not self.axes:
            return array
        return array.transpose(*range(len(members)), *(len(members) + axis for axis in self.axes))


def within(starts: Starts, i: int, n: int = 0) -> Starts:
    """Return the same draws from the ith of n split keys, or from ``fold_in(key, i)`` if n is 0."""

    def under(draw: Draw) -> Draw:
        return dataclasses.replace(draw, paths=tuple(((i, n), *path) for path in draw.paths))

    return jax.tree.map(under, starts)


def from_key(starts: Starts, key: jax.Array) -> Any:
    """Draw the arrays with `jax.random` in the default float dtype."""

    def array(draw: Draw) -> jax.Array:
        array: jax.Array = draw.arrange([_numbers(draw, _key(key, path)) for path in draw.paths])
        return array

    return jax.tree.map(array, starts)


def _key(key: jax.Array, path: Path) -> jax.Array:
    for i, n in path:
        key = jax.random.split(key, n)[i] if n else jax.random.fold_in(key, i)
    return key


def _numbers(draw: Draw, key: jax.Array) -> jax.Array:
    """Return the numbers of one part as ``[size, 1]``: XLA takes a second longer to compile short rows."""
    shape = (math.prod(draw.shape), 1)
    match draw.distribution:
        case "constant":
            return jnp.full(shape, draw.scale, jnp.result_type(float))
        case "normal":
            numbers = jax.random.normal(key, shape)
        case "truncated_normal":
            numbers = jax.random.truncated_normal(key, -TRUNCATED, TRUNCATED, shape)
        case "uniform":
            numbers = jax.random.uniform(key, shape, minval=-draw.bound, maxval=draw.bound)
    return numbers * draw.scale
