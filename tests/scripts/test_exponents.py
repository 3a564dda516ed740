"""Growth of differences between network outputs in the notes, against derivatives through the steps."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lecture_notes import exponents, replay

pytestmark = [pytest.mark.thorough, pytest.mark.unoptimized]

DATA = Path(__file__).parents[1] / "data"
EPOCHS = 2


@pytest.fixture
def short_notes(tmp_path, x64):
    return replay.Replay(DATA, tmp_path, "float64", replay.Repeats(sequences=1, growth_epochs=EPOCHS))


def probabilities(params, x):
    (w1, b1), (w2, b2) = params
    return jax.nn.softmax(jax.nn.sigmoid(x @ w1 + b1) @ w2 + b2)


def after(params, notes, rate, l2):
    x, y = map(jnp.asarray, (notes.split.x_train, notes.split.y_train))

    def objective(params, rows):
        p = probabilities(params, x[rows])
        penalty = sum((layer.w**2).sum() for layer in params)
        return -jnp.log(p[jnp.arange(len(rows)), y[rows]]).sum() + l2 / 2 * penalty

    def step(params, rows):
        return jax.tree.map(lambda p, g: p - rate * g, params, jax.grad(objective)(params, rows)), None

    return jax.lax.scan(step, params, jnp.concatenate(notes.batches[0][:EPOCHS]))[0]


def test_growth_of_probabilities_equals_the_derivative_through_the_steps(short_notes):
    found = exponents.probability_growth(short_notes)
    assert found.shape == (3, 7, exponents.DIRECTIONS)
    assert np.unique(found[2]).size == found[2].size  # each cell and direction has its own
    x = jnp.concatenate([short_notes.split.x_train, short_notes.split.x_test])
    flat, unravel = jax.flatten_util.ravel_pytree(short_notes.start)
    direction = np.random.default_rng(0).normal(size=(exponents.DIRECTIONS, flat.size))[1]
    for i, j in ((0, 0), (2, 6)):
        rate = replay.AXIS[i]
        l2 = replay.AXIS[j]

        @jax.jit
        def lengths(v, rate=rate, l2=l2):
            ends = (lambda p: p, lambda p: after(p, short_notes, rate, l2))
            of_end = (lambda p, end=end: probabilities(end(unravel(p)), x) for end in ends)
            return [jnp.linalg.norm(jax.jvp(f, (flat,), (v,))[1]) for f in of_end]

        start, end = lengths(jnp.asarray(direction))
        assert found[i, j, 1] == pytest.approx(np.log(end / start) / (14 * EPOCHS), abs=1e-6)


@pytest.mark.parametrize(("grown", "verdict"), [(22.1, "consistent"), (22.3, "NOT REPRODUCED")])
def test_rounding_that_grows_to_a_millionth_would_change_counts(short_notes, grown, verdict):
    """From 2.2e-16 to 1e-6 is a factor of e^22.2."""
    row = exponents.probabilities_row(short_notes, np.array([[-0.01, grown / (14 * EPOCHS)]]))
    assert row.verdict == verdict
    assert "1 of 2 above 0" in row.reason
