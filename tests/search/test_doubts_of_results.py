"""Doubts below the best cell: nothing was learned, cells stayed at chance, the best is at an axis end."""

import numpy as np
import pytest
from helpers import make_result, noise_split, with_scores

import jfnn
from jfnn.core.experiment.options import Options
from jfnn.core.search.prepare import prepare
from jfnn.core.search.result import with_run
from jfnn.core.search.runs import Origin

SPLIT = noise_split()
X = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
NUMBERS = jfnn.Split(X, X.sum(axis=1, keepdims=True))


@pytest.mark.thorough
@pytest.mark.parametrize("folds", [None, 3])
def test_grid_without_a_cell_better_than_chance_is_doubted(folds):
    """Inputs of zeros give every row the same class."""
    network = jfnn.mlp((5, 4, 3))
    options = dict(learning_rate=[1e-9, 1e-8], epochs=1, batch_size=16, folds=folds)
    zeros = jfnn.sweep(network, SPLIT._replace(x_train=0 * SPLIT.x_train, x_test=0 * SPLIT.x_test), **options)
    assert len(zeros.best().doubts) == 1
    assert "most frequent class" in str(zeros.best())
    assert "most frequent class" in zeros.best()._repr_html_()


@pytest.mark.thorough
@pytest.mark.parametrize(("rates", "words"), [([1e-9, 1e-8], "mean of the targets"), ([0.03, 0.1], None)])
def test_regression_worse_than_the_mean_is_doubted(rates, words):
    result = jfnn.sweep(
        jfnn.mlp((2, 1)), NUMBERS, loss="quadratic", learning_rate=rates, epochs=9, batch_size=10
    )
    doubts = result.best().doubts
    assert not doubts if words is None else words in doubts[0]


def with_origin(accuracies, advice="", **fields):
    """Return a result with these accuracies ``[cells, seeds]``, where half of the rows have one class."""
    accuracies = np.asarray(accuracies)[:, None]
    grid = make_result(shape=accuracies.shape[:2], seeds=accuracies.shape[2])
    scores = with_scores(grid, {"test_accuracy": accuracies}, **fields)
    return with_run(scores, origin=Origin(lambda network: None, most_frequent=0.5, advice=advice))


def test_cells_with_a_seed_at_chance_are_counted():
    (doubt,) = with_origin([[0.9, 0.5, 0.8], [0.9, 0.9, 0.9], [0.5, 0.2, 0.5]]).best().doubts
    assert doubt.startswith("2 of 3 cells stayed at chance with some seed") and "0.5" in doubt
    (of_one_seed,) = with_origin([[0.9], [0.5]], "first scale").best().doubts
    assert "seed" not in of_one_seed and of_one_seed.endswith("first scale")


def test_rounding_of_scores_does_not_hide_that_nothing_was_learned():
    (doubt,) = with_origin([[0.5 + 1e-8, 0.5], [0.5, 0.5 + 1e-8]]).best().doubts
    assert "most frequent class" in doubt
    (doubt,) = with_origin([[0.5 + 1e-8], [0.9]]).best().doubts
    assert doubt.startswith("1 of 2 cells")


def test_diverged_and_pruned_cells_are_not_at_chance():
    assert with_origin([[0.9, 0.9], [np.nan, 0.8]]).best().doubts == ()
    pruned = np.array([[[False] * 2], [[True] * 2]])
    assert with_origin([[0.9, 0.9], [0.5, 0.5]], pruned=pruned).best().doubts == ()


@pytest.mark.parametrize("accuracies", [[[0.9], [0.5]], [[0.5], [0.4]]])
def test_displays_of_the_best_cell_and_of_the_result_have_the_doubts(accuracies):
    result = with_origin(accuracies)
    (doubt,) = result.best().doubts
    for shown in (repr(result.best()), str(result.best()), repr(result)):
        assert shown.splitlines()[-1] == doubt
    assert doubt in result.best()._repr_html_() and doubt in result._repr_html_()


def advice_of(split=SPLIT, network=None, **options):
    network = network or jfnn.mlp((5, 4, 3))
    return prepare(Options(network, split, learning_rate=0.1, **options)).experiment.advice


@pytest.mark.filterwarnings("ignore:inputs reach", "ignore:all training rows")
def test_advice_names_scaling_and_a_single_class():
    assert advice_of() == advice_of(SPLIT._replace(x_train=0 * SPLIT.x_train)) == ""
    for factor in (1e3, 1e-3):
        assert "scale the inputs" in advice_of(SPLIT._replace(x_train=factor * SPLIT.x_train))
    assert "same class" in advice_of(SPLIT._replace(y_train=0 * SPLIT.y_train))
    prices = {"split": NUMBERS._replace(y_train=3e5 + 1e5 * NUMBERS.y_train), "network": jfnn.mlp((2, 1))}
    assert "scale the targets" in advice_of(**prices, loss="quadratic")
    assert advice_of(**prices, loss="poisson") == ""


@pytest.mark.filterwarnings("ignore:inputs reach")
def test_advice_replaces_that_about_learning_rates():
    stuck = with_origin([[0.5], [0.4]]), with_origin([[0.5], [0.4]], "first scale the inputs")
    assert ["learning rates" in repr(result) for result in stuck] == [True, False]
    diverged = with_origin([[np.nan]]), with_origin([[np.nan]], "first scale the inputs")
    for result, words in zip(diverged, ("smaller learning rates", "first scale the inputs"), strict=True):
        with pytest.raises(ValueError, match=f"{words}$"):
            result.best()
        assert words in result._repr_html_()


def doubts(by_rate, l2=(0.0, 0.1, 1.0), by_penalty=(0.0, 0.0, 0.0)):
    """Return the doubts about a 3×3 grid with three equal seeds, whose accuracy is a sum over its axes."""
    scores = np.repeat(np.add.outer(by_rate, by_penalty)[..., None], 3, axis=-1)
    axes = {"learning_rate": np.array([0.01, 0.1, 1.0]), "l2": np.array(l2)}
    grid = make_result(shape=(3, 3), seeds=3)
    return with_scores(grid, {"test_accuracy": scores}, axes=axes).best().doubts


def test_best_cell_at_the_end_of_an_axis_is_doubted_with_name_and_direction():
    assert doubts([0.5, 0.9, 0.7]) == ()
    (largest,) = doubts([0.5, 0.7, 0.9])
    assert "learning_rate, 1, is the largest" in largest and "larger ones" in largest
    (smallest,) = doubts([0.9, 0.7, np.nan])
    assert "learning_rate, 0.01, is the smallest" in smallest
    (beside_diverged,) = doubts([0.9, np.nan, np.nan])
    assert "smallest" in beside_diverged


def test_ends_at_zero_and_equally_good_neighbors_are_not_doubted():
    assert doubts([0.5, 0.9, 0.7], by_penalty=[0.05, 0.0, -0.1]) == ()
    (penalty,) = doubts([0.5, 0.9, 0.7], l2=[0.01, 0.1, 1.0], by_penalty=[0.05, 0.0, -0.1])
    assert "l2, 0.01, is the smallest" in penalty
    assert doubts([0.5, 0.9, 0.9]) == doubts([0.9, 0.9, 0.5]) == ()


def test_lead_within_the_noise_of_seeds_is_not_doubted():
    accuracy = np.full((3, 1, 3), 0.5)
    accuracy[1] = [[0.90, 0.80, 0.70]]
    accuracy[2] = [[0.75, 0.85, 0.83]]  # better by 0.01 on average, and worse with one seed
    grid = make_result(shape=(3, 1), seeds=3)
    assert with_scores(grid, {"test_accuracy": accuracy}).best().doubts == ()
    accuracy[2] = [[0.92, 0.82, 0.72]]
    (doubt,) = with_scores(grid, {"test_accuracy": accuracy}).best().doubts
    assert "learning_rate" in doubt


def test_listed_cells_and_axes_of_two_values_have_no_ends():
    cells = jfnn.sweep(
        jfnn.mlp((2, 1)),
        NUMBERS,
        loss="quadratic",
        cells={"learning_rate": [0.001, 0.01, 0.1]},
        epochs=9,
        batch_size=10,
    )
    grid = make_result(shape=(2, 2))
    assert cells.best().doubts == grid.best().doubts == ()
