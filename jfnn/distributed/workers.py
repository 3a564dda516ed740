"""Other processes that train the tiles of a sweep, through any executor of `concurrent.futures`."""

from pathlib import Path
from types import TracebackType

from jfnn.core.engine.cohort import Listener
from jfnn.core.engine.plan import CallLength
from jfnn.distributed.agreement import agreed_environment
from jfnn.distributed.futures import Futures
from jfnn.distributed.queue import CALLS
from jfnn.distributed.submitter import Submitter
from jfnn.distributed.tasks import HELD
from jfnn.extend import Description, Remote, Task


class Workers(Submitter, Remote):
    """Other processes, near or far, reached through an executor.

    Attributes:
        tries: How often a tile is sent in all, should its worker die or its future break.
        together: Short tiles in one message, at most; with ``tries=1`` each tile travels by itself.
        kind: The kind of device that trains, and so decides the bits; None for that of this process.
        timeout: Seconds without any answer after which all messages on their way count as lost; or None.
    """

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shuts down an executor made here with the outermost call.

        Tasks that threads of this process have held take no memory after a call.
        """
        HELD.forget()
        super().__exit__(kind, error, trace)

    @property
    def calls(self) -> CallLength:
        """See ``Remote``."""
        return CALLS

    def environment(self, listener: Listener) -> Description:
        """See ``Remote``; one of the processes has confirmed it."""
        return agreed_environment(self, listener)

    def make_executor(self, task: Task, directory: Path | None, listener: Listener) -> Futures:
        """See ``Remote``."""
        return Futures(task, self, directory, listener)
