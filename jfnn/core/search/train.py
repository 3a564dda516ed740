"""Train one member: a sweep of one, whose result has no axes."""

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentTypeError
from jfnn.core.experiment import doubts
from jfnn.core.experiment.options import Options, TrainOptions
from jfnn.core.search.keywords import takes_fields
from jfnn.core.search.prepare import prepare
from jfnn.core.search.result import SweepResult, as_trained
from jfnn.core.search.sweep import call_context, check_names, train_run
from jfnn.split import Split

# Argument of a sweep -> argument of `train`.
RENAMED = {"x_train": "x", "y_train": "y", "x_test": "test", "y_test": "test", "seeds": "seed"}


@takes_fields(TrainOptions)
def train(options: TrainOptions) -> SweepResult:
    """Train one member, with the compiled tile of a large grid.

    The parameters have the same bits as in the same cell of a grid that fills its tiles or, with a result's
    `execution`, of that result. ``execution=jfnn.Execution(tile=1)`` selects the fastest program for one
    network instead, which may differ in the last bits. Scores are recorded after each epoch by default.

    Returns:
        A `SweepResult` without axes: ``result.params`` are the member's, ``result.test_accuracy`` is one
        number, and ``result.history["train_loss"]`` has one number for each of ``result.evaluations``.

    Raises:
        ValueError, TypeError: As in `jfnn.sweep`; also a sequence where one number is expected.

    Example:
        >>> import jfnn
        >>> split = jfnn.datasets.standardize(jfnn.datasets.digits())
        >>> network = jfnn.mlp((64, 20, 10))
        >>> result = jfnn.train(network, split.x_train, split.y_train, learning_rate=0.1, epochs=20)
        >>> float(result.scores["train_accuracy"]) > 0.9
        True
        >>> result.predict(split.x_test[:3]).shape
        (3,)
    """
    for name in options.several():
        raise ArgumentTypeError(name, "expected one number, got several; use sweep for several")
    with call_context(options):
        with checks.rename_arguments(**RENAMED):
            run = prepare(_as_sweep(options), options.fold, single=True)
            check_names(run)
        doubts.warn([run.experiment.doubts])
        return train_run(run)


def _as_sweep(options: TrainOptions) -> Options:
    """Return the options of a sweep that trains the member, by default with a history of every epoch."""
    execution = options.execution
    if execution.eval_every is None:
        execution = execution.with_changes(eval_every=1)
    x_test, y_test = options.test or (None, None)
    split = Split(options.x, options.y, x_test, y_test, options.weights)
    common = options.common() | {"execution": execution}
    if isinstance(options.initial_params, SweepResult):
        common["initial_params"] = as_trained(options.initial_params)
    return Options(options.network, split, seeds=[options.seed], **common)
