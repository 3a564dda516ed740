"""Subsets of the rows as an axis: each member is the network trained on its own rows, labels and weights."""

import dataclasses
import pickle
import tracemalloc
from decimal import Decimal

import jax
import numpy as np
import pytest
import series
from helpers import same_bits
from noisy_classes import CLASSES, NET, SPLIT, N, sweep
from sklearn.model_selection import LeaveOneOut, ShuffleSplit, train_test_split

import jfnn
from jfnn import subsets
from jfnn.arguments import memory
from jfnn.core.engine import cohort, epoch
from jfnn.core.search.prepare import prepare
from jfnn.core.store.identity import deciding_values

pytestmark = pytest.mark.unoptimized

ONE = {"learning_rate": 0.1, "l2": 0.3}
SERIES, NAMES, LINES = series.make_series()
GROUPS = subsets.by_group(NAMES)


def describe(split=SPLIT, **options):
    options = {**ONE, "epochs": 9, "batch_size": 8} | options
    return deciding_values(prepare(jfnn.Options(NET, split, **options)).description)


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
def test_description_depends_on_the_meaning_of_options_and_not_on_their_form(one, other, alike):
    assert (describe(**one) == describe(**other)) == alike


def test_draws_equal_the_documented_streams():
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
def test_all_draws_use_one_stream(n):
    drawn = subsets.bootstrap(n, 5, seed=1)
    expected = np.random.default_rng(1).integers(n, size=(5, n))
    np.testing.assert_array_equal([train for train, _ in drawn.pairs], expected)
    assert {part.dtype for pair in drawn.pairs for part in pair} == {np.dtype(int)}
    assert drawn.pairs.row_numbers == sum(len(part) for pair in drawn.pairs for part in pair)
    coins = np.random.default_rng(2).random((5, n)) < 0.3
    np.testing.assert_array_equal(subsets.independent(n, 0.3, 5, seed=2).included, coins)


def test_mixing_a_draw_of_all_rows_with_others_is_refused():
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
def test_pairs_take_no_memory_until_used(make, number):
    """All row numbers at once would take 29 GB and 96 MB, and the weights 48 MB."""
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


def test_pickled_subsets_are_the_same():
    for chosen in (subsets.leave_one_out(5), subsets.bootstrap(9, 3), subsets.independent(9, 0.5, 3)):
        again = pickle.loads(pickle.dumps(chosen))
        assert same_bits(list(again.pairs), list(chosen.pairs))


def test_slices_of_pairs_are_subsets_and_those_of_other_rows_are_refused():
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
def test_sweep_over_subsets_larger_than_memory_is_refused(chosen, free, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: free)
    with pytest.raises(ValueError, match=r"^folds: it does not fit into memory"):
        sweep(folds=chosen, **ONE)


def test_groups_hold_out_their_own_rows_at_random_or_the_last():
    groups = np.array(["b", "a", "b", "b", "a", "b"])
    assert [train.tolist() for train, _ in subsets.by_group(groups).pairs] == [[1, 4], [0, 2, 3, 5]]
    last = subsets.by_group(groups, 0.5, seed=None)
    assert [(t.tolist(), h.tolist()) for t, h in last.pairs] == [([1], [4]), ([0, 2], [3, 5])]
    drawn = subsets.by_group(groups, 0.3, seed=4)
    numbers = np.random.default_rng(4).permutation(6)
    rows = np.flatnonzero(groups == "b")
    assert drawn.pairs[1][1].tolist() == sorted(rows[np.argsort(numbers[rows])[:2]])
    assert drawn.values.tolist() == ["a", "b"]


def test_groups_are_not_refit_on_all_rows():
    with pytest.raises(ValueError, match=r"^refit: each group"):
        sweep(folds=subsets.by_group(np.arange(N) % 3, 0.3), refit=True, **ONE)


def test_held_out_rows_are_independent_of_inputs_with_the_same_seed():
    x = np.random.default_rng(0).random(1000)
    ((_, held),) = subsets.by_group(np.zeros(1000), 0.2).pairs
    assert abs(x[held].mean() - 0.5) < 0.1


@pytest.mark.parametrize(
    ("share", "n", "held"), [(0.07, 100, 7), (0.55, 100, 55), (0.14, 50, 7), (0.28, 25, 7)]
)
def test_share_of_rows_uses_the_exact_decimal(share, n, held):
    assert share * n > held  # in floating point
    groups = subsets.by_group(np.repeat([0, 1], [n, n + 1]), share)
    assert [len(out) for _, out in groups.pairs] == [held, held + 1]
    sixths = subsets.by_group(np.zeros(6), 5 / 6)  # not a decimal: the shortest one is slightly larger
    assert len(sixths.pairs[0][1]) == 5


def test_half_a_wrong_label_rounds_to_even():
    noisy = subsets.label_noise(np.arange(100) % 2, [0.565, 0.575], seed=0)  # 56.5, in floats 56.49…; 57.5
    assert (noisy.labels != np.arange(100) % 2).sum(axis=1).tolist() == [56, 58]


def test_wrong_labels_are_a_fraction_of_all_nested_and_never_right():
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
def test_wrong_labels_of_any_integer_dtype_are_the_same_run(dtype):
    plain = SPLIT.y_train.astype(np.int64)
    other = SPLIT.y_train.astype(dtype)
    noisy = subsets.label_noise(other, [0.5])
    np.testing.assert_array_equal(noisy.labels, subsets.label_noise(plain, [0.5]).labels)
    runs = [describe(SPLIT._replace(y_train=y), folds=subsets.label_noise(y, [0.5])) for y in (plain, other)]
    assert runs[0] == runs[1]


def test_rows_of_weight_0_are_not_included():
    weights = np.ones((2, 4))
    weights[1, 2] = 0
    assert subsets.weighted(weights).included.tolist() == [[True] * 4, [True, True, False, True]]
    assert subsets.leave_one_out(3).included.tolist() == (~np.eye(3, dtype=bool)).tolist()


def test_each_series_learns_its_own_line():
    result = series.sweep(SERIES, GROUPS, epochs=600, learning_rate=0.2)
    layer = result.params[0]
    found = np.concatenate([layer.w[0, 0, 0, :, :, 0], layer.b[0, 0, 0]], axis=-1)
    np.testing.assert_allclose(found, LINES, atol=1e-3)
    assert result.train_loss.max() < 1e-6
    assert result.ranked_by == "train_loss" and np.isnan(result.validation_loss).all()


@pytest.mark.thorough
def test_copying_rows_changes_no_bit_of_the_parameters(monkeypatch):
    weighted = dataclasses.replace(
        GROUPS, weights=np.random.default_rng(0).random((len(GROUPS.pairs), len(NAMES)))
    )
    given = SERIES._replace(weights=np.random.default_rng(1).random(len(NAMES)))
    for split, chosen in ((given, GROUPS), (given, weighted)):
        own = series.sweep(split, chosen)
        with monkeypatch.context() as patch:
            patch.setattr(cohort, "COPIED_SHARE", 0)
            everything = series.sweep(split, chosen)
            patch.setattr(epoch, "SPLIT_BYTES", 0)  # gather rows of several steps at once
            chunked = series.sweep(split, chosen)
        assert same_bits(own.params, everything.params) and same_bits(own.params, chunked.params)
        np.testing.assert_allclose(own.train_loss, everything.train_loss, rtol=1e-4)


@pytest.mark.thorough
def test_long_series_are_scored_in_several_blocks(monkeypatch):
    monkeypatch.setattr(cohort, "COPIED_BLOCK", 4)
    result = series.sweep(SERIES, GROUPS)
    monkeypatch.setattr(cohort, "COPIED_SHARE", 0)
    np.testing.assert_allclose(result.train_loss, series.sweep(SERIES, GROUPS).train_loss, rtol=1e-4)


@pytest.mark.thorough
def test_bootstrap_by_repeated_rows_equals_one_by_integer_weights():
    drawn = subsets.bootstrap(N, 4)
    counts = np.stack([np.bincount(train, minlength=N) for train, _ in drawn.pairs])
    options = {"batch_size": None, "learning_rate": 0.01, "l2": 0.3}
    repeated, weighted = (sweep(folds=chosen, **options) for chosen in (drawn, subsets.weighted(counts)))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), repeated.params, weighted.params)
    assert (drawn.included == subsets.weighted(counts).included).all()
    assert repeated.ranked_by == "validation_accuracy" and weighted.ranked_by == "test_accuracy"


@pytest.mark.thorough
def test_subsets_with_labels_have_no_test_scores_without_test_labels(tmp_path):
    """They were trained on other labels, possibly for other tasks."""
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
    assert describe(folds=noisy) != describe(folds=unknown)


@pytest.mark.thorough
def test_learner_with_named_inputs_gets_the_targets_of_its_subset():
    """Each of two subsets has its own targets; inputs are a dict."""
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
        assert same_bits(jax.tree.map(lambda leaf, f=f: leaf[:, :, :, f], result.params), expected.params)


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
def test_missing_values_are_refused_as_groups_and_values(kind):
    given = NOT_THERE[kind]
    for argument, make in (
        ("groups", lambda: subsets.by_group(given)),
        ("values", lambda: subsets.Subsets(6, [PAIR] * len(given), "draw", given)),
    ):
        with pytest.raises(ValueError, match=rf"^{argument}: expected numbers or words, got .*index \[1\]"):
            make()


def test_missing_values_of_pandas_are_refused_as_groups():
    pandas = pytest.importorskip("pandas")
    words = pandas.Series(["a", None], dtype="string")
    for given in (pandas.array([1, pandas.NA]), pandas.Series([1, pandas.NA], dtype="Int64"), words):
        with pytest.raises(ValueError, match=r"^groups: expected numbers or words, got <NA> at index \[1\]"):
            subsets.by_group(given)
    assert subsets.by_group(pandas.Series(["a", "b"], dtype="string")).values.tolist() == ["a", "b"]


def test_groups_of_bytes_are_decoded_as_utf_8():
    for given in ([b"a", "ä".encode()], np.array([b"a", "ä".encode()])):
        assert subsets.by_group(given).values.tolist() == ["a", "ä"]
    with pytest.raises(ValueError, match=r"^groups: expected .*UTF-8, got .*index \[1\]"):
        subsets.by_group([b"a", b"\xff"])


def test_directory_refuses_subsets_with_other_names(tmp_path):
    series.sweep(SERIES, GROUPS, out=tmp_path, epochs=1)
    renamed = dataclasses.replace(GROUPS, values=np.arange(40))
    with pytest.raises(ValueError, match=r"settings\.subsets\.values"):
        series.sweep(SERIES, renamed, out=tmp_path, epochs=1, resume=True)
