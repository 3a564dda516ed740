"""What another process does with a tile: it gets a call, runs the segment and answers.

Data travel to a process once or twice: a call names its task by a checksum, and a process that does not hold
the task says so and is sent it. Errors of the segment come back as answers; an exception of the executor thus
always means that the work was lost on the way, and can be done again.
"""

import dataclasses
import functools
import hashlib
import os
import pickle
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.checks import ArgumentTypeError
from jfnn.engine.segment import Segment, Task, Worker
from jfnn.store import environment, files
from jfnn.store.identity import Description, differences

SUFFIX = ".task"
NAME = re.compile(rf"[0-9a-f]{{64}}{re.escape(SUFFIX)}")
LEFTOVER = re.compile(rf"\.{NAME.pattern}\.part")  # see `files.leftover`
KEPT_TASKS = 4  # that a process holds at a time, those used last


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a process finds a task; equal for equal tasks.

    Attributes:
        digest: Checksum of the task's bytes.
        path: A file that may hold them, or None.
        content: The bytes themselves, or None.
    """

    digest: str
    path: str | None = dataclasses.field(default=None, compare=False)
    content: bytes | None = dataclasses.field(default=None, compare=False, repr=False)


@dataclasses.dataclass(frozen=True)
class Call:
    """Segments for another process, which runs them one after another.

    Attributes:
        place: Where their task is.
        segments: From `pack`.
        environment: What must compute them, as `environment_here` says.
        x64: Whether JAX computes in float64.
        name: Unlike that of any other call, since executors may take equal calls for one.
    """

    place: Place
    segments: bytes
    environment: Description
    x64: bool
    name: str

    def __dask_tokenize__(self) -> str:
        """Names the call to Dask, which would read all of its bytes for a name."""
        return self.name


class Done(NamedTuple):
    """Of each segment the leaves of its trained members, objectives and blocks of scores, as bytes."""

    content: bytes


class Missing(NamedTuple):
    """The process, named by its machine and number, does not hold the task."""

    process: str


class Refused(NamedTuple):
    """The process is not one that may compute it: in what it differs."""

    differences: list[str]


class Failed(NamedTuple):
    """What the segment raised, or a `RuntimeError` with its words."""

    error: Exception


Answer = Done | Missing | Refused | Failed


class NoTaskError(LookupError):
    """A task is neither in this process nor where it was said to be."""


def to_bytes(thing: Any) -> bytes:
    """Pickles, functions of scripts too where cloudpickle is installed.

    Raises:
        TypeError: It cannot be pickled.
    """
    try:
        import cloudpickle as pickler
    except ImportError:
        pickler = pickle
    try:
        return bytes(pickler.dumps(thing, protocol=5))
    except Exception as error:  # whatever a user's object raises
        raise ArgumentTypeError(
            "executor",
            f"cannot send the network to other processes ({error}); define its functions at the top"
            " level of a module, or install cloudpickle (pip install 'jfnn[dask]')",
        ) from None


def pack(segments: Sequence[Segment]) -> bytes:
    """Segments as bytes.

    Raises:
        TypeError: See `to_bytes`.
    """
    return to_bytes(list(segments))


def unpack(content: bytes) -> list[Segment]:
    """The segments of `pack`'s bytes."""
    segments: list[Segment] = pickle.loads(content)
    return segments


def place(task: Task, directory: Path | None) -> Place:
    """Makes a task findable: as a file in a directory that processes may share, else by its bytes."""
    content = to_bytes(task)
    digest = hashlib.sha256(content).hexdigest()
    return Place(
        digest, None if directory is None else str(directory.absolute() / f"{digest}{SUFFIX}"), content
    )


def remove_tasks(directory: Path) -> None:
    """Removes the tasks that `Futures` has put in a directory, and what kills amid that have left.

    A task is known by its name, which is the checksum of what it holds; files of others stay.
    """
    for path in directory.iterdir():
        is_task = NAME.fullmatch(path.name) and path.is_file() and files.file_digest(path) == path.stem
        if is_task or LEFTOVER.fullmatch(path.name):
            path.unlink(missing_ok=True)


def environment_here() -> Description:
    """Versions, and the first device of this process: what the bits of a result depend on."""
    return environment.describe(jax.devices()[0])


@functools.lru_cache(KEPT_TASKS)
def _worker(place: Place) -> Worker:
    """This process's first device with the task in place.

    Raises:
        NoTaskError: The task is not at hand.
    """
    content = place.content
    if content is None and place.path is not None and Path(place.path).is_file():
        content = Path(place.path).read_bytes()
    if content is None or hashlib.sha256(content).hexdigest() != place.digest:
        raise NoTaskError
    return Worker(pickle.loads(content), jax.devices()[0])


def answer(call: Call) -> Answer:
    """Runs segments on this process's first device."""
    here = environment_here()
    if here != call.environment:
        return Refused(differences(call.environment, here))
    try:
        with jax.enable_x64(call.x64):
            worker = _worker(call.place)
            results = [worker.issue(segment) for segment in unpack(call.segments)]
            leaves = [(jax.tree.leaves(r.members), r.objectives, list(r.blocks)) for r in results]
        return Done(pickle.dumps(jax.tree.map(np.asarray, leaves), protocol=5))
    except NoTaskError:
        return Missing(f"{socket.gethostname()} {os.getpid()}")
    except Exception as error:
        return Failed(_sendable(error))


def _sendable(error: Exception) -> Exception:
    """An exception that survives a pickle."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:  # its type may do anything
        pass
    return RuntimeError(f"{type(error).__name__}: {error}")
