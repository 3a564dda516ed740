"""Scores of any sweep equal those of NumPy and scikit-learn for the outputs of its members."""

import functools

import jax
import numpy as np
import pytest
from helpers import compiled, parts_of, place_in_part
from hypothesis import strategies
from members import assert_close, is_close, networks_of, place_of, rows_of
from scipy import special
from sklearn import metrics
from sweeps import check_each_structure, of_many_sweeps

from jfnn.losses import LOSSES

pytestmark = pytest.mark.unoptimized


def cost_of_classes(logits, labels):
    """Return the cost of each row: minus the log probability of its class."""
    return -special.log_softmax(logits, axis=1)[np.arange(len(labels)), labels]


def cost_of_deviations(outputs, targets):
    """Return minus the log normal density, given means and log variances."""
    means, logs = np.split(outputs, 2, axis=1)
    return 0.5 * (np.log(2 * np.pi) + logs + (targets - means) ** 2 * np.exp(-logs)).sum(axis=1)


COSTS = {
    "cross_entropy": cost_of_classes,
    "quadratic": lambda a, t: 0.5 * ((a - t) ** 2).sum(axis=1),
    "huber": lambda a, t: special.huber(1.0, a - t).sum(axis=1),
    "sigmoid_cross_entropy": lambda z, t: (np.logaddexp(0, z) - t * z).sum(axis=1),
    "poisson": lambda z, t: (special.xlogy(t, t) - t - t * z + np.exp(z)).sum(axis=1),
    "gaussian": cost_of_deviations,
}
# Of labels and predicted classes.
DECIDED = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "f1": functools.partial(metrics.f1_score, average="macro"),
    "macro_f1": functools.partial(metrics.f1_score, average="macro"),
}
POINTS = {"poisson": np.exp, "gaussian": lambda outputs: outputs[:, :2]}
apply = functools.cache(lambda network: compiled(network.apply))


def expected(metric, loss, outputs, y):
    """Compute a metric of outputs and labels or targets with NumPy or scikit-learn."""
    if metric == "loss":
        with np.errstate(all="ignore"):
            return COSTS[loss](outputs, y).mean()
    if metric == "log_loss":
        return COSTS[loss](outputs, y).mean() / (y.shape[1] if loss == "sigmoid_cross_entropy" else 1)
    if metric in ("r2", "mse"):
        points = POINTS.get(loss, np.asarray)(outputs)
        if metric == "mse":
            return metrics.mean_squared_error(y, points)
        return metrics.r2_score(y, points, multioutput="variance_weighted")
    if loss == "sigmoid_cross_entropy":
        right = (outputs > 0) == (y > 0)
        return right.all(axis=1).mean() if metric == "exact_match" else right.mean()
    return DECIDED[metric](y, outputs.argmax(axis=1))


def perturb_last_bits(params):
    """Perturb parameters by rounding, which a member computing the sine of 1e6 amplifies."""
    return jax.tree.map(lambda leaf: leaf * (1 + 4 * np.finfo(leaf.dtype).eps), params)


@pytest.mark.thorough
@of_many_sweeps
@pytest.mark.filterwarnings("ignore:y_pred contains classes")
def test_scores_of_any_member_follow_from_its_outputs(examples):
    def check(sweep, number):
        result = sweep.run()
        place = place_of(result, number)
        number, inner = place_in_part(result, place)
        part = parts_of(result)[number]
        own = sweep.programs[number]
        network, trained_by = networks_of(sweep.structure)[number]
        loss = next(name for name, known in LOSSES.items() if known == trained_by)
        fold = inner[-1] if part.folds else 0
        (x, y, weights), held, test = rows_of(own, part, fold)
        if weights is not None:
            x, y = x[weights > 0], y[weights > 0]
        for name, (rows, targets) in {"train": (x, y), "validation": held, "test": test}.items():
            if rows is None or not len(rows) or result.diverged_at[place] >= 0:
                continue
            params = result.member(*place)
            outputs = np.asarray(apply(network)(params, rows), np.float64)
            nearby = np.asarray(apply(network)(perturb_last_bits(params), rows), np.float64)
            for metric in result.metrics:
                score = result.scores[f"{name}_{metric}"][place]
                if not np.isfinite(score):
                    continue
                wanted, other = (expected(metric, loss, each, targets) for each in (outputs, nearby))
                if is_close(wanted, other, sweep.structure.dtype, within=0.5):
                    assert_close(score, wanted, sweep.structure.dtype)

    check_each_structure(
        examples,
        check,
        without=["refit", "out", "resume"],
        fields={"keep_params": "all"},
        only=networks_of,
        number=strategies.integers(0, 10**6),
    )
