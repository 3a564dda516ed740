"""Compare the Ising sampler with exact results, in standard errors corrected for autocorrelation."""

from collections.abc import Mapping

import numpy as np
from scipy.stats import chi2
from verdicts import Row, claim

from four_kinds import ising_model, onsager
from four_kinds.finite_size import T_C
from four_kinds.phases import Scale

TEMPERATURES = (2.0, T_C, 2.6)  # temperatures of the long chains
FAR = 0.25  # distance from the critical temperature at which the largest lattice is effectively infinite
WINDOW = 6  # Sokal's window: the sum of correlations ends after this many autocorrelation times
LEAST = 0.001  # a p-value below this indicates a wrong sampler
NAMES = {"all": "Swendsen-Wang", "one": "Wolff"}


def rows(scale: Scale, spins: Mapping[int, np.ndarray]) -> list[Row]:
    """Check long chains and the section's configurations, length -> ``[T, chains, configurations, L, L]``."""
    temperatures = np.array(scale.temperatures)
    largest = spins[scale.largest]
    judged = [
        _chains_row(
            f"energies of the section's configurations, L = {length}",
            "Kaufman's",
            onsager.torus_energy(length, temperatures),
            ising_model.energy(lattices),
        )
        for length, lattices in spins.items()
    ]
    ordered = temperatures < T_C - FAR
    sizes = np.abs(ising_model.magnetization(largest[ordered]))
    exact = onsager.magnetization(temperatures[ordered])
    judged.append(_chains_row("|m| far below T_c", "Yang's", exact, sizes))
    kinds = [(length, update) for length in scale.lengths for update in ising_model.UPDATES]
    return [*judged, *(_long_row(scale, length, update) for length, update in kinds)]


def autocorrelation_time(series: np.ndarray) -> float:
    """Return the integrated autocorrelation time ``½ + Σ_t ρ(t)`` of chains ``[chains, n]``, in steps.

    The sum ends at the first t that is `WINDOW` times as large as itself (Sokal, Monte Carlo Methods in
    Statistical Mechanics, 1989). The variance of a mean of n values is ``2τ/n`` times theirs.
    """
    n = series.shape[1]
    spectra = np.abs(np.fft.rfft(series - series.mean(), 2 * n, axis=1)) ** 2
    covariances = np.fft.irfft(spectra, axis=1)[:, :n].mean(axis=0) / np.arange(n, 0, -1)
    times = np.cumsum(covariances / covariances[0]) - 0.5
    return float(times[np.argmax(np.arange(n) >= WINDOW * times)])


def _chains_row(name: str, source: str, exact: np.ndarray, values: np.ndarray) -> Row:
    """Check means over independent chains ``[T, chains, configurations]`` at all temperatures."""
    means = values.mean(axis=2)
    away = (means.mean(axis=1) - exact) / (means.std(axis=1, ddof=1) / np.sqrt(means.shape[1]))
    here = f"at most {np.abs(away).max():.1f} standard errors from {source}"
    return _judge(f"{name}, {len(exact)} T", "exact", here, away, f"{means.shape[1]} independent chains")


def _long_row(scale: Scale, length: int, update: str) -> Row:
    chains, steps = scale.long_chains
    options = {"chains": chains, "seed": length, "burn_in": steps // 5, "apart": 1}
    exact = onsager.torus_energy(length, TEMPERATURES)
    means = []
    times = []
    away = []
    for t, expected in zip(TEMPERATURES, exact, strict=True):
        spins = ising_model.configurations(length, t, chains * steps, update=update, **options)
        energies = ising_model.energy(spins).reshape(chains, steps)
        times.append(autocorrelation_time(energies))
        error = energies.std() * np.sqrt(2 * times[-1] / energies.size)
        means.append(f"{energies.mean():.5f} ± {error:.5f}")
        away.append((energies.mean() - expected) / error)
    text = ", ".join(f"{time:.1f}" for time in times)
    name = f"energy at T = 2, T_c, 2.6, {NAMES[update]}, L = {length}"
    published = ", ".join(f"{value:.5f}" for value in exact)
    return _judge(name, published, ", ".join(means), np.array(away), f"autocorrelation times {text} steps")


def _judge(name: str, exact: str, here: str, away: np.ndarray, reason: str) -> Row:
    """Judge differences in standard errors, which are normal if the sampler is right."""
    squares = float((away**2).sum())
    p = float(chi2.sf(squares, len(away)))
    return claim(name, exact, here, p > LEAST, f"{reason}; χ² = {squares:.1f} of {len(away)}, p = {p:.2f}")
