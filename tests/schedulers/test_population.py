"""Population-based training: who copies whom, how numbers change, and a plain replay of whole runs."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from reports import recorded, report

import jfnn
from jfnn import PopulationTraining
from jfnn.learners import Learner, State

pytestmark = pytest.mark.unoptimised

# One decision on its own


def sources(rule, score, replicates=1, **fields):
    _, actions = rule.update((), report(score, rule.every, 10 * rule.every, replicates, **fields))
    return actions.copy.tolist()


@pytest.mark.parametrize(
    ("share", "score", "expected"),
    [
        (0.5, [1, 2, 3], [2, 1, 2]),  # one of three
        (0.4, [5, 1, 4, 2, 3], [0, 0, 2, 2, 4]),  # the best over the worst, the next over the next
        (0.5, [2, 2, 2, 2], [0, 1, 2, 3]),  # equals stay
        (0.5, [np.nan, 1, 2, np.nan], [1, 1, 2, 2]),  # diverged members come back, of equals the last first
        (0.5, [np.nan, np.nan], [0, 1]),
    ],
)
def test_the_worst_copy_the_best(share, score, expected):
    assert sources(PopulationTraining(3, share), score) == expected


@pytest.mark.parametrize(("share", "cells", "replaced"), [(0.29, 100, 29), (1 / 3, 3, 1), (0.29, 99, 28)])
def test_a_share_of_the_cells_has_no_rounding_of_floats(share, cells, replaced):
    copied = np.array(sources(PopulationTraining(3, share), np.arange(cells)))
    assert (copied != np.arange(cells)).sum() == replaced


@pytest.mark.parametrize("field", ["pruned", "active"])
def test_members_that_stopped_or_were_pruned_take_no_part(field):
    out = np.array([True, False, False, False, False, True])
    fields = {field: ~out if field == "active" else out}
    assert sources(PopulationTraining(3, 0.5), [9, 4, 3, 2, 1, -9], **fields) == [0, 1, 2, 2, 1, 5]


def test_nothing_happens_between_selections_and_at_the_end():
    rule = PopulationTraining(3)
    assert [rule.next_epoch(epoch, 4, 9) for epoch in range(10)] == [3, 3, 3, 6, 6, 6, 10, 10, 10, 10]
    for epoch in (1, 2, 4, 9):
        assert rule.update((), report([4, 3, 2, 1], epoch, 9))[1] == jfnn.schedulers.Actions()


def test_half_of_the_perturbed_numbers_grow_and_each_name_has_directions_of_its_own():
    rule = PopulationTraining(3, 0.5, factor=1.5)
    seen = report(np.random.default_rng(0).normal(size=200), 3, 9)
    _, actions = rule.update((), seen)
    moved = actions.copy != np.arange(200)
    assert moved.sum() == 100
    grown = [(actions.hyper[name] > seen.hyper[name][actions.copy])[moved] for name in rule.perturbed]
    assert all(30 <= count <= 70 for count in np.sum(grown, axis=1))  # four deviations of a fair coin
    assert (grown[0] != grown[1]).any()
    _, alone = PopulationTraining(3, 0.5, perturbed=("l2",)).update((), seen)
    assert set(alone.hyper) == {"l2"}


def test_perturbations_follow_from_the_seed_and_the_epoch():
    def perturbed(seed, epoch):
        rule = PopulationTraining(3, 0.5, seed=seed)
        return rule.update((), report(np.arange(100), epoch, 30))[1].hyper["l2"].tobytes()

    assert perturbed(0, 3) == perturbed(0, 3)
    assert len({perturbed(seed, epoch) for seed in (0, 1) for epoch in (3, 6)}) == 4


# Whole runs


RULE = PopulationTraining(3, share=0.34, factor=2.0, seed=4)


def select(score):
    """``(member, source)`` of one replicate's cells, by hand."""
    value = [-np.inf if np.isnan(number) else number for number in score]
    order = sorted(range(len(score)), key=lambda cell: -value[cell])
    pairs = [(order[-1 - i], order[i]) for i in range(int(RULE.share * len(order)))]
    return [(member, source) for member, source in pairs if value[source] > value[member]]


@dataclasses.dataclass(frozen=True)
class Walk(Learner):
    """Walks by its learning rate a step towards 1; its memory says where it stands, its parameters follow."""

    def init(self, key):
        return {"place": jnp.zeros(())}

    def start(self, params, hyper):
        return State(params, {"sum": jnp.zeros(()), "steps": jnp.zeros((), jnp.int32)})

    def step(self, state, batch, hyper, key):
        total = state.memory["sum"] + hyper["learning_rate"]
        return State({"place": total}, {"sum": total, "steps": state.memory["steps"] + 1}), total

    def score(self, params, rows, hyper):
        return {"loss": jnp.broadcast_to(abs(params["place"] - 1), rows.shape[:1])}

    def describe(self):
        return {"network": "walk"}


class Costly(Walk):
    """Its learning rate has a price."""

    def score(self, params, rows, hyper):
        return {"loss": super().score(params, rows, hyper)["loss"] + hyper["learning_rate"]}


@pytest.mark.parametrize("learner", [Walk(), Costly()])
def test_copies_go_on_from_their_sources_memory_and_are_scored_by_their_numbers_now(learner):
    """Exact replay in NumPy: four steps an epoch, so 1e38 overflows in the first and is revived."""
    rates = [0.001, 0.01, 0.02, 0.05, 0.3, 1e38]
    scheduler, seen = recorded(RULE)
    result = jfnn.sweep(
        learner, jfnn.Split(np.ones((8, 1)), None), learning_rate=rates, epochs=9, batch_size=2,
        schedulers=[scheduler],
    )  # fmt: skip
    place = np.zeros(6, np.float32)
    rate = np.array(rates, np.float32)

    def score():
        loss = abs(place - 1) + (rate if isinstance(learner, Costly) else 0)
        return np.where(diverged, np.nan, -loss)

    diverged = np.zeros(6, bool)
    with np.errstate(over="ignore"):
        for number in range(3):
            for _ in range(RULE.every):
                before = place.copy()
                for _ in range(4):
                    place = place + rate
                diverged |= ~np.isfinite(place)
                place = np.where(diverged, before, place)
            if number < len(seen):
                copied = np.arange(6)
                for member, source in select(score()):
                    copied[member] = source
                    diverged[member] = False
                np.testing.assert_array_equal(seen[number][1].copy, copied)
                place = place[copied]
                rate = seen[number][1].hyper["learning_rate"]
    assert [(np.arange(6) != actions.copy).sum() for _, actions in seen] == [2, 2]
    np.testing.assert_array_equal(result.params["place"][:, 0, 0], place)
    np.testing.assert_array_equal(result.diverged_at[:, 0, 0], np.where(diverged, 0, -1))
    np.testing.assert_array_equal(result.train_loss[:, 0, 0], -score())
    assert not diverged.any()


@dataclasses.dataclass(frozen=True)
class Doubling(jfnn.Scheduler):
    """Doubles every learning rate after each epoch, the last one too."""

    def next_epoch(self, epoch, cells, epochs):
        return epoch + 1

    def update(self, state, report):
        return state, jfnn.schedulers.Actions(hyper={"learning_rate": 2 * report.hyper["learning_rate"]})


def test_numbers_that_change_at_the_end_count_in_the_last_scores():
    result = jfnn.sweep(
        Costly(), jfnn.Split(np.ones((8, 1)), None), learning_rate=[0.01, 0.02], epochs=2, batch_size=8,
        schedulers=[Doubling()],
    )  # fmt: skip
    # steps of 1 and 2 rates
    np.testing.assert_allclose(result.params["place"][:, 0, 0], [0.03, 0.06], rtol=1e-6)
    np.testing.assert_allclose(result.train_loss[:, 0, 0], [0.97 + 0.04, 0.94 + 0.08], rtol=1e-6)


def test_parameters_that_are_kept_are_scored_by_the_numbers_that_they_were_kept_with():
    result = jfnn.sweep(
        Costly(), jfnn.Split(np.ones((8, 1)), None), learning_rate=[0.01, 0.02, 0.2], epochs=9, batch_size=4,
        validation=4, schedulers=[Doubling(), jfnn.EarlyStopping(2)],
        execution=jfnn.Execution(eval_every=1),
    )  # fmt: skip
    at = result.epochs[..., None] - 1
    of_kept = np.take_along_axis(result.history["validation_loss"], at, axis=-1)[..., 0]
    np.testing.assert_array_equal(result.validation_loss, of_kept)
    assert (result.epochs < result.stopped_at).all() and len(np.unique(result.epochs)) > 1


@pytest.mark.parametrize(
    ("cells", "epochs", "hyper", "message"),
    [
        (3, 4, ["learning_rate", "l2"], "^a share of 0.25 of 3 cells is less than one"),
        (4, 3, ["learning_rate", "l2"], r"^no selection of PopulationTraining\(.* before the end, 3 epochs"),
        (4, 4, ["learning_rate"], "^expected names of learning_rate to perturb, got 'l2'"),
    ],
)
def test_a_sweep_in_which_nothing_could_be_copied_raises_an_error(cells, epochs, hyper, message):
    PopulationTraining(3).check(4, 4, ["l2", "learning_rate", "momentum"])
    with pytest.raises(ValueError, match=message):
        PopulationTraining(3).check(cells, epochs, hyper)
