"""Trains an η×λ grid of networks on the digits, or on data of your own.

With no arguments it is the grid of the notes (section 4). Prints the scores of
every cell, the best cells and the time taken. The run's directory gets
config.json, results.csv, results.npz, models.npz, heatmap.png, curves.png and
report.html, a random search scatter.png instead of the heat map, --refit also
refit/; with several networks or batch sizes each pair has a directory of its
own in there. Ctrl-C stops a run such that --resume goes on with it.
"""

import argparse
import contextlib
import gc
import importlib
import inspect
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import jax

import jfnn
from jfnn import checks
from jfnn.analysis import summary
from jfnn.cli import cache, data, files, flags, memory, printing
from jfnn.engine import devices as device_choice

INTERRUPTED = 130
# Scores are taken so many times on the way, for the curves.
POINTS = 20


def main(argv: list[str] | None = None) -> int:
    """Runs the command line ``argv``; exits with 2 and one line on stderr where it asks the impossible."""
    argv = sys.argv[1:] if argv is None else argv
    parser = flags.make_parser(__doc__)
    args = flags.parse(parser, argv)
    try:
        problem, found = learn(parser, args)
        if not args.quiet:
            print(printing.report(found, problem, args.resume))
        written = files.write(found, args, problem, argv)
    except BrokenPipeError:  # what is printed, not what is saved
        raise
    except OSError as error:
        parser.exit(1, f"{parser.prog}: error: --out: {files.unwritable(args.out, error)}\n")
    except KeyboardInterrupt:
        parser.exit(INTERRUPTED, f"\nstopped; to go on: {resuming(argv, args.out)}\n")
    if not args.quiet:
        print(f"wrote {', '.join(written)} to {args.out}")
    return 0


def learn(parser: flags.Parser, args: argparse.Namespace) -> tuple[data.Problem, jfnn.SweepGroups]:
    """Reads the data and trains; exits where the flags ask the impossible."""
    try:
        args.out = files.choose(args)
        problem = data.load(args)
        # What draws takes half a second to import, which a thread can do while XLA compiles.
        threading.Thread(target=importlib.import_module, args=("jfnn.report",)).start()
        with jax.enable_x64(args.dtype == "float64"):
            return problem, train(args, problem)
    except (ValueError, TypeError) as error:
        message = flags.in_terms_of_flags(str(error), args)
        if message is None:
            raise
        parser.error(message)


def train(args: argparse.Namespace, problem: data.Problem) -> jfnn.SweepGroups:
    """The sweeps that the flags describe; raises as `jfnn.sweep` does."""
    checks.as_choice(args.dtype, "dtype", ("float32", "float64"))
    with contextlib.suppress(RuntimeError):  # JAX already runs in the program that calls
        jfnn.use_all_cores()
    networks, sizes = data.networks(problem, args), data.batch_sizes(problem, args)
    n_groups = len(networks) * len(sizes)
    devices = len(set(device_choice.resolve(args.devices)))
    memory.check_run(problem, args, list(networks.values()), n_groups, devices)
    wanted = inspect.signature(jfnn.sweep).parameters
    options = {name: value for name, value in vars(args).items() if name in wanted} | {
        "loss": args.loss or ("cross_entropy" if problem.classes else "quadratic"),
        "weights": problem.weights,
        "segment": max(1, -(-args.epochs // POINTS)) if args.segment is None else args.segment,
    }
    by_loss = problem.classes is None
    with stopping_between_segments() as stopped, progress_bar(args, by_loss) as show:

        def progress(now):
            show(now)
            if stopped():
                raise KeyboardInterrupt

        options |= {"history": True, "progress": progress}
        if n_groups > 1:
            return jfnn.sweep_groups(networks, problem.split, **options | {"batch_size": sizes})
        (name,), (size,) = networks, sizes
        result = jfnn.sweep(networks[name], problem.split, **options | {"batch_size": size})
        return jfnn.SweepGroups((jfnn.Group(name, size),), (result,), result.refit)


@contextlib.contextmanager
def progress_bar(args: argparse.Namespace, by_loss: bool) -> Iterator[Callable]:
    """Gives a function that shows progress; it shows nothing where there is no terminal, or with --quiet.

    The bar begins anew with each group, and where the best cell is trained again.
    """
    from tqdm import tqdm

    silent = True if args.quiet else None  # None: unless stderr is a terminal
    with tqdm(total=max(args.epochs, 0), unit="epoch", disable=silent, leave=False) as bar:

        def show(now):
            best = ""
            if now.best is not None:  # higher is better: of a loss it is the negative
                best = f", best loss {summary.compact(-now.best, 3)}" if by_loss else f", best {now.best:.3f}"
            bar.set_postfix_str(f"{now.training} of {now.members} training{best}", refresh=False)
            if now.epoch < bar.n:
                bar.reset(now.epochs)
            bar.update(now.epoch - bar.n)

        yield show


@contextlib.contextmanager
def stopping_between_segments() -> Iterator[Callable[[], bool]]:
    """Makes Ctrl-C wait for the end of a segment, where the run's state is saved; a second one does not wait.

    Gives a function that says whether there was one.
    """
    asked: list[bool] = []

    def ask(*_):
        if asked:
            raise KeyboardInterrupt
        asked.append(True)
        print("\nstopping at the end of this segment; press again to stop at once", file=sys.stderr)

    try:
        before = signal.signal(signal.SIGINT, ask)
    except ValueError:  # not the main thread: signals are another's
        yield lambda: False
        return
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)


def resuming(argv: list[str], out: Path | None) -> str:
    """The command that goes on with a run."""
    words = [word for word in argv if word != "--resume"]
    named = out is None or any(word.partition("=")[0] == "--out" for word in words)
    return shlex.join(
        ["python", os.path.relpath(__file__), *words, *([] if named else ["--out", str(out)]), "--resume"]
    )


if __name__ == "__main__":
    # Imports, traces and figures make many objects and little garbage; looking for it so often takes a while.
    gc.set_threshold(100_000, 50, 50)
    cache.keep_compiled()
    sys.exit(main())
