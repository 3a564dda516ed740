"""The famous pictures: all are drawn with their tables; closed forms and plain loops of what they measure."""

import importlib
import json

import jax
import numpy as np
import pictures
import pytest
import verdicts
from famous import boundary, double_descent, grokking, seeds, superposition
from famous.picture import PUBLISHED, SIZES
from scipy import stats

pytestmark = pytest.mark.unoptimised

TINY = {
    "boundary": boundary.Scale(resolution=16, steps=25, zooms=1),
    "superposition": superposition.Scale(points=3, seeds=2, steps=20, batch=16),
    "seeds": seeds.Scale(seeds=3, epochs=2),
    "double-descent": double_descent.Scale(places=(2,), seeds=2, judged=(), epochs=2, rows=400),
    "grokking": grokking.Scale(steps=30, alphas=(1.0, 4.0), decays=(0.1, 1.0)),
}
VERDICTS = {verdicts.CONSISTENT, verdicts.OUTSIDE, verdicts.UNDECIDED}


def module_of(name):
    return importlib.import_module(f"famous.{name.replace('-', '_')}")


def test_every_picture_has_sizes_figures_and_a_tiny_form():
    published = json.loads(PUBLISHED.read_text())
    assert published.keys() == pictures.PICTURES.keys() == TINY.keys()
    for name in pictures.PICTURES:
        assert {"source", "protocol", "time"} < published[name].keys()
        assert tuple(module_of(name).SCALES) == SIZES


@pytest.mark.parametrize("name", TINY)
def test_a_picture_is_drawn_with_its_table(name, tmp_path, capsys, monkeypatch):
    if name == "double-descent":
        pytest.importorskip("mnist1d")
    monkeypatch.setitem(module_of(name).SCALES, "quick", TINY[name])
    words = [name, "--quick", "--out", str(tmp_path)]
    assert pictures.main(words) == 0
    printed = capsys.readouterr().out
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    assert "time here: " in printed and printed.startswith(verdicts.RULE)
    counts = printed.splitlines()[-2].split(", ")
    assert {count.split(maxsplit=1)[1] for count in counts} <= VERDICTS
    if name == "seeds":  # drawn again without training
        monkeypatch.setattr("jfnn.engine.loop.run", None)
        assert pictures.main(words) == 0
        table = [line for line in printed.splitlines() if verdicts.UNDECIDED in line]
        assert table == [line for line in capsys.readouterr().out.splitlines() if verdicts.UNDECIDED in line]


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_a_quick_picture_decides_nothing(name, tmp_path, capsys):
    assert pictures.main([name, "--quick", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-2].split(maxsplit=1)[1] == verdicts.UNDECIDED


def test_the_boundary_is_that_of_a_plain_loop():
    scale = boundary.Scale(resolution=4, width=3, steps=30)
    with jax.enable_x64(True), jax.threefry_partitionable(False):
        params, split = boundary.setting(scale.width)
        losses = boundary.trained(scale, (-1.0, 2.0, -1.0, 2.0)).objective[:, 0, :, 0]
    x, y, rates = split.x_train, split.y_train, np.logspace(-1, 2, 4)
    for i, j in ((0, 0), (1, 2), (2, 1)):
        w, v = map(np.asarray, params)
        for step in range(scale.steps):
            hidden = np.tanh(x @ w * np.sqrt(2 / 3))
            error = hidden @ v / 3 - y
            assert losses[i, j, step] == pytest.approx((error**2).mean(), rel=1e-6)
            by_output = 2 * error / len(x) / 3
            by_hidden = by_output @ v.T * (1 - hidden**2) * np.sqrt(2 / 3)
            w, v = w - rates[i] * x.T @ by_hidden, v - rates[j] * hidden.T @ by_output


def test_losses_that_stay_below_the_first_converge():
    losses = 2.0 ** np.array([[1.0] * 30, [1.0, *[0.0] * 29], [1.0, *[5.0] * 29]])
    losses = np.concatenate([losses, [[2.0, *[np.nan] * 29]]])
    expected = [30, -1 - 29 / 2, 1 + 29 / 16, 1 + 29 * 2 / boundary.MOST]
    np.testing.assert_allclose(boundary.convergence(losses), expected)


def test_boxes_find_the_dimensions_of_a_line_and_of_a_known_fractal():
    line = np.eye(512, dtype=bool)
    assert np.median(boundary.box_dimensions(line)) == pytest.approx(1, abs=0.06)
    i, j = np.ogrid[:512, :512]
    triangle = (i & j) == 0  # Sierpinski's, log 3 / log 2
    assert np.median(boundary.box_dimensions(triangle)) == pytest.approx(np.log2(3), abs=0.1)
    assert boundary.box_dimensions(np.zeros((64, 64), bool)).size == 0


def test_a_zoom_has_the_boundary_inside():
    image = np.where(np.arange(80)[:, None] < 30, -1.0, 1.0) * np.ones(80)
    left, right, low, high = boundary.zoomed(image, (0.0, 8.0, 0.0, 8.0))
    assert left < 3 < right and right - left == pytest.approx(1) and high - low == pytest.approx(1)


@pytest.mark.parametrize("n", superposition.FEATURES)
def test_explicit_losses_are_the_expected_ones_of_their_weights(n):
    s, r, nodes = 0.3, 2.5, superposition.quadrature(n).astype(np.float64)
    last, pair = np.eye(n)[:-1], np.eye(n)[: n - 1].copy()
    pair[-1, -2:] = 1, -1
    weights = [(last, s / 2 * np.eye(n)[-1]), (np.eye(n)[1:], s / 2 * np.eye(n)[0]), (pair, np.zeros(n))]
    if n == 3:
        weights.append((np.array([[1, -1, 0], [0, 0, 1]]), np.zeros(n)))
    chance = s ** nodes[:, n] * (1 - s) ** (n - nodes[:, n]) * nodes[:, n + 1]
    assert chance.sum() == pytest.approx(1)
    losses = [(chance * superposition.squared_errors(one, nodes[:, :n].T, r)).sum() for one in weights]
    np.testing.assert_allclose(losses, superposition.explicit_losses(n, s, r), rtol=0.004)
    stored = superposition.regimes(np.stack([w for w, _ in weights]))
    np.testing.assert_array_equal(stored, superposition.STORED[: len(weights)])


def test_rows_that_are_right_independently_make_a_binomial_where_all_are_alike():
    np.testing.assert_allclose(seeds.independent(np.full(9, 0.3)), stats.binom.pmf(range(10), 9, 0.3))
    mixed = seeds.independent(np.array([0.1, 0.5, 0.9]))
    assert mixed @ np.arange(4) == pytest.approx(1.5) and mixed[3] == pytest.approx(0.045)


def test_as_many_labels_are_wrong_as_noise_changes():
    pytest.importorskip("mnist1d")
    split = double_descent.data(1_600)
    clean = importlib.import_module("mnist1d.data")
    arguments = clean.get_dataset_args()
    arguments.num_samples, arguments.train_split = 1_600, 0.25
    wrong = (split.y_train != clean.make_dataset(arguments)["y"]).mean()
    assert len(split.y_train) == 400 and wrong == pytest.approx(0.15 * 0.9, abs=0.05)


def test_steps_to_fit_and_to_generalise_give_delays_and_their_exponent():
    decays, steps = (0.1, 0.2, 0.4), np.array([1, 10, 20, 40, 80])
    test = np.array([[0, 0, 0, 0, 1], [0, 0, 0, 1, 1], [0, 0, 1, 1, 1]])[:, None, None]
    train = np.broadcast_to([0, 1, 1, 1, 1], test.shape)
    curves = grokking.Curves(steps, train, test)
    np.testing.assert_array_equal(grokking.delays(curves).ravel(), [8, 4, 2])
    assert grokking.exponent(decays, curves.reached("test")) == pytest.approx(-1)
    assert np.isnan(grokking.exponent(decays, np.full((3, 1, 1), np.nan)))
    assert np.isnan(curves._replace(test=0 * test).reached("test")).all()
