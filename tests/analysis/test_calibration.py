"""Brier scores, calibration errors, temperatures, CRPS: other libraries, closed forms, enumeration."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import integrate, special, stats
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from jfnn import analysis

N = 200
K = 4


def drawn(seed=0, sharpness=2.0, members=(), n=N, k=K):
    """Probabilities ``[…, n, k]`` of networks that are too sure of themselves, and labels ``[n]``."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(*members, n, k))
    mean = logits.reshape(-1, n, k).mean(axis=0)
    labels = (mean + rng.gumbel(size=(n, k))).argmax(axis=-1)
    return special.softmax(sharpness * logits, axis=-1), labels


def test_brier_scores_are_those_of_scikit_learn_and_the_sum_of_their_parts():
    p, y = drawn(members=(2, 3))
    brier = analysis.brier_score(p, y)
    assert brier.score.shape == (2, 3)
    for index in np.ndindex(2, 3):
        expected = brier_score_loss(y, p[index], labels=np.arange(K), scale_by_half=False)
        np.testing.assert_allclose(brier.score[index], expected)
    parts = brier.reliability - brier.resolution + brier.uncertainty + brier.within
    np.testing.assert_allclose(parts, brier.score, rtol=1e-12)
    assert (np.abs(brier.within) > 1e-4).all()
    binary = analysis.brier_score(p[0, 0, :, :1], y == 0)
    np.testing.assert_allclose(binary.score, brier_score_loss(y == 0, p[0, 0, :, 0]))


def test_parts_of_forecasts_in_tenths_are_murphys():
    """Murphy's example: a few different probabilities, so that bins hold equal ones."""
    rng = np.random.default_rng(0)
    p = rng.integers(0, 11, N) / 10
    y = rng.random(N) < p**2
    table = pd.DataFrame({"p": p, "y": y * 1.0}).groupby("p").y.agg(["mean", "size"]).reset_index()
    brier = analysis.brier_score(p[:, None], y, bins=11)
    weights = table["size"] / N
    np.testing.assert_allclose(brier.reliability, (weights * (table.p - table["mean"]) ** 2).sum())
    np.testing.assert_allclose(brier.resolution, (weights * (table["mean"] - y.mean()) ** 2).sum())
    np.testing.assert_allclose(brier.uncertainty, y.var())
    np.testing.assert_allclose(brier.within, 0, atol=1e-12)


@pytest.mark.parametrize(("equal", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_bins_are_those_of_scikit_learn(equal, strategy):
    p, y = drawn(members=(3,))
    bins = 7
    got = analysis.calibration_error(p, y, bins, equal)
    for i in range(3):
        confidence = p[i].max(axis=-1)
        right = p[i].argmax(axis=-1) == y
        accuracy, mean = calibration_curve(right, confidence, n_bins=bins, strategy=strategy)
        taken = got.rows[i] > 0
        np.testing.assert_allclose(got.accuracy[i][taken], accuracy)
        np.testing.assert_allclose(got.confidence[i][taken], mean)
        cut = pd.cut(confidence, np.linspace(0, 1, bins + 1))
        cut = cut if equal == "width" else pd.qcut(confidence, bins)
        rows = cut.value_counts().to_numpy()
        np.testing.assert_array_equal(got.rows[i], rows)
        expected = (rows[rows > 0] / N * np.abs(accuracy - mean)).sum()
        np.testing.assert_allclose(got.error[i], expected)


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("equal", ["width", "mass"])
def test_chance_is_the_mean_over_all_labels_that_a_calibrated_network_may_meet(k, equal):
    """2^8 sets of labels, each with its probability."""
    n = 8
    p = np.random.default_rng(1).uniform(0.02, 0.98, n)
    labels = np.array(list(itertools.product([0, 1], repeat=n)))
    weights = np.where(labels == 1, p, 1 - p).prod(axis=1)
    columns = p[:, None] if k == 1 else np.stack([1 - p, p], axis=-1)
    got = analysis.calibration_error(np.broadcast_to(columns, (2**n, n, k)), labels, 3, equal)
    np.testing.assert_allclose(weights.sum(), 1)
    np.testing.assert_allclose(got.by_chance, weights @ got.error, rtol=1e-12)
    gaps = np.abs(got.accuracy - got.confidence)
    np.testing.assert_allclose(got.deviation[0], weights @ gaps, rtol=1e-12)


@pytest.mark.parametrize("bins", [3, 9])
def test_the_debiased_square_is_unbiased_whatever_the_labels_probabilities(bins):
    """Over all 2^8 sets of labels it is on average the products of true deviations of all pairs in a bin."""
    n = 8
    rng = np.random.default_rng(1)
    p, q = rng.uniform(0.02, 0.98, (2, n))
    labels = np.array(list(itertools.product([0, 1], repeat=n)))
    columns = np.broadcast_to(np.stack([1 - p, p], axis=-1), (2**n, n, 2))
    found = analysis.calibration_error(columns, labels, bins)
    assert (found.rows[0] == 2).any() == (bins == 9)  # one pair
    got = found.debiased_square
    for truth in (p, q):
        weights = np.where(labels == 1, truth, 1 - truth).prod(axis=1)
        top = np.maximum(p, 1 - p)
        off = top - np.where(p > 0.5, truth, 1 - truth)
        expected = 0.0
        for low, high in itertools.pairwise(np.linspace(0, 1, bins + 1)):
            rows = off[(top > low) & (top <= high)]
            if len(rows) > 1:
                products = np.outer(rows, rows)[~np.eye(len(rows), dtype=bool)]
                expected += len(rows) / n * products.mean()
        np.testing.assert_allclose(weights @ got, expected, atol=1e-14)
    assert abs(expected) > 0.01


@pytest.mark.thorough
def test_the_debiased_square_is_that_of_uncertainty_calibration():
    """Theirs is for bins of equal confidences."""
    utils = pytest.importorskip("calibration.utils")
    rng = np.random.default_rng(0)
    confidence = rng.choice([0.55, 0.65, 0.75, 0.95], 300)
    right = rng.random(300) < confidence - 0.1
    p = np.stack([confidence, 1 - confidence], axis=-1)
    got = analysis.calibration_error(p, 1 - right, 10)
    binned = [
        list(zip(confidence[rows], 1.0 * right[rows], strict=True))
        for rows in (confidence == value for value in np.unique(confidence))
    ]
    np.testing.assert_allclose(got.debiased_square, utils.unbiased_square_ce(binned))
    np.testing.assert_allclose(got.error, utils.plugin_ce(binned, power=1))


def test_a_calibrated_network_has_the_error_that_chance_gives():
    rng = np.random.default_rng(0)
    p, _ = drawn(n=500)
    labels = (p.cumsum(axis=-1) < rng.random((400, 500, 1))).sum(axis=-1).clip(max=K - 1)
    got = analysis.calibration_error(np.broadcast_to(p, (400, 500, K)), labels, 5)
    error = got.error.std() / 20
    assert abs(got.error.mean() - got.by_chance[0]) < 4 * error
    assert abs(got.debiased_square.mean()) < 4 * got.debiased_square.std() / 20


def test_temperatures_are_those_of_scikit_learn():
    if tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8):
        pytest.skip("scikit-learn scales temperatures since 1.8")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5))
    y = (x[:, :3] + rng.gumbel(size=(300, 3))).argmax(axis=-1)
    classifier = LogisticRegression(C=100.0).fit(x[:40], y[:40])
    for classes in (3, 2):
        rows = y < classes
        if classes == 2:
            classifier = LogisticRegression(C=100.0).fit(x[:40][rows[:40]], y[:40][rows[:40]])
        held, labels = x[40:][rows[40:]], y[40:][rows[40:]]
        scaled = CalibratedClassifierCV(FrozenEstimator(classifier), method="temperature").fit(held, labels)
        p = classifier.predict_proba(held)
        columns = p if classes == 3 else p[:, 1:]
        t = analysis.temperature(np.stack([columns, columns]), labels)
        beta = scaled.calibrated_classifiers_[0].calibrators[0].beta_
        # Of two classes theirs takes logits (-z, z).
        np.testing.assert_allclose(t, 1 / beta / (1 if classes == 3 else 2), rtol=1e-5)
        ours = analysis.with_temperature(columns, t[0])
        np.testing.assert_allclose(ours, scaled.predict_proba(held)[:, -columns.shape[1] :], rtol=1e-4)


@pytest.mark.thorough
def test_temperatures_are_the_optima_that_torch_finds():
    torch = pytest.importorskip("torch")
    p, y = drawn(members=(2,), sharpness=3.0)
    temperatures = analysis.temperature(p, y)
    for member, t in zip(p, temperatures, strict=True):
        beta = torch.ones(1, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.LBFGS([beta], max_iter=100, tolerance_grad=1e-12, tolerance_change=1e-14)
        logits = torch.tensor(np.log(member))

        def closure(optimizer=optimizer, logits=logits, beta=beta):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(beta * logits, torch.tensor(y))
            loss.backward()
            return loss

        optimizer.step(closure)
        np.testing.assert_allclose(1 / t, beta.item(), rtol=1e-6)


def test_the_temperature_is_where_the_derivative_is_zero():
    """``Σ_i z_{i, y_i} - Σ_c P_ic z_ic = 0``, of every network and with labels of its own."""
    p, y = drawn(members=(2, 2), sharpness=3.0)
    others = np.where(np.arange(N) % 5 == 0, 0, y)
    labels = np.stack([[y, others], [y, y]])
    t = analysis.temperature(p, labels)
    assert t.shape == (2, 2) and len(np.unique(t)) == 4
    z = np.log(p)
    scaled = analysis.with_temperature(p, t)
    np.testing.assert_allclose(scaled, special.softmax(z / t[..., None, None], axis=-1))
    own = np.take_along_axis(z, labels[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose((own - (scaled * z).sum(axis=-1)).mean(axis=-1), 0, atol=1e-6)
    np.testing.assert_allclose(analysis.with_temperature(p, 1.0), p, rtol=1e-12)


def test_probabilities_that_underflowed_and_labels_all_right_have_temperatures():
    p = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], np.float32)
    assert 5 < analysis.temperature(p, [0, 1, 1]) < 2000  # one label in three is wrong
    assert analysis.temperature(p, [0, 0, 1]) < 1
    np.testing.assert_allclose(analysis.with_temperature(p, 2.0).sum(axis=-1), 1)


def test_networks_that_diverged_have_no_numbers():
    p, y = drawn(members=(3,))
    p[1, 5] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        brier = analysis.brier_score(p, y)
        error = analysis.calibration_error(p, y)
        mass = analysis.calibration_error(p, y, equal="mass")
        t = analysis.temperature(p, y)
    for values in (*brier, *error[:3], *mass[:3], t):
        np.testing.assert_array_equal(np.isnan(values), [False, True, False])
    alone = analysis.calibration_error(p[2], y)
    for values, expected in zip(error, alone, strict=True):
        np.testing.assert_array_equal(values[2], expected)


def test_crps_is_its_definition():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 5, 2))
    y = rng.normal(size=(5, 2))
    apart = np.abs(x[:, None] - x).sum(axis=(0, 1))
    near = np.abs(x - y).mean(axis=0)
    np.testing.assert_allclose(analysis.crps(x, y), near - apart / (2 * 36))
    np.testing.assert_allclose(analysis.crps(x, y, fair=True), near - apart / (2 * 30))
    np.testing.assert_allclose(analysis.crps(x[:1], y), np.abs(x[0] - y))


def test_the_fair_crps_is_that_of_the_distribution_on_average():
    """All ensembles of three draws from a distribution of three values, one for each."""
    values = np.array([-1.0, 0.5, 2.0])
    shares = np.array([0.2, 0.5, 0.3])
    draws = np.array(list(itertools.product(range(3), repeat=3)))
    weights = shares[draws].prod(axis=1)
    y = 0.2
    scores = analysis.crps(values[draws].T, np.full(27, y), fair=True)
    exact = shares @ np.abs(values - y) - shares @ np.abs(values[:, None] - values) @ shares / 2
    np.testing.assert_allclose(weights @ scores, exact)


def test_crps_of_normals_is_the_integral():
    cases = [(0.0, 1.0, 0.3), (2.0, 0.5, -1.0), (-1.0, 3.0, -1.0)]
    for mean, std, y in cases:
        normal = stats.norm(mean, std)
        below, _ = integrate.quad(lambda x, f=normal: f.cdf(x) ** 2, -np.inf, y)
        above, _ = integrate.quad(lambda x, f=normal: f.sf(x) ** 2, y, np.inf)
        np.testing.assert_allclose(analysis.crps_normal(mean, std, y), below + above, rtol=1e-7)
    np.testing.assert_array_equal(analysis.crps_normal([1.0, 2.0], 0.0, [3.0, 2.0]), [2.0, 0.0])


@pytest.mark.thorough
def test_crps_is_that_of_scoringrules():
    scoringrules = pytest.importorskip("scoringrules")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(7, 30))
    y = rng.normal(size=30)
    scale = np.abs(x[1])
    plain = scoringrules.crps_ensemble(y, x.T, estimator="nrg")
    np.testing.assert_allclose(analysis.crps(x, y), plain)
    normal = scoringrules.crps_normal(y, x[0], scale)
    np.testing.assert_allclose(analysis.crps_normal(x[0], scale, y), normal)
    fair = scoringrules.crps_ensemble(y, x.T, estimator="fair")
    np.testing.assert_allclose(analysis.crps(x, y, fair=True), fair)
