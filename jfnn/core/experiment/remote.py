"""Interface of other processes that train the tiles of a sweep."""

import abc
import contextlib
from pathlib import Path
from typing import Any

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentTypeError, Cure, with_cure
from jfnn.core.engine.cohort import Listener
from jfnn.core.store.identity import Description


class ExecutorError(RuntimeError):
    """An executor accepts no work, or its workers returned no results.

    Attributes:
        found: The problem.
        cure: A remedy, if one is known.
    """

    def __init__(self, found: str, cure: Cure | None = None) -> None:
        super().__init__(found, cure)
        self.found = found
        self.cure = cure

    def __str__(self) -> str:
        """Return the problem and the remedy in one line."""
        return with_cure(self.found, self.cure)


class Remote(contextlib.AbstractContextManager["Remote"]):
    """Other processes that train the tiles of a sweep (`jfnn.Workers`); each call enters the context."""

    @abc.abstractmethod
    def environment(self, listener: Listener) -> Description:
        """Return the "versions" and "backend" that the processes train with.

        Args:
            listener: Notified how long no process has answered.

        Raises:
            ValueError: They differ from the required ones.
            ExecutorError: No process answers.
        """

    @abc.abstractmethod
    def make_executor(self, task: Any, directory: Path | None, listener: Listener) -> Any:
        """Create the executor that trains segments of a task.

        Args:
            task: A `jfnn.extend.Task`.
            directory: The run's directory, which the processes may share; or None.
            listener: As in `environment`.

        Returns:
            A `jfnn.extend.Executor`.
        """

    @property
    @abc.abstractmethod
    def calls(self) -> Any:
        """Required length of segments, a ``CallLength``."""


def as_remote(value: Any, argument: str) -> Remote:
    """Check that a value is a `Remote`."""
    if not isinstance(value, Remote):
        cure = "give jfnn.Workers(executor)"
        raise ArgumentTypeError(argument, "expected jfnn.Workers", got=checks.as_text(value), cure=cure)
    return value
