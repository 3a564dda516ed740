"""What learners try on shapes: once, and for the arithmetic that is on."""

import jax
import numpy as np
import pytest
from helpers import noise_split

import jfnn
from jfnn.learners.labelled import known_outputs
from jfnn.learners.trial import starting_shapes

pytestmark = pytest.mark.unoptimised


def test_many_sweeps_of_a_network_try_what_it_gives_for_a_row_once():
    before = known_outputs.cache_info().misses
    for rate in (0.1, 0.2, 0.3):
        network = jfnn.mlp((5, 17, 3))  # equal, and made anew
        jfnn.sweep(network, noise_split(), learning_rate=rate, epochs=1, batch_size=16)
    assert known_outputs.cache_info().misses == before + 1


@pytest.mark.parametrize("x64", [False, True])
def test_starting_shapes_have_the_dtype_of_the_arithmetic(x64):
    network = jfnn.mlp((5, 4, 3))
    for on in (x64, not x64, x64):
        with jax.enable_x64(on):
            dtypes = {leaf.dtype for leaf in jax.tree.leaves(starting_shapes(network))}
        assert dtypes == {np.dtype(np.float64 if on else np.float32)}
