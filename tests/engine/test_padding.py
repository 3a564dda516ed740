"""Minibatch rows of weight 0, including padding, have no effect, whatever they contain."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, representatives, same_bits

import jfnn
from jfnn import backprop

pytestmark = pytest.mark.unoptimized

N = 41
TEST = 3
RNG = np.random.default_rng(5)
X = RNG.normal(size=(N + TEST, 6)).astype(np.float32)
Y = RNG.normal(size=(N + TEST, 2)).astype(np.float32)
BITS = (RNG.random((N + TEST, 6)) < 0.5).astype(np.float32)
SMALL = jfnn.mlp((6, 4, 2), "relu")
DROPOUT = {"hyper": {"dropout": 0.4}}


def directions(params, x):
    """Return outputs for the direction of each row; zeros have none."""
    return (x / jnp.linalg.norm(x, axis=-1, keepdims=True)) @ params["w"]


OWN = jfnn.Network(lambda key: {"w": jax.random.normal(key, (6, 2))}, directions)


def own_gradient(params, x, targets, *, l2, weights=None):
    weights = 1 if weights is None else weights
    return jax.value_and_grad(lambda p: jnp.sum(weights * jnp.sum((directions(p, x) - targets) ** 2, -1)))(
        params
    )


def boltzmann(gradient):
    return jfnn.boltzmann_machine((6, 3), gradient=gradient, loss="reconstruction")


# Name -> network or learner, shape of a row, further options.
TRAINED = {
    "by hand": (SMALL, (6,), {"gradient": "backprop"}),
    "by JAX": (SMALL, (6,), {"reduction": "mean"}),
    "dropout by hand": (SMALL, (6,), {"gradient": "backprop"} | DROPOUT),
    "dropout by JAX": (SMALL, (6,), DROPOUT),
    "own network": (OWN, (6,), {"reduction": "mean"}),
    "own gradient": (OWN, (6,), {"gradient": own_gradient}),
    "convolutional": (jfnn.cnn((1, 6), (2, 2), 2), (1, 6), {"gradient": "backprop"}),
    "recurrent": (jfnn.rnn((6, 1), 3, 2), (6, 1), {}),
    "pruned": (jfnn.pruned(jfnn.supervised(SMALL, "quadratic"), every=1, rounds=1), (6,), {}),
}
MACHINES = {gradient: (boltzmann(gradient), (6,), {}) for gradient in ("contrastive", "persistent", "exact")}
SCHEMES = {
    "subset": jfnn.Minibatches(8),
    "short last step": jfnn.Minibatches(8, "permutation", drop_last=False),
    "in order": jfnn.Minibatches(8, "in_order", drop_last=False),
    "full": None,
}
# Layouts of a tile: members on the last axis of each array, and separate minibatches.
FORMS = {
    "plain": jfnn.Execution(tile=4),
    "last axis": jfnn.Execution(tile=16),
    "own, last axis": jfnn.Execution(tile=16, shared=False),
    "own": jfnn.Execution(tile=3, shared=False),
}
WEIGHTS = RNG.integers(0, 3, N).astype(np.float32)
WEIGHTS[[0, *range(8, 16)]] = 0  # the first row, and a whole step in order


def poisoned(name, which):
    """Return rows and targets, some of which have no finite cost."""
    x = X.copy()
    y = Y.copy()
    if name.startswith("own"):
        x[which] = 0
    else:
        y[which] = 3e38
    return x, y


def options_of(name, x, y, **changes):
    network, shape, further = (TRAINED | MACHINES)[name]
    inputs = (BITS[: len(x)] if name in MACHINES else x).reshape(-1, *shape)
    targets = None if name in MACHINES else y
    own = isinstance(network, jfnn.Learner)
    options = {"learning_rate": [1e-3, 2e-3], "l2": 0.1, "epochs": 2} | further | changes
    options |= {} if own else {"loss": "quadratic"}
    return network, inputs, targets, options


def trained(name, x, y, weights, **changes):
    network, inputs, targets, options = options_of(name, x, y, **changes)
    split = jfnn.Split(inputs[:N], targets[:N], inputs[N:], targets[N:], weights)
    return jfnn.sweep(network, split, **options)


def with_schemes(names):
    others = [scheme for scheme in SCHEMES if scheme != "full"]
    return [(name, scheme) for i, name in enumerate(names) for scheme in ("full", others[i % len(others)])]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "scheme", "form"),
    [(*case, "plain") for case in with_schemes(TRAINED)]
    + [(name, "in order", form) for name in ("by hand", "by JAX") for form in FORMS if form != "plain"],
)
def test_rows_of_weight_0_and_of_other_parts_change_nothing(name, scheme, form):
    bad = np.concatenate([np.flatnonzero(WEIGHTS == 0), np.arange(N, N + TEST)])
    options = {"batch_size": SCHEMES[scheme], "execution": FORMS[form], "seeds": 2}
    expected = trained(name, X, Y, WEIGHTS, **options)
    result = trained(name, *poisoned(name, bad), WEIGHTS, **options)
    assert (result.diverged_at == -1).all()
    assert same_bits(result.params, expected.params)
    if scheme == "full":
        counting = trained(name, *poisoned(name, bad), WEIGHTS + 1, **options)
        assert (counting.diverged_at == 0).all()


@pytest.mark.parametrize("scheme", representatives(["short last step", "full"], "full"))
@pytest.mark.parametrize("name", representatives(TRAINED, "own network"))
def test_padding_repeats_no_row_of_another_part(name, scheme):
    """Test rows, and the rows outside a fold's training set, may have no finite cost."""
    folds = [(np.arange(17), np.arange(17, N)), (np.arange(20), np.arange(20, N))]
    options = {"batch_size": SCHEMES[scheme], "folds": folds, "execution": jfnn.Execution(tile=4)}
    weights = np.ones(N, np.float32) if name == "own gradient" else None
    expected = trained(name, X, Y, weights, **options)
    result = trained(name, *poisoned(name, np.arange(20, N + TEST)), weights, **options)
    assert (result.diverged_at == -1).all()
    assert same_bits(result.params, expected.params)


# Rows after a removed one draw other random numbers.
DRAWING = ("dropout by hand", "dropout by JAX", "contrastive", "persistent")
WITHOUT_DRAWS = [name for name in TRAINED | MACHINES if name not in DRAWING]


@pytest.mark.thorough
@pytest.mark.parametrize("name", WITHOUT_DRAWS)
def test_row_of_weight_0_has_the_same_effect_as_its_removal(name):
    network, x, y, options = options_of(name, X[:N], Y[:N], batch_size=None, epochs=5)
    there = np.flatnonzero(WEIGHTS > 0)
    subsets = jfnn.subsets.weighted(WEIGHTS[None])
    some = jfnn.sweep(network, jfnn.Split(x, y), folds=subsets, **options)
    part = jfnn.Split(x[there], None if y is None else y[there])
    few = jfnn.sweep(network, part, folds=jfnn.subsets.weighted(WEIGHTS[None, there]), **options)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), some.params, few.params)


@pytest.mark.thorough
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_public_objective_and_both_gradients_ignore_rows_of_weight_0(reduction, x64):
    params = SMALL.init(jax.random.key(1))
    params = jax.tree.map(lambda leaf: leaf.astype(np.float64), params)
    bad = np.flatnonzero(WEIGHTS == 0)
    x = X[:N].astype(np.float64)
    y = Y[:N].astype(np.float64)
    x[bad] = 1e300
    y[bad] = 1e308
    there = WEIGHTS > 0
    options = {"loss": "quadratic", "l2": 0.3, "reduction": reduction}

    @compiled
    def by_jax_and_by_hand(params, x, y, weights):
        def value(params):
            return jfnn.objective(SMALL, params, x, y, weights=weights, **options)

        by_hand = backprop.value_and_grad(params, x, y, activation="relu", weights=weights, **options)
        return jax.value_and_grad(value)(params), by_hand

    def check(results, expected):
        for result in results:
            jax.tree.map(
                lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), result, expected
            )

    few = x[there], y[there]
    expected = by_jax_and_by_hand(params, *few, WEIGHTS[there])[0]
    check(by_jax_and_by_hand(params, x, y, WEIGHTS), expected)
    scale = 0.3 if reduction == "sum" else 0.0  # no row counts: only the penalty remains, or nothing
    penalty = jax.value_and_grad(lambda params: scale * jfnn.losses.l2_penalty(params))(params)
    check(by_jax_and_by_hand(params, *few, 0 * WEIGHTS[there]), penalty)


def test_cost_of_weight_0_is_ignored_whatever_it_is():
    weights = jnp.array([1.0, 0.0, 2.0])

    def total(costs):
        return jfnn.losses.reduce_costs(costs, jnp.array(0.5), "mean", weights)

    value, slopes = jax.value_and_grad(total)(jnp.array([4.0, jnp.inf, 1.0]))
    np.testing.assert_allclose(value, 6.5 / 3, rtol=1e-6)
    np.testing.assert_allclose(slopes, weights / 3, rtol=1e-6)
