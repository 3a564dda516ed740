"""Calls to other processes: segments that they run, and their answers.

Both are sealed: a call has a checksum, an answer the name of its call and a checksum, so that what a
transport loses, swaps or damages is done again. Errors of a segment come back as answers; an exception of the
executor thus always means that the work was lost on the way.
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

# JAX's switches under which a worker refuses what it is sent, with the values that they have by default.
SWITCHES = {
    "jax_disable_jit": False,
    "jax_numpy_rank_promotion": "allow",
    "jax_transfer_guard": None,
}
# Before a worker that differs, or fails, says so: it is idle at once, and would take all calls from others.
# A machine that fails waits longer, since it may recover and a call is tried a few times only.
REFUSING_SECONDS = 0.5
FAILING_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Call:
    """Segments for another process, which runs them one after another; without a task a mere question."""

    name: str  # unique, since executors may take equal calls for one
    task: PickledTask | None  # that the segments belong to
    segments: bytes  # the pickled list
    environment: str  # `environment_here` of the processes that may run them, by `as_json`
    x64: bool  # whether JAX computes in float64
    checksum: str = ""  # of all this

    def digest(self) -> str:
        """The checksum of the other fields."""
        task = None if self.task is None else self.task.digest
        sha256 = hashlib.sha256(f"{self.name} {task} {self.x64} {self.environment}".encode())
        sha256.update(self.segments)
        return sha256.hexdigest()

    def __dask_tokenize__(self) -> str:
        """Names the call to Dask, which would read all of its bytes for a name."""
        return self.name


class Answer(NamedTuple):
    """What becomes of a call."""

    process: str  # that answers: its host and number
    # The leaves of trained members, objectives and blocks of scores of each segment; or why there are none.
    outcome: list[Any] | Exception


class DamagedError(RuntimeError):
    """A call, or its answer, did not come as it was sent."""


class DiffersError(RuntimeError):
    """A process may not run a call: its results would have other bits, or JAX would refuse it there."""

    def __init__(self, text: str, environment: Description):
        super().__init__(text, environment)
        self.environment = environment  # of the process, by `environment_here`

    def __str__(self) -> str:
        """In what it differs."""
        return str(self.args[0])


def make_call(task: PickledTask | None, segments: bytes, environment: str, x64: bool) -> Call:
    """A call with a new name; see the fields of `Call`."""
    call = Call(uuid.uuid4().hex, task, segments, environment, x64)
    return dataclasses.replace(call, checksum=call.digest())


def as_json(described: Description) -> str:
    """An environment as a call has it; equal ones give the same text."""
    return json.dumps(described, sort_keys=True)


def environment_of(kind: str | None) -> Description:
    """What a process must be to compute the bits of this one, on a device of a kind; None for its own."""
    check_process()
    described = environment_of_kind(device_kind(jax.devices()[0]) if kind is None else kind)
    return described | {"source": source.name(), "switches": SWITCHES}


def unlike(found: Description, expected: Description) -> str:
    """In what a process is not as it has to be; empty where it is."""
    values = find_differences(found, expected)
    kinds = device_kind_in(found), device_kind_in(expected)
    if kinds[0] != kinds[1]:  # and with it options of the compiler
        others = [line for line in values if not line[0].startswith("backend.")]
        values = [("device", repr(kinds[0]), repr(kinds[1])), *others]
    return "; ".join(f"{name} is {value}, expected {wanted}" for name, value, wanted in values)


def environment_here() -> Description:
    """What this process is; see `environment_of`."""
    switches = {name: getattr(jax.config, name) for name in SWITCHES}
    return environment_of(None) | {"switches": switches}


def process_here() -> str:
    """Host and number of this process."""
    return f"{socket.gethostname()} {os.getpid()}"


def answer(call: Call) -> bytes:
    """Runs segments on this process's first device, and seals what came of them; see `opened`."""
    outcome: list[Any] | Exception
    try:
        outcome = _run(call)
    except Exception as error:
        outcome = _sendable(error)
    content = pickle.dumps(Answer(process_here(), outcome), protocol=5)
    return _seal(call.name, content) + content


def opened(reply: object, name: str) -> Answer:
    """The answer to the call of a name.

    Raises:
        DamagedError: The reply is none to this call, or not whole.
    """
    if not isinstance(reply, bytes | bytearray | memoryview):
        got = repr(reply) if isinstance(reply, BaseException) else f"a {type(reply).__name__}"
        raise DamagedError(f"expected bytes as an answer, got {got}")
    buffer = memoryview(reply).cast("B")
    head = len(_seal("", b""))
    content = buffer[head:]
    if buffer[:head] != _seal(name, content):
        raise DamagedError("the answer is another call's, or not whole")
    answered: Answer = pickle.loads(content)
    return answered


def _seal(name: str, content: bytes | memoryview) -> bytes:
    sha256 = hashlib.sha256(name.encode())
    sha256.update(content)
    return sha256.digest()


def _run(call: Call) -> list[Any]:
    """The results of a call's segments.

    Raises:
        DamagedError, DiffersError, NoTaskError, LoadError: They cannot be run here.
        MemoryError, OSError: This machine failed.
        Exception: What a segment raises.
    """
    if call.checksum != call.digest():
        raise DamagedError("the call did not come as it was sent")
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
    """An exception that survives a pickle: itself, or a `RuntimeError` with its text."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:  # its type may do anything
        pass
    return RuntimeError(f"{type(error).__name__}: {error}")
