"""Tasks sent to other processes, and tasks stored in a process.

A call names its task by a checksum; if the process replies that it lacks the task, the task is sent.
"""

import collections
import contextlib
import dataclasses
import hashlib
import pickle
import threading
from collections.abc import Callable
from pathlib import Path

import jax

from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.core.engine.segment import Task, Worker
from jfnn.core.store.files import write_scratch

# Largest number of tasks, and of bytes, that a process stores with their data; a single task may have more
# bytes. With fewer tasks than alternating sweeps, data are sent again and again; each further task takes the
# memory of its data in every worker of a machine. Measure with `python scripts/scaling.py`.
HELD_TASKS = 4
HELD_BYTES = 128_000_000


@dataclasses.dataclass(frozen=True)
class PickledTask:
    """A pickled task, as a file or as bytes; equal for equal tasks."""

    digest: str  # SHA-256 of the bytes
    path: str | None = dataclasses.field(default=None, compare=False)  # a file that may hold them
    content: bytes | None = dataclasses.field(default=None, compare=False, repr=False)


class NoTaskError(LookupError):
    """A process lacks a task, and neither the call nor a file provides it completely."""


class LoadError(RuntimeError):
    """A task is complete, but this process cannot load it."""


def to_bytes(thing: object) -> bytes:
    """Pickle a value; functions defined in scripts need cloudpickle."""
    dumps: Callable[..., bytes] = pickle.dumps
    cure = (
        "define its functions at the top level of a module, or install cloudpickle (pip install 'jfnn[dask]')"
    )
    with contextlib.suppress(ImportError):
        import cloudpickle

        dumps = cloudpickle.dumps
        cure = "create the objects that its functions use inside these functions"
    try:
        return dumps(thing, protocol=5)
    except ArgumentError:  # already explains the problem
        raise
    except Exception as error:  # whatever a user's object raises
        reason = f"cannot send the network to other processes ({error}); {cure}"
        raise ArgumentTypeError("executor", reason) from None


def pickle_task(task: Task, directory: Path | None) -> PickledTask:
    """Pickle a task, and write it to a directory that processes may share, if given."""
    content = to_bytes(task)
    path = None if directory is None else str(write_scratch(content, directory))
    return PickledTask(hashlib.sha256(content).hexdigest(), path, content)


class Held:
    """The last tasks of this process, with their data on the process's first device."""

    def __init__(self, most_tasks: int = HELD_TASKS, most_bytes: int = HELD_BYTES):
        """Make an empty store; a single task may be larger than ``most_bytes``."""
        self.most_tasks = most_tasks
        self.most_bytes = most_bytes
        self._workers: collections.OrderedDict[str, tuple[int, Worker]] = collections.OrderedDict()
        self._in_turn = threading.Lock()  # so that threads build a task only once

    def worker(self, task: PickledTask) -> Worker:
        """Return this process's first device with a task and its data.

        Raises:
            NoTaskError: The task is not available.
            LoadError: The task cannot be loaded here.
        """
        with self._in_turn:
            if task.digest not in self._workers:
                content = _content(task)
                self._make_room(len(content))
                self._workers[task.digest] = len(content), Worker(_load(content), jax.devices()[0])
            self._workers.move_to_end(task.digest)
            return self._workers[task.digest][1]

    def _make_room(self, size: int) -> None:
        """Drop the least recently used tasks before another one takes memory."""
        while self._workers and (
            len(self._workers) >= self.most_tasks
            or size + sum(held for held, _ in self._workers.values()) > self.most_bytes
        ):
            self._workers.popitem(last=False)

    def forget(self) -> None:
        """Drop all tasks."""
        with self._in_turn:
            self._workers.clear()

    def __len__(self) -> int:
        return len(self._workers)


HELD = Held()


def _content(task: PickledTask) -> bytes:
    """Return a task's bytes from the call or the file; raise NoTaskError if they are missing or differ."""
    content = task.content
    if content is None and task.path is not None:
        try:
            content = Path(task.path).read_bytes()
        except OSError as error:  # no such file here, or no permission: another call can send the task
            raise NoTaskError(str(error)) from None
    if content is None or hashlib.sha256(content).hexdigest() != task.digest:
        raise NoTaskError(task.digest)
    return content


def _load(content: bytes) -> Task:
    """Load a task from its bytes.

    Raises:
        LoadError: A module is missing, or differs from the module where the task was pickled.
        MemoryError, OSError: The machine cannot hold the task.
    """
    try:
        task: Task = pickle.loads(content)
    except (MemoryError, OSError):
        raise
    except ModuleNotFoundError as error:
        cure = "put it where the workers find it (PYTHONPATH; with Dask, client.upload_file)"
        raise LoadError(f"the learner needs the module {error.name!r}, which is not there; {cure}") from None
    except ArgumentError as error:
        raise LoadError(error.reason) from None
    except Exception as error:  # whatever a user's module or object raises
        raise LoadError(f"the learner cannot be loaded there: {type(error).__name__}: {error}") from None
    return task
