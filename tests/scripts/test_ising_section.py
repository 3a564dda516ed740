"""The section on the Ising model: the test of the sampler, and a quick run."""

import dataclasses
import re

import numpy as np
import pytest
from four_kinds import ising as section
from four_kinds import ising_sampler, onsager, phases
from verdicts import CONSISTENT, NOT_REPRODUCED

pytestmark = pytest.mark.thorough

T_C = onsager.CRITICAL_TEMPERATURE


SCALE = dataclasses.replace(
    phases.QUICK,
    lengths=(10,),
    largest=20,
    temperatures=(1.9, 2.2, 2.3, 2.6),
    chains={10: (60, 2), 20: (40, 2)},
    long_chains=(8, 300),
)


def test_autocorrelation_time_equals_that_of_a_known_process():
    """``x_t = ρ x_(t-1) + noise`` has ``ρ(t) = ρ^t``, thus ``½ (1 + ρ)/(1 - ρ)``."""
    rng = np.random.default_rng(0)
    for rho in (0.0, 0.5, 0.9):
        noise = rng.normal(size=(20, 5_000))
        series = [noise[:, 0] / np.sqrt(1 - rho**2)]
        for t in range(1, noise.shape[1]):
            series.append(rho * series[-1] + noise[:, t])
        found = ising_sampler.autocorrelation_time(3 + np.stack(series, axis=1))
        assert found == pytest.approx((1 + rho) / (1 - rho) / 2, rel=0.08)


def test_correct_sampler_passes_and_wrong_one_fails():
    """Steps by Wolff and by Swendsen and Wang at L = 10; a temperature that is 5% off is detected."""
    spins = phases.sample(SCALE)
    rows = ising_sampler.rows(SCALE, spins)
    assert [row.verdict for row in rows] == [CONSISTENT] * 5
    assert all(f"{onsager.torus_energy(10, T_C):.5f}" in row.published for row in rows[3:])
    hotter = dataclasses.replace(SCALE, temperatures=tuple(1.05 * t for t in SCALE.temperatures))
    verdicts = [row.verdict for row in ising_sampler.rows(hotter, spins)]
    assert verdicts == [NOT_REPRODUCED] * 3 + [CONSISTENT] * 2


@pytest.mark.slow
def test_quick_run_judges_each_estimate_by_its_interval(tmp_path):
    rows = section.run(tmp_path, quick=True)
    assert NOT_REPRODUCED not in {row.verdict for row in rows}
    assert {row.figure[:3] for row in rows} >= {"(a)", "(b)", "(c)"}
    judged = [row for row in rows if row.published == f"{T_C:.6f}"]
    assert len(judged) >= 5
    for row in judged:
        low, high = map(float, re.fullmatch(r"\S+ \[(\S+), (\S+)\]", row.here).groups())
        assert (row.verdict == CONSISTENT) == (low <= T_C <= high)
