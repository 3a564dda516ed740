"""Folds and held-out rows equal scikit-learn's, and rows of weight 0 are in none of them."""

import jax
import numpy as np
import pytest
from helpers import same_bits
from noisy_classes import CLASSES, FEATURES, HELD, NET, SCORES, SPLIT, N, sweep
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

import jfnn
from jfnn.core.engine import cohort
from jfnn.core.experiment.options import Options
from jfnn.core.experiment.validation import cuts
from jfnn.core.search.prepare import prepare

pytestmark = pytest.mark.unoptimized


PAIRS = [(np.arange(HELD, N)[::-1], np.arange(HELD)), (np.arange(N - HELD), np.arange(N - HELD, N))]


def data(targets, loss="cross_entropy", outputs=CLASSES):
    learner = jfnn.supervised(jfnn.mlp((FEATURES, outputs)), loss)
    return learner.bind(jfnn.Split(SPLIT.x_train, targets))[1]


@pytest.mark.parametrize("k", [2, 5, 7])
def test_number_of_folds_means_scikit_learns_stratified_kfold_for_labels_and_kfold_otherwise(k):
    cases = [
        (data(SPLIT.y_train), StratifiedKFold(k)),
        (data(np.eye(CLASSES)[SPLIT.y_train]), KFold(k)),
        (data(SPLIT.x_train[:, 0], "quadratic", 1), KFold(k)),
    ]
    for of_targets, splitter in cases:
        expected = splitter.split(SPLIT.x_train, SPLIT.y_train)
        for actual, wanted in zip(cuts(of_targets, None, k), expected, strict=True):
            jax.tree.map(np.testing.assert_array_equal, actual, wanted)


@pytest.mark.parametrize("validation", [0.2, HELD, jfnn.Validation(HELD)])
def test_hold_out_is_one_train_test_split_for_all_seeds(validation):
    size = validation.size if isinstance(validation, jfnn.Validation) else validation
    train, held = train_test_split(np.arange(N), test_size=size, random_state=0)
    result = sweep(learning_rate=[0.1, 1e38], l2=0.3, seeds=2, validation=validation)
    assert result.folds is None
    assert result.validation_loss.shape == (2, 1, 2)
    as_folds = sweep(learning_rate=[0.1, 1e38], l2=0.3, seeds=2, folds=[(np.sort(train), np.sort(held))])
    assert same_bits(result.params, as_folds.params)
    for name in SCORES:
        np.testing.assert_array_equal(result.scores[name], as_folds.scores[name][..., 0])


def default_minibatches(**options):
    return prepare(Options(NET, SPLIT, learning_rate=0.1, **options)).experiment.replicates.batches


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, 15),
        ({"validation": HELD}, 12),
        ({"folds": 3}, 10),
        ({"folds": [(range(20), range(20, 60)), (range(8), range(20, 60))]}, 2),
    ],
)
def test_default_batch_size_suits_the_smallest_number_of_training_rows(options, size):
    assert default_minibatches(**options) == jfnn.Minibatches(size)
    passes = jfnn.Minibatches(scheme="permutation", drop_last=False)
    assert default_minibatches(**options, batch_size=passes) == jfnn.Minibatches(size, "permutation", False)


def test_refit_keeps_the_default_batch_size_of_the_search():
    options = {"learning_rate": [0.02, 0.1], "epochs": 2, "folds": 3, "refit": True}
    result = jfnn.sweep(NET, SPLIT, **options)
    sizes = [each.config["settings"]["minibatches"]["batch_size"] for each in (result, result.refit)]
    assert sizes == [10, 10]


@pytest.mark.parametrize(
    ("options", "learned", "named"),
    [
        ({"folds": PAIRS}, np.arange(N - HELD), "fold 1"),
        ({"folds": 2}, StratifiedKFold(2), "fold 0"),
        ({"validation": HELD}, train_test_split(np.arange(N), test_size=HELD, random_state=0)[0], "training"),
    ],
    ids=["pairs", "number", "hold-out"],
)
@pytest.mark.parametrize("nothing", [0.0, 1e-60])
def test_training_rows_with_only_zero_weights_are_refused_before_training(options, learned, named, nothing):
    """They would be trained on the penalty alone, and ranked; 1e-60 is 0 in float32."""
    if isinstance(learned, StratifiedKFold):
        learned, _ = next(learned.split(SPLIT.x_train, SPLIT.y_train))
    weights = np.ones(N)
    weights[learned] = nothing
    with pytest.raises(ValueError, match=rf"^weights: .*{named}"):
        sweep(SPLIT._replace(weights=weights), execution={"progress": pytest.fail}, **options)


def test_rows_of_weight_0_in_a_subset_are_held_out():
    """A bag's weights count the draws of each row; the rows outside of it have weight 0 and validate."""
    counts = np.bincount(np.random.default_rng(0).integers(0, N, N), minlength=N)
    outside = np.flatnonzero(counts == 0)
    folds = [(np.flatnonzero(counts), outside)]
    bag = jfnn.subsets.Subsets(N, folds, weights=[counts])
    options = {"learning_rate": 0.1, "l2": 0.3, "batch_size": None}
    result = sweep(folds=bag, **options)
    params = result.member(0, 0, 0, 0)
    expected = jfnn.accuracy(NET, params, SPLIT.x_train[outside], SPLIT.y_train[outside])
    assert result.validation_accuracy[0, 0, 0, 0] == pytest.approx(float(expected))
    with pytest.raises(ValueError, match=r"^weights: .*held out.*Subsets"):
        sweep(SPLIT._replace(weights=counts), folds=folds, **options)


SQUARES = {"loss": "quadratic", "reduction": "mean", "learning_rate": 0.1, "epochs": 3, "batch_size": None}
CUTS = {
    "no rows held out": {},
    "some held out": {"validation": HELD},
    "folds": {"folds": 3},
    "copies of few rows": {"folds": jfnn.subsets.by_group(np.arange(N) // 12, 0.5)},
    "weights of subsets": {
        "folds": jfnn.subsets.Subsets(N, PAIRS, weights=np.arange(2 * N).reshape(2, N) % 3)
    },
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", CUTS)
def test_rows_of_weight_0_do_not_affect_scores(name, monkeypatch):
    """Their targets may be huge."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 4))
    y = x[:, :1] + rng.normal(size=(N, 1))
    weights = (np.arange(N) % 3 > 0) * rng.uniform(0.5, 1.5, N)
    absent = weights == 0
    monkeypatch.setattr(cohort, "COPIED_SHARE", 0.2 if name == "copies of few rows" else 0)
    splits = [jfnn.Split(x, np.where(absent[:, None], far, y), x, y, weights) for far in (3e38, 0)]
    result, other = (
        jfnn.sweep(jfnn.mlp((4, 1), init="glorot_normal"), split, **SQUARES | CUTS[name]) for split in splits
    )
    assert same_bits((result.params, result.scores), (other.params, other.scores))
    assert np.isfinite(result.train_r2).all()
    losses = result.row_scores("loss", "train", splits[0])
    assert np.isnan(losses[..., absent]).all()
    np.testing.assert_allclose(np.nanmean(losses, axis=-1), result.train_loss, rtol=1e-5)
