"""The critical temperature of the Ising model, without a network and from networks trained at T = 0, ∞.

A dense network responds to the magnetization m: it classifies a configuration as ordered if |m| exceeds the
network's threshold. Curves of Binder's ratio of m cross at the critical temperature without any network;
outputs only add the threshold. Curves of the outputs cross at T_c if thresholds decrease as |m| does there,
as L^(-1/8), but nothing in the training requires this.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from verdicts import CONSISTENT, OUTSIDE, Row, claim

from four_kinds import finite_size, ising_model, ising_networks, ising_sampler, phases
from four_kinds.finite_size import Curves, bootstrap
from four_kinds.phases import QUICK, Scale, Trained

HALF_WAY = 1 / 3  # Binder's ratio half-way between 2/3 and 0
# Powers of L in T*(L): 1/ν = 1, and the next analytic term, since T* of small lattices is far from T_c.
POWERS = (-1.0, -2.0)
SHRINKS = 1 / 8  # β/ν
SAME = 0.98  # least share of the predictions that a threshold on |m| reproduces


def run(_: Path, quick: bool) -> list[Row]:
    """Return the section's rows; two small lattices and few networks if quick."""
    scale = QUICK if quick else Scale()
    spins = phases.sample(scale)
    trained = {length: phases.train(scale, length) for length in spins}
    cancelling = {length: phases.train(scale, length, cancelling=True) for length in spins}
    # Whether each network predicts ordered: length -> [seeds, T, chains, configurations].
    answers, others = (
        {length: networks[length][scale.cell[0]].logits(spins[length]) > 0 for length in spins}
        for networks in (trained, cancelling)
    )
    ratios = _ratios(scale, spins)
    shares = _shares(scale, answers)
    return [
        *ising_sampler.rows(scale, spins),
        *ising_networks.failures(scale, trained),
        *_curve_rows(scale, "(a) no network, Binder's ratio of m", ratios, HALF_WAY),
        *_curve_rows(scale, "(b) outputs of networks", shares, 0.5),
        _cancelling_row(scale, shares, _shares(scale, others)),
        *thresholds(scale, spins, trained, answers),
        *ising_networks.convolution(scale, spins),
    ]


def _ratios(scale: Scale, spins: Mapping[int, np.ndarray]) -> Curves:
    """Return Binder's ratio of the magnetization."""
    curves = {}
    for length, configurations in spins.items():
        m = ising_model.magnetization(configurations)[None]
        moments = [(m**power).mean(axis=-1) for power in (2, 4)]
        curves[length] = bootstrap(length, scale.draws, *moments, statistic=finite_size.binder_ratio)
    return curves


def _shares(scale: Scale, answers: Mapping[int, np.ndarray]) -> Curves:
    """Return the shares classified as ordered."""
    return {n: bootstrap(n, scale.draws, ordered.mean(axis=-1)) for n, ordered in answers.items()}


def _curve_rows(scale: Scale, name: str, curves: Curves, level: float) -> list[Row]:
    """Return estimates from crossings of curves, and from half-way points of each curve."""
    crossings = finite_size.crossings(scale.temperatures, curves)
    found = {length: finite_size.roots(scale.temperatures, curve - level) for length, curve in curves.items()}
    pairs = {pair: finite_size.estimate(draws) for pair, draws in crossings.items()}
    rows = [
        finite_size.row(f"{name}, crossing of {a} and {b}", estimate) for (a, b), estimate in pairs.items()
    ]
    if len(pairs) > 1:
        mean, limit = (finite_size.estimate(_all_pairs(crossings, powers)) for powers in ((), POWERS[:1]))
        inside = sum(estimate.contains(finite_size.T_C) for estimate in pairs.values())
        reason = f"{inside} of {len(pairs)} pairs contain it"
        rows.append(finite_size.row(f"{name}, crossings, all pairs", mean, reason))
        rows.append(finite_size.row(f"{name}, crossings, to 1/L = 0", limit))
    texts = ", ".join(f"{length}: {draws[0]:.4f}" for length, draws in found.items())
    # Two lattices do not determine a second power.
    for powers in dict.fromkeys((POWERS[: len(curves) - 1], POWERS[:1])):
        limit = finite_size.estimate(finite_size.extrapolate(found, powers))
        terms = " and ".join(f"L^{power:g}" for power in powers)
        rows.append(finite_size.row(f"{name}, T*(L) by {terms}", limit, f"T*(L) {texts}"))
    return rows


def _all_pairs(crossings: Mapping[tuple[int, int], np.ndarray], powers: tuple[float, ...]) -> np.ndarray:
    """Return T_c from crossings ``[1 + draws]``, each assigned to its smaller lattice."""
    return finite_size.extrapolate({length: draws for (length, _), draws in crossings.items()}, powers)


def _cancelling_row(scale: Scale, shares: Curves, others: Curves) -> Row:
    """Return the outputs' estimate if random rows had zero magnetization."""
    here, other = (
        _all_pairs(finite_size.crossings(scale.temperatures, curves), ()) for curves in (shares, others)
    )
    return finite_size.row(
        "(b) trained with zero magnetization, all pairs",
        finite_size.estimate(other),
        f"as in arXiv 2501.05547 instead of T = ∞: moves it by {other[0] - here[0]:+.4f}",
    )


def thresholds(
    scale: Scale,
    spins: Mapping[int, np.ndarray],
    trained: Mapping[int, Mapping[int, Trained]],
    answers: Mapping[int, np.ndarray],
) -> list[Row]:
    """Return rows on the thresholds of dense networks on |m|: their decrease, and what share they explain.

    Args:
        scale: Size of the computation.
        spins: Length -> configurations ``[T, chains, configurations, L, L]``.
        trained: Length -> hidden units -> networks.
        answers: Length -> whether each network predicts ordered ``[seeds, T, chains, configurations]``.
    """
    overlaps = []
    same = []
    scaled = []
    for length, ordered in answers.items():
        sizes = np.abs(ising_model.magnetization(spins[length]))
        overlaps.append(phases.overlaps(trained[length][scale.cell[0]].params)[-1].min())
        # The threshold above which as many configurations lie as the network classifies as ordered.
        levels = np.array([np.quantile(sizes, 1 - called.mean()) for called in ordered])
        agree = (sizes > levels[:, None, None, None]) == ordered
        same.append(agree.reshape(len(levels), -1).mean(axis=1).min())
        scaled.append(levels * length**SHRINKS)
    means = np.mean(scaled, axis=1)
    errors = np.std(scaled, axis=1, ddof=1) / np.sqrt(scale.seeds)
    constant = np.ptp(means) <= 3 * np.hypot(errors[means.argmin()], errors[means.argmax()])
    lengths = ", ".join(map(str, answers))
    return [
        Row(
            f"(b) thresholds on |m| × L^(1/8), L = {lengths}",
            "equal, for crossings at T_c",
            ", ".join(f"{mean:.3f} ± {error:.3f}" for mean, error in zip(means, errors, strict=True)),
            CONSISTENT if constant else OUTSIDE,
            "over seeds; if they rise from one L to the next, the crossing moves down, and if they fall, up",
        ),
        claim(
            "(c) dense networks, an estimate beyond m",
            "none exists",
            f"|m| and a threshold give {100 * min(same):.1f}% of the answers, or more",
            min(same) > SAME,
            "first singular vectors overlap with the uniform one by "
            + ", ".join(f"{overlap:.4f}" for overlap in overlaps)
            + f" or more, L = {lengths}",
        ),
    ]
