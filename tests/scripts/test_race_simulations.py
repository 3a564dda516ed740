"""The script on races: every method judges every kind of grid, and clear ones are decided."""

import pytest
import race

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("kind", race.GRIDS)
def test_every_method_judges_every_kind_of_grid(kind):
    by_method = dict(zip(race.METHODS, race.simulate(kind, 2), strict=True))
    fixed = race.CELLS * race.FIXED
    assert {verdict.networks for verdict in by_method["16 seeds, Holm"]} == {fixed}
    for verdict in by_method["race"]:
        assert race.CELLS * race.FIRST <= verdict.networks <= race.CELLS * race.SEEDS
        assert 0 < verdict.left <= race.CELLS
    if kind == "one ahead by 2":
        assert all(verdict.left == 1 and not verdict.lost for verdict in by_method["race"])
