"""Shapes of initial parameters, for the precision in use and for custom learners."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise_split

import jfnn
from jfnn.learners import Supervised
from jfnn.learners.learner import starting_shapes

pytestmark = pytest.mark.unoptimized


@pytest.mark.parametrize("x64", [False, True])
def test_initial_shapes_have_the_dtype_in_use(x64):
    learner = jfnn.supervised(jfnn.mlp((5, 4, 3)))
    for on in (x64, not x64, x64):
        with jax.enable_x64(on):
            dtypes = {leaf.dtype for leaf in jax.tree.leaves(starting_shapes(learner))}
        assert dtypes == {np.dtype(np.float64 if on else np.float32)}


def of_kind(kind):
    """Return a learner for a network of registered functions, of a custom class."""
    learner = jfnn.supervised(jfnn.mlp((5, 4, 3)))
    return kind(**{field.name: getattr(learner, field.name) for field in dataclasses.fields(learner)})


def test_initial_shapes_of_a_custom_subclass_follow_its_current_init():
    units = [4]

    class Changed(Supervised):
        def init(self, key):
            return {"w": jnp.zeros((5, units[-1]))}

    learner = of_kind(Changed)
    assert starting_shapes(learner)["w"].shape == (5, 4)
    units.append(3)
    assert starting_shapes(learner)["w"].shape == (5, 3)


def test_custom_subclass_must_return_one_score_per_row():
    class Summed(Supervised):
        def score(self, params, rows, hyper):
            return {name: values.sum() for name, values in super().score(params, rows, hyper).items()}

    learner, data = of_kind(Summed).bind(noise_split())
    with pytest.raises(ValueError, match=r"^metrics: expected one value a row"):
        learner.check(data)
