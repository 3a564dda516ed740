"""Sweeps on executors: the same bytes whatever is lost on the way, and words for what cannot be."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import functools
import importlib
import itertools
import multiprocessing
import os
import pickle
import random
import sys
import threading
import time
import types
import warnings

import jax
import numpy as np
import pytest
from helpers import as_workers, noise_split, same_bits

import jfnn
from jfnn.core.engine.segment import Segment, Task
from jfnn.core.store import environment
from jfnn.distributed import calls, tasks
from jfnn.distributed.tasks import HELD

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
    execution = dataclasses.replace(execution, executor=as_workers(executor))
    return jfnn.sweep(**OPTIONS | changes, execution=execution)


def arrays(result):
    return result.params, dict(result.scores), result.history, result.epochs, result.stopped_at


@pytest.fixture(scope="module")
def plain():
    """The result of threads of this process."""
    return sweep()


@pytest.fixture(scope="module")
def plain_of_eight():
    """The same with eight seeds."""
    return sweep(seeds=8)


class Here(concurrent.futures.Executor):
    """Runs what is submitted at once, in this process, and keeps the calls, but for mere questions.

    ``fate`` is called with the number of the call and the call, and may raise what becomes of the future.
    """

    def __init__(self, fate=lambda number, call: None):
        self.fate = fate
        self.calls = []

    def submit(self, function, call):
        future = concurrent.futures.Future()
        future.set_running_or_notify_cancel()
        try:
            if call.task is not None:
                self.calls.append(call)
                self.fate(len(self.calls), call)
            future.set_result(pickle.loads(pickle.dumps(function(call))))
        except Exception as error:
            future.set_exception(error)
        return future


def has(call, learning_rate):
    """Whether a call is to train members of a learning rate."""
    rates = [segment.hyper["learning_rate"] for segment in pickle.loads(call.segments)]
    return np.isclose(rates, learning_rate).any()


def test_a_sweep_on_an_executor_has_the_bits_of_threads_and_sends_the_data_once(plain):
    HELD.forget()
    executor = Here()
    assert same_bits(arrays(sweep(executor)), arrays(plain))
    first, *others = executor.calls
    assert first.task.content is None
    assert sum(call.task.content is not None for call in others) == 1


def test_what_is_lost_on_the_way_is_sent_again(plain):
    def fate(number, call):
        if number % 4 == 0:
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

    def submit(self, function, call):
        if self.broken:
            raise concurrent.futures.BrokenExecutor("no more")
        future = super().submit(function, call)
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


ON_WORKER = threading.local()  # what the loss below does on a worker of these tests


def fails_on_worker(params, batch, key):
    """A loss that fails where a worker loads it."""
    error = getattr(ON_WORKER, "error", None)
    if error is not None:
        raise error
    return (batch @ params).sum()


def lone_learner(loss):
    """Options of a sweep of a learner with a loss."""
    made = jfnn.learner(lambda key: jax.random.normal(key, (5,)), loss)
    return dict(network=made, split=jfnn.Split(OPTIONS["split"].x_train), l2=0.0)


@contextlib.contextmanager
def failing(error):
    ON_WORKER.error = error
    try:
        yield
    finally:
        ON_WORKER.error = None


class OnWorker(Here):
    """What runs there runs in a context; ``at`` says in which calls, by their number, 0 for a question."""

    def __init__(self, context, at=lambda number: True):
        super().__init__()
        self.context = context
        self.at = at

    def submit(self, function, call):
        def run(call):
            number = 0 if call.task is None else len(self.calls)
            with self.context() if self.at(number) else contextlib.nullcontext():
                return function(call)

        return super().submit(run, call)


def test_an_error_of_a_users_function_is_that_of_the_sweep_and_nothing_is_tried_again():
    executor = OnWorker(lambda: failing(ZeroDivisionError("in the loss")), lambda number: number > 1)
    with pytest.raises(ValueError, match=r"^executor: on .*ZeroDivisionError: in the loss"):
        sweep(jfnn.Workers(executor, in_flight=1), **lone_learner(fails_on_worker))
    assert len(executor.calls) == 2  # the first did not bring the task


def fail_in_step():
    """Fails where the environment says so: it runs in a thread of JAX's, and what it refers to names it."""
    if "FAIL_IN_STEP" in os.environ:
        raise ZeroDivisionError("in the step")


def fails_in_step(params, batch, key):
    jax.debug.callback(fail_in_step)
    return (batch @ params).sum()


@pytest.mark.filterwarnings("ignore")  # JAX warns of the callback's error in a thread of its own
def test_an_error_of_a_segment_is_that_of_the_sweep_and_nothing_is_tried_again(monkeypatch):
    @contextlib.contextmanager
    def fails():
        with monkeypatch.context() as there:
            there.setenv("FAIL_IN_STEP", "1")
            yield

    executor = OnWorker(fails)
    with pytest.raises(jax.errors.JaxRuntimeError, match="in the step"):
        sweep(jfnn.Workers(executor, in_flight=1), **lone_learner(fails_in_step))
    assert len(executor.calls) == 2  # the first did not bring the task


class UnpicklableError(Exception):
    """It holds a lock."""

    def __init__(self, a, b):
        super().__init__(f"{a} {b}")
        self.lock = threading.Lock()


@dataclasses.dataclass
class Raising:
    """Sources of minibatches that raise where a worker looks at them, an error that can be sent or not."""

    plain: bool

    @property
    def padded(self):
        raise ZeroDivisionError("in the network") if self.plain else UnpicklableError("in", "the network")


@pytest.mark.parametrize(("plain", "expected"), [(True, ZeroDivisionError), (False, RuntimeError)])
def test_errors_come_back_as_they_are_or_with_their_text(plain, expected):
    task = tasks.pickled(Task(None, Raising(plain), OPTIONS["split"].x_train, None, 1, 1, False), None)
    here = calls.as_json(calls.environment_here())
    call = calls.make_call(task, tasks.to_bytes([]), here, False)
    outcome = calls.opened(calls.answer(call), call.name).outcome
    assert type(outcome) is expected and "in the network" in str(outcome)


@pytest.mark.parametrize(
    "error",
    [MemoryError("too large"), pytest.param(PermissionError(13, "not yours"), marks=pytest.mark.thorough)],
)
def test_a_fault_of_a_machine_is_tried_again_and_named_where_no_other_does_it(error):
    options = lone_learner(fails_on_worker)
    named = rf"^executor: the worker \S+ {os.getpid()} has failed"
    HELD.forget()
    with pytest.warns(UserWarning, match=named):
        result = sweep(OnWorker(lambda: failing(error), lambda number: number in (2, 3)), **options)
    assert same_bits(arrays(result), arrays(sweep(**options)))
    HELD.forget()
    expected = rf"^executor: no worker .*Error: on \S+ {os.getpid()}: .*{error.args[-1]}"
    with pytest.raises(RuntimeError, match=expected), pytest.warns(UserWarning, match=named):
        sweep(jfnn.Workers(OnWorker(lambda: failing(error), bool), tries=1), **options)


def test_a_worker_that_differs_is_refused_from_the_start_and_what_differs_is_named():
    executor = OnWorker(lambda: jax.numpy_rank_promotion("raise"))
    with pytest.raises(
        ValueError, match=rf"^executor: .* {os.getpid()} switches.jax_numpy_rank_promotion is"
    ):
        sweep(executor)
    assert not executor.calls
    kind = "gpu NVIDIA H100 80GB HBM3"
    with pytest.raises(ValueError, match=r"^executor: .*device is 'cpu .*'gpu NVIDIA.*kind='cpu "):
        sweep(jfnn.Workers(Here(), kind=kind))


def test_workers_of_the_kind_of_this_process_are_taken_by_its_name(plain):
    kind = environment.device_kind(jax.devices()[0])
    assert same_bits(arrays(sweep(jfnn.Workers(Here(), kind=kind))), arrays(plain))


def test_a_worker_that_joins_late_and_differs_is_refused_alone_and_warned_of_once(plain):
    executor = OnWorker(lambda: jax.numpy_rank_promotion("raise"), lambda number: number in (4, 6))
    with pytest.warns(
        UserWarning, match=rf"^executor: .* {os.getpid()} is refused.*rank_promotion"
    ) as warned:
        result = sweep(jfnn.Workers(executor, together=1))
    assert same_bits(arrays(result), arrays(plain))
    assert len(warned) == 1 and warned[0].filename == __file__


def test_a_module_that_workers_lack_is_named_with_the_worker(tmp_path, monkeypatch):
    (tmp_path / "losses_lib.py").write_text(
        "def loss(params, batch, key):\n    return (batch @ params).sum()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    options = lone_learner(importlib.import_module("losses_lib").loss)

    @contextlib.contextmanager
    def without():
        with monkeypatch.context() as there:
            there.delitem(sys.modules, "losses_lib")
            there.setattr(sys, "path", sys.path[1:])
            yield

    HELD.forget()
    with pytest.raises(ValueError, match=rf"^executor: on .* {os.getpid()} .*'losses_lib'.*upload_file"):
        sweep(OnWorker(without), **options)


class Settled:
    """An executor of futures that have ended as ``settle(future, number of the call, reply)`` does."""

    def __init__(self, settle):
        self.settle = settle
        self.count = itertools.count()

    def submit(self, function, call):
        future = concurrent.futures.Future()
        self.settle(future, next(self.count), function(call))
        return future


@pytest.mark.parametrize("buffer", [bytearray, memoryview])
def test_an_answer_is_taken_from_any_buffer(buffer, plain):
    executor = Settled(lambda future, number, reply: future.set_result(buffer(reply)))
    assert same_bits(arrays(sweep(executor)), arrays(plain))


@pytest.mark.parametrize("reply", [None, 3, b"", b"x" * 99, "text", SystemExit(1), KeyboardInterrupt()])
def test_an_answer_that_is_none_is_tried_again(reply, plain):
    def settle(future, number, answer):
        if number not in (0, 3):
            future.set_result(answer)
        elif isinstance(reply, BaseException):
            future.set_exception(reply)
        else:
            future.set_result(reply)

    assert same_bits(arrays(sweep(jfnn.Workers(Settled(settle), together=1))), arrays(plain))
    always = Settled(lambda future, number, answer: future.set_result(None))
    with pytest.raises(RuntimeError, match=r"^executor: no worker gives .*expected bytes.*NoneType"):
        sweep(always)


def test_a_call_whose_task_never_comes_is_sent_as_often_as_it_may_be():
    def strip(number, call):
        object.__setattr__(call.task, "content", None)

    HELD.forget()
    executor = Here(strip)
    with pytest.raises(RuntimeError, match=r"^executor: no worker gives an answer: .*did not come whole"):
        sweep(jfnn.Workers(executor, together=1))
    assert len(executor.calls) < 100


class Chaos(concurrent.futures.Executor):
    """Threads whose calls and answers are lost, repeated, delayed, swapped, cut and damaged at random."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.threads = concurrent.futures.ThreadPoolExecutor(3)
        self.last = b""
        self.fates = collections.Counter()

    def submit(self, function, call):
        what = self.random.choice(
            ["lost", "raised", "ended", "repeated", "late", "swapped", "cut", "flipped", "forgotten"]
            + ["segments", "task", "broken"]
            + 18 * ["well"]
        )
        self.fates[what] += 1
        at = self.random.random()
        if what == "broken":
            raise concurrent.futures.BrokenExecutor(what)
        return self.threads.submit(self.run, function, call, what, at)

    def run(self, function, call, what, at):
        if what == "late":
            time.sleep(at / 5)
        if what == "segments":
            call = dataclasses.replace(call, segments=flipped(call.segments, at))
        if what == "task" and call.task is not None and call.task.content is not None:
            call = dataclasses.replace(call, task=dataclasses.replace(call.task, content=b"another"))
        if what == "forgotten":
            HELD.forget()
        reply = function(call)
        if what == "repeated":
            reply = function(call)
        before, self.last = self.last, reply
        if what == "raised":
            raise ConnectionResetError(what)
        if what == "ended":
            raise SystemExit(what)
        damaged = {"swapped": before, "cut": reply[: int(at * len(reply))], "flipped": flipped(reply, at)}
        return damaged.get(what, None if what == "lost" else reply)


def flipped(content, at):
    """Bytes of which one bit is another."""
    where = int(at * len(content))
    return b"".join([content[:where], bytes([content[where] ^ 4]), content[where + 1 :]])


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(s, marks=pytest.mark.thorough) for s in range(2, 20))])
def test_whatever_a_transport_does_the_bits_are_those_of_this_process(seed, plain_of_eight):
    made = []

    def make():
        made.append(Chaos(seed + 100 * len(made)))
        return made[-1]

    together = 1 + seed % 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pytest.PytestUnhandledThreadExceptionWarning)
        result = sweep(jfnn.Workers(make, tries=20, in_flight=4 + seed, together=together), seeds=8)
    assert same_bits(arrays(result), arrays(plain_of_eight))
    assert sum((executor.fates for executor in made), collections.Counter()).total() > 20
    for executor in made:
        executor.threads.shutdown()


def test_futures_that_never_end_count_as_lost_after_the_time_limit(plain):
    never = []

    class Silent(Here):
        def submit(self, function, call):
            if call.task is not None and len(never) < 3:
                never.append(concurrent.futures.Future())
                return never[-1]
            return super().submit(function, call)

    executor = jfnn.Workers(Silent(), timeout=0.4, together=1)
    assert same_bits(arrays(sweep(executor)), arrays(plain))
    assert len(never) == 3 and all(future.cancelled() for future in never)
    deaf = types.SimpleNamespace(submit=lambda *arguments: concurrent.futures.Future())
    with pytest.raises(RuntimeError, match=r"^executor: no worker .*TimeoutError.* 0.4 s"):
        sweep(jfnn.Workers(deaf, timeout=0.4))


@pytest.mark.thorough
def test_silence_is_said_in_a_line_and_in_the_bar(capsys):
    deaf = types.SimpleNamespace(submit=lambda *arguments: concurrent.futures.Future())
    with pytest.raises(RuntimeError, match=r"^executor: no worker"):
        sweep(jfnn.Workers(deaf, timeout=12), execution=jfnn.Execution(progress=True))
    lines = capsys.readouterr().err
    assert "no answer for 11 s" in lines  # the bar
    (line,) = [line for line in lines.replace("\r", "\n").splitlines() if line.startswith("executor: ")]
    assert "no worker has answered for 10 s" in line


def test_an_executor_that_takes_no_more_work_leaves_what_was_trained(plain, tmp_path):
    def submit(self, function, call):
        if len(self.calls) == 9:
            raise OSError("no more")
        return Here.submit(self, function, call)

    closing = type("Closing", (Here,), {"submit": submit})()
    with pytest.raises(jfnn.LostMembersError, match=r"^executor: .*no more work: OSError: no more") as caught:
        sweep(jfnn.Workers(closing, together=1), out=tmp_path)
    assert caught.value.result.params is not None
    kept = np.setdiff1d(np.arange(12), caught.value.members)
    assert 0 < len(caught.value.members) <= 12
    scores = caught.value.result.train_loss.ravel()
    assert same_bits(scores[kept], plain.train_loss.ravel()[kept])
    assert same_bits(arrays(sweep(out=tmp_path, resume=True)), arrays(plain))


def test_functions_that_make_no_executor_are_told_why():
    def fails():
        raise OSError("no cluster")

    with pytest.raises(RuntimeError, match=r"^executor: its function makes none: OSError: no cluster"):
        sweep(fails)
    with pytest.raises(RuntimeError, match=r"^executor: .*BrokenExecutor"):
        sweep(lambda: types.SimpleNamespace(submit=broken_at_once))


def broken_at_once(*arguments):
    raise concurrent.futures.BrokenExecutor("at once")


def test_messages_on_their_way_follow_the_number_of_workers():
    with concurrent.futures.ThreadPoolExecutor(40) as threads:
        assert jfnn.Workers(threads).in_flight == 160
        assert jfnn.Workers(threads, in_flight=3).in_flight == 3
    client = types.SimpleNamespace(nthreads=lambda: {"one": 30, "two": 10})
    of_dask = types.SimpleNamespace(submit=print, _client=client)
    assert jfnn.Workers(of_dask).in_flight == 160
    assert jfnn.Workers(Here()).in_flight == jfnn.Workers(Here).in_flight == 64


def test_threads_of_this_process_hold_no_data_after_a_sweep(plain):
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        assert same_bits(arrays(sweep(threads)), arrays(plain))
    assert not len(HELD)


def test_a_process_holds_the_last_tasks_up_to_a_number_and_to_their_bytes():
    replicates = jfnn.Split(np.ones((9, 5), np.float32))
    some = []
    executor = Here(lambda number, call: some.append(call.task))
    for value in range(4):
        HELD.forget()
        options = lone_learner(fails_on_worker) | {"split": jfnn.Split(replicates.x_train * value)}
        sweep(executor, **options, seeds=1, learning_rate=0.1, batch_size=3)
    brought = [task for task in some if task.content is not None]
    size = len(brought[0].content)
    assert len({task.digest for task in brought}) == 4
    for held, expected in ((tasks.Held(2), 2), (tasks.Held(4, 3 * size), 3), (tasks.Held(4, 1), 1)):
        for task in brought:
            held.worker(task)
        assert len(held) == expected
        for task in brought[-expected:]:  # without their bytes
            held.worker(dataclasses.replace(task, content=None))
        with pytest.raises(LookupError):
            held.worker(dataclasses.replace(brought[-expected - 1], content=None))


class Slow(Here):
    """Computes at once, but counts a call as under way until its result is taken."""

    under_way = 0

    def __init__(self, fate=lambda number, call: None):
        super().__init__(fate)
        self.beside = []
        self.cancelled = []  # calls under way when each was sent, and futures

    def submit(self, function, call):
        future = super().submit(function, call)
        if call.task is not None:
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
    training = Segment(np.ones(3), {"l2": np.ones(3)}, np.arange(3), np.arange(3), 5, 4, 12, given)
    sent = [training, Segment(np.ones(3), {}, None, np.arange(3)), training]
    content = tasks.to_bytes(sent)
    assert same_bits(pickle.loads(content), sent)
    assert len(content) < len(tasks.to_bytes([training])) + 500


def test_a_task_that_was_tampered_with_is_not_loaded(tmp_path):
    split = OPTIONS["split"]
    task = Task(None, None, split, None, 1, 1, False)
    pickled = dataclasses.replace(tasks.pickled(task, tmp_path), content=None)
    (tmp_path / pickled.path).write_bytes(pickle.dumps(1 / 3))
    with pytest.raises(LookupError):
        HELD.worker(pickled)


def test_a_class_of_executors_may_be_given_and_what_makes_none_is_refused():
    assert jfnn.Workers(concurrent.futures.ProcessPoolExecutor)
    with pytest.raises(TypeError, match=r"^executor: "):
        sweep(lambda: None)


METHODS = multiprocessing.get_all_start_methods()


class Cluster(concurrent.futures.ProcessPoolExecutor):
    """A process pool of the user's own."""


@pytest.mark.skipif("fork" not in METHODS, reason="there is no fork")
@pytest.mark.parametrize(
    "door",
    [
        lambda pool: jfnn.Workers(pool),
        lambda pool: jfnn.Execution(executor=jfnn.Workers(lambda: pool)),
    ],
    ids=["pool", "function"],
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


@pytest.mark.parametrize("door", [lambda given: given, lambda given: jfnn.Execution(executor=given)])
def test_an_executor_by_itself_is_refused_with_the_cure(door):
    with pytest.raises(TypeError, match=r"^execut.*: expected jfnn\.Workers, .*jfnn\.Workers\(executor"):
        jfnn.sweep(**OPTIONS, execution=door(Here()))


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
    one = jfnn.sweep(**common | {"execution": dataclasses.replace(HOW, executor=jfnn.Workers(executor))})
    other = jfnn.sweep(**common)
    assert same_bits(
        [arrays(r) for r in (*one.programs, one.refit)], [arrays(r) for r in (*other.programs, other.refit)]
    )
    digests = {call.task.digest for call in executor.calls}
    assert len(digests) == 3  # of each program, and of the winner with the rows held out from it
    assert jax.tree.leaves(one.refit.params)[0].size
