"""Predictions of a trained network for new rows: probabilities, labels, outputs and accuracy."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jfnn import losses
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.losses import Loss
from jfnn.network import Network, as_inputs, as_params, check_applied, check_output
from jfnn.params import Params
from jfnn.targets import check_outputs, is_labels

P = ParamSpec("P")
R = TypeVar("R")

#: Task -> what is predicted for a row, in the words of messages.
TASKS = {"classification": "one label per row", "multilabel": "0 or 1 per output", "regression": "outputs"}


def _of_network(function: Callable[P, R]) -> Callable[P, R]:
    """Raise TypeError unless the first argument is a network, rather than a result passed without params."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if args and not isinstance(args[0], Network):
            raise ArgumentTypeError(
                "network",
                "expected a Network",
                got=type(args[0]).__name__,
                cure=f"result.{function.__name__}(x) evaluates the networks of a result",
            )
        return function(*args, **kwargs)

    return call


@_of_network
def predict_proba(
    network: Network, params: Params, x: ArrayLike, loss: str | Loss = "cross_entropy"
) -> jax.Array:
    """Return class probabilities ``[n, n_out]``: the softmax or sigmoid of the logits, as the loss defines.

    Args:
        network: The network.
        params: Its parameters.
        x: Inputs ``[n, …]``.
        loss: The loss it was trained with.

    Raises:
        ValueError: The loss has no probabilities (quadratic); or as in `predict`.

    Example:
        >>> import jax
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> network = jfnn.mlp((2, 8, 2))
        >>> params = network.init(jax.random.key(0))
        >>> jfnn.predict_proba(network, params, x).sum(axis=1).round(5).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    loss = losses.get(loss)
    if loss.probabilities is None:
        expected = "expected a cross-entropy; the quadratic cost gives outputs, not probabilities"
        raise ArgumentError("loss", expected)
    return loss.probabilities(_outputs(network, params, x, loss))


@_of_network
def predict(
    network: Network,
    params: Params,
    x: ArrayLike,
    loss: str | Loss = "cross_entropy",
    task: str | None = None,
) -> jax.Array:
    """Return class labels ``[n]``, labels of each output ``[n, n_out]``, or predictions of a regression.

    * "classification": the label of the largest output (ties go to the first). With one output, 1 if it
      exceeds one half, otherwise 0: a probability of 1/2 (logit 0) for a cross-entropy, an output of 1/2 for
      the quadratic cost, whose targets are then 0 and 1.
    * "multilabel": for each output, 1 if its probability (the output itself for the quadratic cost) exceeds
      one half, otherwise 0.
    * "regression": the outputs ``[n, n_out]``; rates for "poisson"; for "gaussian", the means of all targets,
      followed by their standard deviations.

    The task depends on the targets, which a network does not record (a `SweepResult` does), so ``task`` is
    required unless the loss allows only one. A softmax and a single output have mutually exclusive classes;
    regression losses predict numbers. "sigmoid_cross_entropy" with several outputs can learn classes (from
    labels ``[n]``) or a label for each output; the quadratic cost allows all three tasks.

    Args:
        network: The network.
        params: Its parameters.
        x: Inputs ``[n, …]``.
        loss: The loss it was trained with.
        task: "classification", "multilabel" or "regression"; None for the only one that the loss allows.

    Raises:
        ValueError: No task for a loss that allows several, or a task that it does not allow; a loss that does
            not fit the network; inputs or parameters that are not finite in JAX's floats; outputs that
            overflow.
        TypeError: Arguments of another type.

    Example:
        >>> import jax, jfnn
        >>> network = jfnn.mlp((2, 3))
        >>> jfnn.predict(network, network.init(jax.random.key(0)), [[0.0, 1.0], [1.0, 0.0]]).shape
        (2,)
    """
    loss = losses.get(loss)
    tasks = _tasks(loss)
    if task is not None:
        others = "predict_proba gives probabilities" if loss.takes_logits else "the loss allows no other task"
        checks.as_choice(task, "task", tasks, others)
    outputs = _outputs(network, params, x, loss)
    if task is None:
        if len(tasks) > 1 and not (loss.takes_logits and outputs.shape[-1] == 1):
            meanings = ", ".join(f"{name} ({TASKS[name]})" for name in tasks)
            expected = f"expected one of {meanings}, since the loss allows each of them"
            raise ArgumentError("task", expected, got="None")
        task = tasks[0]
    if task == "regression":
        return loss.predictions(outputs)
    return decide(outputs, loss, each=task == "multilabel")


def _tasks(loss: Loss) -> list[str]:
    """Return the tasks that a loss allows."""
    if loss.regression:
        return ["regression"]
    if loss.excludes:
        return ["classification"]
    return ["classification", "multilabel"] if loss.takes_logits else [*TASKS]


def _outputs(network: Network, params: Params, x: Any, loss: Loss) -> jax.Array:
    check_output(network, loss)
    x = as_inputs(network, x)
    outputs = network.apply(as_params(network, params), x)
    check_applied(outputs, len(x))
    check_outputs(outputs.shape[-1], loss)
    if checks.is_concrete(outputs):
        # A logit of minus infinity means an impossible class; only the largest must be finite.
        largest = np.asarray(outputs).max(axis=-1)
        if not np.isfinite(largest).all():
            row = int(np.argmin(np.isfinite(largest)))
            got = f"{largest[row]} for row {row}"
            raise ArgumentError("x", "expected finite outputs for every row", got=got)
    return outputs


def decide(outputs: jax.Array, loss: Loss | None, axis: int = -1, each: bool = False) -> jax.Array:
    """Return labels from outputs or, with ``loss=None``, from targets; each sample lies along ``axis``.

    One class per sample or, with ``each``, 0 or 1 for each output, in the shape of the outputs.

    Example:
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> network = jfnn.mlp((2, 8, 2))
        >>> result = jfnn.train(network, x, y, learning_rate=0.1, epochs=500)
        >>> float(jfnn.accuracy(network, result.params, x, y))
        1.0
    """
    if each:
        return (sureness(outputs, loss, axis) > 0.5).astype(jnp.int32)
    if outputs.shape[axis] > 1:
        return jnp.argmax(outputs, axis=axis)
    threshold = 0.0 if loss is not None and loss.takes_logits else 0.5
    return (jnp.squeeze(outputs, axis) > threshold).astype(jnp.int32)


def sureness(outputs: jax.Array, loss: Loss | None, axis: int = -1) -> jax.Array:
    """Return probabilities, or the outputs unchanged if there is no loss or it defines no probabilities."""
    return outputs if loss is None or loss.probabilities is None else loss.probabilities(outputs, axis)


def accuracy(
    network: Network, params: Params, x: ArrayLike, labels: Any, loss: str | Loss = "cross_entropy"
) -> jax.Array:
    """Return the share of labels that are predicted correctly, a scalar in [0, 1].

    Args:
        network: The network.
        params: Its parameters.
        x: Inputs ``[n, …]``.
        labels: Integer class labels ``[n]``. For a loss whose outputs are not mutually exclusive, also 0 and
            1 for each output ``[n, n_out]``; the result is then the share of correct entries.
        loss: The loss it was trained with.

    Raises:
        ValueError: ``labels`` has neither form; or as in `predict`.
    """
    labels = checks.as_array(labels, "labels")
    each = labels.ndim == 2 and not losses.get(loss).excludes
    predicted = predict(network, params, x, loss, "multilabel" if each else "classification")
    known = is_labels(labels) or (
        each and (not checks.is_concrete(labels) or set(np.unique(labels)) <= {0, 1})
    )
    if labels.shape != predicted.shape or not known:
        expected = "0 and 1" if each else "integers"
        got = f"{labels.dtype} {list(labels.shape)}"
        raise ArgumentError("labels", f"expected {expected} {list(predicted.shape)}, got {got}")
    return jnp.mean(predicted == labels)
