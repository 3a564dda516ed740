"""Trains an η×λ grid of networks on the digits, or on data of your own.

With no arguments it is the grid of the notes (section 4). Prints the scores of
every cell, the best cells and the time taken. The run's directory gets
config.json, results.csv, results.npz, models.npz, heatmap.png, curves.png and
report.html, a random search scatter.png instead of the heat map, --refit also
refit/; with several networks or batch sizes each pair has a directory of its
own in there. Ctrl-C stops a run such that --resume goes on with it.
"""

import contextlib
import dataclasses
import gc
import importlib
import shlex
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import jax

import jfnn
from jfnn.cli import (
    data,
    errors,
    executors,
    files,
    memory,
    options,
    parser,
    printing,
    process,
    progress,
)
from jfnn.cli.data import Problem
from jfnn.cli.flags import Flags
from jfnn.cli.networks import networks as of_flags

Watch = Callable[[Flags, Problem], AbstractContextManager[progress.Show]]


def start(argv: Sequence[str], prog: str = "jfnn grid", command: Sequence[str] = ("jfnn", "grid")) -> int:
    """`main` as a process of its own, which may set up Python and JAX for it."""
    # Imports, traces and figures make many objects and little garbage; looking for it so often takes a while.
    gc.set_threshold(100_000, 50, 50)
    jfnn.keep_programs()
    return main(argv, prog, command)


def main(
    argv: Sequence[str],
    prog: str = "jfnn grid",
    command: Sequence[str] = ("jfnn", "grid"),
    watch: Watch = progress.bar,
) -> int:
    """Runs the words ``argv`` behind ``command``; exits with 2 and one line where that cannot be done.

    ``prog`` is the program's name in messages; ``watch`` gives a function to call with the progress.
    """
    reader = parser.make_parser(prog, __doc__)
    flags = parser.parse(reader, argv)
    try:
        with errors.reported(reader, flags):
            flags = dataclasses.replace(flags, out=files.choose(flags))
            problem, sweeps = run(flags, watch)
        if not flags.quiet:
            print(printing.report(sweeps, problem.n_train, flags.resume))
        written = files.Writer(flags, problem, [*command, *argv]).write(sweeps)
    except OSError as error:
        path = error.filename2 or error.filename or flags.out
        reader.exit(1, f"{prog}: error: --out: cannot write to {path}: {error.strerror or error}\n")
    except RuntimeError as error:
        if not str(error).startswith("executor: "):
            raise
        reader.exit(1, f"{prog}: error: --{errors.advised(str(error), flags)}\n")
    except KeyboardInterrupt:
        words = [*command, *(word for word in argv if word != "--resume")]
        words += [] if "out" in flags.present else ["--out", str(flags.out)]
        reader.exit(process.INTERRUPTED, f"\nstopped; to go on: {shlex.join([*words, '--resume'])}\n")
    if not flags.quiet:
        print(f"wrote {', '.join(written)} to {flags.out}")
    return 0


def run(flags: Flags, watch: Watch) -> tuple[Problem, jfnn.SweepGroups]:
    """Reads the data and trains; raises as `jfnn.sweep` does."""
    jfnn.checks.as_choice(flags.dtype, "dtype", ("float32", "float64"))
    if flags.data is not None:
        memory.check_file(flags.data)
    problem = data.load(flags)
    # What draws takes half a second to import, which a thread can do while XLA compiles.
    threading.Thread(target=importlib.import_module, args=("jfnn.report",)).start()
    with jax.enable_x64(flags.dtype == "float64"):
        return problem, train(flags, problem, watch)


def train(flags: Flags, problem: Problem, watch: Watch) -> jfnn.SweepGroups:
    """The sweeps that the flags describe."""
    with contextlib.suppress(RuntimeError):  # JAX already runs in the program that calls
        jfnn.use_all_cores()
    networks, sizes = of_flags(problem, flags), options.batch_sizes(problem, flags)
    groups = [jfnn.Group(name, size) for name in networks for size in sizes]
    several = groups if len(groups) > 1 else []
    files.check_free([flags.out, *(flags.out / group.directory for group in several)])
    memory.check_run(problem, flags, networks.values(), len(groups))
    with watch(flags, problem) as show, executors.chosen(flags) as workers:
        keywords = vars(options.search_options(problem, flags, show)) | {"executor": workers}
        if several:
            return jfnn.sweep_groups(networks, problem.split, batch_sizes=sizes, **keywords)
        result = jfnn.sweep(networks[groups[0].network], problem.split, **keywords)
        return jfnn.SweepGroups(tuple(groups), (result,), result.refit)
