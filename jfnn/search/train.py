"""One member alone: a sweep of one, and what came of it in a form for one."""

import dataclasses
from typing import Any

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.texts import html_table, name_text
from jfnn.engine import interrupts
from jfnn.experiment.options import Options, TrainOptions
from jfnn.layers.kind import Params
from jfnn.learners.learner import Learner
from jfnn.optimizers import is_axis
from jfnn.search.cells import SHOWN
from jfnn.search.keywords import takes_fields
from jfnn.search.sweep import prepare, train_run, workers_of
from jfnn.targets import Split

# Names that a sweep has for arguments of `train`.
RENAMED = {"x_train": "x", "y_train": "y", "x_test": "test", "y_test": "test", "seeds": "seed"}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class History:
    """How one training run went.

    Scores are attributes too: ``history.train_loss`` is ``history.scores["train_loss"]``.

    Attributes:
        epoch: Epochs done at each evaluation ``[H]``.
        scores: "train_loss", "test_accuracy", …, each ``[H]``: NaN from a divergence on, and for parts
            without rows.
        diverged_at: The epoch, counted from 0, in which the parameters, or the objective that its last step
            started from, were no longer finite; or -1. The parameters returned are those from before that
            epoch.
    """

    epoch: np.ndarray
    scores: dict[str, np.ndarray]
    diverged_at: int

    def __getattr__(self, name: str) -> np.ndarray:
        """A score by its name."""
        scores = self.__dict__.get("scores", {})
        if name not in scores:
            raise AttributeError(f"a history has no {name!r}; its scores are {', '.join(scores)}")
        return np.asarray(scores[name])

    def __repr__(self) -> str:
        """The last scores."""
        last = {name: float(values[-1]) for name, values in self.scores.items() if len(values)}
        return f"<History of {len(self.epoch)} evaluations: {last}, diverged_at {self.diverged_at}>"

    def _repr_html_(self) -> str:
        """The last evaluations as a table, for notebooks; scores of parts without rows are left out."""
        known = {name: values for name, values in self.scores.items() if np.isfinite(values).any()}
        rows = [
            [str(self.epoch[i]), *(f"{values[i]:.4g}" for values in known.values())]
            for i in range(max(0, len(self.epoch) - SHOWN), len(self.epoch))
        ]
        return html_table([["epoch", *map(name_text, known)], *rows])


@takes_fields(TrainOptions)
def train(options: TrainOptions) -> tuple[Params, History]:
    """Trains one member, through the compiled tile of a large grid.

    The parameters have the same bits as that cell's of a grid that fills its tiles, and with a result's
    `execution` those of that result. ``execution=jfnn.Execution(tile=1)`` takes the fastest program for one
    network instead, which may differ in the last bits. Scores are taken after
    each epoch, unless ``eval_every`` says otherwise.

    Returns:
        ``(params, history)``, the history a `History`.

    Raises:
        ValueError, TypeError: As in `jfnn.sweep`; also for sequences where there must be one number.
    """
    _check_single(options)
    with workers_of(options):
        with checks.renamed(**RENAMED):
            run = prepare(_as_sweep(options), options.fold, alone=True)
        with interrupts.deferred():
            result = train_run(run)
    only = (0,) * result.diverged_at.ndim
    scores = {name: values[only] for name, values in result.history.items() if name != "epoch"}
    history = History(result.history["epoch"], scores, int(result.diverged_at[only]))
    return result.member(*only), history


def _as_sweep(options: TrainOptions) -> Options:
    """Options of the sweep that trains the member, with a history of every epoch by default."""
    execution = options.execution
    if execution.keep_params != "all":
        raise ArgumentError("keep_params", "expected 'all', since train gives back the parameters")
    if execution.eval_every is None:
        execution = dataclasses.replace(execution, eval_every=1)
    x_test, y_test = options.test or (None, None)
    split = Split(options.x, options.y, x_test, y_test, options.weights)
    common = options.common() | {"execution": execution}
    return Options(options.network, split, seeds=[options.seed], **common)


def _check_single(options: TrainOptions) -> None:
    values: dict[str, Any] = {"learning_rate": options.learning_rate, "l2": options.l2, **options.hyper}
    learner = options.network
    values |= learner.numbers if isinstance(learner, Learner) else options.optimizer.numbers
    for name, value in values.items():
        if is_axis(value):
            raise ArgumentTypeError(name, "expected one number, got several; use sweep for these")
