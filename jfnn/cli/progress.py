"""A run while it goes on: the bar that shows it, and Ctrl-C, which stops it between evaluations."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from jfnn.analysis import summary
from jfnn.cli.flags import Flags
from jfnn.experiment.settings import Progress

Show = Callable[[Progress], None]
Watch = Callable[[Flags, str, bool], AbstractContextManager[Show]]


@contextlib.contextmanager
def bar(flags: Flags, metric: str, higher_is_better: bool) -> Iterator[Show]:
    """A function that shows progress; it shows nothing where there is no terminal, or with --quiet.

    The bar begins anew with each group, and where the best cell is trained again.
    """
    from tqdm import tqdm

    silent = True if flags.quiet else None  # None: unless stderr is a terminal
    with tqdm(unit="epoch", disable=silent, leave=False) as shown:

        def show(now: Progress) -> None:
            best = ""
            if now.best is not None:
                score = summary.number_text(now.best if higher_is_better else -now.best, higher_is_better)
                best = f", best {summary.metric_text(metric)} {score}"
            shown.set_postfix_str(f"{now.training} of {now.members} training{best}", refresh=False)
            if now.epoch < shown.n or shown.total is None:
                shown.reset(now.epochs)
            shown.update(now.epoch - shown.n)

        yield show


@contextlib.contextmanager
def stopping_at_evaluations() -> Iterator[Callable[[], None]]:
    """Makes Ctrl-C wait for the next evaluation, where the run's state is saved; a second one does not wait.

    Gives the function to call there, which raises KeyboardInterrupt if there was a Ctrl-C.
    """
    pressed = threading.Event()

    def stop_if_pressed(*of_signal: Any) -> None:
        if pressed.is_set():
            if callable(before):  # which may do more than raise
                before(*(of_signal or (signal.SIGINT, None)))
            raise KeyboardInterrupt

    def press(*of_signal: Any) -> None:
        stop_if_pressed(*of_signal)
        pressed.set()
        print("\nstopping at the next evaluation; press again to stop at once", file=sys.stderr)

    listens = threading.current_thread() is threading.main_thread()  # else signals are another's
    before = signal.getsignal(signal.SIGINT)
    if listens:
        signal.signal(signal.SIGINT, press)
    try:
        yield stop_if_pressed
    finally:
        if listens:
            signal.signal(signal.SIGINT, before)
