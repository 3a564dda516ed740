"""Regression losses in sweeps: optima of linear models by other libraries, predictions, scores, reloading."""

import jax
import numpy as np
import pytest
from helpers import same_bits
from sklearn.linear_model import HuberRegressor, PoissonRegressor, QuantileRegressor
from sklearn.metrics import mean_pinball_loss, r2_score

import jfnn
from jfnn import losses
from jfnn.identity.code import code_checksum

pytestmark = pytest.mark.unoptimized

N = 60
LINE = jfnn.mlp((2, 1), init="glorot_normal")
RNG = np.random.default_rng(3)
X = RNG.normal(size=(N, 2))
Y = X @ [1.0, -0.5] + 0.3 + RNG.standard_t(2, size=N)
COUNTS = RNG.poisson(np.exp(X @ [0.4, -0.3] + 0.5))


def fit(loss, y=Y, net=LINE, epochs=1500, learning_rate=0.3, **options):
    options = {"batch_size": None, "reduction": "mean", "seeds": range(2)} | options
    return jfnn.sweep(net, jfnn.Split(X, y), learning_rate=learning_rate, loss=loss, epochs=epochs, **options)


def coefficients(result):
    ((w, b),) = result.member(0, 0, 0)
    return np.concatenate([np.ravel(w), b])


def of_scikit_learn(model, y=Y):
    model.fit(X, y)
    return np.append(model.coef_, model.intercept_)


@pytest.mark.thorough
@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
def test_linear_network_reaches_the_optimum_of_scikit_learns_linear_models(gradient, x64):
    huber = HuberRegressor(epsilon=1.2, alpha=0, tol=1e-10, max_iter=1000)
    expected = of_scikit_learn(huber)  # its threshold is in units of an estimated scale
    found = fit(losses.huber(1.2 * huber.scale_), gradient=gradient)
    np.testing.assert_allclose(coefficients(found), expected, atol=1e-5)
    expected = of_scikit_learn(PoissonRegressor(alpha=0, tol=1e-12, max_iter=10_000), COUNTS)
    found = fit("poisson", COUNTS, gradient=gradient)
    np.testing.assert_allclose(coefficients(found), expected, atol=1e-6)
    assert list(found.metrics) == ["loss", "r2"]
    rates = found.predict(X)[0, 0, 0, :, 0]
    np.testing.assert_allclose(found.train_r2[0, 0, 0], r2_score(COUNTS, rates), rtol=1e-5)
    np.testing.assert_allclose(rates, np.exp(X @ expected[:2] + expected[2]), rtol=1e-5)


@pytest.mark.thorough
@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
def test_quantiles_equal_those_of_linear_programs(gradient, x64):
    """Several quantiles equal those fitted separately; the objective is within 0.1% of the optimum."""
    quantiles = (0.25, 0.5, 0.8)
    net = jfnn.mlp((2, 3), init="glorot_normal")
    optimizer = jfnn.Optimizer("sgd", schedule="cosine")
    options = {"epochs": 3000, "learning_rate": 0.5, "optimizer": optimizer, "gradient": gradient}
    result = fit(losses.pinball(*quantiles), net=net, **options)
    predicted = result.predict(X)[0, 0, 0]
    least = 0.0
    for q, ours in zip(quantiles, predicted.T, strict=True):
        theirs = QuantileRegressor(quantile=q, alpha=0).fit(X, Y).predict(X)
        least += mean_pinball_loss(Y, theirs, alpha=q)
        np.testing.assert_allclose(
            mean_pinball_loss(Y, ours, alpha=q), mean_pinball_loss(Y, theirs, alpha=q), rtol=1e-3
        )
    np.testing.assert_allclose(result.train_loss[0, 0, 0], least, rtol=1e-3)
    np.testing.assert_allclose(result.train_r2[0, 0, 0], r2_score(Y, predicted[:, 1]), rtol=1e-5)
    ((w, b),) = fit("absolute", net=LINE, **options).member(0, 0, 0)
    median = mean_pinball_loss(Y, (X @ w + b)[:, 0])
    np.testing.assert_allclose(median, mean_pinball_loss(Y, predicted[:, 1]), rtol=1e-3)


@pytest.mark.thorough
def test_gaussian_loss_of_a_constant_network_gives_mean_and_deviation(x64):
    """Two targets, with members on the last axis."""
    y = np.stack([Y / 8, Y / 4 + 1], axis=1)
    split = jfnn.Split(np.zeros((N, 2)), y)
    options = {"loss": "gaussian", "batch_size": None, "reduction": "mean", "seeds": range(32)}
    net = jfnn.mlp((2, 4), init="glorot_normal")
    result = jfnn.sweep(net, split, learning_rate=0.5, epochs=2000, **options)
    expected = [*y.mean(axis=0), *y.std(axis=0)]
    np.testing.assert_allclose(result.predict(np.zeros((1, 2)))[0, 0, :, 0], [expected] * 32, rtol=1e-6)
    member = result.member(0, 0, 5)
    np.testing.assert_allclose(jfnn.predict(net, member, np.zeros((1, 2)), "gaussian"), [expected], rtol=1e-6)
    np.testing.assert_allclose(result.train_r2[0, 0, 0], 0, atol=1e-6)


def test_mean_of_gaussian_networks_is_the_mean_and_deviation_of_their_mixture():
    """Two targets; a large sample from the mixture has these moments."""
    net = jfnn.mlp((2, 3, 4), "tanh")
    targets = np.stack([Y, 3 * Y], axis=1)
    result = fit("gaussian", targets, net, epochs=100, learning_rate=[0.01, 0.02], optimizer="adam")
    means, deviations = np.split(result.predict(X[:7]).reshape(4, 7, 4).astype(np.float64), 2, axis=-1)
    sample = np.random.default_rng(0).normal(means, deviations, (40_000, *means.shape)).reshape(-1, 7, 2)
    mixture = result.predict(X[:7], "mean")
    np.testing.assert_allclose(mixture[:, :2], means.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(mixture[:, 2:], sample.std(axis=0), rtol=0.02)


@pytest.mark.thorough
def test_result_is_loaded_with_its_parametrized_loss(tmp_path):
    loss = losses.pinball(0.1, 0.5, 0.9)
    net = jfnn.mlp((2, 3), init="glorot_normal")
    result = fit(loss, net=net, epochs=2, out=tmp_path)
    described = result.config["settings"]["learner"]["loss"]
    assert described == {"kind": "pinball", "parameters": [0.1, 0.5, 0.9]}
    loaded = jfnn.load(tmp_path)
    assert same_bits(loaded.predict(X), result.predict(X))
    score = loaded.row_scores("loss", "train", jfnn.Split(X, Y))
    np.testing.assert_allclose(score.mean(axis=-1), result.train_loss, rtol=1e-5)
    again = jfnn.supervised(net, losses.pinball(0.1, 0.5, 0.9))
    assert again == jfnn.supervised(net, loss) and again.is_registered
    assert code_checksum(again) != code_checksum(jfnn.supervised(net, losses.pinball(0.1, 0.5, 0.8)))
    assert again.fits_last("cpu", 32, 16, False)


def test_deviations_scale_with_targets_and_ignore_their_origin():
    names = jfnn.datasets.ColumnNames({"scaling": {"y": {"mean": [10.0, 20.0], "scale": [2.0, 3.0]}}})
    units = names.units([link is None for link in losses.LOSSES["gaussian"].inverse_links])
    np.testing.assert_array_equal(units(np.ones((1, 4))), [[12, 23, 2, 3]])


SPLIT = jfnn.Split(X, Y)
REFUSED = [
    (lambda: fit("poisson", np.arange(N) - 1), "y_train: expected numbers of at least 0, got -1"),
    (lambda: fit("gaussian"), "loss: it takes 2 outputs for each target, but the network has 1 in total"),
    (lambda: fit("poisson", net=jfnn.mlp((2, 1), output="relu")), "loss: it applies a link itself"),
    (
        lambda: jfnn.supervised(LINE, "huber", metrics=["accuracy"]).bind(SPLIT),
        "metrics: accuracy needs classes, got a regression loss",
    ),
    (
        lambda: jfnn.predict(LINE, LINE.init(jax.random.key(0)), X, "poisson", "classification"),
        "task: expected one of regression, got 'classification'",
    ),
]


# These are 0 or infinity in float32.
REFUSED += [
    (lambda loss=loss, net=net: fit(loss, net=net), f"{argument}: .* is out of the range of float32")
    for argument, loss, net in (
        ("loss: huber", losses.huber(1e-40), LINE),
        ("loss: huber", losses.huber(1e40), LINE),
        ("loss: pinball", losses.pinball(1e-40), LINE),
        (
            "network: layer_norm epsilon",
            "huber",
            jfnn.sequential([jfnn.LayerNorm(epsilon=1e-50), jfnn.Dense(1)], 2),
        ),
        ("network: scaled rate", "huber", jfnn.sequential([jfnn.Scaled(jfnn.Dense(1), rate=1e-40)], 2)),
    )
]


@pytest.mark.thorough
def test_float64_accepts_smaller_numbers(x64):
    result = fit(losses.huber(1e-40), learning_rate=1e38, epochs=3)
    start = fit(losses.huber(1e-40), learning_rate=1e38, epochs=0)
    assert result.train_loss.min() > 0 and np.abs(result.params[0].w - start.params[0].w).max() > 1e-4


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_invalid_arguments_of_regression_losses_are_refused(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
