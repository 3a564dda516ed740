"""Other members of a sweep, and the order of its cells and seeds, change no bit of a member."""

import jax
import numpy as np
import pytest
from helpers import parts_of, same_bits
from hypothesis import strategies
from members import tables
from sweeps import OF_MEMBERS, check_each_structure, of_many_sweeps, seeds_of

import jfnn

pytestmark = pytest.mark.unoptimized

ADDED = {"learning_rate": [0.3, 1e30], "l2": [0.7, 100.0]}


def shuffle(rng, values, *more):
    """Shuffle values and add others."""
    values = [*values, *more]
    return [values[i] for i in rng.permutation(len(values))]


def among_others(sweep, rng):
    changes = {"seeds": shuffle(rng, seeds_of(sweep["seeds"]), 50)}
    cells = sweep["cells"]
    if cells is None:
        for name, other in ADDED.items():
            changes[name] = shuffle(rng, np.atleast_1d(sweep[name]).tolist(), rng.choice(other))
        axes = {name: shuffle(rng, given) for name, given in (sweep["hyper"] or {}).items() if np.ndim(given)}
        changes["hyper"] = {**(sweep["hyper"] or {}), **axes} or None
    elif isinstance(cells, int | jfnn.Sample):
        sample = jfnn.Sample(cells) if isinstance(cells, int) else cells
        changes["cells"] = jfnn.Sample(sample.cells + 2, sample.seed)
    else:
        columns = (
            cells if isinstance(cells, dict) else {name: [row[name] for row in cells] for name in cells[0]}
        )
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        changes["cells"] = shuffle(rng, rows, rows[0] | {"learning_rate": rng.choice(ADDED["learning_rate"])})
    return sweep.changed(**changes)


@pytest.mark.thorough
@of_many_sweeps
def test_neighbors_and_their_order_change_no_bit(examples):
    def check(sweep, seed):
        result = sweep.run()
        form = {name: getattr(parts_of(result)[0].execution, name) for name in ("tile", "shared")}
        other = among_others(sweep, np.random.default_rng(seed)).run(form)
        assert other.diverged_at.size > result.diverged_at.size
        for (keys, expected), (others, found) in zip(tables(result), tables(other), strict=True):
            places = [others.index(key) for key in keys]
            assert same_bits(jax.tree.map(lambda array, at=places: array[at], found), expected)

    check_each_structure(
        examples,
        check,
        without=["batches", "initial_params", "refit", "out", "resume"],
        schedulers=OF_MEMBERS,
        fields={"keep_params": "all"},
        seed=strategies.integers(0, 2**32 - 1),
    )
