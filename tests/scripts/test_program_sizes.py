"""Compiled training programs have their recorded sizes, so that growth is always intentional."""

import json

import program_sizes
import pytest

KEPT = json.loads(program_sizes.FILE.read_text())


@pytest.mark.thorough
@pytest.mark.skipif(
    program_sizes.made_by() != KEPT["made_by"],
    reason=f"sizes are kept of {KEPT['made_by']}, here is {program_sizes.made_by()}",
)
@pytest.mark.parametrize("name", program_sizes.WORKLOADS)
def test_programs_have_their_recorded_sizes(name):
    found = program_sizes.sizes(program_sizes.WORKLOADS[name])
    assert found == KEPT["programs"][name], "where this is meant: python scripts/program_sizes.py"
