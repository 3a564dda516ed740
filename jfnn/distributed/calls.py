"""Calls to other processes: segments that they run, and their answers.

Data travel to a process once or twice: a call names its task by a checksum, and a process that lacks the task
answers so and is sent it. Errors of a segment come back as answers; an exception of the executor thus always
means that the work was lost on the way, and can be done again.
"""

import dataclasses
import functools
import hashlib
import os
import pickle
import re
import socket
from pathlib import Path

import jax
import numpy as np

from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.engine.devices import check_process
from jfnn.engine.segment import Task, Worker
from jfnn.store import environment, files
from jfnn.store.identity import Description, differences

SUFFIX = ".task"
NAME = re.compile(rf"[0-9a-f]{{64}}{re.escape(SUFFIX)}")
LEFTOVER = re.compile(rf"\.{NAME.pattern}\.part")  # see `files.leftover`
# Tasks that a process holds with their data. With fewer than sweeps that take turns, data are sent again and
# again; each further one takes the memory of its data.
CACHED_TASKS = 4


@dataclasses.dataclass(frozen=True)
class PickledTask:
    """A pickled task, as a file or as bytes; equal for equal tasks."""

    digest: str  # SHA-256 of the bytes
    path: str | None = dataclasses.field(default=None, compare=False)  # a file that may hold them
    content: bytes | None = dataclasses.field(default=None, compare=False, repr=False)


@dataclasses.dataclass(frozen=True)
class Call:
    """Segments for another process, which runs them one after another."""

    task: PickledTask  # that the segments belong to
    segments: bytes  # the pickled list
    environment: Description  # `environment_here` of the processes that may compute them
    x64: bool  # whether JAX computes in float64
    name: str  # unique, since executors may take equal calls for one

    def __dask_tokenize__(self) -> str:
        """Names the call to Dask, which would read all of its bytes for a name."""
        return self.name


# For each segment the pickled leaves of its trained members, objectives and blocks of scores; or the error of
# a segment, or of a process that may not or cannot run it.
Answer = bytes | Exception


class NoTaskError(LookupError):
    """A process, named by its machine and number, lacks a task, and neither the call nor a file brings it."""


def to_bytes(thing: object) -> bytes:
    """Pickles a value, with functions of scripts where cloudpickle is installed.

    Raises:
        TypeError: The value cannot be pickled.
    """
    try:
        import cloudpickle as pickler
    except ImportError:
        pickler = pickle
    try:
        return bytes(pickler.dumps(thing, protocol=5))
    except ArgumentError:  # says itself why
        raise
    except Exception as error:  # whatever a user's object raises
        raise ArgumentTypeError(
            "executor",
            f"cannot send the network to other processes ({error}); define its functions at the top"
            " level of a module, or install cloudpickle (pip install 'jfnn[dask]')",
        ) from None


def pickled(task: Task, directory: Path | None) -> PickledTask:
    """Pickles a task, also into a file of a directory that processes may share."""
    content = to_bytes(task)
    digest = hashlib.sha256(content).hexdigest()
    if directory is None:
        return PickledTask(digest, None, content)
    path = directory.absolute() / f"{digest}{SUFFIX}"
    with files.atomic(path) as file:
        file.write(content)
    return PickledTask(digest, str(path), content)


def remove_tasks(directory: Path) -> None:
    """Removes the tasks, complete or not, that `Futures` has put in a directory.

    The name of a task is the checksum of its bytes; other files stay.
    """
    for path in directory.iterdir():
        is_task = NAME.fullmatch(path.name) and path.is_file()
        if LEFTOVER.fullmatch(path.name) or (
            is_task and hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
        ):
            path.unlink(missing_ok=True)


def environment_here() -> Description:
    """Versions and the first device of this process, on which the bits of a result depend.

    Raises:
        RuntimeError: This process was forked from one that has trained.
    """
    check_process()
    return environment.describe(jax.devices()[0])


@functools.lru_cache(CACHED_TASKS)
def _worker(task: PickledTask) -> Worker:
    """This process's first device, holding the task and its data.

    Raises:
        NoTaskError: The task is not at hand.
    """
    content = task.content
    if content is None and task.path is not None and Path(task.path).is_file():
        content = Path(task.path).read_bytes()
    if content is None or hashlib.sha256(content).hexdigest() != task.digest:
        raise NoTaskError(f"{socket.gethostname()} {os.getpid()}")
    return Worker(pickle.loads(content), jax.devices()[0])


def answer(call: Call) -> Answer:
    """Runs segments on this process's first device."""
    here = environment_here()
    if here != call.environment:
        differing = "; ".join(differences(call.environment, here))
        reason = f"its workers differ, and so would bits; take equal ones: {differing}"
        return ArgumentError("executor", reason)
    try:
        with jax.enable_x64(call.x64):
            worker = _worker(call.task)
            results = [worker.issue(segment) for segment in pickle.loads(call.segments)]
            leaves = [(jax.tree.leaves(r.members), r.objectives, list(r.blocks)) for r in results]
        return pickle.dumps(jax.tree.map(np.asarray, leaves), protocol=5)
    except Exception as error:
        return _sendable(error)


def _sendable(error: Exception) -> Exception:
    """An exception that survives a pickle: itself, or a `RuntimeError` with its text."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:  # its type may do anything
        pass
    return RuntimeError(f"{type(error).__name__}: {error}")
