"""Activations compared with closed forms in NumPy, and their derivatives with jax.grad."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import float64_first
from scipy.special import erf, expit, ndtr
from scipy.stats import norm

from jfnn import activations
from jfnn.activations import ACTIVATIONS

# Name -> (f, f') in NumPy float64; f'(0) is the value stated in each docstring.
CLOSED_FORMS = {
    "sigmoid": (expit, lambda z: expit(z) * expit(-z)),
    "relu": (lambda z: np.maximum(z, 0), lambda z: np.where(z > 0, 1.0, 0.0)),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(np.clip(z, -300, 300)) ** 2),
    "elu": (lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))), lambda z: np.exp(np.minimum(z, 0))),
    "leaky_relu": (lambda z: np.where(z >= 0, z, 0.01 * z), lambda z: np.where(z >= 0, 1.0, 0.01)),
    "softplus": (lambda z: np.logaddexp(z, 0), expit),
    "gelu": (lambda z: z * ndtr(z), lambda z: ndtr(z) + z * norm.pdf(z)),
    "erf": (erf, lambda z: 2 * np.sqrt(2) * norm.pdf(np.sqrt(2) * z)),
    "sin": (np.sin, np.cos),
    "identity": (lambda z: z, np.ones_like),
}
MODERATE = np.array([-30.0, -7.5, -2.0, -1.0, -1e-3, 0.0, 1e-3, 0.5, 1.0, 3.0, 8.0, 30.0])
EXTREME = np.array([-1e4, -1e3, -89.0, -1e-30, 0.0, 1e-30, 89.0, 1e3, 1e4])
KINKS = [
    *ACTIVATIONS.values(),
    *(
        activations.Activation(functools.partial(f, alpha=alpha), functools.partial(df, alpha=alpha))
        for f, df in (
            (activations.elu, activations.d_elu),
            (activations.leaky_relu, activations.d_leaky_relu),
        )
        for alpha in (0.2, 1.5)
    ),
]


@functools.partial(jax.jit, static_argnums=0)
def compiled(function, z):
    return function(z)


@functools.partial(jax.jit, static_argnums=0)
def by_jax(f, z):
    return jax.vmap(jax.grad(f))(z)


def test_every_activation_has_a_closed_form():
    assert set(CLOSED_FORMS) == set(ACTIVATIONS)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ACTIVATIONS)
@float64_first
def test_function_and_derivative_equal_the_closed_forms_even_at_large_inputs(name, dtype):
    tolerance = {"float32": 1e-6, "float64": 1e-14}[dtype.name]
    z = np.concatenate([MODERATE, EXTREME]).astype(dtype)
    for function, closed_form in zip(ACTIVATIONS[name], CLOSED_FORMS[name], strict=True):
        found = compiled(function, z)
        assert found.dtype == dtype
        # The closed form gets the rounded inputs, so that only the function's own rounding is measured.
        np.testing.assert_allclose(found, closed_form(z.astype(np.float64)), rtol=tolerance, atol=tolerance)


@pytest.mark.thorough
@pytest.mark.parametrize("activation", KINKS)
@float64_first
def test_derivative_equals_jax_grad_even_at_the_kink_and_large_inputs(activation, dtype):
    z = np.concatenate([MODERATE, EXTREME, [-0.0]]).astype(dtype)
    found = compiled(activation.df, z)
    expected = by_jax(activation.f, z)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, rtol=0, atol=8 * np.finfo(dtype).eps)


def test_activations_are_looked_up_by_name_or_passed_as_they_are():
    own = activations.Activation(jnp.sin, jnp.cos)
    assert activations.get(own) is activations.name_or_custom(own) is own
    for name, known in ACTIVATIONS.items():
        assert activations.name_or_custom(name) == activations.name_or_custom(known) == name


def test_unknown_activations_are_refused_by_name():
    with pytest.raises(ValueError, match=r"^activation: expected one of sigmoid, relu, .*'swish'"):
        activations.get("swish")
    with pytest.raises(TypeError, match=r"^output: expected a name or a jfnn.Activation"):
        activations.name_or_custom(3, "output")
