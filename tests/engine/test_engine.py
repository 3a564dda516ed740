"""Laws of the sweep engine: a member's bits depend on nothing but its own definition."""

import concurrent.futures
import dataclasses
import functools
import itertools
import pickle
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import compiled, same_bits
from helpers import gradient as by_jax

import jfnn
from jfnn import losses, training
from jfnn.distributed.calls import environment_here
from jfnn.distributed.futures import Futures
from jfnn.engine import devices, plan, program
from jfnn.engine.executors import Threads, spread
from jfnn.engine.plan import CallLength
from jfnn.engine.trainer import Trainer
from jfnn.experiment.workers import Workers
from jfnn.schedulers import Actions
from jfnn.search.sweep import prepare, train_run

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
        return train_run(run, None, False, make_trainer=functools.partial(Trainer, **seams))

    return through


@pytest.fixture(scope="module")
def grid(sweep):
    return sweep(seeds=2)


def everything(result):
    """All arrays of a result."""
    return result.params, result.scores, result.diverged_at


@pytest.mark.parametrize("cell", [(0, 0), (1, 2), (2, 1), (3, 3), (4, 0)])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_member_alone_has_the_bits_it_has_in_a_grid(net, split, grid, cell, seed):
    i, j = cell
    params, history = jfnn.train(
        net,
        split.x_train,
        split.y_train,
        learning_rate=RATES[i],
        l2=PENALTIES[j],
        epochs=EPOCHS,
        batch_size=16,
        seed=seed,
        execution=jfnn.Execution(tile=4),
    )
    assert same_bits(params, grid.member(i, j, seed))
    assert history.diverged_at == grid.diverged_at[i, j, seed]
    np.testing.assert_array_equal(history.train_loss[-1], grid.train_loss[i, j, seed])


def test_a_member_has_the_same_bits_in_every_slot_of_a_tile(sweep, grid):
    for turn in range(4):
        penalties = np.roll(PENALTIES, turn)
        turned = sweep(l2=penalties)
        for j, penalty in enumerate(penalties):
            for i in range(len(RATES)):
                assert same_bits(turned.member(i, j, 0), grid.member(i, PENALTIES.index(penalty), 0))


def test_a_member_has_the_same_bits_in_a_grid_of_another_shape(sweep, grid):
    part = sweep(learning_rate=[RATES[2], RATES[0]], l2=[PENALTIES[3], 7.0, PENALTIES[1]], seeds=[1])
    assert same_bits(part.member(0, 0, 0), grid.member(2, 3, 1))
    assert same_bits(part.member(1, 2, 0), grid.member(0, 1, 1))


@pytest.mark.parametrize(
    "execution",
    [
        {"devices": 1},
        {"devices": jax.devices()},
        {"devices": jax.devices()[1:]},
        {"devices": jax.devices() * 2},
        {"eval_every": 1},
        {"eval_every": 4},
        {"eval_every": 2, "devices": 1},
    ],
    ids=str,
)
def test_devices_and_evaluations_change_no_bit(sweep, grid, execution):
    assert same_bits(everything(sweep(seeds=2, execution=execution)), everything(grid))


@pytest.mark.parametrize(
    ("calls", "ends"),
    [
        (CallLength(steps=8, calls=1), [2, 4, 6, 8, 9]),
        (CallLength(steps=16, first_steps=4, calls=1), [1, 5, 9]),
        (CallLength(most_epochs=3, calls=1), [3, 6, 9]),
        (CallLength(steps=1, calls=1), list(range(1, EPOCHS + 1))),
        (CallLength(steps=4, calls=3), [1, 4, 7, 9]),
        (CallLength(steps=8, first_steps=4, calls=9), [1, 9]),
    ],
)
def test_calls_of_any_length_change_no_bit(trained, grid, calls, ends):
    returns = []
    result = trained({"calls": calls}, seeds=2, execution={"progress": returns.append})
    assert [told.epoch for told in returns] == ends
    assert same_bits(everything(result), everything(grid))


def test_tiles_advance_side_by_side_between_two_returns(trained, grid):
    """No tile is more than a call ahead of another when it takes a device that is free."""
    begun = []

    class Recording(Threads):
        def run(self, jobs, segment, collect):
            def recorded(job):
                made = segment(job)
                begun.append(made.first_epoch)
                return made

            return super().run(jobs, recorded, collect)

    seams = {"calls": CallLength(steps=4, calls=8), "make_executor": Recording}
    result = trained(seams, seeds=2, execution={"devices": 1})
    assert same_bits(everything(result), everything(grid))
    tiles = begun.count(0)
    assert tiles > 3
    trains = [epoch for epoch in begun if epoch > 0]
    assert trains == sorted(trains)
    assert sorted(set(trains)) == list(range(1, EPOCHS))


@pytest.mark.parametrize("together", [1, 3])
def test_an_executor_of_other_processes_runs_calls_that_follow(trained, grid, together):
    def futures(task, threads):
        workers = Workers(lambda: concurrent.futures.ThreadPoolExecutor(2), together=together)
        return Futures(task, workers, environment_here())

    result = trained({"calls": CallLength(steps=4, calls=3), "make_executor": futures}, seeds=2)
    assert same_bits(everything(result), everything(grid))


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


def test_the_epoch_of_a_late_divergence_is_counted_from_the_start_of_the_run(trained):
    # The penalty alone multiplies weights by -9, or -29, in each of four steps an epoch.
    options = dict(learning_rate=[10.0, 30.0], l2=1.0)
    whole = trained({}, **options)
    assert ((whole.diverged_at > 1) & (whole.diverged_at < EPOCHS - 1)).all()
    assert whole.diverged_at[0, 0, 0] > whole.diverged_at[1, 0, 0]
    np.testing.assert_array_equal(whole.epochs, whole.diverged_at)
    cut = trained({"calls": CallLength(steps=1)}, **options)
    assert same_bits(everything(cut), everything(whole))
    cut = trained({"calls": CallLength(steps=1, calls=1)}, **options)
    assert same_bits(everything(cut), everything(whole))


@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_neighbours_that_diverge_and_leave_change_no_bit(sweep, gradient, optimizer):
    options = dict(gradient=gradient, optimizer=optimizer, execution={"eval_every": 1})
    beside = sweep(learning_rate=[1e38, 0.05, 1e38, 0.01], l2=[0.1, 1.0], **options)
    assert (beside.diverged_at[[0, 2]] >= 0).all()
    assert (beside.diverged_at[[1, 3]] == -1).all()
    alone = sweep(learning_rate=[0.05, 0.01], l2=[0.1, 1.0], **options)
    for i in range(2):
        for j in range(2):
            assert same_bits(beside.member(2 * i + 1, j, 0), alone.member(i, j, 0))


def test_a_diverged_member_keeps_its_last_finite_epoch_and_never_ranks(net, split, grid):
    diverged = grid.diverged_at >= 0
    assert diverged[4].all()
    assert not diverged[:3].any()
    for scores in (grid.train_accuracy, grid.test_accuracy, grid.train_loss, grid.test_loss):
        np.testing.assert_array_equal(np.isnan(scores), diverged)
    assert grid.best().index[0] < 4
    epoch = int(grid.diverged_at[4, 1, 0])
    kept = grid.member(4, 1, 0)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(kept))
    options = dict(learning_rate=RATES[4], l2=PENALTIES[1], batch_size=16, execution=jfnn.Execution(tile=4))
    before, _ = jfnn.train(net, split.x_train, split.y_train, epochs=epoch, **options)
    assert same_bits(kept, before)


def test_no_best_cell_where_all_diverged(sweep):
    result = sweep(learning_rate=1e38, l2=1.0)
    with pytest.raises(ValueError, match="diverged"):
        result.best()


@pytest.mark.parametrize("keep", ["all", "best", "none"])
def test_parameters_are_kept_as_asked(sweep, grid, keep):
    result = sweep(seeds=2, execution={"keep_params": keep})
    best = grid.best().index
    assert result.best() == grid.best()
    if keep == "none":
        with pytest.raises(ValueError, match="keep_params"):
            result.member(0, 0, 0)
    else:
        assert same_bits(result.member(*best, 1), grid.member(*best, 1))
    if keep == "best":
        with pytest.raises(ValueError, match="best"):
            result.member((best[0] + 1) % 4, best[1], 0)


def test_history_ends_in_the_final_scores_and_starts_where_training_did(sweep, grid):
    result = sweep(seeds=2, execution={"eval_every": 2})
    np.testing.assert_array_equal(result.history["epoch"], [2, 4, 6, 8, 9])
    assert result.history["train_loss"].shape == (*grid.diverged_at.shape, 5)
    np.testing.assert_array_equal(result.history["test_accuracy"][..., -1], grid.test_accuracy)
    shorter = sweep(seeds=2, epochs=4)
    np.testing.assert_array_equal(result.history["train_loss"][..., 1], shorter.train_loss)


@pytest.mark.parametrize("rates", [RATES, RATES[-1:]], ids=["some diverge", "all diverge"])
@pytest.mark.parametrize("every", [1, 2])
def test_evaluations_that_nobody_waits_for_give_the_scores_of_those_that_are_waited_for(
    trained, sweep, rates, every
):
    """Tiles pass them without waiting for each other, up to the same return."""
    begun, returns = [], []

    class Recording(Threads):
        def run(self, jobs, segment, collect):
            begun.append([])

            def recorded(job):
                made = segment(job)
                begun[-1].append((made.first_epoch, made.n_epochs, made.score))
                return made

            return super().run(jobs, recorded, collect)

    changes = {"learning_rate": rates, "seeds": 2}
    seams = {"calls": CallLength(steps=12, calls=2), "make_executor": Recording}  # calls of 3 epochs
    freely = trained(seams, execution={"eval_every": every}, **changes)
    told = sweep(execution={"eval_every": every, "progress": returns.append}, **changes)
    assert same_bits(everything(freely), everything(told))
    assert freely.history.keys() == told.history.keys() and len(told.history["epoch"]) > 0
    for name, values in told.history.items():
        np.testing.assert_array_equal(freely.history[name], values)
    if rates is RATES and every == 2:
        legs = [(0, 2, True), (2, 1, False), (3, 1, True), (4, 2, True), (6, 2, True), (8, 1, True)]
        assert [sorted(set(of_run)) for of_run in begun] == [legs[:2], legs[2:]]
        assert [now.epoch for now in returns] == [2, 4, 6, 8, 9]


def test_few_given_minibatches_are_held_however_many_evaluations_there_are(net, split):
    held, trainers = [], []

    class Counting(Threads):
        def run(self, jobs, segment, collect):
            def counted(job):
                made = segment(job)
                held.append(len(trainers[0].prefetcher.reads))
                return made

            return super().run(jobs, counted, collect)

    def make(experiment, hardware):
        trainers.append(Trainer(experiment, hardware, make_executor=Counting))
        return trainers[0]

    options = keywords({"eval_every": 1}, epochs=40, learning_rate=RATES[:2], l2=PENALTIES[:2])
    options["batches"] = np.random.default_rng(0).integers(70, size=(40, 4, 16))
    result = train_run(prepare(jfnn.Options(net, split, **options)), None, False, make_trainer=make)
    assert len(result.history["epoch"]) == len(held) == 40
    assert max(held) <= 3


def test_progress_is_told_at_every_return(sweep):
    told = []
    sweep(execution={"eval_every": 4, "progress": told.append})
    assert [p.epoch for p in told] == [4, 8, 9]
    assert all(p.members == 20 and p.epochs == 9 for p in told)
    assert told[-1].training < 20


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


class Counting(Threads):
    """Threads that count the tiles of each call."""

    def __init__(self, task, threads, counts):
        super().__init__(task, threads)
        self.counts = counts

    def run(self, jobs, segment, collect):
        self.counts.append(len(jobs))
        return super().run(jobs, segment, collect)


def test_seeds_that_see_the_same_full_batches_share_tiles_and_keep_their_bits(trained, sweep):
    options = dict(learning_rate=[0.01, 1.0], l2=0.0, batch_size=None, folds=2, execution={"tile": 8})
    counts = []
    grid = trained({"make_executor": functools.partial(Counting, counts=counts)}, seeds=4, **options)
    assert set(counts) == {2}  # one a fold
    for seed in range(4):
        alone = sweep(seeds=[seed], **options)
        for rate in range(2):
            for fold in range(2):
                assert same_bits(alone.member(rate, 0, 0, fold), grid.member(rate, 0, seed, fold))
        np.testing.assert_array_equal(alone.validation_loss[:, :, 0], grid.validation_loss[:, :, seed])


def test_tile_width_grows_as_members_shrink():
    widths = [plan.tile_width(p, 50, 100, 4, "cpu") for p in (10, 4_000, 40_000, 400_000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == 1
    assert plan.tile_width(3_760, 50, 100, 4, "cpu") == 5  # the digits grid's 49 cells fill tiles of 5
    assert plan.tile_width(3_760, 50, 100, 8, "cpu") <= 5
    assert plan.tile_width(3_760, 50, 100, 4, "gpu") > 100


def test_the_cores_of_a_cpu_share_one_device_unless_devices_are_named(sweep, grid):
    first, second = jax.devices()
    assert devices.resolve(None, n_cores=5) == (first,) * 5
    assert devices.resolve(3, n_cores=5) == (first,) * 3
    assert devices.resolve([second, first], n_cores=5) == (second, first)
    assert devices.resolve(None, n_cores=1) == (first,) * 2  # as many as JAX was told to show
    with pytest.raises(ValueError, match=r"^devices: .*at most 2.*got 3$"):
        devices.resolve(3, n_cores=1)
    assert same_bits(everything(sweep(seeds=2, execution={"devices": (first,) * 7})), everything(grid))


# What needs no bits, and is compiled in half the time


def program_of(network, split, **options):
    """The program that a sweep of these options runs."""
    experiment = prepare(jfnn.Options(network, split, **options)).experiment
    return program.build(experiment.learner, experiment.sources().batches, experiment.padded, "cpu", 1)


@pytest.mark.unoptimised
def test_one_program_of_own_functions_serves_other_values_sizes_and_epochs(split):
    inner = jfnn.mlp(SIZES)
    network = jfnn.Network(inner.init, lambda params, x: inner.apply(params, x))
    options = dict(batch_size=16, execution=jfnn.Execution(tile=4))
    jfnn.sweep(network, split, learning_rate=RATES[:2], l2=PENALTIES, epochs=4, **options)
    advance = program_of(network, split, learning_rate=0.1, epochs=4, batch_size=16).advance
    programs, compiled = program.build.cache_info().misses, advance._cache_size()
    assert compiled
    changes = dict(learning_rate=[0.2, 0.3, 0.4], l2=0.7, epochs=11, seeds=3)
    jfnn.sweep(network, split, **keywords(**changes, execution={"eval_every": 2}))
    jfnn.train(network, *split[:2], test=split[2:4], learning_rate=0.3, epochs=5, **options)
    assert (program.build.cache_info().misses, advance._cache_size()) == (programs, compiled)


@pytest.mark.unoptimised
def test_a_multilayer_perceptron_compiles_once_for_all_grids(sweep, net, split):
    def advance(**changes):
        """The program of a sweep, after it."""
        network = changes.pop("net", net)
        sweep(net=network, **changes)
        return program_of(network, split, **keywords(**changes)).advance

    first = advance(execution={"devices": 1})
    compiled = first._cache_size()
    others = [
        dict(learning_rate=[0.5], l2=[0.1, 0.2, 0.4], epochs=3, seeds=[5, 7], execution={"devices": 1}),
        dict(net=jfnn.mlp(SIZES), epochs=12, execution={"devices": 1, "eval_every": 5}),
        dict(net=pickle.loads(pickle.dumps(net)), optimizer=jfnn.Optimizer("sgd"), execution={"devices": 1}),
    ]
    assert all(advance(**other) is first for other in others)
    assert compiled and first._cache_size() == compiled


@functools.partial(compiled, static_argnums=0)
def score(net, params, x, y, x_test, y_test):
    """The mean cost of some rows, and the accuracy on others."""
    targets = jnp.eye(3, dtype=x.dtype)[y]
    cost = losses.LOSSES["cross_entropy"].cost(net.apply(params, x), targets)
    return cost.mean(), jfnn.accuracy(net, params, x_test, y_test)


@pytest.mark.unoptimised
@pytest.mark.parametrize(
    ("dtype", "gradient", "reduction"),
    [
        *(("float64", *each) for each in itertools.product(["autodiff", "backprop"], losses.REDUCTIONS)),
        # What in the arithmetic depends on the precision is told by two of them.
        ("float32", "autodiff", "sum"),
        ("float32", "backprop", "mean"),
    ],
    indirect=["dtype"],
)
def test_a_sweep_is_the_plain_loop_over_its_members(net, split, dtype, gradient, reduction):
    scheme = jfnn.Minibatches(16, "permutation", drop_last=False)
    options = dict(learning_rate=[0.01, 0.1], l2=[0.0, 0.5], epochs=4, batch_size=scheme, seeds=[3, 4])
    result = jfnn.sweep(
        net,
        jfnn.Split(*(np.asarray(a, dtype) if a.ndim == 2 else a for a in split[:4])),
        gradient=gradient,
        reduction=reduction,
        **options,
    )
    assert result.params[0].w.dtype == dtype
    x, init = split.x_train.astype(dtype), compiled(net.init)
    for index in np.ndindex(2, 2, 2):
        eta, penalty, seed = (
            options["learning_rate"][index[0]],
            options["l2"][index[1]],
            options["seeds"][index[2]],
        )
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


@pytest.mark.unoptimised
def test_an_axis_of_the_optimizer_equals_single_values_of_it(net, split, sweep):
    momenta = [0.0, 0.5, 0.9]
    optimizer = jfnn.Optimizer("sgd", momentum=momenta, nesterov=True)
    result = sweep(learning_rate=[0.01, 0.05], l2=0.1, optimizer=optimizer)
    assert list(result.axes) == ["learning_rate", "l2", "momentum"]
    assert result.test_accuracy.shape == (2, 1, 3, 1)
    for k, momentum in enumerate(momenta):
        params, _ = jfnn.train(
            net,
            *split[:2],
            test=split[2:4],
            learning_rate=0.05,
            l2=0.1,
            epochs=EPOCHS,
            batch_size=16,
            execution=jfnn.Execution(tile=4),
            optimizer=jfnn.Optimizer("sgd", momentum=momentum, nesterov=True),
        )
        assert same_bits(params, result.member(1, 0, k, 0))


@pytest.mark.unoptimised
def test_a_network_of_your_own_trains_in_its_own_layout(split):
    """A network with a skip connection and a dict of parameters, which mlp cannot make."""

    def init(key):
        k1, k2, k3 = jax.random.split(key, 3)
        normal = jax.random.normal
        return {
            "in": normal(k1, (5, 4)),
            "out": normal(k2, (4, 3)),
            "skip": normal(k3, (5, 3)),
            "b": jnp.zeros(3),
        }

    def apply(p, x):
        return jnp.tanh(x @ p["in"]) @ p["out"] + x @ p["skip"] + p["b"]

    network = jfnn.Network(init, apply)
    result = jfnn.sweep(network, split, learning_rate=[0.01, 0.02], l2=[0.0, 0.3], epochs=2, batch_size=70)
    params = jax.tree.map(np.asarray, jax.jit(init)(jax.random.key(0)))
    x = split.x_train.astype(np.float32)
    gradient = compiled(
        lambda params: jax.grad(jfnn.objective, argnums=1)(network, params, x, split.y_train, l2=0.3)
    )
    for _ in range(2):
        params = jax.tree.map(lambda p, g: p - np.float32(0.02) * np.asarray(g), params, gradient(params))
    got = result.member(1, 1, 0)
    assert set(got) == {"in", "out", "skip", "b"}
    for name in got:
        np.testing.assert_allclose(got[name], params[name], rtol=2e-5, atol=1e-5)
    with pytest.raises(ValueError, match="gradient"):
        jfnn.sweep(network, split, learning_rate=0.1, gradient="backprop", batch_size=10)


@pytest.mark.unoptimised
@pytest.mark.unoptimised
def test_members_of_a_seed_share_start_and_minibatches(net, split):
    untrained = jfnn.sweep(net, split, **keywords(learning_rate=[0.1, 1.0], epochs=0, seeds=2))
    assert same_bits(untrained.member(0, 0, 1), untrained.member(1, 0, 1))
    assert not same_bits(untrained.member(0, 0, 0), untrained.member(0, 0, 1))
    assert same_bits(untrained.member(0, 0, 1), net.init(jax.random.key(1)))


@pytest.mark.unoptimised
def test_given_parameters_and_batches_are_replayed(net, split):
    rng = np.random.default_rng(1)
    batches = rng.integers(0, 70, size=(2, 3, 4, 8))  # seeds, epochs, steps, batch
    init = jax.jit(net.init)
    start = [init(jax.random.key(10 + s)) for s in range(2)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *start)
    result = jfnn.sweep(
        net,
        split,
        learning_rate=0.02,
        l2=0.1,
        epochs=3,
        seeds=2,
        batch_size=None,
        initial_params=stacked,
        batches=batches,
    )
    x, t = jnp.asarray(split.x_train, jnp.float32), jnp.eye(3)[split.y_train]
    gradient, optimizer = training.autodiff(net, losses.LOSSES["cross_entropy"], "sum"), optax.sgd(0.02)
    one_epoch = compiled(lambda state, rows: training.epoch(state, optimizer, gradient, x, t, 0.1, rows)[0])
    for s in range(2):
        state = jfnn.State(start[s], optimizer.init(start[s]))
        for epoch in range(3):
            state = one_epoch(state, jnp.asarray(batches[s, epoch]))
        for got, wanted in zip(
            jax.tree.leaves(result.member(0, 0, s)), jax.tree.leaves(state.params), strict=True
        ):
            np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)
    alone = jfnn.sweep(
        net,
        split,
        learning_rate=0.02,
        l2=0.1,
        epochs=3,
        batch_size=None,
        initial_params=start[1],
        batches=batches[1],
    )
    assert same_bits(alone.member(0, 0, 0), result.member(0, 0, 1))


@pytest.mark.parametrize("folds", [None, 2])
def test_a_function_gives_the_minibatches_that_an_array_does(net, split, folds):
    rows = np.random.default_rng(1).integers(0, 35, size=(3, 6, 4, 8))  # seeds, epochs, steps, batch
    options = dict(learning_rate=[0.02, 0.1], epochs=6, seeds=[5, 0, 9], folds=folds)
    by_array = jfnn.sweep(net, split, **options, batches=rows)
    of_seed = dict(zip(options["seeds"], rows, strict=True))
    by_function = jfnn.sweep(net, split, **options, batches=lambda seed, epoch: of_seed[seed][epoch])
    assert same_bits(by_array.params, by_function.params)
    fold = () if folds is None else (0,)
    assert not same_bits(by_array.member(0, 0, 0, *fold), by_array.member(0, 0, 1, *fold))


@pytest.mark.parametrize(
    "later", [np.zeros((4, 7), int), np.full((4, 8), 70), np.full((4, 8), -1), np.zeros((4, 8)), None]
)
def test_a_function_that_gives_other_minibatches_later_is_refused_by_name(net, split, later):
    def batches(seed, epoch):
        return np.zeros((4, 8), int) if epoch < 5 else later

    with pytest.raises((TypeError, ValueError), match=r"^batches: "):
        jfnn.sweep(net, split, learning_rate=0.1, epochs=8, batches=batches)


def test_what_a_function_of_minibatches_raises_reaches_its_user(net, split):
    def batches(seed, epoch):
        if epoch == 5:
            raise LookupError("no rows today")
        return np.zeros((4, 8), int)

    with pytest.raises(LookupError, match="no rows today"):
        jfnn.sweep(net, split, learning_rate=0.1, epochs=8, batches=batches)
