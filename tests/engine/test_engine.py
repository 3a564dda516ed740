"""Laws of the sweep engine that need its internals: call lengths, tiles, returns, late divergence."""

import dataclasses
import functools
import time

import jax
import numpy as np
import pytest
from helpers import same_bits

import jfnn
from jfnn.core.engine import devices
from jfnn.core.engine.plan import CallLength
from jfnn.core.engine.threads import run_jobs
from jfnn.core.engine.trainer import Trainer
from jfnn.core.search.prepare import prepare
from jfnn.core.search.sweep import train_run
from jfnn.schedulers import Actions

SIZES = (5, 6, 3)
EPOCHS = 9
# The third rate is chaotic (rounding grows to percents), the last one diverges.
RATES = [1e-3, 0.05, 0.9, 3.0, 1e38]
PENALTIES = [0.0, 1e-2, 0.3, 1.0]


@pytest.fixture(scope="module")
def net():
    return jfnn.mlp(SIZES)


def keywords(execution=None, **changes):
    """Return keywords of a sweep with a tile of four, so that small grids fill several."""
    defaults = dict(learning_rate=RATES, l2=PENALTIES, epochs=EPOCHS, batch_size=16)
    return defaults | {"execution": jfnn.Execution(**{"tile": 4} | (execution or {}))} | changes


@pytest.fixture(scope="module")
def sweep(net, split):
    return lambda **changes: jfnn.sweep(changes.pop("net", net), split, **keywords(**changes))


@pytest.fixture(scope="module")
def trained(net, split):
    """Return a function that sweeps by a trainer with other call lengths, or another executor."""

    def through(seams, **changes):
        run = prepare(jfnn.Options(net, split, **keywords(**changes)))
        return train_run(run, make_trainer=functools.partial(Trainer, **seams))

    return through


@pytest.fixture(scope="module")
def grid(sweep):
    return sweep(seeds=2)


def everything(result):
    return result.params, result.scores, result.diverged_at


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("calls", "ends"),
    [
        (CallLength(steps=8, calls=1), [2, 4, 6, 8, 9]),
        (CallLength(steps=16, first_steps=4, calls=1), [1, 5, 9]),
        (CallLength(most_epochs=3, calls=1), [3, 6, 9]),
    ],
)
def test_calls_of_any_length_change_no_bit(trained, grid, calls, ends):
    told = []
    result = trained({"calls": calls}, seeds=2, execution={"progress": told.append})
    assert [progress.epoch for progress in told] == ends
    assert all(progress.members == 40 and progress.epochs == 9 for progress in told)
    assert told[-1].training < 40
    assert same_bits(everything(result), everything(grid))


def test_follow_up_jobs_run_once_and_in_order():
    """Each thread has a next job issued before it collects, and waits while others may still add one."""
    collected = []

    def collect(job, result):
        assert job == result
        collected.append(job)
        return (job[0], job[1] + 1) if job[1] < job[0] else None

    run_jobs([(n, 0) for n in range(6)], [None] * 3, lambda job, device: job, collect)
    assert sorted(collected) == [(n, i) for n in range(6) for i in range(n + 1)]
    for n in range(6):
        assert [i for m, i in collected if m == n] == list(range(n + 1))


def test_threads_waiting_for_a_follow_up_job_end_when_one_fails():
    def collect(job, result):
        time.sleep(0.05)  # until the other thread waits
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_jobs([0], [None] * 2, lambda job, device: job, collect)


@pytest.mark.thorough
def test_epoch_of_a_late_divergence_is_counted_from_the_start_of_the_run(trained):
    # The penalty alone multiplies weights by -9 or -29 in each of four steps per epoch.
    options = dict(learning_rate=[10.0, 30.0], l2=1.0, reduction="sum")
    whole = trained({}, **options)
    assert ((whole.diverged_at > 1) & (whole.diverged_at < EPOCHS - 1)).all()
    assert whole.diverged_at[0, 0, 0] > whole.diverged_at[1, 0, 0]
    np.testing.assert_array_equal(whole.epochs, whole.diverged_at)
    cut = trained({"calls": CallLength(steps=1, calls=1)}, **options)
    assert same_bits(everything(cut), everything(whole))


@pytest.mark.thorough
def test_diverged_member_has_no_later_objective(sweep):
    result = sweep(learning_rate=[0.01, 1e38], l2=0.1, execution={"objective": True})
    (ended,) = result.diverged_at[1, 0]
    assert ended >= 0 and np.isnan(result.objective[1, 0, 0, ended + 1 :]).all()
    assert np.isfinite(result.objective[0]).all()


def test_diverged_member_keeps_its_last_finite_epoch_and_never_ranks(net, split, sweep, grid):
    diverged = grid.diverged_at >= 0
    assert diverged[4].all()
    assert not diverged[:3].any()
    for scores in (grid.train_accuracy, grid.test_accuracy, grid.train_loss, grid.test_loss):
        np.testing.assert_array_equal(np.isnan(scores), diverged)
    assert grid.best().index[0] < 4
    epoch = int(grid.diverged_at[4, 1, 0])
    options = dict(learning_rate=RATES[4], l2=PENALTIES[1], batch_size=16, execution=jfnn.Execution(tile=4))
    before = jfnn.train(net, *split[:2], epochs=epoch, **options).params
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(before))
    assert same_bits(grid.member(4, 1, 0), before)
    with pytest.raises(ValueError, match="diverged"):
        sweep(learning_rate=1e38, l2=1.0).best()


@pytest.mark.thorough
@pytest.mark.parametrize(("rates", "every"), [(RATES, 2), (RATES[-1:], 1)], ids=["some diverge", "all do"])
def test_evaluations_are_the_same_whether_or_not_the_host_waits(trained, sweep, rates, every):
    changes = {"learning_rate": rates, "seeds": 2}
    calls = CallLength(steps=12, calls=2)  # of three epochs
    freely = trained({"calls": calls}, execution={"eval_every": every}, **changes)
    waited = sweep(execution={"eval_every": every, "progress": repr}, **changes)
    assert same_bits(everything(freely), everything(waited))
    assert same_bits(freely.history, waited.history) and len(waited.evaluations) > 0
    if rates is RATES:
        assert same_bits(freely.history["train_loss"][..., 1], sweep(seeds=2, epochs=4).train_loss)


def test_keep_params_selects_what_is_kept(sweep, grid):
    (i, j) = grid.best().index
    none = sweep(seeds=2, execution={"keep_params": "none"})
    best = sweep(seeds=2, execution={"keep_params": "best"})
    assert best.best() == none.best() == grid.best() and none.params is None
    assert same_bits(best.member(i, j, 1), grid.member(i, j, 1))


@dataclasses.dataclass(frozen=True)
class CopyFirst(jfnn.Scheduler):
    at: int

    def next_epoch(self, epoch, cells, epochs):
        return self.at

    def update(self, state, report):
        return state, Actions(copy=np.zeros(len(report.active), int))


def test_copies_made_at_the_end_have_the_scores_of_their_source(sweep):
    plain = sweep(learning_rate=RATES[:2])
    result = sweep(learning_rate=RATES[:2], schedulers=[CopyFirst(EPOCHS)])
    assert plain.train_loss[0, 0] != plain.train_loss[1, 0]
    for index in np.ndindex(result.diverged_at.shape):
        assert same_bits(result.member(*index), plain.member(0, 0, 0))
        for name, scores in result.scores.items():
            np.testing.assert_array_equal(scores[index], plain.scores[name][0, 0, 0])


def test_scheduler_that_goes_back_in_time_is_refused(sweep):
    with pytest.raises(ValueError, match=r"^schedulers: "):
        sweep(schedulers=[CopyFirst(EPOCHS - 1)])


def test_cpu_cores_share_one_device_unless_devices_are_named(sweep, grid, monkeypatch):
    first, second = jax.devices()
    assert same_bits(everything(sweep(seeds=2, execution={"devices": (first,) * 7})), everything(grid))
    monkeypatch.setattr(devices, "cores", lambda: 5)
    assert devices.as_devices(None) == (first,) * 5
    assert devices.as_devices(3) == (first,) * 3
    assert devices.as_devices([second, first]) == (second, first)
    monkeypatch.setattr(devices, "cores", lambda: 1)
    assert devices.as_devices(None) == (first,) * 2  # as many as JAX was configured to show
    with pytest.raises(ValueError, match=r"^devices: .*at most 2.*got 3$"):
        devices.as_devices(3)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "later", [np.zeros((4, 7), int), np.full((4, 8), 70), np.full((4, 8), -1), np.zeros((4, 8)), None]
)
def test_function_that_returns_other_minibatches_later_is_refused_by_name(sweep, later):
    def batches(seed, epoch):
        return np.zeros((4, 8), int) if epoch < 5 else later

    with pytest.raises((TypeError, ValueError), match=r"^batches: "):
        sweep(learning_rate=0.1, l2=0.0, batches=batches, batch_size=None)


@pytest.mark.thorough
def test_errors_of_a_function_of_minibatches_reach_its_user(sweep):
    def batches(seed, epoch):
        if epoch == 5:
            raise LookupError("no rows today")
        return np.zeros((4, 8), int)

    with pytest.raises(LookupError, match="no rows today"):
        sweep(learning_rate=0.1, l2=0.0, batches=batches, batch_size=None)
