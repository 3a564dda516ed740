"""Random search, and the best cell refitted."""

import csv
import dataclasses

import numpy as np
import pytest
from helpers import make_result, representatives, same_bits, with_scores
from scipy import stats

import jfnn
from jfnn.core.search.refit import refit_options

pytestmark = pytest.mark.unoptimised

TILE = jfnn.Execution(tile=4)
OPTIONS = dict(epochs=4, execution=TILE)
MOMENTA = stats.uniform(0, 0.9)
SCALES = stats.loguniform(0.1, 2.0)
DRAWN = dict(
    learning_rate=stats.loguniform(1e-3, 1.0),
    l2=[0.0, 0.1, 0.5],
    optimizer=jfnn.Optimizer("sgd", momentum=MOMENTA),
    hyper={"init_scale": SCALES},
    batch_size=16,
)


@pytest.fixture(scope="module")
def net():
    return jfnn.mlp((5, 6, 3))


@pytest.fixture(scope="module")
def drawn(net, split):
    return jfnn.sweep(net, split, cells=7, seeds=2, **DRAWN, **OPTIONS)


def test_a_drawn_member_has_the_bits_of_its_solo_run(net, split, drawn):
    assert not drawn.crossed
    assert drawn.test_accuracy.shape == (7, 2)
    assert drawn.cell_shape == (7,)
    for cell in (0, 4, 6):
        at = drawn.axes_at((cell,))
        params = jfnn.train(
            net,
            *split[:2],
            test=split[2:4],
            learning_rate=at["learning_rate"],
            l2=at["l2"],
            hyper={"init_scale": at["init_scale"]},
            optimizer=jfnn.Optimizer("sgd", momentum=at["momentum"]),
            seed=1,
            batch_size=16,
            **OPTIONS,
        ).params
        assert same_bits(params, drawn.member(cell, 1))


def test_more_draws_keep_the_earlier_ones_and_other_seeds_draw_others(net, split, drawn):
    more = jfnn.sweep(net, split, cells=9, seeds=2, **DRAWN, **OPTIONS)
    for name, values in drawn.axes.items():
        np.testing.assert_array_equal(more.axes[name][:7], values)
    np.testing.assert_array_equal(more.test_loss[:7], drawn.test_loss)
    same, other = (jfnn.sweep(net, split, cells=jfnn.Sample(7, seed), **DRAWN, **OPTIONS) for seed in (0, 1))
    np.testing.assert_array_equal(same.learning_rate, drawn.learning_rate)
    assert not np.any(other.learning_rate == drawn.learning_rate)


def test_draws_follow_their_distributions_and_are_independent(net, split):
    options = DRAWN | {"epochs": 0, "execution": dataclasses.replace(TILE, keep_params="none")}
    many = jfnn.sweep(net, split, cells=2000, **options)
    for name, distribution in (
        ("learning_rate", DRAWN["learning_rate"]),
        ("momentum", MOMENTA),
        ("init_scale", SCALES),
    ):
        assert stats.kstest(many.axes[name], distribution.cdf).pvalue > 0.001
    counts = [np.sum(many.l2 == value) for value in DRAWN["l2"]]
    assert sum(counts) == 2000
    assert stats.chisquare(counts).pvalue > 0.001
    correlations = np.corrcoef([stats.rankdata(values) for values in many.axes.values()])
    assert np.abs(correlations - np.eye(4)).max() < 0.1


def test_a_random_search_is_read_back(net, split, tmp_path):
    options = DRAWN | OPTIONS | dict(execution=dataclasses.replace(TILE, keep_params="best"), folds=2)
    written = jfnn.sweep(net, split, cells=5, out=tmp_path, **options)
    again = jfnn.load(tmp_path)
    assert not again.crossed
    assert again.cell_shape == (5,)
    assert same_bits(again.params, written.params)
    for name, values in written.to_dict().items():
        np.testing.assert_array_equal(again.to_dict()[name], values)
    rows = list(csv.DictReader((tmp_path / "results.csv").read_text().splitlines()))
    assert len(rows) == 10
    assert [float(row["momentum"]) for row in rows[::2]] == written.axes["momentum"].tolist()
    assert [row["fold"] for row in rows[:4]] == ["0", "1", "0", "1"]


def test_halving_works_on_draws(net, split):
    options = DRAWN | OPTIONS | {"epochs": 8, "validation": 35}
    result = jfnn.sweep(net, split, cells=8, schedulers=[jfnn.Halving(2, 1)], **options)
    assert np.sum(~result.pruned) == 1
    full = jfnn.sweep(net, split, cells=8, **options)
    (survivor,) = np.flatnonzero(~result.pruned_cells)
    assert result.best().index == (survivor,)
    assert same_bits(result.member(survivor, 0), full.member(survivor, 0))


@pytest.mark.parametrize("cut", representatives([{"validation": 0.3}, {"folds": 4}], {"folds": 4}))
@pytest.mark.parametrize(
    "schedulers", representatives([[], [jfnn.EarlyStopping(1)]], [jfnn.EarlyStopping(1)]), ids=str
)
@pytest.mark.parametrize("as_learner", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_refit_is_the_best_cell_trained_on_all_rows(net, split, cut, schedulers, as_learner):
    """Also where a learner brings the optimizer; its numbers are then further ones of each member."""
    options = dict(seeds=2, batch_size=16, execution=TILE)
    swept = jfnn.Optimizer("sgd", momentum=[0.0, 0.9], schedule="cosine")
    learner = net
    of_network = {"optimizer": swept}
    if as_learner:
        learner = jfnn.supervised(net, optimizer=swept, hyper=["dropout"])
        of_network = {}
    result = jfnn.sweep(
        learner,
        split,
        learning_rate=[0.01, 0.3],
        hyper={"dropout": [0.0, 0.2]},
        epochs=6,
        schedulers=schedulers,
        refit=True,
        **of_network,
        **cut,
        **options,
    )
    best = result.best()
    epochs = max(1, round(float(result.epochs[best.index].mean()))) if schedulers else 6
    momentum = [best.axes["momentum"]]
    expected = jfnn.sweep(
        net,
        split,
        learning_rate=best.axes["learning_rate"],
        hyper={"dropout": [best.axes["dropout"]]},
        epochs=epochs,
        optimizer=jfnn.Optimizer("sgd", momentum=momentum, schedule="cosine", schedule_epochs=6),
        **options,
    )
    assert result.refit.ranked_by == "test_accuracy"
    np.testing.assert_array_equal(result.refit.test_loss.ravel(), expected.test_loss.ravel())
    assert result.refit.axes == {name: [value] for name, value in best.axes.items()}
    assert same_bits(result.refit.params, expected.params)


@pytest.mark.parametrize("cut", [{"validation": 0.3}, {}], ids=["held out", "ranked on test rows"])
def test_a_refit_on_all_rows_is_the_cell_trained_on_them_alone(net, split, cut):
    options = dict(seeds=2, batch_size=16, l2=0.1, epochs=4, execution=TILE)
    result = jfnn.sweep(net, split, learning_rate=[0.01, 0.3], refit="all", **cut, **options)
    x = np.concatenate([split.x_train, split.x_test])
    y = np.concatenate([split.y_train, split.y_test])
    rate = result.best().axes["learning_rate"]
    options |= {"learning_rate": rate, "execution": result.refit.execution}
    for seed in range(options.pop("seeds")):
        alone = jfnn.train(net, x, y, seed=seed, **options)
        assert same_bits(alone.params, result.refit.member(0, 0, seed))
    assert np.isnan(result.refit.test_loss).all() and result.refit.ranked_by == "train_accuracy"


@pytest.mark.parametrize("schedulers", [[], [jfnn.EarlyStopping(1)]], ids=str)
@pytest.mark.thorough
def test_the_best_cells_are_trained_again_each_as_alone(net, split, schedulers, tmp_path):
    """Listed, best first; for as many epochs as early stopping kept each; a cell drawn twice counts once."""
    momentum = [0.0, 0.9, 0.9, 0.5, 0.0, 0.3]
    rates = [0.3, 0.01, 0.01, 0.1, 0.05, 3.0]
    options = dict(seeds=2, batch_size=16, hyper={"dropout": 0.2}, epochs=12, folds=2, execution=TILE)
    result = jfnn.sweep(
        net,
        split,
        cells={"learning_rate": rates, "momentum": momentum},
        optimizer=jfnn.Optimizer("sgd", momentum=0.0, schedule="cosine"),
        schedulers=schedulers,
        refit=jfnn.Refit(cells=4),
        out=tmp_path,
        **options,
    )
    order = [cell for cell in result.order() if cell != 2][:4]  # the second of equal ones is as good
    cells = list(
        zip(*(result.refit.axes[name].tolist() for name in ("learning_rate", "momentum")), strict=True)
    )
    assert cells == [(rates[cell], momentum[cell]) for cell in order]
    for place, cell in enumerate(order):
        epochs = max(1, round(float(result.epochs[cell].mean())))
        alone = jfnn.sweep(
            net,
            split,
            learning_rate=rates[cell],
            optimizer=jfnn.Optimizer("sgd", momentum=[momentum[cell]], schedule="cosine", schedule_epochs=12),
            **options | {"epochs": epochs, "folds": None},
        )
        assert (result.refit.epochs[place] == epochs).all()
        for seed in range(2):
            assert same_bits(result.refit.member(place, seed), alone.member(0, 0, 0, seed))
    assert (len(np.unique(result.refit.epochs)) > 1) == bool(schedulers)
    assert same_bits(jfnn.load(tmp_path).refit.params, result.refit.params)
    answers = result.refit.predict_proba(split.x_test).astype(np.float64).mean(axis=(0, 1))
    np.testing.assert_array_equal(result.refit.predict(split.x_test, "mean"), answers.argmax(axis=1))


def test_winners_that_cannot_be_trained_again_are_refused(net, split):
    options = dict(
        learning_rate=[0.1, 0.2], epochs=1, batch_size=16, execution=jfnn.Execution(progress=pytest.fail)
    )
    held = options | {"validation": 0.2}
    weighted = split._replace(weights=np.ones(len(split.x_train)))
    both = {"a": net, "b": net}
    for network, rows, given, refit, message in (
        (net, split, held, jfnn.Refit(cells=3), "^refit: .*2 cells there are, got 3"),
        (both, split, held, jfnn.Refit(cells=2), "^refit: expected one cell of several networks"),
        (net, weighted, held, "all", "^refit: test rows have no weights"),
        (net, (*split[:2], None, None), options, "all", "^refit: with no rows held out"),
        (net, split, held, "test", "^refit: expected one of train, all"),
        (net, split, held, 3, "^refit: expected True, False, 'all', a jfnn.Refit"),
    ):
        with pytest.raises(ValueError, match=message):
            jfnn.sweep(network, rows, refit=refit, **given)
    with pytest.raises(ValueError, match=r"^cells: expected 1 with a rule"):
        jfnn.Refit(cells=2, rule=jfnn.Simplest({"l2": "most"}))


@pytest.mark.parametrize(("epochs", "expected"), [([3, 4, 4], 4), ([3, 3, 4], 3), ([0, 0, 1], 1)])
def test_a_refit_trains_for_the_mean_of_the_epochs_that_early_stopping_kept(net, split, epochs, expected):
    options = jfnn.Options(net, split, learning_rate=[0.1, 0.2], validation=0.2, epochs=9)
    result = with_scores(make_result((2, 1), 3, validates=True), {}, epochs=np.full((2, 1, 3), epochs))
    stopping = dataclasses.replace(options, schedulers=[jfnn.EarlyStopping(2)])
    best = result.best().index
    assert refit_options(stopping, result, [best]).epochs == range(expected)
    assert refit_options(options, result, [best]).epochs == range(9)
    learner = jfnn.supervised(net, optimizer=jfnn.Optimizer(schedule="cosine"))
    of_learner = dataclasses.replace(stopping, network=learner)
    assert refit_options(of_learner, result, [best]).network.schedule_epochs == 9  # as long as in the search


def test_refit_is_saved_resumed_and_read_back(net, split, tmp_path):
    options = dict(learning_rate=[0.01, 0.3], validation=0.3, batch_size=16, **OPTIONS)
    plain = jfnn.sweep(net, split, out=tmp_path, **options)
    assert plain.refit is None
    refitted = jfnn.sweep(net, split, out=tmp_path, resume=True, refit=True, **options)
    np.testing.assert_array_equal(refitted.test_loss, plain.test_loss)
    again = jfnn.load(tmp_path)
    assert same_bits(again.refit.params, refitted.refit.params)
    copy = tmp_path / "copy"
    refitted.save(copy)
    assert same_bits(jfnn.load(copy).refit.params, refitted.refit.params)


def test_nothing_is_refitted_where_every_cell_diverged(net, split):
    options = dict(validation=0.3, refit=True, batch_size=16, **OPTIONS)
    assert jfnn.sweep(net, split, learning_rate=1e38, **options).refit is None
