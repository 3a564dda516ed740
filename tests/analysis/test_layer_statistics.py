"""Statistics of layers, compared with loops in NumPy, with `jax.grad`, and on networks with known faults."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, float64_first, noise_split

import jfnn
from jfnn import activations, backprop
from jfnn.analysis import layer_statistics
from jfnn.core.search.result import with_run

SPLIT = noise_split()
X = SPLIT.x_train[:30]
Y = SPLIT.y_train[:30]
BITS = jfnn.Split((SPLIT.x_train > 0) * 1.0)
FLOAT = {"float32": 3e-5, "float64": 1e-11}  # relative to the largest value of a statistic
EVALUATIONS = jfnn.Execution(eval_every=2, keep_params="evaluations")


def trained(network, split=SPLIT, folds=None, **options):
    options = {"learning_rate": [0.01, 0.3], "epochs": 4, "batch_size": 16, "seeds": 2} | options
    return jfnn.sweep(network, split, folds=folds, **options)


def with_targets():
    """Return a split with two targets, and the subsets that learn one of them each."""
    y = np.stack([SPLIT.y_train, 2 - SPLIT.y_train], axis=1)
    return jfnn.Split(SPLIT.x_train, y), jfnn.subsets.targets(y)


def in_numpy(params, x, y, functions):
    """Return rows of activations, dead and saturated shares, and norms of each dense layer, row by row."""
    a = np.asarray(x, np.float64)
    inputs, zs, outputs = [], [], []
    for (w, b), (f, _) in zip(params, functions, strict=True):
        inputs.append(a)
        zs.append(a @ np.asarray(w, np.float64) + np.asarray(b, np.float64))
        a = np.asarray(f(zs[-1]), np.float64)
        outputs.append(a)
    exps = np.exp(a - a.max(axis=1, keepdims=True))
    d_a = exps / exps.sum(axis=1, keepdims=True) - np.eye(a.shape[1])[y]
    columns = []
    for layer in reversed(range(len(params))):
        slope = functions[layer][1]
        slopes = np.asarray(slope(zs[layer]), np.float64)
        delta = d_a * slopes
        steepest = np.abs(slope(np.linspace(-10, 10, 2001))).max()
        dead = np.mean([all(row[unit] == 0 for row in outputs[layer]) for unit in range(delta.shape[1])])
        gradient = sum(np.outer(row, d) for row, d in zip(inputs[layer], delta, strict=True)) / len(x)
        norms = np.linalg.norm(gradient), np.sqrt(np.mean([row @ row for row in delta]))
        values = outputs[layer]
        flat = np.mean(np.abs(slopes) < 0.05 * steepest)
        columns.append([values.mean(), values.std(), dead, flat, *norms])
        d_a = delta @ np.asarray(params[layer].w, np.float64).T
    return np.array(columns[::-1]).T


def member_at(params, epoch):
    return jax.tree.map(lambda leaf: leaf[epoch], params)


def of_member(statistics, *index):
    """Return the statistics of one member at one epoch ``[7, layers]``."""
    epoch, *place = index
    return np.stack([values[(epoch, slice(None), *place)] for values in statistics[:7]])


def assert_close(found, expected, tolerance):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.nanmax(np.abs(expected)))


@float64_first
def test_statistics_equal_loops_over_members_epochs_and_layers(dtype):
    layers = [
        jfnn.Dense(6, "tanh"),
        jfnn.Dense(5, "relu"),
        jfnn.Dense(4, "sigmoid"),
        jfnn.Dense(3, "identity"),
    ]
    functions = [activations.ACTIVATIONS[layer.activation] for layer in layers]
    split = jax.tree.map(lambda leaf: leaf.astype(dtype) if leaf.dtype.kind == "f" else leaf, SPLIT[:4])
    result = trained(jfnn.sequential(layers, 5), jfnn.Split(*split), l2=[0.0, 0.1], execution=EVALUATIONS)
    statistics = layer_statistics(result, X.astype(dtype), Y)
    assert statistics.mean.shape == (2, 4, 2, 2, 2) and statistics.mean.dtype == dtype
    assert list(statistics.axes) == ["learning_rate", "l2", "seed"]
    assert statistics.layers == ("1 Dense", "2 Dense", "3 Dense", "4 Dense")
    np.testing.assert_array_equal(statistics.epochs, [2, 4])
    for epoch, *place in np.ndindex(2, 2, 2, 2):
        member = result.member(*place)
        params, before = (member_at(member, at) for at in (epoch, epoch - 1))
        *found, update = of_member(statistics, epoch, *place)
        expected = in_numpy(params, X.astype(dtype), Y, functions)
        for name, one, other in zip(statistics._fields, found, expected, strict=False):
            assert_close(one, other, FLOAT[dtype.name] if name not in ("dead", "saturated") else 1e-6)
        if epoch == 0:
            assert np.isnan(update).all()
        else:
            pairs = zip(params, before, strict=True)
            changes = [np.linalg.norm(new.w - old.w) / np.linalg.norm(old.w) for new, old in pairs]
            assert_close(update, changes, 100 * FLOAT[dtype.name])


def test_norms_equal_those_of_the_notes_backpropagation(x64):
    network = jfnn.mlp((5, 6, 4, 3), "tanh")
    split = jfnn.Split(
        *(np.asarray(leaf, np.float64) if i % 2 == 0 else leaf for i, leaf in enumerate(SPLIT[:4]))
    )
    result = trained(network, split)
    statistics = layer_statistics(result, X, Y)
    params = result.member(1, 0, 1)
    all_z, all_a = backprop.forward(params, X, "tanh")
    delta = jfnn.losses.d_cross_entropy(all_a[-1], jax.nn.one_hot(Y, 3))
    deltas = backprop.deltas(params, all_z, delta, "tanh")
    expected = [np.sqrt((np.asarray(each) ** 2).sum() / len(X)) for each in deltas]
    np.testing.assert_allclose(statistics.delta_norm[0, :, 1, 0, 1], expected, rtol=1e-12)
    gradients = backprop.gradients(params, all_a, deltas)
    norms = [np.linalg.norm(each.w) / len(X) for each in gradients]
    np.testing.assert_allclose(statistics.gradient_norm[0, :, 1, 0, 1], norms, rtol=1e-12)
    np.testing.assert_allclose(statistics.std[0, :, 1, 0, 1], [a.std() for a in all_a[1:]], rtol=1e-12)


STRUCTURES = {
    "conv": jfnn.sequential(
        [
            jfnn.Conv(2, activation="tanh"),
            jfnn.MaxPool(2),
            jfnn.Conv(3, 2, padding=1),
            jfnn.Flatten(),
            jfnn.Dense(3, "identity"),
        ],
        (1, 6, 6),
    ),
    "gru": jfnn.sequential([jfnn.GRU(4, states="all"), jfnn.LSTM(3), jfnn.Dense(3, "identity")], (6, 2)),
    "elman": jfnn.rnn((6, 2), 4, 3, "elman"),
    "blocks": jfnn.sequential(
        [
            jfnn.Frozen(jfnn.Dense(4, "tanh")),
            jfnn.Residual([jfnn.Dense(5, "relu"), jfnn.Dense(4, "tanh")]),
            jfnn.LayerNorm(),
            jfnn.Scaled(jfnn.Dense(4, "tanh"), 2.0),
            jfnn.Dense(3, "identity", bias=False),
        ],
        5,
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("kind", STRUCTURES)
def test_gradients_of_other_layers_equal_those_of_jax(x64, kind):
    network = STRUCTURES[kind]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, *network.input_shape))
    y = np.arange(40) % 3
    result = trained(network, jfnn.Split(x, y), learning_rate=0.1, epochs=1)
    statistics = layer_statistics(result, x[:20], y[:20])
    params = result.member(0, 0, 1)

    def forward(params, shifts):
        a, outputs = x[:20], []
        for layer, leaves, shift in zip(network.layers, params, shifts, strict=True):
            a = layer.apply(leaves, a) + shift
            outputs.append(a)
        costs = jfnn.losses.cross_entropy(a, jax.nn.one_hot(y[:20], 3))
        return costs.mean(), outputs

    (_, outputs) = forward(params, [0.0] * len(network.layers))
    shifts = [jnp.zeros(a.shape) for a in outputs]
    pairs = zip(network.layers, params, strict=True)
    trainable = [() if isinstance(layer, jfnn.Frozen) else leaves for layer, leaves in pairs]

    def cost(trained, shifts):
        whole = [leaves or given for leaves, given in zip(trained, params, strict=True)]
        return forward(whole, shifts)[0]

    gradients, d_outputs = compiled(jax.grad(cost, (0, 1)))(trainable, shifts)
    for i, layer in enumerate(network.layers):
        weights = [leaf for leaf in jax.tree.leaves(gradients[i]) if leaf.ndim > 1]
        norm = np.sqrt(sum((np.asarray(leaf) ** 2).sum() for leaf in weights)) if weights else np.nan
        np.testing.assert_allclose(statistics.gradient_norm[0, i, 0, 0, 1], norm, rtol=1e-9)
        a = np.asarray(outputs[i])
        np.testing.assert_allclose(statistics.mean[0, i, 0, 0, 1], a.mean(), rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(statistics.std[0, i, 0, 0, 1], a.std(), rtol=1e-9)
        inner = layer.layer if isinstance(layer, jfnn.Frozen | jfnn.Scaled) else layer
        slopes = 1.0
        saturated = np.nan
        if isinstance(inner, jfnn.Dense | jfnn.Conv):
            slopes = {"tanh": 1 - a**2, "relu": a > 0, "identity": 1.0 + 0 * a}[inner.activation]
            saturated = np.mean(slopes < 0.05)
        # d_outputs are derivatives of the mean over rows
        delta = np.sqrt(((20 * np.asarray(d_outputs[i]) * slopes) ** 2).sum() / 20)
        np.testing.assert_allclose(statistics.delta_norm[0, i, 0, 0, 1], delta, rtol=1e-9)
        np.testing.assert_allclose(statistics.saturated[0, i, 0, 0, 1], saturated)


def with_params(result, params):
    return with_run(result, params=params)


def test_planted_dead_units_are_counted_as_units_channels_and_states():
    result = trained(jfnn.mlp((5, 8, 3), "relu"), epochs=1)
    params = jax.tree.map(np.array, result.params)
    params[0].w[1, 0, 1, :, 2:5] = 0
    params[0].b[1, 0, 1, 2:5] = -1
    found = layer_statistics(with_params(result, params), X, Y)
    assert (
        found.dead[0, 0, 1, 0, 1] == pytest.approx(3 / 8)
        and found.dead[0, 0].max() == found.dead[0, 0, 1, 0, 1]
    )
    assert (found.dead[0, 1] == 0).all()
    rng = np.random.default_rng(1)
    for layers, shape in (
        ([jfnn.Conv(4), jfnn.Flatten()], (1, 5, 5)),
        ([jfnn.Elman(4, "relu", states="all"), jfnn.Flatten()], (5, 3)),
    ):
        network = jfnn.sequential([*layers, jfnn.Dense(3, "identity")], shape)
        x = rng.normal(size=(30, *shape))
        result = trained(network, jfnn.Split(x, Y), learning_rate=0.01, seeds=1, epochs=1)
        params = jax.tree.map(np.array, result.params)
        first = params[0]._asdict()
        axis = 3 if "w" in first else -1  # units of the weights
        for name, array in first.items():
            places = np.moveaxis(array, axis if name == "w" else -1, 0)
            places[1] = -9.0 if name == "b" else 0.0
        found = layer_statistics(with_params(result, params), x, Y)
        assert found.dead[0, 0, 0, 0, 0] == 1 / 4


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_small_weights_let_signals_vanish_and_large_ones_saturate(activation):
    network = jfnn.mlp((5, 20, 20, 20, 3), activation)
    scales = [1e-3, 1.0, 10.0]
    result = trained(network, learning_rate=1e-9, seeds=3, epochs=1, hyper={"init_scale": scales})
    found = layer_statistics(result, X, Y)
    std, saturated, gradient = (
        np.asarray(values)[0, :, 0, 0] for values in (found.std, found.saturated, found.gradient_norm)
    )  # [layer, init_scale, seed]
    assert (std[2, 0] < 2e-3 * std[2, 1]).all() and (std[1:, 1] > 0.05 * (activation == "tanh")).all()
    assert (saturated[:3, 0] == 0).all() and (saturated[1:3, 2] > 0.4).all()
    assert (saturated[1:3, 1] < 0.2).all()
    assert (gradient[0, 0] < 1e-4 * gradient[0, 1]).all()


def test_diverged_members_are_nan_after_the_divergence_and_others_are_not():
    kept = trained(
        jfnn.mlp((5, 4, 3), "relu"), loss="quadratic", learning_rate=[0.01, 1e4], execution=EVALUATIONS
    )
    diverged = kept.diverged_at >= 0
    assert diverged[1].all() and not diverged[0].any()
    late = dataclasses.replace(
        kept, diverged_at=np.where(diverged, 2, -1)
    )  # as if after the first evaluation
    for result, epochs in ((kept, [0, 1]), (late, [1])):
        found = layer_statistics(result, X, Y)
        assert np.isnan(found.mean[epochs, :, 1]).all() and np.isfinite(found.mean[:, :, 0]).all()
    assert np.isfinite(found.mean[0, :, 1]).all()
    last = trained(jfnn.mlp((5, 4, 3), "relu"), loss="quadratic", learning_rate=1e4)
    assert np.isnan(np.stack(layer_statistics(last, X, Y)[:7])).all()


def test_axes_are_those_of_the_kept_parameters():
    network = jfnn.mlp((5, 4, 3))
    alone = jfnn.train(network, *SPLIT[:2], learning_rate=0.1, epochs=2, batch_size=16, seed=1)
    found = layer_statistics(alone, X, Y)
    assert found.mean.shape == (1, 2) and found.axes == {} and found.epochs == [2]
    result = trained(network, folds=3)
    whole = layer_statistics(result, X, Y)
    assert whole.mean.shape == (1, 2, 2, 1, 2, 3) and list(whole.axes)[-2:] == ["seed", "fold"]
    cell = layer_statistics(result.of_cell(1, 0), X, Y)
    assert list(cell.axes) == ["seed", "fold"]
    np.testing.assert_array_equal(cell.delta_norm, whole.delta_norm[:, :, 1, 0])
    named = trained({"a": network}, folds=3)
    np.testing.assert_array_equal(layer_statistics(named, X, Y).mean, whole.mean)
    drawn = trained(network, learning_rate=0.1, cells=[{"learning_rate": 0.1}, {"learning_rate": 0.3}])
    assert list(layer_statistics(drawn, X, Y).axes) == ["cells", "seed"]


@pytest.mark.parametrize(
    ("result", "argument"),
    [
        (lambda: trained({"a": jfnn.mlp((5, 3)), "b": jfnn.mlp((5, 3))}), "result"),
        (lambda: trained(jfnn.mlp((5, 3)), execution=jfnn.Execution(keep_params="none")), "keep_params"),
        (
            lambda: trained(jfnn.boltzmann_machine((5, 2)), BITS),
            "result",
        ),
        (
            lambda: trained(jfnn.Network(lambda key: jnp.zeros((5, 3)), lambda w, x: x @ w)),
            "network",
        ),
        (lambda: trained(jfnn.mlp((5, 3)), *with_targets()), "result"),
    ],
)
@pytest.mark.thorough
def test_results_without_layers_are_refused(result, argument):
    with pytest.raises(jfnn.ArgumentError) as error:
        layer_statistics(result(), X, Y)
    assert error.value.argument == argument
