"""The command line of bench.py: what it chooses from, and what was chosen."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import accelerator, first_calls, growth
from benchmarks.comparison import Start
from benchmarks.contenders import CONTENDERS, KIND_CONTENDERS, Contender, available
from benchmarks.kinds import KINDS, KindWorkload
from benchmarks.shapes import SHAPES, Case
from benchmarks.workers import Apart
from benchmarks.workload import Workload
from benchmarks.workloads import WORKLOADS
from jfnn.cli import places
from jfnn.cli.parser import Parser
from jfnn.cli.values import count, place

QUICK_CONTENDERS = ("numpy", "sklearn", "vmap", "jfnn", "floor")
GROWTH, FIRST_CALLS = "growth", "first_calls"
ROUNDS, NOTES_ROUNDS, QUICK_ROUNDS = 3, 7, 2  # most for the notes' grid, whose figures are quoted


class Setup(NamedTuple):
    """What the command line chooses from.

    Attributes:
        start: Makes a contender's worker: each in a process of its own, or, for tests, here.
        workloads: By name.
        contenders: By name.
        scale: Points of the growth curves.
        kinds: Workloads of the other kinds of networks.
        of_kinds: Their contenders, by the same names as the others' where they are the same.
        shapes: Workloads that are no grids, with their contenders.
        first_epochs: Epochs of first calls; None for their own.
        accelerated: Workloads for an accelerator.
    """

    start: Start = Apart
    workloads: Mapping[str, Workload] = WORKLOADS
    contenders: Mapping[str, Contender] = CONTENDERS
    scale: growth.Scale = growth.Scale()
    kinds: Mapping[str, KindWorkload] = KINDS
    of_kinds: Mapping[str, Mapping[str, Contender]] = KIND_CONTENDERS
    shapes: Mapping[str, Mapping[str, Case]] = SHAPES
    first_epochs: int | None = None
    accelerated: Mapping[str, accelerator.Case] = accelerator.CASES

    def trainers(self) -> dict[str, set[str]]:
        """Names of the contenders of each workload, growth curves and first calls included."""
        shapes = {
            name: {contender for case in cases.values() for contender in case.contenders}
            for name, cases in self.shapes.items()
        }
        return {
            **{name: set(self.contenders) for name in self.workloads},
            **{name: set(self.of_kinds[name]) for name in self.kinds},
            **shapes,
            FIRST_CALLS: set(first_calls.CONTENDERS),
            GROWTH: set(self.scale.contenders),
        }

    def contender_names(self) -> list[str]:
        """Names of all contenders, those of the grids first."""
        further = sorted(set().union(*self.trainers().values()) - set(self.contenders))
        return [*self.contenders, *further]


DEFAULTS = Setup()


def read_options(
    arguments: Sequence[str] | None, setup: Setup = DEFAULTS, description: str | None = None
) -> argparse.Namespace:
    """The command line's options with their defaults filled in; ``chosen`` are the contenders of grids."""
    parser = _parser(setup, description)
    options = parser.parse_args(arguments)
    names = options.contenders or (QUICK_CONTENDERS if options.quick else setup.contender_names())
    options.chosen = available([name for name in names if name in setup.contenders], setup.contenders)
    for name in options.contenders or ():
        if name in setup.contenders and name not in options.chosen:
            needs = setup.contenders[name].needs
            parser.error(f"argument --contenders: {name} needs {needs}, not installed")
    if options.accelerator:
        _check_accelerator(parser, options, setup)
    elif options.platform is not None:
        parser.error("argument --platform: goes with --accelerator")
    else:
        _choose(parser, options, setup, names)
    files = (accelerator.FILE,) if options.accelerator else ("growth.csv", "bench.png", "growth.png")
    options.json = options.json or options.out / (accelerator.FILE if options.accelerator else "bench.json")
    try:
        places.check_directory(options.out, "--out", files)
        places.check_directory(options.json.parent, "--json", (options.json.name,))
    except ValueError as error:
        parser.error(str(error))
    return options


def _choose(parser: Parser, options: argparse.Namespace, setup: Setup, names: Sequence[str]) -> None:
    """Fills in the workloads: all that one of the contenders trains, but long ones and, if quick, curves."""
    trainers = setup.trainers()
    for name in options.workload or ():
        if not trainers[name] & set(names):
            known = [contender for contender in setup.contender_names() if contender in trainers[name]]
            ordered = setup.scale.contenders if name == GROWTH else known
            parser.error(f"argument --contenders: {name} measures {', '.join(ordered)}")
    if options.workload is None:
        left_out = {name for name, workload in setup.workloads.items() if workload.long and not options.quick}
        left_out |= {GROWTH} if options.quick else set()
        options.workload = [
            name for name, group in trainers.items() if group & set(names) and name not in left_out
        ]


def _check_accelerator(parser: Parser, options: argparse.Namespace, setup: Setup) -> None:
    if options.contenders is not None:
        parser.error("argument --contenders: --accelerator measures jfnn alone")
    options.workload = options.workload or list(setup.accelerated)
    others = [name for name in options.workload if name not in setup.accelerated]
    if others:
        known = ", ".join(setup.accelerated)
        parser.error(f"argument --workload: --accelerator measures {known}, got {others[0]!r}")


def _parser(setup: Setup, description: str | None) -> Parser:
    parser = Parser(description=description)
    names = list(setup.trainers())
    long = ", ".join(name for name, workload in setup.workloads.items() if workload.long)
    workloads = f"of {', '.join(names)}; default: all but {long} (--quick: all but {GROWTH})"
    contenders = f"of {', '.join(setup.contender_names())}; default: all whose packages are installed"
    rounds = f"warm runs of each; default: {ROUNDS}, the notes' grid {NOTES_ROUNDS}"
    quick = f"less than a tenth of the work, {QUICK_ROUNDS} rounds"
    speed = f"jfnn alone, bits and times of {', '.join(setup.accelerated)} in several processes"
    platform = "the platform to measure on, as JAX names it; default: any but cpu"
    choices = {"--workload": names, "--contenders": setup.contender_names()}
    for flag, help in (("--workload", workloads), ("--contenders", contenders)):
        parser.add_argument(flag, nargs="+", choices=choices[flag], metavar="NAME", help=help)
    parser.add_argument("--rounds", type=count(1), help=rounds)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--accelerator", action="store_true", help=speed)
    parser.add_argument("--platform", metavar="NAME", help=platform)
    parser.add_argument(
        "--json", type=place, metavar="FILE", help="default: bench.json, or accelerator.json, in --out"
    )
    parser.add_argument("--out", type=place, default=Path("runs/bench"), help="default: runs/bench")
    return parser
