"""The critical temperature of the Ising model, from networks that have seen T = 0 and T = ∞ alone.

A network on a lattice answers by the magnetisation: it calls a configuration ordered where |m| passes a
threshold of its own. So its first layer measures the order parameter, whose Binder ratio has no scale: curves
of all lattices cross at the critical temperature, and T*(L), where a curve is half way down, approaches it as
1/L. Outputs come close, but have a bias: magnetisations shrink as L^(-1/8), and thresholds do not.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from lecture_notes.verdicts import CONSISTENT, OUTSIDE, Row, claim

from four_kinds import ising_failures, ising_images, ising_pictures, phases, scaling
from four_kinds.phases import QUICK, Scale, Trained
from four_kinds.scaling import Estimate
from jfnn.datasets import ising, onsager

T_C = float(onsager.CRITICAL_TEMPERATURE)
WIDEST = 0.02  # half an interval for the critical temperature may be so wide
QUICK_ERROR = 0.1  # two small lattices may be so far off
HALF_WAY = 1 / 3  # of Binder's ratio between 2/3 and 0
# Of L, in T*(L): 1/ν = 1, and the next analytic term, since T* of small lattices is far from T_c.
POWERS = (-1.0, -2.0)
STANDARD_ERRORS = 3


def run(out: Path, quick: bool) -> list[Row]:
    """The whole section.

    Args:
        out: Folder for pictures.
        quick: Two small lattices and few networks; estimates may be 0.1 off.
    """
    scale = QUICK if quick else Scale()
    spins = phases.sample(scale)
    trained = {length: phases.train(scale, length) for length in spins}
    curves = _curves(scale, spins, trained)
    rows = [
        *_against_onsager(scale, spins[scale.largest]),
        *ising_failures.rows(scale, trained),
        *_critical_temperatures(scale, curves),
        *ising_images.rows(out, scale, spins),
    ]
    ising_pictures.configurations(out, scale, spins[scale.largest])
    ising_pictures.outputs(out, scale, spins, trained)
    ising_pictures.thresholds(out, scale, trained)
    ising_pictures.crossing(out, scale, *curves, HALF_WAY, POWERS[: len(spins) - 1])
    return rows


def _against_onsager(scale: Scale, spins: np.ndarray) -> list[Row]:
    """Energies and magnetisations of the largest lattice, far enough from the critical temperature."""
    rows = []
    for i, t in enumerate(scale.temperatures):
        if abs(t - T_C) < 0.25:
            continue
        rows.append(_within(f"energy per site at T = {t:g}", onsager.energy(t), ising.energy(spins[i])))
        if t < T_C:
            sampled = np.abs(ising.magnetisation(spins[i]))
            rows.append(_within(f"magnetisation at T = {t:g}", onsager.magnetisation(t), sampled))
    return rows


def _within(name: str, exact: np.ndarray, values: np.ndarray) -> Row:
    """A mean over chains ``[chains, configurations]`` against the infinite lattice's."""
    of_chains = values.mean(axis=1)
    error = float(of_chains.std(ddof=1) / np.sqrt(len(of_chains)))
    away = abs(float(of_chains.mean() - exact)) / error
    return claim(
        name,
        f"{float(exact):.5f}",
        f"{of_chains.mean():.5f} ± {error:.5f}",
        away <= STANDARD_ERRORS,
        f"{away:.1f} standard errors from Onsager's",
    )


def _curves(
    scale: Scale, spins: Mapping[int, np.ndarray], trained: Mapping[int, Mapping[int, Trained]]
) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Binder's ratios and shares called ordered: length -> ``[1 + draws, T]``."""
    units, l2 = scale.cell
    ratios, shares = {}, {}
    for length, of_length in spins.items():
        networks = trained[length][units]
        params = networks.at(0 if length == scale.largest else scale.l2s.index(l2))
        measured = phases.projections(params, of_length).astype(np.float64) / length**2
        ordered = phases.logits(networks.network, params, of_length) > 0
        counts = scaling.draw_counts(np.random.default_rng(length), scale.draws, ordered.shape[:3])
        second, fourth = ((measured**power).mean(axis=-1) for power in (2, 4))
        ratios[length] = scaling.binder_curves(second, fourth, counts)
        shares[length] = scaling.mean_curves(ordered.mean(axis=-1), counts)
    return ratios, shares


def _critical_temperatures(
    scale: Scale, curves: tuple[Mapping[int, np.ndarray], Mapping[int, np.ndarray]]
) -> list[Row]:
    temperatures = np.array(scale.temperatures)
    ratios, shares = curves
    half_ways, crossed = {}, {}
    rows = []
    for name, by_length, level in (("ratio", ratios, HALF_WAY), ("output", shares, 0.5)):
        crossings = scaling.crossings(temperatures, by_length)
        crossed[name] = scaling.estimate(scaling.weighted_mean(list(crossings.values())))
        half_ways[name] = {n: scaling.roots(temperatures, curve - level) for n, curve in by_length.items()}
        texts = [f"{a}, {b}: {scaling.estimate(draws)}" for (a, b), draws in crossings.items()]
        rows.append(Row(f"crossings of the {name}", "at T_c", "; ".join(texts), CONSISTENT))
        texts = [f"{length}: {scaling.estimate(draws)}" for length, draws in half_ways[name].items()]
        rows.append(Row(f"T*(L) of the {name}", "falls to T_c", "; ".join(texts), CONSISTENT))
    plain, output = (scaling.estimate(scaling.extrapolate(half_ways[name])) for name in ("ratio", "output"))
    # Two lattices decide no second power.
    powers = POWERS[: len(ratios) - 1]
    extrapolated = scaling.estimate(scaling.extrapolate(half_ways["ratio"], powers))
    shrinks = "thresholds on |m| do not shrink as magnetisations do"
    return [
        *rows,
        _found("T_c by crossing of the ratio, all pairs", crossed["ratio"], scale),
        _found("T_c by extrapolation, T*(L) of the ratio, 1/L and 1/L²", extrapolated, scale),
        _row("beside it: T*(L) of the ratio, 1/L alone", plain, "the smallest lattice's T* is far from T_c"),
        _row("beside it: crossing of the output, all pairs", crossed["output"], shrinks),
        _row("beside it: T*(L) of the output, 1/L alone", output, shrinks),
    ]


def _found(name: str, estimate: Estimate, scale: Scale) -> Row:
    """An interval that must contain the critical temperature, and be narrow."""
    if scale is QUICK:
        holds, reason = abs(estimate.value - T_C) < QUICK_ERROR, f"quick: at most {QUICK_ERROR} off"
    else:
        holds = estimate.contains(T_C) and estimate.half_width < WIDEST
        reason = f"95% over seeds and chains, half-width {estimate.half_width:.4f}, allowed {WIDEST}"
    return claim(name, f"{T_C:.6f}", str(estimate), holds, reason)


def _row(name: str, estimate: Estimate, reason: str = "") -> Row:
    """An interval that is shown beside the others."""
    away = (estimate.value - T_C) / estimate.deviation
    reason = "; ".join(filter(None, [f"{away:+.1f} standard errors from T_c", reason]))
    verdict = CONSISTENT if estimate.contains(T_C) else OUTSIDE
    return Row(name, f"{T_C:.6f}", str(estimate), verdict, reason)
