"""What a trained network says of new rows: probabilities, labels, the share of right answers."""

from typing import Any

import jax
import jax.numpy as jnp

from jfnn import checks, losses
from jfnn.layers.kind import Params
from jfnn.losses import Loss
from jfnn.network import Network, as_inputs, as_params
from jfnn.targets import is_labels


def predict_proba(network: Network, params: Params, x: Any, loss: str | Loss = "cross_entropy") -> jax.Array:
    """Class probabilities ``[n, n_out]``: the softmax or sigmoid of the logits, as the loss has it.

    Args:
        network: The network.
        params: Its parameters.
        x: Inputs ``[n, …]``.
        loss: The loss it was trained with.

    Raises:
        ValueError: The loss has no probabilities (quadratic).
    """
    loss = losses.get(loss)
    if loss.probabilities is None:
        raise ValueError(
            "loss: expected a cross-entropy; the quadratic cost gives outputs, not probabilities"
        )
    return loss.probabilities(_outputs(network, params, x))


def predict(network: Network, params: Params, x: Any, loss: str | Loss = "cross_entropy") -> jax.Array:
    """Class labels ``[n]``: the largest output, or with one output whether it passes one half.

    One output is thresholded at probability 1/2 for a cross-entropy (logit 0) and at 1/2 for the quadratic
    cost, whose targets are 0 and 1.
    """
    loss = losses.get(loss)
    return decide(_outputs(network, params, x), loss)


def _outputs(network: Network, params: Params, x: Any) -> jax.Array:
    checks.check_instance(network, Network, "network")
    x = as_inputs(network, x)
    return network.apply(as_params(network, params), x)


def decide(outputs: jax.Array, loss: Loss, axis: int = -1) -> jax.Array:
    """Class labels from outputs; ``axis`` is where the outputs of one sample lie."""
    if outputs.shape[axis] > 1:
        return jnp.argmax(outputs, axis=axis)
    threshold = 0.0 if loss.takes_logits else 0.5
    return (jnp.squeeze(outputs, axis) > threshold).astype(jnp.int32)


def decide_target(targets: jax.Array, axis: int = -1) -> jax.Array:
    """The class that a target row stands for."""
    if targets.shape[axis] > 1:
        return jnp.argmax(targets, axis=axis)
    return (jnp.squeeze(targets, axis) > 0.5).astype(jnp.int32)


def accuracy(
    network: Network, params: Params, x: Any, labels: Any, loss: str | Loss = "cross_entropy"
) -> jax.Array:
    """The share of rows whose predicted label is the given one, a scalar in [0, 1].

    Raises:
        ValueError: ``labels`` is not one integer label a row.
    """
    labels = checks.as_array(labels, "labels")
    predicted = predict(network, params, x, loss)
    if labels.shape != predicted.shape or not is_labels(labels):
        raise ValueError(
            f"labels: expected integers [{predicted.shape[0]}], got {labels.dtype} {list(labels.shape)}"
        )
    return jnp.mean(predicted == labels)
