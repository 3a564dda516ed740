"""With any transport, a run gives this process's bits or an error naming what was lost, and never hangs."""

import concurrent.futures
import dataclasses
import functools
import itertools
import pathlib
import tempfile
import time
import types
import warnings

import numpy as np
import pytest
from examples import examples
from helpers import same_bits
from hypothesis import strategies
from remote_sweeps import FILES, Here, arrays, finished_future, has, sweep

import jfnn
from jfnn.distributed.tasks import HELD

pytestmark = pytest.mark.unoptimized

TRIES = 20  # more than there are mishaps, so that no tile is given up by chance
WELL = ("well", 0.0)
MOST = 200  # calls; six tiles need fewer, however often they are lost
MISHAPS = ["lost", "ended", "pressed", "nonsense", "swapped", "cut", "flipped", "silent", "late"]
MISHAPS += ["segments", "task", "forgotten", "repeated"]  # of a call, before it is answered
MISHAPS += [
    "broken",
    "died",
]  # of the executor, when it receives a call
RAISED = {
    "lost": ConnectionResetError,
    "ended": SystemExit,
    "pressed": KeyboardInterrupt,
    "died": concurrent.futures.BrokenExecutor,  # as raised by a process pool
}
NONSENSE = [None, 3, b"", b"x" * 99, "text"]
BUFFERS = [bytes, bytearray, memoryview]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What happens to each call, in the order they are sent; calls beyond the fates are answered."""

    fates: tuple[tuple[str, float], ...] = ()  # each with a number from 0 to 1
    threads: bool = False  # or immediately, on submission
    polled: bool = False  # futures can only be polled, as for cluster schedulers
    anew: bool = False  # a function makes a new executor when one breaks
    kills: bool = False  # whether the members of one learning rate kill each worker
    closes: int | None = None  # number of the first call that is rejected
    in_flight: int = 4
    together: int = 1
    written: bool = True  # whether there is a directory, through which the data are passed

    def may_fail(self):
        """Return whether the executor stops accepting calls, apart from members that kill workers."""
        names = [name for name, _ in self.fates]
        breaks = {"broken", "died"}
        twice = any(one in breaks and other == "broken" for one, other in itertools.pairwise(names))
        return self.closes is not None or twice or (bool(breaks & {*names}) and not self.anew)


@strategies.composite
def plans(draw):
    threads = draw(strategies.booleans())
    polled = draw(strategies.booleans())
    # A first call compiles for longer than the timeout; polling a future raises Ctrl-C in the caller.
    impossible = {"silent": threads, "pressed": polled}
    mishaps = [name for name in MISHAPS if not impossible.get(name)]
    fate = strategies.tuples(strategies.sampled_from([*mishaps, "well"]), strategies.floats(0, 0.99))
    return Plan(
        tuple(draw(strategies.lists(fate, max_size=TRIES - 5))),
        threads,
        polled,
        anew=draw(strategies.booleans()),
        kills=draw(strategies.sampled_from([False, False, True])),
        closes=draw(strategies.sampled_from([None, None, 0, 1, 5, 9])),
        in_flight=draw(strategies.integers(1, 9)),
        together=draw(strategies.integers(1, 3)),
        written=draw(strategies.booleans()),
    )


def flipped(content, at):
    where = int(at * len(content))
    return b"".join([content[:where], bytes([content[where] ^ 4]), content[where + 1 :]])


class Executor:
    """Pass calls to a transport; once broken, accept no more, so that a new executor is needed."""

    def __init__(self, transport):
        self.transport = transport
        self.broken = False

    def submit(self, function, call):
        if self.broken:
            raise concurrent.futures.BrokenExecutor("no more")
        fate, at = self.transport.next_fate()
        self.broken = fate in ("broken", "died")
        if fate == "broken":
            raise concurrent.futures.BrokenExecutor(fate)
        return self.transport.submit(function, call, fate, at)


class Transport:
    def __init__(self, plan):
        self.plan = plan
        self.count = itertools.count()
        self.names = []  # of the accepted calls
        self.silent = []
        self.last = b""
        self.threads = concurrent.futures.ThreadPoolExecutor(3)

    def next_fate(self):
        number = next(self.count)
        if number >= (MOST if self.plan.closes is None else self.plan.closes):
            raise OSError("no more")
        return self.plan.fates[number] if number < len(self.plan.fates) else WELL

    def submit(self, function, call, fate, at):
        self.names.append(call.name)
        if fate == "silent" and call.task is not None:  # a query is not repeated
            self.silent.append(concurrent.futures.Future())
            return self.silent[-1]
        at_once = functools.partial(finished_future, errors=BaseException)
        start = self.threads.submit if self.plan.threads else at_once
        future = start(self.run, function, call, fate, at)
        if self.plan.polled:
            return types.SimpleNamespace(done=future.done, result=future.result, cancel=future.cancel)
        return future

    def run(self, function, call, fate, at):
        """Return the reply to a call, or raise what the plan says."""
        if self.plan.kills and call.task is not None and has(call, 0.1):
            raise ConnectionResetError("the worker is gone")
        if fate in RAISED:
            raise RAISED[fate](fate)
        if fate == "late":
            time.sleep(at / 5)
        if fate == "forgotten":
            HELD.forget()
        if fate == "segments" and call.segments:
            call = dataclasses.replace(call, segments=flipped(call.segments, at))
        if fate == "task" and call.task is not None and call.task.content is not None:
            call = dataclasses.replace(call, task=dataclasses.replace(call.task, content=b"another"))
        if fate == "repeated":
            function(call)
        reply = function(call)
        before, self.last = self.last, reply
        damaged = {"swapped": before, "cut": reply[: int(at * len(reply))], "flipped": flipped(reply, at)}
        damaged["nonsense"] = NONSENSE[int(at * len(NONSENSE))]
        return damaged.get(fate, BUFFERS[int(at * len(BUFFERS))](reply))


@pytest.fixture(scope="module")
def plain():
    return sweep()


def outcome_of(plan, out):
    HELD.forget()
    transport = Transport(plan)
    make = functools.partial(Executor, transport)
    workers = jfnn.Workers(
        make if plan.anew else make(),
        TRIES,
        plan.in_flight,
        plan.together,
        timeout=0.2 if any(name == "silent" for name, _ in plan.fates) else None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pytest.PytestUnhandledThreadExceptionWarning)
        try:
            found = sweep(workers, out=out)
        except RuntimeError as error:
            found = error
    transport.threads.shutdown()
    assert len(set(transport.names)) == len(transport.names)  # some executors treat equal calls as one
    assert len(transport.names) < MOST
    assert all(future.cancelled() for future in transport.silent)
    assert isinstance(found, Exception) or not len(HELD)  # no data remain in this process's threads
    return found


def lost_members(error, plain, out):
    """Return the members named by an error; only these lack scores, also in the file."""
    lost = np.zeros(plain.diverged_at.size, bool)
    lost[error.members] = True
    assert lost.any() and str(error).startswith(f"executor: {lost.sum()} of {lost.size} ")
    assert lost.all() or error.result.params is not None
    for name, values in plain.scores.items():
        found = error.result.scores[name].ravel()
        assert np.isnan(found[lost]).all()
        assert same_bits(found[~lost], values.ravel()[~lost])
    if out is not None:
        assert len((out / "partial.csv").read_text().splitlines()) == 1 + np.sum(~lost)
    return lost.reshape(plain.diverged_at.shape)


@pytest.mark.thorough
@examples((40, 1), (400, 1))
def test_any_transport_gives_the_bits_of_this_process_or_an_error_naming_what_is_lost(examples, plain):
    ends = set()

    def check(plan):
        with tempfile.TemporaryDirectory() as place:
            out = pathlib.Path(place) / "run" if plan.written else None
            found = outcome_of(plan, out)
            ends.add(type(found))
            if isinstance(found, Exception):
                assert str(found).startswith("executor: ")
                is_lost = isinstance(found, jfnn.LostMembersError)
                assert plan.may_fail() or (plan.kills and is_lost)
                if is_lost:
                    lost = lost_members(found, plain, out)
                    if not plan.may_fail():
                        assert lost[1].all() and not lost[::2].any()  # only members with that learning rate
                if out is None:
                    return
                found = sweep(out=out, resume=True)
            else:
                assert not plan.kills
            assert same_bits(arrays(found), arrays(plain))
            assert out is None or {path.name for path in out.iterdir()} == FILES

    check(Plan(kills=True))
    check(Plan(closes=9))
    check(Plan((WELL, ("broken", 0.0), WELL, ("died", 0.0)) * 2, anew=True))
    check(Plan((WELL, WELL, WELL, *[("silent", 0.0)] * 3)))
    fates = [WELL, WELL, ("task", 0.0), *[WELL] * 3]  # the third call carries the task, and so does the fifth
    for name in ("swapped", "flipped", "segments", "nonsense", "cut", "forgotten", *RAISED):
        fates += [(name, 0.7), WELL]
    check(Plan(tuple(fates), anew=True, in_flight=1, written=False))
    examples.check(check, plan=plans())
    assert {jfnn.SweepResult, jfnn.LostMembersError} <= ends


def without_data(number, call):
    object.__setattr__(call.task, "content", None)


class UniformExecutor:
    """An executor whose futures all end in one way, or never."""

    def __init__(self, answer):
        self.calls = []
        self.answer = answer

    def submit(self, function, call):
        self.calls.append(call)
        return self.answer(function, call)


def raising(error):
    def call(*arguments):
        raise error

    return call


NO_ROUTE = raising(ConnectionResetError("no route"))
BREAKS = raising(concurrent.futures.BrokenExecutor("at once"))
NO_WORKER = {  # an executor or a function that makes one; expected message; maximum number of calls
    "each is lost": (Here(NO_ROUTE), "no worker gives an answer: .*no route", 12),
    "each future breaks": (
        UniformExecutor(lambda *call: finished_future(NO_ROUTE)),
        "no worker gives an answer: .*no route",
        2,
    ),
    "each answer is none": (
        UniformExecutor(lambda *call: finished_future(dict)),
        "no worker .*expected bytes.*dict",
        2,
    ),
    "no future ends": (
        UniformExecutor(lambda *call: concurrent.futures.Future()),
        "no worker .*Timeout.* 0.4 s",
        1,
    ),
    "the data never come": (Here(without_data), "no worker gives an answer: .*arrived incomplete", 99),
    "it breaks": (UniformExecutor(BREAKS), "pass a function", 1),
    "those that are made break": (lambda: UniformExecutor(BREAKS), "BrokenExecutor", 0),
    "none is made": (raising(OSError("no cluster")), "its function failed: OSError: no cluster", 0),
}


@pytest.mark.parametrize("name", NO_WORKER)
def test_run_ends_soon_with_the_reason_if_no_worker_ever_answers(name):
    executor, reason, most = NO_WORKER[name]
    HELD.forget()
    with pytest.raises(RuntimeError, match=rf"^executor: .*{reason}"):
        sweep(jfnn.Workers(executor, tries=2, timeout=0.4))
    assert len(getattr(executor, "calls", ())) <= most
