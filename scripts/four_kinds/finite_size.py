"""Finite-size scaling: where curves of several lattices cross, and the limit for large lattices.

Curves are means over networks (seeds) and over independent Markov chains; intervals come from resampling both
(the bootstrap). All curves of a lattice share its temperatures.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike
from verdicts import CONSISTENT, OUTSIDE, Row

from four_kinds import onsager

T_C = float(onsager.CRITICAL_TEMPERATURE)
# Roots are found on the polynomial through this many temperatures around the change of sign. A smooth fit
# to more temperatures is off by up to 0.006 where curves of large lattices cross.
POINTS = 4

Curves = Mapping[int, np.ndarray]  # length of a lattice -> [1 + draws, T], lengths ascending


class Estimate(NamedTuple):
    """A number, its 95% interval over the draws, and their standard deviation."""

    value: float
    low: float
    high: float
    deviation: float

    def contains(self, value: float) -> bool:
        """Return whether a number lies in the interval."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


def estimate(draws: np.ndarray) -> Estimate:
    """Return the estimate from draws ``[1 + n]``; the first one uses all seeds and chains."""
    low, high = np.nanpercentile(draws[1:], [2.5, 97.5])
    return Estimate(float(draws[0]), float(low), float(high), float(np.nanstd(draws[1:])))


def row(name: str, estimate: Estimate, reason: str = "") -> Row:
    """Return the row of a critical temperature: consistent if its interval contains the exact value."""
    inside = estimate.contains(T_C)
    away = (estimate.value - T_C) / estimate.deviation
    judged = f"{'contains' if inside else 'EXCLUDES'} the exact value, {away:+.1f} standard errors"
    texts = "; ".join(filter(None, [judged, reason]))
    return Row(name, f"{T_C:.6f}", str(estimate), CONSISTENT if inside else OUTSIDE, texts)


def binder_ratio(second: np.ndarray, fourth: np.ndarray) -> np.ndarray:
    """Return ``1 - ⟨z⁴⟩ / (3 ⟨z²⟩²)`` from means of z² and z⁴ over chains.

    The ratio is scale-free: 2/3 deep in the ordered phase, 0 deep in the disordered phase, and equal for all
    large lattices at the critical temperature (Binder, Z. Phys. B 43, 119 (1981)).
    """
    return np.asarray(1 - fourth / (3 * second**2))


def bootstrap(
    seed: int, draws: int, *values: np.ndarray, statistic: Callable[..., np.ndarray] = np.asarray
) -> np.ndarray:
    """Return curves ``[1 + draws, T]``: the first of all seeds and chains, the others of bootstrap draws.

    Draws seeds with replacement, and chains independently at every temperature.

    Args:
        seed: Seed of the draws.
        draws: Number of draws.
        values: Values of each chain ``[seeds, T, chains]``.
        statistic: Function of the means over chains, for each seed; the curve is its mean over seeds.
    """
    n_seeds, n_temperatures, n_chains = values[0].shape
    rng = np.random.default_rng(seed)
    # Counts of each seed [1 + draws, seeds] and of each chain [1 + draws, T, chains].
    seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), draws)
    chains = rng.multinomial(n_chains, np.full(n_chains, 1 / n_chains), (draws, n_temperatures))
    seeds, chains = (np.concatenate([np.ones((1, *drawn.shape[1:])), drawn]) for drawn in (seeds, chains))
    means = []
    for value in values:  # a matrix product for each temperature
        sums = np.matmul(np.moveaxis(chains, 1, 0), np.transpose(value, (1, 2, 0)).astype(np.float64))
        means.append(np.transpose(sums, (1, 2, 0)) / n_chains)
    return np.asarray(np.einsum("ns,nst->nt", seeds, statistic(*means)) / n_seeds)


def roots(temperatures: ArrayLike, curves: np.ndarray) -> np.ndarray:
    """Return the temperatures at which curves fall through 0, ``[n, T] -> [n]``.

    Interpolates each curve around its change of sign: the split of the temperatures with the least sum of
    values on the wrong side.

    Args:
        temperatures: ``[T]``, ascending.
        curves: Values there.

    Returns:
        The roots; NaN if the polynomial has none between its points.
    """
    return np.array([_root(np.asarray(temperatures), curve) for curve in curves])


def _root(temperatures: np.ndarray, curve: np.ndarray) -> float:
    below = np.concatenate([[0.0], np.cumsum(np.minimum(curve, 0))])
    above = np.concatenate([[0.0], np.cumsum(np.maximum(curve, 0))])
    split = int(np.argmin((above[-1] - above) - below))
    first = min(max(0, split - POINTS // 2), len(temperatures) - POINTS)
    window = slice(first, first + POINTS)
    polynomial = Polynomial.fit(temperatures[window], curve[window], POINTS - 1)
    low, high = map(float, polynomial.domain)
    roots = np.asarray(polynomial.roots(), complex)
    real = roots.real[(abs(roots.imag) < 1e-9) & (low <= roots.real) & (roots.real <= high)]
    falls = real[polynomial.deriv()(real) < 0].tolist()
    # Take the root nearest to the change of sign: curves that are almost 0 elsewhere have more roots.
    change = temperatures[[max(split - 1, 0), min(split, len(temperatures) - 1)]].mean()
    return float(min(falls, key=lambda root: abs(root - change), default=np.nan))


def crossings(temperatures: ArrayLike, curves: Curves) -> dict[tuple[int, int], np.ndarray]:
    """Return the temperatures at which curves of neighboring lattices cross: ``(L, L') -> [1 + n]``.

    In the ordered phase, the larger lattice has the higher curve.
    """
    return {(a, b): roots(temperatures, curves[b] - curves[a]) for a, b in itertools.pairwise(curves)}


def extrapolate(crossings: Mapping[int, np.ndarray], powers: tuple[float, ...] = (-1.0,)) -> np.ndarray:
    """Return the limit of large lattices, ``T*(L) = T_c + Σ_k a_k L^(power_k)``, by weighted least squares.

    Args:
        crossings: Length of a lattice -> its T* ``[1 + n]``, more lattices than powers.
        powers: Negative powers; 1/ν is 1 for the Ising model. Without powers, T_c is the weighted mean.

    Returns:
        T_c ``[1 + n]``. Weights are the inverse variances over the draws.
    """
    lengths = np.array(list(crossings), np.float64)
    design = np.stack([lengths**power for power in (0.0, *powers)], axis=1)
    stacked = np.stack(list(crossings.values()))
    weights = 1 / np.nanstd(stacked[:, 1:], axis=1)
    return np.asarray(np.linalg.pinv(design * weights[:, None])[0] @ (stacked * weights[:, None]))
