"""Embeddings and layer normalization; tokens in sweeps; the final state of a padded sequence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, complaint, refusal

import jfnn
from jfnn.layers import Conv, Dense, Embedding, Flatten, LayerNorm, Scaled

pytestmark = pytest.mark.unoptimized

WORDS = 6
TIME = 5


@pytest.fixture(scope="module")
def sentences():
    """Return token sequences of one to five words, padded with 0; the label is the first one's parity."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, WORDS, (48, TIME))
    tokens[np.arange(TIME) >= rng.integers(1, TIME + 1, 48)[:, None]] = 0
    return jfnn.Split(tokens[:32], tokens[:32, 0] % 2, tokens[32:], tokens[32:, 0] % 2)


def reader(**options):
    states = [jfnn.LSTM(3, padded=True, states="all"), jfnn.LSTM(3, padded=True, **options)]
    read = [Embedding(WORDS, 4, padding=0), *states]
    return jfnn.sequential([*read, LayerNorm(), Dense(2, "identity")], TIME)


@pytest.mark.parametrize(("axes", "shape"), [(1, (4,)), (1, (3, 4)), (2, (2, 3, 4)), (3, (2, 3, 2))])
def test_layer_normalization_equals_numpys_over_the_last_axes(axes, shape):
    rng = np.random.default_rng(1)
    x = rng.normal(2, 3, size=(5, *shape))
    scale, shift = rng.normal(size=(2, int(np.prod(shape[-axes:]))))
    over = tuple(range(-axes, 0))
    centered = x - x.mean(axis=over, keepdims=True)
    normed = centered / np.sqrt(x.var(axis=over, keepdims=True) + 0.01)
    expected = normed * scale.reshape(shape[-axes:]) + shift.reshape(shape[-axes:])
    found = LayerNorm(axes, 0.01).apply(jfnn.layers.Gain(scale, shift), x)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_penalty_excludes_scales_and_shifts():
    net = jfnn.sequential([LayerNorm(2), Flatten(), Dense(2, "identity")], (2, 3))
    params = net.init(jax.random.key(0))
    assert jfnn.losses.l2_penalty(params) == jfnn.losses.l2_penalty(params[2:])


@pytest.mark.thorough
def test_dropout_with_tokens_has_floating_point_masks(sentences):
    options = dict(learning_rate=[0.01], hyper={"dropout": [0.0, 0.5]}, epochs=1, batch_size=8)
    result = jfnn.sweep(reader(), sentences, **options)
    assert np.isfinite(result.train_loss).all()


def test_causal_convolution_ignores_later_inputs():
    layers = [Conv(3, 2, padding="causal", activation="tanh", dilation=step) for step in (1, 2, 4)]
    net = jfnn.sequential(layers, (1, 9))
    params = compiled(net.init)(jax.random.key(0))
    outputs = jax.jacobian(lambda x: net.apply(params, x[None, None])[0].sum(axis=0))
    jacobian = compiled(outputs)(jnp.linspace(1, 2, 9))
    seen = np.abs(jacobian) > 0
    later = np.triu(np.ones((9, 9), bool), 1)
    past = np.tril(np.ones((9, 9), bool), -8)
    np.testing.assert_array_equal(seen, ~later & ~past)  # 1 + 1 + 2 + 4 inputs


@pytest.mark.parametrize("tokens", [[[0, 6]], [[-1, 2]], [[0.0, 2.0]], [[True, False]]])
def test_inputs_other_than_tokens_are_refused(tokens):
    net = jfnn.sequential([Scaled(Embedding(WORDS, 2), 0.5), Flatten(), Dense(2, "identity")], 2)
    params = net.init(jax.random.key(0))
    rows = np.array(tokens)
    split = jfnn.Split(rows, [1])
    assert complaint(refusal(jfnn.predict, net, params, rows), {"x"}) is None
    assert complaint(refusal(jfnn.sweep, net, split, learning_rate=0.1, epochs=1), {"x_train"}) is None
