"""Bias, variance and noise of networks that were trained on different draws of their rows.

Draws are those of `jfnn.subsets`: independent sets of rows, or bootstraps of the same ones. Expectations are
over them, and over seeds where there are several. All parts are means over the rows to test on.
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
FEWEST = 2  # draws

# Parts of one cell by their names, and the values of each draw of which the intervals are.
_Parts = tuple[dict[str, Any], dict[str, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class BiasVariance:
    """Parts of an expected error, each ``[…]``: ``error = bias + variance + noise + cross``, exactly.

    Attributes:
        kind: "squared" or "zero_one".
        error: The expected error by the targets.
        bias: Of squared loss the squared bias; else how often the main prediction is not the truth.
        variance: Of squared loss the variance; else the net variance, ``unbiased - biased``, negative where
            draws that disagree with a wrong main prediction are right.
        noise: Of the targets.
        cross: What is left with these targets; 0 on average over the noise for squared loss, and 0 without
            ``truth``.
        unbiased: Of 0–1 loss the variance on rows whose main prediction is right, which adds to the error.
        biased: Of 0–1 loss how often a prediction is right on rows whose main prediction is wrong: for two
            classes the variance on these, which is taken off the error.
        disagreement: Of 0–1 loss how often a prediction is not the main one. Of squared loss these three are
            the variance, 0 and the variance.
        low: Lower ends of the intervals of "error", "bias" and "variance"; NaN where there is none.
        high: Their upper ends.
        confidence: Of the intervals.
        draws: Networks that count in each.
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
        """The parts where the error is least."""
        if not np.isfinite(self.error).any():
            return f"<BiasVariance {self.kind}, {self.error.shape}: no networks>"
        best = np.unravel_index(int(np.nanargmin(self.error)), self.error.shape)
        parts = ("error", "bias", "variance", "noise")
        told = ", ".join(f"{name} {getattr(self, name)[best]:.4g}" for name in parts)
        return f"<BiasVariance {self.kind}, {self.error.shape}: least {told}>"


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
    """Bias, variance and noise of each cell of a sweep over subsets, on the rows to test on.

    `bias_variance_of` has the formulas. A draw is a subset, such as those of `jfnn.subsets.bootstrap`; with
    several seeds each subset counts once for each, and intervals are over the subsets. Without subsets a
    draw is a seed, and the variance is that of the starts and minibatches alone.

    Args:
        result: A sweep with ``folds=jfnn.subsets.…`` that kept its parameters; those kept at evaluations give
            a further axis, "epoch".
        split: The split of the sweep.
        truth: The targets of the rows to test on without noise, shaped like them, or a function of
            ``split.x_test`` that gives them.
        noise: As in `bias_variance_of`.
        kind: "squared" or "zero_one"; None for what fits the predictions. Of classes "squared" is of their
            probabilities.
        interval: As in `bias_variance_of`.
        missing: Members that diverged: "nan" makes their cell NaN, "omit" leaves their draws out, which
            ``draws`` tells.
        corrected: As in `bias_variance_of`.
        network: As in `SweepResult.predict`.

    Returns:
        Parts ``[E, L, …]``, of evaluations ``[E, L, …, H]``; of a random search ``[cells]``.

    Raises:
        ValueError, TypeError: As in `bias_variance_of` and `SweepResult.predict`; a split without rows to
            test on, or with targets of another shape than the predictions.
    """
    checks.check_instance(result, SweepResult, "result")
    checks.check_instance(split, Split, "split")
    if not result.cell_shape:
        raise ArgumentError("result", "expected a sweep over subsets or seeds, got one network")
    if result.of_targets:
        raise ArgumentError("result", "expected subsets with the same target, got one with a target for each")
    if split.x_test is None or split.y_test is None:
        raise ArgumentError("split", "expected rows to test on, got none")
    asked = DecompositionOptions(kind, noise, interval, missing, corrected)
    given = truth(split.x_test) if callable(truth) else truth
    targets = np.asarray(checks.as_array(split.y_test, "split"))
    if given is not None:
        given = _as_truth(given)
        if len(given) != len(targets):
            got = str(list(given.shape))
            raise ArgumentError("truth", f"expected {len(targets)} rows, as split has to test on", got=got)
    predictions = result.predict(split.x_test, network=network)
    is_labels = predictions.dtype.kind in "iu"
    if is_labels and kind == "squared":
        predictions = result.predict_proba(split.x_test, network=network)
        if targets.ndim == 1:
            classes = np.arange(predictions.shape[-1]) if predictions.shape[-1] > 1 else 1
            targets = np.asarray(targets[:, None] == classes, np.float64)
    elif not is_labels and kind == "zero_one":
        raise ArgumentError("kind", "expected 'squared', these networks predict numbers", got=repr(kind))
    if predictions.ndim > targets.ndim and predictions.shape[-1] == 1 and targets.ndim == 1:
        predictions = predictions[..., 0]
    if is_labels and targets.ndim == 2 and predictions.shape[-1:] != targets.shape[-1:]:
        targets = targets.argmax(axis=-1)  # one-hot rows
    if predictions.shape[predictions.ndim - targets.ndim :] != targets.shape:
        got = f"targets {list(targets.shape)} and predictions {list(predictions.shape)}"
        raise ArgumentError("split", "expected one prediction for each target", got=got)
    axes, grouped = _draws_last(result, predictions, targets.ndim)
    return _decomposed(grouped, targets, given, asked, axes)


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
    """Bias, variance and noise of predictions of anything, each from a model trained on another draw of rows.

    Squared loss, with the main prediction ``ȳ = E y``, targets t and the truth f, which is t where it is not
    given: ``bias = (ȳ - f)²``, ``variance = E (y - ȳ)²``, ``noise = (t - f)²``, means over rows and outputs
    (Geman, Bienenstock & Doursat, Neural Computation 4, 1992). Without the truth the noise is within the
    bias, which is then an upper bound; a number for ``noise`` is taken off it.

    0–1 loss (Domingos, "A unified bias-variance decomposition", ICML 2000): the main prediction ȳ is the
    label of most draws, of equals the smallest. ``bias = [ȳ ≠ f]``; the variance ``P(y ≠ ȳ)`` adds to the
    error where ȳ is right; where it is wrong, ``P(y = f)`` is taken off.

    Intervals are over draws, as independent ones: of squared loss by the jackknife, of the variance on the
    scale of its logarithm (of 25 draws they covered variance and error in 95% and 93% of cases, a bias small
    beside the variance in 86%); of 0–1 loss with the main predictions as they are, so that the bias
    has none. They do not cover the choice of the rows to test on, nor, of bootstraps, of those drawn from.

    Args:
        predictions: ``[…, draws, n]``, or ``[…, draws, n, k]`` for targets ``[n, k]``. Integers are labels,
            -1 a missing one where no target is -1; else numbers, NaN for a missing one.
        targets: ``[n]`` or ``[n, k]``.
        truth: The targets without noise, shaped like them; None where they are not known.
        noise: The variance of the noise, or of labels, whose ``truth`` is then needed, how often they are
            wrong; None for that of the targets by ``truth``, or 0.
        kind: "squared" or "zero_one"; None for "zero_one" where predictions and targets are integers.
        interval: An `Interval` of the mean; None for Student's t.
        missing: Draws with a missing prediction: "nan" or "omit".
        corrected: Whether squared loss has the estimates that are right on average over m draws at random,
            with the variance by m - 1 and the bias less ``variance / m``; else means over the draws as they
            are, right where these are all that there are.
        axes: Name -> values of each leading axis; None for numbers from 0.

    Raises:
        ValueError, TypeError: Shapes that do not fit, fewer than two draws, infinite numbers, or values that
            the other arguments do not take.
    """
    asked = DecompositionOptions(kind, noise, interval, missing, corrected)
    numbers = np.asarray(checks.as_array(predictions, "predictions"))
    checks.check_numbers(numbers, "predictions")
    wanted = np.asarray(checks.as_array(targets, "targets"))
    checks.check_numbers(wanted, "targets")
    trailing = wanted.ndim
    if trailing not in (1, 2) or not wanted.size:
        raise ArgumentError("targets", "expected [n] or [n, k]", got=str(list(wanted.shape)))
    if numbers.ndim <= trailing or numbers.shape[-trailing:] != wanted.shape:
        expected = f"expected [..., draws, {', '.join(map(str, wanted.shape))}], as targets are"
        raise ArgumentError("predictions", expected, got=str(list(numbers.shape)))
    leading = numbers.shape[: -trailing - 1]
    named = _named_axes(axes, leading)
    grouped = np.expand_dims(numbers, len(leading) + 1)
    return _decomposed(grouped, wanted, None if truth is None else _as_truth(truth), asked, named)


def _as_interval(interval: Interval | None, argument: str) -> Interval:
    """An interval of the mean; None for Student's t."""
    form = Interval() if interval is None else interval
    checks.check_instance(form, Interval, argument)
    if form.statistic != "mean":
        raise ArgumentError(argument, "expected one of the mean", got=form.statistic)
    return form


@dataclasses.dataclass(frozen=True)
class DecompositionOptions(Valid):
    """Arguments of `bias_variance_of` that say how to decompose."""

    kind: str | None = field(convert=optional(one_of(KINDS)))
    noise: float | None = field(convert=optional(checks.as_number))
    interval: Converted[Interval | None, Interval] = field(convert=_as_interval)
    missing: str = field(convert=one_of(MISSING))
    corrected: bool = field(convert=checks.as_switch)


def _as_truth(truth: ArrayLike) -> np.ndarray:
    """Finite numbers, a row on the first axis."""
    array = np.asarray(checks.as_array(truth, "truth"))
    checks.check_numbers(array, "truth")
    checks.check_values(array, "truth", np.float64)
    if array.ndim == 0:
        raise ArgumentError("truth", "expected a number for each target", got=checks.shown(truth))
    return array


def _named_axes(axes: object, lengths: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Values of each leading axis."""
    if axes is None:
        return {f"axis {i}": np.arange(length) for i, length in enumerate(lengths)}
    given = checks.as_mapping(axes, "axes")
    values = {name: np.asarray(checks.as_array(one, "axes")) for name, one in given.items()}
    shape = tuple(len(one) if one.ndim == 1 else -1 for one in values.values())
    if shape != lengths or not all(isinstance(name, str) for name in values):
        got = checks.shown(axes)
        raise ArgumentError("axes", f"expected names with values of the lengths {list(lengths)}", got=got)
    return values


def _draws_last(
    result: SweepResult, predictions: np.ndarray, trailing: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The axes of cells, and predictions ``[cells…, subsets, seeds, n, …]``."""
    axes: dict[str, np.ndarray] = {}
    if result.kept_cell is None and result.crossed:
        axes = dict(result.axes)
    elif result.kept_cell is None:
        predictions = predictions.reshape(-1, *predictions.shape[len(result.cell_shape) :])
        axes = {"cell": np.arange(len(predictions))}
    at = len(axes)
    if result.folds is None:
        moved = np.expand_dims(predictions, at + 1)  # a seed is a draw
    else:
        moved = np.swapaxes(predictions, at, at + 1)
    if moved.ndim - trailing > at + 2:
        moved = np.moveaxis(moved, at + 2, at)
        axes["epoch"] = result.evaluations
    return axes, moved


def _decomposed(
    predictions: np.ndarray,
    targets: np.ndarray,
    truth: np.ndarray | None,
    asked: DecompositionOptions,
    axes: Mapping[str, np.ndarray],
) -> BiasVariance:
    """The parts of predictions ``[…, groups, of each, n, …]``; groups are independent."""
    integers = predictions.dtype.kind in "iu" and targets.dtype.kind in "iub"
    kind = asked.kind or ("zero_one" if integers else "squared")
    if kind == "zero_one" and not integers:
        got = f"{predictions.dtype} and {targets.dtype}"
        raise ArgumentTypeError("predictions", "expected integer labels, as targets for 0-1 loss", got=got)
    checks.check_values(targets, "targets", np.float64)
    right = targets if truth is None else truth
    if right.shape != targets.shape:
        got = str(list(right.shape))
        raise ArgumentError("truth", f"expected {list(targets.shape)}, as targets are", got=got)
    if kind == "zero_one" and truth is None and asked.noise is not None:
        raise ArgumentError("noise", "expected None without truth, for 0-1 loss", got=f"{asked.noise:g}")
    of_targets = targets != right if kind == "zero_one" else (targets.astype(np.float64) - right) ** 2
    sigma = float(of_targets.mean()) if asked.noise is None else asked.noise
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
    counts = np.where(lacks.any(axis=1) & (asked.missing == "nan"), 0, (~lacks).sum(axis=1) * each)
    compute = _squared if kind == "squared" else _zero_one
    for i in np.flatnonzero(counts >= FEWEST):
        parts, of_draws = compute(cells[i][~lacks[i]], targets.ravel(), right.ravel(), asked.corrected)
        for name, part in parts.items():
            values[name][i] = part
        for name, draws in of_draws.items():
            bounds = (0.0, 1.0 if kind == "zero_one" else np.inf) if name == "error" else None
            ends[name][:, i] = confidence_interval(draws, asked.interval, bounds=bounds)
    if truth is None:  # what there is of noise lies within the bias
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
        confidence=asked.interval.confidence,
        draws=counts.reshape(leading),
        axes=dict(axes),
        **{name: array.reshape(leading) for name, array in values.items()},
    )


def _squared(predictions: np.ndarray, targets: np.ndarray, truth: np.ndarray, corrected: bool) -> _Parts:
    """Parts of ``[groups, of each, n]``, and pseudo-values of the groups by leaving each out.

    Those of the variance are of its logarithm.
    """
    groups, each, n = predictions.shape
    y = predictions.astype(np.float64)
    errors = ((y - targets) ** 2).mean(axis=(1, 2))
    main = y.mean(axis=(0, 1))
    off = y - main
    sums = off.sum(axis=1)  # [groups, n]
    squares = (off**2).sum(axis=1)

    def parts(count: int, mean: np.ndarray, square: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bias and variance of so many draws, from means and squares about the mean of all ``[…, n]``."""
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
    """Parts of labels ``[groups, of each, n]``, and values of the groups given the main predictions."""
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
