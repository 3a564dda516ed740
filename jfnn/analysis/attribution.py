"""Attribution of outputs to training rows: datamodels, leave-one-out values, influence functions.

Entry ``[i, j]`` of the values ``[n, rows]`` is the change in an output for row j from including training row
i. If the output is a loss, helpful rows have negative values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jfnn import losses
from jfnn.analysis.data_values import as_subsets
from jfnn.analysis.sharpness import BLOCK_BYTES, Surface, by_blocks
from jfnn.arguments import checks, texts
from jfnn.arguments.checks import ArgumentError
from jfnn.core.search.result import SweepResult
from jfnn.layers import Params
from jfnn.learners import Learner, Metric
from jfnn.losses import Loss
from jfnn.network import Network, as_inputs
from jfnn.split import Split
from jfnn.targets import as_targets

CURVATURES = ("hessian", "gauss_newton")
PENALTIES = tuple(np.geomspace(1, 0.01, 20).tolist())


@texts.without_arrays
class Datamodels(NamedTuple):
    """One linear model per row, ``output = bias + included @ weights``; float64.

    Attributes:
        weights: Values of the training rows ``[n, rows]``; many are 0.
        bias: Intercepts ``[rows]``.
        penalty: α of each model ``[rows]``, as in scikit-learn's Lasso.
    """

    weights: np.ndarray
    bias: np.ndarray
    penalty: np.ndarray


def datamodels(
    outputs: ArrayLike, included: ArrayLike, penalties: ArrayLike = PENALTIES, folds: int = 5
) -> Datamodels:
    """Fit a sparse linear model for each row, which predicts a network's output from its training rows.

    Each model minimizes ``1/(2m) Σ (output - bias - included @ weights)² + α Σ |weights|`` over m networks
    (Ilyas et al. 2022, arXiv 2202.00622, section 2), by scikit-learn's coordinate descent on the Gram matrix
    of the masks, which all models share.

    Args:
        outputs: Output of each network for each row ``[m, rows]``, such as the loss or a margin. Networks
            with NaN for all rows, such as diverged members, are ignored.
        included: Mask of the training rows of each network ``[m, n]``.
        penalties: α, one or several, in units of the smallest α at which all weights of a model are 0. Given
            several, each model takes the one with the smallest squared error on held-out networks.
        folds: Number of cross-validation folds for choosing the penalty; networks are split in order.

    Raises:
        ValueError, TypeError: Invalid arrays or mismatched shapes; fewer networks than folds.
    """
    from sklearn.model_selection import KFold

    masks, values = _of_networks(included, outputs)
    shares = np.sort(checks.as_axis(penalties, "penalties", strict=True))[::-1]
    folds = checks.as_count(folds, "folds", 2, len(masks))
    largest = np.abs((masks - masks.mean(axis=0)).T @ (values - values.mean(axis=0))).max(axis=0) / len(masks)
    alphas = shares[:, None] * largest
    errors = np.zeros(alphas.shape)
    for train, held_out in KFold(folds).split(masks) if len(shares) > 1 else ():
        for j, (weights, bias) in enumerate(_lasso_paths(masks[train], values[train], alphas)):
            errors[:, j] += ((masks[held_out] @ weights + bias - values[held_out, j, None]) ** 2).sum(axis=0)
    penalty = np.take_along_axis(alphas, errors.argmin(axis=0)[None], axis=0)
    weights, bias = map(np.hstack, zip(*_lasso_paths(masks, values, penalty), strict=True))
    return Datamodels(weights, bias, penalty[0])


def _lasso_paths(x: np.ndarray, y: np.ndarray, alphas: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield weights ``[n, k]`` and biases ``[k]`` for each column of y, at decreasing ``alphas [k, …]``."""
    from sklearn.linear_model import lasso_path

    means = x.mean(axis=0)
    centered = np.asfortranarray(x - means)
    gram = centered.T @ centered
    for column, penalties in zip(y.T, alphas.T, strict=True):
        rest = column - column.mean()
        weights = lasso_path(centered, rest, alphas=penalties, precompute=gram, Xy=centered.T @ rest)[1]
        yield weights, column.mean() - means @ weights


def linear_datamodeling_score(values: ArrayLike, outputs: ArrayLike, included: ArrayLike) -> np.ndarray:
    """Return linear datamodeling scores (LDS): how well values predict networks trained on subsets of rows.

    For each row this is Spearman's rank correlation, over subsets, between the sum of the values of a
    subset's rows and the output of the network trained on it (Park et al. 2023, arXiv 2303.14186, section 2).
    The LDS is the mean over rows; `jfnn.analysis.interval` gives its confidence interval.

    Args:
        values: Value of each training row for each row ``[n, rows]``.
        outputs: Output of each network for each row ``[m, rows]``, or its mean over several seeds, which
            raises the score. NaN as in `datamodels`.
        included: Mask of the training rows of each subset ``[m, n]``; these must not be the subsets that the
            values were fitted to.

    Returns:
        Scores ``[rows]``, float64; NaN where all outputs or all predictions are equal.

    """
    from scipy import stats

    masks, actual = _of_networks(included, outputs)
    weights = checks.as_numbers(values, "values").astype(np.float64)
    if weights.shape != (masks.shape[1], actual.shape[1]):
        expected = f"expected [n, rows] = {[masks.shape[1], actual.shape[1]]}"
        raise ArgumentError("values", f"{expected}, got {list(weights.shape)}")
    checks.check_values(weights, "values", weights.dtype)
    one, other = (stats.rankdata(array, axis=0) - (len(masks) + 1) / 2 for array in (masks @ weights, actual))
    with np.errstate(invalid="ignore"):
        return np.asarray((one * other).sum(axis=0) / np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0)))


def leave_one_out_values(
    result: SweepResult,
    split: Split,
    metric: str | Metric = "loss",
    average: bool = True,
    *,
    network: Network | Learner | None = None,
) -> np.ndarray:
    """Return the value of each training row from networks trained without it ``[…, n, rows]``; float64.

    The value of row i for a test row is the mean metric of all these networks minus the metric of the network
    trained without row i: the effect of including row i, up to a constant that is the same for all i.

    Args:
        result: A sweep with ``folds=jfnn.subsets.leave_one_out(n)`` that kept its parameters, or with other
            subsets whose axis "left_out" has all row numbers.
        split: The split of the sweep, with test rows.
        metric: As in `SweepResult.row_scores`.
        average: Whether to average over the seeds that did not diverge; otherwise ``[…, seeds, n, rows]``.
            The agreement between halves of the seeds bounds how well any method can agree with their mean.
        network: As in `SweepResult.row_scores`.

    Raises:
        ValueError, TypeError: As in `SweepResult.row_scores`; a result with other subsets.
    """
    checks.check_instance(result, SweepResult, "result")
    checks.check_instance(split, Split, "split")
    checks.as_switch(average, "average")
    left_out = result.subset_values.get("left_out", ())
    if not np.array_equal(left_out, np.arange(len(split.y_train))):
        expected = f"expected a sweep over jfnn.subsets.leave_one_out({len(split.y_train)})"
        got = checks.as_text(left_out) if len(left_out) else "no axis of this kind"
        raise ArgumentError("result", f"{expected}, got {got}")
    scores = result.row_scores(metric, "test", split, network=network).astype(np.float64)
    values = _mean(scores, -2)[..., None, :] - scores
    return _mean(values, -3) if average else values


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the mean of the values that are not NaN; NaN if there are none."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(values, axis=axis) / (~np.isnan(values)).sum(axis=axis))


@texts.without_arrays
class InfluenceFunctions(NamedTuple):
    """Influence function estimates, with the dtype and leading axes of the parameters.

    Attributes:
        values: Value of each training row for each test row ``[…, n, rows]``.
        residuals: ``|(H + δ I) s - ∇L_j| / |∇L_j|`` of the solution s for each test row ``[…, rows]``.
    """

    values: np.ndarray
    residuals: np.ndarray


def influence_functions(
    network: Network,
    params: Params,
    x: Any,
    y: ArrayLike,
    x_test: Any,
    y_test: ArrayLike,
    loss: str | Loss = "cross_entropy",
    *,
    l2: float = 0.0,
    damping: float = 0.0,
    curvature: str = "hessian",
    iterations: int = 100,
    tolerance: float = 1e-5,
) -> InfluenceFunctions:
    """Estimate how training rows change the losses of test rows, without retraining.

    The value of training row i for test row j is ``-1/n ∇L_iᵀ (H + δ I)⁻¹ ∇L_j``. If training ended at a
    minimum, it is to first order the loss of row j minus its loss under the network trained without row i
    (Koh & Liang, ICML 2017, arXiv 1703.04730, section 2). Conjugate gradients solve the linear systems by
    Hessian-vector products, for many test rows and networks at once.

    Args:
        network: The network.
        params: Its parameters, with any leading axes, as in `jfnn.analysis.sharpness`.
        x: Training inputs ``[n, …]``, shared by all networks.
        y: Labels ``[n]`` or targets ``[n, n_out]``.
        x_test: Test inputs ``[rows, …]``.
        y_test: Test labels or targets.
        loss: As in `jfnn.objective`.
        l2: λ of `jfnn.objective`, one number.
        damping: δ, added to H of the objective with ``reduction="mean"``.
        curvature: H: "hessian", which may have negative eigenvalues that δ must outweigh; or "gauss_newton",
            ``1/n Σ Jᵀ ∂²L/∂a² J + λ/n`` with the Jacobian J of the outputs a, which has no negative
            eigenvalues if the loss is convex in a.
        iterations: Maximum number of conjugate gradient iterations.
        tolerance: Residual at which the iterations stop.

    """
    objective = losses.as_objective(loss, "mean", l2)
    surface = Surface.of(network, params, x, y, objective)
    loss = objective.loss
    x_test = as_inputs(network, x_test, "x_test")
    damping = checks.as_number(damping, "damping")
    checks.as_choice(curvature, "curvature", CURVATURES)
    iterations = checks.as_count(iterations, "iterations")
    tolerance = checks.as_number(tolerance, "tolerance")

    def outputs_at(point: jax.Array, x: jax.Array) -> jax.Array:
        return network.apply(surface.unravel(point), x)

    def one(point: jax.Array, x: jax.Array, targets: jax.Array, l2: jax.Array, *tests: jax.Array) -> Any:
        outputs, pull = jax.vjp(lambda point: outputs_at(point, x), point)
        slopes, bend = jax.vjp(jax.grad(lambda outputs: loss.cost(outputs, targets).mean()), outputs)
        hessian = surface.gradient(point, x, targets, l2)[1]

        def penalty(point: jax.Array) -> jax.Array:  # quadratic: its gradient is its Hessian times the point
            return l2 / len(x) * losses.l2_penalty(surface.unravel(point))

        def push(v: jax.Array) -> Any:  # JVP as the transpose of the pull-back, since layers define no JVP
            return jax.vjp(lambda u: pull(u)[0], jnp.zeros_like(outputs))[1](v)[0]

        def product(v: jax.Array) -> Any:
            if curvature == "hessian":
                return damping * v + hessian(v)[0]
            return damping * v + pull(bend(push(v))[0])[0] + jax.grad(penalty)(v)

        def of_test_row(test: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            slope = jax.grad(surface.value)(point, test[0][None], test[1][None], 0.0)
            s = jax.scipy.sparse.linalg.cg(product, slope, tol=tolerance, maxiter=iterations)[0]
            residual = jnp.linalg.norm(product(s) - slope) / jnp.linalg.norm(slope)
            return -(slopes * push(s)).sum(axis=1), residual

        return jax.lax.map(of_test_row, tests, batch_size=together)

    of_test = jax.eval_shape(outputs_at, surface.points[0], x_test)
    tests = (x_test, as_targets(y_test, of_test.shape, loss, of_test.dtype, "y_test"))
    floats = surface.floats(*surface.data)
    together = min(max(1, BLOCK_BYTES // (floats * surface.points.itemsize)), len(x_test))
    found = by_blocks(one, (surface.points,), (*surface.data, *tests), floats * together)
    values, residuals = (each.reshape(*surface.leading, *each.shape[1:]) for each in found)
    return InfluenceFunctions(np.moveaxis(values, -1, -2), residuals)


def _of_networks(included: ArrayLike, outputs: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return masks ``[m, n]`` and outputs ``[m, rows]`` of networks with any output but NaN; float64."""
    inside, values = as_subsets(included, outputs, "outputs")
    there = ~np.isnan(values).all(axis=1)
    if there.sum() < 2:
        raise ArgumentError("outputs", f"expected outputs of at least two networks, got {there.sum()}")
    checks.check_values(values[there], "outputs", values.dtype)
    return inside[there].astype(np.float64), values[there]
