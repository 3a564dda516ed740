"""The bar that shows the progress of a run."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

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
