"""The hyperparameters of all cells: every combination of given values, or draws from distributions."""

import numbers
import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jfnn import checks
from jfnn.experiment.records import Axes

# These are axes even where they are a single number.
ALWAYS = ("learning_rate", "l2")
# Numbers of the objective and of the start: everything else is an argument of the optimizer.
OWN = (*ALWAYS, "dropout", "init_scale")


def is_number(value) -> bool:
    """Whether a value is a number of a member's own, which may vary from member to member."""
    if isinstance(value, np.ndarray | jax.Array):
        return value.ndim == 0 and jnp.issubdtype(value.dtype, jnp.floating)
    return isinstance(value, float | np.floating)


def is_axis(value) -> bool:
    """Whether a value stands for several: a sequence or a distribution."""
    return np.ndim(value) > 0 or is_distribution(value)


def is_distribution(value) -> bool:
    """Whether values can be drawn from it, as from a frozen distribution of `scipy.stats`."""
    return callable(getattr(value, "ppf", None))


def read(values: dict[str, Any], sample: int | None, sample_seed: int) -> tuple[Axes, dict[str, float]]:
    """Sorts numbers into axes and constants.

    Args:
        values: Name -> a number, a sequence or a distribution.
        sample: How many cells to draw; None for all combinations.
        sample_seed: Fixes the draws. A name's draws depend on it and on the name alone, and the first of them
            not on how many there are.

    Returns:
        ``(axes, constants)``, constants a name -> value.

    Raises:
        ValueError, TypeError: A value that cannot be; the message names it.
    """
    if sample is None:
        for name, value in values.items():
            if is_distribution(value):
                raise ValueError(f"{name}: a distribution is drawn from by sample=n, or give a sequence")
        axes = {name: _checked(value, name) for name, value in values.items() if _varies(name, value)}
        crossed = True
    else:
        count = checks.as_count(sample, "sample")
        seed = checks.as_count(sample_seed, "sample_seed", 0)
        if not any(is_axis(value) for value in values.values()):
            raise ValueError("sample: there is nothing to draw from; give a distribution or a sequence")
        axes = {
            name: _checked(_drawn(value, name, count, seed), name)
            for name, value in values.items()
            if _varies(name, value)
        }
        crossed = False
    constants = {
        name: float(_checked(value, name)[0]) for name, value in values.items() if not _varies(name, value)
    }
    return Axes(axes, crossed), constants


def _varies(name: str, value) -> bool:
    return name in ALWAYS or is_axis(value)


def _drawn(value, name: str, count: int, seed: int) -> np.ndarray:
    if isinstance(value, numbers.Real):
        return np.full(count, value)
    uniform = np.random.default_rng([seed, zlib.crc32(name.encode())]).random(count)
    if is_distribution(value):
        return np.asarray(value.ppf(uniform))
    choices = _checked(value, name)
    return choices[(uniform * len(choices)).astype(int)]


def _checked(value, name: str) -> np.ndarray:
    minimum = 0.0 if name in OWN else None
    found = checks.as_axis(value, name, minimum, strict=name in ("learning_rate", "init_scale"))
    if name == "dropout" and found.max() >= 1:
        raise ValueError(f"dropout: expected rates of at least 0 and below 1, got {found.max():g}")
    return found
