"""Sweeps on executors: the same bytes whatever is lost on the way, and words for what cannot be."""

import concurrent.futures
import dataclasses
import functools
import multiprocessing
import pickle
import threading
import types

import jax
import numpy as np
import pytest
from helpers import noise_split, same_bits

import jfnn
from jfnn.distributed import calls
from jfnn.engine.segment import Segment

pytestmark = pytest.mark.unoptimised

NET = jfnn.mlp((5, 4, 3))
# Six cells of two seeds in tiles of two: six tiles, two of them the best one's.
OPTIONS = dict(
    network=NET,
    split=noise_split(),
    learning_rate=[0.01, 0.1, 1.0],
    l2=[0.0, 0.1],
    seeds=2,
    epochs=4,
    batch_size=16,
)
HOW = jfnn.Execution(tile=2, eval_every=2)


def sweep(executor=None, execution=HOW, **changes):
    return jfnn.sweep(**OPTIONS | changes, execution=dataclasses.replace(execution, executor=executor))


def arrays(result):
    return result.params, dict(result.scores), result.history, result.epochs, result.stopped_at


@pytest.fixture(scope="module")
def plain():
    """The result of threads of this process."""
    return sweep()


class Here(concurrent.futures.Executor):
    """Runs what is submitted at once, in this process, and keeps the calls.

    ``fate`` is called with the number of the call and the call, and may raise what becomes of the future.
    """

    def __init__(self, fate=lambda number, call: None):
        self.fate = fate
        self.calls = []

    def submit(self, function, *arguments):
        future = concurrent.futures.Future()
        future.set_running_or_notify_cancel()
        try:
            if arguments:
                self.calls.append(arguments[0])
                self.fate(len(self.calls), *arguments)
            future.set_result(pickle.loads(pickle.dumps(function(*arguments))))
        except Exception as error:
            future.set_exception(error)
        return future


def has(call, learning_rate):
    """Whether a call is to train members of a learning rate."""
    rates = [segment.hyper["learning_rate"] for segment in pickle.loads(call.segments)]
    return np.isclose(rates, learning_rate).any()


def test_a_sweep_on_an_executor_has_the_bits_of_threads_and_sends_the_data_once(plain):
    calls._worker.cache_clear()
    executor = Here()
    assert same_bits(arrays(sweep(executor)), arrays(plain))
    first, *others = executor.calls
    assert first.task.content is None
    assert sum(call.task.content is not None for call in others) == 1


def test_what_is_lost_on_the_way_is_sent_again(plain):
    def fate(number, call):
        if number % 3 == 0:
            raise ConnectionResetError("the worker is gone")

    executor = Here(fate)
    assert same_bits(arrays(sweep(jfnn.Workers(executor, together=2))), arrays(plain))
    assert len({call.name for call in executor.calls}) == len(executor.calls)


class Polled:
    """An executor whose futures can only be asked, as those of schedulers of clusters."""

    def submit(self, function, *arguments):
        result = function(*arguments)
        return types.SimpleNamespace(
            done=iter([False, *[True] * 9]).__next__, result=lambda: result, cancel=int
        )


def test_futures_that_can_only_be_asked_are_asked(plain):
    assert same_bits(arrays(sweep(Polled())), arrays(plain))


class Breaking(Here):
    """Takes no more calls once it has lost one, as a process pool does."""

    broken = False

    def submit(self, function, *arguments):
        if self.broken:
            raise concurrent.futures.BrokenExecutor("no more")
        future = super().submit(function, *arguments)
        self.broken = future.exception() is not None
        return future


def test_an_executor_that_breaks_is_made_again(plain):
    made = []

    def lose_the_third(number, call):
        if number == 3 and len(made) < 3:
            raise concurrent.futures.BrokenExecutor

    def make():
        made.append(Breaking(lose_the_third))
        return made[-1]

    assert same_bits(arrays(sweep(jfnn.Workers(make, together=1))), arrays(plain))
    assert len(made) == 3
    with pytest.raises(RuntimeError, match=r"^executor: .*give a function"):
        sweep(jfnn.Workers(Breaking(lambda number, call: 1 / (number != 3)), together=1))


@pytest.mark.parametrize(("tries", "together", "sent"), [(1, 16, 2), (2, 16, 3), (3, 2, 6)])
def test_a_tile_that_always_kills_its_worker_is_given_up_and_the_others_are_trained(
    plain, tries, together, sent, tmp_path
):
    """It is sent as often as may be, the second time without others, the last while none is under way."""

    def fate(number, call):
        if has(call, 0.1):
            raise ConnectionResetError("the worker is gone")

    executor = Here(fate)
    workers = jfnn.Workers(executor, tries=tries, together=together)
    with pytest.raises(jfnn.LostMembersError, match=r"^executor: 4 of 12 .*learning_rate=0.1") as caught:
        sweep(workers, out=tmp_path)
    of_lost = np.zeros(plain.train_loss.shape, bool)
    of_lost[1] = True
    assert np.array_equal(caught.value.members, np.flatnonzero(of_lost))
    scores = caught.value.result.scores
    for name, values in plain.scores.items():
        assert np.isnan(scores[name][of_lost]).all()
        assert same_bits(scores[name][~of_lost], values[~of_lost])
    poisoned = [call for call in executor.calls if has(call, 0.1)]
    assert len(poisoned) == sent
    after = executor.calls[executor.calls.index(poisoned[-1]) + 1 :]
    assert tries < 3 or 0 not in {pickle.loads(call.segments)[0].first_epoch for call in after}
    rows = (tmp_path / "partial.csv").read_text().splitlines()
    assert len(rows) == 1 + 8 and not [row for row in rows if row.startswith("0.1,")]
    assert same_bits(arrays(sweep(out=tmp_path, resume=True)), arrays(plain))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("config.json", "models.npz", "results.csv", "results.npz")
    ]


def test_where_no_worker_ever_answers_the_run_ends_at_once():
    def fate(number, call):
        raise ConnectionResetError("no route")

    def broken(*arguments):
        future = concurrent.futures.Future()
        future.set_exception(ConnectionResetError("no route"))
        return future

    executor = Here(fate)
    for unreachable in (executor, types.SimpleNamespace(submit=broken)):
        with pytest.raises(RuntimeError, match=r"^executor: no worker gives an answer: .*no route"):
            sweep(jfnn.Workers(unreachable, tries=2))
    assert len(executor.calls) <= 2 * 6


class UnpicklableError(Exception):
    """It holds a lock."""

    def __init__(self, a, b):
        super().__init__(f"{a} {b}")
        self.lock = threading.Lock()


@pytest.mark.parametrize(
    ("error", "expected"),
    [(ZeroDivisionError("in the network"), ZeroDivisionError), (UnpicklableError("in", "the"), RuntimeError)],
)
def test_errors_of_a_segment_are_those_of_the_sweep_and_nothing_is_tried_again(error, expected, monkeypatch):
    def broken(task, device):
        raise error

    calls._worker.cache_clear()
    monkeypatch.setattr(calls, "Worker", broken)
    executor = Here()
    with pytest.raises(expected, match="in the"):
        sweep(jfnn.Workers(executor, in_flight=1))
    assert len(executor.calls) == 2  # the first did not hold the data


def test_workers_of_another_kind_or_with_other_packages_raise_an_error():
    def another(number, call):
        call.environment["backend"]["processor"] = "another"

    class Older(Here):
        def submit(self, function, *arguments):
            future = super().submit(function, *arguments)
            if not arguments:
                future.result()["versions"] |= {"jax": "0.1"}
            return future

    for executor, message in ((Here(another), "backend.processor is .*another"), (Older(), "jax 0.1")):
        with pytest.raises(ValueError, match=f"^executor: .*{message}"):
            sweep(executor)


class Slow(Here):
    """Computes at once, but counts a call as under way until its result is taken."""

    under_way = 0

    def __init__(self, fate=lambda number, call: None):
        super().__init__(fate)
        self.beside = []
        self.cancelled = []  # calls under way when each was sent, and futures

    def submit(self, function, *arguments):
        future = super().submit(function, *arguments)
        if arguments:
            self.beside.append(self.under_way)
        self.under_way += 1

        def take():
            self.under_way -= 1
            return future.result()

        cancel = functools.partial(self.cancelled.append, future)
        return types.SimpleNamespace(done=lambda: True, result=take, cancel=cancel)


def test_no_more_tiles_are_under_way_than_may_be():
    executor = Slow()
    sweep(jfnn.Workers(executor, in_flight=3, together=2), execution=jfnn.Execution(tile=1))
    assert max(executor.beside) + 1 == 3


def test_the_last_try_of_a_tile_travels_while_no_other_is_under_way():
    def lose(number, call):
        if has(call, 0.1):
            raise ConnectionResetError("the worker is gone")

    executor = Slow(lose)
    with pytest.raises(jfnn.LostMembersError):
        sweep(jfnn.Workers(executor, tries=3, together=2))
    lost = [number for number, call in enumerate(executor.calls) if has(call, 0.1)]
    assert [executor.beside[number] for number in lost[-2:]] == [0, 0]  # the last try of two tiles
    assert max(executor.beside) > 0


def test_an_interrupt_cancels_calls_under_way_and_leaves_a_run_to_resume(plain, tmp_path):
    def interrupt(number, call):
        if number == 10:
            raise KeyboardInterrupt

    executor = Slow(interrupt)
    with pytest.raises(KeyboardInterrupt):
        sweep(jfnn.Workers(executor, together=1), out=tmp_path)
    assert executor.cancelled
    assert not list(tmp_path.glob("*.task"))
    assert same_bits(arrays(sweep(Here(), out=tmp_path, resume=True)), arrays(plain))


def test_a_run_removes_its_tasks_and_no_other_file(plain, tmp_path):
    mine = {"todo.task": b"buy milk", f"{'0' * 64}.task": b"of other bytes", ".todo.task.part": b""}
    for name, content in mine.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "old.task").mkdir()
    written = {}

    def stop(number, call):
        if number == 3:
            others = [path for path in tmp_path.glob("*.task") if path.name not in (*mine, "old.task")]
            written.update({path.name: path.read_bytes() for path in others})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(jfnn.Workers(Here(stop), together=1), out=tmp_path)
    assert len(written) == 1
    for name, content in written.items():  # as a process leaves it that is killed meanwhile
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_bytes(content)
        (tmp_path / f".{name}.part").write_bytes(content[:99])
    assert same_bits(arrays(sweep(out=tmp_path, resume=True)), arrays(plain))
    assert {path.name for path in tmp_path.iterdir() if "task" in path.name} == {*mine, "old.task"}
    assert {name: (tmp_path / name).read_bytes() for name in mine} == mine


def test_segments_come_back_as_they_were_sent_and_shared_minibatches_travel_once():
    given = np.arange(1000, dtype=np.int32).reshape(500, 2)
    training = Segment(np.ones(3), {"l2": np.ones(3)}, np.arange(3), 5, 4, 12, given)
    sent = [training, Segment(np.ones(3), {}, None), training]
    content = calls.to_bytes(sent)
    assert same_bits(pickle.loads(content), sent)
    assert len(content) < len(calls.to_bytes([training])) + 500


def test_a_task_that_was_tampered_with_is_not_loaded(tmp_path):
    split = OPTIONS["split"]
    task = calls.Task(None, None, split, None, 1, 1, False)
    pickled = dataclasses.replace(calls.pickled(task, tmp_path), content=None)
    (tmp_path / pickled.path).write_bytes(pickle.dumps(1 / 3))
    with pytest.raises(LookupError):
        calls._worker(pickled)


def test_arguments_that_are_no_executor_or_no_count_are_refused():
    for executor in (3, "processes", lambda: None):
        with pytest.raises(TypeError, match=r"^executor: "):
            sweep(executor)
    assert jfnn.Workers(concurrent.futures.ProcessPoolExecutor)
    for name, value in (("tries", 0), ("in_flight", 0), ("together", 0), ("tries", 1.5)):
        with pytest.raises((TypeError, ValueError), match=rf"^{name}: "):
            jfnn.Workers(Here(), **{name: value})


METHODS = multiprocessing.get_all_start_methods()


class Cluster(concurrent.futures.ProcessPoolExecutor):
    """A process pool of the user's own."""


@pytest.mark.skipif("fork" not in METHODS, reason="there is no fork")
@pytest.mark.parametrize(
    "door",
    [
        lambda pool: pool,
        lambda pool: jfnn.Execution(executor=pool),
        lambda pool: jfnn.Execution(executor=lambda: pool),
        lambda pool: jfnn.Workers(lambda: pool),
    ],
    ids=["execution", "executor", "function", "workers"],
)
@pytest.mark.parametrize("kind", [concurrent.futures.ProcessPoolExecutor, Cluster])
def test_a_pool_that_forks_is_refused_before_it_starts_a_process(door, kind):
    with kind(1, mp_context=multiprocessing.get_context("fork")) as forking:
        with pytest.raises(ValueError, match=r"^executor: .*fork.*spawn"):
            jfnn.sweep(**OPTIONS, execution=door(forking))
        assert not forking._processes


def test_pools_that_start_processes_anew_are_taken():
    for method in {"spawn", "forkserver"} & {*METHODS}:
        context = multiprocessing.get_context(method)
        assert jfnn.Workers(concurrent.futures.ProcessPoolExecutor(1, mp_context=context))


def test_devices_are_the_workers_own_choice():
    with pytest.raises(ValueError, match=r"^devices: "):
        sweep(Here(), execution=jfnn.Execution(devices=1))


def test_functions_that_cannot_be_sent_are_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cloudpickle", None)
    net = jfnn.Network(NET.init, lambda params, x: NET.apply(params, x))
    with pytest.raises(TypeError, match=r"^executor: .*cloudpickle"):
        sweep(Here(), network=net)


@pytest.mark.thorough
def test_programs_and_what_is_trained_again_run_on_the_executor():
    executor = Here()
    networks = {"a": NET, "b": jfnn.mlp((5, 3))}
    common = OPTIONS | dict(network=networks, validation=0.2, refit=True, epochs=2, execution=HOW)
    one = jfnn.sweep(**common | {"execution": dataclasses.replace(HOW, executor=executor)})
    other = jfnn.sweep(**common)
    assert same_bits(
        [arrays(r) for r in (*one.programs, one.refit)], [arrays(r) for r in (*other.programs, other.refit)]
    )
    digests = {call.task.digest for call in executor.calls}
    assert len(digests) == 3  # of each program, and of the winner with the rows held out from it
    assert jax.tree.leaves(one.refit.params)[0].size
