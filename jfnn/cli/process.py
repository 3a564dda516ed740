"""Run a command as a process that ends without a traceback on Ctrl-C or a closed pipe."""

import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

INTERRUPTED = 130  # exit status after Ctrl-C
SOON = 0.05  # seconds until a lost Ctrl-C is sent again, when garbage collection is over


class _Output(io.FileIO):
    """A file that accepts all output, even after its reader has ended, such as ``| head``.

    The command can then still save its results. Any other failure is stored for the end.
    """

    def __init__(self, descriptor: int, failures: list[str]) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.failures = failures

    def write(self, content: Any) -> int:
        """Write bytes, if possible."""
        try:
            return super().write(content)
        except BrokenPipeError:
            pass
        except OSError as error:
            self.failures.append(str(error.strerror))
        return memoryview(content).nbytes


def run(main: Callable[[], int], prog: str) -> int:
    """Run ``main``; return its exit status: 130 after Ctrl-C, 1 if the output could not be written."""
    failures: list[str] = []
    sys.stdout = _lasting(sys.stdout, failures)
    sys.stderr = _lasting(sys.stderr, [])  # its failures cannot be reported anywhere
    if signal.getsignal(signal.SIGINT) in (signal.SIG_DFL, signal.default_int_handler):  # keep SIG_IGN
        signal.signal(signal.SIGINT, _interrupt)
        sys.unraisablehook = _interrupt_again
    try:
        try:
            status = main()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the rest is fast
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        status = INTERRUPTED
    gc.freeze()  # the process ends, so Python need not search all objects for garbage
    sys.stdout.flush()
    if failures:
        print(f"{prog}: error: cannot write the output: {failures[0]}", file=sys.stderr)
        status = 1
    sys.stderr.flush()
    return status


def _lasting(stream: TextIO | None, failures: list[str]) -> TextIO:
    """Wrap a standard stream in an `_Output`; keep one without a file; discard output to a closed one."""
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
    """Stop the command on Ctrl-C; a second one ends the process at once.

    Files are renamed to their final names when complete, so that none is damaged.
    """
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    raise KeyboardInterrupt


def _interrupt_again(ignored: "sys.UnraisableHookArgs") -> None:
    """Send a Ctrl-C again that came during garbage collection, where Python ignores exceptions."""
    if ignored.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(ignored)
        return
    signal.signal(signal.SIGINT, _interrupt)
    threading.Timer(SOON, signal.pthread_kill, (threading.get_ident(), signal.SIGINT)).start()
