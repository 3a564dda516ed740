"""The rule for published figures of random runs: its level, and its use in every section."""

import kinds
import numpy as np
import pytest
import verdicts
from four_kinds import digits_machine, mnist1d, two_spins, xor_machine
from verdicts import CONSISTENT, NOT_REPRODUCED, OUTSIDE, UNDECIDED


@pytest.mark.parametrize(("n", "level"), [(39, 0.05), (79, 0.05), (100, 4 / 101), (38, 0)])
def test_figure_from_the_same_distribution_is_outside_at_the_nominal_rate(n, level):
    """Among n + 1 numbers from one distribution, each is the published one with the same probability."""
    numbers = np.random.default_rng(0).normal(size=n + 1)
    p = [verdicts.rank_p(numbers[i], np.delete(numbers, i), 9) for i in range(n + 1)]
    assert np.mean(np.array(p) <= verdicts.LEVEL) == pytest.approx(level)


def test_figures_beyond_all_seeds_are_outside_and_few_seeds_decide_nothing():
    for n, verdict in ((verdicts.FEWEST, OUTSIDE), (verdicts.FEWEST - 1, UNDECIDED)):
        seeds = np.linspace(30, 31, n)
        rows = [verdicts.among_seeds("", figure, seeds, 1, "") for figure in (29.0, 32.0)]
        assert [row.verdict for row in rows] == [verdict, verdict]
    row = verdicts.among_seeds("", 1.0, [1.0] * 50 + [np.nan], 1, "source")
    assert row.verdict == NOT_REPRODUCED and row.reason.startswith("1 of 51 ")
    for decimals, figure, verdict in ((1, 31.5, CONSISTENT), (0, 31, CONSISTENT), (0, 32, OUTSIDE)):
        assert verdicts.among_seeds("", figure, np.full(99, 31.46), decimals, "").verdict == verdict


def test_exact_figure_that_is_nan_or_of_another_shape_is_not_reproduced():
    assert verdicts.exact("", [1.0], [np.nan]).verdict == NOT_REPRODUCED
    assert verdicts.exact("", [64, 50], [64]).verdict == NOT_REPRODUCED


@pytest.mark.parametrize("n", [39, 60, 100])
def test_displayed_interval_is_that_of_the_rule(n):
    seeds = 10 * np.random.default_rng(0).permutation(n)
    for figure in range(-5, 10 * n + 5, 5):
        row = verdicts.among_seeds("", figure, seeds, 0, "")
        low, high = map(int, row.reason.split("%")[1].split(",")[0].split(".."))
        assert row.verdict == (CONSISTENT if low <= figure <= high else OUTSIDE)


def test_wider_scatter_of_other_published_figures_changes_nothing():
    seeds = np.linspace(90, 94, 100)
    published = {
        "figures": {"in order": {"a": {"dense": 80.0}, "b": {"dense": 92.0}, "c": {"dense": 99.0}}},
        "protocols": dict.fromkeys("abc", "final"),
    }
    rows = mnist1d.accuracy_rows("in order", published, {"dense": seeds})
    assert [row.verdict for row in rows] == [OUTSIDE, CONSISTENT, OUTSIDE]
    assert {row.here for row in rows} == {"92.0 ± 0.2"}


def xor_rows(shift):
    run = {"error": 0.5 + shift, "patterns": 2 + 10 * shift}
    rng = np.random.default_rng(0)
    *rows, claim = xor_machine.course_rows({"NumPy": run}, rng.uniform(size=79), rng.integers(0, 5, 79))
    assert claim.verdict == verdicts.CORRECTED and claim.here.endswith(" of 79 runs")  # not every run has 4
    return rows


def two_spin_rows(shift):
    published = {"J": [0], "J_eff_torch": [0.01 + shift]}
    sets = np.array([[[1, 1], [0, 1]]])
    return two_spins.spread_rows(published, sets, np.random.default_rng(0).normal(0, 0.1, (1, 79)))


def digits_rows(shift):
    rng = np.random.default_rng(0)
    curves = rng.normal(-20, 1, (79, 1))
    x = rng.integers(0, 2, (100, 64)).astype(np.float32)
    return digits_machine.curve_rows(curves, [-20.0 + 50 * shift], x)[1:]


@pytest.mark.parametrize("rows", [xor_rows, two_spin_rows, digits_rows])
def test_sections_judge_their_figures_by_the_rule(rows):
    assert {row.verdict for row in rows(0.0)} == {CONSISTENT}
    assert {row.verdict for row in rows(1.0)} == {OUTSIDE}


def test_exact_values_have_a_column_if_there_are_any():
    row = verdicts.claim("KL", "", "0.5758", True)
    assert "exact" not in verdicts.table([row])
    header, first = verdicts.table([row._replace(exact="0.5757")]).splitlines()
    assert header.split() == ["figure", "published", "exact", "here", "verdict", "reason"]
    assert first.index("0.5757") == header.index("exact") and first.index("0.5758") == header.index("here")


@pytest.mark.slow
def test_script_prints_the_rule_and_its_location(tmp_path, capsys):
    assert kinds.main(["--sections", "two_spins", "--quick", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(verdicts.RULE) and "section 1 of 1" in printed
