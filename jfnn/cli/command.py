"""A subcommand, from its words to its exit status: what `grid` and `transfer` share."""

import contextlib
import dataclasses
import gc
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax

import jfnn
from jfnn.analysis import description, summary
from jfnn.arguments.checks import ArgumentError
from jfnn.cli import places, process
from jfnn.cli.flags import Flags
from jfnn.cli.parser import flag_name, make_parser, parse
from jfnn.experiment.settings import Progress, ProgressBar
from jfnn.experiment.workers import ExecutorError
from jfnn.schedulers import SCHEDULERS
from jfnn.search.groups import SweepGroups
from jfnn.store import files
from jfnn.store.files import CorruptFileError

# Advice in errors of the library, as the command line has it.
ADVICE = {
    "resume=True": "--resume",
    "encode=True": "--encode",
    "impute=True": "--impute",
    "batch_size=None": "--batch-size full",
}
Show = Callable[[Progress], None]
Watch = Callable[[Flags, str, bool], AbstractContextManager[Show]]


@contextlib.contextmanager
def bar(flags: Flags, metric: str, higher_is_better: bool) -> Iterator[Show]:
    """A function that shows progress; it shows nothing where there is no terminal, or with --quiet.

    The bar begins anew with each group, and where the best cell is trained again.
    """
    silent = True if flags.quiet else None  # None: unless stderr is a terminal
    shown = ProgressBar(summary.metric_text(metric), higher_is_better, silent)
    try:
        yield shown
    finally:
        shown.close()


@dataclasses.dataclass(frozen=True)
class Command:
    """A subcommand of ``jfnn``: its help, its flags, and its three parts."""

    name: str
    description: str
    examples: str
    flags: type[Flags]
    run: Callable[[Any, Watch], Any]  # (flags, watch) -> result, with all sweeps as ``sweeps``
    report: Callable[[Any, Any], str]  # (flags, result) -> text, printed
    # (flags, result, command line) -> names of the files written into the directory of --out
    write: Callable[[Any, Any, Sequence[str]], Sequence[str]]

    def start(self, argv: Sequence[str], *names: Any) -> int:
        """`main` as a process of its own, which may set up Python and JAX for it."""
        # Imports, traces and figures make many objects and little garbage, and looking for it takes long.
        gc.set_threshold(100_000, 50, 50)
        jfnn.keep_programs()
        with contextlib.suppress(RuntimeError):  # JAX already runs in the program that calls
            jfnn.use_all_cores()
        return self.main(argv, *names)

    def main(
        self,
        argv: Sequence[str],
        prog: str | None = None,
        command: Sequence[str] | None = None,
        watch: Watch = bar,
    ) -> int:
        """Runs the words ``argv``; exits with 2 and one line for invalid ones.

        Args:
            argv: Words behind the command.
            prog: Name of the program in messages; None for "jfnn" and the command's name.
            command: Words that start the program; None for these.
            watch: Makes the function that is called with the progress.
        """
        command = command or ("jfnn", self.name)
        prog = prog or f"jfnn {self.name}"
        parser = make_parser(self.flags, prog, self.description, self.examples)
        flags = parse(self.flags, parser, argv)
        try:
            try:
                flags = dataclasses.replace(flags, out=places.choose_directory(flags))
                with jax.enable_x64(flags.dtype == "float64"):
                    result = self.run(flags, watch)
            except (ArgumentError, CorruptFileError) as error:
                if (line := _line(error, flags)) is None:
                    raise
                parser.error(line)
            if not flags.quiet:
                print(self.report(flags, result), timing(result.sweeps, flags.resume), sep="\n")
            with files.lock(flags.out, waits=True):  # another process may have asked for the run meanwhile
                written = self.write(flags, result, [*command, *argv])
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


def _line(error: ArgumentError | CorruptFileError, flags: Flags) -> str | None:
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


def _flag_at_fault(error: ArgumentError, flags: Flags) -> str | None:
    """The flag that sets the argument of an error, or the invalid item of it."""
    own = [name for name, _ in getattr(flags, "optimizer_arg", ())]
    if error.argument in own:
        return f"--optimizer-arg {error.argument}"
    if isinstance(error.item, str) and error.item in own:
        return "--optimizer-arg"
    for name, kind in SCHEDULERS.items():
        if type(error.item) is kind:
            return flag_name(name)
    for argument in (f"{error.argument}_{error.item}", error.argument):
        for field in dataclasses.fields(flags):
            if argument == field.name or argument in field.metadata.get("sets", ()):
                return flag_name(field.name)
    return None


def timing(sweeps: SweepGroups, resumed: bool) -> str:
    """The wall time of sweeps in its parts, and what it was spent on.

    ``resumed`` says that it may be that of a run's last part alone.
    """
    results, refit = sweeps.results, sweeps.refit
    compiling, running = (sum(result.timing[part] for result in results) for part in ("compile", "run"))
    again = 0.0 if refit is None else sum(refit.timing.values())
    count, config = sum(result.diverged_at.size for result in results), results[0].config
    network = description.sizes(config["settings"]["learner"]["network"])
    what = f"in {len(results)} groups" if len(results) > 1 else network
    devices, platform = config["device"]["count"], config["backend"]["platform"]
    unit = ("core" if platform == "cpu" else "device") + "s" * (devices > 1)
    where = f"{devices} {platform} {unit}" if devices else f"on workers, {platform}"
    return (
        f"{count} network{'s' * (count > 1)} {what} in {compiling + running + again:.1f} s"
        f"{' of the last session' if resumed else ''}: compile {compiling:.1f} s, run {running:.1f} s"
        f"{'' if refit is None else f', again {again:.1f} s'}"
        f" ({where}, {config['settings']['dtype']})"
    )
