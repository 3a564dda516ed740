"""Searches compared with scikit-learn: the number of fits per structure, which the table shows."""

import pytest
from benchmarks.search_call import CASES, fitting

from jfnn.estimators import choice

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.grid is not None])
def test_fits_per_structure_are_those_found_by_auto(name):
    case = CASES[name]
    search, _ = fitting(case, "auto")
    found = choice.choose(search, case.folds, case.load()[0], False)
    assert case.fits_a_structure == found.fits // found.structures
