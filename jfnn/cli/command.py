"""``jfnn grid`` from its words to its exit status."""

import contextlib
import dataclasses
import gc
import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax

import jfnn
from jfnn.analysis import description, summary
from jfnn.arguments.checks import ArgumentError
from jfnn.cli import directories, grid, grid_output, process
from jfnn.cli.grid import Show, Watch
from jfnn.cli.grid_flags import GridFlags
from jfnn.cli.parser import flag_name, make_parser, parse
from jfnn.experiment.settings import ProgressBar
from jfnn.experiment.workers import ExecutorError
from jfnn.schedulers import SCHEDULERS
from jfnn.search.result import SweepResult
from jfnn.store import files
from jfnn.store.files import CorruptFileError

# Advice in errors of the library, as the command line has it.
ADVICE = {
    "resume=True": "--resume",
    "encode=True": "--encode",
    "impute=True": "--impute",
    "batch_size=None": "--batch-size full",
}


@contextlib.contextmanager
def bar(flags: GridFlags, metric: str, higher_is_better: bool) -> Iterator[Show]:
    """A function that shows progress; it shows nothing where there is no terminal, or with --quiet.

    The bar begins anew with each program, and where the best cell is trained again.
    """
    silent = True if flags.quiet else None  # None: unless stderr is a terminal
    shown = ProgressBar(summary.metric_text(metric), higher_is_better, silent)
    try:
        yield shown
    finally:
        shown.close()


def start(argv: Sequence[str], *names: Any) -> int:
    """`main` as a separate process, which may set up Python and JAX for it."""
    # Imports, traces and figures make many objects and little garbage, and looking for it takes long.
    gc.set_threshold(100_000, 50, 50)
    jfnn.keep_programs()
    with contextlib.suppress(RuntimeError):  # JAX already runs in the program that calls
        jfnn.use_all_cores()
    return main(argv, *names)


def main(
    argv: Sequence[str],
    prog: str = "jfnn grid",
    command: Sequence[str] = ("jfnn", "grid"),
    watch: Watch = bar,
) -> int:
    """Runs the words ``argv``; exits with 2 and one line for invalid ones.

    Args:
        argv: Words behind the command.
        prog: Name of the program in messages.
        command: Words that start the program.
        watch: Makes the function that is called with the progress.
    """
    parser = make_parser(GridFlags, prog, grid.__doc__ or "", grid.EXAMPLES)
    flags = parse(GridFlags, parser, argv)
    try:
        try:
            flags = dataclasses.replace(flags, out=directories.choose_directory(flags))
            with jax.enable_x64(flags.dtype == "float64"):
                outcome = grid.run(flags, watch)
        except (ArgumentError, CorruptFileError) as error:
            line = _line(error, flags)
            if line is None:
                raise
            parser.error(line)
        if not flags.quiet:
            print(grid_output.report(outcome), timing(outcome.result, flags.resume), sep="\n")
        with files.lock(flags.out, waits=True):  # another process may have asked for the run meanwhile
            written = grid_output.write(flags, outcome, [*command, *argv])
    except OSError as error:
        path = error.filename2 or error.filename or flags.out
        parser.exit(1, f"{prog}: error: --out: cannot write to {path}: {error.strerror or error}\n")
    except ExecutorError as error:
        parser.exit(1, f"{prog}: error: --{_advised(str(error))}\n")
    except KeyboardInterrupt:
        words = [*command, *(word for word in argv if word != "--resume")]
        words += [] if "out" in flags.present else ["--out", str(flags.out)]
        parser.exit(process.INTERRUPTED, f"\nstopped; to go on: {shlex.join([*words, '--resume'])}\n")
    if not flags.quiet:
        print(f"wrote {', '.join(written)} to {flags.out}")
    return 0


def _line(error: ArgumentError | CorruptFileError, flags: GridFlags) -> str | None:
    """An error behind the flag at fault; None where no flag sets its argument."""
    if isinstance(error, ArgumentError) and (name := _flag_at_fault(error, flags)):
        return _advised(f"{name}: {error.reason}")
    names_file = isinstance(error, CorruptFileError) or (
        os.path.lexists(error.argument) and Path(error.argument).is_relative_to(flags.out)
    )
    return _advised(f"--out: {error}") if names_file else None


def _advised(message: str) -> str:
    for advice, words in ADVICE.items():
        message = message.replace(advice, words)
    return message


def _flag_at_fault(error: ArgumentError, flags: GridFlags) -> str | None:
    """The flag that sets the argument of an error, or the invalid item of it."""
    arguments = [name for name, _ in flags.optimizer_arg]
    if error.argument in arguments:
        return f"--optimizer-arg {error.argument}"
    if isinstance(error.item, str) and error.item in arguments:
        return "--optimizer-arg"
    for name, kind in SCHEDULERS.items():
        if type(error.item) is kind:
            return flag_name(name)
    for argument in (f"{error.argument}_{error.item}", error.argument):
        for field in dataclasses.fields(flags):
            if argument == field.name or argument in field.metadata.get("sets", ()):
                return flag_name(field.name)
    return None


def timing(result: SweepResult, resumed: bool) -> str:
    """The wall time of a sweep in its parts, and what it was spent on.

    ``resumed`` says that it may be that of a run's last part only.
    """
    count = result.diverged_at.size
    config = result.config
    compiling = result.timing["compile"]
    running = result.timing["run"]
    again = 0.0 if result.refit is None else sum(result.refit.timing.values())
    what = f"in {len(result.programs)} programs" if result.programs else description.network_sizes(result)
    devices = config["device"]["count"]
    platform = config["backend"]["platform"]
    unit = ("core" if platform == "cpu" else "device") + "s" * (devices > 1)
    where = f"{devices} {platform} {unit}" if devices else f"on workers, {platform}"
    return (
        f"{count} network{'s' * (count > 1)} {what} in {compiling + running + again:.1f} s"
        f"{' of the last session' if resumed else ''}: compile {compiling:.1f} s, run {running:.1f} s"
        f"{'' if result.refit is None else f', again {again:.1f} s'}"
        f" ({where}, {config['settings']['dtype']})"
    )
