"""Searches beside scikit-learn: the fits of a structure by which "auto" chooses."""

import pytest
from benchmarks.search_call import CASES, fitting

from jfnn.estimators import choice

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.grid is not None])
def test_fits_a_structure_are_those_by_which_auto_chooses(name):
    """Counted by the grid's lengths and by the search's own candidates."""
    case = CASES[name]
    search, _ = fitting(case, "auto")
    found = choice.choose(search, case.folds, case.load()[0], False)
    assert case.fits_a_structure == found.fits // found.structures
    assert ("auto" in found.engines) == (case.fits_a_structure >= choice.MANY and found.why is None)
