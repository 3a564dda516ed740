"""User-defined schedulers that copy members and change hyperparameters, replayed in NumPy."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

import jfnn
from jfnn.learners import Learner, State
from jfnn.schedulers import Actions

pytestmark = pytest.mark.unoptimized


@dataclasses.dataclass(frozen=True)
class Walk(Learner):
    """Moves one step towards 1 by its learning rate; the state holds the place, which the parameters copy."""

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
    def score(self, params, rows, hyper):
        return {"loss": super().score(params, rows, hyper)["loss"] + hyper["learning_rate"]}


@dataclasses.dataclass(frozen=True)
class CopyBest(jfnn.Scheduler):
    """Every three epochs, the worst member continues from the best one with twice its learning rate."""

    def next_epoch(self, epoch, cells, epochs):
        return (epoch // 3 + 1) * 3

    def update(self, state, report):
        if report.epoch == report.epochs:
            return state, Actions()
        copy = np.arange(len(report.score))
        copy[np.nan_to_num(report.score, nan=-np.inf).argmin()] = np.nanargmax(report.score)
        rates = report.hyper["learning_rate"]
        return state, Actions(
            copy=copy, hyper={"learning_rate": np.where(copy == np.arange(len(copy)), rates, 2 * rates[copy])}
        )


@pytest.mark.parametrize("learner", [Walk(), Costly()])
def test_copies_continue_from_their_source_and_are_scored_with_new_hyperparameters(learner):
    """With four steps per epoch, 1e38 overflows in the first epoch, and a copy revives the member."""
    rates = [0.001, 0.01, 0.02, 0.05, 0.3, 1e38]
    result = jfnn.sweep(
        learner, jfnn.Split(np.ones((8, 1)), None), learning_rate=rates, epochs=9, batch_size=2,
        schedulers=[CopyBest()],
    )  # fmt: skip
    place = np.zeros(6, np.float32)
    rate = np.array(rates, np.float32)
    diverged = np.zeros(6, bool)
    for epoch in range(1, 10):
        before = place.copy()
        with np.errstate(over="ignore"):
            for _ in range(4):
                place = place + rate
        diverged |= ~np.isfinite(place)
        place = np.where(diverged, before, place)
        price = rate if isinstance(learner, Costly) else 0
        loss = np.where(diverged, np.inf, abs(place - 1) + price)
        if epoch in (3, 6):
            worst, best = loss.argmax(), loss.argmin()
            place[worst] = place[best]
            rate[worst] = 2 * rate[best]
            diverged[worst] = False
    np.testing.assert_array_equal(result.params["place"][:, 0, 0], place)
    np.testing.assert_array_equal(result.diverged_at[:, 0, 0], np.where(diverged, 0, -1))
    np.testing.assert_array_equal(result.train_loss[:, 0, 0], loss)
    assert not diverged.any()


@dataclasses.dataclass(frozen=True)
class Doubling(jfnn.Scheduler):
    def next_epoch(self, epoch, cells, epochs):
        return epoch + 1

    def update(self, state, report):
        return state, Actions(hyper={"learning_rate": 2 * report.hyper["learning_rate"]})


def test_hyperparameters_changed_at_the_end_are_used_in_the_final_scores():
    result = jfnn.sweep(
        Costly(), jfnn.Split(np.ones((8, 1)), None), learning_rate=[0.01, 0.02], epochs=2, batch_size=8,
        schedulers=[Doubling()],
    )  # fmt: skip
    # steps of 1 and 2 rates
    np.testing.assert_allclose(result.params["place"][:, 0, 0], [0.03, 0.06], rtol=1e-6)
    np.testing.assert_allclose(result.train_loss[:, 0, 0], [0.97 + 0.04, 0.94 + 0.08], rtol=1e-6)


def test_kept_parameters_are_scored_with_the_hyperparameters_of_their_epoch():
    result = jfnn.sweep(
        Costly(), jfnn.Split(np.ones((8, 1)), None), learning_rate=[0.01, 0.02, 0.2], epochs=9, batch_size=4,
        validation=4, schedulers=[Doubling(), jfnn.EarlyStopping(2)],
        execution=jfnn.Execution(eval_every=1),
    )  # fmt: skip
    at = result.epochs[..., None] - 1
    of_kept = np.take_along_axis(result.history["validation_loss"], at, axis=-1)[..., 0]
    np.testing.assert_array_equal(result.validation_loss, of_kept)
    assert (result.epochs < result.stopped_at).all() and len(np.unique(result.epochs)) > 1
