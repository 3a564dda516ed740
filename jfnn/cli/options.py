"""Flags as the library's options: networks, rows a step, and what a sweep takes."""

from collections.abc import Callable

import jfnn
from jfnn import checks
from jfnn.checks import ArgumentError
from jfnn.cli.data import Problem
from jfnn.cli.flags import Flags
from jfnn.experiment.options import SearchOptions

EVALUATIONS = 20  # on the way, for the curves
OWN = {"self", "name", "schedule", "schedule_epochs"}  # arguments of `jfnn.Optimizer` that are no optimizer's


def batch_sizes(problem: Problem, flags: Flags) -> list[int | None]:
    """Rows a step: those of the flags, None for all of them; by default 100, of few rows a quarter."""
    sizes = flags.batch_size
    if flags.minibatch == "full" and set(sizes or ["full"]) != {"full"}:
        raise ArgumentError("batch_size", "every step takes all rows with --minibatch full")
    if sizes is None:
        return [None if flags.minibatch == "full" else max(1, min(100, problem.n_train // 4))]
    return [None if isinstance(size, str) else size for size in sizes]


def search_options(
    problem: Problem, flags: Flags, progress: Callable[[jfnn.Progress], None]
) -> SearchOptions:
    """Options of every sweep; ``batch_size`` is that of the first.

    Raises:
        ValueError, TypeError: What cannot be; the message begins with an argument's name.
    """
    arguments = dict(flags.optimizer_arg)
    for name in arguments:
        if [given for given, _ in flags.optimizer_arg].count(name) > 1:
            raise ArgumentError("optimizer_arg", f"expected each argument once, got {name!r} several times")
    for name in OWN & set(arguments):
        raise ArgumentError("optimizer_arg", f"expected arguments of the optimizer, got {name!r}")
    size = batch_sizes(problem, flags)[0]
    seed = checks.as_count(flags.sample_seed, "sample_seed", 0, None)
    hyper = {"dropout": flags.dropout, "init_scale": None if flags.init_scale == 1 else flags.init_scale}
    every = max(1, -(-flags.epochs // EVALUATIONS)) if flags.eval_every is None else flags.eval_every
    return SearchOptions(
        learning_rate=flags.learning_rate,
        l2=flags.l2,
        hyper={name: values for name, values in hyper.items() if values is not None},
        loss=problem.loss,
        reduction=flags.reduction,
        optimizer=jfnn.Optimizer(
            flags.optimizer, schedule=flags.schedule, schedule_epochs=flags.schedule_epochs, **arguments
        ),
        gradient=flags.gradient,
        epochs=flags.epochs,
        batch_size=jfnn.Minibatches(size, flags.minibatch, drop_last=not flags.keep_last),
        validation=jfnn.Validation(flags.validation, flags.rank_by),
        schedulers=flags.schedulers,
        execution=jfnn.Execution(flags.devices, flags.tile, eval_every=every, progress=progress),
        out=flags.out,
        resume=flags.resume,
        seeds=flags.seeds,
        folds=flags.folds,
        refit=flags.refit,
        sample=None if flags.sample is None else jfnn.Sample(flags.sample, seed),
    )
