"""Calls to other processes: segments to run, and their answers.

Both are sealed: a call has a checksum, and an answer has the name of its call and a checksum, so that work is
repeated if a transport loses, swaps or damages it. Errors of a segment are returned as answers; an exception
of the executor therefore always means that the work was lost.
"""

import dataclasses
import hashlib
import json
import os
import pickle
import socket
import time
import uuid
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.core.engine.devices import check_process
from jfnn.core.store.identity import (
    Description,
    device_kind,
    device_kind_in,
    environment_of_kind,
    find_differences,
)
from jfnn.distributed.tasks import HELD, LoadError, PickledTask
from jfnn.numerics import source

# A worker accepts calls only if these JAX switches have these values, the defaults.
SWITCHES = {
    "jax_disable_jit": False,
    "jax_numpy_rank_promotion": "allow",
    "jax_transfer_guard": None,
}
# Delays before a worker refuses a call or reports a failure. Without them it would be idle again at once and
# take all calls. The delay after a failure is longer, since the machine may recover; calls have few tries.
REFUSING_SECONDS = 0.5
FAILING_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Call:
    """Segments for another process to run one after another; without a task, only a check of the process."""

    name: str  # unique, since executors may treat equal calls as one
    task: PickledTask | None  # the task that the segments belong to
    segments: bytes  # the pickled list
    environment: str  # the required `environment_here`, converted by `as_json`
    x64: bool  # whether JAX computes in float64
    checksum: str = ""  # of all other fields

    def digest(self) -> str:
        """Return the checksum of the other fields."""
        task = None if self.task is None else self.task.digest
        sha256 = hashlib.sha256(f"{self.name} {task} {self.x64} {self.environment}".encode())
        sha256.update(self.segments)
        return sha256.hexdigest()

    def __dask_tokenize__(self) -> str:
        """Return the call's name as its token in Dask, which would otherwise read all of its bytes."""
        return self.name


class Answer(NamedTuple):
    """The outcome of a call."""

    process: str  # host and process number
    # For each segment, the leaves of trained members, objectives and blocks of scores; or an error.
    outcome: list[Any] | Exception


class DamagedError(RuntimeError):
    """A call or its answer was damaged on the way."""


class DiffersError(RuntimeError):
    """A process must not run a call: its results would have different bits, or JAX would refuse the call."""

    def __init__(self, text: str, environment: Description):
        super().__init__(text, environment)
        self.environment = environment  # the process's `environment_here`

    def __str__(self) -> str:
        return str(self.args[0])


def make_call(task: PickledTask | None, segments: bytes, environment: str, x64: bool) -> Call:
    """Make a call with a new name; see the fields of `Call`."""
    call = Call(uuid.uuid4().hex, task, segments, environment, x64)
    return dataclasses.replace(call, checksum=call.digest())


def as_json(described: Description) -> str:
    """Convert an environment to text, equal for equal environments."""
    return json.dumps(described, sort_keys=True)


def environment_of(kind: str | None) -> Description:
    """Return the environment that gives the bits of this process on a kind of device; None for its own."""
    check_process()
    described = environment_of_kind(device_kind(jax.devices()[0]) if kind is None else kind)
    return described | {"source": source.name(), "switches": SWITCHES}


def unlike(found: Description, expected: Description) -> str:
    """Return how a process differs from the required environment; empty if it does not."""
    values = find_differences(found, expected)
    kinds = device_kind_in(found), device_kind_in(expected)
    if kinds[0] != kinds[1]:  # the compiler's options then differ, too
        others = [line for line in values if not line[0].startswith("backend.")]
        values = [("device", repr(kinds[0]), repr(kinds[1])), *others]
    return "; ".join(f"{name} is {value}, expected {wanted}" for name, value, wanted in values)


def environment_here() -> Description:
    """Return the environment of this process; see `environment_of`."""
    switches = {name: getattr(jax.config, name) for name in SWITCHES}
    return environment_of(None) | {"switches": switches}


def process_here() -> str:
    """Return the host and number of this process."""
    return f"{socket.gethostname()} {os.getpid()}"


def answer(call: Call) -> bytes:
    """Run segments on this process's first device and seal the outcome; see `open_answer`."""
    outcome: list[Any] | Exception
    try:
        outcome = _run(call)
    except Exception as error:
        outcome = _sendable(error)
    content = pickle.dumps(Answer(process_here(), outcome), protocol=5)
    return _seal(call.name, content) + content


def open_answer(reply: object, name: str) -> Answer:
    """Return the answer to the call with this name.

    Raises:
        DamagedError: The reply belongs to another call or is incomplete.
    """
    if not isinstance(reply, bytes | bytearray | memoryview):
        got = repr(reply) if isinstance(reply, BaseException) else f"a {type(reply).__name__}"
        raise DamagedError(f"expected bytes as an answer, got {got}")
    buffer = memoryview(reply).cast("B")
    head = len(_seal("", b""))
    content = buffer[head:]
    if buffer[:head] != _seal(name, content):
        raise DamagedError("the answer belongs to another call or is incomplete")
    answered: Answer = pickle.loads(content)
    return answered


def _seal(name: str, content: bytes | memoryview) -> bytes:
    sha256 = hashlib.sha256(name.encode())
    sha256.update(content)
    return sha256.digest()


def _run(call: Call) -> list[Any]:
    """Return the results of a call's segments.

    Raises:
        DamagedError, DiffersError, NoTaskError, LoadError: The segments cannot run here.
        MemoryError, OSError: This machine failed.
        Exception: A segment raised.
    """
    if call.checksum != call.digest():
        raise DamagedError("the call was damaged on the way")
    here = environment_here()
    if as_json(here) != call.environment:
        time.sleep(REFUSING_SECONDS)
        raise DiffersError(unlike(here, json.loads(call.environment)), here)
    if call.task is None:
        return []
    try:
        with jax.enable_x64(call.x64):
            worker = HELD.worker(call.task)
            results = [worker.issue(segment) for segment in pickle.loads(call.segments)]
            leaves = [(jax.tree.leaves(r.members), r.objectives, list(r.blocks)) for r in results]
        return [jax.tree.map(np.asarray, arrays) for arrays in leaves]
    except LoadError:
        time.sleep(REFUSING_SECONDS)
        raise
    except (MemoryError, OSError):
        time.sleep(FAILING_SECONDS)
        raise
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        time.sleep(FAILING_SECONDS)
        raise MemoryError(str(error)) from None


def _sendable(error: Exception) -> Exception:
    """Return an exception that can be pickled: itself, or a `RuntimeError` with its text."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:  # a user's exception type may do anything
        pass
    return RuntimeError(f"{type(error).__name__}: {error}")
