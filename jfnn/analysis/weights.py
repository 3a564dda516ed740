"""Statistics of the weights of many networks, as features from which their accuracy can be predicted."""

from collections.abc import Iterator

import jax
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.layers import Params

QUANTILES = (0, 25, 50, 75, 100)  # percent


def weight_statistics(params: Params, leading: int = 1) -> dict[str, np.ndarray]:
    """Return mean, variance and quantiles of every parameter array of each network.

    Unterthiner et al. 2020, "Predicting neural network accuracy from weights" (arXiv 2002.11448), predict the
    accuracy of a network from these features alone.

    Args:
        params: Parameters in public form, such as ``result.params``.
        leading: Number of leading axes that index networks: 0 for one network, ``result.diverged_at.ndim``
            for a sweep.

    Returns:
        Float64 columns, each with the leading axes. For an array named ``0.w`` (the weights of the first
        layer) they are "0.w.mean", "0.w.variance" (the mean squared deviation) and "0.w.q0", "0.w.q25",
        "0.w.q50", "0.w.q75", "0.w.q100", the linearly interpolated quantiles.

    Raises:
        ValueError, TypeError: Arrays that are not floats, or whose leading axes differ.
    """
    leading = checks.as_count(leading, "leading", 0)
    leaves = jax.tree_util.tree_leaves_with_path(params, is_leaf=lambda leaf: isinstance(leaf, Iterator))
    arrays = {
        jax.tree_util.keystr(path, simple=True, separator="."): checks.as_array(leaf, "params")
        for path, leaf in leaves
    }
    shapes = {array.shape[:leading] for array in arrays.values()}
    if not arrays or len(shapes) > 1 or len(shapes.pop()) < leading:
        got = {name: list(array.shape) for name, array in arrays.items()}
        raise ArgumentError("params", f"expected arrays with the same {leading} leading axes, got {got}")
    columns: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if array.dtype.kind != "f" or not array.size:
            got_text = f"{array.dtype} {list(array.shape)} of {name}"
            raise ArgumentTypeError("params", f"expected floats, got {got_text}")
        entries = np.asarray(array).reshape(*array.shape[:leading], -1).astype(np.float64)
        columns[f"{name}.mean"] = entries.mean(axis=-1)
        columns[f"{name}.variance"] = entries.var(axis=-1)
        quantiles = np.percentile(entries, QUANTILES, axis=-1)
        columns |= {f"{name}.q{q}": values for q, values in zip(QUANTILES, quantiles, strict=True)}
    return columns
