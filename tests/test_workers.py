"""Sweeps on executors: what is sent and how often, errors of users and machines, invalid executors."""

import concurrent.futures
import contextlib
import dataclasses
import functools
import importlib
import multiprocessing
import os
import pickle
import sys
import threading
import types

import jax
import numpy as np
import pytest
from helpers import parts_of, same_bits
from remote_sweeps import HOW, NET, OPTIONS, Here, arrays, has, sweep

import jfnn
from jfnn.core.engine.segment import Task
from jfnn.core.store import identity
from jfnn.distributed import calls, tasks
from jfnn.distributed.tasks import HELD

pytestmark = pytest.mark.unoptimized


@pytest.fixture(scope="module")
def plain():
    return sweep()


class Slow(Here):
    """Computes immediately, but counts a call as in flight until its result is taken."""

    under_way = 0

    def __init__(self, fate=lambda number, call: None):
        super().__init__(fate)
        self.beside = []  # calls in flight when each was sent
        self.cancelled = []  # futures

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


def test_number_of_tiles_in_flight_is_limited():
    executor = Slow()
    sweep(jfnn.Workers(executor, in_flight=3, together=2), execution=jfnn.Execution(tile=1))
    assert max(executor.beside) + 1 == 3


@pytest.mark.parametrize(("tries", "together", "sent"), [(1, 16, 2), (2, 16, 3), (3, 2, 6)])
def test_tile_that_always_kills_its_worker_is_sent_up_to_the_limit(tries, together, sent):
    """The second time with no other calls, the last time while none is in flight."""

    def lose(number, call):
        if has(call, 0.1):
            raise ConnectionResetError("the worker is gone")

    executor = Slow(lose)
    with pytest.raises(jfnn.LostMembersError, match=r"^executor: 4 of 12 .*learning_rate=0.1"):
        sweep(jfnn.Workers(executor, tries=tries, together=together))
    lost = [number for number, call in enumerate(executor.calls) if has(call, 0.1)]
    assert len(lost) == sent
    assert tries == 1 or [executor.beside[number] for number in lost[-2:]] == [0, 0]  # of two tiles
    if tries == 3:
        assert max(executor.beside) > 0
        after = executor.calls[lost[-2] :]  # when all others are trained to the end
        assert not [call for call in after if not has(call, 0.1)]


ON_WORKER = threading.local()  # what the loss below does on a worker of these tests


def fails_on_worker(params, batch, key):
    error = getattr(ON_WORKER, "error", None)
    if error is not None:
        raise error
    return (batch @ params).sum()


@contextlib.contextmanager
def failing(error):
    ON_WORKER.error = error
    try:
        yield
    finally:
        ON_WORKER.error = None


def fail_in_step():
    """Fail if the environment requests it: this runs on a JAX thread, and its references identify it."""
    if "FAIL_IN_STEP" in os.environ:
        raise ZeroDivisionError("in the loss")


def fails_in_step(params, batch, key):
    jax.debug.callback(fail_in_step)
    return (batch @ params).sum()


@contextlib.contextmanager
def failing_in_step():
    with pytest.MonkeyPatch.context() as there:
        there.setenv("FAIL_IN_STEP", "1")
        yield


def lone_learner(loss):
    made = jfnn.learner(lambda key: jax.random.normal(key, (5,)), loss)
    return dict(network=made, split=jfnn.Split(OPTIONS["split"].x_train), l2=0.0)


class OnWorker(Here):
    """Runs the calls whose numbers are in ``at`` (0 for a query) in a context."""

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


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")  # JAX warns about the callback's error on its own thread
@pytest.mark.parametrize(
    ("loss", "context", "error"),
    [
        (fails_on_worker, lambda: failing(ZeroDivisionError("in the loss")), ValueError),
        (fails_in_step, failing_in_step, jax.errors.JaxRuntimeError),
    ],
)
def test_error_in_a_users_function_is_raised_by_the_sweep_without_retries(loss, context, error):
    executor = OnWorker(context, lambda number: number > 1)
    with pytest.raises(error, match="ZeroDivisionError: in the loss"):
        sweep(jfnn.Workers(executor, in_flight=1), **lone_learner(loss))
    assert len(executor.calls) == 2  # the first did not carry the task


class UnpicklableError(Exception):
    """It holds a lock."""

    def __init__(self, a, b):
        super().__init__(f"{a} {b}")
        self.lock = threading.Lock()


@dataclasses.dataclass
class Raising:
    """Minibatch sources that raise an error, picklable or not, when a worker inspects them."""

    plain: bool

    @property
    def padded(self):
        raise ZeroDivisionError("in the network") if self.plain else UnpicklableError("in", "the network")


@pytest.mark.parametrize(("plain", "expected"), [(True, ZeroDivisionError), (False, RuntimeError)])
def test_errors_are_returned_as_they_are_or_with_their_text(plain, expected):
    task = tasks.pickle_task(Task(None, Raising(plain), OPTIONS["split"].x_train, None, 1, 1, False), None)
    here = calls.as_json(calls.environment_here())
    call = calls.make_call(task, tasks.to_bytes([]), here, False)
    outcome = calls.open_answer(calls.answer(call), call.name).outcome
    assert type(outcome) is expected and "in the network" in str(outcome)


@pytest.mark.thorough
@pytest.mark.parametrize("error", [MemoryError("too large"), PermissionError(13, "not yours")])
def test_machine_fault_is_retried_and_named_if_no_other_worker_succeeds(error):
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


@pytest.mark.thorough
def test_different_worker_is_refused_from_the_start_with_the_difference():
    executor = OnWorker(lambda: jax.numpy_rank_promotion("raise"))
    with pytest.raises(
        ValueError, match=rf"^executor: .* {os.getpid()} switches.jax_numpy_rank_promotion is"
    ):
        sweep(executor)
    assert not executor.calls
    kind = "gpu NVIDIA H100 80GB HBM3"
    with pytest.raises(ValueError, match=r"^executor: .*device is 'cpu .*'gpu NVIDIA.*kind='cpu "):
        sweep(jfnn.Workers(Here(), kind=kind))


def test_workers_of_this_process_kind_are_accepted_by_name(plain):
    kind = identity.device_kind(jax.devices()[0])
    assert same_bits(arrays(sweep(jfnn.Workers(Here(), kind=kind))), arrays(plain))


@pytest.mark.thorough
def test_different_worker_that_joins_late_is_refused_with_one_warning(plain):
    executor = OnWorker(lambda: jax.numpy_rank_promotion("raise"), lambda number: number in (4, 6))
    with pytest.warns(
        UserWarning, match=rf"^executor: .* {os.getpid()} is refused.*rank_promotion"
    ) as caught:
        result = sweep(jfnn.Workers(executor, together=1))
    assert same_bits(arrays(result), arrays(plain))
    assert len(caught) == 1 and caught[0].filename.endswith("remote_sweeps.py")  # which called jfnn.sweep


def test_module_missing_on_a_worker_is_named_with_the_worker(tmp_path, monkeypatch):
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


@pytest.mark.thorough
def test_silence_is_reported_in_a_line_and_in_the_bar(capsys):
    deaf = types.SimpleNamespace(submit=lambda *arguments: concurrent.futures.Future())
    with pytest.raises(RuntimeError, match=r"^executor: no worker"):
        sweep(jfnn.Workers(deaf, timeout=12), execution=jfnn.Execution(progress=True))
    lines = capsys.readouterr().err
    assert "no answer for 11 s" in lines  # the bar
    (line,) = [line for line in lines.replace("\r", "\n").splitlines() if line.startswith("executor: ")]
    assert "no worker has answered for 10 s" in line


@pytest.mark.thorough
def test_process_keeps_the_last_tasks_up_to_a_number_and_size():
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


def test_interrupt_cancels_calls_in_flight_and_leaves_a_run_to_resume(plain, tmp_path):
    def interrupt(number, call):
        if number == 10:
            raise KeyboardInterrupt

    executor = Slow(interrupt)
    with pytest.raises(KeyboardInterrupt):
        sweep(jfnn.Workers(executor, together=1), out=tmp_path)
    assert executor.cancelled
    assert not list(tmp_path.glob("*.task"))
    assert same_bits(arrays(sweep(Here(), out=tmp_path, resume=True)), arrays(plain))


def test_run_removes_its_tasks_and_no_other_file(plain, tmp_path):
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
    for name, content in written.items():  # as left by a process that is killed meanwhile
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_bytes(content)
        (tmp_path / f".{name}.part").write_bytes(content[:99])
    assert same_bits(arrays(sweep(out=tmp_path, resume=True)), arrays(plain))
    assert {path.name for path in tmp_path.iterdir() if "task" in path.name} == {*mine, "old.task"}
    assert {name: (tmp_path / name).read_bytes() for name in mine} == mine


def test_modified_task_is_not_loaded(tmp_path):
    split = OPTIONS["split"]
    task = Task(None, None, split, None, 1, 1, False)
    pickled = dataclasses.replace(tasks.pickle_task(task, tmp_path), content=None)
    (tmp_path / pickled.path).write_bytes(pickle.dumps(1 / 3))
    with pytest.raises(LookupError):
        HELD.worker(pickled)


def test_executor_class_is_accepted_and_other_callables_are_refused():
    assert jfnn.Workers(concurrent.futures.ProcessPoolExecutor)
    with pytest.raises(TypeError, match=r"^executor: "):
        sweep(lambda: None)


METHODS = multiprocessing.get_all_start_methods()


class Cluster(concurrent.futures.ProcessPoolExecutor):
    """A user-defined process pool."""


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
def test_forking_pool_is_refused_before_it_starts_a_process(door, kind):
    with kind(1, mp_context=multiprocessing.get_context("fork")) as forking:
        with pytest.raises(ValueError, match=r"^executor: .*fork.*spawn"):
            jfnn.sweep(**OPTIONS, execution=door(forking))
        assert not forking._processes


def test_spawning_pools_are_accepted():
    for method in {"spawn", "forkserver"} & {*METHODS}:
        context = multiprocessing.get_context(method)
        assert jfnn.Workers(concurrent.futures.ProcessPoolExecutor(1, mp_context=context))


@pytest.mark.parametrize("door", [lambda given: given, lambda given: jfnn.Execution(executor=given)])
def test_bare_executor_is_refused_with_a_remedy(door):
    with pytest.raises(TypeError, match=r"^execut.*: expected jfnn\.Workers, .*jfnn\.Workers\(executor"):
        jfnn.sweep(**OPTIONS, execution=door(Here()))


def test_functions_that_cannot_be_sent_are_refused_by_name(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cloudpickle", None)
    net = jfnn.Network(NET.init, lambda params, x: NET.apply(params, x))
    with pytest.raises(TypeError, match=r"^executor: .*cloudpickle"):
        sweep(Here(), network=net)


@pytest.mark.thorough
def test_programs_and_refits_run_on_the_executor():
    executor = Here()
    networks = {"a": NET, "b": jfnn.mlp((5, 3))}
    common = OPTIONS | dict(network=networks, validation=0.2, refit=True, epochs=2, execution=HOW)
    one = jfnn.sweep(**common | {"execution": dataclasses.replace(HOW, executor=jfnn.Workers(executor))})
    other = jfnn.sweep(**common)
    assert same_bits(
        [arrays(r) for r in (*parts_of(one), one.refit)], [arrays(r) for r in (*parts_of(other), other.refit)]
    )
    digests = {call.task.digest for call in executor.calls}
    assert len(digests) == 3  # for each program, and for the winner with its held-out rows
    assert jax.tree.leaves(one.refit.params)[0].size


def test_number_of_workers_starts_nothing_until_there_is_work():
    before = multiprocessing.active_children()
    with jfnn.Workers(2):
        assert multiprocessing.active_children() == before
    with pytest.raises(jfnn.ArgumentError, match="executor: expected at least 1"):
        jfnn.Workers(0)
