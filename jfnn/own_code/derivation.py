"""Back-propagation by hand in float64, with error bounds for a program of the student's precision.

One mistake may be planted in a `Run`: it replaces one part of the derivation by what the mistake gives.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.activations import Activation
from jfnn.losses import Loss

NUDGE = 1e-300  # moves z = 0 to one side of a kink and leaves all other numbers as they are
SIGNS = np.array([[0, 0], [1, 1], [-1, -1], [1, -1], [-1, 1]])  # directions of rounding of a row's entries

# "activation", "delta", "weights" or "biases", and the layer, counted from 0.
Key = tuple[str, int]


class Rounded(NamedTuple):
    """Numbers, and how far off another program's may be.

    Attributes:
        value: The numbers in float64.
        error: The largest difference that rounding explains, shaped like them.
        unit: The relative error of one operation.
    """

    value: np.ndarray
    error: np.ndarray
    unit: float

    @property
    def transposed(self) -> Rounded:
        """The transpose."""
        return Rounded(self.value.T, self.error.T, self.unit)

    def matmul(self, other: Rounded) -> Rounded:
        """The matrix product. Rounding errors of k terms have either sign and grow with √k."""
        size = np.abs(self.value)
        others_size = np.abs(other.value)
        error = size @ other.error + self.error @ others_size
        error += self.unit * (1 + np.sqrt(self.value.shape[1])) * (size @ others_size)
        return Rounded(self.value @ other.value, error, self.unit)

    def sum(self, axis: int | None) -> Rounded:
        """The sum over an axis, or over all entries."""
        value = np.asarray(self.value.sum(axis=axis))
        terms = self.value.size / value.size
        rounding = self.unit * (1 + np.sqrt(terms)) * np.abs(self.value).sum(axis=axis)
        return Rounded(value, np.asarray(self.error.sum(axis=axis) + rounding), self.unit)

    def plus(self, other: Rounded) -> Rounded:
        """The sum of two arrays."""
        value = self.value + other.value
        return Rounded(value, self.error + other.error + self.unit * np.abs(value), self.unit)

    def times(self, other: Rounded) -> Rounded:
        """The product, entry by entry."""
        value = self.value * other.value
        error = np.abs(self.value) * other.error + self.error * (np.abs(other.value) + other.error)
        return Rounded(value, error + self.unit * np.abs(value), self.unit)

    def scaled(self, factor: float) -> Rounded:
        """All numbers times a factor."""
        return Rounded(factor * self.value, abs(factor) * self.error, self.unit)

    def mapped(self, function: Callable[..., Any], is_continuous: bool = False) -> Rounded:
        """A function of each entry; at a jump within the error, all values between both sides are right."""
        places = np.stack([self.value + sign * self.error for sign in (0, 1, -1)])
        found = _evaluate(function, 1024, places.reshape(-1, 1)).reshape(places.shape)
        return self._hull(found, 1.0, is_continuous)

    def mapped_rows(self, function: Callable[..., Any], *others: np.ndarray) -> Rounded:
        """A function of rows and of exact others, such as targets."""
        columns = np.arange(self.value.shape[1]) % 2
        places = np.stack([self.value + sign[columns] * self.error for sign in SIGNS])
        tiled = [np.tile(other, (len(SIGNS), 1)) for other in others]
        found = _evaluate(function, 256, places.reshape(-1, places.shape[2]), *tiled).reshape(places.shape)
        return self._hull(found, max([1.0, *(float(np.abs(other).max()) for other in others)]))

    def _hull(self, found: np.ndarray, size: float, is_continuous: bool = False) -> Rounded:
        """The range of several results, which are rounded like numbers of a size."""
        lowest = found.min(axis=0)
        highest = found.max(axis=0)
        # Activations stay exactly 0 where z is, so that kinks of the layers above are known to be met.
        value = found[0] if is_continuous else (lowest + highest) / 2
        size = max(size, float(np.abs(value).max(initial=0)))
        error = np.maximum(highest - value, value - lowest) + self.unit * size
        return Rounded(value, error, self.unit)

    def allows(self, got: np.ndarray) -> bool:
        """Whether an array has the same shape and differs by rounding only."""
        if got.shape != self.value.shape:
            return False
        return bool((np.abs(got - self.value) <= self.tolerance).all())

    @property
    def tolerance(self) -> np.ndarray:
        """The largest difference of each entry that counts as rounding."""
        return np.asarray(self.error + self.unit * np.abs(self.value).max(initial=0))


def _evaluate(function: Callable[..., Any], least: int, *arrays: np.ndarray) -> np.ndarray:
    """A function of rows in float64, padded to a power of two of them so that few shapes are compiled."""
    n = len(arrays[0])
    extra = max(least, 1 << (n - 1).bit_length()) - n
    padded = [np.concatenate([rows, np.repeat(rows[:1], extra, axis=0)]) for rows in arrays]
    with jax.enable_x64(True):  # in this thread only
        return np.asarray(function(*(jnp.asarray(rows, jnp.float64) for rows in padded)), np.float64)[:n]


@dataclasses.dataclass(frozen=True)
class Problem:
    """What the student's program computes.

    Attributes:
        x: Inputs ``[n, n_in]``.
        targets: ``[n, t]``.
        weights: ``[n_in, n_out]`` of each layer.
        biases: ``[n_out]`` of each layer.
        functions: The activation of each layer.
        loss: The loss.
        l2: λ in λ/2 Σ w².
        l1: λ_1 in λ_1 Σ |w|.
        penalised: "weights" or "all".
        reduction: "sum" or "mean".
        unit: The relative error of one operation that counts as rounding.
    """

    x: np.ndarray
    targets: np.ndarray
    weights: Sequence[np.ndarray]
    biases: Sequence[np.ndarray]
    functions: Sequence[Activation]
    loss: Loss
    l2: float
    l1: float
    penalised: str
    reduction: str
    unit: float

    @property
    def depth(self) -> int:
        """The number of layers."""
        return len(self.weights)

    @property
    def scale(self) -> float:
        """The factor of the objective: 1 for a sum, 1/n for a mean."""
        return 1.0 if self.reduction == "sum" else 1 / len(self.x)

    def exact(self, value: np.ndarray) -> Rounded:
        """Numbers that the student's program has, too."""
        return Rounded(value, np.zeros_like(value), self.unit)

    def penalty(self, array: np.ndarray) -> Rounded:
        """``λ w + λ_1 sign(w)`` with the factor of the objective."""
        value = self.scale * (self.l2 * array + self.l1 * np.sign(array))
        return Rounded(value, self.unit * np.abs(value), self.unit)


class Forward:
    """The forward pass: ``z[i]`` of layer i and ``a[i]`` below it, so that ``a[0]`` are the inputs."""

    def __init__(
        self,
        problem: Problem,
        right: Forward | None = None,
        layers: frozenset[int] = frozenset(),
        other: Activation | None = None,
    ) -> None:
        """Computes the pass.

        Args:
            problem: The problem.
            right: The right pass, of which the layers below the mistake are taken.
            layers: Layers with a mistake.
            other: Their activation; None to leave out their biases instead.
        """
        start = 0 if right is None else min(layers)
        self.problem = problem
        self.functions = [other if other and i in layers else f for i, f in enumerate(problem.functions)]
        self.z: list[Rounded] = [] if right is None else right.z[:start]
        self.a: list[Rounded] = [problem.exact(problem.x)] if right is None else right.a[: start + 1]
        self._known: dict[Any, Rounded] = {}
        for i in range(start, problem.depth):
            z = self.a[i].matmul(problem.exact(problem.weights[i]))
            if other or i not in layers:
                z = z.plus(problem.exact(np.broadcast_to(problem.biases[i], z.value.shape)))
            self.z.append(z)
            self.a.append(z.mapped(self.functions[i].f, is_continuous=True))
        loss = problem.loss
        function = loss.probabilities or loss.predictions
        self.predictions = self.a[-1].mapped_rows(lambda a: function(a, axis=-1))

    def slope(self, i: int, side: float | None = None, df: Callable[[Any], Any] | None = None) -> Rounded:
        """``f'(z)`` of a layer, or another function of its z.

        Args:
            i: The layer.
            side: The slope where z is exactly 0: -1 for the left one, 1 for the right one, 0 for their mean,
                None for ``df(0)``.
            df: The derivative, or None for that of the layer's activation.
        """
        key = "z", i, side, df or self.functions[i].df
        if key not in self._known:
            sides = [0.0] if side is None else [side] if side else [-1.0, 1.0]
            both = [_exact_at_zero(self.z[i], NUDGE * one).mapped(key[-1]) for one in sides]
            value = np.asarray(sum(one.value for one in both) / len(both))
            self._known[key] = both[0]._replace(value=value)
        return self._known[key]

    def of_a(self, i: int, function: Callable[[Any], Any]) -> Rounded:
        """A function of a_l. Where ReLU is off, a is exactly 0."""
        key = "a", i, function
        if key not in self._known:
            self._known[key] = _exact_at_zero(self.a[i + 1], 0).mapped(function)
        return self._known[key]

    def d_cost(self, loss: Loss | None = None, twice: bool = False) -> Rounded:
        """``∂C/∂a_L``, of another loss or at the predictions instead of the outputs."""
        key = "cost", loss or self.problem.loss, twice
        if key not in self._known:
            at = self.predictions if twice else self.a[-1]
            self._known[key] = at.mapped_rows(key[1].delta, self.problem.targets)
        return self._known[key]


def _exact_at_zero(numbers: Rounded, place: float) -> Rounded:
    """Numbers whose zeros are exact, moved to one side of a kink or not."""
    is_zero = numbers.value == 0
    value = np.where(is_zero, place, numbers.value)
    error = np.where(is_zero, 0, numbers.error)
    return Rounded(value, error, numbers.unit)


class Variant(NamedTuple):
    """One of several conventions that are all right.

    Attributes:
        side: The slope at a kink, as in `Forward.slope`.
        delta_scale: The factor of all δ: 1, or 1/n where they contain that of the mean.
    """

    side: float | None
    delta_scale: float


class Mistake(NamedTuple):
    """A usual mistake.

    Attributes:
        name: A short identifier.
        text: What was done, and what is right.
        array: The array in which it is made, as in `Key`; "gradients" for both of a layer.
        parts: The parts of the derivation that it replaces.
        gives: ``(run, layer, right part) -> the part with the mistake``, or None where it cannot be made.
    """

    name: str
    text: str
    array: str
    parts: tuple[str, ...]
    gives: Callable[[Run, int, Rounded], Rounded | None]


class Run:
    """The backward pass in one convention, with at most one mistake in some layers."""

    def __init__(
        self,
        forward: Forward,
        variant: Variant,
        mistake: Mistake | None = None,
        layers: frozenset[int] = frozenset(),
    ) -> None:
        self.forward = forward
        self.variant = variant
        self.mistake = mistake
        self.layers = layers
        self.made: set[int] = set()  # layers where the mistake can be made
        self.deltas: dict[int, Rounded] = {}
        self.gradients: dict[int, Rounded] = {}

    def _part(self, name: str, i: int, right: Rounded) -> Rounded:
        if self.mistake is None or name not in self.mistake.parts or i not in self.layers:
            return right
        wrong = self.mistake.gives(self, i, right)
        if wrong is None:
            return right
        self.made.add(i)
        return wrong

    def activations(self) -> Iterator[tuple[Key, list[Rounded]]]:
        """a of each layer from the first one on; the last are the outputs or the predictions from them."""
        for i, a in enumerate(self.forward.a[1:]):
            is_last = i == self.forward.problem.depth - 1
            yield ("activation", i), [a, self.forward.predictions] if is_last else [a]

    def backward(self, start: int, above: Run | None = None) -> Iterator[tuple[Key, list[Rounded]]]:
        """The arrays from a layer down to the first one.

        Args:
            start: The layer, the last one if ``above`` is None.
            above: A run that has the arrays of the layer above.
        """
        forward = self.forward
        problem = self.forward.problem
        if above is not None and start + 1 in above.deltas:
            self.deltas[start + 1] = above.deltas[start + 1]
            self.gradients[start + 1] = above.gradients[start + 1]
        scale = problem.scale / self.variant.delta_scale
        for i in reversed(range(start + 1)):
            if i == problem.depth - 1:
                pulled = self._part("cost", i, forward.d_cost()).scaled(self.variant.delta_scale)
            else:
                w = self._part("weights", i, problem.exact(problem.weights[i + 1].T))
                pulled = self.deltas[i + 1].matmul(w)
            slope = self._part("slope", i, forward.slope(i, self.variant.side))
            delta = self.deltas[i] = self._part("delta", i, pulled.times(slope))
            yield ("delta", i), [delta]

            below = self._part("below", i, forward.a[i])
            product = self._part("product", i, below.transposed.matmul(delta).scaled(scale))
            penalty = self._part("penalty of w", i, problem.penalty(problem.weights[i]))
            self.gradients[i] = self._part("dw", i, product.plus(penalty))
            yield ("weights", i), [self.gradients[i]]

            total = self._part("sum", i, delta.sum(0).scaled(scale))
            b = problem.biases[i]
            penalty = problem.penalty(b if problem.penalised == "all" else np.zeros_like(b))
            penalty = self._part("penalty of b", i, penalty)
            if penalty.value.any() and total.value.shape[-1:] in ((), b.shape):
                total = total.plus(penalty)
            yield ("biases", i), [self._part("db", i, total)]
