"""Predictions of a trained network for new rows: probabilities, labels, numbers, accuracy."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jfnn import losses
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.datasets.targets import TASKS
from jfnn.layers.kind import Params
from jfnn.losses import Loss
from jfnn.network import Network, as_inputs, as_params, check_applied, check_output
from jfnn.targets import check_outputs, is_labels


def predict_proba(
    network: Network, params: Params, x: ArrayLike, loss: str | Loss = "cross_entropy"
) -> jax.Array:
    """Class probabilities ``[n, n_out]``: the softmax or sigmoid of the logits, as the loss has it.

    Args:
        network: The network.
        params: Its parameters.
        x: Inputs ``[n, …]``.
        loss: The loss it was trained with.

    Raises:
        ValueError: The loss has no probabilities (quadratic); and as in `predict`.
    """
    loss = losses.get(loss)
    if loss.probabilities is None:
        raise ArgumentError(
            "loss", "expected a cross-entropy; the quadratic cost gives outputs, not probabilities"
        )
    return loss.probabilities(_outputs(network, params, x, loss))


def predict(
    network: Network,
    params: Params,
    x: ArrayLike,
    loss: str | Loss = "cross_entropy",
    task: str | None = None,
) -> jax.Array:
    """Class labels ``[n]``, or of a regression what the outputs stand for ``[n, n_out]``.

    The label is the largest output (of equals the first), or with one output whether it passes one half:
    probability 1/2 for a cross-entropy (logit 0), 1/2 itself for the quadratic cost, whose targets are then 0
    and 1. The quadratic cost, and any other without probabilities, learns classes as well as numbers, and
    nothing in a network says which: ``task`` does. Losses of numbers alone need none; outputs stand for
    rates with "poisson", with "gaussian" for the means of all targets, then their standard deviations.

    Args:
        network: The network.
        params: Its parameters.
        x: Inputs ``[n, …]``.
        loss: The loss it was trained with.
        task: "classification" for labels, "regression" for numbers; None for labels where the loss is a
            cross-entropy, which gives no others, and for numbers where it is of these alone.

    Raises:
        ValueError: No task for a loss that serves for both, or one that the loss is not for; a loss that
            does not fit the network; inputs or parameters that are not finite in JAX's floats; outputs that
            overflow.
        TypeError: Arguments of another kind.
    """
    loss = losses.get(loss)
    if task is None and not loss.takes_logits and not loss.regression:
        raise ArgumentError(
            "task",
            "expected classification (labels) or regression (outputs), since the loss serves for both;"
            " got None",
        )
    task = TASKS[loss.regression] if task is None else checks.as_choice(task, "task", TASKS)
    if task == "classification" and loss.regression:
        raise ArgumentError("task", "expected regression, since the loss is of numbers, not of classes")
    if task == "regression" and loss.takes_logits:
        raise ArgumentError(
            "task",
            "expected classification, since the outputs of a cross-entropy are logits; predict_proba"
            " gives probabilities",
        )
    outputs = _outputs(network, params, x, loss)
    return loss.predictions(outputs) if task == "regression" else decide(outputs, loss)


def _outputs(network: Network, params: Params, x: Any, loss: Loss) -> jax.Array:
    check_output(network, loss)
    x = as_inputs(network, x)
    outputs = network.apply(as_params(network, params), x)
    check_applied(outputs, len(x))
    check_outputs(outputs.shape[-1], loss)
    if checks.is_concrete(outputs):
        # A logit of minus infinity stands for a class that cannot be; the largest must be a number.
        largest = np.asarray(outputs).max(axis=-1)
        if not np.isfinite(largest).all():
            row = int(np.argmin(np.isfinite(largest)))
            raise ArgumentError(
                "x", f"expected finite outputs for every row, got {largest[row]} for row {row}"
            )
    return outputs


def decide(outputs: jax.Array, loss: Loss | None, axis: int = -1) -> jax.Array:
    """Class labels from outputs, or with ``loss=None`` from targets; one sample lies along ``axis``."""
    if outputs.shape[axis] > 1:
        return jnp.argmax(outputs, axis=axis)
    threshold = 0.0 if loss is not None and loss.takes_logits else 0.5
    return (jnp.squeeze(outputs, axis) > threshold).astype(jnp.int32)


def accuracy(
    network: Network, params: Params, x: ArrayLike, labels: Any, loss: str | Loss = "cross_entropy"
) -> jax.Array:
    """The share of rows whose predicted label is that of ``labels``, a scalar in [0, 1].

    Args:
        network: The network.
        params: Its parameters.
        x: Inputs ``[n, …]``.
        labels: Integer labels ``[n]``.
        loss: The loss it was trained with.

    Raises:
        ValueError: ``labels`` is not one integer label a row; and as in `predict`.
    """
    labels = checks.as_array(labels, "labels")
    predicted = predict(network, params, x, loss, "classification")
    if labels.shape != predicted.shape or not is_labels(labels):
        raise ArgumentError(
            "labels", f"expected integers [{predicted.shape[0]}], got {labels.dtype} {list(labels.shape)}"
        )
    return jnp.mean(predicted == labels)
