"""Laws of the sweep engine that need its inside: lengths of calls, tiles, returns, late divergence."""

import dataclasses
import functools
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, same_bits
from helpers import gradient as by_jax

import jfnn
from jfnn import losses
from jfnn.core.engine import devices, loop
from jfnn.core.engine.executors import Threads
from jfnn.core.engine.layouts import layout_for
from jfnn.core.engine.plan import CallLength
from jfnn.core.engine.threads import spread
from jfnn.core.engine.trainer import Trainer
from jfnn.core.experiment.experiment import Cohort
from jfnn.core.search.sweep import prepare, train_run
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
    """Keywords of a sweep with a tile of four, so that small grids fill several."""
    defaults = dict(learning_rate=RATES, l2=PENALTIES, epochs=EPOCHS, batch_size=16)
    return defaults | {"execution": jfnn.Execution(**{"tile": 4} | (execution or {}))} | changes


@pytest.fixture(scope="module")
def sweep(net, split):
    return lambda **changes: jfnn.sweep(changes.pop("net", net), split, **keywords(**changes))


@pytest.fixture(scope="module")
def trained(net, split):
    """The same sweep by a trainer with other lengths of calls, or another executor."""

    def through(seams, **changes):
        run = prepare(jfnn.Options(net, split, **keywords(**changes)))
        return train_run(run, make_trainer=functools.partial(Trainer, **seams))

    return through


@pytest.fixture(scope="module")
def grid(sweep):
    return sweep(seeds=2)


def everything(result):
    """All arrays of a result."""
    return result.params, result.scores, result.diverged_at


class Recording(Threads):
    """Threads that keep the segments of each run."""

    def __init__(self, task, threads, runs):
        super().__init__(task, threads)
        self.runs = runs

    def run(self, jobs, segment, collect):
        segments = []
        self.runs.append(segments)

        def recorded(job):
            made = segment(job)
            segments.append(made)
            return made

        return super().run(jobs, recorded, collect)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("calls", "ends"),
    [
        pytest.param(CallLength(steps=8, calls=1), [2, 4, 6, 8, 9], marks=pytest.mark.thorough),
        (CallLength(steps=16, first_steps=4, calls=1), [1, 5, 9]),
        pytest.param(CallLength(most_epochs=3, calls=1), [3, 6, 9], marks=pytest.mark.thorough),
    ],
)
def test_calls_of_any_length_change_no_bit(trained, grid, calls, ends):
    told = []
    result = trained({"calls": calls}, seeds=2, execution={"progress": told.append})
    assert [progress.epoch for progress in told] == ends
    assert all(progress.members == 40 and progress.epochs == 9 for progress in told)
    assert told[-1].training < 40
    assert same_bits(everything(result), everything(grid))


@pytest.mark.thorough
def test_tiles_advance_side_by_side_between_two_returns(trained, grid):
    """No tile is more than a call ahead of another when it takes a device that is free."""
    runs = []
    executor = functools.partial(Recording, runs=runs)
    seams = {"calls": CallLength(steps=4, calls=8), "make_executor": executor}
    result = trained(seams, seeds=2, execution={"devices": 1})
    assert same_bits(everything(result), everything(grid))
    begun = [segment.first_epoch for segments in runs for segment in segments]
    assert begun.count(0) > 3
    trains = [epoch for epoch in begun if epoch > 0]
    assert trains == sorted(trains) and sorted(set(trains)) == list(range(1, EPOCHS))


@pytest.mark.thorough
def test_a_callback_sees_each_return_to_the_host_and_says_who_stops(net, split):
    run = prepare(jfnn.Options(net, split, **keywords(seeds=2)))
    trainer = Trainer(run.experiment, run.threads, run.layout, CallLength(steps=4, first_steps=4, calls=1))
    third = np.arange(run.experiment.members) % 3
    seen = []

    def stops(state):
        seen.append(state.epoch)
        return third == len(seen)  # nobody of the first third, and each other one at a return of its own

    state = loop.run_to_end(trainer, loop.first_state(trainer), callback=stops).state
    assert len(seen) > 2 and seen == sorted(set(seen)) and seen[-1] == EPOCHS
    expected = np.array([-1, seen[0], seen[1]])[third]
    assert (state.stopped_at == np.where(state.members.diverged_at < 0, expected, -1)).all()


class Listed(Cohort):
    """The members of an experiment, without its axes."""

    def __init__(self, experiment):
        for field in dataclasses.fields(Cohort):
            object.__setattr__(self, field.name, getattr(experiment, field.name))
        object.__setattr__(self, "numbers", experiment.hyper())

    @property
    def n_cells(self):
        return len(RATES) * len(PENALTIES)

    def hyper(self):
        return self.numbers


@pytest.mark.thorough
def test_the_engine_reads_members_and_no_axes(net, split):
    run = prepare(jfnn.Options(net, split, **keywords({"eval_every": 3}, seeds=2)))
    outcomes = []
    for members in (run.experiment, Listed(run.experiment)):
        layout = layout_for(members, run.threads[0].platform, False)
        trainer = Trainer(members, run.threads, layout)
        outcomes.append(loop.run_to_end(trainer, loop.first_state(trainer)))
    fields = [(one.params, one.scores, one.state.history, one.state.members) for one in outcomes]
    for one, other in zip(*map(jax.tree.leaves, fields), strict=True):
        assert one.tobytes() == other.tobytes()


def test_jobs_that_follow_are_run_once_and_in_their_order():
    """Each thread has a next job issued before it collects, and waits where others may yet give one."""
    collected = []

    def collect(job, result):
        assert job == result
        collected.append(job)
        return (job[0], job[1] + 1) if job[1] < job[0] else None

    spread([(n, 0) for n in range(6)], [None] * 3, lambda job, device: job, collect)
    assert sorted(collected) == [(n, i) for n in range(6) for i in range(n + 1)]
    for n in range(6):
        assert [i for m, i in collected if m == n] == list(range(n + 1))


def test_threads_that_wait_for_a_job_that_follows_end_with_the_first_that_fails():
    def collect(job, result):
        time.sleep(0.05)  # until the other thread waits
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        spread([0], [None] * 2, lambda job, device: job, collect)


@pytest.mark.thorough
def test_the_epoch_of_a_late_divergence_is_counted_from_the_start_of_the_run(trained):
    # The penalty alone multiplies weights by -9, or -29, in each of four steps an epoch.
    options = dict(learning_rate=[10.0, 30.0], l2=1.0, reduction="sum")
    whole = trained({}, **options)
    assert ((whole.diverged_at > 1) & (whole.diverged_at < EPOCHS - 1)).all()
    assert whole.diverged_at[0, 0, 0] > whole.diverged_at[1, 0, 0]
    np.testing.assert_array_equal(whole.epochs, whole.diverged_at)
    cut = trained({"calls": CallLength(steps=1, calls=1)}, **options)
    assert same_bits(everything(cut), everything(whole))


def test_a_diverged_member_keeps_its_last_finite_epoch_and_never_ranks(net, split, sweep, grid):
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


def test_parameters_are_kept_as_asked(sweep, grid):
    (i, j) = grid.best().index
    none = sweep(seeds=2, execution={"keep_params": "none"})
    best = sweep(seeds=2, execution={"keep_params": "best"})
    assert best.best() == none.best() == grid.best()
    assert same_bits(best.member(i, j, 1), grid.member(i, j, 1))
    with pytest.raises(ValueError, match="alone"):
        best.member((i + 1) % 4, j, 0)
    with pytest.raises(ValueError, match="keep_params"):
        none.member(0, 0, 0)


@pytest.mark.thorough
@pytest.mark.parametrize(("rates", "every"), [(RATES, 2), (RATES[-1:], 1)], ids=["some diverge", "all do"])
def test_evaluations_have_the_scores_of_shorter_runs_whether_the_host_waits_for_them(
    trained, sweep, rates, every
):
    """Without a callback tiles pass them without waiting for each other, up to the same return."""
    runs = []
    told = []
    changes = {"learning_rate": rates, "seeds": 2}
    executor = functools.partial(Recording, runs=runs)
    seams = {"calls": CallLength(steps=12, calls=2), "make_executor": executor}  # calls of 3 epochs
    freely = trained(seams, execution={"eval_every": every}, **changes)
    waited = sweep(execution={"eval_every": every, "progress": told.append}, **changes)
    assert same_bits(everything(freely), everything(waited))
    assert same_bits(freely.history, waited.history) and len(waited.evaluations) > 0
    if rates is RATES:
        begun = [{(segment.first_epoch, segment.n_epochs, segment.score) for segment in run} for run in runs]
        assert begun[0] == {(0, 2, True), (2, 1, False)}
        assert begun[1] == {(3, 1, True), (4, 2, True), (6, 2, True), (8, 1, True)}
        assert [progress.epoch for progress in told] == freely.evaluations.tolist() == [2, 4, 6, 8, 9]
        assert same_bits(freely.history["test_accuracy"][..., -1], freely.test_accuracy)
        assert same_bits(freely.history["train_loss"][..., 1], sweep(seeds=2, epochs=4).train_loss)


@pytest.mark.thorough
def test_few_given_minibatches_are_held_however_many_evaluations_there_are(net, split):
    held = []
    trainers = []

    class Counting(Threads):
        def run(self, jobs, segment, collect):
            def counted(job):
                made = segment(job)
                held.append(len(trainers[0].prefetcher.reads))
                return made

            return super().run(jobs, counted, collect)

    def make(experiment, threads, layout):
        trainers.append(Trainer(experiment, threads, layout, make_executor=Counting))
        return trainers[0]

    options = keywords({"eval_every": 1}, epochs=40, learning_rate=RATES[:2], l2=PENALTIES[:2])
    options["batches"] = np.random.default_rng(0).integers(70, size=(40, 4, 16))
    result = train_run(prepare(jfnn.Options(net, split, **options)), make_trainer=make)
    assert len(result.evaluations) == len(held) == 40
    assert max(held) <= 3


@dataclasses.dataclass(frozen=True)
class CopyFirst(jfnn.Scheduler):
    """After an epoch every member becomes a copy of the first one."""

    at: int

    def next_epoch(self, epoch, cells, epochs):
        return self.at

    def update(self, state, report):
        return state, Actions(copy=np.zeros(len(report.active), int))


def test_copies_made_at_the_end_have_the_scores_of_what_they_are_copies_of(sweep):
    plain = sweep(learning_rate=RATES[:2])
    result = sweep(learning_rate=RATES[:2], schedulers=[CopyFirst(EPOCHS)])
    assert plain.train_loss[0, 0] != plain.train_loss[1, 0]
    for index in np.ndindex(result.diverged_at.shape):
        assert same_bits(result.member(*index), plain.member(0, 0, 0))
        for name, scores in result.scores.items():
            np.testing.assert_array_equal(scores[index], plain.scores[name][0, 0, 0])


def test_a_scheduler_that_goes_back_in_time_is_refused(sweep):
    with pytest.raises(ValueError, match=r"^schedulers: "):
        sweep(schedulers=[CopyFirst(EPOCHS - 1)])


@pytest.mark.thorough
def test_seeds_that_see_the_same_full_batches_share_tiles_and_keep_their_bits(trained, sweep):
    options = dict(learning_rate=[0.01, 1.0], l2=0.0, batch_size=None, folds=2, execution={"tile": 8})
    runs = []
    grid = trained({"make_executor": functools.partial(Recording, runs=runs)}, seeds=4, **options)
    assert all(len(segments) == 2 for segments in runs)  # one tile a fold
    for seed in (0, 3):
        alone = sweep(seeds=[seed], **options)
        for rate, fold in np.ndindex(2, 2):
            assert same_bits(alone.member(rate, 0, 0, fold), grid.member(rate, 0, seed, fold))
        np.testing.assert_array_equal(alone.validation_loss[:, :, 0], grid.validation_loss[:, :, seed])


def test_the_cores_of_a_cpu_share_one_device_unless_devices_are_named(sweep, grid, monkeypatch):
    first, second = jax.devices()
    assert same_bits(everything(sweep(seeds=2, execution={"devices": (first,) * 7})), everything(grid))
    monkeypatch.setattr(devices, "cores", lambda: 5)
    assert devices.as_devices(None) == (first,) * 5
    assert devices.as_devices(3) == (first,) * 3
    assert devices.as_devices([second, first]) == (second, first)
    monkeypatch.setattr(devices, "cores", lambda: 1)
    assert devices.as_devices(None) == (first,) * 2  # as many as JAX was told to show
    with pytest.raises(ValueError, match=r"^devices: .*at most 2.*got 3$"):
        devices.as_devices(3)


# What needs no bits, and is compiled in half the time


@functools.partial(compiled, static_argnums=0)
def score(net, params, x, y, x_test, y_test):
    """The mean cost of some rows, and the accuracy on others."""
    targets = jnp.eye(3, dtype=x.dtype)[y]
    cost = losses.LOSSES["cross_entropy"].cost(net.apply(params, x), targets)
    return cost.mean(), jfnn.accuracy(net, params, x_test, y_test)


def own_init(key):
    k1, k2, k3 = jax.random.split(key, 3)
    shapes = {"in": (k1, (5, 4)), "out": (k2, (4, 3)), "skip": (k3, (5, 3))}
    return {name: jax.random.normal(*drawn) for name, drawn in shapes.items()} | {"b": jnp.zeros(3)}


def own_apply(p, x):
    return jnp.tanh(x @ p["in"]) @ p["out"] + x @ p["skip"] + p["b"]


NETWORKS = {"dense": jfnn.mlp(SIZES), "own, with a skip connection": jfnn.Network(own_init, own_apply)}


@pytest.mark.thorough
@pytest.mark.unoptimised
@pytest.mark.parametrize(
    ("dtype", "name", "gradient", "reduction"),
    [
        pytest.param("float64", "dense", "autodiff", "mean", marks=pytest.mark.thorough),
        ("float64", "dense", "backprop", "sum"),
        pytest.param("float32", "dense", "autodiff", "sum", marks=pytest.mark.thorough),
        pytest.param("float32", "dense", "backprop", "mean", marks=pytest.mark.thorough),
        pytest.param("float64", "own, with a skip connection", "autodiff", "sum", marks=pytest.mark.thorough),
    ],
    indirect=["dtype"],
)
def test_a_sweep_is_the_plain_loop_over_its_members(split, dtype, name, gradient, reduction):
    net = NETWORKS[name]
    scheme = jfnn.Minibatches(16, "permutation", drop_last=False)
    options = dict(learning_rate=[0.01, 0.1], l2=[0.0, 0.5], epochs=4, batch_size=scheme, seeds=[3, 4])
    result = jfnn.sweep(
        net,
        jfnn.Split(*(np.asarray(a, dtype) if a.ndim == 2 else a for a in split[:4])),
        gradient=gradient,
        reduction=reduction,
        **options,
    )
    assert {leaf.dtype for leaf in jax.tree.leaves(result.params)} == {dtype}
    x = split.x_train.astype(dtype)
    init = compiled(net.init)
    for index in np.ndindex(2, 2, 2):
        axes = (options["learning_rate"], options["l2"], options["seeds"])
        eta, penalty, seed = (values[i] for values, i in zip(axes, index, strict=True))
        params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), init(jax.random.key(seed)))
        for epoch in range(4):
            for rows in scheme.epoch(70, seed, epoch):
                rows = rows[rows >= 0]
                gradients = by_jax(net, params, x[rows], split.y_train[rows], l2=penalty, reduction=reduction)
                params = jax.tree.map(lambda p, g: p - dtype.type(eta) * np.asarray(g), params, gradients)  # noqa: B023
        tolerance = 1e-11 if dtype == np.float64 else 2e-5
        for got, wanted in zip(jax.tree.leaves(result.member(*index)), jax.tree.leaves(params), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)
        cost, accuracy = score(net, params, x, split.y_train, *split[2:4])
        np.testing.assert_allclose(result.test_accuracy[index], accuracy, rtol=1e-6)
        np.testing.assert_allclose(result.train_loss[index], cost, rtol=10 * tolerance)


@pytest.mark.thorough
def test_given_minibatches_and_starts_are_those_drawn_from_the_seeds(net, split, sweep):
    seeds = [5, 0, 9]
    options = dict(learning_rate=[0.02, 0.1], l2=0.1)
    drawn = sweep(seeds=seeds, **options)
    batches = np.array(
        [[jfnn.Minibatches(16).epoch(70, seed, epoch) for epoch in range(EPOCHS)] for seed in seeds]
    )
    starts = jax.tree.map(
        lambda *leaves: np.stack(leaves), *(compiled(net.init)(jax.random.key(s)) for s in seeds)
    )
    given = sweep(seeds=seeds, batches=batches, initial_params=starts, batch_size=None, **options)
    for one, other in zip(*map(jax.tree.leaves, (given.params, drawn.params)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert not same_bits(given.member(0, 0, 0), given.member(0, 0, 1))
    by_seed = dict(zip(seeds, batches, strict=True))
    by_function = sweep(
        seeds=seeds,
        batches=lambda seed, epoch: by_seed[seed][epoch],
        initial_params=starts,
        batch_size=None,
        **options,
    )
    assert same_bits(everything(by_function), everything(given))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "later",
    [
        np.zeros((4, 7), int),
        *(
            pytest.param(wrong, marks=pytest.mark.thorough)
            for wrong in (np.full((4, 8), 70), np.full((4, 8), -1), np.zeros((4, 8)), None)
        ),
    ],
)
def test_a_function_that_gives_other_minibatches_later_raises_an_error_that_names_it(sweep, later):
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
