"""Readable names and numbers of a sweep."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments.tables import size_text

SYMBOLS = {"learning_rate": "η", "l2": "λ", "batch_size": "batch"}
LABELS = {"learning_rate": "learning rate η", "l2": "L2 penalty λ", "l1": "L1 penalty"}
METRICS = {"r2": "R²", "rmse": "RMSE", "mse": "MSE", "auc": "AUC", "f1": "F1"}
WHOLE = 5  # maximum number of digits of whole numbers that are written in full
MOST_DIGITS = 6  # maximum number of digits of scores without an exponent


def metric_text(metric: str) -> str:
    """Return a metric's name for readers: "R²" for "r2"."""
    return METRICS.get(metric, metric.replace("_", " "))


def name_text(score: str) -> str:
    """Return the readable name of a score, "test R²" for "test_r2", or of a term of a loss."""
    part, _, metric = score.partition("_")
    return f"{part} {metric_text(metric)}".rstrip()


def number_text(value: float, higher_is_better: bool) -> str:
    """Return a score in few characters: "0.951", for losses "12.3" or "2.51e-3"; "div" if not finite."""
    if not np.isfinite(value):
        return "div"
    return f"{value:.3f}" if higher_is_better and abs(value) < 10 else compact(value, 3)


def score_format(values: ArrayLike, higher_is_better: bool, digits: int = 3) -> Callable[[float], str]:
    """Return the format of scores in a table or map: a fixed number of decimals for all, or exponents.

    Accuracies and similar scores have ``digits`` decimals. The smallest loss has ``digits`` digits; if the
    largest then had more than six, losses have exponents. "div" means not finite.
    """
    sizes = np.abs(np.ravel(values))
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    least, most = (math.floor(math.log10(size)) for size in (sizes.min(initial=1e300), sizes.max(initial=1)))
    decimals = digits if higher_is_better else max(0, digits - 1 - least)
    has_exponents = most + 1 + decimals > MOST_DIGITS or most >= WHOLE

    def text(value: float) -> str:
        if not np.isfinite(value):
            return "div"
        is_long = has_exponents or abs(value) >= 10**WHOLE
        return exponential(value, digits) if is_long else f"{value:.{decimals}f}"

    return text


def describe(axes: Mapping[str, object]) -> str:
    """Return values of axes in one line, "network = 50-50, η = 0.01, λ = 1e-5"."""
    return ", ".join(f"{axis_text(name)} = {value_text(name, value)}" for name, value in axes.items())


def axis_text(name: str) -> str:
    """Return an axis's name in a line or table: "η" for "learning_rate", "batch" for "batch_size"."""
    return SYMBOLS.get(name, name)


def axis_label(name: str) -> str:
    """Return an axis's name by itself: "learning rate η", "batch size" for "batch_size"."""
    return LABELS.get(name, name.replace("_", " ") if name.isidentifier() else name)


def value_text(name: str, value: Any, digits: int = 3) -> str:
    """Return a value of an axis in few characters: "50-50", "1e-5", "1437"; a batch size of 0 is "full"."""
    if name == "batch_size":
        return str(value or "full")
    if isinstance(value, str):
        return value
    whole = abs(value) < 10**WHOLE and value == int(value)
    return str(int(value)) if whole else compact(value, digits)


def value_texts(values: Sequence[Any], name: str = "") -> list[str]:
    """Return values of an axis as by `value_text`, with enough digits to distinguish them."""
    texts: list[str] = []
    for digits in range(3, 18):
        texts = [value_text(name, value, digits) for value in values]
        if len(set(texts)) == len(set(values)):
            break
    return texts


def full_text(name: str, value: Any) -> str:
    """Return a value of an axis as by `value_text`, with all its digits."""
    texts = (value_text(name, value, digits) for digits in range(3, 18))
    return next(text for text in texts if isinstance(value, str) or text == "full" or float(text) == value)


def extent_text(values: Collection[int]) -> str:
    """Return the range of some numbers, "7" or "5–12"."""
    least = min(values)
    most = max(values)
    return f"{least}" if least == most else f"{least}–{most}"


def compact(value: float, digits: int) -> str:
    """Return a number in few characters: 1e-5 rather than 1e-05, 2.5e-3 rather than 0.0025; "nan", "inf"."""
    exponent = f"{value:.{digits - 1}e}".partition("e")[2]
    if value == 0 or not np.isfinite(value) or -2 <= int(exponent) < digits:
        return f"{value:.{digits}g}"
    return exponential(value, digits)


def exponential(value: float, digits: int) -> str:
    """Return a number with a short exponent, 1e-2 rather than 0.01; 0, NaN and infinity without one."""
    if value == 0 or not np.isfinite(value):
        return f"{value:g}"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}"


def without_arrays(kind: Any) -> Any:
    """Give a named tuple a one-line repr, with the size and range of each array: "2×3 (0.1 to 0.5)"."""
    whole = kind.__repr__

    def text(values: Any) -> str:
        array = np.asarray(values)
        finite = array[np.isfinite(array)] if array.dtype.kind in "iuf" else np.zeros(0)
        ends = f" ({finite.min():.4g} to {finite.max():.4g})" if finite.size else ""
        return size_text(array.shape) + ends if array.ndim else str(values)

    kind.__repr__ = lambda self: whole(jax.tree.map(text, self)).replace("'", "")
    return kind


def shorten(names: Sequence[str], most: int = 12) -> str:
    """Return names for a message, at most ``most`` of them, with long or unprintable names in ASCII."""
    told = [name if len(name) <= 80 and name.isprintable() else ascii(name)[:80] for name in names[:most]]
    return ", ".join(told) + (f", … {len(names) - most} more" if len(names) > most else "")
