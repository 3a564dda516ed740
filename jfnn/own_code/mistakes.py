"""The table of common mistakes: what replaces a part of the derivation, and what is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from jfnn.activations import ACTIVATIONS
from jfnn.losses import LOSSES
from jfnn.own_code.derivation import Derivation, Gives, Mistake, Problem, transpose

PRINTED = LOSSES["softmax_binary_cross_entropy"]
SOFTMAX = LOSSES["cross_entropy"]

Plant = tuple[Mistake, frozenset[int]]  # a mistake and the layers where it is made, counted from 0


# f' as a function of a = f(z).
FORMULAS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {"a (1 - a)": lambda a: a * (1 - a), "1 - a²": lambda a: 1 - a**2, "1 - a": lambda a: 1 - a}
)
OWN_FORMULA = {ACTIVATIONS["sigmoid"]: "a (1 - a)", ACTIVATIONS["tanh"]: "1 - a²"}


def plants(problem: Problem) -> Iterator[Plant]:
    """Yield each possible mistake in each layer alone, in all hidden layers and in all layers."""
    depth = len(problem.weights)
    every = frozenset(range(depth))
    singles = [frozenset([i]) for i in reversed(range(depth))]
    groups = [group for group in dict.fromkeys([*singles, every - {depth - 1}, every]) if group]
    for mistake in _factors(problem):
        yield from ((mistake, group) for group in (every, *groups[:-1]))
    for mistake in _of_output(problem):
        yield mistake, singles[0]
    for mistake in (*_of_delta(problem), *_of_gradients(problem), *_of_penalties(problem)):
        yield from ((mistake, group) for group in groups)
    for mistake in _of_forward():
        yield from ((mistake, group) for group in groups[:-1] or groups)


def updated_too_early(rate: float) -> Mistake:
    """Return the mistake of updating weights before the δ below them is computed."""
    text = (
        "The weights of the layer above were updated before δ was computed (these numbers fit a learning rate"
        f" of {rate:.3g}). Compute all gradients first, then update."
    )

    def gives(run: Derivation, i: int, right: np.ndarray) -> np.ndarray:
        return right - rate * transpose(run.gradients[i + 1])

    return Mistake("weights_updated_too_early", "delta", ("weights",), gives, text)


def _always(value: Any) -> Gives:
    return lambda run, i, right: value


def _times(factor: float) -> Gives:
    return lambda run, i, right: factor * right


def _of_forward() -> Iterator[Mistake]:
    text = "The bias was not added: z_l = a_{l-1} @ w_l + b_l."
    yield Mistake("bias_left_out", "activation", ("bias",), _times(0.0), text)
    for name, other in ACTIVATIONS.items():
        text = f"The activation {name} was used, which is not this layer's."
        yield Mistake("other_activation", "activation", ("function",), _always(other), text)


def _factors(problem: Problem) -> Iterator[Mistake]:
    """Yield wrong factors of δ, of the gradients of the costs, and of the gradients with penalties."""
    n = problem.x.shape[1]
    advice = "1/n belongs either in δ_L or in the gradients."
    missing = f"The objective is a mean over the n rows, but 1/n is missing. {advice}"
    of_sum = [("mean_for_sum", 1 / n, "The objective is a sum over the rows; it was divided by n.")]
    of_mean = [
        ("sum_for_mean", float(n), missing),
        ("mean_twice", 1 / n, f"It was divided by n twice. {advice}"),
    ]
    share = 1 / problem.weights[-1].shape[-1]
    table = [
        *(of_sum if problem.scale == 1 else of_mean),
        ("wrong_sign", -1.0, "The sign is wrong: the gradient points uphill, δ_L contains a - t."),
        ("doubled", 2.0, "There is an extra factor 2: the quadratic cost contains 1/2."),
        ("halved", 0.5, "There is an extra factor 1/2."),
        ("mean_over_outputs", share, "The mean over the outputs was taken; the cost sums over them."),
    ]
    places = [("gradients", ("product", "sum")), ("gradients", ("dw", "db")), ("delta", ("delta",))]
    places += [("weights", ("product",)), ("weights", ("dw",)), ("biases", ("sum",)), ("biases", ("db",))]
    for array, parts in places:
        for name, factor, text in table:
            if factor != 1:
                yield Mistake(name, array, parts, _times(factor), text)


def _of_output(problem: Problem) -> Iterator[Mistake]:
    """Yield mistakes that put another array in the place of ∂C/∂a_L."""
    loss = problem.loss
    outputs = problem.weights[-1].shape[-1]
    for loss_name, other in LOSSES.items():
        name = "other_loss"
        text = f"The derivative of the loss {loss_name} was used."
        if (loss, other) == (PRINTED, SOFTMAX):
            name = "softmax_with_printed_cost"
            text = (
                "δ_L = P - t belongs to the cost -Σ t log P; the cost -Σ t log P + (1 - t) log(1 - P) of a"
                " softmax has a different δ_L, jfnn.losses.d_softmax_binary_cross_entropy."
            )
        elif (loss, other) == (SOFTMAX, PRINTED):
            name = "softmax_with_printed_cost"
            text = "δ_L of the cost -Σ t log P + (1 - t) log(1 - P) was used; that of -Σ t log P is P - t."
        elif loss.takes_logits and loss_name == "quadratic":
            name = "logits_for_probabilities"
            text = "The outputs z_L were used instead of the probabilities P: δ_L = P - t."
        fits = problem.targets.shape[-1] * other.outputs_per_target == outputs >= other.min_outputs
        if fits and other != loss:
            yield Mistake(name, "delta", ("cost",), _d_cost(other.derivative), text)

    def twice(run: Derivation, i: int, right: np.ndarray) -> np.ndarray:
        return run.d_cost(loss.derivative, run.predictions)

    def over_rows(run: Derivation, i: int, right: np.ndarray) -> np.ndarray:
        exponentials = np.exp(run.a[-1] - run.a[-1].max(axis=1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True) - problem.targets)

    if loss.takes_logits:
        text = "The softmax or sigmoid was applied twice."
        yield Mistake("probabilities_twice", "delta", ("cost",), twice, text)
    if loss.excludes:
        text = "The softmax was summed over the rows instead of the outputs of a row."
        yield Mistake("softmax_over_rows", "delta", ("cost",), over_rows, text)


def _d_cost(delta: Callable[..., Any]) -> Gives:
    return lambda run, i, right: run.d_cost(delta)


def _other_slope(df: Callable[[Any], Any], except_in: frozenset[int]) -> Gives:
    return lambda run, i, right: None if run.layers == except_in else run.at_z(i, df)


def _at_a(formula: Callable[[Any], Any]) -> Gives:
    return lambda run, i, right: run.at_a(i, formula)


def _slope_of(j: int) -> Gives:
    return lambda run, i, right: run.at_z(j, run.functions[j].df)


def _of_own_a(run: Derivation, i: int, right: np.ndarray) -> np.ndarray:
    return run.at_a(i, run.functions[i].df)


def _by_z(run: Derivation, i: int, right: np.ndarray) -> np.ndarray | None:
    name = OWN_FORMULA.get(run.functions[i])
    return run.at_z(i, FORMULAS[name]) if name else None


def _of_delta(problem: Problem) -> Iterator[Mistake]:
    """Yield other arrays in place of f'(z), and other matrices in place of w_{l+1}ᵀ."""
    last = len(problem.weights) - 1
    table: list[tuple[str, Gives, str]] = [
        ("missing_derivative", lambda run, i, right: np.ones_like(right), "The factor f'(z) is missing."),
        ("derivative_of_a", _of_own_a, "f'(a) was used instead of f'(z)."),
        ("derivative_by_z", _by_z, "A formula in a for f', such as a (1 - a), was given z instead of a."),
        ("function_for_derivative", lambda run, i, right: run.a[i + 1], "f(z) was used instead of f'(z)."),
    ]
    for name, formula in FORMULAS.items():
        text = f"f' = {name} was used, which is not the derivative of this activation."
        table.append(("wrong_formula", _at_a(formula), text))
    if problem.loss.takes_logits:

        def of_probabilities(run: Derivation, i: int, right: np.ndarray) -> np.ndarray | None:
            return np.asarray(run.predictions * (1 - run.predictions)) if i == last else None

        text = (
            "There is an extra factor P (1 - P): with a cross-entropy, δ_L = P - t already contains the"
            " derivative of the softmax or sigmoid."
        )
        table.append(("derivative_of_probabilities", of_probabilities, text))
    for name, other in ACTIVATIONS.items():
        # In the output layer, the sigmoid's derivative with its cross-entropy is the mistake above.
        is_above = name == "sigmoid" and problem.loss.takes_logits and not problem.loss.excludes
        if name != "identity":
            gives = _other_slope(other.df, frozenset([last] if is_above else []))
            text = f"The derivative of {name} was used, which is not this layer's activation."
            table.append(("other_derivative", gives, text))
    for j in range(last + 1):
        text = f"f' was taken at z of layer {j + 1} instead of z of the same layer."
        table.append(("derivative_of_other_layer", _slope_of(j), text))
    yield from (Mistake(name, "delta", ("slope",), gives, text) for name, gives, text in table)

    for j, w in enumerate(problem.weights):
        text = f"w of layer {j + 1} was used instead of w of the layer above."
        yield Mistake("weights_of_other_layer", "delta", ("weights",), _always(transpose(w)), text)
    text = "w of the layer above was not transposed: δ_l = (δ_{l+1} @ w_{l+1}ᵀ) ∘ f'(z_l)."
    yield Mistake("transposed_weights", "delta", ("weights",), lambda run, i, w: transpose(w), text)


def _of_gradients(problem: Problem) -> Iterator[Mistake]:
    """Yield other arrays in place of a_{l-1}ᵀ @ δ_l and of Σ_samples δ_l."""
    right = "∂C/∂w_l = a_{l-1}ᵀ @ δ_l"
    others: list[tuple[str, Gives, str]] = [
        ("product_with_z", lambda run, i, a: run.z[i - 1] if i else None, "z_{l-1}"),
        ("product_with_own_a", lambda run, i, a: run.a[i + 1], "a_l of the same layer"),
    ]
    for j in range(len(problem.weights)):
        others += [("product_with_other_a", _other_a(j), f"a of layer {j}" if j else "x")]
    for name, gives, what in others:
        yield Mistake(name, "weights", ("below",), gives, f"{what} was used instead of a_{{l-1}}: {right}.")
    text = f"The gradient is transposed: {right} has the shape of w_l."
    for part in ("dw", "product"):
        yield Mistake("transposed_gradient", "weights", (part,), lambda run, i, dw: transpose(dw), text)

    over_units = "The sum runs over the units instead of the rows"
    sums: list[tuple[str, Gives, str]] = [
        ("biases_over_wrong_axis", _sum(lambda terms: terms.sum(axis=2)), over_units),
        ("biases_over_wrong_axis", lambda run, i, db: run.deltas[i].mean(axis=2), over_units),
        ("biases_not_summed", _sum(_unsummed), "δ was not summed over the rows"),
        ("biases_summed_over_all", _sum(lambda terms: terms.sum((1, 2))[:, None]), "δ was summed over all"),
        ("biases_of_one_row", _sum(lambda terms: terms[:, 0]), "Only the first row was used"),
        ("biases_of_one_row", _sum(lambda terms: terms[:, -1]), "Only the last row was used"),
    ]
    for name, gives, what in sums:
        yield Mistake(name, "biases", ("sum",), gives, f"{what}: ∂C/∂b_l = Σ_samples δ_l.")


def _sum(of: Callable[[np.ndarray], np.ndarray]) -> Gives:
    return lambda run, i, right: of(run.deltas[i] * run.scale)


def _unsummed(terms: np.ndarray) -> np.ndarray:
    return terms if min(terms.shape[1:]) > 1 else terms.reshape(len(terms), -1)  # a column is a vector


def _other_a(j: int) -> Gives:
    return lambda run, i, right: run.a[j] if j not in (i, i + 1) else None


def _of_penalties(problem: Problem) -> Iterator[Mistake]:
    if not any(problem.objective.strengths.values()):
        return
    n = problem.x.shape[1]
    undivided = (
        "With a mean, the penalty is divided by n, too; λ w was added undivided. If your objective is a mean"
        " plus the whole penalty, pass l2 (and l1) n times as large."
    )
    divided = "With a sum λ w is added as it is; it was divided by n."
    table = [
        ("penalty_missing", 0.0, "The gradient λ w of the penalty is missing."),
        ("penalty_doubled", 2.0, "The penalty λ/2 Σ w² has the gradient λ w, not 2 λ w."),
        ("penalty_halved", 0.5, "The penalty λ/2 Σ w² has the gradient λ w, not λ w / 2."),
        ("penalty_wrong_sign", -1.0, "λ w is added, not subtracted."),
    ]
    is_sum = problem.scale == 1
    table.append(
        ("penalty_divided", 1 / n, divided) if is_sum else ("penalty_undivided", float(n), undivided)
    )
    of_w = ("penalty of w",)
    of_b = ("penalty of b",)
    if problem.objective.penalized == "all":
        for name, factor, text in table:
            yield Mistake(name, "gradients", of_w + of_b, _times(factor), text)
        for name, factor, text in table[1:]:
            yield Mistake(name, "biases", of_b, _times(factor), text)
        text = "Biases are penalized, too; λ b is missing."
        yield Mistake("biases_unpenalized", "biases", of_b, _times(0.0), text)
    else:
        text = "λ b was added, but biases are not penalized."
        yield Mistake("biases_penalized", "biases", of_b, _penalty_of_b(1.0), text)
        yield Mistake("biases_penalized", "biases", of_b, _penalty_of_b(1 / problem.scale), text)
    for name, factor, text in table:
        yield Mistake(name, "weights", of_w, _times(factor), text)
    if "l1" in problem.objective.strengths:
        text = "The penalty λ_1 Σ |w| has the gradient λ_1 sign(w)."
        yield Mistake("l1_without_sign", "weights", of_w, _unsigned(np.positive), text)
        yield Mistake("l1_without_sign", "weights", of_w, _unsigned(np.abs), text)


def _penalty_of_b(factor: float) -> Gives:
    return lambda run, i, right: factor * run.problem.penalty(run.problem.biases[i][:, 0])


def _unsigned(size: Callable[[Any], Any]) -> Gives:
    return lambda run, i, right: run.problem.penalty(run.problem.weights[i], size)
