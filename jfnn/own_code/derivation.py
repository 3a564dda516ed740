"""Backpropagation by hand in float64, as in the notes, with at most one planted mistake.

Every array has a leading axis of copies. Copy 0 is exact; each other copy adds a random rounding error of the
student's precision to every product, sum and function. The spread of the copies is the tolerance. Arrays
known exactly to the student's program, such as weights, have one copy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.activations import Activation
from jfnn.losses import Loss, Objective

COPIES = 5
SAFETY = 4.0  # tolerance relative to the spread of the copies
FIXED_SHAPE = ("slope", "weights", "below", "product")  # parts whose shape a mistake must keep
NUDGE = 1e-300  # moves z = 0 to one side of a kink

# ("activation", "delta", "weights" or "biases"; layer, counted from 0).
Key = tuple[str, int]
# (run, layer, right part) -> the part with a mistake, or None if the mistake is impossible.
Gives = Callable[["Derivation", int, Any], Any]


class Problem(NamedTuple):
    """The student's problem; all arrays have a leading axis of length 1.

    Attributes:
        x: Inputs ``[1, n, n_in]``.
        targets: ``[1, n, t]``.
        weights: ``[1, n_in, n_out]`` of each layer.
        biases: ``[1, 1, n_out]`` of each layer.
        functions: The activation of each layer.
        objective: The loss, the reduction, and the penalties λ/2 Σ w² and λ_1 Σ |w|.
        unit: The relative rounding error of the student's precision.
    """

    x: np.ndarray
    targets: np.ndarray
    weights: Sequence[np.ndarray]
    biases: Sequence[np.ndarray]
    functions: Sequence[Activation]
    objective: Objective
    unit: float

    @property
    def loss(self) -> Loss:
        """The loss."""
        return self.objective.loss

    @property
    def scale(self) -> float:
        """The factor of the objective: 1 for a sum, 1/n for a mean."""
        return float(self.objective.scale(self.x.shape[1], None))

    def penalty(self, w: np.ndarray, sign: Callable[[np.ndarray], np.ndarray] = np.sign) -> np.ndarray:
        """Return ``λ w + λ_1 sign(w)`` times the factor of the objective."""
        strengths = self.objective.strengths
        return np.asarray(self.scale * (strengths["l2"] * w + strengths.get("l1", 0.0) * sign(w)))

    def tolerance(self, copies: np.ndarray) -> np.ndarray:
        """Return the largest difference of each entry that counts as rounding."""
        spread = np.abs(copies[1:] - copies[0]).max(axis=0)
        return np.asarray(SAFETY * (spread + self.unit * np.abs(copies[0]).max(initial=0)))

    def allows(self, copies: np.ndarray, got: np.ndarray) -> bool:
        """Whether the student's array has the same shape and differs only by rounding."""
        if got.shape != copies[0].shape:
            return False
        return bool((np.abs(got - copies[0]) <= self.tolerance(copies)).all())


class Mistake(NamedTuple):
    """A common mistake.

    Attributes:
        name: A short identifier.
        array: The array with the mistake, as in `Key`; "gradients" for both of a layer.
        parts: The parts of the derivation that the mistake replaces.
        gives: Computes the part with the mistake.
        text: What was done, and what is right.
    """

    name: str
    array: str
    parts: tuple[str, ...]
    gives: Gives
    text: str


@dataclasses.dataclass(eq=False)
class Derivation:
    """A forward and backward pass, with at most one mistake in some layers.

    Attributes:
        problem: The student's problem.
        right: A run without a mistake, whose forward pass is reused.
        mistake: The mistake.
        layers: The layers with the mistake.
        side: The slope at a kink where z is exactly 0: -1 for the left slope, 1 for the right one, 0 for
            their mean, None for the activation's own.
        delta_scale: The factor of all δ: 1, or 1/n if they contain the factor of the mean.
        z: z of each layer.
        a: The inputs, then a of each layer: ``a[i]`` is the input of layer i.
        known: Cached values of functions at z, a and the outputs.
        made: The layers where the mistake was possible.
    """

    problem: Problem
    right: Derivation | None = None
    mistake: Mistake | None = None
    layers: frozenset[int] = frozenset()
    side: float | None = None
    delta_scale: float = 1.0

    def __post_init__(self) -> None:
        problem = self.problem
        right = self.right
        self.scale = problem.scale / self.delta_scale
        self.made: set[int] = set()
        self.deltas: dict[int, np.ndarray] = {}
        self.gradients: dict[int, np.ndarray] = {}
        self.random: np.random.Generator = right.random if right else np.random.default_rng(0)
        self.z: list[np.ndarray] = []
        self.a: list[np.ndarray] = [problem.x]
        self.known: dict[Any, np.ndarray] = {}
        self.functions: list[Activation] = [
            self._part("function", i, f) for i, f in enumerate(problem.functions)
        ]
        self.is_backward = self.mistake is not None and self.mistake.array != "activation"
        if right and (self.is_backward or not self.mistake):
            self.z, self.a, self.known = right.z, right.a, right.known
            return
        for i, w in enumerate(problem.weights):
            z = self._product(self.a[i], w) + self._part("bias", i, problem.biases[i])
            # Exact zeros stay exact, since kinks at 0 are treated separately; ReLU also returns exact zeros.
            self.z.append(np.where(z[0] == 0, 0, z))
            a = _evaluate(self.functions[i].f, self.z[i][..., None])[..., 0]
            self.a.append(np.where(a == 0, 0, self._function(a)))

    def _part(self, name: str, i: int, right: Any) -> Any:
        if self.mistake is None or name not in self.mistake.parts or i not in self.layers:
            return right
        wrong = self.mistake.gives(self, i, right)
        if wrong is None or (name in FIXED_SHAPE and wrong.shape[1:] != right.shape[1:]):
            return right
        self.made.add(i)
        return wrong

    def _round(self, value: np.ndarray, size: Any) -> np.ndarray:
        """Add errors relative to a size in all copies except the first one."""
        noise = self.random.standard_normal((COPIES, *value.shape[1:]))
        noise[0] = 0
        return np.asarray(value + self.problem.unit * noise * size)

    def _product(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return a matrix product. Rounding errors of k terms have either sign and grow with √k."""
        size = np.abs(left[:1]) @ np.abs(right[:1])
        return self._round(left @ right, np.sqrt(left.shape[-1]) * size)

    def _function(self, value: np.ndarray) -> np.ndarray:
        """Round values of a function, which are often differences of numbers around 1."""
        return self._round(value, max(1.0, float(np.abs(value[0]).max(initial=0))))

    def at_z(self, i: int, df: Callable[[Any], Any]) -> np.ndarray:
        """Return a derivative at z of a layer."""
        key = "z", i, df, self.side
        if key not in self.known:
            z = self.z[i][..., None]
            sides = (-1.0, 1.0) if self.side == 0 else (self.side or 0.0,)
            values = [_evaluate(df, np.where(z == 0, NUDGE * side, z)) for side in sides]
            self.known[key] = np.mean(values, axis=0)[..., 0]
        return self.known[key]

    def at_a(self, i: int, function: Callable[[Any], Any]) -> np.ndarray:
        """Return a function of a_l."""
        return self._known(("a", i, function), function, self.a[i + 1][..., None])[..., 0]

    def d_cost(self, delta: Callable[..., Any], at: np.ndarray | None = None) -> np.ndarray:
        """Return the derivative of a cost at the outputs, or at other arrays of their shape."""
        targets = np.broadcast_to(self.problem.targets, (COPIES, *self.problem.targets.shape[1:]))
        return self._known(("cost", delta, at is None), delta, self.a[-1] if at is None else at, targets)

    @property
    def predictions(self) -> np.ndarray:
        """The probabilities of a cross-entropy, or the outputs after a loss's inverse links."""
        function = self.problem.loss.probabilities or self.problem.loss.predictions
        return self._known("predictions", lambda a: function(a, axis=-1), self.a[-1])

    def _known(self, key: Any, function: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
        if key not in self.known:
            self.known[key] = _evaluate(function, *arrays)
        return self.known[key]

    def arrays(self) -> Iterator[tuple[Key, list[np.ndarray]]]:
        """Yield keys and right values in the order of the computation, from a backward mistake's layer on.

        The last activations may be the outputs or the predictions.
        """
        problem = self.problem
        last = start = len(self.z) - 1
        if self.is_backward and self.right:
            start = max(self.layers)
            self.deltas |= self.right.deltas
            self.gradients |= self.right.gradients
        else:
            for i, a in enumerate(self.a[1:]):
                yield ("activation", i), [a, self._function(self.predictions)] if i == last else [a]
        for i in reversed(range(start + 1)):
            if i == last:
                cost = self._part("cost", i, self.d_cost(problem.loss.derivative))
                pulled = self._function(cost) * self.delta_scale
            else:
                w = self._part("weights", i, transpose(problem.weights[i + 1]))
                pulled = self._product(self.deltas[i + 1], w)
            slope = self._function(self._part("slope", i, self.at_z(i, self.functions[i].df)))
            delta = self.deltas[i] = self._part("delta", i, pulled * slope)
            yield ("delta", i), [delta]

            below = transpose(self._part("below", i, self.a[i]))
            product = self._part("product", i, self._product(below, delta) * self.scale)
            penalty = self._part("penalty of w", i, problem.penalty(problem.weights[i]))
            self.gradients[i] = self._part("dw", i, product + penalty)
            yield ("weights", i), [self.gradients[i]]

            total = self._part("sum", i, delta.sum(axis=1) * self.scale)
            size = np.sqrt(delta.shape[1]) * self.scale * np.abs(delta[0]).sum(axis=0).max(initial=0)
            total = self._round(total, size)
            b = problem.biases[i][:, 0]
            penalty = problem.penalty(b) if problem.objective.penalized == "all" else np.zeros_like(b)
            penalty = self._part("penalty of b", i, penalty)
            if penalty.any() and total.shape[-1] in (1, b.shape[-1]):
                total = total + penalty
            yield ("biases", i), [self._part("db", i, total)]


def transpose(copies: np.ndarray) -> np.ndarray:
    """Transpose each copy."""
    return copies.swapaxes(-1, -2)


def _evaluate(function: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
    """Apply a function of rows in float64, padded to a power of two so that few shapes are compiled."""
    rows = [array.reshape(-1, array.shape[-1]) for array in arrays]
    n = len(rows[0])
    extra = max(1024, 1 << (n - 1).bit_length()) - n
    padded = [np.concatenate([one, np.repeat(one[:1], extra, axis=0)]) for one in rows]
    with jax.enable_x64(True):  # in this thread only
        values = function(*(jnp.asarray(one, jnp.float64) for one in padded))
    return np.asarray(values, np.float64)[:n].reshape(arrays[0].shape)
