"""Built-in metrics, computed from a network's outputs on each row."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.learners.data import Data
from jfnn.learners.learner import Metric, check_metrics, mean_over_rows
from jfnn.losses import LOSSES, Loss
from jfnn.prediction import decide, sureness


@dataclasses.dataclass(frozen=True)
class OfRows:
    """A function of outputs and targets for a loss; ``each``: whether each output has its own label.

    Equal instances compute the same, so learners with them share compiled programs.
    """

    function: Callable[[jax.Array, jax.Array, int, Loss, bool], jax.Array]
    loss: Loss
    each: bool

    def __call__(self, outputs: jax.Array, targets: jax.Array, axis: int = -1) -> jax.Array:
        """Return a number for each row ``[n]``, or for each row and output ``[n, n_out]``."""
        return self.function(outputs, targets, axis, self.loss, self.each)


def loss_metric(loss: Loss, each: bool = False) -> Metric:
    """Mean data loss per row, without penalty."""
    return Metric("loss", False, loss.cost)


def accuracy_metric(loss: Loss, each: bool = False) -> Metric:
    """Share of rows whose predicted class is right; if ``each``, share of labels that are right."""
    reduce = mean_over_outputs if each else mean_over_rows
    return Metric("accuracy", True, OfRows(_is_right, loss, each), reduce)


def mean_over_outputs(values: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
    """Return the mean of ``values [members, n, n_out]`` over rows and outputs."""
    return np.asarray(values.mean(axis=(1, 2), dtype=np.float64))


def _is_right(outputs: jax.Array, targets: jax.Array, axis: int, loss: Loss, each: bool) -> jax.Array:
    right = decide(outputs, loss, axis, each) == decide(targets, None, axis, each)
    return jnp.moveaxis(right, axis, -1) if each else right


def exact_match_metric(loss: Loss, each: bool = False) -> Metric:
    """Share of rows whose labels are all right: scikit-learn's ``accuracy_score``, also if ``each``."""
    return Metric("exact_match", True, OfRows(_all_are_right, loss, each))


def _all_are_right(outputs: jax.Array, targets: jax.Array, axis: int, loss: Loss, each: bool) -> jax.Array:
    right = _is_right(outputs, targets, axis, loss, each)
    return jnp.all(right, axis=-1) if each else right


def r2_metric(loss: Loss, each: bool = False) -> Metric:
    """Coefficient of determination, ``R² = 1 - Σ (a - t)² / Σ (t - mean t)²``, summed over rows and targets.

    Predictions a are the loss's point predictions, usually the outputs. For several targets, R² is
    scikit-learn's ``r2_score(…, multioutput="variance_weighted")``; its default averages R² over targets.
    """
    return Metric("r2", True, OfRows(_squared_error, loss, False), _explained)


def _squared_error(outputs: jax.Array, targets: jax.Array, axis: int, loss: Loss, each: bool) -> jax.Array:
    return jnp.sum((loss.point_predictions(outputs, axis) - targets) ** 2, axis=axis)


def _explained(values: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
    variance = np.asarray(data.rows[1][rows], np.float64).var(axis=0).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1 - mean_over_rows(values, data, rows) / variance)


def mse_metric(loss: Loss, each: bool = False) -> Metric:
    """Mean squared error of the loss's point predictions: scikit-learn's ``mean_squared_error``."""
    return Metric("mse", False, OfRows(_mean_squared_error, loss, False))


def _mean_squared_error(
    outputs: jax.Array, targets: jax.Array, axis: int, loss: Loss, each: bool
) -> jax.Array:
    return jnp.mean((loss.point_predictions(outputs, axis) - targets) ** 2, axis=axis)


def log_loss_metric(loss: Loss, each: bool = False) -> Metric:
    """Mean of ``-log p``, where p is the probability of the row's class: scikit-learn's ``log_loss``.

    Probabilities of several classes are divided by their sum; if ``each``, the mean is also over outputs. If
    1 - p is computed from p, p is clipped to [ε, 1 - ε] with the dtype's ε, as in scikit-learn.
    """
    return Metric("log_loss", False, OfRows(_log_loss, loss, each))


def _log_loss(outputs: jax.Array, targets: jax.Array, axis: int, loss: Loss, each: bool) -> jax.Array:
    count = outputs.shape[axis]
    p = sureness(outputs, loss, axis)
    limits = np.finfo(p.dtype)
    if count > 1 and not each:
        p = p / jnp.maximum(jnp.sum(p, axis=axis, keepdims=True), limits.tiny)
        return -jnp.sum(targets * jnp.log(jnp.maximum(p, limits.tiny)), axis=axis)
    if loss == LOSSES["sigmoid_cross_entropy"]:  # its cost is exact even for p near 1
        return loss.cost(outputs, targets, axis) / count
    p = jnp.clip(p, limits.eps, 1 - limits.eps)
    return -jnp.mean(targets * jnp.log(p) + (1 - targets) * jnp.log1p(-p), axis=axis)


def auc_metric(loss: Loss, each: bool = False) -> Metric:
    """Area under the ROC curve of probabilities, or of outputs if the loss has none.

    For two classes, the AUC of class 1; otherwise the mean over classes, each against all others, or over
    outputs if ``each``: scikit-learn's ``roc_auc_score`` with ``multi_class="ovr"``. NaN if a class has no
    rows or all rows.
    """
    reduce = auc_of_outputs if each else auc_of_classes
    return Metric("auc", True, OfRows(_sureness, loss, each), reduce)


def _sureness(outputs: jax.Array, targets: jax.Array, axis: int, loss: Loss, each: bool) -> jax.Array:
    """Return the numbers that rank rows: ``[n]`` for two classes, otherwise per output ``[n, n_out]``."""
    sure = jnp.moveaxis(sureness(outputs, loss, axis), axis, -1)
    return sure[..., -1] if sure.shape[-1] <= 2 and not each else sure


def f1_metric(loss: Loss, each: bool = False) -> Metric:
    """F1 of class 1 for two classes; otherwise the mean over classes (macro), or over outputs if ``each``.

    ``2 TP / (2 TP + FP + FN)``, or 0 for 0 / 0. As in scikit-learn's ``f1_score``, classes that are neither
    targets nor predicted are left out of the mean; outputs never are.
    """
    return Metric("f1", True, OfRows(_decided, loss, each), f1_of_labels)


def balanced_accuracy_metric(loss: Loss, each: bool = False) -> Metric:
    """Mean recall over the classes that have rows, as in scikit-learn.

    If ``each``, the mean over outputs of the balanced accuracy of their labels 0 and 1.
    """
    return Metric("balanced_accuracy", True, OfRows(_decided, loss, each), balanced_accuracy_of_labels)


def _decided(outputs: jax.Array, targets: jax.Array, axis: int, loss: Loss, each: bool) -> jax.Array:
    labels = decide(outputs, loss, axis, each)
    return jnp.moveaxis(labels, axis, -1) if each else labels


def auc_of_classes(values: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
    """Return AUCs ``[members]`` from ``values [members, n]``, or ``[members, n, classes]``."""
    labels, classes = _classes(data, rows)
    if values.ndim == 2:
        return _auc(values, labels == 1)
    columns = [_auc(values[..., label], labels == label) for label in range(classes)]
    return np.asarray(np.mean(columns, axis=0))


def auc_of_outputs(values: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
    """Return AUCs ``[members]``, averaged over outputs, from ``values [members, n, n_out]``."""
    targets = _target_labels(data, rows, each=True)
    columns = [_auc(values[..., output], targets[:, output] == 1) for output in range(targets.shape[1])]
    return np.asarray(np.mean(columns, axis=0))


def _auc(values: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Return the share of (positive, other) pairs that ``values [members, n]`` rank correctly.

    Ties count half. Computed from ranks (Mann and Whitney, Annals of Mathematical Statistics 18, 1947).
    """
    from scipy.stats import rankdata

    few = int(positive.sum())
    pairs = few * (len(positive) - few)
    if not pairs:
        return np.full(len(values), np.nan)
    return np.asarray((rankdata(values, axis=1)[:, positive].sum(axis=1) - few * (few + 1) / 2) / pairs)


def f1_of_labels(values: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
    """Return F1 ``[members]`` of labels ``[members, n]``, or of each output ``[members, n, n_out]``."""
    right, predicted, of_targets = _counts(values, data, rows)
    total = predicted + of_targets
    scores = 2 * right / np.maximum(total, 1)
    if values.ndim == 3:
        return np.asarray(scores[..., 1].mean(axis=-1))
    if scores.shape[-1] == 2:
        return np.asarray(scores[..., 1])
    return np.asarray(scores.sum(axis=-1) / (total > 0).sum(axis=-1))


def balanced_accuracy_of_labels(values: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
    """Return balanced accuracies ``[members]`` of labels ``[members, n]`` or ``[members, n, n_out]``."""
    right, _, of_targets = _counts(values, data, rows)
    recalls = right / np.maximum(of_targets, 1)
    scores = recalls.sum(axis=-1) / (of_targets > 0).sum(axis=-1)
    return np.asarray(scores if values.ndim == 2 else scores.mean(axis=-1))


def _counts(values: np.ndarray, data: Data, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count rows per class ``[members, …, classes]``: predicted correctly, predicted, and in the targets.

    ``values`` are labels ``[members, n]``, or labels 0 and 1 of each output ``[members, n, n_out]``.
    """
    if values.ndim == 3:
        targets = _target_labels(data, rows, each=True)
        classes = np.arange(2)[:, None]
        predicted = (values[..., None, :] == classes).sum(axis=1)
        right = ((values == targets)[..., None, :] & (targets[:, None, :] == classes)).sum(axis=1)
        of_targets = (targets[:, None, :] == classes).sum(axis=0)
        return right.swapaxes(-1, -2), predicted.swapaxes(-1, -2), of_targets.T
    labels, count = _classes(data, rows)
    of_member = count * np.arange(len(values))[:, None] + values
    shape = len(values), count

    def count_rows(numbers: np.ndarray) -> np.ndarray:
        return np.bincount(numbers.ravel(), minlength=shape[0] * count).reshape(shape)

    right = count_rows(of_member[values == labels])
    return right, count_rows(of_member), np.bincount(labels, minlength=count)


def _classes(data: Data, rows: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the class labels of the rows' targets ``[n]``, and the number of classes."""
    return _target_labels(data, rows, each=False), max(data.rows[1].shape[1], 2)


def _target_labels(data: Data, rows: np.ndarray, each: bool) -> np.ndarray:
    return np.asarray(decide(data.rows[1][rows], None, each=each))


#: Name -> ``(loss, each) -> metric``; ``each``: whether each output has its own label.
METRICS: Mapping[str, Callable[..., Metric]] = MappingProxyType(
    {
        "loss": loss_metric,
        "accuracy": accuracy_metric,
        "exact_match": exact_match_metric,
        "balanced_accuracy": balanced_accuracy_metric,
        "f1": f1_metric,
        "auc": auc_metric,
        "log_loss": log_loss_metric,
        "r2": r2_metric,
        "mse": mse_metric,
    }
)
#: Metrics that need labels.
OF_LABELS = ("accuracy", "exact_match", "balanced_accuracy", "f1", "auc")
#: Metrics that need numeric targets.
OF_NUMBERS = ("r2", "mse")


def names_for(loss: Loss) -> list[str]:
    """Return the names of the metrics that make sense for a loss."""
    without = OF_NUMBERS if loss.takes_logits else ("log_loss", *OF_LABELS * loss.regression)
    return [name for name in METRICS if name not in without]


def named_metrics(metrics: Sequence[str | Metric], loss: Loss, each: bool = False) -> tuple[Metric, ...]:
    """Return metrics from names or `Metric` objects, the loss first; ``each``: labels per output.

    Raises:
        ValueError, TypeError: An unknown or repeated name, or an object that is not a metric.
    """
    if not checks.is_several(metrics):
        got = checks.as_text(metrics)
        raise ArgumentTypeError("metrics", f"expected a sequence of names or jfnn.Metric, got {got}")
    unique = [METRICS["loss"](loss)]
    for metric in metrics:
        if isinstance(metric, str):
            others = "use jfnn.learners.output_metric for others"
            metric = METRICS[checks.as_choice(metric, "metrics", METRICS, others)](loss, each)
            check_meant(metric, loss)
        if not isinstance(metric, Metric) or not callable(metric.of_rows):
            raise ArgumentTypeError(
                "metrics", f"expected names or jfnn.Metric(name, …, of_rows), got {checks.as_text(metric)}"
            )
        if metric not in unique:
            unique.append(metric)
    check_metrics(unique)
    return tuple(unique)


def check_meant(metric: Metric, loss: Loss) -> None:
    """Raise ArgumentError for a named metric that needs probabilities or numbers that the loss lacks."""
    if metric.name == "log_loss" and not loss.takes_logits:
        raise ArgumentError("metrics", "log_loss needs probabilities, got a loss without them")
    if metric.name == "mse" and loss.takes_logits:
        raise ArgumentError("metrics", "mse needs numbers, got a classification loss")


def are_of_labels(metrics: Sequence[Metric], loss: Loss) -> bool:
    """Return whether any of the metrics is a built-in metric of labels."""
    named = [METRICS[name](loss, each) for name in OF_LABELS for each in (False, True)]
    return any(metric in named for metric in metrics)


def check_decided(metrics: Sequence[Metric], loss: Loss, targets: np.ndarray) -> None:
    """Raise ArgumentError for a metric of labels with a regression loss or targets other than 0 and 1."""
    if loss.takes_logits or not are_of_labels(metrics, loss):
        return
    name = next(metric.name for metric in metrics if metric.name in OF_LABELS)
    if loss.regression:
        raise ArgumentError("metrics", f"{name} needs classes, got a regression loss")
    if not np.isin(targets, (0, 1)).all():
        raise ArgumentError("metrics", f"{name} needs classes, got targets other than 0 and 1")


def undefined(metric: Metric, loss: Loss, each: bool, targets: np.ndarray) -> str:
    """Return why a metric is NaN for any network on rows with targets ``[n, t]``; "" if it is not."""
    if metric != METRICS["auc"](loss, each):
        return ""
    labels = np.asarray(decide(jnp.asarray(targets), None, each=each))
    one = labels if each else labels[:, None] == np.arange(max(targets.shape[1], 2))
    short = np.flatnonzero((one == 0).all(axis=0) | (one == 1).all(axis=0))
    if not short.size:
        return ""
    what = "with both labels of every output" if each else "inside and outside of every class"
    return f"the AUC needs rows {what}; {'output' if each else 'class'} {short[0]} lacks some"


def output_metric(
    name: str, function: Callable[[np.ndarray, np.ndarray], float], higher_is_better: bool = True
) -> Metric:
    """Return a metric of all rows at once, such as scikit-learn's ``f1_score`` of predicted labels.

    Args:
        name: Name of the metric.
        function: ``(targets [n, t], outputs [n, n_out]) -> number``, on NumPy arrays, called once per member.
        higher_is_better: Whether larger values are better.
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
    function: Callable[[np.ndarray, np.ndarray], float]

    def __call__(self, values: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
        targets = data.rows[1][rows]
        return np.array([float(self.function(targets, outputs)) for outputs in values])
