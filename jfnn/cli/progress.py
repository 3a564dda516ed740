"""The bar that shows the progress of a run."""

import contextlib
from collections.abc import Callable, Iterator

import jfnn
from jfnn.analysis import summary
from jfnn.cli.data import Problem
from jfnn.cli.flags import Flags
from jfnn.learners import METRICS

Show = Callable[[jfnn.Progress], None]


@contextlib.contextmanager
def bar(flags: Flags, problem: Problem) -> Iterator[Show]:
    """A function that shows progress; it shows nothing where there is no terminal, or with --quiet.

    The bar begins anew with each group, and where the best cell is trained again.
    """
    from tqdm import tqdm

    metric = flags.rank_by or ("accuracy" if problem.classes else "loss")
    make = METRICS.get(metric)  # an unknown name is refused by the sweep
    higher = make is not None and make(jfnn.losses.get(problem.loss)).higher_is_better
    silent = True if flags.quiet else None  # None: unless stderr is a terminal
    with tqdm(total=max(flags.epochs, 0), unit="epoch", disable=silent, leave=False) as shown:

        def show(now: jfnn.Progress) -> None:
            best = ""
            if now.best is not None:
                score = summary.number_text(now.best if higher else -now.best, higher)
                best = f", best {summary.metric_text(metric)} {score}"
            shown.set_postfix_str(f"{now.training} of {now.members} training{best}", refresh=False)
            if now.epoch < shown.n:
                shown.reset(now.epochs)
            shown.update(now.epoch - shown.n)

        yield show
