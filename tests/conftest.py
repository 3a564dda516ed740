"""Two CPU devices, so that every sweep in the tests is spread; x64 only where a test asks for it."""

import jax
import numpy as np
import pytest

import jfnn

jfnn.use_all_cores(2)


@pytest.fixture
def x64():
    """Turns float64 arithmetic on for one test and restores it."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """Runs a test in single and in double precision."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", request.param == "float64")
    yield np.dtype(request.param)
    jax.config.update("jax_enable_x64", before)


@pytest.fixture(scope="session")
def digits():
    """The digits, split as by default."""
    return jfnn.datasets.digits()
