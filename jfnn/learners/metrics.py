"""Metrics by name: numbers for the outputs of a network on each row."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.learners.data import Data
from jfnn.learners.learner import Metric, check_metrics, mean_over_rows
from jfnn.losses import Loss
from jfnn.prediction import decide


def loss_metric(loss: Loss) -> Metric:
    """Mean data loss per row, without penalty."""
    return Metric("loss", False, loss.cost)


def accuracy_metric(loss: Loss) -> Metric:
    """Share of rows whose predicted class is the target's."""
    return Metric("accuracy", True, _IsRight(loss))


@dataclasses.dataclass(frozen=True)
class _IsRight:
    loss: Loss

    def __call__(self, outputs: jax.Array, targets: jax.Array, axis: int = -1) -> jax.Array:
        return decide(outputs, self.loss, axis) == decide(targets, None, axis)


def r2_metric(loss: Loss) -> Metric:
    """Coefficient of determination, ``R² = 1 - Σ (a - t)² / Σ (t - mean t)²``, summed over targets.

    Here a are the loss's point predictions, mostly the outputs themselves.
    """
    return Metric("r2", True, _SquaredError(loss), _explained)


@dataclasses.dataclass(frozen=True)
class _SquaredError:
    loss: Loss

    def __call__(self, outputs: jax.Array, targets: jax.Array, axis: int = -1) -> jax.Array:
        return jnp.sum((self.loss.point_predictions(outputs, axis) - targets) ** 2, axis=axis)


def _explained(values: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
    variance = np.asarray(data.rows[1][rows], np.float64).var(axis=0).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1 - mean_over_rows(values, data, rows) / variance)


#: Name -> function of a `jfnn.Loss`: the metric of a network that is trained with it.
METRICS: Mapping[str, Callable[[Loss], Metric]] = MappingProxyType(
    {
        "loss": loss_metric,
        "accuracy": accuracy_metric,
        "r2": r2_metric,
    }
)


def named_metrics(metrics: Sequence[str | Metric], loss: Loss) -> tuple[Metric, ...]:
    """Metrics from names or `Metric`s, the loss first.

    Raises:
        ValueError, TypeError: An unknown name, one name twice, or no metric.
    """
    if not checks.is_several(metrics):
        got = checks.shown(metrics)
        raise ArgumentTypeError("metrics", f"expected a sequence of names or jfnn.Metric, got {got}")
    unique = [METRICS["loss"](loss)]
    for metric in metrics:
        if isinstance(metric, str):
            others = "jfnn.learners.output_metric makes others"
            metric = METRICS[checks.as_choice(metric, "metrics", METRICS, others)](loss)
        if not isinstance(metric, Metric) or not callable(metric.of_rows):
            raise ArgumentTypeError(
                "metrics", f"expected names or jfnn.Metric(name, …, of_rows), got {checks.shown(metric)}"
            )
        if metric not in unique:
            unique.append(metric)
    check_metrics(unique)
    return tuple(unique)


def check_decided(metrics: Sequence[Metric], loss: Loss, targets: np.ndarray) -> None:
    """Raises ValueError for the accuracy of targets other than 0 and 1, of a loss without probabilities."""
    if accuracy_metric(loss) not in metrics or loss.takes_logits:
        return
    if loss.regression:
        raise ArgumentError("metrics", "accuracy needs classes, got a loss of numbers")
    if not np.isin(targets, (0, 1)).all():
        raise ArgumentError("metrics", "accuracy needs classes, got targets other than 0 and 1")


def output_metric(name: str, function: Callable[[Any, Any], float], higher_is_better: bool = True) -> Metric:
    """A metric of all rows at once, such as scikit-learn's ``f1_score`` of decided labels.

    Args:
        name: Its name.
        function: ``(targets [n, t], outputs [n, n_out]) -> number``, on NumPy arrays, called for each
            member by itself.
        higher_is_better: Its direction.
    """
    if not callable(function):
        raise ArgumentTypeError("function", f"expected a function, got {type(function).__name__}")
    checks.check_instance(name, str, "name")
    checks.as_switch(higher_is_better, "higher_is_better")
    return Metric(name, higher_is_better, _outputs, _EachMember(function))


def _outputs(outputs: jax.Array, targets: jax.Array, axis: int = -1) -> jax.Array:
    return jnp.moveaxis(outputs, axis, -1)


@dataclasses.dataclass(frozen=True)
class _EachMember:
    function: Callable[[Any, Any], float]

    def __call__(self, values: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
        targets = data.rows[1][rows]
        return np.array([float(self.function(targets, outputs)) for outputs in values])
