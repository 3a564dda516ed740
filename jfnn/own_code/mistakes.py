"""The table of usual mistakes: what each gives instead of a part of the derivation, and what is right."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jfnn.activations import ACTIVATIONS, Activation
from jfnn.losses import LOSSES, Loss
from jfnn.own_code.derivation import Forward, Mistake, Problem, Rounded, Run

UPDATED = "weights_updated_too_early"
PRINTED = LOSSES["softmax_binary_cross_entropy"]
SOFTMAX = LOSSES["cross_entropy"]

# f' as a function of a = f(z).
FORMULAS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {"a (1 - a)": lambda a: a * (1 - a), "1 - a²": lambda a: 1 - a**2, "1 - a": lambda a: 1 - a}
)
OWN_FORMULA = {ACTIVATIONS["sigmoid"]: "a (1 - a)", ACTIVATIONS["tanh"]: "1 - a²"}

Gives = Callable[[Run, int, Rounded], Rounded | None]


class Plant(NamedTuple):
    """A mistake in some layers.

    Attributes:
        mistake: The mistake.
        layers: The layers where it is made, counted from 0.
        forward: The forward pass with it; None for the right one.
    """

    mistake: Mistake
    layers: frozenset[int]
    forward: Forward | None = None


def plants(right: Forward) -> Iterator[Plant]:
    """Each mistake of the backward pass, in each layer alone, in all hidden layers, and in all layers."""
    problem = right.problem
    depth = problem.depth
    every = frozenset(range(depth))
    hidden = every - {depth - 1}
    groups = list(dict.fromkeys([*(frozenset([i]) for i in reversed(range(depth))), hidden, every]))
    groups = [group for group in groups if group]
    for mistake in _factors(problem):
        yield from (Plant(mistake, group) for group in (every, *groups[:-1]))
    for mistake in _of_output(problem, right):
        yield Plant(mistake, frozenset([depth - 1]))
    for mistake in (*_slopes(problem, right), *_pulled(problem), *_gradients(problem), *_penalties(problem)):
        yield from (Plant(mistake, group) for group in groups)


def forward_plants(right: Forward) -> Iterator[Plant]:
    """Mistakes of the forward pass, in each layer alone and in all hidden layers."""
    problem = right.problem
    singles = [frozenset([i]) for i in range(problem.depth)]
    others: list[tuple[str, Activation | None]] = [("", None), *ACTIVATIONS.items()]
    for layers in dict.fromkeys([*singles, frozenset(range(problem.depth - 1))]):
        for name, other in others if layers else ():
            if other is None:
                text = "The bias was not added: z_l = a_{l-1} @ w_l + b_l."
                mistake = Mistake("bias_left_out", text, "activation", (), _nothing)
            else:
                text = f"The activation {name} was used, which is not the one of this layer."
                mistake = Mistake("other_activation", text, "activation", (), _nothing)
            yield Plant(mistake, layers, Forward(problem, right, layers, other))


def updated_too_early(rate: float) -> Mistake:
    """Weights that take a step of gradient descent before the δ below them is computed."""
    text = (
        "The weights of the layer above were updated before δ was computed (these numbers fit a learning rate"
        f" of {rate:.3g}). Compute all gradients first, then update."
    )

    def gives(run: Run, i: int, right: Rounded) -> Rounded:
        return right.plus(run.gradients[i + 1].transposed.scaled(-rate))

    return Mistake(UPDATED, text, "delta", ("weights",), gives)


def _nothing(run: Run, i: int, right: Rounded) -> None:
    return None


def _times(factor: float) -> Gives:
    return lambda run, i, right: right.scaled(factor)


def _factors(problem: Problem) -> Iterator[Mistake]:
    """Wrong factors of δ, of the gradients of the costs, and of these with their penalties."""
    n = len(problem.x)
    outputs = problem.weights[-1].shape[1]
    advice = "1/n belongs either in δ_L or in the gradients."
    factors = [
        ("wrong_sign", -1.0, "The sign is wrong: the gradient points uphill, δ_L contains a - t."),
        ("doubled", 2.0, "A factor 2 is too much: the quadratic cost has 1/2."),
        ("halved", 0.5, "A factor 1/2 is too much."),
        ("mean_over_outputs", 1 / outputs, "The mean over the outputs was taken; the cost sums over them."),
    ]
    if problem.reduction == "mean":
        missing = f"The objective is a mean over the n rows, but 1/n is missing. {advice}"
        factors.insert(0, ("sum_for_mean", float(n), missing))
        factors.insert(1, ("mean_twice", 1 / n, f"It was divided by n twice. {advice}"))
    else:
        factors.insert(
            0, ("mean_for_sum", 1 / n, "The objective is a sum over the rows; it was divided by n.")
        )
    places = [("gradients", ("product", "sum")), ("gradients", ("dw", "db")), ("delta", ("delta",))]
    places += [("weights", ("product",)), ("weights", ("dw",)), ("biases", ("sum",)), ("biases", ("db",))]
    for array, parts in places:
        for name, factor, text in factors:
            if factor != 1:
                yield Mistake(name, text, array, parts, _times(factor))


def _of_output(problem: Problem, right: Forward) -> Iterator[Mistake]:
    """Other things in place of ∂C/∂a_L."""
    loss = problem.loss
    targets = problem.exact(-problem.targets)

    def mistake(name: str, text: str, cost: Callable[[], Rounded]) -> Mistake:
        return Mistake(name, text, "delta", ("cost",), lambda run, i, right: cost())

    if loss == PRINTED:
        text = (
            "δ_L = P - t belongs to the cost -Σ t log P; the cost -Σ t log P + (1 - t) log(1 - P) of a"
            " softmax has another one, jfnn.losses.d_softmax_binary_cross_entropy."
        )
        yield mistake("softmax_with_printed_cost", text, lambda: right.d_cost(SOFTMAX))
    if loss == SOFTMAX:
        text = "δ_L of the cost -Σ t log P + (1 - t) log(1 - P) was used; that of -Σ t log P is P - t."
        yield mistake("softmax_with_printed_cost", text, lambda: right.d_cost(PRINTED))
    for name, other in LOSSES.items():
        is_named = {loss, other} == {PRINTED, SOFTMAX} or (loss.takes_logits and name == "quadratic")
        if other != loss and not is_named and _fits(other, problem):
            text = f"The derivative of the loss {name} was used."
            yield mistake("other_loss", text, functools.partial(right.d_cost, other))
    if loss.takes_logits:
        text = "The outputs z_L were used instead of the probabilities P: δ_L = P - t."
        yield mistake("logits_for_probabilities", text, lambda: right.a[-1].plus(targets))
        text = "The softmax or sigmoid was applied twice."
        yield mistake("probabilities_twice", text, lambda: right.d_cost(twice=True))
    if loss.excludes:
        text = "The softmax was summed over the rows instead of the outputs of a row."
        yield mistake(
            "softmax_over_rows",
            text,
            lambda: right.a[-1].transposed.mapped_rows(_softmax).transposed.plus(targets),
        )


def _softmax(a: Any) -> Any:
    exponentials = jnp.exp(a - jnp.max(a, axis=-1, keepdims=True))
    return exponentials / jnp.sum(exponentials, axis=-1, keepdims=True)


def _fits(loss: Loss, problem: Problem) -> bool:
    outputs = problem.weights[-1].shape[1]
    return bool(outputs >= loss.min_outputs and problem.targets.shape[1] * loss.outputs_per_target == outputs)


def _slopes(problem: Problem, right: Forward) -> Iterator[Mistake]:
    """Other things in place of f'(z)."""

    def mistake(name: str, text: str, gives: Callable[[Run, int], Rounded | None]) -> Mistake:
        return Mistake(name, text, "delta", ("slope",), lambda run, i, right: gives(run, i))

    yield mistake(
        "missing_derivative",
        "The factor f'(z) is missing.",
        lambda run, i: problem.exact(np.ones_like(right.z[i].value)),
    )
    yield mistake(
        "derivative_of_a",
        "f'(a) was used instead of f'(z).",
        lambda run, i: right.of_a(i, problem.functions[i].df),
    )

    def at_z(run: Run, i: int) -> Rounded | None:
        own = OWN_FORMULA.get(problem.functions[i])
        return right.slope(i, df=FORMULAS[own]) if own else None

    text = "A formula for f' in terms of a, such as a (1 - a), was given z instead of a = f(z)."
    yield mistake("derivative_by_z", text, at_z)
    for formula, function in FORMULAS.items():

        def at_a(run: Run, i: int, function: Any = function) -> Rounded:
            return right.of_a(i, function)

        text = f"f' = {formula} was used, which is not the derivative of this activation."
        yield mistake("wrong_formula", text, at_a)
    yield mistake("function_for_derivative", "f(z) was used instead of f'(z).", lambda run, i: right.a[i + 1])
    if problem.loss.takes_logits:
        text = (
            "A factor P (1 - P) is too much: with a cross-entropy δ_L = P - t already contains the derivative"
            " of the softmax or sigmoid."
        )
        yield mistake(
            "derivative_of_probabilities",
            text,
            lambda run, i: (
                right.predictions.mapped(FORMULAS["a (1 - a)"]) if i == problem.depth - 1 else None
            ),
        )
    for name, activation in ACTIVATIONS.items():

        def other(run: Run, i: int, df: Any = activation.df) -> Rounded | None:
            is_p = run.layers == {problem.depth - 1} and df == ACTIVATIONS["sigmoid"].df
            if is_p and problem.loss.takes_logits and not problem.loss.excludes:
                return None  # the same as derivative_of_probabilities
            return right.slope(i, run.variant.side, df)

        if name != "identity":
            text = f"The derivative of {name} was used, which is not this layer's activation."
            yield mistake("other_derivative", text, other)
    for j in range(problem.depth):

        def of_layer(run: Run, i: int, j: int = j) -> Rounded | None:
            same = right.z[j].value.shape == right.z[i].value.shape
            return right.slope(j, run.variant.side) if same else None

        text = f"f' was taken at z of layer {j + 1} instead of z of the same layer."
        yield mistake("derivative_of_other_layer", text, of_layer)


def _pulled(problem: Problem) -> Iterator[Mistake]:
    """Other matrices in place of w_{l+1}ᵀ in δ_l."""

    def transposed(run: Run, i: int, right: Rounded) -> Rounded | None:
        return right.transposed if right.value.shape[0] == right.value.shape[1] else None

    text = "w of the layer above was not transposed: δ_l = (δ_{l+1} @ w_{l+1}ᵀ) ∘ f'(z_l)."
    yield Mistake("transposed_weights", text, "delta", ("weights",), transposed)
    for j, w in enumerate(problem.weights):

        def of_layer(run: Run, i: int, right: Rounded, w: np.ndarray = w) -> Rounded | None:
            return problem.exact(w.T) if w.T.shape == right.value.shape else None

        text = f"w of layer {j + 1} was used instead of w of the layer above."
        yield Mistake("weights_of_other_layer", text, "delta", ("weights",), of_layer)


def _gradients(problem: Problem) -> Iterator[Mistake]:
    """Other things in place of a_{l-1}ᵀ @ δ_l and of Σ_samples δ_l."""

    def below(name: str, text: str, gives: Callable[[Run, int], Rounded | None]) -> Mistake:
        def of_shape(run: Run, i: int, right: Rounded) -> Rounded | None:
            found = gives(run, i)
            return found if found is not None and found.value.shape == right.value.shape else None

        return Mistake(name, text, "weights", ("below",), of_shape)

    right = "∂C/∂w_l = a_{l-1}ᵀ @ δ_l"
    yield below(
        "product_with_z",
        f"z_{{l-1}} was used instead of a_{{l-1}}: {right}.",
        lambda run, i: run.forward.z[i - 1] if i else None,
    )
    yield below(
        "product_with_own_a",
        f"a_l of the same layer was used instead of a_{{l-1}}: {right}.",
        lambda run, i: run.forward.a[i + 1],
    )
    for j in range(problem.depth):
        what = f"a of layer {j}" if j else "x"
        yield below(
            "product_with_other_a",
            f"{what} was used instead of a_{{l-1}}: {right}.",
            lambda run, i, j=j: run.forward.a[j] if j not in (i, i + 1) else None,  # type: ignore[misc]
        )

    def transposed_product(run: Run, i: int, right: Rounded) -> Rounded | None:
        return right.transposed if right.value.shape[0] == right.value.shape[1] else None

    text = f"The gradient is transposed: {right} is shaped like w_l."
    yield Mistake("transposed_gradient", text, "weights", ("dw",), lambda run, i, right: right.transposed)
    yield Mistake("transposed_gradient", text, "weights", ("product",), transposed_product)

    def sums(name: str, text: str, of: Callable[[Rounded], Rounded], mean: bool = False) -> Mistake:
        def gives(run: Run, i: int, right: Rounded) -> Rounded:
            delta = run.deltas[i]
            scale = 1 / delta.value.shape[1] if mean else problem.scale / run.variant.delta_scale
            return of(delta).scaled(scale)

        return Mistake(name, f"{text}: ∂C/∂b_l = Σ_samples δ_l.", "biases", ("sum",), gives)

    text = "The sum runs over the units instead of the rows"
    yield sums("biases_over_wrong_axis", text, lambda delta: delta.sum(1))
    yield sums("biases_over_wrong_axis", text, lambda delta: delta.sum(1), mean=True)
    yield sums(
        "biases_not_summed",
        "δ was not summed over the rows",
        lambda delta: delta if delta.value.shape[1] > 1 else delta.sum(1),  # a column is read as a vector
    )
    yield sums(
        "biases_summed_over_all",
        "δ was summed over rows and units",
        lambda delta: delta.sum(None if delta.value.shape[1] > 1 else 0),
    )
    for row in (0, -1):
        yield sums(
            "biases_of_one_row",
            f"Only the {'last' if row else 'first'} row was used",
            lambda delta, row=row: Rounded(delta.value[row], delta.error[row], delta.unit),  # type: ignore[misc]
        )


def _penalties(problem: Problem) -> Iterator[Mistake]:
    """Other gradients of the penalty."""
    if not problem.l2 and not problem.l1:
        return
    n = len(problem.x)
    is_mean = problem.reduction == "mean"
    is_all = problem.penalised == "all"
    factors = [
        ("penalty_missing", 0.0, "The gradient λ w of the penalty is missing."),
        ("penalty_doubled", 2.0, "The penalty λ/2 Σ w² has the gradient λ w, not 2 λ w."),
        ("penalty_halved", 0.5, "The penalty λ/2 Σ w² has the gradient λ w, not λ w / 2."),
        ("penalty_wrong_sign", -1.0, "λ w is added, not subtracted."),
    ]
    if is_mean:
        text = (
            "With a mean the penalty is divided by n, too; λ w was added whole. If your objective is a mean"
            " plus the whole penalty, give l2 (and l1) n times as large."
        )
        factors.append(("penalty_undivided", float(n), text))
    else:
        text = "With a sum λ w is added as it is; it was divided by n."
        factors.append(("penalty_divided", 1 / n, text))
    w_and_b = ("penalty of w", "penalty of b")
    of_w = ("penalty of w",)
    of_b = ("penalty of b",)
    for array, parts in [("gradients", w_and_b), ("biases", of_b)] if is_all else []:
        for name, factor, text in factors:
            if parts == w_and_b or factor:  # b without a penalty has a name of its own
                yield Mistake(name, text, array, parts, _times(factor))
    for name, factor, text in factors:
        yield Mistake(name, text, "weights", of_w, _times(factor))
    if is_all:
        text = "Biases are penalized, too; λ b is missing."
        yield Mistake("biases_unpenalised", text, "biases", of_b, _times(0.0))
    else:
        for factor in (1.0, 1 / problem.scale):

            def of_biases(run: Run, i: int, right: Rounded, factor: float = factor) -> Rounded:
                return problem.penalty(problem.biases[i]).scaled(factor)

            text = "λ b was added, but biases are not penalized."
            yield Mistake("biases_penalised", text, "biases", of_b, of_biases)
    if problem.l1:
        for size in (np.positive, np.abs):

            def unsigned(run: Run, i: int, right: Rounded, size: Any = size) -> Rounded:
                w = problem.weights[i]
                value = problem.scale * (problem.l2 * w + problem.l1 * size(w))
                return Rounded(value, problem.unit * np.abs(value), problem.unit)

            text = "The penalty λ_1 Σ |w| has the gradient λ_1 sign(w)."
            yield Mistake("l1_without_sign", text, "weights", of_w, unsigned)
