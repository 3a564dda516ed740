"""Subsets of the rows as an axis: each member is the network that its own rows, labels and weights give."""

import dataclasses
import pickle
import tracemalloc
from decimal import Decimal

import jax
import numpy as np
import pytest
import series
from helpers import representatives, same_bits
from noisy_classes import CLASSES, EPOCHS, NET, SPLIT, N, sweep
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import LeaveOneOut, ShuffleSplit, train_test_split

import jfnn
from jfnn import subsets
from jfnn.arguments import memory
from jfnn.core.experiment import experiment
from jfnn.core.search.sweep import prepare
from jfnn.core.steps import epoch
from jfnn.core.store.identity import deciding

pytestmark = pytest.mark.unoptimised

ONE = {"learning_rate": 0.1, "l2": 0.3}
PADDED = jfnn.Minibatches(7, "permutation", drop_last=False)
SERIES, NAMES, LINES = series.make_series()
GROUPS = subsets.by_group(NAMES)


def rows_of(split, train):
    return jfnn.Split(np.asarray(split.x_train)[train], np.asarray(split.y_train)[train])


def fold(result, f):
    """Parameters of all members of a fold."""
    return jax.tree.map(lambda leaf: leaf[:, :, :, f], result.params)


def alone(result, train, seed=0, x=SPLIT.x_train, y=SPLIT.y_train, **options):
    """Parameters of one network on its rows, by the form of a sweep's tiles."""
    options = {**ONE, "epochs": EPOCHS, "batch_size": 8} | options
    return jfnn.train(NET, x[train], y[train], seed=seed, execution=result.execution, **options).params


def described(split=SPLIT, **options):
    """What decides a sweep, with nothing trained."""
    options = {**ONE, "epochs": 9, "batch_size": 8} | options
    return deciding(prepare(jfnn.Options(NET, split, **options)).description)


PAIRS = [(np.arange(40), np.arange(40, N)), (np.arange(20, N), np.arange(20))]
SMALL = [tuple(rows.astype(np.int32) for rows in pair) for pair in PAIRS]


def at(every):
    return {"execution": jfnn.Execution(tile=4, eval_every=every)}


ALIKE = [
    ({"folds": PAIRS}, {"folds": SMALL}),
    ({"folds": PAIRS}, {"folds": subsets.Subsets(N, PAIRS)}),
    ({"folds": PAIRS}, {"folds": subsets.Subsets(N, [(np.uint64(t), list(h)) for t, h in PAIRS])}),
    (at(1), at(range(1, 10))),
    (at(4), at([4, 8, 9])),
    (at(9), at(99)),
]
HELD_OUT = [np.sort(rows) for rows in train_test_split(np.arange(N), test_size=10, random_state=0)]
OTHER = [
    ({"validation": 10}, {"folds": [HELD_OUT]}),
    ({"folds": PAIRS}, {"folds": PAIRS[::-1]}),
    ({"folds": PAIRS[:1]}, {"folds": subsets.Subsets(N, PAIRS[:1], start_per_subset=True)}),
    ({"folds": PAIRS}, {"folds": subsets.Subsets(N, PAIRS, "part", ["a", "b"])}),
    (at(1), at([1, 2])),
    (at(4), at([4, 8])),
    (at(9), at(None)),
    (at(9), {"split": SPLIT._replace(names={"classes": ["a", "b", "c"]})}),
]


@pytest.mark.parametrize(
    ("one", "other", "alike"), [(*p, True) for p in ALIKE] + [(*p, False) for p in OTHER]
)
def test_a_run_is_told_by_what_is_meant_and_not_by_how_it_is_written(one, other, alike):
    assert (described(**one) == described(**other)) == alike


def test_folds_of_few_rows_have_the_bits_of_the_same_subsets():
    held = subsets.by_group(NAMES, 0.3)
    of_subsets, of_pairs = (
        series.sweep(SERIES, f) for f in (subsets.Subsets(held.n, held.pairs), held.pairs)
    )
    assert same_bits((of_subsets.params, of_subsets.scores), (of_pairs.params, of_pairs.scores))


def test_draws_are_the_documented_streams():
    drawn = subsets.bootstrap(9, 5, seed=3)
    expected = np.random.default_rng(3).integers(9, size=(5, 9))
    for (train, held), rows in zip(drawn.pairs, expected, strict=True):
        np.testing.assert_array_equal(train, rows)
        assert {*train, *held} == {*range(9)} and not {*train} & {*held}
    splitter = ShuffleSplit(4, train_size=0.7, random_state=2).split(np.zeros(11))
    jax.tree.map(np.testing.assert_array_equal, subsets.shares(11, 0.7, 4, seed=2).pairs, list(splitter))
    one_out = list(subsets.leave_one_out(5).pairs)
    jax.tree.map(np.testing.assert_array_equal, one_out, list(LeaveOneOut().split(range(5))))
    coins = np.random.default_rng(6).random((4, 11)) < 0.4
    np.testing.assert_array_equal(subsets.independent(11, 0.4, 4, seed=6).included, coins)
    order = np.random.default_rng(1).permutation(10)
    nested = subsets.sizes(10, [2, 5, 8], seed=1)
    assert [train.tolist() for train, _ in nested.pairs] == [order[:k].tolist() for k in (2, 5, 8)]
    assert all(held.tolist() == order[8:].tolist() for _, held in nested.pairs)
    assert nested.axis["rows"].tolist() == [2, 5, 8] and not subsets.sizes(10, [2, 10]).holds_out
    rng = np.random.default_rng(1)
    orders = [rng.permutation(10) for _ in range(3)]
    drawn = subsets.sizes(10, [2, 5, 8], seed=1, draws=3, start_per_subset=True)
    assert drawn.start_per_subset and drawn.axis["rows"].tolist() == [2, 5, 8] * 3
    expected = [(each[:k], each[8:]) for each in orders for k in (2, 5, 8)]
    jax.tree.map(np.testing.assert_array_equal, drawn.pairs, expected)


@pytest.mark.parametrize("n", [200, 300, 70_000])
def test_draws_are_one_stream_however_many_are_made_at_a_time(n, monkeypatch):
    monkeypatch.setattr(subsets, "_DRAWN_TOGETHER", 2 * n)
    drawn = subsets.bootstrap(n, 5, seed=1)
    expected = np.random.default_rng(1).integers(n, size=(5, n))
    np.testing.assert_array_equal([train for train, _ in drawn.pairs], expected)
    assert {part.dtype for pair in drawn.pairs for part in pair} == {np.dtype(int)}
    assert drawn.pairs.row_numbers == sum(len(part) for pair in drawn.pairs for part in pair)
    coins = np.random.default_rng(2).random((5, n)) < 0.3
    np.testing.assert_array_equal(subsets.independent(n, 0.3, 5, seed=2).included, coins)


def test_a_draw_of_all_rows_among_others_is_refused():
    assert not subsets.bootstrap(2, 1, seed=3).holds_out
    with pytest.raises(ValueError, match=r"^pairs: .*held out"):
        subsets.bootstrap(2, 9)


@pytest.mark.parametrize(
    ("make", "number"),
    [
        (lambda: subsets.leave_one_out(60_000), 60_000),
        (lambda: subsets.weighted(np.broadcast_to(np.float32(1), (3000, 4000))), 3000),
    ],
    ids=["leave_one_out", "weighted"],
)
def test_pairs_take_no_memory_until_they_are_asked_for(make, number):
    """All at once they would be 29 GB and 96 MB of row numbers, besides weights of 48 MB."""
    tracemalloc.start()
    try:
        made = make()
        assert len(made.pairs) == number
        train, held_out = made.pairs[-1]
        some = made.pairs[7:9]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(train) + len(held_out) == made.n and len(some) == 2
    assert peak < 130e6


def test_subsets_that_travel_to_another_process_are_the_same():
    for chosen in (subsets.leave_one_out(5), subsets.bootstrap(9, 3), subsets.independent(9, 0.5, 3)):
        again = pickle.loads(pickle.dumps(chosen))
        assert same_bits(list(again.pairs), list(chosen.pairs))


def test_some_of_the_pairs_are_subsets_too_and_those_of_other_rows_are_refused():
    some = dataclasses.replace(GROUPS, pairs=GROUPS.pairs[3:5], values=GROUPS.values[3:5])
    assert some.axis["group"].tolist() == GROUPS.values[3:5].tolist()
    one_out = subsets.leave_one_out(9)
    some = dataclasses.replace(one_out, pairs=one_out.pairs[3:5], values=one_out.values[3:5])
    assert [held_out.tolist() for _, held_out in some.pairs] == [[3], [4]]
    with pytest.raises(ValueError, match=r"^pairs: "):
        dataclasses.replace(one_out, n=8)
    with pytest.raises(IndexError):
        one_out.pairs[9]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: subsets.bootstrap(10**6, 10**5), "number"),
        (lambda: subsets.independent(10**6, 0.5, 10**6), "number"),
        (lambda: subsets.shares(10**6, 0.5, 10**5), "number"),
        (lambda: subsets.leave_one_out(400_000).included, "included"),
    ],
    ids=["bootstrap", "independent", "shares", "included"],
)
def test_draws_that_do_not_fit_into_memory_are_refused(call, named, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1e11)
    with pytest.raises(ValueError, match=rf"^{named}: it does not fit into memory"):
        call()


@pytest.mark.parametrize(
    ("chosen", "free"),
    [
        (subsets.leave_one_out(N), 16 * N * N - 1),
        (subsets.bootstrap(N, 99), 16 * N * 99),
        ([(range(N), [0])] * 99, 8 * N * 99 - 1),
        (subsets.weighted(np.ones((9, N))), 3 * 4 * N * 9),
        (subsets.label_noise(SPLIT.y_train, [0.1, 0.2]), 16 * N * 2 - 1),
    ],
    ids=["leave_one_out", "bootstrap", "list", "weights", "labels"],
)
def test_a_sweep_over_subsets_that_do_not_fit_into_memory_is_refused(chosen, free, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: free)
    with pytest.raises(ValueError, match=r"^folds: it does not fit into memory"):
        sweep(folds=chosen, **ONE)


def test_groups_hold_out_rows_of_their_own_drawn_or_the_last():
    groups = np.array(["b", "a", "b", "b", "a", "b"])
    assert [train.tolist() for train, _ in subsets.by_group(groups).pairs] == [[1, 4], [0, 2, 3, 5]]
    last = subsets.by_group(groups, 0.5, seed=None)
    assert [(t.tolist(), h.tolist()) for t, h in last.pairs] == [([1], [4]), ([0, 2], [3, 5])]
    drawn = subsets.by_group(groups, 0.3, seed=4)
    numbers = np.random.default_rng(4).permutation(6)
    rows = np.flatnonzero(groups == "b")
    assert drawn.pairs[1][1].tolist() == sorted(rows[np.argsort(numbers[rows])[:2]])
    assert drawn.values.tolist() == ["a", "b"]


def test_no_network_of_all_groups_is_trained_for_them():
    with pytest.raises(ValueError, match=r"^refit: each group"):
        sweep(folds=subsets.by_group(np.arange(N) % 3, 0.3), refit=True, **ONE)


def test_rows_held_out_do_not_follow_inputs_of_the_same_seed():
    x = np.random.default_rng(0).random(1000)
    ((_, held),) = subsets.by_group(np.zeros(1000), 0.2).pairs
    assert abs(x[held].mean() - 0.5) < 0.1


@pytest.mark.parametrize(
    ("share", "n", "held"), [(0.07, 100, 7), (0.55, 100, 55), (0.14, 50, 7), (0.28, 25, 7)]
)
def test_a_share_of_rows_is_that_of_the_decimal(share, n, held):
    assert share * n > held  # in floats
    groups = subsets.by_group(np.repeat([0, 1], [n, n + 1]), share)
    assert [len(out) for _, out in groups.pairs] == [held, held + 1]
    sixths = subsets.by_group(np.zeros(6), 5 / 6)  # no decimal: the shortest one is a little more
    assert len(sixths.pairs[0][1]) == 5


def test_a_half_of_a_wrong_label_goes_to_the_even_number():
    noisy = subsets.label_noise(np.arange(100) % 2, [0.565, 0.575], seed=0)  # 56.5, in floats 56.49…; 57.5
    assert (noisy.labels != np.arange(100) % 2).sum(axis=1).tolist() == [56, 58]


def test_wrong_labels_are_a_share_of_all_nested_and_never_right():
    y = SPLIT.y_train
    levels = [0, 0.25, 0.5, 1]
    noisy = subsets.label_noise(y, levels, seed=5)
    rng = np.random.default_rng(5)
    order = rng.permutation(N)
    shift = rng.integers(1, CLASSES, N)
    for labels, share in zip(noisy.labels, levels, strict=True):
        wrong = order[: round(share * N)]
        expected = y.copy()
        expected[wrong] = (y + shift)[wrong] % CLASSES
        np.testing.assert_array_equal(labels, expected)
        assert (labels != y).sum() == len(wrong)


@pytest.mark.parametrize("dtype", [np.uint64, np.uint8, np.int8])
def test_wrong_labels_of_any_whole_numbers_are_the_same_run(dtype):
    plain = SPLIT.y_train.astype(np.int64)
    other = SPLIT.y_train.astype(dtype)
    noisy = subsets.label_noise(other, [0.5])
    np.testing.assert_array_equal(noisy.labels, subsets.label_noise(plain, [0.5]).labels)
    runs = [described(SPLIT._replace(y_train=y), folds=subsets.label_noise(y, [0.5])) for y in (plain, other)]
    assert runs[0] == runs[1]


def test_rows_of_weight_0_are_not_included():
    weights = np.ones((2, 4))
    weights[1, 2] = 0
    assert subsets.weighted(weights).included.tolist() == [[True] * 4, [True, True, False, True]]
    assert subsets.leave_one_out(3).included.tolist() == (~np.eye(3, dtype=bool)).tolist()


def test_each_series_finds_its_own_line():
    result = series.sweep(SERIES, GROUPS, epochs=600, learning_rate=0.2)
    layer = result.params[0]
    found = np.concatenate([layer.w[0, 0, 0, :, :, 0], layer.b[0, 0, 0]], axis=-1)
    np.testing.assert_allclose(found, LINES, atol=1e-3)
    assert result.train_loss.max() < 1e-6
    assert result.ranked_by == "train_loss" and np.isnan(result.validation_loss).all()


def test_a_group_is_a_sweep_of_its_rows_alone(dtype):
    """Forty series of six to eight rows are few enough for each member to take its rows along."""
    split = SERIES._replace(x_train=SERIES.x_train.astype(dtype), y_train=SERIES.y_train.astype(dtype))
    held = subsets.by_group(NAMES, 0.3)
    options = {"execution": {"eval_every": 2}}
    result = series.sweep(split, held, seeds=2, **options)
    assert result.train_loss.shape == (1, 1, 2, 40) and result.train_loss.dtype == np.float64
    for f in (0, 17, 39):
        train, out = held.pairs[f]
        test = rows_of(split, out)
        own = rows_of(split, train)._replace(x_test=test.x_train, y_test=test.y_train)
        expected = series.sweep(own, None, seeds=2, **options)
        assert same_bits(fold(result, f), expected.params)
        for part, there in (("train_loss", "train_loss"), ("validation_r2", "test_r2")):
            for scores, wanted in ((result.scores, expected.scores), (result.history, expected.history)):
                np.testing.assert_allclose(scores[part][:, :, :, f], wanted[there], rtol=2e-4)


def test_copies_of_own_rows_change_no_bit_of_the_parameters(monkeypatch):
    weighted = dataclasses.replace(
        GROUPS, weights=np.random.default_rng(0).random((len(GROUPS.pairs), len(NAMES)))
    )
    given = SERIES._replace(weights=np.random.default_rng(1).random(len(NAMES)))
    for split, chosen in ((given, GROUPS), (given, weighted)):
        own = series.sweep(split, chosen)
        with monkeypatch.context() as patch:
            patch.setattr(experiment, "COPIED_SHARE", 0)
            everything = series.sweep(split, chosen)
            patch.setattr(epoch, "SPLIT_BYTES", 0)  # rows of several steps at once
            chunked = series.sweep(split, chosen)
        assert same_bits(own.params, everything.params) and same_bits(own.params, chunked.params)
        np.testing.assert_allclose(own.train_loss, everything.train_loss, rtol=1e-4)


def test_long_series_are_scored_in_several_blocks(monkeypatch):
    monkeypatch.setattr(experiment, "COPIED_BLOCK", 4)
    result = series.sweep(SERIES, GROUPS)
    monkeypatch.setattr(experiment, "COPIED_SHARE", 0)
    np.testing.assert_allclose(result.train_loss, series.sweep(SERIES, GROUPS).train_loss, rtol=1e-4)


def test_minibatches_that_are_given_are_of_a_subsets_own_rows():
    batches = np.random.default_rng(0).integers(0, 6, (4, 2, 3))
    result = series.sweep(SERIES, GROUPS, batches=batches, batch_size=None)
    train, _ = GROUPS.pairs[7]
    expected = series.sweep(rows_of(SERIES, train), None, batches=batches, batch_size=None)
    assert same_bits(result.member(0, 0, 0, 7), expected.member(0, 0, 0))


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(subsets.shares(N, 48, 3, start_per_subset=True), marks=pytest.mark.thorough),
        subsets.by_group(np.arange(N) % 3, start_per_subset=True),
    ],
    ids=["shares", "by_group"],
)
def test_starts_and_orders_per_subset_are_those_of_a_documented_seed(chosen):
    """So are the units that dropout drops."""
    options = {"hyper": {"dropout": 0.4}}
    result = sweep(folds=chosen, seeds=[0, 5], **ONE, **options)
    for s, f in ((0, 2), (1, 1)):
        seed = result.seeds[s] * 3 + f
        (train, _) = chosen.pairs[f]
        assert same_bits(result.member(0, 0, s, f), alone(result, train, int(seed), fold=f, **options))
    common = sweep(folds=dataclasses.replace(chosen, start_per_subset=False), **ONE, **options)
    assert same_bits(common.member(0, 0, 0, 2), alone(common, chosen.pairs[2][0], fold=2, **options))


def test_a_bootstrap_by_repeated_rows_is_one_by_integer_weights():
    drawn = subsets.bootstrap(N, 4)
    counts = np.stack([np.bincount(train, minlength=N) for train, _ in drawn.pairs])
    options = {"batch_size": None, "learning_rate": 0.01, "l2": 0.3}
    repeated, weighted = (sweep(folds=chosen, **options) for chosen in (drawn, subsets.weighted(counts)))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), repeated.params, weighted.params)
    assert (drawn.included == subsets.weighted(counts).included).all()
    assert repeated.ranked_by == "validation_accuracy" and weighted.ranked_by == "test_accuracy"


def test_weights_of_a_subset_are_those_of_a_split(x64):
    weights = np.random.default_rng(0).dirichlet(np.ones(N), 2) * N
    split = SPLIT._replace(x_train=SPLIT.x_train.astype(float), x_test=SPLIT.x_test.astype(float))
    options = {**ONE, "seeds": 2, "epochs": 4, "batch_size": PADDED, "execution": {"shared": False}}
    result = sweep(split, folds=subsets.weighted(weights), **options)
    for f in range(2):
        expected = sweep(split._replace(weights=weights[f]), **options)
        assert same_bits(fold(result, f), expected.params)
        np.testing.assert_array_equal(result.test_loss[..., f], expected.test_loss)


@pytest.mark.thorough
def test_weights_of_subsets_are_factors_of_the_splits():
    weights = np.random.default_rng(0).random((2, N))
    options = {**ONE, "l2": [0.1, 0.3], "epochs": 4, "execution": {"shared": True}}
    product = sweep(SPLIT._replace(weights=weights[0]), folds=subsets.weighted(weights[1:]), **options)
    expected = sweep(SPLIT._replace(weights=weights[0].astype("f4") * weights[1].astype("f4")), **options)
    assert same_bits(fold(product, 0), expected.params)


TASKS = np.random.default_rng(3).normal(size=(3, N + 20, 3))
KINDS = {
    "classes": (
        TASKS.argmax(axis=2),
        jfnn.mlp((4, 3), init="glorot_normal"),
        "cross_entropy",
        accuracy_score,
        "accuracy",
    ),
    "numbers": (TASKS[..., :1], jfnn.mlp((4, 1), init="glorot_normal"), "quadratic", r2_score, "r2"),
}


@pytest.mark.parametrize("kind", representatives(KINDS, "classes"))
def test_every_part_is_scored_by_the_labels_of_each_subset(kind, tmp_path):
    """Several tasks on one table, scored and ranked as scikit-learn scores each by its own labels."""
    labels, net, loss, score, name = KINDS[kind]
    x = (
        np.random.default_rng(4).normal(size=(N + 20, 4))
        + labels.reshape(3, N + 20, -1).sum(axis=(0, 2))[:, None]
    )
    split = jfnn.Split(x[:N], labels[0, :N], x[N:], labels[0, N:])
    pairs = [
        (np.arange(20, N), np.arange(20)),
        (np.arange(40), np.arange(40, N)),
        (np.arange(30), np.arange(30, N)),
    ]
    tasks = subsets.Subsets(N, pairs, labels=labels[:, :N], test_labels=labels[:, N:])
    rates = {"learning_rate": [1e-4, 1e-3, 3e-3], "l2": 0.0, "epochs": 5, "batch_size": None, "loss": loss}
    result = jfnn.sweep(net, split, folds=tasks, out=tmp_path, reduction="sum", **rates)
    answers = result.predict(x)[:, 0, 0]
    test = np.arange(N, N + 20)
    expected = np.array(
        [
            [[score(labels[f, rows], answers[e, f, rows]) for rows in (*pairs[f], test)] for f in range(3)]
            for e in range(3)
        ]
    )
    for i, part in enumerate(("train", "validation", "test")):
        np.testing.assert_allclose(result.scores[f"{part}_{name}"][:, 0, 0], expected[..., i], rtol=1e-4)
    assert (
        result.ranked_by.startswith("validation")
        and result.best().index[0] == expected[..., 1].mean(1).argmax()
    )
    again = jfnn.load(tmp_path)
    for part in ("train", "validation", "test"):
        for asked, folds in ((result, None), (again, tasks)):
            rows = asked.row_scores("loss", part, split, folds=folds)
            np.testing.assert_allclose(np.nanmean(rows, axis=-1), result.scores[f"{part}_loss"], rtol=1e-5)
        with pytest.raises(ValueError, match=r"^folds: .*labels"):
            again.row_scores("loss", part, split)
    everywhere = result.row_scores("loss", "all", split)
    held_out = result.row_scores("loss", "validation", split)
    assert same_bits(everywhere[..., 2, 30:], held_out[..., 2, 30:])


@pytest.mark.thorough
def test_without_labels_for_test_rows_subsets_with_labels_have_no_test_scores(tmp_path):
    """They trained on other labels, and may be other tasks."""
    noisy = subsets.label_noise(SPLIT.y_train, [0, 0.3])
    unknown = dataclasses.replace(noisy, test_labels=None)
    result = sweep(folds=unknown, out=tmp_path, **ONE)
    assert np.isnan(result.test_loss).all() and np.isnan(result.test_accuracy).all()
    assert result.ranked_by == "train_accuracy"
    for asked in (result, jfnn.load(tmp_path)):
        with pytest.raises(ValueError, match=r"^part: .*test_labels"):
            asked.row_scores("loss", "test", SPLIT)
    by_split, by_hand = (
        sweep(folds=dataclasses.replace(noisy, test_labels=labels), **ONE)
        for labels in ("split", [SPLIT.y_test] * 2)
    )
    assert by_split.ranked_by == "test_accuracy" and same_bits(by_split.params, result.params)
    assert same_bits(by_split.scores, by_hand.scores)
    assert described(folds=noisy) != described(folds=unknown)


@pytest.mark.thorough
def test_labels_and_weights_of_a_subset_are_those_of_a_split():
    """Rows with other labels are further rows of one table."""
    pairs = [(np.arange(40), np.arange(40, N))] * 3
    weights = np.random.default_rng(2).random((3, N))
    noisy = subsets.label_noise(SPLIT.y_train, [0, 0.2, 0.5])
    chosen = dataclasses.replace(noisy, pairs=pairs, weights=weights)
    options = {**ONE, "seeds": 2, "epochs": 4, "execution": {"shared": False}}
    result = sweep(folds=chosen, **options)
    for f in (1, 2):
        other = SPLIT._replace(y_train=noisy.labels[f])
        expected = sweep(other._replace(weights=weights[f]), folds=pairs[:1], **options)
        assert same_bits(fold(result, f), fold(expected, 0))
        for name in ("train_loss", "train_accuracy", "validation_loss", "test_loss"):
            actual = result.scores[name][..., f]
            wanted = expected.scores[name][..., 0]
            np.testing.assert_allclose(actual, wanted, rtol=1e-5)
    everywhere = sweep(folds=subsets.label_noise(SPLIT.y_train, [0.5]), **options)
    assert everywhere.ranked_by == "test_accuracy"
    assert same_bits(fold(everywhere, 0), sweep(SPLIT._replace(y_train=noisy.labels[2]), **options).params)


@pytest.mark.thorough
def test_targets_of_a_subset_for_a_learner_with_named_inputs():
    """Each of two subsets has targets of its own; inputs are a dict."""
    targets = np.stack([SERIES.y_train, -SERIES.y_train])
    learner = jfnn.learner(
        lambda key: {"w": np.zeros(2), "b": np.zeros(())},
        lambda params, batch, key: ((batch[0]["x"] @ params["w"] + params["b"] - batch[1][:, 0]) ** 2).mean(),
    )
    split = jfnn.Split({"x": SERIES.x_train}, SERIES.y_train)
    everything = [(np.arange(len(NAMES)), ())] * 2
    options = {"learning_rate": 0.1, "epochs": 5, "batch_size": 30, "execution": jfnn.Execution(tile=2)}
    result = jfnn.sweep(
        learner, split, folds=subsets.Subsets(len(NAMES), everything, labels=targets), **options
    )
    for f in range(2):
        expected = jfnn.sweep(learner, split._replace(y_train=targets[f]), **options)
        assert same_bits(fold(result, f), expected.params)


@pytest.mark.thorough
def test_subsets_of_different_sizes_are_their_own_runs():
    nested = subsets.sizes(N, [41, 48])
    result = sweep(folds=nested, batch_size=PADDED, **ONE)
    for f, (train, _) in enumerate(nested.pairs):
        assert same_bits(result.member(0, 0, 0, f), alone(result, train, batch_size=PADDED))
    assert result.subset_values["rows"].tolist() == [41, 48]
    assert result.to_dict()["rows"].tolist() == [41, 48]


def test_a_resumed_run_ends_with_the_bits_and_the_values_of_an_uninterrupted_one(tmp_path):
    def stop(progress):
        raise SystemExit

    with pytest.raises(SystemExit):
        series.sweep(SERIES, GROUPS, {"progress": stop}, out=tmp_path, epochs=200)
    resumed = series.sweep(SERIES, GROUPS, out=tmp_path, epochs=200, resume=True)
    plain = series.sweep(SERIES, GROUPS, epochs=200)
    loaded = jfnn.load(tmp_path)
    for result in (resumed, loaded):
        assert same_bits([result.params, result.scores], [plain.params, plain.scores])
        np.testing.assert_array_equal(result.subset_values["group"], np.unique(NAMES))
    assert resumed.folds == loaded.folds == 40
    header, first = (tmp_path / "results.csv").read_text().splitlines()[:2]
    assert "group" in header.split(",") and "series 000" in first.split(",")
    renamed = dataclasses.replace(GROUPS, values=np.arange(40))
    with pytest.raises(ValueError, match=r"settings\.subsets\.values"):
        series.sweep(SERIES, renamed, epochs=200, out=tmp_path, resume=True)


def test_several_networks_keep_the_subsets():
    chosen = subsets.shares(N, 48, 2, start_per_subset=True)
    options = {**ONE, "epochs": 3, "batch_size": 8, "execution": jfnn.Execution(tile=4)}
    both = jfnn.sweep({"a": NET, "b": NET}, SPLIT, folds=chosen, **options)
    expected = jfnn.sweep(NET, SPLIT, folds=chosen, **options)
    assert all(same_bits(result.params, expected.params) for result in both.programs)


PAIR = (np.arange(4), np.arange(4, 6))
NOT_THERE = {
    "nan": [1.0, np.nan, 2.0, np.nan],
    "inf": [1.0, np.inf],
    "none": ["a", None, "b"],
    "number": [1, None],
    "word": ["a", float("nan")],
    "object": np.array(["a", np.nan], object),
    "date": np.array([1, np.datetime64("NaT", "s")], object),
    "decimal": [Decimal(1), Decimal("nan")],
}


@pytest.mark.parametrize("kind", NOT_THERE)
def test_a_missing_value_is_no_group_and_no_value(kind):
    given = NOT_THERE[kind]
    for argument, make in (
        ("groups", lambda: subsets.by_group(given)),
        ("values", lambda: subsets.Subsets(6, [PAIR] * len(given), "draw", given)),
    ):
        with pytest.raises(ValueError, match=rf"^{argument}: expected numbers or words, got .*index \[1\]"):
            make()


def test_missing_values_of_pandas_are_no_groups():
    pandas = pytest.importorskip("pandas")
    words = pandas.Series(["a", None], dtype="string")
    for given in (pandas.array([1, pandas.NA]), pandas.Series([1, pandas.NA], dtype="Int64"), words):
        with pytest.raises(ValueError, match=r"^groups: expected numbers or words, got <NA> at index \[1\]"):
            subsets.by_group(given)
    assert subsets.by_group(pandas.Series(["a", "b"], dtype="string")).values.tolist() == ["a", "b"]


def test_groups_of_bytes_are_their_words_in_utf_8():
    for given in ([b"a", "ä".encode()], np.array([b"a", "ä".encode()])):
        assert subsets.by_group(given).values.tolist() == ["a", "ä"]
    with pytest.raises(ValueError, match=r"^groups: expected .*UTF-8, got .*index \[1\]"):
        subsets.by_group([b"a", b"\xff"])


EVERYTHING = [(np.arange(N), ())]
