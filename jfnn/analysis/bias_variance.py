"""Bias, variance and noise of networks trained on different draws of training rows.

Draws come from `jfnn.subsets`: independent sets of rows, or bootstraps of the same rows. Expectations are
over draws, and over seeds if there are several. All components are means over the test rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jfnn.analysis.intervals import Interval
from jfnn.analysis.intervals import interval as confidence_interval
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.fields import Converted, Valid, field, one_of, optional
from jfnn.core.search.result import SweepResult
from jfnn.learners import Learner
from jfnn.network import Network
from jfnn.split import Split

KINDS = ("squared", "zero_one")
MISSING = ("nan", "omit")
PARTS = ("error", "bias", "variance", "unbiased", "biased", "disagreement")
#: Parts that have an interval.
WITH_ENDS = ("error", "bias", "variance")
FEWEST = 2  # smallest number of draws

# For one cell: name -> part, and name -> the values from which its interval is computed.
_Parts = tuple[dict[str, Any], dict[str, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class BiasVariance:
    """Decomposition of an expected error, ``error = bias + variance + noise + cross``; arrays ``[…]``.

    Attributes:
        kind: "squared" or "zero_one".
        error: Expected error on the targets.
        bias: Squared bias; for 0–1 loss how often the main prediction is wrong.
        variance: Variance; for 0–1 loss the net variance ``unbiased - biased``, which may be negative.
        noise: Noise of the targets.
        cross: Remainder with these targets; 0 on average over the noise for squared loss, and 0 without
            ``truth``.
        unbiased: For 0–1 loss the variance on rows whose main prediction is right, which adds to the error.
        biased: For 0–1 loss how often a prediction is right on rows whose main prediction is wrong, which is
            subtracted from the error; for two classes the variance on these rows.
        disagreement: For 0–1 loss how often a prediction differs from the main one. For squared loss these
            three are the variance, 0 and the variance.
        low: Lower ends of the intervals of "error", "bias" and "variance"; NaN where there is none.
        high: Upper ends.
        confidence: Confidence level of the intervals.
        draws: Number of networks in each estimate.
        axes: Name -> values of each axis of these arrays.
    """

    kind: str
    error: np.ndarray
    bias: np.ndarray
    variance: np.ndarray
    noise: np.ndarray
    cross: np.ndarray
    unbiased: np.ndarray
    biased: np.ndarray
    disagreement: np.ndarray
    low: Mapping[str, np.ndarray]
    high: Mapping[str, np.ndarray]
    confidence: float
    draws: np.ndarray
    axes: Mapping[str, np.ndarray]

    def __repr__(self) -> str:
        """Return the components where the error is smallest."""
        if not np.isfinite(self.error).any():
            return f"<BiasVariance {self.kind}, {self.error.shape}: no networks>"
        best = np.unravel_index(int(np.nanargmin(self.error)), self.error.shape)
        parts = ("error", "bias", "variance", "noise")
        least = ", ".join(f"{name} {getattr(self, name)[best]:.4g}" for name in parts)
        return f"<BiasVariance {self.kind}, {self.error.shape}: least {least}>"


def bias_variance(
    result: SweepResult,
    split: Split,
    *,
    truth: ArrayLike | Callable[[Any], ArrayLike] | None = None,
    noise: float | None = None,
    kind: str | None = None,
    interval: Interval | None = None,
    missing: str = "nan",
    corrected: bool = False,
    network: Network | Learner | None = None,
) -> BiasVariance:
    """Decompose the test error of each cell of a sweep over subsets into bias, variance and noise.

    `bias_variance_of` has the formulas. A draw is a subset, such as one of `jfnn.subsets.bootstrap`; with
    several seeds each subset counts once per seed, and intervals are over the subsets. Without subsets a draw
    is a seed, and the variance is due to initialization and minibatches alone.

    Args:
        result: A sweep with ``folds=jfnn.subsets.…`` that kept its parameters; parameters kept at evaluations
            add an axis "epoch".
        split: The split of the sweep.
        truth: Noise-free targets of the test rows, shaped like the targets, or a function of ``split.x_test``
            that returns them.
        noise: As in `bias_variance_of`.
        kind: "squared" or "zero_one"; None to infer it from the predictions. For classifiers "squared"
            decomposes the error of class probabilities.
        interval: As in `bias_variance_of`.
        missing: Treatment of diverged members: "nan" makes their cell NaN, "omit" leaves out their draws and
            reduces ``draws``.
        corrected: As in `bias_variance_of`.
        network: As in `SweepResult.predict`.

    Returns:
        Arrays ``[E, L, …]``, with evaluations ``[E, L, …, H]``; for a random search ``[cells]``.

    Raises:
        ValueError, TypeError: As in `bias_variance_of` and `SweepResult.predict`; a split without test rows,
            or with targets of another shape than the predictions.
    """
    checks.check_instance(result, SweepResult, "result")
    checks.check_instance(split, Split, "split")
    if not result.cell_shape:
        raise ArgumentError("result", "expected a sweep over subsets or seeds, got one network")
    if result.of_targets:
        raise ArgumentError("result", "expected subsets with the same target, got one target for each")
    if split.x_test is None or split.y_test is None:
        raise ArgumentError("split", "expected test rows, got none")
    options = DecompositionOptions(kind, noise, interval, missing, corrected)
    given = truth(split.x_test) if callable(truth) else truth
    targets = np.asarray(checks.as_array(split.y_test, "split"))
    if given is not None:
        given = _as_truth(given)
        if len(given) != len(targets):
            got = str(list(given.shape))
            raise ArgumentError("truth", f"expected {len(targets)} rows, one per test row", got=got)
    predictions = result.predict(split.x_test, network=network)
    is_labels = predictions.dtype.kind in "iu"
    if is_labels and kind == "squared":
        predictions = result.predict_proba(split.x_test, network=network)
        if targets.ndim == 1:
            classes = np.arange(predictions.shape[-1]) if predictions.shape[-1] > 1 else 1
            targets = np.asarray(targets[:, None] == classes, np.float64)
    elif not is_labels and kind == "zero_one":
        raise ArgumentError("kind", "expected 'squared' for networks that predict numbers", got=repr(kind))
    if predictions.ndim > targets.ndim and predictions.shape[-1] == 1 and targets.ndim == 1:
        predictions = predictions[..., 0]
    if is_labels and targets.ndim == 2 and predictions.shape[-1:] != targets.shape[-1:]:
        targets = targets.argmax(axis=-1)  # one-hot rows
    if predictions.shape[predictions.ndim - targets.ndim :] != targets.shape:
        got = f"targets {list(targets.shape)} and predictions {list(predictions.shape)}"
        raise ArgumentError("split", "expected one prediction for each target", got=got)
    axes, grouped = _draws_last(result, predictions, targets.ndim)
    return _decompose(grouped, targets, given, options, axes)


def bias_variance_of(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    truth: ArrayLike | None = None,
    noise: float | None = None,
    kind: str | None = None,
    interval: Interval | None = None,
    missing: str = "nan",
    corrected: bool = False,
    axes: Mapping[str, ArrayLike] | None = None,
) -> BiasVariance:
    """Decompose the error of any predictions, each from a model trained on another draw of rows.

    Squared loss, with the main prediction ``ȳ = E y``, targets t and the truth f (t if not given):
    ``bias = (ȳ - f)²``, ``variance = E (y - ȳ)²``, ``noise = (t - f)²``, means over rows and outputs (Geman,
    Bienenstock & Doursat, Neural Computation 4, 1992). Without the truth the bias includes the noise and is
    an upper bound; a given ``noise`` is subtracted from it.

    0–1 loss (Domingos, "A unified bias-variance decomposition", ICML 2000): the main prediction ȳ is the most
    frequent label, in a tie the smallest. ``bias = [ȳ ≠ f]``; the variance ``P(y ≠ ȳ)`` adds to the error
    where ȳ is right; where it is wrong, ``P(y = f)`` is subtracted.

    Intervals treat draws as independent. For squared loss they use the jackknife, and a log scale for the
    variance: with 25 draws they covered variance and error in 95% and 93% of cases, and a bias small compared
    to the variance in 86%. For 0–1 loss the main predictions are held fixed, so the bias has no interval.
    Intervals do not cover the choice of test rows, nor of the rows that bootstraps draw from.

    Args:
        predictions: ``[…, draws, n]``, or ``[…, draws, n, k]`` for targets ``[n, k]``. Integers are labels,
            where -1 means missing if no target is -1; other numbers are outputs, where NaN means missing.
        targets: ``[n]`` or ``[n, k]``.
        truth: Noise-free targets, shaped like ``targets``; None if unknown.
        noise: Variance of the noise; for 0–1 loss the rate of wrong targets, which requires ``truth``. None
            to compute it from ``truth``, or for 0 without ``truth``.
        kind: "squared" or "zero_one"; None for "zero_one" if predictions and targets are integers.
        interval: An `Interval` of the mean; None for Student's t.
        missing: Treatment of draws with a missing prediction: "nan" or "omit".
        corrected: Whether to use unbiased estimates for squared loss from m random draws: the variance has
            m - 1 in its denominator, and ``variance / m`` is subtracted from the bias. Otherwise means over
            the given draws, which are exact if these are all possible draws.
        axes: Name -> values of each leading axis; None for numbers from 0.

    Raises:
        ValueError, TypeError: Mismatched shapes, fewer than two draws, infinite numbers, or an invalid
            argument.
    """
    options = DecompositionOptions(kind, noise, interval, missing, corrected)
    numbers = checks.as_numbers(predictions, "predictions")
    wanted = checks.as_numbers(targets, "targets")
    trailing = wanted.ndim
    if trailing not in (1, 2) or not wanted.size:
        raise ArgumentError("targets", "expected [n] or [n, k]", got=str(list(wanted.shape)))
    if numbers.ndim <= trailing or numbers.shape[-trailing:] != wanted.shape:
        expected = f"expected [..., draws, {', '.join(map(str, wanted.shape))}] for these targets"
        raise ArgumentError("predictions", expected, got=str(list(numbers.shape)))
    leading = numbers.shape[: -trailing - 1]
    named = _named_axes(axes, leading)
    grouped = np.expand_dims(numbers, len(leading) + 1)
    return _decompose(grouped, wanted, None if truth is None else _as_truth(truth), options, named)


def _as_interval(interval: Interval | None, argument: str) -> Interval:
    """Return an interval of the mean; None stands for Student's t."""
    form = Interval() if interval is None else interval
    checks.check_instance(form, Interval, argument)
    if form.statistic != "mean":
        raise ArgumentError(argument, "expected an interval of the mean", got=form.statistic)
    return form


@dataclasses.dataclass(frozen=True)
class DecompositionOptions(Valid):
    """Arguments of `bias_variance_of` that configure the decomposition."""

    kind: str | None = field(convert=optional(one_of(KINDS)))
    noise: float | None = field(convert=optional(checks.as_number))
    interval: Converted[Interval | None, Interval] = field(convert=_as_interval)
    missing: str = field(convert=one_of(MISSING))
    corrected: bool = field(convert=checks.as_switch)


def _as_truth(truth: ArrayLike) -> np.ndarray:
    array = checks.as_numbers(truth, "truth")
    checks.check_values(array, "truth", np.float64)
    if array.ndim == 0:
        raise ArgumentError("truth", "expected a number for each target", got=checks.as_text(truth))
    return array


def _named_axes(axes: object, lengths: tuple[int, ...]) -> dict[str, np.ndarray]:
    if axes is None:
        return {f"axis {i}": np.arange(length) for i, length in enumerate(lengths)}
    given = checks.as_mapping(axes, "axes")
    values = {name: np.asarray(checks.as_array(one, "axes")) for name, one in given.items()}
    shape = tuple(len(one) if one.ndim == 1 else -1 for one in values.values())
    if shape != lengths or not all(isinstance(name, str) for name in values):
        got = checks.as_text(axes)
        raise ArgumentError("axes", f"expected names with values of the lengths {list(lengths)}", got=got)
    return values


def _draws_last(
    result: SweepResult, predictions: np.ndarray, trailing: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the axes of cells, and predictions ``[cells…, subsets, seeds, n, …]``."""
    axes: dict[str, np.ndarray] = {}
    if result.kept_cell is None and result.crossed:
        axes = dict(result.axes)
    elif result.kept_cell is None:
        predictions = predictions.reshape(-1, *predictions.shape[len(result.cell_shape) :])
        axes = {"cell": np.arange(len(predictions))}
    at = len(axes)
    if result.folds is None:
        moved = np.expand_dims(predictions, at + 1)  # each seed is a draw
    else:
        moved = np.swapaxes(predictions, at, at + 1)
    if moved.ndim - trailing > at + 2:
        moved = np.moveaxis(moved, at + 2, at)
        axes["epoch"] = result.evaluations
    return axes, moved


def _decompose(
    predictions: np.ndarray,
    targets: np.ndarray,
    truth: np.ndarray | None,
    options: DecompositionOptions,
    axes: Mapping[str, np.ndarray],
) -> BiasVariance:
    """Decompose predictions ``[…, groups, draws, n, …]``, whose groups are independent."""
    integers = predictions.dtype.kind in "iu" and targets.dtype.kind in "iub"
    kind = options.kind or ("zero_one" if integers else "squared")
    if kind == "zero_one" and not integers:
        got = f"{predictions.dtype} and {targets.dtype}"
        raise ArgumentTypeError("predictions", "expected integer labels and targets for 0-1 loss", got=got)
    checks.check_values(targets, "targets", np.float64)
    right = targets if truth is None else truth
    if right.shape != targets.shape:
        got = str(list(right.shape))
        raise ArgumentError("truth", f"expected {list(targets.shape)}, the shape of targets", got=got)
    if kind == "zero_one" and truth is None and options.noise is not None:
        raise ArgumentError("noise", "expected None without truth, for 0-1 loss", got=f"{options.noise:g}")
    of_targets = targets != right if kind == "zero_one" else (targets.astype(np.float64) - right) ** 2
    sigma = float(of_targets.mean()) if options.noise is None else options.noise
    leading = predictions.shape[: predictions.ndim - 2 - targets.ndim]
    groups, each = predictions.shape[len(leading) : len(leading) + 2]
    if groups * each < FEWEST:
        raise ArgumentError("predictions", f"expected at least {FEWEST} draws", got=str(groups * each))
    cells = predictions.reshape(-1, groups, each, targets.size)
    if np.isinf(cells).any():
        raise ArgumentError("predictions", "expected finite numbers or NaN, got infinity")
    missed: np.ndarray = np.isnan(cells)
    if kind == "zero_one" and not (targets == -1).any():
        missed = np.asarray(cells == -1)
    lacks = np.asarray(missed.any(axis=(2, 3)))
    values = {name: np.full(len(cells), np.nan) for name in PARTS}
    ends = {name: np.full((2, len(cells)), np.nan) for name in WITH_ENDS}
    counts = np.where(lacks.any(axis=1) & (options.missing == "nan"), 0, (~lacks).sum(axis=1) * each)
    compute = _squared_parts if kind == "squared" else _zero_one
    for i in np.flatnonzero(counts >= FEWEST):
        parts, of_draws = compute(cells[i][~lacks[i]], targets.ravel(), right.ravel(), options.corrected)
        for name, part in parts.items():
            values[name][i] = part
        for name, draws in of_draws.items():
            bounds = (0.0, 1.0 if kind == "zero_one" else np.inf) if name == "error" else None
            ends[name][:, i] = confidence_interval(draws, options.interval, bounds=bounds)
    if truth is None:  # the bias includes the noise
        values["bias"] -= sigma
        ends["bias"] -= sigma
    if kind == "squared":
        ends["variance"] = np.exp(ends["variance"])
        ends = {name: np.maximum(pair, 0) for name, pair in ends.items()}
    values["noise"] = np.full(len(cells), sigma)
    values["cross"] = values["error"] - values["bias"] - values["variance"] - sigma
    if truth is None:
        values["cross"] = np.where(np.isnan(values["cross"]), np.nan, 0.0)
    return BiasVariance(
        kind,
        low={name: low.reshape(leading) for name, (low, _) in ends.items()},
        high={name: high.reshape(leading) for name, (_, high) in ends.items()},
        confidence=options.interval.confidence,
        draws=counts.reshape(leading),
        axes=dict(axes),
        **{name: array.reshape(leading) for name, array in values.items()},
    )


def _squared_parts(
    predictions: np.ndarray, targets: np.ndarray, truth: np.ndarray, corrected: bool
) -> _Parts:
    """Decompose ``[groups, draws, n]``; also return jackknife pseudo-values (of the log variance)."""
    groups, each, n = predictions.shape
    y = predictions.astype(np.float64)
    errors = ((y - targets) ** 2).mean(axis=(1, 2))
    main = y.mean(axis=(0, 1))
    off = y - main
    sums = off.sum(axis=1)  # [groups, n]
    squares = (off**2).sum(axis=1)

    def parts(count: int, mean: np.ndarray, square: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bias and variance of ``count`` draws, from means and squares about the overall mean ``[…, n]``."""
        plain = square / count - mean**2
        variance = plain.mean(axis=-1) * (count / (count - 1) if corrected else 1)
        bias = ((main + mean - truth) ** 2).mean(axis=-1) - corrected * variance / count
        return bias, variance

    count = groups * each
    bias, variance = parts(count, np.zeros(n), squares.sum(axis=0))
    of_draws = {"error": errors}
    left = count - each
    if left >= FEWEST:
        bias_without, variance_without = parts(left, -sums / left, squares.sum(axis=0) - squares)
        of_draws["bias"] = groups * bias - (groups - 1) * bias_without
        with np.errstate(divide="ignore", invalid="ignore"):  # a variance of 0 has no interval
            logs_without = np.log(np.maximum(variance_without, 0))
            of_draws["variance"] = groups * np.log(variance) - (groups - 1) * logs_without
    return {
        "error": errors.mean(),
        "bias": bias,
        "variance": variance,
        "unbiased": variance,
        "biased": 0.0,
        "disagreement": variance,
    }, of_draws


def _zero_one(predictions: np.ndarray, targets: np.ndarray, truth: np.ndarray, corrected: bool) -> _Parts:
    """Decompose labels ``[groups, draws, n]``; also return values of groups, with fixed main predictions."""
    from scipy import stats

    main = stats.mode(predictions.reshape(-1, predictions.shape[-1]), axis=0).mode
    is_right = main == truth
    differs = (predictions != main).mean(axis=1)  # [groups, n]
    cured = (predictions == truth).mean(axis=1)
    errors = (predictions != targets).mean(axis=(1, 2))
    unbiased = np.where(is_right, differs, 0).mean(axis=1)
    biased = np.where(is_right, 0, cured).mean(axis=1)
    return {
        "error": errors.mean(),
        "bias": (~is_right).mean(),
        "variance": unbiased.mean() - biased.mean(),
        "unbiased": unbiased.mean(),
        "biased": biased.mean(),
        "disagreement": differs.mean(),
    }, {"error": errors, "variance": unbiased - biased}
