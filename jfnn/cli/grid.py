"""Trains an η×λ grid of networks on the digits, or on your data.

With no arguments it is the grid of the notes (section 4). Prints the scores of
every cell, the best cells and the time taken. The run's directory gets
config.json, results.csv, results.npz, models.npz, heatmap.png, curves.png and
report.html, a random search scatter.png instead of the heat map, --refit also
refit/; of several networks or batch sizes each pair has a directory in there.
Ctrl-C stops a run such that --resume goes on with it.
"""

import dataclasses
import importlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import jfnn
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.cli import data, directories, executors
from jfnn.cli.data import Problem
from jfnn.cli.flags import OPTIONS
from jfnn.cli.grid_flags import GridFlags
from jfnn.cli.grid_output import ADDED, GridRun
from jfnn.cli.networks import networks
from jfnn.experiment.settings import Progress
from jfnn.learners import METRICS
from jfnn.optimizers import is_distribution
from jfnn.search.run_directory import CONFIG, MODELS, RESULTS, TABLE

Show = Callable[[Progress], None]
Watch = Callable[[GridFlags, str, bool], AbstractContextManager[Show]]
EVALUATIONS = 20  # on the way, for the curves
NOT_OPTAX = {
    "self",
    "name",
    "schedule",
    "schedule_epochs",
}  # arguments of `jfnn.Optimizer` that are no optimizer's
EXAMPLES = """\
examples:
  %(prog)s
      the grid of the notes: 7 by 7, 64-50-10, 100 epochs of batches of 100
  %(prog)s --learning-rate 1e-3:1:5 --l2 0,0.1 --seeds 5 --validation 0.2 \\
          --refit
      5 by 2 cells, each averaged over seeds 0 to 4, ranked on rows held out;
      the best is trained again on all training rows, and tested
  %(prog)s --sample 60 --learning-rate 1e-4:1e-1 --l2 1e-4:1 --folds 5 \\
          --optimizer-arg momentum=uniform:0:0.95
      random search: 60 cells, ranked by five-fold cross-validation
  %(prog)s --hidden 50 --hidden 100,50 --batch-size 50,100
      two networks with two batch sizes each, all cells in one list
  %(prog)s --data wine.csv --target class --standardise --folds 5
      data of a file
  %(prog)s --optimizer-arg momentum=0,0.9 --minibatch permutation --halving 3
      momentum as a third axis; cells that fall behind stop early
"""


def run(flags: GridFlags, watch: Watch) -> GridRun:
    """Reads the data and trains; raises as `jfnn.sweep` does."""
    problem = data.load(flags)
    # Drawing takes half a second to import, which a thread can do while XLA compiles.
    threading.Thread(target=importlib.import_module, args=("jfnn.report",)).start()
    metric = flags.rank_by or ("accuracy" if problem.classes else "loss")
    higher = METRICS[metric](jfnn.losses.get(problem.loss)).higher_is_better
    directories.check_free([flags.out], ADDED, (CONFIG, TABLE, RESULTS, MODELS))
    with watch(flags, metric, higher) as show, executors.chosen(flags) as workers:
        by_name = networks(problem, flags)
        network: Any = by_name if len(by_name) > 1 else next(iter(by_name.values()))
        options = keywords(problem, flags)
        options["execution"] = dataclasses.replace(options["execution"], progress=show, executor=workers)
        split = problem.split._replace(names=data.names(problem, flags))
        return GridRun(problem, jfnn.sweep(network, split, **options))


def batch_sizes(problem: Problem, flags: GridFlags) -> list[int | None]:
    """Rows a step: those of the flags, None for all of them; by default 100, of few rows a quarter."""
    sizes = flags.batch_size
    if flags.minibatch == "full" and set(sizes or ["full"]) != {"full"}:
        raise ArgumentError("batch_size", "every step takes all rows with --minibatch full")
    if sizes is None:
        return [None if flags.minibatch == "full" else max(1, min(100, problem.n_train // 4))]
    return [None if isinstance(size, str) else size for size in sizes]


def keywords(problem: Problem, flags: GridFlags) -> dict[str, Any]:
    """Keywords of `jfnn.sweep`, for one executor.

    Raises:
        ValueError, TypeError: Invalid arguments of the optimizer.
    """
    options = {name: getattr(flags, name) for name in OPTIONS if hasattr(flags, name)}
    arguments = dict(flags.optimizer_arg)
    if len(arguments) < len(flags.optimizer_arg):
        raise ArgumentError("optimizer_arg", "expected each argument once")
    for name in NOT_OPTAX & set(arguments):
        raise ArgumentError("optimizer_arg", f"expected arguments of the optimizer, got {name!r}")
    schemes = [
        jfnn.Minibatches(size, flags.minibatch, drop_last=not flags.keep_last)
        for size in batch_sizes(problem, flags)
    ]
    hyper = {"dropout": flags.dropout, "init_scale": None if flags.init_scale == 1 else flags.init_scale}
    axes = {"learning_rate": flags.learning_rate, "l2": flags.l2} | hyper | arguments
    for name, values in axes.items():
        if flags.sample is None and is_distribution(values):
            reason = "a range START:STOP is drawn from with --sample; without, give START:STOP:COUNT"
            raise ArgumentError(name, reason)
    sample = None
    if flags.sample is not None:
        with checks.renamed(cells="sample", seed="sample_seed"):
            sample = jfnn.Sample(flags.sample, flags.sample_seed)
    every = max(1, -(-flags.epochs // EVALUATIONS)) if flags.eval_every is None else flags.eval_every
    return options | {
        "hyper": {name: values for name, values in hyper.items() if values is not None},
        "loss": problem.loss,
        "optimizer": jfnn.Optimizer(
            flags.optimizer, schedule=flags.schedule, schedule_epochs=flags.schedule_epochs, **arguments
        ),
        "batch_size": schemes if len(schemes) > 1 else schemes[0],
        "validation": jfnn.Validation(flags.validation, flags.rank_by),
        "execution": jfnn.Execution(flags.devices, flags.tile, eval_every=every),
        "sample": sample,
    }
