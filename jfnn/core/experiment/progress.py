"""A progress bar of epochs."""

import threading
from collections.abc import Callable
from typing import Any

from jfnn.arguments.checks import ArgumentTypeError
from jfnn.arguments.texts import number_text
from jfnn.core.engine.cohort import Listener, Progress

SECONDS_TO_DRAW = 0.5  # between redraws of an idle bar
DRAWING = "drawing of a progress bar"  # name of the thread that draws


class ProgressBar(Listener):
    """A bar of epochs on one line (in notebooks a widget), removed at the end; called with a `Progress`.

    It appears when a call begins, shows what is compiling and for which of several programs, advances with
    every call of a tile, which may end in any thread, and is redrawn twice a second in between. It restarts
    for each program and for a refit.

    Args:
        metric: Name of the metric that ranks, shown before the best score.
        higher_is_better: Direction of that metric.
        silent: Whether to show nothing; None to show only in a terminal or a notebook.
    """

    def __init__(self, metric: str = "", higher_is_better: bool | None = None, silent: bool | None = False):
        self.metric = metric
        self.higher_is_better = higher_is_better
        self.silent = silent
        self._run = ""
        self._bar: Any = None
        self._closed = threading.Event()
        self._drawing: threading.Thread | None = None

    def begin(self, epochs: int, number: int = 1, runs: int = 1) -> None:
        """Show that a run, one of several, begins to draw initial parameters, for which JAX may compile."""
        self._run = f"program {number} of {runs} " if runs > 1 else ""
        self._ensure_bar(epochs).set_description_str(f"{self._run}initializing ")

    def compiling(self, done: int, programs: int) -> None:
        """Show that a run compiles and, if it is the only one, how many of its programs are compiled."""
        if self._bar is not None:
            parts = "" if self._run else f", {done} of {programs} programs"
            self._bar.set_description_str(f"{self._run}compiling{parts} ")

    def training(self, epoch: int, epochs: int) -> None:
        """Show that a run trains, from an epoch on."""
        bar = self._ensure_bar(epochs)
        bar.set_description_str(self._run, refresh=False)
        bar.reset(epochs)  # estimate the remaining time from training alone
        bar.update(epoch)

    def waiting(self, seconds: float | None) -> None:
        """Show how long no worker has answered; None once one has."""
        if self._bar is not None:
            silent = "" if seconds is None else f"no answer for {seconds:.0f} s "
            self._bar.set_description_str(f"{self._run}{silent}")

    def add(self, epochs: float) -> None:
        """Advance the bar by epochs of all members, or part of an epoch."""
        if self._bar is not None:
            self._bar.update(epochs)

    def __call__(self, now: Progress) -> None:
        """Show the state of a run."""
        bar = self._ensure_bar(now.epochs)
        best = ""
        if now.best is not None:
            higher = now.best >= 0 if self.higher_is_better is None else self.higher_is_better
            score = number_text(now.best if higher else -now.best, higher)
            best = ", best " + f"{self.metric} {score}".lstrip()
        bar.set_postfix_str(f"{now.training} of {now.members} training{best}", refresh=False)
        bar.n = now.epoch  # `add` does not count the remaining epochs of members that have ended
        bar.update(0)
        if now.epoch >= now.epochs or not now.training:
            self.close()

    def _ensure_bar(self, epochs: int) -> Any:
        """Return the bar, creating it if there is none."""
        from tqdm.auto import tqdm

        if self._bar is None:
            text = "{desc}{percentage:3.0f}%|{bar}| {n:.0f}/{total} epochs [{elapsed}<{remaining}{postfix}]"
            self._bar = tqdm(total=epochs, disable=self.silent, leave=False, bar_format=text)
            self._closed.clear()
            self._drawing = threading.Thread(target=self._draw, args=(self._bar,), daemon=True, name=DRAWING)
            self._drawing.start()
        return self._bar

    def _draw(self, bar: Any) -> None:
        """Redraw a bar until it is closed."""
        while not self._closed.wait(SECONDS_TO_DRAW):
            bar.refresh()

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._closed.set()
            if self._drawing is not None:
                self._drawing.join()
            self._bar.close()
            self._bar = None


def as_progress(value: object, argument: str) -> Callable[[Progress], None] | None:
    """Return a function of a `Progress`: the given one, a bar for True; None for False or None."""
    if isinstance(value, bool):
        return ProgressBar() if value else None
    if value is not None and not callable(value):
        raise ArgumentTypeError(argument, f"expected a function, got {type(value).__name__}")
    function: Callable[[Progress], None] | None = value
    return function
