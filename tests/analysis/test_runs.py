"""Statistics over runs against plain loops over cells and epochs, with members missing and with folds."""

import dataclasses

import numpy as np
import pytest
from helpers import make_result, make_sampled, with_scores
from scipy import stats

from jfnn.analysis.runs import Interval, centre, curve_statistics, final_statistics
from jfnn.analysis.statistics import cell_statistics


def test_final_means_and_intervals_are_those_of_cell_statistics():
    for folds, seeds in ((None, 5), (3, 4), (4, 1)):
        result = make_result((2, 3), seeds=seeds, folds=folds, diverged=[(0, 1, 0)] if folds is None else ())
        known, computed = cell_statistics(result), final_statistics(result)
        for name in ("mean", "std", "low", "high"):
            np.testing.assert_allclose(getattr(computed, name), getattr(known, name), rtol=1e-12)
        assert np.isnan(computed.mean[0, 1]) == (folds is None)
    assert (computed.n == 4).all()


def test_curves_are_loops_over_cells_and_epochs():
    result = make_result((2, 2), seeds=6, history=3)
    curves = curve_statistics(result, "train_loss", "iqm")
    np.testing.assert_array_equal(curves.epoch, [1, 2, 3])
    for cell in np.ndindex(2, 2):
        for epoch in range(3):
            runs = result.history["train_loss"][(*cell, slice(None), epoch)]
            place = (*cell, epoch)
            wanted = (6, runs.mean(), np.median(runs), stats.trim_mean(runs, 0.25), runs.std(ddof=1))
            np.testing.assert_allclose([values[place] for values in curves.runs[:5]], wanted)
            assert curves.runs.low[place] < stats.trim_mean(runs, 0.25) < curves.runs.high[place]
    final = final_statistics(result, "train_loss", "iqm")  # the helper's history ends with the score
    np.testing.assert_allclose(np.stack(curves.runs)[..., -1], np.stack(final))
    np.testing.assert_array_equal(centre(curves.runs, "iqm"), curves.runs.iqm)


def test_missing_runs_end_a_cell_are_left_out_or_are_a_number():
    result = make_result((2, 3), seeds=5, diverged=[(0, 1, 0), (0, 1, 3), (1, 2, 4)], history=2)
    scores = result.test_accuracy
    strict, omitted, replaced = (final_statistics(result, missing=m) for m in ("nan", "omit", 0.1))
    assert np.isnan([strict.mean[0, 1], strict.median[0, 1], strict.iqm[0, 1], strict.low[1, 2]]).all()
    np.testing.assert_array_equal(strict.n, [[5, 3, 5], [5, 5, 4]])
    kept = scores[0, 1, [1, 2, 4]]
    wanted = (3, kept.mean(), np.median(kept), kept.mean(), kept.std(ddof=1))
    np.testing.assert_allclose([values[0, 1] for values in omitted[:5]], wanted)
    interval = stats.ttest_1samp(kept, 0).confidence_interval()
    np.testing.assert_allclose([omitted.low[0, 1], omitted.high[0, 1]], interval)
    assert replaced.mean[0, 1] == pytest.approx((kept.sum() + 0.2) / 5)
    assert replaced.n[0, 1] == 5
    for other in (omitted, replaced):
        np.testing.assert_allclose(other.high[0, 0], strict.high[0, 0])
    curves = curve_statistics(result, missing="omit")
    np.testing.assert_array_equal(curves.runs.n[..., 0], omitted.n)
    gone = with_scores(result, {"test_accuracy": np.full((2, 3, 5), np.nan)})
    nothing = final_statistics(gone, missing="omit")
    assert (nothing.n == 0).all() and np.isnan(nothing.mean).all()


def test_a_missing_fold_is_replaced_before_its_seed_is_averaged():
    result = make_result((1, 1), seeds=2, folds=2, diverged=[(0, 0, 1, 1)])
    scores = result.validation_accuracy[0, 0]
    computed = final_statistics(result, missing=0.0)
    assert computed.mean[0, 0] == pytest.approx((scores[0].mean() + scores[1, 0] / 2) / 2)
    assert final_statistics(result, missing="omit").mean[0, 0] == pytest.approx(scores[0].mean())


def test_bootstraps_and_random_searches():
    result = make_sampled(4, seeds=6, history=2)
    curves = curve_statistics(result, interval=Interval("median", "bootstrap", 0.9, 300, 1))
    assert curves.runs.low.shape == (4, 2)
    assert (curves.runs.low <= curves.runs.median).all() and (curves.runs.median <= curves.runs.high).all()
    assert curves.score == result.ranked_by and curves.interval.method == "bootstrap"


def test_what_cannot_be_is_refused_by_name():
    result = make_result((1, 2), seeds=1, folds=3)
    with pytest.raises(ValueError, match="method: folds of one seed share rows"):
        final_statistics(result, interval="median")
    with pytest.raises(ValueError, match="missing: folds of one seed"):
        final_statistics(result, missing="omit")
    with pytest.raises(ValueError, match="missing: expected one of nan, omit"):
        final_statistics(result, missing="drop")
    with pytest.raises(TypeError, match="missing"):
        final_statistics(result, missing=None)
    with pytest.raises(ValueError, match="score"):
        final_statistics(result, "test_f1")
    with pytest.raises(ValueError, match="result: expected a history"):
        curve_statistics(result)
    with pytest.raises(TypeError, match="result"):
        curve_statistics(dataclasses.asdict)
