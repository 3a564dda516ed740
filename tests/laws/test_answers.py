"""A result predicts as each of its members does alone, and its scores are means over rows."""

import functools
import pickle
import tempfile

import numpy as np
import pytest
from helpers import compiled, place_in_part, plain, same_bits
from members import assert_close, networks_of
from sweeps import check_each_structure, of_many_sweeps

import jfnn

pytestmark = pytest.mark.unoptimized

TASKS = dict.fromkeys(("classes", "columns", "parity"), "classification") | {"labels": "multilabel"}
ROWS = 20
SOME = 8  # members to compare
PLAIN = {"without": ["refit", "out", "resume"], "fields": {"keep_params": "all"}}
apply = functools.cache(lambda network: compiled(network.apply))


@pytest.mark.thorough
@of_many_sweeps
def test_predictions_equal_those_of_each_member_alone(examples):
    """Diverged members predict -1 or NaN and are excluded from votes and means."""

    def check(sweep):
        result = sweep.run()
        x = sweep["split"].x_train[:ROWS]
        task = TASKS.get(sweep.structure.targets, "regression")
        answers = result.predict(x)
        alive = result.diverged_at < 0
        nothing = answers[~alive]
        assert np.isnan(nothing).all() if task == "regression" else (nothing == -1).all()
        chances = None if task == "regression" else result.predict_proba(x)
        for place in map(tuple, np.argwhere(alive)[:SOME].tolist()):
            network, loss = networks_of(sweep.structure)[place_in_part(result, place)[0]]
            params = result.member(*place)
            if not np.isfinite(apply(network)(params, x)).all():
                continue
            expected = jfnn.predict(network, params, x, loss, task)
            if task == "regression":
                assert answers.dtype == expected.dtype
                assert_close(answers[place], expected, sweep.structure.dtype)
            else:
                np.testing.assert_array_equal(answers[place], expected)
                own = jfnn.predict_proba(network, params, x, loss)
                assert_close(chances[place], own, sweep.structure.dtype)
        if chances is not None and alive.any():
            assert np.isnan(chances[~alive]).all()
            votes = (answers[alive][..., None] == np.arange(3)).sum(axis=0)
            winners = np.where(votes.any(axis=-1), votes.argmax(axis=-1), -1)
            np.testing.assert_array_equal(result.predict(x, "vote"), winners)
            told = np.isfinite(chances[alive]).any(axis=0)
            means = np.full(told.shape, np.nan)
            means[told] = np.nanmean(chances[alive][:, told], axis=0, dtype=np.float64)
            assert_close(result.predict_proba(x, "mean"), means, sweep.structure.dtype)
        best = result.best_or_none()
        if best is not None:
            cell = result.of_cell(*best.index)
            np.testing.assert_array_equal(cell.predict(x), answers[best.index])
            assert cell.kept_cell == best.index and same_bits(plain(cell.scores), plain(result.scores))

    check_each_structure(examples, check, only=networks_of, **PLAIN)


def is_repeated(sweep, part):
    """Return whether some training rows are repeated; `row_scores` has a single entry for them."""
    pairs = getattr(sweep["folds"], "pairs", ())
    return part == "train" and any(len(np.unique(train)) < len(train) for train, _ in pairs)


def again(sweep, result, loaded):
    """Return the result from its directory and, for a single program, unpickled, with the network to pass."""
    if len(result.runs) > 1:
        return [(loaded, None)]
    network = sweep["network"]
    own = isinstance(network, jfnn.Learner)
    learner = network if own else jfnn.supervised(network, sweep["loss"])
    known = None if getattr(network, "layers", None) else network
    return [(loaded, known), (pickle.loads(pickle.dumps(result)), learner)]


@pytest.mark.thorough
@of_many_sweeps
def test_scores_are_means_of_row_scores_and_a_loaded_or_pickled_result_predicts_alike(examples):
    def check(sweep):
        split = sweep["split"]
        with tempfile.TemporaryDirectory() as folder:
            result = sweep.run(out=folder)
            others = again(sweep, result, jfnn.load(folder))
        for part in ("train", "validation", "test"):
            scores = result.scores[f"{part}_loss"]
            finite = np.isfinite(scores)
            if not finite.any():
                continue
            rows = result.row_scores("loss", part, split)
            for other, network in others:
                found = other.row_scores("loss", part, split, network=network, folds=sweep["folds"])
                np.testing.assert_array_equal(found, rows)
            if not is_repeated(sweep, part):
                assert_close(np.nanmean(rows[finite], axis=-1), scores[finite], sweep.structure.dtype)
        if networks_of(sweep.structure):
            x = split.x_train[:ROWS]
            for other, network in others:
                np.testing.assert_array_equal(other.predict(x, network=network), result.predict(x))

    check_each_structure(examples, check, **PLAIN)
