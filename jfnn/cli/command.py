"""A subcommand, from its words to its exit status: what `grid` and `transfer` share."""

import contextlib
import dataclasses
import gc
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax

import jfnn
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.cli import errors, places, process, progress
from jfnn.cli.flags import DTYPES, Flags
from jfnn.cli.parser import Parser, make_parser, parse
from jfnn.experiment.workers import ExecutorError
from jfnn.store.files import CorruptFileError


@dataclasses.dataclass(frozen=True)
class Command:
    """A subcommand of ``jfnn``.

    Attributes:
        name: Its name.
        description: The beginning of its help.
        examples: The end of its help.
        flags: The class that declares its flags.
        run: ``(flags, watch) -> result``: trains.
        report: ``(flags, result) -> text``, printed.
        write: ``(flags, result, command line) -> names`` of all files written, in the directory of --out.
    """

    name: str
    description: str
    examples: str
    flags: type[Flags]
    run: Callable[[Any, progress.Watch], Any]
    report: Callable[[Any, Any], str]
    write: Callable[[Any, Any, Sequence[str]], Sequence[str]]

    def start(self, argv: Sequence[str], *names: Any) -> int:
        """`main` as a process of its own, which may set up Python and JAX for it."""
        # Imports, traces and figures make many objects and little garbage, and looking for it takes long.
        gc.set_threshold(100_000, 50, 50)
        jfnn.keep_programs()
        return self.main(argv, *names)

    def main(
        self,
        argv: Sequence[str],
        prog: str | None = None,
        command: Sequence[str] | None = None,
        watch: progress.Watch = progress.bar,
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
            with _reported(parser, flags):
                flags = dataclasses.replace(flags, out=places.choose(flags))
                checks.as_choice(flags.dtype, "dtype", DTYPES)
                with jax.enable_x64(flags.dtype == "float64"):
                    result = self.run(flags, watch)
            if not flags.quiet:
                print(self.report(flags, result))
            written = self.write(flags, result, [*command, *argv])
        except OSError as error:
            path = error.filename2 or error.filename or flags.out
            parser.exit(1, f"{prog}: error: --out: cannot write to {path}: {error.strerror or error}\n")
        except ExecutorError as error:
            parser.exit(1, f"{prog}: error: --{errors.advised(str(error), flags)}\n")
        except KeyboardInterrupt:
            words = [*command, *(word for word in argv if word != "--resume")]
            words += [] if "out" in flags.present else ["--out", str(flags.out)]
            parser.exit(process.INTERRUPTED, f"\nstopped; to go on: {shlex.join([*words, '--resume'])}\n")
        if not flags.quiet:
            print(f"wrote {', '.join(written)} to {flags.out}")
        return 0


@contextlib.contextmanager
def _reported(parser: Parser, flags: Flags) -> Iterator[None]:
    """Exits with 2 and one line for invalid arguments, and for files of runs that cannot be used."""
    try:
        yield
    except (ArgumentError, CorruptFileError) as error:
        line = errors.line(error, flags)
        if line is None:
            raise
        parser.error(line)


@contextlib.contextmanager
def training(
    watch: progress.Watch, flags: Flags, metric: str, higher_is_better: bool
) -> Iterator[progress.Show]:
    """Prepares JAX to train; gives the function to call with the progress."""
    with contextlib.suppress(RuntimeError):  # JAX already runs in the program that calls
        jfnn.use_all_cores()
    with watch(flags, metric, higher_is_better) as show:
        yield show
