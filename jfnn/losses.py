"""Cost functions with their derivatives, derived by hand, and what training minimizes.

A cost compares a network's outputs ``a`` with targets ``t`` and returns one number per sample; the caller
sums over samples. A loss needs k outputs per target, usually one. For targets ``[n, t]`` the outputs are
``[n, k t]``: the first output of every target, then the second output of every target, and so on.

`Loss.derivative` is the cost's exact derivative ``∂C/∂a``. The factor ``f'(z_L)`` of the notes' output delta
``∂C/∂z_L`` belongs to the output activation and is applied in `jfnn.backprop`. The cross-entropies take
logits: their cost contains the softmax or sigmoid, and the network's output activation is the identity.

Costs and derivatives take the axis along which the outputs of one sample lie: the last axis in the public row
convention ``[n, n_out]``, the first axis in the sweep engine, which puts features first.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.scipy.special import xlogy

from jfnn.arguments import checks, suggestions
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.unknown import suggest_names
from jfnn.layers.products import members_sum
from jfnn.numerics.sums import sum_of_products
from jfnn.params import Params, is_weight
from jfnn.penalties import PENALIZED, Strengths, as_strengths, penalty

__all__ = [
    "LOSSES",
    "REDUCTIONS",
    "Loss",
    "absolute",
    "cross_entropy",
    "d_absolute",
    "d_cross_entropy",
    "d_gaussian",
    "d_huber",
    "d_pinball",
    "d_poisson",
    "d_quadratic",
    "d_sigmoid_cross_entropy",
    "d_softmax_binary_cross_entropy",
    "gaussian",
    "get",
    "huber",
    "is_weight",
    "l2_penalty",
    "pinball",
    "poisson",
    "quadratic",
    "reduce_costs",
    "reduction_scale",
    "sigmoid_cross_entropy",
    "softmax_binary_cross_entropy",
]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)


class Loss(NamedTuple):
    """A cost function, its derivative, and how outputs become predictions.

    Attributes:
        cost: ``(a, t, axis) -> C_i``, one value per sample, summed over ``axis``.
        derivative: ``(a, t, axis) -> ∂C_i/∂a``, shaped like ``a``; used only by ``gradient="backprop"``.
        probabilities: ``(a, axis) -> P``, class probabilities from outputs; None for losses of numbers.
        min_outputs: The smallest number of outputs for which the cost is defined.
        target_sum: The sum that the targets of a sample must have (1 for a softmax, whose classes are
            mutually exclusive), or None for any.
        regression: Whether targets are always numbers, so that integers ``[n]`` are not read as labels.
        least_target: The smallest allowed target.
        inverse_links: For each output of a target, ``output -> prediction``, such as an exponential for the
            logarithm of a rate; None if the output is the prediction.
        central: The index of the output that predicts the target itself, if there are several per target.
        deviation: The index of the output that predicts the target's standard deviation around `central`, so
            that the mean over networks is that of their mixture; None if there is no such output.
    """

    cost: Callable[..., jax.Array]
    derivative: Callable[..., jax.Array]
    probabilities: Callable[..., jax.Array] | None = None
    min_outputs: int = 1
    target_sum: float | None = None
    regression: bool = False
    least_target: float = -math.inf
    inverse_links: tuple[Callable[[jax.Array], jax.Array] | None, ...] = (None,)
    central: int = 0
    deviation: int | None = None

    @property
    def takes_logits(self) -> bool:
        """Whether the cost turns outputs into class probabilities, so that the network returns logits."""
        return self.probabilities is not None

    @property
    def excludes(self) -> bool:
        """Whether outputs become probabilities of mutually exclusive classes, as with a softmax."""
        return self.takes_logits and self.target_sum is not None

    @property
    def outputs_per_target(self) -> int:
        """Number of outputs of the network per target."""
        return len(self.inverse_links)

    def predictions(self, outputs: jax.Array, axis: int = -1) -> jax.Array:
        """Apply the inverse links: return the predictions, shaped like the outputs."""
        if not any(self.inverse_links):
            return outputs
        parts = zip(jnp.split(outputs, self.outputs_per_target, axis), self.inverse_links, strict=True)
        return jnp.concatenate([part if link is None else link(part) for part, link in parts], axis)

    def point_predictions(self, outputs: jax.Array, axis: int = -1) -> jax.Array:
        """Return one prediction per target, from the output `central`; shaped like the targets."""
        return jnp.split(self.predictions(outputs, axis), self.outputs_per_target, axis)[self.central]


@dataclasses.dataclass(frozen=True)
class Parametrized:
    """A cost or delta ``(a, t, axis, *parameters)``; equal for the same function and parameters."""

    function: Callable[..., jax.Array]
    parameters: tuple[float, ...]

    def __call__(self, a: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
        return self.function(a, t, axis, *self.parameters)

    def __repr__(self) -> str:
        return f"{self.function.__name__}{self.parameters}"


def quadratic(a: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """``C_i = 1/2 Σ_j (a_ij - t_ij)²``, a sum over outputs, not a mean.

    The mean squared error of k outputs is ``2/k`` times the mean of this cost over rows, such as a sweep's
    "test_loss". With one output, ``MSE = 2 loss``.

    Example:
        >>> import jax.numpy as jnp
        >>> import jfnn
        >>> jfnn.losses.quadratic(jnp.array([[1.0, 3.0]]), jnp.array([[0.0, 1.0]]))
        Array([2.5], dtype=float32)
    """
    return jnp.sum(optax.losses.l2_loss(a, t), axis=axis)  # l2_loss carries the factor 1/2


def d_quadratic(a: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """``∂C/∂a = a - t``."""
    return a - t


def absolute(a: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """``C_i = Σ_j |a_ij - t_ij|``; its mean is minimal at the median."""
    return jnp.sum(jnp.maximum(a - t, t - a), axis=axis)  # the derivative of `jnp.abs` at 0 is 1


def d_absolute(a: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """``∂C/∂a = sign(a - t)``, and 0 at the kink."""
    return jnp.sign(a - t)


def _huber(a: jax.Array, t: jax.Array, axis: int = -1, delta: float = 1.0) -> jax.Array:
    """The cost of `huber`."""
    return jnp.sum(optax.losses.huber_loss(a, t, delta=delta), axis=axis)


def d_huber(a: jax.Array, t: jax.Array, axis: int = -1, delta: float = 1.0) -> jax.Array:
    """``∂C/∂a = a - t``, clipped to ``±delta``."""
    return jnp.clip(a - t, -delta, delta)


def huber(delta: float = 1.0) -> Loss:
    """``C_i = Σ_j h(a_ij - t_ij)``, ``h(e) = e²/2`` for ``|e| <= delta``, ``delta (|e| - delta/2)`` beyond.

    The cost is quadratic for small errors and linear for large ones, so that outliers count less (Huber 1964,
    Annals of Mathematical Statistics 35). The threshold is in units of the targets.

    Raises:
        ValueError: The threshold is not positive.
    """
    parameters = (checks.as_number(delta, "delta", strict=True),)
    cost = Parametrized(_huber, parameters)
    return Loss(cost, Parametrized(d_huber, parameters), regression=True)


def _pinball(a: jax.Array, t: jax.Array, axis: int = -1, *quantiles: float) -> jax.Array:
    """The cost of `pinball`."""
    parts = zip(jnp.split(a, len(quantiles), axis), quantiles, strict=True)
    costs = [jnp.where(t > part, q * (t - part), (1 - q) * (part - t)) for part, q in parts]
    return jnp.sum(jnp.concatenate(costs, axis), axis=axis)


def d_pinball(a: jax.Array, t: jax.Array, axis: int = -1, *quantiles: float) -> jax.Array:
    """``∂C/∂a = -q`` for t > a, and ``1 - q`` otherwise."""
    parts = zip(jnp.split(a, len(quantiles), axis), quantiles, strict=True)
    return jnp.concatenate([jnp.where(t > part, jnp.full_like(part, -q), 1 - q) for part, q in parts], axis)


def pinball(*quantiles: float) -> Loss:
    """``C_i = Σ_q Σ_j max(q (t_ij - a_ij), (1 - q) (a_ij - t_ij))``, with one output for each quantile q.

    The mean cost is minimal at the quantiles of the targets: a fraction q of the targets lies below the
    quantile q (Koenker & Bassett 1978, Econometrica 46). Without arguments, q is 1/2: the median. The outputs
    ``[n, k t]`` are the first quantile of every target, then the second, …. Nothing prevents quantiles from
    crossing. The quantile nearest to 1/2 is the point prediction.

    Raises:
        ValueError: A quantile is not strictly between 0 and 1.
    """
    levels = tuple(checks.as_number(q, "quantiles", strict=True) for q in quantiles or (0.5,))
    if max(levels) >= 1:
        raise ArgumentError("quantiles", f"expected numbers between 0 and 1, got {max(levels):g}")
    cost = Parametrized(_pinball, levels)
    central = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))
    links = (None,) * len(levels)
    return Loss(cost, Parametrized(d_pinball, levels), regression=True, inverse_links=links, central=central)


def gaussian(a: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """Negative log likelihood, ``C_i = 1/2 Σ_j (log 2π + s_ij + (t_ij - m_ij)² e^{-s_ij})``.

    The outputs are the means m of all targets, then the logarithms s of their variances (Nix & Weigend 1994,
    "Estimating the mean and variance of the target probability distribution"). The predictions are the mean
    and the standard deviation ``e^{s/2}``.
    """
    m, s = jnp.split(a, 2, axis)
    return 0.5 * jnp.sum(math.log(2 * math.pi) + s + (t - m) ** 2 * jnp.exp(-s), axis=axis)


def d_gaussian(a: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """``∂C/∂m = (m - t) e^{-s}``, ``∂C/∂s = 1/2 (1 - (t - m)² e^{-s})``."""
    m, s = jnp.split(a, 2, axis)
    precision = jnp.exp(-s)
    return jnp.concatenate([(m - t) * precision, 0.5 * (1 - (t - m) ** 2 * precision)], axis)


def _standard_deviation(s: jax.Array) -> jax.Array:
    return jnp.exp(0.5 * s)


def _rate(z: jax.Array) -> jax.Array:
    return jnp.exp(z)


def poisson(z: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """Half the Poisson deviance for the rate ``e^z``, ``C_i = Σ_j (t log t - t - t z + e^z)``, at least 0.

    It equals the negative log likelihood of counts up to terms that do not depend on z. Targets must be at
    least 0.
    """
    return jnp.sum(xlogy(t, t) - t - t * z + jnp.exp(z), axis=axis)


def d_poisson(z: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """``∂C/∂z = e^z - t``."""
    return jnp.exp(z) - t


def _subtract_largest(z: jax.Array, axis: int) -> jax.Array:
    """Subtract the largest logit: the softmax stays the same, and the exponentials cannot overflow."""
    return z - jax.lax.stop_gradient(jnp.max(z, axis=axis, keepdims=True))


def cross_entropy(z: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """Categorical cross-entropy of a softmax, ``C_i = -Σ_c t_c log P_c`` with ``P = softmax(z)``.

    Targets are distributions (``Σ_c t_c = 1``, such as one-hot rows), so that
    ``C_i = log Σ_c e^{z_c} - Σ_c t_c z_c``. With the largest logit subtracted, this neither overflows nor
    takes the logarithm of zero.

    Example:
        >>> import jax.numpy as jnp
        >>> import jfnn
        >>> jfnn.losses.cross_entropy(jnp.zeros((2, 4)), jnp.eye(4)[:2]).round(3)  # log 4
        Array([1.386, 1.386], dtype=float32)
    """
    z = _subtract_largest(z, axis)
    return jnp.log(jnp.sum(jnp.exp(z), axis=axis)) - sum_of_products(t, z, axis)


def d_cross_entropy(z: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """``∂C/∂z = P - t``, the notes' output delta."""
    return jax.nn.softmax(z, axis=axis) - t


def sigmoid_cross_entropy(z: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """Bernoulli cross-entropy of sigmoids, ``C_i = -Σ_c (t_c log P_c + (1 - t_c) log(1 - P_c))``.

    Here ``P = f(z)`` with the sigmoid f, one probability per output. The cost is computed as the sum of
    ``(1/2 - t) z + |z|/2 + log(1 + e^{-|z|})``, which neither overflows nor loses small costs, and needs one
    exponential for both logarithms and their derivatives.
    """
    size = jnp.abs(z)
    return jnp.sum((0.5 - t) * z + 0.5 * size + jnp.log1p(jnp.exp(-size)), axis=axis)


def d_sigmoid_cross_entropy(z: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """``∂C/∂z = P - t``: with a sigmoid this is exact for the cost printed in the notes."""
    return jax.nn.sigmoid(z) - t


def _softmax_and_others(z: jax.Array, axis: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return the softmax ``P``, a mask of the largest logit, and the logits with the largest set to -∞.

    ``1 - P_c`` loses all its digits when ``P_c`` is near 1. Only the largest probability P_m can exceed 1/2;
    for it, ``1 - P_m = Σ_{c≠m} e^{z_c} / Σ_c e^{z_c}`` is computed from the other logits.
    """
    largest = jax.nn.one_hot(jnp.argmax(z, axis=axis), z.shape[axis], axis=axis, dtype=bool)
    others = jnp.where(largest, -jnp.inf, z)
    return jax.nn.softmax(z, axis=axis), largest, others


def softmax_binary_cross_entropy(z: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """The cost printed in the notes, with a softmax: ``C_i = -Σ_c (t_c log P_c + (1 - t_c) log(1 - P_c))``.

    Its gradient is not ``P - t``; see `d_softmax_binary_cross_entropy`.
    """
    z = _subtract_largest(z, axis)
    p, largest, others = _softmax_and_others(z, axis)
    log_total = jax.nn.logsumexp(z, axis=axis, keepdims=True)
    log_not_largest = jax.nn.logsumexp(others, axis=axis, keepdims=True) - log_total
    log_not_p = jnp.where(largest, log_not_largest, jnp.log1p(-jnp.where(largest, 0, p)))
    return -jnp.sum(t * (z - log_total) + (1 - t) * log_not_p, axis=axis)


def d_softmax_binary_cross_entropy(z: jax.Array, t: jax.Array, axis: int = -1) -> jax.Array:
    """The exact derivative of the printed cost, with the off-diagonal terms of the softmax's derivative.

    From ``∂P_c/∂z_k = P_c (1[c=k] - P_k)``::

        δ_k = (P_k - t_k)/(1 - P_k) - P_k Σ_c (P_c - t_c)/(1 - P_c)
            = (P_k - t_k) - Σ_{c≠k} P_k/(1 - P_c) (P_c - t_c)

    The second line follows from the first by taking the term c = k out of the sum. It stays finite when some
    P_m reaches 1, because ``P_k/(1 - P_m)`` for k ≠ m is the softmax over the classes other than m.
    """
    p, largest, others = _softmax_and_others(z, axis)
    error = p - t
    ratio = jnp.where(largest, 0, error / jnp.where(largest, 1, 1 - p))  # (P_c - t_c)/(1 - P_c), c ≠ m
    from_others = p * (jnp.sum(ratio, axis=axis, keepdims=True) - ratio)
    from_largest = jax.nn.softmax(others, axis=axis) * jnp.sum(
        jnp.where(largest, error, 0), axis=axis, keepdims=True
    )
    return error - from_others - from_largest


def _sigmoid(z: jax.Array, axis: int = -1) -> jax.Array:
    return jax.nn.sigmoid(z)


#: Name -> loss, for every argument that takes a loss.
LOSSES: Mapping[str, Loss] = MappingProxyType(
    {
        "quadratic": Loss(quadratic, d_quadratic),
        "cross_entropy": Loss(cross_entropy, d_cross_entropy, jax.nn.softmax, min_outputs=2, target_sum=1.0),
        "sigmoid_cross_entropy": Loss(sigmoid_cross_entropy, d_sigmoid_cross_entropy, _sigmoid),
        "softmax_binary_cross_entropy": Loss(
            softmax_binary_cross_entropy,
            d_softmax_binary_cross_entropy,
            jax.nn.softmax,
            min_outputs=2,
            target_sum=1.0,
        ),
        "absolute": Loss(absolute, d_absolute, regression=True),
        "huber": huber(),
        "pinball": pinball(),
        "gaussian": Loss(
            gaussian, d_gaussian, regression=True, inverse_links=(None, _standard_deviation), deviation=1
        ),
        "poisson": Loss(poisson, d_poisson, regression=True, least_target=0.0, inverse_links=(_rate,)),
    }
)

#: Name -> factory of a loss with parameters; `LOSSES` has the loss with the default parameters.
PARAMETRIZED: Mapping[str, Callable[..., Loss]] = MappingProxyType({"huber": huber, "pinball": pinball})


def get(loss: str | Loss) -> Loss:
    """Look up a loss by name; a custom `Loss` is returned unchanged.

    Raises:
        ValueError: Unknown name.
        TypeError: Neither a name nor a `Loss`.
    """
    if isinstance(loss, Loss):
        return loss
    if not isinstance(loss, str):
        meant = suggestions.did_you_mean(getattr(loss, "__name__", None), LOSSES)
        got = f"{checks.as_text(loss)}{meant}"
        raise ArgumentTypeError("loss", f"expected a name or a jfnn.Loss(cost, derivative), got {got}")
    return LOSSES[checks.as_choice(loss, "loss", LOSSES)]


#: Ways to combine the costs of samples; see `jfnn.objective`.
REDUCTIONS = ("sum", "mean")


def l2_penalty(params: Params) -> jax.Array:
    """``1/2 Σ w²`` over the weights of any network (`is_weight`), without biases and constants, without λ."""
    return penalty(params, {"l2": 1.0})


class Objective(NamedTuple):
    """What training minimizes: the costs of the samples plus the penalties on the parameters.

    Attributes:
        loss: The cost of each sample.
        reduction: "sum" or "mean"; see `jfnn.objective`.
        strengths: Name of a penalty -> its strength λ, a scalar, or ``[members]`` if the last axis of the
            parameters is the member.
        penalized: "weights" or "all"; see `jfnn.penalties`.
    """

    loss: Loss
    reduction: str
    strengths: Strengths
    penalized: str

    def value(
        self,
        outputs: jax.Array,
        targets: jax.Array,
        params: Params,
        weights: jax.Array | None = None,
        axis: int = -1,
    ) -> jax.Array:
        """``(Σ_samples C_i + Σ_k λ_k R_k) · scale``, a scalar or ``[members]``."""
        penalties = penalty(params, self.strengths, self.penalized, jnp.ndim(self.strengths["l2"]))
        return reduce_costs(self.loss.cost(outputs, targets, axis), penalties, self.reduction, weights)

    def scale(self, n: int, weights: jax.Array | None) -> jax.Array | float:
        """Return the factor of the whole objective for n samples; see `reduction_scale`."""
        return reduction_scale(n, self.reduction, weights)


def as_objective(
    loss: str | Loss, reduction: str, l2: object, l1: object = 0.0, penalized: str = "weights"
) -> Objective:
    """Return an `Objective`, or raise ValueError or TypeError for an unknown name or a strength below 0."""
    checks.as_choice(reduction, "reduction", REDUCTIONS)
    checks.as_choice(penalized, "penalized", PENALIZED)
    return Objective(get(loss), reduction, as_strengths(l2, l1), penalized)


def reduce_costs(
    costs: jax.Array, penalty: jax.Array, reduction: str, weights: jax.Array | None = None
) -> jax.Array:
    """Combine the costs of the samples and the penalty into the objective.

    Args:
        costs: One cost per sample ``[n]``, or per sample and member ``[n, members]``.
        penalty: ``Σ_k λ_k R_k``, from `jfnn.penalties.penalty`, a scalar or ``[members]``.
        reduction: "sum" or "mean"; see `jfnn.objective`.
        weights: Optional weights, shaped like the costs; samples of weight 0 are ignored.

    Returns:
        The objective, a scalar or ``[members]``.
    """
    costs = weigh_costs(costs, weights)
    total = jnp.sum(costs) if costs.ndim == 1 else members_sum(costs)
    return (total + penalty) * reduction_scale(costs.shape[0], reduction, weights)


def weigh_costs(costs: jax.Array, weights: jax.Array | None) -> jax.Array:
    """Return ``weights costs``, and 0 for a weight of 0 whatever the cost; the costs if weights is None."""
    return costs if weights is None else jnp.where(weights == 0, 0, weights * costs)


def replace_uncounted(rows: jax.Array, weights: jax.Array | None) -> jax.Array:
    """Replace rows of weight 0 by the first row of positive weight, or by row 0 if there is none.

    Weight 0 then multiplies the derivative of a row that counts, even if the replaced row's is not finite.
    """
    if weights is None:
        return rows
    rows = jnp.asarray(rows)
    weights = jnp.asarray(weights)
    counts = jnp.expand_dims(weights > 0, list(range(1, rows.ndim)))
    return jnp.where(counts, rows, rows[jnp.argmax(weights > 0)])


def reduction_scale(n: int, reduction: str, weights: jax.Array | None = None) -> jax.Array | float:
    """Return the factor of the whole objective: 1 for "sum"; 1/n, or 1 / Σ weights, for "mean".

    If all weights are 0 there are no samples to average, and the factor is 0.
    """
    if reduction == "sum":
        return 1.0
    if weights is None:
        return 1.0 / n
    weights = jnp.asarray(weights)
    exact = jnp.promote_types(weights.dtype, jnp.float32)  # float16 would round the sum
    total = jnp.sum(weights.astype(exact), axis=0)
    return jnp.where(total > 0, 1.0 / jnp.where(total > 0, total, 1), 0)
