"""Shares of variance, compared with statsmodels' analysis of variance, planted effects and simulations."""

import itertools

import numpy as np
import pytest
from helpers import make_programs, make_result, make_sampled, make_single, select_members, with_scores

import jfnn
from jfnn.analysis import variance_parts
from jfnn.analysis.variance import shares_text

FURTHER = {"momentum": np.array([0.0, 0.9])}.items()


def with_values(values, **options):
    """Return a grid whose test accuracy has these values ``[E, L, seeds]``."""
    result = make_result(values.shape[:2], seeds=values.shape[-1], **options)
    return with_scores(result, {"test_accuracy": values})


def noisy(rng, effects, seeds, noise, common=0.0):
    """Return values of cells with normal noise, and with shifts of each seed that all cells share."""
    own = noise * rng.normal(size=(*effects.shape, seeds))
    return effects[..., None] + own + common * rng.normal(size=seeds)


def test_planted_effects_have_exactly_their_shares():
    a = np.array([-3.0, 0.0, 3.0])  # variance 6
    b = np.array([-1.0, 1.0, -1.0, 1.0])  # variance 1
    both = 0.5 * np.outer([1, 0, -1], [1, -1, -1, 1])  # variance 1/6
    seeds = 0.3 * np.array([-1, 0, 0, 1])  # variance 0.06, the same in all cells
    values = np.add.outer(a, b)[..., None] + both[..., None] + seeds
    found = variance_parts(with_values(values))
    total = 6 + 1 + 1 / 6 + 0.06
    expected = {"learning_rate": 6, "l2": 1, "learning_rate:l2": 1 / 6, "seed": 0.06}
    assert found.share == pytest.approx({name: part / total for name, part in expected.items()}, rel=1e-12)
    assert found.variance == pytest.approx(total) and found.runs == 4 and found.dropped == {}
    assert list(found.share) == list(expected)
    assert repr(found) == "<VarianceParts: learning_rate 83%, l2 14%, learning_rate:l2 2%, seed 1%>"


@pytest.mark.thorough
@pytest.mark.parametrize("common", [0.0, 1.0])
def test_parts_equal_a_full_factorial_analysis_of_variance(common):
    pandas = pytest.importorskip("pandas")
    models = pytest.importorskip("statsmodels.api")
    formulas = pytest.importorskip("statsmodels.formula.api")
    rng = np.random.default_rng(0)
    effects = rng.normal(size=(3, 4, 2))
    values = noisy(rng, effects, 5, 0.7, common)
    result = with_scores(make_result((3, 4), seeds=5, further=FURTHER), {"test_accuracy": values})
    found = variance_parts(result)
    a, b, c, s = np.indices(values.shape).reshape(4, -1)
    frame = pandas.DataFrame({"a": a, "b": b, "c": c, "s": s, "y": values.ravel()})
    table = models.stats.anova_lm(formulas.ols("y ~ C(a) * C(b) * C(c) + C(s)", frame).fit())
    noise = table.loc["Residual", "mean_sq"]
    within = models.stats.anova_lm(formulas.ols("y ~ C(a) * C(b) * C(c)", frame).fit()).loc[
        "Residual", "mean_sq"
    ]
    names = {"C(a)": "learning_rate", "C(b)": "l2", "C(c)": "momentum", "C(a):C(b)": "learning_rate:l2"}
    names |= {"C(a):C(c)": "learning_rate:momentum", "C(b):C(c)": "l2:momentum", "C(a):C(b):C(c)": "rest"}
    rows = {name: table.loc[row] for row, name in names.items()}
    parts = {name: (row["sum_sq"] - row["df"] * noise) / values.size for name, row in rows.items()}
    parts["seed"] = within
    total = sum(parts.values())
    assert found.share == pytest.approx({name: part / total for name, part in parts.items()}, rel=1e-9)
    assert found.variance == pytest.approx(total, rel=1e-9)


def test_shares_are_unbiased_and_intervals_cover_them():
    rng = np.random.default_rng(2)
    effects = np.add.outer([0.0, 1.0, 3.0], [0.0, 0.3, 0.2, 0.1]) + 0.2 * np.outer([1, 0, -1], [1, -1, 1, -1])
    ends = effects - effects.mean()
    rows = ends.mean(axis=1)
    columns = ends.mean(axis=0)
    parts = np.array([rows.var(), columns.var(), effects.var() - rows.var() - columns.var(), 0.25])
    truth = parts / parts.sum()
    found = [
        variance_parts(with_values(noisy(rng, effects, 8, 0.5)), "test_accuracy", resamples=150)
        for _ in range(120)
    ]
    shares, low, high = (
        np.array([list(getattr(each, name).values()) for each in found]) for name in ("share", "low", "high")
    )
    np.testing.assert_allclose(shares.mean(axis=0), truth, atol=0.006)
    covered = ((low <= truth) & (truth <= high)).mean(axis=0)
    assert (covered >= 0.87).all(), covered
    assert (high - low < 0.3).all()


def test_interval_is_the_same_for_a_seed_and_absent_for_few_seeds():
    result = make_result((3, 2), seeds=5)
    one, same, other = (variance_parts(result, resamples=50, seed=seed) for seed in (0, 0, 1))
    assert one.low == same.low != other.low and one.share == other.share
    assert all(one.low[name] <= one.share[name] <= one.high[name] for name in one.share)
    wide = variance_parts(result, resamples=50, confidence=0.99)
    assert all(wide.low[name] <= one.low[name] for name in one.share)
    assert np.isnan(list(variance_parts(make_result((3, 2), seeds=3)).low.values())).all()


@pytest.mark.parametrize("score", [0.0, 0.1, 1 / 3, 0.7, 1e-8])
def test_equal_scores_have_no_shares(score):
    result = with_values(np.full((3, 2, 4), score))
    found = variance_parts(result)
    assert found.variance == 0 and np.isnan(list(found.share.values())).all()
    assert "equal" in repr(found) and shares_text(result) == ""


def test_representation_explains_missing_intervals():
    assert "at least 4 seeds" in repr(variance_parts(make_result((3, 2), seeds=3)))
    assert "at least" not in repr(variance_parts(make_result((3, 2), seeds=4)))


def part_of(result, index, **axes):
    """Return the members of a grid at an index, with these values of axes."""
    known = {name: axes.get(name, values) for name, values in result.axes.items()}
    return select_members(result, index, axes=known, seeds=axes.get("seed", result.seeds))


def test_values_with_gaps_are_dropped_until_the_grid_is_complete():
    result = make_result((4, 3), seeds=3, further=FURTHER, diverged=[(3,), (0, 1, 0, 2)])
    found = variance_parts(result)
    # Rate 3 diverged everywhere. Then one of 18 members of rate 0, of a value of l2 and of a seed is missing.
    assert list(found.dropped) == ["learning_rate"]
    np.testing.assert_array_equal(found.dropped["learning_rate"], result.learning_rate[[0, 3]])
    others = part_of(result, np.s_[1:3], learning_rate=result.learning_rate[1:3])
    assert found.share == pytest.approx(variance_parts(others).share)
    few = make_result((2, 2), seeds=5)
    few.pruned[0, 1, 3] = True
    found = variance_parts(few)  # one of 4 members of a seed, and one of 10 of the other values
    seeds = [0, 1, 2, 4]
    assert found.dropped["seed"] == [3] and found.runs == 4
    others = part_of(few, np.s_[:, :, seeds], seed=few.seeds[seeds])
    assert found.share == pytest.approx(variance_parts(others).share)


def test_divergence_is_explained_by_the_axes_that_cause_it():
    result = make_result((4, 3), seeds=2, diverged=[(3,)])
    assert variance_parts(result, "diverged").share == pytest.approx(
        {"learning_rate": 1.0, "l2": 0.0, "learning_rate:l2": 0.0, "seed": 0.0}
    )
    both = make_result((2, 2), seeds=2, diverged=[(1, 1)])
    found = variance_parts(both, "diverged").share
    assert list(found.values()) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    assert np.isnan(list(variance_parts(make_result(), "diverged").share.values())).all()


def test_axes_of_networks_and_folds_are_included():
    result = make_programs(("20", "10-10"), (50, 0), shape=(1, 3), seeds=2, folds=2)
    found = variance_parts(result)
    names = ["network", "batch_size", "l2"]
    pairs = [":".join(pair) for pair in itertools.combinations(names, 2)]
    assert list(found.share) == [*names, *pairs, "rest", "seed"]
    values = result.scores[result.ranked_by].mean(axis=-1)[:, :, 0]  # [network, batch, l2, seeds]
    cells = values.mean(axis=-1)
    within = values.var(axis=-1, ddof=1).mean()
    assert sum(found.share.values()) == pytest.approx(1)
    assert found.share["seed"] * found.variance == pytest.approx(within)
    assert found.variance == pytest.approx(cells.var() + within - (12 - 1) * noise_of(values) / 24)


def noise_of(values):
    """Return the mean square of values ``[…, seeds]`` after removing means of cells and of seeds."""
    table = values.reshape(-1, values.shape[-1])
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    return (rest**2).sum() / ((table.shape[0] - 1) * (table.shape[1] - 1))


@pytest.mark.parametrize(
    "result",
    [
        make_sampled(),
        make_single(),
        make_result(seeds=1),
        make_result((1, 1), seeds=3),
        make_result((2, 2), diverged=[np.s_[:]]),
        make_result((2, 1), seeds=3, diverged=[(1,)]),
    ],
)
def test_other_results_are_refused_and_have_no_line_in_a_report(result):
    with pytest.raises(jfnn.ArgumentError) as error:
        variance_parts(result)
    assert error.value.argument == "result" and shares_text(result) == ""


def test_report_has_a_line_with_shares_of_at_least_one_percent(tmp_path):
    values = np.add.outer([-3.0, 0, 3], [-1.0, 1])[..., None] + 0.01 * np.arange(2)
    result = with_values(values)
    assert shares_text(result).endswith("accuracy: η 86%, λ 14%")
    jfnn.report.write_report(result, tmp_path / "page.html", figures={})
    assert "η 86%, λ 14%" in (tmp_path / "page.html").read_text(encoding="utf-8")
    values[0] = np.nan
    assert "without gaps" in shares_text(with_values(values))
