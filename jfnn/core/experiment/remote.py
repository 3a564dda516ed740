"""Other processes that train the tiles of a sweep, as far as a sweep knows them."""

import abc
import contextlib
from pathlib import Path
from typing import Any

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentTypeError
from jfnn.arguments.cures import Cure, told
from jfnn.core.engine.cohort import Listener
from jfnn.core.store.identity import Description


class ExecutorError(RuntimeError):
    """An executor takes no work, or its workers gave no results.

    Attributes:
        found: What is wrong.
        cure: What to do about it, if anything is known.
    """

    def __init__(self, found: str, cure: Cure | None = None) -> None:
        super().__init__(found, cure)
        self.found = found
        self.cure = cure

    def __str__(self) -> str:
        """All of it in one line."""
        return told(self.found, self.cure)


class Remote(contextlib.AbstractContextManager["Remote"]):
    """Other processes that train the tiles of a sweep, of which each call is a context: `jfnn.Workers`."""

    @abc.abstractmethod
    def environment(self, listener: Listener) -> Description:
        """The "versions" and "backend" that they train with.

        Args:
            listener: Hears for how long no process has answered.

        Raises:
            ValueError: Other ones than they must have.
            ExecutorError: No process answers.
        """

    @abc.abstractmethod
    def make_executor(self, task: Any, directory: Path | None, listener: Listener) -> Any:
        """The executor that trains segments of a task.

        Args:
            task: A `jfnn.extend.Task`.
            directory: The run's, which the processes may share; or None.
            listener: As in `environment`.

        Returns:
            A `jfnn.extend.Executor`.
        """

    @property
    @abc.abstractmethod
    def calls(self) -> Any:
        """How long a segment is to be, a ``CallLength``."""


def as_remote(value: Any, argument: str) -> Remote:
    """Other processes that train."""
    if not isinstance(value, Remote):
        cure = "give jfnn.Workers(executor)"
        raise ArgumentTypeError(argument, "expected jfnn.Workers", got=checks.shown(value), cure=cure)
    return value
