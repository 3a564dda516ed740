"""Parameters of layered Boltzmann machines, their initialization, and checks."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.layers import Draw, from_key, within

ROUNDING = 1e-6  # tolerated in states that were scaled in float32


class Machine(NamedTuple):
    """Parameters of a machine of binary units in layers, each connected to its neighbors only.

    The energy is ``E = - Σ_k b_k · s_k - Σ_k s_k W_k s_{k+1}``, where s_0 are the visible units. With one
    hidden layer this is the restricted machine, with several the deep machine of Salakhutdinov and Hinton
    (AISTATS 2009).

    Attributes:
        weights: ``W_k [n_k, n_{k+1}]``, one for each pair of neighboring layers.
        biases: ``b_k [n_k]``, one for each layer, the visible layer first.
    """

    weights: tuple[Any, ...]
    biases: tuple[Any, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of units of each layer, the visible layer first."""
        return tuple(bias.shape[-1] for bias in self.biases)


def init(key: jax.Array, sizes: Sequence[int], scale: float = 0.01) -> Machine:
    """Return normal weights with standard deviation ``scale``, and biases of 0.

    Args:
        key: A random key.
        sizes: Number of units of each layer, the visible layer first.
        scale: Standard deviation; 0.01 as in Hinton's guide (UTML TR 2010-003, section 8) and scikit-learn.

    Raises:
        TypeError, ValueError: Not a key, fewer than two layers, or a scale that is not a number of at least
            0.
    """
    checks.check_key(key)
    sizes = as_sizes(sizes)
    scale = checks.as_representable(scale, "scale")
    memory.check("sizes", 4.0 * sum(lower * upper for lower, upper in itertools.pairwise(sizes)))
    machine: Machine = from_key(starts(sizes, scale), key)
    return machine


def starts(sizes: tuple[int, ...], scale: float) -> Machine:
    """Return how `init` draws the parameters, for checked arguments."""
    shapes = list(itertools.pairwise(sizes))
    weights = [within(Draw("normal", shape, scale), i, len(shapes)) for i, shape in enumerate(shapes)]
    return Machine(tuple(weights), tuple(Draw("constant", (n,), 0.0) for n in sizes))


def as_sizes(sizes: object) -> tuple[int, ...]:
    """Return the checked number of units of two or more layers."""
    counts = checks.as_counts(sizes, "sizes")
    if len(counts) < 2:
        raise ArgumentError("sizes", f"expected units of two or more layers, such as (64, 100), got {counts}")
    return counts


def pack(machine: Machine) -> Machine:
    """Convert to column form, with weights ``[n_{k+1}, n_k]``, or back; leading axes are kept."""
    return Machine(tuple(w.swapaxes(-1, -2) for w in machine.weights), tuple(machine.biases))


def as_machine(machine: object, layers: int | None = None) -> Machine:
    """Return checked parameters from a `Machine`, or from a mapping of its fields, as loaded by `jfnn.load`.

    It must have ``layers`` layers; None for two or more.
    """
    if isinstance(machine, Mapping) and {*machine} == {*Machine._fields}:
        machine = Machine(**machine)
    if not isinstance(machine, tuple) or len(machine) != 2:
        raise ArgumentTypeError("machine", f"expected a jfnn.boltzmann.Machine, got {type(machine).__name__}")
    weights, biases = (_as_arrays(part) for part in machine)
    sizes = [bias.shape for bias in biases]
    fits = len(sizes) >= 2 and all(len(size) == 1 for size in sizes)
    if not fits or [w.shape for w in weights] != [a + b for a, b in itertools.pairwise(sizes)]:
        raise ArgumentError(
            "machine",
            "expected a bias vector for each of two or more layers and a matrix for each pair of"
            f" neighboring layers, got weights {[list(w.shape) for w in weights]} and biases"
            f" {[list(size) for size in sizes]}",
        )
    if layers is not None and len(sizes) != layers:
        raise ArgumentError("machine", f"expected {layers} layers, got {len(sizes)}")
    return Machine(weights, biases)


def _as_arrays(part: object) -> tuple[jax.Array, ...]:
    if not checks.is_several(part):
        raise ArgumentTypeError(
            "machine", f"expected tuples of weights and of biases, got {checks.as_text(part)}"
        )
    arrays = tuple(checks.as_array(array, "machine") for array in part)
    for array in arrays:
        if array.dtype.kind not in "iub" and not jnp.issubdtype(array.dtype, jnp.floating):
            raise ArgumentTypeError("machine", f"expected numbers, got dtype {array.dtype}")
    return tuple(map(jnp.asarray, arrays))


def as_columns(
    machine: object,
    states: ArrayLike,
    argument: str = "v",
    layer: int = 0,
    layers: int | None = None,
    binary: bool = False,
) -> tuple[Machine, jax.Array]:
    """Check a machine and the states of one layer; return both in column form.

    The given states are rows ``[n, n_k]`` in [0, 1], or only 0 and 1 if ``binary``, up to rounding; the
    returned ones are ``[n_k, n]`` in the machine's dtype.
    """
    machine = as_machine(machine, layers)
    bias = machine.biases[layer]
    array = checks.as_inputs(states, argument, bias.shape)
    if checks.is_concrete(array):
        check_units(np.asarray(array), argument, binary)
    return pack(machine), jnp.asarray(array, bias.dtype).T


def check_units(values: np.ndarray, argument: str, binary: bool) -> None:
    """Raise ValueError for states outside [0, 1], or other than 0 and 1 if ``binary``, up to rounding."""
    if values.min() < -ROUNDING or values.max() > 1 + ROUNDING:
        raise ArgumentError(
            argument, f"expected values in [0, 1], got {values.min():.9g} to {values.max():.9g}"
        )
    between = (abs(values) > ROUNDING) & (abs(values - 1) > ROUNDING)
    if binary and between.any():
        raise ArgumentError(argument, f"expected only 0 and 1, got {values[between][0]:.9g}")
