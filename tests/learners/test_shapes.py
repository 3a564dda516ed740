"""Shapes of starting parameters, for the arithmetic that is on."""

import jax
import numpy as np
import pytest

import jfnn
from jfnn.learners.learner import starting_shapes

pytestmark = pytest.mark.unoptimised


@pytest.mark.parametrize("x64", [False, True])
def test_starting_shapes_have_the_dtype_of_the_arithmetic(x64):
    learner = jfnn.supervised(jfnn.mlp((5, 4, 3)))
    for on in (x64, not x64, x64):
        with jax.enable_x64(on):
            dtypes = {leaf.dtype for leaf in jax.tree.leaves(starting_shapes(learner))}
        assert dtypes == {np.dtype(np.float64 if on else np.float32)}
