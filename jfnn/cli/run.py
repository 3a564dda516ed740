"""``jfnn grid`` from its arguments to its exit status: sweep options, training, one-line errors."""

import contextlib
import dataclasses
import gc
import importlib
import itertools
import os
import shlex
import sys
import textwrap
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax

import jfnn
from jfnn.analysis import description
from jfnn.arguments.checks import ArgumentError, with_cure
from jfnn.arguments.texts import metric_text
from jfnn.cli import data, directories, executors, output, process
from jfnn.cli.data import LoadedData
from jfnn.cli.flags import Flags
from jfnn.cli.output import ADDED
from jfnn.cli.parser import DECLARED, as_flags, flag_name, make_parser, parse, warnings_in_lines
from jfnn.core.engine.cohort import Progress
from jfnn.core.experiment.options import Options
from jfnn.core.experiment.progress import ProgressBar
from jfnn.core.experiment.remote import ExecutorError
from jfnn.core.search.result import SweepResult
from jfnn.core.store.files import CorruptFileError, directory_lock
from jfnn.learners import METRICS
from jfnn.minibatches import AUTO
from jfnn.optimizers import is_distribution
from jfnn.playground.epochs import spaced_epochs
from jfnn.schedulers import SCHEDULERS

DESCRIPTION = """\
Trains an η×λ grid of networks on the digits, or on your data.

Without --data it is the grid of the notes: sigmoid units, unscaled normal
initialization, and an objective summed over the rows of a step. With your data
or other networks, the defaults are ReLU, scaled initialization, and a mean.
Prints the scores over η and λ and the best cells, and writes tables, networks,
figures and report.html into the run's directory. After Ctrl-C, --resume
continues the run.
"""
EXAMPLES = """\
examples:
  %(prog)s --learning-rate 1e-3:1:5 --l2 0,0.1 --seeds 5 --validation 0.2 \\
          --refit
      5 by 2 cells, each averaged over seeds 0 to 4, ranked on held-out rows;
      the best is trained again on all training rows, and tested
  %(prog)s --cells 60 --learning-rate 1e-4:1e-1 --l2 1e-4:1 --folds 5 \\
          --optimizer-arg momentum=uniform:0:0.95
      random search: 60 cells, ranked by five-fold cross-validation
  %(prog)s --data wine.csv --target class --standardize --folds 5
      data from a file
"""
PROG = "jfnn grid"
Show = Callable[[Progress], None]
Watch = Callable[[Flags, str, bool], AbstractContextManager[Show]]
OPTIONS = {field.name for field in dataclasses.fields(Options) if field.kw_only}
# Arguments of `jfnn.Optimizer` that are not arguments of an optax optimizer.
NOT_OPTAX = {"self", "name", "schedule", "schedule_epochs"}
EVALUATIONS = 20  # number of evaluations during training, for the curves


def bar(flags: Flags, metric: str, higher_is_better: bool) -> AbstractContextManager[Show]:
    """Return a function that shows progress in a terminal; it shows nothing with --quiet.

    The bar restarts with each program, and with the refit of the best cell.
    """
    silent = True if flags.quiet else None  # None: silent unless stderr is a terminal
    return contextlib.closing(ProgressBar(metric_text(metric), higher_is_better, silent))


def start(argv: Sequence[str]) -> int:
    """Run `main` in a process of its own, with Python and JAX set up for it."""
    # Imports, traces and figures make many objects and little garbage, and collecting it takes long.
    gc.set_threshold(100_000, 50, 50)
    with contextlib.suppress(RuntimeError):  # JAX is already running in the calling program
        jfnn.use_all_cores()
    return main(argv)


def main(argv: Sequence[str], watch: Watch = bar) -> int:
    """Run ``jfnn grid`` with these arguments; if they are invalid, print one line and exit with status 2.

    ``watch`` returns a context manager that gives the function to call with the progress.
    """
    parser = make_parser(PROG, DESCRIPTION, EXAMPLES)
    flags = parse(parser, argv)
    try:
        try:
            flags = dataclasses.replace(flags, out=directories.choose_directory(flags))
            goes_on = flags.resume and directories.holds_run(flags.out)
            with jax.enable_x64(flags.dtype == "float64"), warnings_in_lines(PROG):
                problem, result = train(flags, watch)
        except (ArgumentError, CorruptFileError) as error:
            line = _line(error, flags)
            if line is None:
                raise
            parser.error(line)
        result = output.with_rmse(result, problem)
        if not flags.quiet:
            took = textwrap.fill(timing(result, goes_on), output.WIDTH)
            print(output.report(result), took, sep="\n")
        # Another process may have started on this run in the meantime.
        with warnings_in_lines(PROG), directory_lock(flags.out, waits=True):
            written = output.write(flags, problem, result, [*PROG.split(), *argv])
    except OSError as error:
        path = error.filename2 or error.filename or flags.out
        parser.exit(1, f"{PROG}: error: --out: cannot write to {path}: {error.strerror or error}\n")
    except ExecutorError as error:
        parser.exit(1, f"{PROG}: error: --{with_cure(error.found, error.cure, as_flags)}\n")
    except KeyboardInterrupt:
        words = [*PROG.split(), *(word for word in argv if word != "--resume")]
        words += [] if "out" in flags.present else ["--out", str(flags.out)]
        parser.exit(process.INTERRUPTED, f"\nstopped; to continue: {shlex.join([*words, '--resume'])}\n")
    if not flags.quiet:
        line = f"wrote {', '.join(written)} to {flags.out}"
        print(textwrap.fill(line, output.WIDTH, break_long_words=False, break_on_hyphens=False))
    return 0


def _line(error: ArgumentError | CorruptFileError, flags: Flags) -> str | None:
    """Return an error prefixed by the flag at fault; None if no flag sets its argument."""
    if isinstance(error, CorruptFileError):
        return f"--out: {error}"
    reason = with_cure(error.found, error.cure, as_flags)
    if name := _flag_at_fault(error, flags):
        return f"{name}: {reason}"
    if os.path.lexists(error.argument) and Path(error.argument).is_relative_to(flags.out):
        return f"--out: {error.argument}: {reason}"
    return None


def _flag_at_fault(error: ArgumentError, flags: Flags) -> str | None:
    """Return the flag that sets the argument of an error, or the argument's invalid item."""
    arguments = [name for name, _ in flags.optimizer_arg]
    if error.argument in arguments:
        return f"--optimizer-arg {error.argument}"
    if isinstance(error.item, str) and error.item in arguments:
        return "--optimizer-arg"
    for name, kind in SCHEDULERS.items():
        if type(error.item) is kind:
            return flag_name(name)
    for argument in (f"{error.argument}_{error.item}", error.argument):
        for name, declared in DECLARED.items():
            if argument == name or argument in declared["sets"]:
                return flag_name(name)
    return None


def timing(result: SweepResult, resumed: bool) -> str:
    """Return a line with the wall time of a sweep, or of its last session if ``resumed``."""
    count = result.diverged_at.size
    config = result.runs[-1].config  # earlier programs may have run on other devices
    parts = {"compile": result.timing["compile"], "run": result.timing["run"]}
    if result.refit is not None:
        parts["again"] = sum(result.refit.timing.values())
    what = f"in {len(result.runs)} programs" if result.runs[0].key else description.network_sizes(result)
    devices = config["device"]["count"]
    platform = config["backend"]["platform"]
    unit = ("core" if platform == "cpu" else "device") + "s" * (devices > 1)
    where = f"{devices} {platform} {unit}" if devices else f"on workers, {platform}"
    return (
        f"{count} network{'s' * (count > 1)} {what} in {sum(parts.values()):.1f} s"
        f"{' of the last session' if resumed else ''}:"
        f" {', '.join(f'{part} {seconds:.1f} s' for part, seconds in parts.items())}"
        f" ({where}, {config['settings']['dtype']})"
    )


def train(flags: Flags, watch: Watch) -> tuple[LoadedData, SweepResult]:
    """Read the data and train; raise as `jfnn.sweep` does."""
    problem = data.load(flags)
    # A thread imports plotting, which takes half a second, while XLA compiles. After a Ctrl-C during an
    # import the thread may wait for a lock forever, so it is a daemon.
    threading.Thread(target=importlib.import_module, args=("jfnn.report",), daemon=True).start()
    metric = flags.rank_by or ("accuracy" if problem.classes else "loss")
    higher = METRICS[metric](jfnn.losses.get(problem.loss)).higher_is_better
    directories.check_free(flags.out, ADDED)
    if flags.resume and not flags.quiet and not directories.holds_run(flags.out):
        print(f"nothing to resume in {flags.out}: starting a new run", file=sys.stderr)
    with watch(flags, metric, higher) as show, executors.workers_of(flags) as workers:
        by_name = networks(problem, flags)
        network = by_name if len(by_name) > 1 else next(iter(by_name.values()))
        options = keywords(problem, flags)
        options["execution"] = options["execution"].with_changes(progress=show, executor=workers)
        return problem, jfnn.sweep(network, problem.split, **options)


def networks(problem: LoadedData, flags: Flags) -> dict[str, jfnn.Network]:
    """Return networks by name: "100-50-relu", "cnn-8-16-relu", "gru-6", or "none" without hidden layers."""
    firsts: dict[str, tuple[Any, ...]] = {"mlp": ((),), "cnn": flags.channels, "rnn": flags.units}
    dense = flags.hidden or (((50,),) if flags.network == "mlp" else ((),))
    activations = flags.activation or ("tanh" if flags.network == "rnn" else "relu",)
    made = {}
    for first, hidden, activation in itertools.product(firsts[flags.network], dense, activations):
        options: dict[str, Any] = {"activation": activation}
        options |= {} if flags.init is None else {"init": flags.init}
        layers = ["dense", *hidden] if hidden else []
        if flags.network == "mlp":
            words = [*hidden, activation] if hidden else ["none"]
            network = jfnn.mlp((*problem.shape, *hidden, problem.outputs), **options)
        elif flags.network == "cnn":
            words = ["cnn", *first, *layers, activation]
            options |= {"pool": flags.pool, "hidden": hidden}
            network = jfnn.cnn(problem.shape, first, problem.outputs, **options)
        else:
            gated = flags.cell == "gru" and not hidden  # gated units have their own activations
            words = [flags.cell, first, *layers, *([] if gated else [activation])]
            network = jfnn.rnn(problem.shape, first, problem.outputs, flags.cell, hidden=hidden, **options)
        made["-".join(map(str, words))] = network
    return made


def batch_sizes(flags: Flags) -> list[int | str | None]:
    """Return the rows per step from the flags, None for all, or the library's default."""
    sizes = flags.batch_size
    if flags.minibatch == "full" and set(sizes or ["full"]) != {"full"}:
        raise ArgumentError("batch_size", "with --minibatch full every step uses all rows")
    if sizes is None:
        return [None if flags.minibatch == "full" else AUTO]
    return [None if isinstance(size, str) else size for size in sizes]


def optimizer(flags: Flags) -> jfnn.Optimizer:
    """Return the optimizer with its arguments and schedule."""
    arguments = dict(flags.optimizer_arg)
    if len(arguments) < len(flags.optimizer_arg):
        raise ArgumentError("optimizer_arg", "expected each argument once")
    for name in NOT_OPTAX & set(arguments):
        raise ArgumentError("optimizer_arg", f"expected arguments of the optimizer, got {name!r}")
    return jfnn.Optimizer(flags.optimizer, schedule=flags.schedule, **arguments)


def keywords(problem: LoadedData, flags: Flags) -> dict[str, Any]:
    """Return the keywords of `jfnn.sweep`, without the executor."""
    sizes = [jfnn.Minibatches(size, flags.minibatch) for size in batch_sizes(flags)]
    hyper = {"l1": flags.l1, "dropout": flags.dropout}
    axes = {"learning_rate": flags.learning_rate, "l2": flags.l2} | hyper | dict(flags.optimizer_arg)
    for name, values in axes.items():
        if flags.cells is None and is_distribution(values):
            reason = "a range START:STOP needs --cells, which draws from it; otherwise give START:STOP:COUNT"
            raise ArgumentError(name, reason)
    schedulers: list[jfnn.Scheduler] = [] if flags.halving is None else [jfnn.Halving(flags.halving)]
    schedulers += [] if flags.early_stopping is None else [jfnn.EarlyStopping(flags.early_stopping)]
    execution = jfnn.Execution(eval_every=max(1, -(-flags.epochs // EVALUATIONS)), keep_params="all")
    if flags.play and flags.epochs > 0:  # the playground shows these epochs
        execution = jfnn.Execution(eval_every=spaced_epochs(flags.epochs), keep_params="evaluations")
    return {name: value for name, value in vars(flags).items() if name in OPTIONS} | {
        "hyper": {name: values for name, values in hyper.items() if values is not None},
        "loss": problem.loss,
        "optimizer": optimizer(flags),
        "batch_size": sizes if len(sizes) > 1 else sizes[0],
        "validation": jfnn.Validation(flags.validation, flags.rank_by),
        "schedulers": schedulers,
        "execution": execution,
    }
