"""Laws of choosing: folds, hold-out, ranking, successive halving, early stopping."""

import functools

import jax
import numpy as np
import optax
import pytest
from helpers import same_bits
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    HalvingGridSearchCV,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    train_test_split,
)

import jfnn
from jfnn import losses, minibatches, training
from jfnn.engine.program import Members
from jfnn.engine.state import RunState
from jfnn.experiment import replicates as streams
from jfnn.schedulers.judges import Halving

# Sizes such that folds, hold-outs and solo runs on their rows all have 48 rows to train on, and all scored
# rows fit one block: one compiled program serves the whole file.
N, HELD, FEATURES, CLASSES = 60, 12, 4, 3
NET = jfnn.mlp((FEATURES, 3, CLASSES))
# The last rate diverges, the one before it is chaotic.
RATES = [1e-3, 0.02, 0.1, 0.4, 3.0, 1e38]
PENALTIES = [0.0, 0.3]
EPOCHS = 9
SCORES = [f"{part}_{kind}" for part in ("train", "validation", "test") for kind in ("accuracy", "loss")]
FIXED_SPLITTERS = {
    "KFold": KFold(5, shuffle=True, random_state=1),
    "ShuffleSplit": ShuffleSplit(3, test_size=HELD, random_state=2),
    "pairs": [(np.arange(HELD, N)[::-1], np.arange(HELD)), (np.arange(N - HELD), np.arange(N - HELD, N))],
}


def make_split():
    """Noisy classes, so that a network can overfit."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N + 4, FEATURES)).astype(np.float32)
    y = np.argmax(x[:, :CLASSES] + rng.normal(size=(N + 4, CLASSES)), axis=1)
    return jfnn.Split(x[:N], y[:N], x[N:], y[N:])


SPLIT = make_split()
# The same rows, those held out counted to the test rows.
LESS_TO_TRAIN_ON = jfnn.Split(
    *(part[: N - HELD] for part in SPLIT[:2]),
    *(np.concatenate([part[N - HELD :], test]) for part, test in zip(SPLIT[:2], SPLIT[2:], strict=True)),
)


def sweep(split=SPLIT, **changes):
    options = {"learning_rate": RATES, "l2": PENALTIES, "epochs": EPOCHS, "batch_size": 8, "tile": 4}
    return jfnn.sweep(NET, split, **options | changes)


def source(targets=SPLIT.y_train, loss="cross_entropy", outputs=CLASSES):
    net = jfnn.mlp((FEATURES, outputs))
    return streams.read(net, jfnn.Split(SPLIT.x_train, targets), losses.LOSSES[loss])


def solo(train, held, rate, penalty, seed=0):
    """One network trained on its own on some rows, and scored on others: ``(params, history)``."""
    return jfnn.train(
        NET,
        SPLIT.x_train[train],
        SPLIT.y_train[train],
        test=(SPLIT.x_train[held], SPLIT.y_train[held]),
        learning_rate=rate,
        l2=penalty,
        seed=seed,
        epochs=EPOCHS,
        batch_size=8,
        tile=4,
        segment=EPOCHS,
    )


def assert_equals_solo_runs(result, cuts, seeds):
    """Parameters and scores of every member of a result ``[E, L, S, folds]``, to the bit."""
    for i, j, s, f in np.ndindex(result.diverged_at.shape):
        params, history = solo(*cuts[f], result.learning_rate[i], result.l2[j], seeds[s])
        place = (i, j, s, f)
        assert same_bits(result.member(*place), params)
        assert result.diverged_at[place] == history.diverged_at
        for kind in ("accuracy", "loss"):
            for ours, alone in (("train", "train"), ("validation", "test")):
                np.testing.assert_array_equal(
                    getattr(result, f"{ours}_{kind}")[place], getattr(history, f"{alone}_{kind}")[-1]
                )


# Folds and hold-out


@pytest.mark.parametrize("k", [2, 5, 7])
def test_a_number_of_folds_is_scikit_learns_stratified_kfold_for_labels_and_kfold_for_others(k):
    cases = [
        (source(), StratifiedKFold(k)),
        (source(np.eye(CLASSES)[SPLIT.y_train]), KFold(k)),
        (source(SPLIT.x_train[:, 0], "quadratic", 1), KFold(k)),
    ]
    for given, splitter in cases:
        expected = splitter.split(SPLIT.x_train, SPLIT.y_train)
        for found, wanted in zip(streams.train_and_validation(given, None, k), expected, strict=True):
            jax.tree.map(np.testing.assert_array_equal, found, wanted)


def test_folds_train_and_score_as_solo_runs_over_scikit_learns_splitter_to_the_bit():
    cuts = list(StratifiedKFold(5).split(SPLIT.x_train, SPLIT.y_train))
    result = sweep(learning_rate=[0.1, 3.0], l2=0.3, seeds=[4, 7], folds=5)
    assert result.folds == 5
    assert result.validation_accuracy.shape == (2, 1, 2, 5)
    assert_equals_solo_runs(result, cuts, [4, 7])


@pytest.mark.parametrize("name", FIXED_SPLITTERS)
def test_a_splitter_or_pairs_of_rows_are_taken_as_they_are(name):
    folds = FIXED_SPLITTERS[name]
    cuts = folds if name == "pairs" else list(folds.split(SPLIT.x_train))
    assert_equals_solo_runs(sweep(learning_rate=0.4, l2=[0.0, 0.3], folds=folds), cuts, [0])


@pytest.mark.parametrize(
    "scheme",
    [
        {"minibatch": "permutation", "remainder": "keep"},
        {"minibatch": "permutation", "remainder": "keep", "reduction": "mean"},
        {"batch_size": None},
    ],
)
def test_folds_of_unequal_size_train_on_their_own_number_of_rows(scheme):
    """40 and 43 rows: five full steps, and six of which the last is padded; or one step of all rows."""
    cuts = [(np.arange(40), np.arange(40, N)), (np.arange(17, N), np.arange(17))]
    result = sweep(learning_rate=0.01, l2=0.3, epochs=3, folds=cuts, **scheme)
    for f, (train, held) in enumerate(cuts):
        alone = jfnn.Split(
            SPLIT.x_train[train], SPLIT.y_train[train], SPLIT.x_train[held], SPLIT.y_train[held]
        )
        expected = sweep(alone, learning_rate=0.01, l2=0.3, epochs=3, **scheme)
        assert same_bits(result.member(0, 0, 0, f), expected.member(0, 0, 0))
        assert result.validation_accuracy[0, 0, 0, f] == expected.test_accuracy[0, 0, 0]


@pytest.mark.parametrize("validation", [0.2, HELD])
def test_hold_out_is_one_train_test_split_for_all_seeds(validation):
    train, held = train_test_split(np.arange(N), test_size=validation, random_state=0)
    result = sweep(learning_rate=[0.1, 1e38], l2=0.3, seeds=2, validation=validation)
    assert result.folds is None
    assert result.validation_loss.shape == (2, 1, 2)
    as_folds = sweep(learning_rate=[0.1, 1e38], l2=0.3, seeds=2, folds=[(np.sort(train), np.sort(held))])
    assert_equals_solo_runs(as_folds, [(np.sort(train), np.sort(held))], [0, 1])
    assert same_bits(result.params, as_folds.params)
    for name in SCORES:
        np.testing.assert_array_equal(getattr(result, name), getattr(as_folds, name)[..., 0])


# Ranking

CHOICES = {
    "folds": {"folds": 5},
    "validation": {"validation": HELD, "seeds": 2},
    "halving": {"validation": HELD, "halving": 2},
    "early stopping": {"validation": HELD, "early_stopping": 2},
    "halving over folds": {"folds": 5, "halving": 3},
}


@pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)
def test_no_choice_reads_the_test_rows(choice):
    other_test = SPLIT._replace(x_test=100 * SPLIT.x_test[::-1], y_test=(SPLIT.y_test + 1) % CLASSES)
    result, other = (sweep(split, **choice, segment=2, history=True) for split in (SPLIT, other_test))
    assert result.ranked_by == other.ranked_by == "validation_accuracy"
    assert result.best() == other.best()
    assert same_bits(result.params, other.params)
    for name in ("left_at", "epochs", "diverged_at", *SCORES[:4]):
        np.testing.assert_array_equal(getattr(result, name), getattr(other, name))
    for name in ("epoch", *SCORES[:4]):
        np.testing.assert_array_equal(result.history[name], other.history[name])
    assert not np.array_equal(result.test_loss, other.test_loss, equal_nan=True)


def test_cells_are_ranked_by_the_mean_over_seeds_and_folds_and_none_that_diverged():
    result = sweep(folds=5, seeds=2)
    lost = result.diverged_at >= 0
    assert lost[-1].all()
    assert not lost[:-1].any()
    for name in SCORES:
        expected = np.array([[getattr(result, name)[i, j].mean() for j in range(2)] for i in range(6)])
        np.testing.assert_allclose(result.cell_scores(name), expected, rtol=1e-15)
        np.testing.assert_array_equal(np.isnan(result.cell_scores(name)), lost.any(axis=(2, 3)))
    ranked = result.cell_scores()
    np.testing.assert_array_equal(ranked, result.cell_scores("validation_accuracy"))
    best = result.best()
    assert best.ranked_by == result.ranked_by == "validation_accuracy"
    assert best.score == ranked[best.index] == np.nanmax(ranked)
    assert best.axes == {"learning_rate": RATES[best.index[0]], "l2": PENALTIES[best.index[1]]}


def test_a_cell_that_diverged_with_one_seed_alone_does_not_rank():
    starts = [NET.init(jax.random.key(seed)) for seed in range(2)]
    huge = (starts[1][0], jax.tree.map(lambda leaf: 3e38 * np.sign(leaf), starts[1][1]))
    both = jax.tree.map(lambda *leaves: np.stack(leaves), starts[0], huge)
    result = sweep(learning_rate=[1e-3], l2=[0.0], epochs=1, seeds=2, initial_params=both, validation=HELD)
    assert np.isfinite(result.validation_accuracy[0, 0]).tolist() == [True, False]
    assert np.isnan(result.cell_scores()).all()
    with pytest.raises(ValueError, match="diverged"):
        result.best()


@pytest.mark.parametrize(
    ("split", "choice", "part"),
    [
        (SPLIT, {"validation": HELD}, "validation"),
        (LESS_TO_TRAIN_ON, {}, "test"),
        (LESS_TO_TRAIN_ON._replace(x_test=None, y_test=None), {}, "train"),
    ],
)
def test_rows_held_out_rank_before_test_rows_and_these_before_training_rows(split, choice, part):
    result = sweep(split, epochs=2, **choice)
    assert result.best().ranked_by == f"{part}_accuracy"
    accuracy = getattr(result, f"{part}_accuracy")[..., 0]
    assert accuracy[result.best().index] == np.nanmax(accuracy)
    assert result.best().index == np.unravel_index(
        np.nanargmax(accuracy), accuracy.shape
    )  # the first of equals


def test_targets_that_are_no_classes_rank_by_loss():
    fit = jfnn.Split(SPLIT.x_train, SPLIT.x_train[:, :CLASSES] ** 2)
    rates = [1e-3, 1e-2, 0.1]
    result = sweep(fit, learning_rate=rates, l2=0.0, loss="quadratic", validation=HELD, halving=3)
    assert np.isnan(result.validation_accuracy).all()
    assert result.best().ranked_by == "validation_loss"
    assert (result.left_at == -1).sum() == 1
    at_rung = sweep(fit, learning_rate=rates, l2=0.0, loss="quadratic", validation=HELD, epochs=EPOCHS // 3)
    assert result.left_at[np.nanargmin(at_rung.validation_loss), 0, 0] == -1


# Successive halving


class Constant(ClassifierMixin, BaseEstimator):
    """Learns nothing; scikit-learn's search only has to count with it."""

    def __init__(self, candidate=0, n_iter=1):
        self.candidate, self.n_iter = candidate, n_iter

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, x):
        return np.zeros(len(x))


def scikit_learns_rungs(cells, factor, epochs, min_epochs):
    """``(n_resources_, n_candidates_)`` of scikit-learn's search, which exhausts its resources if it may."""
    for min_resources in ("exhaust", min_epochs):
        search = HalvingGridSearchCV(
            Constant(),
            {"candidate": list(range(cells))},
            resource="n_iter",
            factor=factor,
            max_resources=epochs,
            min_resources=min_resources,
            cv=[(np.array([0]), np.array([1]))],
            refit=False,
        ).fit(np.zeros((2, 1)), np.array([0, 1]))
        if search.min_resources_ >= min_epochs:
            return search.n_resources_, search.n_candidates_
    raise AssertionError


@pytest.mark.parametrize(
    ("cells", "factor", "epochs", "min_epochs"),
    [
        (9, 3, 27, 1),  # a power of the factor, and epochs to match
        (8, 2, 100, 1),
        (10, 3, 27, 1),  # just more cells than a power
        (26, 3, 27, 1),  # just fewer
        (49, 3, 100, 1),
        (49, 2, 100, 1),
        (40, 3, 100, 5),  # no room for all rounds
        (9, 3, 100, 20),
        (9, 3, 100, 60),  # no room for any
        (60, 4, 3, 1),
        (5, 7, 50, 1),
        (1, 3, 10, 1),
    ],
)
def test_rungs_are_scikit_learns(cells, factor, epochs, min_epochs):
    """Its last round is the cells that train to the end here."""
    resources, candidates = scikit_learns_rungs(cells, factor, epochs, min_epochs)
    expected = dict(zip(resources[:-1], candidates[1:], strict=True))
    assert Halving(factor, min_epochs).rungs(cells, epochs) == expected


@pytest.mark.parametrize(
    ("factor", "epochs", "first"), [(3, 100, 5), (2, 8, 2), (3, 30, 3), (4, 10, 1), (2, 3, 1), (2, 1000, 5)]
)
def test_the_first_rung_is_at_five_epochs_or_where_two_rounds_fit(factor, epochs, first):
    rungs = Halving(factor).rungs(5000, epochs)
    assert min(rungs) == first
    assert len(rungs) >= 2 or epochs < factor**2


@pytest.fixture(scope="module")
def full():
    """The whole grid trained to the end, scored after every epoch."""
    return sweep(folds=5, seeds=2, segment=1, history=True)


@pytest.fixture(scope="module")
def ended_after():
    """``epochs -> `` the whole grid trained for so many, each trained once."""
    return functools.cache(lambda epochs: sweep(folds=5, seeds=2, epochs=epochs))


def halved_by_hand(full, rungs):
    """When each cell leaves, from the scores of the full grid: -1 for never."""
    left_at = np.full(full.diverged_at.shape[:2], -1).ravel()
    for epoch, keep in rungs.items():
        score = full.history["validation_accuracy"][..., epoch - 1].reshape(len(left_at), -1).mean(axis=1)
        still = [cell for cell in range(len(left_at)) if left_at[cell] == -1]
        ranked = sorted(still, key=lambda cell: np.inf if np.isnan(score[cell]) else -score[cell])
        left_at[ranked[keep:]] = epoch
    return left_at.reshape(full.diverged_at.shape[:2])


@pytest.mark.parametrize("halving", [3, Halving(2, min_epochs=2)])
def test_losers_leave_as_whole_cells_by_their_mean_score_and_nan_first(full, halving):
    """Members that diverged stopped training then and there, before any rung."""
    result = sweep(folds=5, seeds=2, halving=halving)
    rungs = (Halving(halving) if isinstance(halving, int) else halving).rungs(12, EPOCHS)
    by_hand = np.broadcast_to(halved_by_hand(full, rungs)[..., None, None], result.left_at.shape)
    diverged = result.diverged_at >= 0
    assert diverged.any()
    assert (by_hand[diverged] == min(rungs)).all()
    np.testing.assert_array_equal(result.left_at, np.where(diverged, -1, by_hand))
    assert len(np.unique(result.left_at)) > 2


@pytest.mark.parametrize("changes", [{}, {"segment": 2, "history": True}, {"devices": 1}])
def test_survivors_have_the_bits_of_the_full_grid_and_losers_those_of_a_shorter_run(
    full, ended_after, changes
):
    result = sweep(folds=5, seeds=2, halving=2, **changes)
    assert (result.left_at >= 0).any()
    for place in np.ndindex(result.left_at.shape):
        left_at = int(result.left_at[place])
        expected = full if left_at < 0 else ended_after(left_at)
        assert same_bits(result.member(*place), expected.member(*place))
        for name in SCORES:
            np.testing.assert_array_equal(getattr(result, name)[place], getattr(expected, name)[place])
    stayed = np.where(result.left_at == -1, EPOCHS, result.left_at)
    np.testing.assert_array_equal(result.epochs, np.where(full.diverged_at >= 0, full.diverged_at, stayed))


def run_state(left_at, epoch):
    """A run that has come to ``epoch``; nobody diverged, all else is blank."""
    blank = dict.fromkeys(RunState._fields, np.zeros(len(left_at), bool))
    members = Members(None, np.full(len(left_at), -1))
    return RunState(**blank | {"epoch": epoch, "members": members, "left_at": np.array(left_at)})


def test_a_cell_with_one_nan_leaves_before_the_worst_and_of_equals_the_last():
    nan = np.nan
    score = np.array([[0.5, 0.5], [0.9, nan], [0.1, 0.2], [0.5, 0.5], [0.6, 0.4]])
    halving = Halving(2)
    (rung, keep), *_ = halving.rungs(5, 8).items()
    assert keep == 3
    found = halving.judge(run_state([-1] * 10, rung), score.ravel(), (5, 2), 8)
    assert found.left_at.reshape(5, 2)[:, 0].tolist() == [-1, rung, rung, -1, -1]
    np.testing.assert_array_equal(*found.left_at.reshape(5, 2).T)
    score[2] = nan
    found = halving.judge(run_state([-1] * 10, rung), score.ravel(), (5, 2), 8)
    assert found.left_at.reshape(5, 2)[:, 0].tolist() == [-1, rung, rung, -1, -1]


def test_the_winner_is_a_survivor_also_where_a_loser_had_a_better_score_when_it_left():
    """Labels that are pure noise, and chaotic rates: scores go up and down."""
    rng = np.random.default_rng(0)
    for _ in range(4):
        noise = SPLIT._replace(y_train=rng.integers(CLASSES, size=N))
        options = {"learning_rate": [1, 2, 3, 4, 5, 6], "l2": 0.0, "validation": HELD}
        result, full = sweep(noise, halving=2, **options), sweep(noise, **options)
        best = result.best()
        assert (result.left_at[best.index] == -1).all()
        assert same_bits(result.member(*best.index, 0), full.member(*best.index, 0))
        survived = result.left_at[..., 0] == -1
        assert best.score == full.validation_accuracy[..., 0][survived].max()


# Early stopping

PATIENCE, LONG = 3, 40
FIFTY = {"learning_rate": [0.02, 0.05, 0.1, 0.2, 0.5], "l2": [0.0, 0.1], "seeds": 5}


def stop_by_hand(losses_by_epoch):
    """``(best epoch, epoch of leaving or -1)`` of one member, from its validation losses."""
    best, best_epoch = np.inf, 0
    for epoch, loss in enumerate(losses_by_epoch, start=1):
        if loss < best:
            best, best_epoch = loss, epoch
        if epoch - best_epoch >= PATIENCE:
            return best_epoch, epoch
    return best_epoch, -1


def test_early_stopping_is_the_plain_loop_that_stops_one_network_at_a_time(x64):
    """Fifty networks, each trained by itself, an epoch at a time, on the rows of one hold-out."""
    x, targets = SPLIT.x_train.astype(np.float64), np.eye(CLASSES)[SPLIT.y_train]
    train, held = (np.sort(rows) for rows in train_test_split(np.arange(N), test_size=HELD, random_state=0))
    result = sweep(SPLIT._replace(x_train=x), **FIFTY, epochs=LONG, validation=HELD, early_stopping=PATIENCE)
    assert result.left_at.size == 50
    assert len(np.unique(result.left_at)) > 10
    value_and_grad = training.autodiff(NET, losses.LOSSES["cross_entropy"], "sum")
    scheme = minibatches.Minibatches("subset", 8)

    @jax.jit
    def one_epoch(params, rows, rate, penalty):
        optimizer = optax.sgd(rate)
        state = training.State(params, optimizer.init(params))
        params = training.epoch(state, optimizer, value_and_grad, x[train], targets[train], penalty, rows)[0][
            0
        ]
        return params, jfnn.objective(NET, params, x[held], targets[held], reduction="mean")

    init = jax.jit(NET.init)
    for i, j, seed in np.ndindex(result.left_at.shape):
        params, found = init(jax.random.key(seed)), []
        for epoch in range(LONG):
            rows = scheme.epoch(len(train), seed, epoch)
            params, loss = one_epoch(params, rows, FIFTY["learning_rate"][i], FIFTY["l2"][j])
            found.append((float(loss), params))
            best_epoch, left_at = stop_by_hand([loss for loss, _ in found])
            if left_at >= 0:
                break
        assert (result.epochs[i, j, seed], result.left_at[i, j, seed]) == (best_epoch, left_at)
        loss, params = found[best_epoch - 1]
        np.testing.assert_allclose(result.validation_loss[i, j, seed], loss, rtol=1e-9)
        for got, wanted in zip(
            jax.tree.leaves(result.member(i, j, seed)), jax.tree.leaves(params), strict=True
        ):
            np.testing.assert_allclose(got, wanted, rtol=1e-8, atol=1e-10)


@pytest.fixture(scope="module")
def run_of():
    """``epochs -> `` the fifty members trained for so many without stopping."""
    return functools.cache(lambda epochs, **scored: sweep(**FIFTY, validation=HELD, epochs=epochs, **scored))


@pytest.mark.parametrize("changes", [{}, {"segment": 7, "history": True}, {"devices": 1}])
def test_each_member_ends_with_the_bits_of_its_best_epoch(run_of, changes):
    """The scores of all members, and the parameters of those whose best epoch is one of three."""
    result = sweep(**FIFTY, epochs=LONG, validation=HELD, early_stopping=PATIENCE, **changes)
    history = run_of(LONG, segment=1, history=True).history
    for place in np.ndindex(result.left_at.shape):
        best_epoch, left_at = stop_by_hand(history["validation_loss"][place])
        assert (result.epochs[place], result.left_at[place]) == (best_epoch, left_at)
        for name in SCORES:
            np.testing.assert_array_equal(getattr(result, name)[place], history[name][place][best_epoch - 1])
    best_epochs = np.unique(result.epochs)
    for epochs in best_epochs[[0, len(best_epochs) // 2, -1]].tolist():
        for place in zip(*np.nonzero(result.epochs == epochs), strict=True):
            assert same_bits(result.member(*place), run_of(epochs).member(*place))


def test_a_member_that_diverges_never_ranks_and_keeps_its_best_epoch():
    result = sweep(learning_rate=[0.1, 1e38], l2=0.0, validation=HELD, early_stopping=2)
    assert result.diverged_at[1, 0, 0] >= 0
    assert np.isnan(result.validation_loss[1, 0, 0])
    assert result.best().index == (0, 0)
    shorter = sweep(learning_rate=1e38, l2=0.0, validation=HELD, epochs=int(result.epochs[1, 0, 0]))
    assert same_bits(result.member(1, 0, 0), shorter.member(0, 0, 0))


def test_members_that_stopped_early_still_count_at_later_rungs():
    """With both rules a member competes with the score of its best epoch, with which it would end."""
    options = {"learning_rate": [0.01, 0.05, 0.2, 0.5, 2.0, 1e38], "l2": 0.0, "seeds": 3, "epochs": LONG}
    options["validation"] = HELD
    result = sweep(**options, early_stopping=PATIENCE, halving=2)
    every_epoch = sweep(**options, segment=1, history=True)
    loss, accuracy = (every_epoch.history[f"validation_{kind}"][:, 0] for kind in ("loss", "accuracy"))
    diverged = every_epoch.diverged_at[:, 0] >= 0
    rungs = Halving(2).rungs(6, LONG)
    left_at, best_epoch = np.full((6, 3), -1), np.zeros((6, 3), int)
    still = list(range(6))
    for epoch in range(1, LONG + 1):
        for member in zip(*np.nonzero((left_at < 0) & ~diverged), strict=True):
            best_epoch[member], left = stop_by_hand(loss[member][:epoch])
            left_at[member] = left
        if epoch in rungs:
            score = np.where(
                diverged, -np.inf, np.take_along_axis(accuracy, best_epoch[..., None] - 1, 2)[..., 0]
            )
            still = sorted(still, key=lambda cell: -score[cell].mean())[: rungs[epoch]]
            leaves = (left_at < 0) & ~diverged & ~np.isin(np.arange(6), still)[:, None]
            left_at[leaves] = epoch
    assert (left_at[still] >= 0).any()
    np.testing.assert_array_equal(result.left_at[:, 0], left_at)
    np.testing.assert_array_equal(result.epochs[:, 0], best_epoch)
    assert result.best().index[0] in still


# Errors


@pytest.mark.parametrize(
    ("changes", "argument"),
    [
        ({"halving": 1}, "halving"),
        ({"halving": 2.5}, "halving"),
        ({"folds": 1}, "folds"),
        ({"folds": N + 1}, "folds"),
        ({"folds": "five"}, "folds"),
        ({"folds": 5, "validation": 0.2}, "folds"),
        ({"validation": 2.0}, "validation"),
        ({"validation": 0}, "validation"),
        ({"validation": N}, "validation"),
        ({"early_stopping": 0, "validation": 0.2}, "early_stopping"),
        ({"early_stopping": 3}, "early_stopping"),
        ({"early_stopping": 3, "halving": 2}, "early_stopping"),
        ({"folds": [(np.arange(N + 1), np.arange(9))]}, "folds"),
        ({"folds": [(np.arange(-1, 30), np.arange(30, N))]}, "folds"),
        ({"folds": [(np.arange(30), np.arange(30, N + 1))]}, "folds"),
        ({"folds": [(np.arange(N) < 30, np.arange(N) >= 30)]}, "folds"),
        ({"folds": [(np.arange(30), np.arange(0))]}, "folds"),
        ({"folds": []}, "folds"),
    ],
)
def test_what_cannot_be_is_refused_by_name_before_training(changes, argument, monkeypatch):
    monkeypatch.setattr("jfnn.engine.loop.run", lambda *_: pytest.fail("reached the engine"))
    with pytest.raises((ValueError, TypeError), match=rf"^{argument}: "):
        sweep(**changes)
