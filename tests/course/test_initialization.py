"""Claims and exercise answers of the page on initialization."""

import jax
import numpy as np
import pytest

import jfnn

pytestmark = pytest.mark.thorough


def accuracy(page, activation, depth, start):
    """Return the mean test accuracy of a combination at its best rate."""
    return page["at"](activation, depth, start)[0].mean()


def test_three_of_fifteen_combinations_keep_both_signals(page):
    kept = set()
    for activation, of_starts in page["by_layer"].items():
        for start, of_start in zip(page["starts"], of_starts, strict=True):
            both = np.median(of_start, axis=0)
            if (both.max(axis=1) < 3 * both.min(axis=1)).all():
                kept.add((activation, start))
    assert kept == {("tanh", "Glorot"), ("tanh", "He"), ("relu", "He")}


def test_initial_parameters_have_the_named_deviations(page):
    for layer, n_in, n_out in zip(page["initial"](2), (64, 32, 32), (32, 32, 10), strict=True):
        assert layer.w.shape == (5, 10, n_in, n_out) and not layer.b.any()
        constant, *normal = layer.w.std(axis=(1, 2, 3))
        assert constant < 1e-6
        expected = [0.01, 1.0, np.sqrt(2 / (n_in + n_out)), np.sqrt(2 / n_in)]
        np.testing.assert_allclose(normal, expected, rtol=0.05)


def test_maps_agree_with_the_signals(page):
    for activation in page["activations"]:
        assert accuracy(page, activation, 1, "Glorot") > 0.9 and accuracy(page, activation, 1, "He") > 0.9
        assert accuracy(page, activation, 1, "constant") < 0.5
        assert accuracy(page, activation, 8, "too small") < 0.15
    assert accuracy(page, "tanh", 8, "Glorot") > 0.9 and accuracy(page, "tanh", 8, "He") > 0.9
    assert accuracy(page, "relu", 8, "He") > 0.7 and accuracy(page, "sigmoid", 8, "He") < 0.2


def test_nine_failing_runs_are_worse_than_their_fixes(page):
    assert len(page["fixes"]) == 9
    for name, (failing, fixed, low, _) in page["fixes"].items():
        slight = name in ("Glorot with ReLU", "inputs")
        assert low > (0.005 if slight else 0.4) and fixed > 0.75, name
        assert slight or failing < 0.5, name


def test_symptoms_are_those_of_the_text(page):
    assert page["spread"] < 1e-3
    assert abs(page["factor"] / (np.sqrt(32) * 0.01) - 1) < 0.05
    saturated = page["of_tanh"].saturated[0, :8]
    rate = page["at"]("tanh", 8, "too large")[1]
    assert saturated[:, page["cell"]("too large", rate)].mean() > 0.6
    assert page["diverged"][2].all() and not page["diverged"][4, :3].any()
    assert page["dead"][2] > 0.8 and page["dead"][0] < 0.2
    relative = page["backward"][:-1] / page["backward"][1:]
    assert (relative < 0.25).all() and relative.prod() < 1e-4
    place = page["place"]
    assert page["on_test"][place].max() < 0.2
    assert page["size_of_weights"][3] < 1e-4 < 0.1 < page["size_of_weights"][0]
    assert abs(page["penalized"].train_loss[0, 3].mean() - np.log(10)) < 0.03


def test_signals_by_hand_equal_the_layer_statistics(page):
    """Deltas of the trained networks; layer_statistics has norms over units, the page means."""
    program = page["grid"].program(activation="tanh", depth=8)
    statistics = page["of_tanh"]
    j = page["cell"]("Glorot", 0.1)
    params = jax.tree.map(lambda leaf: leaf[j, 0], program.params)
    _, deltas = page["signals"](params, "tanh")
    np.testing.assert_allclose(np.sqrt(32) * deltas, statistics.delta_norm[0, :8, j, 0], rtol=1e-3)


def test_exercise_1_glorots_activations_shrink_by_two_to_the_power_of_seven_halves(page):
    """Half of z² is at z > 0, by symmetry; nσ²/2 = 1/2 per layer, so √E[a²] falls by 2^(-7/2) = 0.088."""
    draw = np.random.default_rng(0)
    ratios = []
    for _ in range(300):
        a = np.asarray(page["x"])[:50]
        sizes = []
        for n_in in (64, *[32] * 7):
            a = np.maximum(a @ (draw.standard_normal((n_in, 32)) / np.sqrt(32)), 0)
            sizes.append((a**2).mean())
        ratios.append(sizes[-1] / sizes[0])
    assert abs(np.sqrt(np.mean(ratios)) - 2**-3.5) < 0.01


def test_exercise_2_equal_units_are_one_unit_with_other_learning_rates(page):
    """Output weights n v; rate η/n for the hidden layer, nη for output weights, η for output biases."""
    n = 32
    split, draw = page["split"], np.random.default_rng(0)
    w, v = draw.normal(size=(64, 1)) / 8, draw.normal(size=(1, 10)) / n
    wide = (
        jfnn.Layer(w.repeat(n, axis=1), np.full(n, 0.1)),
        jfnn.Layer(v.repeat(n, axis=0), np.zeros(10)),
    )
    narrow = (jfnn.Layer(w, np.full(1, 0.1)), jfnn.Layer(n * v, np.zeros(10)))
    layers = [
        jfnn.layers.Scaled(jfnn.Dense(1, "tanh"), rate=1 / n, bias_rate=1 / n),
        jfnn.layers.Scaled(jfnn.Dense(10, "identity"), rate=n, bias_rate=1),
    ]
    networks = (jfnn.mlp((64, n, 10), "tanh"), jfnn.sequential(layers, 64))
    outputs = []
    for network, params in zip(networks, (wide, narrow), strict=True):
        params = jax.tree.map(np.float32, params)
        before = network.apply(params, page["x"])
        trained = jfnn.train(
            network,
            split.x_train,
            split.y_train,
            learning_rate=0.03,
            epochs=20,
            batch_size=None,
            initial_params=params,
        ).params
        outputs.append((before, network.apply(trained, page["x"])))
    for ours, theirs in zip(*outputs, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert abs(outputs[0][1] - outputs[0][0]).max() > 0.3


def test_exercise_3_sigmoids_saturate_before_the_largest_factor_is_one(page):
    """σ = 4/√n = 0.71. Then Var z ≥ n σ²/4 = 4, f' is mostly far below 1/4, and the factor is about 0.65."""
    sigma = 4 / np.sqrt(32)
    rng = np.random.default_rng(0)
    factors = []
    for _ in range(20):
        params = tuple(
            jfnn.Layer(np.float32(sigma * rng.standard_normal((n_in, n_out))), np.zeros(n_out, np.float32))
            for n_in, n_out in zip((64, *[32] * 8), (*[32] * 8, 10), strict=True)
        )
        all_z, _ = jfnn.backprop.forward(params, page["x"], "sigmoid")
        deltas = page["signals"](params, "sigmoid")[1]
        factors.append((deltas[0] / deltas[-1]) ** (1 / 7))
        assert np.var(all_z[4]) > 2.5
    assert 0.5 < np.mean(factors) < 0.8
