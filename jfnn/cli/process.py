"""A command that is all that its process does: neither Ctrl-C nor a closed pipe ends it with a traceback."""

import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

INTERRUPTED = 130  # the status of a command that Ctrl-C has stopped
SOON = 0.05  # seconds until an ignored Ctrl-C is sent again; the garbage collection that lost it must be over


class _Output(io.FileIO):
    """A file that takes all output, also when its reader has gone, as behind ``| head``.

    The command then goes on to save its results. Any other failure is kept for the end.
    """

    def __init__(self, descriptor: int, failures: list[str]) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.failures = failures

    def write(self, content: Any) -> int:
        """Writes bytes, as far as they can be."""
        try:
            return super().write(content)
        except BrokenPipeError:
            pass
        except OSError as error:
            self.failures.append(str(error.strerror))
        return memoryview(content).nbytes


def run(main: Callable[[], int], prog: str) -> int:
    """The exit status of a command: 130 when Ctrl-C has stopped it, 1 when its words could not be printed.

    ``main`` runs it, ``prog`` names it in messages.
    """
    failures: list[str] = []
    sys.stdout = _lasting(sys.stdout, failures)
    sys.stderr = _lasting(sys.stderr, [])  # nowhere is left to tell them
    if signal.getsignal(signal.SIGINT) in (signal.SIG_DFL, signal.default_int_handler):  # else it is ignored
        signal.signal(signal.SIGINT, _interrupt)
        sys.unraisablehook = _interrupt_again
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
    sys.stdout.flush()
    if failures:
        print(f"{prog}: error: cannot write the output: {failures[0]}", file=sys.stderr)
        status = 1
    sys.stderr.flush()
    return status


def _lasting(stream: TextIO | None, failures: list[str]) -> TextIO:
    """A standard stream through an `_Output`; of a closed one nothing is kept.

    A stream without a file, such as `io.StringIO`, stays as it is.
    """
    if stream is None:
        return open(os.devnull, "w")
    stream.flush()
    try:
        descriptor = stream.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return stream
    output = io.BufferedWriter(_Output(descriptor, failures))
    return io.TextIOWrapper(
        output, stream.encoding, "backslashreplace", line_buffering=bool(stream.line_buffering)
    )


def _interrupt(*_: object) -> None:
    """Stops the command at a Ctrl-C; a second one ends the process at once.

    Files get their names when they are complete, so none is spoilt.
    """
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    raise KeyboardInterrupt


def _interrupt_again(ignored: "sys.UnraisableHookArgs") -> None:
    """Sends a Ctrl-C again that came amid garbage collection, where Python ignores exceptions."""
    if ignored.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(ignored)
        return
    signal.signal(signal.SIGINT, _interrupt)
    threading.Timer(SOON, signal.pthread_kill, (threading.get_ident(), signal.SIGINT)).start()
