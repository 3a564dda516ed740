"""What a user gets without a setting stays near scikit-learn's defaults: bars that half of it would miss."""

import outcomes
import pytest
from benchmarks import search_calls
from benchmarks.search_call import THEIRS

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
ROUNDS = 5  # of a search, since other processes may take the cores at any time


@pytest.mark.parametrize(
    "data",
    [pytest.param(data, marks=() if data == "diabetes" else pytest.mark.slow) for data in outcomes.DATA],
)
def test_default_networks_predict_about_as_well_as_scikit_learns_default(data):
    """Twice the points that `scripts/outcomes.py` allows, as the medians are of fewer splits."""
    (found,) = outcomes.scores(splits=3, epochs=200, data=[data]).values()
    better, adam = outcomes.deficits(found)
    assert better <= 2 * outcomes.BETTER_OF_BOTH and adam <= 2 * outcomes.ADAM, found


@pytest.mark.slow
def test_a_search_of_the_digits_is_faster_than_scikit_learns():
    """By half, in a process that finds programs; in turns, until they agree or are too many."""
    turns = []
    while len(turns) < ROUNDS:
        turns.append(search_calls.measured("digits, 9 × 3", rounds=1, engines=["auto"]))
        theirs, ours = (min(turn[engine].first for turn in turns) for engine in (THEIRS, "auto"))
        assert turns[-1]["auto"].engine == "jfnn"
        if theirs >= 1.5 * ours:
            return
    pytest.fail(f"scikit-learn took {theirs:.2f} s, jfnn {ours:.2f} s")
