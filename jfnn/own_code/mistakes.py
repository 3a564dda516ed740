"""The table of usual mistakes: what each gives instead of what is right, and the sentence that says what is.

A mistake is tried by making it, on arrays that are right otherwise. Those of a kind exclude each other in one
array; an array has one of each kind at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from jfnn.activations import ACTIVATIONS
from jfnn.losses import LOSSES, Loss
from jfnn.own_code.forward import Forward, Setting
from jfnn.own_code.rounded import Rounded

# What is tried: which one, of several of a kind, and the array that it gives.
Trials = Iterator[tuple[str, Rounded]]


class Mistake(NamedTuple):
    """A mistake.

    Attributes:
        says: What is right, and what was done instead.
        tries: What gives the wrong arrays; its arguments depend on the kind.
        shown: Whether it is named among those that rows and parameters cannot show.
    """

    says: str
    tries: Callable[..., Trials]
    shown: bool = True


# f' as a function of a = f(z).
BY_OUTPUT: Mapping[str, Callable[[np.ndarray], np.ndarray]] = MappingProxyType(
    {
        "sigmoid": lambda a: a * (1 - a),
        "tanh": lambda a: 1 - a**2,
    }
)


# Instead of f'(z_l), of layer i.


def _without(forward: Forward, i: int) -> Trials:
    yield "", forward.setting.exact(np.ones_like(forward.z[i].value))


def _derivative_of_a(forward: Forward, i: int) -> Trials:
    yield "", forward.slope(i, "a")


def _derivative_by_z(forward: Forward, i: int) -> Trials:
    for name, by_output in BY_OUTPUT.items():
        if forward.functions[i] == ACTIVATIONS[name]:
            yield name, forward.slope(i, "z", by_output)


def _function(forward: Forward, i: int) -> Trials:
    yield "", forward.a[i + 1]


def _other_derivative(forward: Forward, i: int) -> Trials:
    for name, activation in ACTIVATIONS.items():
        if activation not in (forward.functions[i], ACTIVATIONS["identity"]):
            yield name, forward.slope(i, "z", activation.df)


def _derivative_of_other_layer(forward: Forward, i: int) -> Trials:
    for j, z in enumerate(forward.z):
        if j != i and z.value.shape == forward.z[i].value.shape:
            yield f"f'(z_{j + 1})", forward.slope(j)


def _derivative_of_probabilities(forward: Forward, i: int) -> Trials:
    if i == forward.setting.depth - 1 and forward.setting.loss.takes_logits:
        p = forward.probabilities()
        yield "P (1 - P)", p.mapped(BY_OUTPUT["sigmoid"], least=1.0)


DERIVATIVES: Mapping[str, Mistake] = MappingProxyType(
    {
        "missing_derivative": Mistake("δ_l has the factor f'(z_l); it is missing.", _without),
        "derivative_of_a": Mistake(
            "f' is taken of z_l, not of a_l = f(z_l); f'(a_l) was taken.", _derivative_of_a
        ),
        "derivative_by_z": Mistake(
            "a formula of f' by a, such as a (1 - a), takes a_l = f(z_l); it was given z_l.", _derivative_by_z
        ),
        "function_for_derivative": Mistake("δ_l has the factor f'(z_l); f(z_l) was taken.", _function),
        "derivative_of_probabilities": Mistake(
            "with a cross-entropy δ_L = P - t already has the derivative of the softmax or sigmoid;"
            " another factor P (1 - P) is too much.",
            _derivative_of_probabilities,
        ),
        "other_derivative": Mistake("f' is that of the layer's activation.", _other_derivative, False),
        "derivative_of_other_layer": Mistake(
            "f' in δ_l is taken of z_l of the same layer.", _derivative_of_other_layer, False
        ),
    }
)


# Instead of δ_{l+1} @ w_{l+1}ᵀ, of layer i.


def _transposed_weights(setting: Setting, above: Rounded, i: int) -> Trials:
    w = setting.weights[i + 1]
    if w.shape[0] == w.shape[1]:
        yield "", above.matmul(setting.exact(w))


def _weights_of_other_layer(setting: Setting, above: Rounded, i: int) -> Trials:
    for j, w in enumerate(setting.weights):
        if j != i + 1 and w.shape == setting.weights[i + 1].shape:
            yield f"w_{j + 1}", above.matmul(setting.exact(w.T))


PULLED: Mapping[str, Mistake] = MappingProxyType(
    {
        "transposed_weights": Mistake(
            "δ_l = (δ_{l+1} @ w_{l+1}ᵀ) ∘ f'(z_l); w was not transposed.", _transposed_weights
        ),
        "weights_of_other_layer": Mistake(
            "δ_l = (δ_{l+1} @ w_{l+1}ᵀ) ∘ f'(z_l) has the weights of the layer above.",
            _weights_of_other_layer,
            False,
        ),
    }
)


# Instead of ∂C/∂a_L.


def _fits(loss: Loss, setting: Setting) -> bool:
    """Whether a loss may be taken of the same outputs and targets."""
    outputs = setting.weights[-1].shape[1]
    return bool(outputs >= loss.min_outputs and setting.targets.shape[1] * loss.outputs_per_target == outputs)


PRINTED = LOSSES["softmax_binary_cross_entropy"]
SOFTMAX = LOSSES["cross_entropy"]


def _softmax_with_printed_cost(forward: Forward) -> Trials:
    if forward.setting.loss == PRINTED:
        yield "P - t of the softmax", forward.d_cost(SOFTMAX)
    if forward.setting.loss == SOFTMAX:
        yield "of the printed cost", forward.d_cost(PRINTED)


def _other_loss(forward: Forward) -> Trials:
    loss = forward.setting.loss
    for name, other in LOSSES.items():
        if other != loss and {loss, other} != {PRINTED, SOFTMAX} and _fits(other, forward.setting):
            yield name, forward.d_cost(other)


def _logits_for_probabilities(forward: Forward) -> Trials:
    if forward.setting.loss.takes_logits:
        yield "", forward.made[-1].plus(forward.setting.exact(-forward.setting.targets))


def _probabilities_twice(forward: Forward) -> Trials:
    if forward.setting.loss.takes_logits:
        yield "", forward.d_cost(at=forward.probabilities())


def _softmax_over_rows(forward: Forward) -> Trials:
    if forward.setting.loss.excludes:
        yield "", forward.over_rows().plus(forward.setting.exact(-forward.setting.targets))


COSTS: Mapping[str, Mistake] = MappingProxyType(
    {
        "softmax_with_printed_cost": Mistake(
            "δ_L = P - t belongs to -Σ t log P; the printed cost -Σ t log P + (1 - t) log(1 - P) of a"
            " softmax has another one, jfnn.losses.d_softmax_binary_cross_entropy.",
            _softmax_with_printed_cost,
        ),
        "softmax_over_rows": Mistake(
            "a softmax sums over the outputs of a row, not over the rows.", _softmax_over_rows
        ),
        "logits_for_probabilities": Mistake(
            "δ_L = P - t has the probabilities P; z_L was taken.", _logits_for_probabilities
        ),
        "probabilities_twice": Mistake(
            "the softmax or sigmoid is taken once; it was taken of the probabilities again.",
            _probabilities_twice,
        ),
        "other_loss": Mistake("δ_L is the derivative of the loss that is named.", _other_loss, False),
    }
)


# Instead of a_{l-1}ᵀ @ δ_l, of layer i.


def _transposed_gradient(forward: Forward, delta: Rounded, i: int) -> Trials:
    yield "", delta.transposed.matmul(forward.a[i])


def _product_with_z(forward: Forward, delta: Rounded, i: int) -> Trials:
    if i > 0:
        yield "", forward.z[i - 1].transposed.matmul(delta)


def _product_with_own_a(forward: Forward, delta: Rounded, i: int) -> Trials:
    if forward.a[i + 1].value.shape == forward.a[i].value.shape:
        yield "", forward.a[i + 1].transposed.matmul(delta)


PRODUCTS: Mapping[str, Mistake] = MappingProxyType(
    {
        "transposed_gradient": Mistake(
            "∂C/∂w_l = a_{l-1}ᵀ @ δ_l is shaped like w_l; its transpose δ_lᵀ @ a_{l-1} was given.",
            _transposed_gradient,
        ),
        "product_with_z": Mistake(
            "∂C/∂w_l = a_{l-1}ᵀ @ δ_l; z_{l-1} was taken for a_{l-1}.", _product_with_z
        ),
        "product_with_own_a": Mistake(
            "∂C/∂w_l = a_{l-1}ᵀ @ δ_l has the activations below; a_l was taken.", _product_with_own_a
        ),
    }
)


# Instead of Σ_samples δ_l.


def _wrong_axis(delta: Rounded) -> Trials:
    yield "", delta.sum(1)
    n, n_out = delta.value.shape
    if n != n_out:
        yield "a mean", delta.sum(1).scaled(n / n_out)  # in place of a mean over n rows


def _not_summed(delta: Rounded) -> Trials:
    yield "", delta if delta.value.shape[1] > 1 else delta.sum(1)  # a column is read as a vector


def _summed_over_all(delta: Rounded) -> Trials:
    yield "", delta.sum(None)


def _one_row(delta: Rounded) -> Trials:
    yield "the first", Rounded(delta.value[0], delta.bound[0], delta.unit)
    yield "the last", Rounded(delta.value[-1], delta.bound[-1], delta.unit)


SUMS: Mapping[str, Mistake] = MappingProxyType(
    {
        "biases_over_wrong_axis": Mistake(
            "∂C/∂b_l = Σ_samples δ_l sums over the rows, not over the units.", _wrong_axis
        ),
        "biases_not_summed": Mistake(
            "∂C/∂b_l = Σ_samples δ_l sums over the rows; δ_l was given.", _not_summed
        ),
        "biases_summed_over_all": Mistake(
            "∂C/∂b_l = Σ_samples δ_l has a number a unit; the sum over all was given.", _summed_over_all
        ),
        "biases_of_one_row": Mistake("∂C/∂b_l = Σ_samples δ_l sums over the rows; one was taken.", _one_row),
    }
)


# Factors of what is right.


class Factor(NamedTuple):
    """A wrong factor.

    Attributes:
        says: What is right, and what was done instead.
        of: ``setting -> factor``, None where it does not apply.
    """

    says: str
    of: Callable[[Setting], float | None]


def _if_mean(setting: Setting, factor: float) -> float | None:
    return factor if setting.reduction == "mean" else None


def _if_sum(setting: Setting, factor: float) -> float | None:
    return factor if setting.reduction == "sum" else None


FACTORS: Mapping[str, Factor] = MappingProxyType(
    {
        "sum_for_mean": Factor(
            "the objective is a mean over the rows, its gradient has 1/n; the sum was taken.",
            lambda setting: _if_mean(setting, len(setting.x)),
        ),
        "mean_for_sum": Factor(
            "the objective is a sum over the rows; it was divided by n.",
            lambda setting: _if_sum(setting, 1 / len(setting.x)),
        ),
        "mean_twice": Factor(
            "the mean over the rows is taken once; it was divided by n in δ and in the gradient.",
            lambda setting: _if_mean(setting, 1 / len(setting.x)),
        ),
        "mean_over_outputs": Factor(
            "costs are summed over the outputs of a row; the mean over them was taken, as np.mean does.",
            lambda setting: 1 / setting.weights[-1].shape[1],
        ),
        "wrong_sign": Factor(
            "the gradient points uphill, δ_L has a - t; its negative was given.", lambda setting: -1.0
        ),
        "doubled": Factor(
            "the quadratic cost has 1/2, so that its derivative has no factor 2.", lambda setting: 2.0
        ),
        "halved": Factor("there is no factor 1/2 in the gradient.", lambda setting: 0.5),
    }
)

PENALTIES: Mapping[str, Factor] = MappingProxyType(
    {
        "penalty_missing": Factor("∂C/∂w_l has λ w_l; it is missing.", lambda setting: 0.0),
        "penalty_doubled": Factor(
            "the penalty is λ/2 Σ w², its derivative λ w, not 2 λ w.", lambda setting: 2.0
        ),
        "penalty_halved": Factor("the derivative of λ/2 Σ w² is λ w, not λ w / 2.", lambda setting: 0.5),
        "penalty_wrong_sign": Factor("λ w is added, not subtracted.", lambda setting: -1.0),
        "penalty_undivided": Factor(
            "with a mean the penalty, too, is divided by n; λ w was added whole. If your objective is a mean"
            " with a whole penalty, give l2 n times as large.",
            lambda setting: _if_mean(setting, len(setting.x)),
        ),
        "penalty_divided": Factor(
            "with a sum λ w is added as it is; it was divided by n.",
            lambda setting: _if_sum(setting, 1 / len(setting.x)),
        ),
    }
)

BIASES_PENALISED = "biases are not penalised; λ b was added."
BIASES_UNPENALISED = "biases are penalised, too; λ b is missing."


# Instead of λ w + λ_1 sign(w).


def without_sign(setting: Setting, w: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The gradient of the penalty with w or its size where L1 has its sign."""
    if setting.l1:
        yield "w", (setting.l2 + setting.l1) * w
        yield "|w|", setting.l2 * w + setting.l1 * np.abs(w)


WITHOUT_SIGN = "the derivative of λ_1 Σ |w| is λ_1 sign(w)."


# Instead of a_l = f(z_l).


def _other_activation(
    setting: Setting, i: int, own: list[np.ndarray] | None
) -> Iterator[tuple[str, Forward]]:
    for name, activation in ACTIVATIONS.items():
        if activation != setting.functions[i]:
            functions = [*setting.functions[:i], activation, *setting.functions[i + 1 :]]
            yield name, Forward(setting, functions, own)


def _bias_left_out(setting: Setting, i: int, own: list[np.ndarray] | None) -> Iterator[tuple[str, Forward]]:
    yield "", Forward(setting, own=own, without_bias=[i])


class ForwardMistake(NamedTuple):
    """A mistake of the forward pass.

    Attributes:
        says: What is right.
        tries: ``setting, layer, the student's activations -> which one, the pass``.
    """

    says: str
    tries: Callable[[Setting, int, list[np.ndarray] | None], Iterator[tuple[str, Forward]]]


FORWARD: Mapping[str, ForwardMistake] = MappingProxyType(
    {
        "other_activation": ForwardMistake(
            "a_l = f(z_l) with the activation that is named.", _other_activation
        ),
        "bias_left_out": ForwardMistake("z_l = a_{l-1} @ w_l + b_l has a bias.", _bias_left_out),
    }
)

#: Name of each mistake that is known -> what is right.
MISTAKES: Mapping[str, str] = MappingProxyType(
    {
        name: entry.says
        for table in (FORWARD, COSTS, PULLED, DERIVATIVES, PRODUCTS, SUMS, FACTORS, PENALTIES)
        for name, entry in table.items()
    }
    | {
        "l1_without_sign": WITHOUT_SIGN,
        "biases_penalised": BIASES_PENALISED,
        "biases_unpenalised": BIASES_UNPENALISED,
    }
)
