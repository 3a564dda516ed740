"""Each program of a sweep over several networks and batch sizes equals a sweep of that program alone."""

import numpy as np
import pytest
from helpers import parts_of, plain, same_bits
from members import OBJECTIVES, OUTCOMES, arrays
from sweeps import check_each_structure, of_many_sweeps

pytestmark = pytest.mark.unoptimized

ALL = (*OUTCOMES, *OBJECTIVES, "history")


@pytest.mark.thorough
@of_many_sweeps
def test_each_program_equals_a_sweep_of_it_alone(examples):
    """A single named network counts as one of several, too."""

    def check(sweep):
        several = sweep
        if not sweep.structure.leading:
            start = None if sweep["initial_params"] is None else [sweep["initial_params"]]
            several = sweep.changed(network={"one": sweep["network"]}, initial_params=start)
        result = several.run()
        for number, (program, own) in enumerate(zip(parts_of(result), sweep.programs, strict=True)):
            expected = own.run()
            assert same_bits(plain(program.params), plain(expected.params))
            assert same_bits(arrays(program, ALL), arrays(expected, ALL))
            np.testing.assert_array_equal(program.evaluations, expected.evaluations)
            lengths = result.cell_shape[: len(result.runs[number].key)]
            names = zip(result.axes.items(), np.unravel_index(number, lengths), strict=False)
            named = result.program(**{name: values[i] for (name, values), i in names})
            assert same_bits(plain(named.params), plain(expected.params))
            assert named.config == program.config
        table = result.to_dict()
        assert {len(column) for column in table.values()} == {result.diverged_at.size}

    check_each_structure(examples, check, without=["refit", "out", "resume"])
