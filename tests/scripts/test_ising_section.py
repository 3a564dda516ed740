"""The section on the Ising model: the sampler's judge, estimates' verdicts, and what is in the answers."""

import dataclasses
import re
from typing import Any, NamedTuple

import numpy as np
import pytest
from four_kinds import finite_size, ising_model, ising_sampler, onsager, phases
from four_kinds import ising as section
from verdicts import CONSISTENT, NOT_REPRODUCED, OUTSIDE

pytestmark = pytest.mark.thorough

T_C = onsager.CRITICAL_TEMPERATURE


class Weights(NamedTuple):
    w: Any


SCALE = dataclasses.replace(
    phases.QUICK,
    lengths=(10,),
    largest=20,
    temperatures=(1.9, 2.2, 2.3, 2.6),
    chains={10: (60, 2), 20: (40, 2)},
    long_chains=(8, 300),
)


def test_the_autocorrelation_time_is_that_of_a_known_process():
    """``x_t = ρ x_(t-1) + noise`` has ``ρ(t) = ρ^t``, thus ``½ (1 + ρ)/(1 - ρ)``."""
    rng = np.random.default_rng(0)
    for rho in (0.0, 0.5, 0.9):
        noise = rng.normal(size=(20, 5_000))
        series = [noise[:, 0] / np.sqrt(1 - rho**2)]
        for t in range(1, noise.shape[1]):
            series.append(rho * series[-1] + noise[:, t])
        found = ising_sampler.autocorrelation_time(3 + np.stack(series, axis=1))
        assert found == pytest.approx((1 + rho) / (1 - rho) / 2, rel=0.08)


def test_a_right_sampler_passes_and_a_wrong_one_does_not():
    """Wolff's and Swendsen and Wang's steps, L = 10; configurations of a temperature 5% off are found out."""
    spins = phases.sample(SCALE)
    rows = ising_sampler.rows(SCALE, spins)
    assert [row.verdict for row in rows] == [CONSISTENT] * 5
    assert all(f"{onsager.torus_energy(10, T_C):.5f}" in row.published for row in rows[3:])
    hotter = dataclasses.replace(SCALE, temperatures=tuple(1.05 * t for t in SCALE.temperatures))
    verdicts = [row.verdict for row in ising_sampler.rows(hotter, spins)]
    assert verdicts == [NOT_REPRODUCED] * 3 + [CONSISTENT] * 2


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(2.26, 2.28, CONSISTENT), (2.26, 2.269, OUTSIDE), (2.2693, 2.28, OUTSIDE)]
)
def test_an_estimate_is_judged_by_its_interval_alone(low, high, verdict):
    row = finite_size.row("T_c", finite_size.Estimate(2.265, low, high, 0.002), "a reason")
    assert row.verdict == verdict and f"[{low:.4f}, {high:.4f}]" in row.here and "2.269185" in row.published
    assert ("EXCLUDES" in row.reason) == (verdict == OUTSIDE) and row.reason.endswith("a reason")


def test_thresholds_and_answers_beyond_m_are_found():
    spins = {length: lattices[:, :, :1] for length, lattices in phases.sample(SCALE).items()}
    sizes = {length: np.abs(ising_model.magnetisation(lattices)) for length, lattices in spins.items()}
    rng = np.random.default_rng(1)
    uniform = phases.Trained(None, [Weights(w=np.ones((1, 6, 100, 3)))], np.ones((1, 6)))
    trained = {length: {SCALE.cell[0]: uniform} for length in spins}
    levels = 0.7 * (1 + 0.02 * rng.normal(size=(6, 1, 1, 1)))
    shrinking = {length: m > levels * length**-0.125 for length, m in sizes.items()}
    constant = {length: m > levels for length, m in sizes.items()}
    noise = {length: rng.random(answers.shape) < 0.5 for length, answers in shrinking.items()}
    verdicts = [
        [row.verdict for row in section.thresholds(SCALE, spins, trained, answers)]
        for answers in (shrinking, constant, noise)
    ]
    assert verdicts[:2] == [[CONSISTENT, CONSISTENT], [OUTSIDE, CONSISTENT]]
    assert verdicts[2][1] == NOT_REPRODUCED


def test_the_overlap_is_one_for_weights_that_see_the_magnetisation():
    signs = np.where(np.arange(16) % 2, 1.0, -1.0)
    weights = np.stack([np.ones((16, 2)) * [0.3, -2.0], np.stack([signs, signs], axis=1)])
    np.testing.assert_allclose(phases.overlaps([Weights(w=weights)]), [1, 0], atol=1e-12)


@pytest.mark.slow
def test_a_quick_run_judges_each_estimate_by_its_interval(tmp_path):
    rows = section.run(tmp_path, quick=True)
    assert NOT_REPRODUCED not in {row.verdict for row in rows}
    assert {row.figure[:3] for row in rows} >= {"(a)", "(b)", "(c)"}
    judged = [row for row in rows if row.published == f"{T_C:.6f}"]
    assert len(judged) >= 5
    for row in judged:
        low, high = map(float, re.fullmatch(r"\S+ \[(\S+), (\S+)\]", row.here).groups())
        assert (row.verdict == CONSISTENT) == (low <= T_C <= high)
