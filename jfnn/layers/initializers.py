"""How layers start: the notes' unscaled normal weights, and the field's standard initializers."""

from collections.abc import Callable
from typing import NamedTuple

import jax


class Initializer(NamedTuple):
    """How a layer starts: ``weights(key, (n_in, n_out)) -> w``, and the value of every bias."""

    weights: Callable[[jax.Array, tuple[int, int]], jax.Array]
    bias: float


def _normal(key: jax.Array, shape: tuple[int, int]) -> jax.Array:
    # Drawn flat: the same numbers, but XLA takes a second less to compile that than rows of ten.
    return jax.nn.initializers.normal(1.0)(key, (shape[0] * shape[1],)).reshape(shape)


INITIALIZERS: dict[str, Initializer] = {
    # The notes' start: unscaled standard normal weights, biases 0.01.
    "normal": Initializer(_normal, 0.01),
    "glorot_uniform": Initializer(jax.nn.initializers.glorot_uniform(), 0.0),
    "glorot_normal": Initializer(jax.nn.initializers.glorot_normal(), 0.0),
    "he_uniform": Initializer(jax.nn.initializers.he_uniform(), 0.0),
    "he_normal": Initializer(jax.nn.initializers.he_normal(), 0.0),
}
