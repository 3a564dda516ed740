"""The door: arrays of a back-propagation of one's own, beside those by hand."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jfnn import activations as functions
from jfnn import backprop, losses
from jfnn.activations import Activation
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.layers import Layer
from jfnn.losses import Loss
from jfnn.network import check_output, mlp
from jfnn.own_code.forward import Setting
from jfnn.own_code.given import Given, Gradients, Pairs, read
from jfnn.own_code.mistakes import PENALTIES
from jfnn.own_code.record import ArrayCheck, BackpropCheck, Finding
from jfnn.own_code.rounded import Rounded
from jfnn.own_code.search import explain, right_arrays, unseen
from jfnn.penalties import PENALISED
from jfnn.targets import as_targets

GRADIENTS = ("weights", "biases")

Key = tuple[str, int]


def check_backprop(
    params: Pairs,
    x: ArrayLike,
    y: ArrayLike,
    gradients: Gradients,
    *,
    activations: Sequence[ArrayLike] | None = None,
    deltas: Sequence[ArrayLike] | None = None,
    activation: str | Activation = "relu",
    output: str | Activation = "identity",
    loss: str | Loss = "cross_entropy",
    l2: float = 0.0,
    l1: float = 0.0,
    penalised: str = "weights",
    reduction: str = "mean",
    layout: str | None = None,
) -> BackpropCheck:
    """Checks gradients that code of one's own computes, and says which usual mistakes explain what is wrong.

    The reference is `jfnn.backprop` in float64, the notes' derivation by hand, of the objective of
    `jfnn.objective`: a sum or mean over the rows of the costs, and the penalties. Arrays are right where they
    differ from it by the rounding of their dtype, as a running error analysis bounds it. What is wrong is
    compared with what each of some thirty usual mistakes gives, at each layer; those are named that explain
    it to rounding, the fewest that do. The more is handed in, the closer a mistake is found: with
    activations and deltas each array is tried given the arrays that it was made of.

    Networks are of dense layers with biases. A mean of costs with a whole penalty, ``1/n Σ C + λ/2 Σ w²``, is
    the objective of ``l2 = n λ``.

    Args:
        params: A pair of weights and biases for each layer. Weights are ``[n_in, n_out]`` or, as their shapes
            tell, ``[n_out, n_in]``; biases ``[n_out]``, ``[1, n_out]`` or ``[n_out, 1]``.
        x: Inputs ``[n, n_in]``.
        y: Integer labels ``[n]`` or float targets ``[n, n_out]``, such as one-hot rows.
        gradients: The pairs ``(∂C/∂w, ∂C/∂b)`` of each layer, in the layout of the weights; or a function
            ``(params, x, y) ->`` such pairs, which is called with what was given here.
        activations: a_l of each layer ``[n, n_l]``, from the first hidden one or from the inputs on; the last
            ones are the outputs, or the probabilities that a cross-entropy makes of them.
        deltas: δ_l = ∂C/∂z_l of each layer ``[n, n_l]``, with a factor 1/n of a mean or without.
        activation: The hidden layers' activation.
        output: The output layer's activation; the identity for a cross-entropy, which has its softmax or
            sigmoid inside.
        loss: A name in `jfnn.losses.LOSSES`, or a `Loss`.
        l2: λ, the strength of the penalty ``λ/2 Σ w²``.
        l1: λ_1, the strength of the penalty ``λ_1 Σ |w|``.
        penalised: "weights", or "all" for biases too.
        reduction: "sum" or "mean".
        layout: "in_out" or "out_in", the axes of weights; None to tell it by their shapes.

    Returns:
        A verdict on each array; printed, it is a table.

    Raises:
        ValueError, TypeError: Parameters or rows that do not fit; no numbers; a network whose outputs are not
            finite. Gradients of a wrong shape, or not finite, are wrong, and raise nothing.
    """
    loss = losses.get(loss)
    checks.as_choice(reduction, "reduction", losses.REDUCTIONS)
    l2 = checks.as_number(l2, "l2")
    l1 = checks.as_number(l1, "l1")
    checks.as_choice(penalised, "penalised", PENALISED)
    hidden = functions.get(activation)
    last = functions.get(output, "output")
    given = read(params, x, y, gradients, activations, deltas, layout)
    sizes = [given.x.shape[1], *map(len, given.biases)]
    check_output(mlp(sizes, activation, output), loss)
    with jax.enable_x64(True):  # of this thread only
        targets = np.asarray(as_targets(y, (len(given.x), sizes[-1]), loss, np.float64))
    setting = Setting(
        given.x,
        targets,
        given.weights,
        given.biases,
        [hidden] * (len(given.weights) - 1) + [last],
        loss,
        l2,
        l1,
        penalised,
        reduction,
        given.unit,
    )
    right = _reference(setting, hidden, last)
    got = _by_key(given)
    errors = {key: _error(array, key, right, setting.scale) for key, array in got.items()}
    is_right = {
        key: any(one.allows(array) for one in _answers(key, right, setting)) for key, array in got.items()
    }
    notes = list(given.notes)
    if not setting.has_penalty:
        notes.append("l2 and l1 are 0: the gradient of a penalty is not checked.")
    with np.errstate(over="ignore", invalid="ignore"):  # of mistakes that are tried
        hidden_from_view = unseen(setting)
    if all(is_right.values()):
        arrays = tuple(ArrayCheck(*key, errors[key], "right", ()) for key in got)
        return BackpropCheck(arrays, (), hidden_from_view, tuple(notes))
    with np.errstate(over="ignore", invalid="ignore"):
        state = explain(setting, given)
    verdicts = []
    for key in got:
        named = () if is_right[key] else _named(key, state.findings, got, setting)
        wrong = named or key in state.unknown or not np.isfinite(errors[key])
        verdict = "right" if is_right[key] else "wrong" if wrong else "follows"
        verdicts.append(ArrayCheck(*key, errors[key], verdict, named))
    return BackpropCheck(tuple(verdicts), state.findings, hidden_from_view, tuple(notes))


def _named(key: Key, findings: Sequence[Finding], got: Collection[Key], setting: Setting) -> tuple[str, ...]:
    """Mistakes in an array, or in what it is made of where that was not handed in."""
    array, layer = key
    here = {array, "objective"} if array in GRADIENTS else {array}
    if array in GRADIENTS:
        here |= {made for made in ("delta", "activation") if (made, layer) not in got}
    named = [one.mistake for one in findings if one.array in here and one.layer in (layer, None)]
    if array == "biases" and setting.penalised == "weights":  # of which there is no penalty
        named = [mistake for mistake in named if mistake not in PENALTIES]
    return tuple(dict.fromkeys(named))


def _by_key(given: Given) -> dict[Key, np.ndarray]:
    """The student's arrays, from the output layer down."""
    arrays: dict[Key, np.ndarray] = {}
    for i in reversed(range(len(given.weights))):
        if given.activations is not None:
            arrays["activation", i + 1] = given.activations[i]
        if given.deltas is not None:
            arrays["delta", i + 1] = given.deltas[i]
        arrays["weights", i + 1], arrays["biases", i + 1] = given.gradients[i]
    return arrays


def _reference(setting: Setting, hidden: Activation, last: Activation) -> dict[Key, Rounded]:
    """The arrays of `jfnn.backprop`, with the rounding that a right program may carry.

    Raises:
        ValueError: They are not finite.
    """
    with jax.enable_x64(True):  # of this thread only
        params = [
            Layer(*map(jnp.asarray, pair)) for pair in zip(setting.weights, setting.biases, strict=True)
        ]
        x = jnp.asarray(setting.x)
        zs, layers_out = backprop.forward(params, x, hidden, last)
        delta_output = setting.loss.delta(layers_out[-1], jnp.asarray(setting.targets)) * last.df(zs[-1])
        all_deltas = backprop.deltas(params, zs, delta_output, hidden)
        layers = backprop.gradients(params, layers_out, all_deltas, setting.l2, setting.l1, setting.penalised)
        arrays = {("activation", i): a for i, a in enumerate(layers_out) if i}
        arrays |= {("delta", i): delta for i, delta in enumerate(all_deltas, 1)}
        arrays |= {("weights", i): setting.scale * layer.w for i, layer in enumerate(layers, 1)}
        arrays |= {("biases", i): setting.scale * layer.b for i, layer in enumerate(layers, 1)}
        values = {key: np.asarray(array) for key, array in arrays.items()}
    if not all(np.isfinite(value).all() for value in values.values()):
        raise ArgumentError("params", "expected a network whose activations and gradients are finite")
    bounds = right_arrays(setting)
    return {key: one._replace(value=values.get(key, one.value)) for key, one in bounds.items()}


def _answers(key: Key, right: dict[Key, Rounded], setting: Setting) -> list[Rounded]:
    """What an array may be: of deltas those of the sum or of the mean, of outputs their probabilities too."""
    answers = [right[key]]
    if key[0] == "delta" and setting.reduction == "mean":
        answers.append(right[key].scaled(setting.scale))
    if ("probabilities", key[1]) in right and key[0] == "activation":
        answers.append(right["probabilities", key[1]])
    return answers


def _error(array: np.ndarray, key: Key, right: dict[Key, Rounded], scale: float) -> float:
    """The largest difference from the nearest right answer, as a share of its largest number."""
    answers = [right[key].value]
    if key[0] == "delta":
        answers.append(scale * right[key].value)
    if key[0] == "activation" and ("probabilities", key[1]) in right:
        answers.append(right["probabilities", key[1]].value)
    return min(_share(array, answer) for answer in answers)


def _share(got: np.ndarray, right: np.ndarray) -> float:
    if got.shape != right.shape or not np.isfinite(got).all():
        return float("inf")
    return float(np.abs(got - right).max(initial=0) / (np.abs(right).max(initial=0) or 1))
