"""Random search, groups of networks and batch sizes, and the best cell refitted."""

import csv

import numpy as np
import pytest
from helpers import same_bits
from scipy import stats

import jfnn
from jfnn.analysis import ranking
from jfnn.engine import program

OPTIONS = dict(epochs=4, tile=4)
DRAWN = dict(
    learning_rate=stats.loguniform(1e-3, 1.0),
    l2=[0.0, 0.1, 0.5],
    optimizer_args={"momentum": stats.uniform(0, 0.9)},
    init_scale=stats.loguniform(0.1, 2.0),
)


@pytest.fixture(scope="module")
def net():
    return jfnn.mlp((5, 6, 3))


@pytest.fixture(scope="module")
def drawn(net, split):
    return jfnn.sweep(net, split, sample=7, seeds=2, batch_size=16, **DRAWN, **OPTIONS)


@pytest.fixture(scope="module")
def networks():
    return {"6": jfnn.mlp((5, 6, 3)), "4-4": jfnn.mlp((5, 4, 4, 3), "relu")}


GROUPED = dict(learning_rate=[0.01, 0.1], l2=[0.0, 0.3], seeds=2, validation=0.3, **OPTIONS)


@pytest.fixture(scope="module")
def grouped(networks, split):
    return jfnn.sweep_groups(networks, split, batch_size=[16, 8], refit=True, **GROUPED)


def test_a_drawn_member_has_the_bits_of_its_solo_run(net, split, drawn):
    assert drawn.sampled
    assert drawn.test_accuracy.shape == (7, 2)
    assert drawn.cell_shape == (7,)
    for cell in (0, 4, 6):
        at = drawn.axes_at((cell,))
        params, _ = jfnn.train(
            net,
            *split[:2],
            test=split[2:],
            learning_rate=at["learning_rate"],
            l2=at["l2"],
            init_scale=at["init_scale"],
            optimizer_args={"momentum": at["momentum"]},
            seed=1,
            batch_size=16,
            **OPTIONS,
        )
        assert same_bits(params, drawn.member(cell, 1))


def test_more_draws_keep_the_earlier_ones_and_other_seeds_draw_others(net, split, drawn):
    more = jfnn.sweep(net, split, sample=9, seeds=2, batch_size=16, **DRAWN, **OPTIONS)
    for name, values in drawn.axes.items():
        np.testing.assert_array_equal(more.axes[name][:7], values)
    np.testing.assert_array_equal(more.test_loss[:7], drawn.test_loss)
    other = jfnn.sweep(net, split, sample=7, sample_seed=1, batch_size=16, **DRAWN, **OPTIONS)
    assert not np.any(other.learning_rate == drawn.learning_rate)


def test_draws_follow_their_distributions_and_are_independent(net, split):
    options = DRAWN | OPTIONS | {"epochs": 0, "keep_params": "none", "batch_size": 16}
    many = jfnn.sweep(net, split, sample=2000, **options)
    for name, distribution in (
        ("learning_rate", DRAWN["learning_rate"]),
        ("momentum", DRAWN["optimizer_args"]["momentum"]),
        ("init_scale", DRAWN["init_scale"]),
    ):
        assert stats.kstest(many.axes[name], distribution.cdf).pvalue > 0.001
    counts = [np.sum(many.l2 == value) for value in DRAWN["l2"]]
    assert sum(counts) == 2000
    assert stats.chisquare(counts).pvalue > 0.001
    correlations = np.corrcoef([stats.rankdata(values) for values in many.axes.values()])
    assert np.abs(correlations - np.eye(4)).max() < 0.1


def test_the_best_draw_ranks_by_brute_force(drawn):
    means = drawn.test_accuracy.mean(axis=-1)
    best = drawn.best()
    assert best.index == (int(np.argmax(means)),)
    assert best.axes == {name: values[best.index] for name, values in drawn.axes.items()}
    listed = ranking.best_first([drawn], most=7).cells
    assert listed[0].place == best.index
    assert listed[3].axes == drawn.axes_at(listed[3].place)


@pytest.mark.parametrize("keep_params", ["all", "best", "none"])
def test_a_random_search_is_read_back(net, split, tmp_path, keep_params):
    options = DRAWN | OPTIONS | dict(batch_size=16, keep_params=keep_params, folds=2)
    written = jfnn.sweep(net, split, sample=5, out=tmp_path, **options)
    again = jfnn.load(tmp_path)
    assert again.sampled
    assert again.cell_shape == (5,)
    assert same_bits(again.params, written.params)
    for name, values in written.to_dict().items():
        np.testing.assert_array_equal(again.to_dict()[name], values)
    rows = list(csv.DictReader((tmp_path / "results.csv").read_text().splitlines()))
    assert len(rows) == 10
    assert [float(row["momentum"]) for row in rows[::2]] == written.axes["momentum"].tolist()
    assert [row["fold"] for row in rows[:4]] == ["0", "1", "0", "1"]


def test_halving_works_on_draws(net, split):
    options = DRAWN | OPTIONS | {"epochs": 8, "validation": 35, "batch_size": 16}
    result = jfnn.sweep(net, split, sample=8, halving=jfnn.Halving(2, 1), **options)
    assert np.sum(~result.lost) == 1
    full = jfnn.sweep(net, split, sample=8, **options)
    (survivor,) = np.flatnonzero(~result.lost)
    assert result.best().index == (survivor,)
    assert same_bits(result.member(survivor, 0), full.member(survivor, 0))


@pytest.mark.parametrize(
    ("options", "message", "error"),
    [
        ({"learning_rate": stats.loguniform(1e-3, 1)}, "^learning_rate: a distribution", ValueError),
        ({"sample": 3}, "^sample: there is nothing to draw", ValueError),
        ({"sample": 0, "l2": [0, 1]}, "^sample: expected at least 1", ValueError),
        ({"sample": 2.5, "l2": [0, 1]}, "^sample: expected a whole number", TypeError),
        ({"sample": 3, "sample_seed": -1, "l2": [0, 1]}, "^sample_seed", ValueError),
        ({"sample": 3, "l2": stats.uniform(-1, 0.5)}, "^l2: expected numbers of at least 0", ValueError),
        ({"sample": 3, "learning_rate": [0.1, 1], "l2": "many"}, "^l2: ", TypeError),
    ],
)
def test_what_cannot_be_drawn_is_refused(net, split, options, message, error):
    with pytest.raises(error, match=message):
        jfnn.sweep(net, split, **({"learning_rate": 0.1, "batch_size": 16} | options))


@pytest.mark.parametrize("cut", [{"validation": 0.3}, {"folds": 4}])
@pytest.mark.parametrize("early_stopping", [None, 1])
def test_refit_is_the_best_cell_trained_on_all_rows(net, split, cut, early_stopping):
    options = dict(optimizer_args={"momentum": [0.0, 0.9]}, dropout=[0.0, 0.2], schedule="cosine", seeds=2)
    options |= {"batch_size": 16, "epochs": 6, "tile": 4}
    found = jfnn.sweep(
        net, split, learning_rate=[0.01, 0.3], refit=True, early_stopping=early_stopping, **cut, **options
    )
    best = found.best()
    epochs = 6 if early_stopping is None else max(1, round(float(found.epochs[best.index].mean())))
    alone = options | {
        "optimizer_args": {"momentum": [best.axes["momentum"]]},
        "dropout": [best.axes["dropout"]],
        "epochs": epochs,
        "schedule_epochs": 6,
    }
    expected = jfnn.sweep(net, split, learning_rate=best.axes["learning_rate"], **alone)
    assert found.refit.ranked_by == "test_accuracy"
    np.testing.assert_array_equal(found.refit.test_loss.ravel(), expected.test_loss.ravel())
    assert found.refit.axes == {name: [value] for name, value in best.axes.items()}
    assert same_bits(found.refit.params, expected.params)


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


def test_refit_needs_rows_that_were_held_out(net, split):
    given = {"batches": np.zeros((2, 1, 4), int), "validation": 0.3}
    for options, why in (({}, "without validation"), (given, "given batches")):
        with pytest.raises(ValueError, match=f"^refit: {why}"):
            jfnn.sweep(net, split, learning_rate=0.1, refit=True, epochs=2, **options)


def test_nothing_is_refitted_where_every_cell_diverged(net, split):
    found = jfnn.sweep(net, split, learning_rate=1e38, validation=0.3, refit=True, batch_size=16, **OPTIONS)
    assert found.refit is None


def test_each_group_is_a_sweep_of_its_own_in_one_table(networks, split, grouped):
    assert grouped.groups == tuple(jfnn.Group(n, b) for n in networks for b in (16, 8))
    for group in grouped.groups:
        alone = jfnn.sweep(networks[group.network], split, batch_size=group.batch_size, **GROUPED)
        assert same_bits(grouped[group].params, alone.params)
    table = grouped.to_dict()
    assert list(table)[:5] == ["network", "batch_size", "learning_rate", "l2", "seed"]
    assert {len(column) for column in table.values()} == {4 * 8}
    rows = (table["network"] == "4-4") & (table["batch_size"] == 8)
    np.testing.assert_array_equal(table["validation_loss"][rows], grouped["4-4", 8].validation_loss.ravel())


def test_the_best_of_groups_is_the_best_of_their_bests(networks, split, grouped):
    scores = [result.best().score for result in grouped.results]
    group, best = grouped.best()
    assert best.score == max(scores)
    assert group == grouped.groups[int(np.argmax(scores))]
    options = GROUPED | best.axes | {"validation": None, "batch_size": group.batch_size}
    direct = jfnn.sweep(networks[group.network], split, **options)
    assert same_bits(grouped.refit.params, direct.params)
    first = ranking.best_first(grouped.results).cells[0]
    assert grouped.groups[first.sweep] == group
    assert first.place == best.index


def test_groups_compile_once_each(split):
    networks = {"none": jfnn.mlp((5, 3)), "4": jfnn.mlp((5, 4, 3))}
    built = set()
    build = program.build
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jfnn.engine.trainer.build", lambda *a: built.add(build(*a)) or build(*a))
        draws = {"learning_rate": stats.loguniform(1e-3, 1.0), "sample": 3}
        options = dict(batch_size=[16, 8], **draws, **OPTIONS)
        jfnn.sweep_groups(networks, split, **options)
        assert sum(each.advance._cache_size() for each in built) == 4
        jfnn.sweep_groups(networks, split, **(options | {"sample": 9, "seeds": 3, "epochs": 7}))
    assert sum(each.advance._cache_size() for each in built) == 4


def test_groups_are_saved_and_read_back(networks, split, grouped, tmp_path):
    options = GROUPED | {"batch_size": [16, 8], "refit": True, "out": tmp_path / "a"}
    written = jfnn.sweep_groups(networks, split, **options)
    grouped.save(tmp_path / "b")
    for directory in (tmp_path / "a", tmp_path / "b"):
        again = jfnn.load_groups(directory)
        assert set(again.groups) == set(grouped.groups)
        for group in grouped.groups:
            assert same_bits(again[group].params, grouped[group].params)
        assert same_bits(again.refit.params, written.refit.params)
    rows = list(csv.DictReader((tmp_path / "a" / "results.csv").read_text().splitlines()))
    assert len(rows) == 32
    assert {(row["network"], row["batch_size"]) for row in rows} == {
        (group.network, str(group.batch_size)) for group in grouped.groups
    }
    resumed = jfnn.sweep_groups(networks, split, resume=True, **options)
    assert same_bits(resumed.refit.params, written.refit.params)
    with pytest.raises(ValueError, match=r"^out: .* holds groups already"):
        jfnn.sweep_groups(networks, split, **options)
    with pytest.raises(ValueError, match=r"^out: .* holds a single run"):
        jfnn.sweep_groups(networks, split, **(options | {"out": tmp_path / "a" / "6-16"}))


@pytest.mark.parametrize(
    ("changes", "message", "error"),
    [
        ({"networks": {}}, "^networks: ", TypeError),
        ({"networks": [jfnn.mlp((5, 3))]}, "^networks: ", TypeError),
        ({"networks": {"a/b": jfnn.mlp((5, 3))}}, "^networks: ", ValueError),
        ({"batch_size": [8, 8]}, "^batch_size: expected each one once", ValueError),
        ({"batch_size": []}, "^batch_size: expected at least one", ValueError),
        ({"batch_size": [8, 16], "minibatch": "full"}, "^batch_size: .* takes all rows", ValueError),
        ({"batch_size": [8, 999]}, "^batch_size: expected at most the 70", ValueError),
        ({"batch_size": [8, 0]}, "^batch_size: ", ValueError),
        ({"batch_size": [8, "x"]}, "^batch_size: ", TypeError),
    ],
)
def test_groups_that_cannot_be_are_refused_before_any_trains(split, changes, message, error):
    told = []
    options = {"networks": {"a": jfnn.mlp((5, 6, 3))}, "batch_size": 8, "learning_rate": 0.1} | changes
    with pytest.raises(error, match=message):
        jfnn.sweep_groups(split=split, progress=told.append, **options)
    assert told == []
    with pytest.raises(FileNotFoundError, match="no groups"):
        jfnn.load_groups("tests/data")
