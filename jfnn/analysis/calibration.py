"""Whether probabilities mean what they say: Brier scores, calibration errors, temperatures, CRPS.

Probabilities are ``[…, n, k]`` of n rows and k classes, with any leading axes of networks, as
`SweepResult.predict_proba` gives them; or ``[…, n, 1]``, of label 1. Labels are integers ``[n]``, or
``[…, n]`` where networks have rows of their own. An ensemble is the mean over an axis of networks. Networks
with NaN among their probabilities, such as those that diverged, have NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jfnn.analysis.intervals import as_numbers
from jfnn.arguments import checks, texts
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError

BINS = ("width", "mass")
SUM_TO_ONE = 1e-3  # what float32 and averages may miss
LEAST_LOGIT = np.log(np.finfo(np.float32).tiny)  # of a probability that underflowed
LOG_RANGE = 10.0  # of 1 / temperature, as scikit-learn's CalibratedClassifierCV has it


@texts.without_arrays
class Brier(NamedTuple):
    """Brier scores and their parts, each ``[…]``.

    ``score = reliability - resolution + uncertainty + within``, exactly.

    Attributes:
        score: ``1/n Σ_i Σ_c (p_ic - 1[y_i = c])²``; of ``[…, n, 1]`` only ``(p_i - y_i)²``.
        reliability: ``Σ_b n_b/n (p̄_b - ȳ_b)²``, of bins' mean probability and frequency; 0 is calibrated.
        resolution: ``Σ_b n_b/n (ȳ_b - ȳ)²``; the larger the better.
        uncertainty: ``ȳ (1 - ȳ)``, of the labels alone.
        within: ``1/n Σ_b Σ_{i in b} (p_i - p̄_b)² - 2 (p_i - p̄_b)(y_i - ȳ_b)``; 0 where the probabilities in
            each bin are equal.
    """

    score: np.ndarray
    reliability: np.ndarray
    resolution: np.ndarray
    uncertainty: np.ndarray
    within: np.ndarray


@texts.without_arrays
class Calibration(NamedTuple):
    """Expected calibration errors ``[…]``, and their bins ``[…, bins]``, NaN in empty ones.

    Attributes:
        error: ``Σ_b n_b/n |accuracy_b - confidence_b|``.
        by_chance: Its expected value if every confidence were the probability to be right: an error of this
            size says nothing against a network.
        debiased_square: ``Σ_b n_b/n Σ_{i≠j in b} d_i d_j / (n_b (n_b - 1))``, where d_i is the confidence
            less 1 if right: an unbiased estimate of ``Σ_b n_b/n (accuracy_b - confidence_b)²``. On average it
            is 0 where a network is calibrated, so that it may be below. Bins of one row count as 0.
        confidence: Mean confidence of each bin.
        accuracy: Share of the rows in it that are right.
        deviation: Expected ``|accuracy - confidence|`` of each bin by chance.
        rows: Their number.
    """

    error: np.ndarray
    by_chance: np.ndarray
    debiased_square: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    deviation: np.ndarray
    rows: np.ndarray


def brier_score(probabilities: ArrayLike, labels: ArrayLike, bins: int = 10) -> Brier:
    """Brier scores with Murphy's parts, summed over classes, of bins of equal width for each class.

    The part within bins makes the sum exact (Murphy, Journal of Applied Meteorology 12, 1973; Stephenson,
    Coelho & Jolliffe, Weather and Forecasting 23, 2008).

    Args:
        probabilities: ``[…, n, k]``.
        labels: Integers ``[n]`` or ``[…, n]``.
        bins: Number of bins of [0, 1].

    Raises:
        ValueError, TypeError: No probabilities, or labels that do not fit them; no number of bins.
    """
    p, y = with_labels(probabilities, labels)
    checks.as_count(bins, "bins")
    k = p.shape[-1]
    p = np.moveaxis(p, -1, -2)  # [..., k, n]
    hits = (y[..., None, :] == (np.arange(k)[:, None] if k > 1 else 1)).astype(np.float64)
    n = p.shape[-1]
    number = np.searchsorted(_edges(bins), p)
    count, mean_p, mean_hits = _bin_means(number, bins, p, hits)
    base = hits.mean(axis=-1)
    off_p = p - np.take_along_axis(mean_p, number, -1)
    off_hits = hits - np.take_along_axis(mean_hits, number, -1)
    parts = (
        ((p - hits) ** 2).mean(axis=-1),
        np.nansum(count / n * (mean_p - mean_hits) ** 2, axis=-1),
        np.nansum(count / n * (mean_hits - base[..., None]) ** 2, axis=-1),
        base * (1 - base),
        (off_p**2 - 2 * off_p * off_hits).mean(axis=-1),
    )
    failed = np.isnan(p).any(axis=(-1, -2))
    return Brier(*(np.where(failed, np.nan, part.sum(axis=-1)) for part in parts))


def calibration_error(
    probabilities: ArrayLike, labels: ArrayLike, bins: int = 15, equal: str = "width"
) -> Calibration:
    """Expected calibration errors of the most probable labels, with what chance alone gives.

    The confidence of a row is its largest probability, and the row is right if this is its label's (Guo et
    al. 2017, arXiv:1706.04599, equation 3). Even a calibrated network has an error, the larger the more bins
    and the fewer rows; ``by_chance`` is its exact expectation, from the distribution of the number of right
    rows in each bin given the confidences (on this bias Roelofs et al. 2022, arXiv:2012.08668). The squared
    error has an estimate without bias, ``debiased_square``: where confidences in a bin are equal that of
    Kumar, Liang & Ma 2019, arXiv:1909.10155, else a U-statistic as in Widmann et al. 2019, arXiv:1910.11385.

    Args:
        probabilities: ``[…, n, k]``.
        labels: Integers ``[n]`` or ``[…, n]``.
        bins: Number of bins.
        equal: "width" for bins of [0, 1], or "mass" for quantiles of each network's confidences. An edge
            belongs to the bin below it.

    Raises:
        ValueError, TypeError: No probabilities, or labels that do not fit them; no number or kind of bins.
    """
    p, y = with_labels(probabilities, labels)
    checks.as_count(bins, "bins")
    checks.as_choice(equal, "equal", BINS)
    p = _two_columns(p)
    n = p.shape[-2]
    confidence = p.max(axis=-1)
    right = (p.argmax(axis=-1) == y).astype(np.float64)
    if equal == "width":
        number = np.searchsorted(_edges(bins), confidence)
    else:
        edges = np.quantile(confidence, np.linspace(0, 1, bins + 1)[1:-1], axis=-1)
        number = (confidence > edges[..., None]).sum(axis=0)
    count, mean, accuracy, squares = _bin_means(number, bins, confidence, right, (confidence - right) ** 2)
    deviation = np.full(count.shape, np.nan)
    for index in np.argwhere((count > 0) & ~np.isnan(mean)):
        *leading, b = index.tolist()
        rows = confidence[tuple(leading)][number[tuple(leading)] == b]
        deviation[(*leading, b)] = _mean_deviation(rows) / len(rows)
    pairs = (count * (mean - accuracy) ** 2 - squares) / np.maximum(count - 1, 1)
    failed = np.isnan(p).any(axis=(-1, -2))
    error, by_chance, square = (
        np.where(failed, np.nan, np.nansum(count / n * values, axis=-1))
        for values in (np.abs(accuracy - mean), deviation, pairs)
    )
    return Calibration(error, by_chance, square, mean, accuracy, deviation, count)


def temperature(probabilities: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """The temperature of each network that minimises its cross-entropy on rows held out, ``[…]``.

    Rows that it was trained on will not do. One number changes no label and calibrates most networks (Guo et
    al. 2017, arXiv:1706.04599, section 4.2); above 1 it makes a network less sure. Of an ensemble give the
    mean of its members' probabilities, which is better than to scale each (Rahaman & Thiery 2021,
    arXiv:2007.08792). It lies within ``e^±10``; where all labels are right none is best, and it is small.

    Args:
        probabilities: ``[…, n, k]``; logits are their logarithms, to a constant that does not matter.
        labels: Integers ``[n]`` or ``[…, n]``.

    Raises:
        ValueError, TypeError: No probabilities, or labels that do not fit them.
    """
    from scipy import optimize, special

    p, y = with_labels(probabilities, labels)
    logits = _logits(p)
    temperatures = np.full(p.shape[:-2], np.nan)
    for index in np.ndindex(temperatures.shape):
        z = logits[index]
        own = np.take_along_axis(z, y[index][:, None], axis=-1)
        if np.isnan(z).any():
            continue

        def cross_entropy(log_beta: float, below: np.ndarray = z - own) -> float:
            return float(special.logsumexp(np.exp(log_beta) * below, axis=-1).mean())

        found = optimize.minimize_scalar(
            cross_entropy, bounds=(-LOG_RANGE, LOG_RANGE), method="bounded", options={"xatol": 1e-9}
        )
        temperatures[index] = np.exp(-found.x)
    return temperatures


def with_temperature(probabilities: ArrayLike, temperature: ArrayLike) -> np.ndarray:
    """Probabilities at a temperature, ``p^{1/T} / Σ_c p_c^{1/T}``, float64 ``[…, n, k]``.

    Args:
        probabilities: ``[…, n, k]``; those below 1e-38 count as this.
        temperature: Above 0, one or one a network ``[…]``.

    Raises:
        ValueError, TypeError: No probabilities, or temperatures that do not fit them.
    """
    from scipy import special

    p = _as_probabilities(probabilities)
    t = as_numbers(temperature, "temperature")
    if (t <= 0).any():
        raise ArgumentError("temperature", f"expected numbers above 0, got {t.min():g}")
    if t.shape not in ((), p.shape[:-2]):
        raise ArgumentError(
            "temperature", f"expected one number or shape {list(p.shape[:-2])}, got {list(t.shape)}"
        )
    scaled = special.softmax(_logits(p) / t[..., None, None], axis=-1)
    return np.asarray(scaled[..., -p.shape[-1] :])


def crps(outputs: ArrayLike, y: ArrayLike, fair: bool = False) -> np.ndarray:
    """The continuous ranked probability score of ensembles, smaller is better.

    ``1/m Σ_i |x_i - y| - 1/(2 m²) Σ_ij |x_i - x_j|``, that of the empirical distribution of m outputs; or
    with ``m (m - 1)`` instead of m² the fair one, an unbiased estimate of that of the distribution from which
    they are drawn, whatever m (Gneiting & Raftery, JASA 102, 2007, section 4.2; Ferro, Quarterly Journal of
    the Royal Meteorological Society 140, 2014).

    Args:
        outputs: ``[m, …]``, the members first.
        y: ``[…]``, what came.
        fair: Whether to take the fair estimate, of at least two members.

    Returns:
        Of each number of y, in its units, float64 ``[…]``; NaN where outputs are.

    Raises:
        ValueError, TypeError: Arrays that do not fit.
    """
    x = as_numbers(outputs, "outputs")
    truth = as_numbers(y, "y")
    least = 1 + checks.as_switch(fair, "fair")
    if not x.ndim or len(x) < least:
        raise ArgumentError("outputs", f"expected at least {least} members first, got {list(x.shape)}")
    if x.shape[1:] != truth.shape:
        raise ArgumentError("y", f"expected shape {list(x.shape[1:])}, got {list(truth.shape)}")
    m = len(x)
    ranks = (2 * np.arange(m) - m + 1).reshape(-1, *(1,) * truth.ndim)
    apart = (ranks * np.sort(x, axis=0)).sum(axis=0)  # Σ_{i<j} |x_i - x_j|
    return np.asarray(np.abs(x - truth).mean(axis=0) - apart / (m * (m - fair)))


def crps_normal(mean: ArrayLike, std: ArrayLike, y: ArrayLike) -> np.ndarray:
    """The continuous ranked probability score of normal distributions, in closed form.

    ``σ (z (2 Φ(z) - 1) + 2 φ(z) - 1/√π)`` with ``z = (y - μ)/σ``; ``|y - μ|`` where σ is 0 (Gneiting &
    Raftery, JASA 102, 2007, section 4.2).

    Args:
        mean: μ, of any shape.
        std: σ, at least 0; of a shape that broadcasts with μ.
        y: What came; of a shape that broadcasts with both.

    Raises:
        ValueError, TypeError: Arrays that do not fit, or a negative standard deviation.
    """
    from scipy import stats

    mu = as_numbers(mean, "mean")
    sigma = as_numbers(std, "std")
    truth = as_numbers(y, "y")
    if (sigma < 0).any():
        raise ArgumentError("std", f"expected numbers of at least 0, got {sigma.min():g}")
    for array, argument in ((sigma, "std"), (truth, "y")):
        try:
            np.broadcast_shapes(array.shape, mu.shape, sigma.shape)
        except ValueError:
            expected = f"expected a shape that broadcasts with {list(mu.shape)}"
            raise ArgumentError(argument, f"{expected}, got {list(array.shape)}") from None
    off = truth - mu
    z = off / np.where(sigma > 0, sigma, 1)
    spread = z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi)
    return np.asarray(np.where(sigma == 0, np.abs(off), sigma * spread))


def _as_probabilities(probabilities: object) -> np.ndarray:
    """Checked probabilities ``[…, n, k]``."""
    p = as_numbers(probabilities, "probabilities")
    if p.ndim < 2 or not p.size:
        raise ArgumentError("probabilities", f"expected shape […, n, k] with entries, got {list(p.shape)}")
    k = p.shape[-1]
    off = np.abs(p.sum(axis=-1) - 1) if k > 1 else np.zeros(1)
    if (p < 0).any() or (p > 1 + SUM_TO_ONE).any() or (off > SUM_TO_ONE).any():
        raise ArgumentError("probabilities", "expected numbers from 0 to 1, of each row with the sum 1")
    return np.asarray(np.clip(p, 0, 1))


def with_labels(probabilities: object, labels: object) -> tuple[np.ndarray, np.ndarray]:
    """Checked probabilities ``[…, n, k]``, and labels ``[…, n]``."""
    p = _as_probabilities(probabilities)
    k = p.shape[-1]
    y = np.asarray(checks.as_array(labels, "labels"))
    if y.dtype.kind not in "iub":
        raise ArgumentTypeError("labels", f"expected integers, got {checks.shown(labels)}")
    if y.shape not in (p.shape[-2:-1], p.shape[:-1]):
        raise ArgumentError("labels", f"expected shape {list(p.shape[-2:-1])}, got {list(y.shape)}")
    if y.min() < 0 or y.max() >= max(k, 2):
        raise ArgumentError(
            "labels", f"expected integers from 0 to {max(k, 2) - 1}, got {y.min()} to {y.max()}"
        )
    return p, np.broadcast_to(y, p.shape[:-1]).astype(int)


def _two_columns(p: np.ndarray) -> np.ndarray:
    return np.concatenate([1 - p, p], axis=-1) if p.shape[-1] == 1 else p


def _logits(p: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        logits = np.maximum(np.log(_two_columns(p)), LEAST_LOGIT)  # NaN stays
    return np.asarray(logits)


def _edges(bins: int) -> np.ndarray:
    """Edges between bins of [0, 1], each the last number of the bin below it."""
    return np.linspace(0, 1, bins + 1)[1:-1]


def _bin_means(number: np.ndarray, bins: int, *values: np.ndarray) -> list[np.ndarray]:
    """Rows in each bin ``[…, bins]``, and means of values ``[…, n]`` in it, NaN where it is empty."""
    shape = number.shape[:-1]
    place = (
        number.reshape(-1, number.shape[-1]) + bins * np.arange(np.prod(shape, dtype=int))[:, None]
    ).ravel()
    size = bins * int(np.prod(shape))
    count = np.bincount(place, minlength=size)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(place, array.ravel(), size) / count for array in values]
    return [np.asarray(array.reshape(*shape, bins)) for array in (count, *means)]


def _mean_deviation(p: np.ndarray) -> float:
    """``E|S - Σ p|`` of the number S of successes, one trial of each probability."""
    distribution = np.ones(1)
    for probability in p.tolist():
        distribution = np.convolve(distribution, [1 - probability, probability])
    return float(distribution @ np.abs(np.arange(len(distribution)) - p.sum()))
