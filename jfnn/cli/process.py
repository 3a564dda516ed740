"""A command as a process of its own, which neither Ctrl-C nor a closed pipe ends with a traceback."""

import _thread
import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

INTERRUPTED = 130
SOON = 0.05  # seconds, when the garbage collection is over


class _Stream(io.FileIO):
    """A file that takes all output, also when its reader has gone, as behind ``| head``.

    The command then goes on to save its results. Any other error is kept for the end.
    """

    failure: OSError | None = None

    def write(self, content: Any) -> int:
        """Writes bytes, as far as they can be."""
        try:
            return super().write(content)
        except OSError as error:
            if not isinstance(error, BrokenPipeError):
                self.failure = error
            return memoryview(content).nbytes


class _Interrupts:
    """A handler of Ctrl-C that stops the command, and pressed again meanwhile ends the process at once.

    Files take their place when they are complete, so none is spoilt.
    """

    stopping = False

    def __call__(self, *_: Any) -> None:
        """Is called by the signal."""
        if self.stopping:
            os._exit(INTERRUPTED)
        self.stopping = True
        raise KeyboardInterrupt

    def unraisable(self, ignored: Any) -> None:
        """Raises an interrupt again that came amid garbage collection, where Python ignores exceptions."""
        if ignored.exc_type is not KeyboardInterrupt:
            sys.__unraisablehook__(ignored)
            return
        self.stopping = False
        threading.Timer(SOON, _thread.interrupt_main).start()


def run(main: Callable[[], int], prog: str) -> int:
    """The exit status of a command: 130 when Ctrl-C has stopped it, 1 when its words could not be printed.

    Args:
        main: Runs it.
        prog: Its name in messages.
    """
    streams = [_replaced(name) for name in ("stdout", "stderr")]
    if signal.getsignal(signal.SIGINT) in (signal.SIG_DFL, signal.default_int_handler):  # else it is ignored
        interrupts = _Interrupts()
        signal.signal(signal.SIGINT, interrupts)
        sys.unraisablehook = interrupts.unraisable
    try:
        try:
            status = main()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the rest takes no time
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        status = INTERRUPTED
    gc.freeze()  # the process ends: Python need not search all objects for garbage once more
    return _flushed(streams, prog) or status


def _replaced(name: str) -> _Stream | None:
    """Puts a `_Stream` in the place of one of Python's; nothing is printed to one that is closed."""
    before = getattr(sys, name)
    if before is None:
        setattr(sys, name, io.StringIO())
        return None
    try:
        stream = _Stream(before.fileno(), "w", closefd=False)
    except (AttributeError, OSError, ValueError):
        return None
    before.flush()
    text = io.TextIOWrapper(
        io.BufferedWriter(stream), before.encoding, "backslashreplace", line_buffering=before.isatty()
    )
    setattr(sys, name, text)
    return stream


def _flushed(streams: Sequence[_Stream | None], prog: str) -> int:
    """1 if the output could not be written, which then is said, else 0."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    failure = streams[0] and streams[0].failure
    if failure:
        print(f"{prog}: error: cannot write the output: {failure.strerror}", file=sys.stderr, flush=True)
    return int(bool(failure))
