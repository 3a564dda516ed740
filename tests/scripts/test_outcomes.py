"""Accuracy and speed without any setting stay close to scikit-learn's defaults."""

import outcomes
import pytest
from benchmarks import search_calls
from benchmarks.search_call import THEIRS

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
ROUNDS = 5  # of a search, since other processes may use the cores at any time


@pytest.mark.parametrize(
    "data",
    [pytest.param(data, marks=() if data == "diabetes" else pytest.mark.slow) for data in outcomes.DATA],
)
def test_default_networks_predict_about_as_well_as_scikit_learns(data):
    """Allow twice the tolerance of `scripts/outcomes.py`, since the medians are over fewer splits."""
    (found,) = outcomes.scores(splits=3, epochs=200, data=[data]).values()
    better, adam = outcomes.deficits(found)
    assert better <= 2 * outcomes.BETTER_OF_BOTH and adam <= 2 * outcomes.ADAM, found


@pytest.mark.slow
def test_search_on_the_digits_is_faster_than_scikit_learns():
    """Faster by half with a warm cache; timed in turns until they agree or the limit is reached."""
    turns = []
    while len(turns) < ROUNDS:
        turns.append(search_calls.measured("digits, 9 × 3", rounds=1, engines=["auto"]))
        theirs, ours = (min(turn[engine].first for turn in turns) for engine in (THEIRS, "auto"))
        assert turns[-1]["auto"].engine == "jfnn"
        if theirs >= 1.5 * ours:
            return
    pytest.fail(f"scikit-learn took {theirs:.2f} s, jfnn {ours:.2f} s")
