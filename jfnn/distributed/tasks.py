"""Tasks on their way to other processes, and those that a process holds.

A call names its task by a checksum; a process that lacks the task answers so, and is sent it.
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

# Tasks that a process holds with their data, at most so many and, but for the last, of so many bytes. With
# fewer than sweeps that take turns, data are sent again and again; each further one takes the memory of its
# data, in every worker of a machine. Measure by `python scripts/scaling.py`.
HELD_TASKS = 4
HELD_BYTES = 128_000_000


@dataclasses.dataclass(frozen=True)
class PickledTask:
    """A pickled task, as a file or as bytes; equal for equal tasks."""

    digest: str  # SHA-256 of the bytes
    path: str | None = dataclasses.field(default=None, compare=False)  # a file that may hold them
    content: bytes | None = dataclasses.field(default=None, compare=False, repr=False)


class NoTaskError(LookupError):
    """A process lacks a task, and neither the call nor a file brings it whole."""


class LoadError(RuntimeError):
    """A task is whole, but this process cannot load it."""


def to_bytes(thing: object) -> bytes:
    """Pickles a value, with functions of scripts where cloudpickle is installed."""
    dumps: Callable[..., bytes] = pickle.dumps
    cure = (
        "define its functions at the top level of a module, or install cloudpickle (pip install 'jfnn[dask]')"
    )
    with contextlib.suppress(ImportError):
        import cloudpickle

        dumps = cloudpickle.dumps
        cure = "make what its functions refer to where it is used"
    try:
        return dumps(thing, protocol=5)
    except ArgumentError:  # says itself why
        raise
    except Exception as error:  # whatever a user's object raises
        reason = f"cannot send the network to other processes ({error}); {cure}"
        raise ArgumentTypeError("executor", reason) from None


def pickled(task: Task, directory: Path | None) -> PickledTask:
    """Pickles a task, also into a file of a directory that processes may share."""
    content = to_bytes(task)
    path = None if directory is None else str(write_scratch(content, directory))
    return PickledTask(hashlib.sha256(content).hexdigest(), path, content)


class Held:
    """The last tasks of this process, each with its data on the process's first device."""

    def __init__(self, most_tasks: int = HELD_TASKS, most_bytes: int = HELD_BYTES):
        """Holds none yet; a single task may be larger than ``most_bytes``."""
        self.most_tasks = most_tasks
        self.most_bytes = most_bytes
        self._workers: collections.OrderedDict[str, tuple[int, Worker]] = collections.OrderedDict()
        self._in_turn = threading.Lock()  # threads that want one task build it once

    def worker(self, task: PickledTask) -> Worker:
        """The first device of this process, holding a task and its data.

        Raises:
            NoTaskError: The task is not at hand.
            LoadError: It cannot be loaded here.
        """
        with self._in_turn:
            if task.digest not in self._workers:
                content = _content(task)
                self._make_room(len(content))
                self._workers[task.digest] = len(content), Worker(_loaded(content), jax.devices()[0])
            self._workers.move_to_end(task.digest)
            return self._workers[task.digest][1]

    def _make_room(self, size: int) -> None:
        """Gives up the tasks used longest ago, before another takes memory."""
        while self._workers and (
            len(self._workers) >= self.most_tasks
            or size + sum(held for held, _ in self._workers.values()) > self.most_bytes
        ):
            self._workers.popitem(last=False)

    def forget(self) -> None:
        """Gives up all tasks."""
        with self._in_turn:
            self._workers.clear()

    def __len__(self) -> int:
        return len(self._workers)


HELD = Held()


def _content(task: PickledTask) -> bytes:
    """The bytes of a task, from the call or else from the file; raises NoTaskError for none, or others."""
    content = task.content
    if content is None and task.path is not None:
        try:
            content = Path(task.path).read_bytes()
        except OSError as error:  # no such file here, or not for this user: the call can bring it
            raise NoTaskError(str(error)) from None
    if content is None or hashlib.sha256(content).hexdigest() != task.digest:
        raise NoTaskError(task.digest)
    return content


def _loaded(content: bytes) -> Task:
    """A task from its bytes.

    Raises:
        LoadError: A module that it needs is not here, or is another than where it was pickled.
        MemoryError, OSError: The machine cannot hold it.
    """
    try:
        task: Task = pickle.loads(content)
    except (MemoryError, OSError):
        raise
    except ModuleNotFoundError as error:
        cure = "put it where its workers find it (PYTHONPATH; with Dask client.upload_file)"
        raise LoadError(f"the learner needs the module {error.name!r}, which is not there; {cure}") from None
    except ArgumentError as error:
        raise LoadError(error.reason) from None
    except Exception as error:  # whatever a user's module or object raises
        raise LoadError(f"the learner cannot be loaded there: {type(error).__name__}: {error}") from None
    return task
