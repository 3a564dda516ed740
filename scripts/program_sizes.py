"""Record the sizes of compiled training programs, to detect unintended growth.

For five workloads of `scripts/bench.py` whose members sample their own initial weights and minibatches, count
the operations that JAX passes to XLA, the instructions that XLA makes of them, and the kernels: those
instructions that XLA runs one by one. They are counted outside all loops, in the outermost loops, in the
loops within them, and so on; a loop counts once, however often it iterates. In the workload xor, an epoch is
one step: its outermost loop is the step, and three more kernels in it cost a seventh of the time.

The script prints a table and writes tests/data/program_sizes.json; --check writes nothing and exits with 1 if
the file would change. Sizes depend on the versions and the kind of processor that the file names, but not on
the number of cores or the features of an x86 processor.
"""

import inspect
import json
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import jax
from benchmarks.jfnn_sweep import problem
from benchmarks.report import markdown
from benchmarks.workload import Workload
from benchmarks.workloads import GRIDS, KINDS, ODE
from console import Parser, run

from jfnn.core.engine import loop
from jfnn.core.engine.executors import Threads
from jfnn.core.engine.trainer import Trainer
from jfnn.core.experiment.options import Options
from jfnn.core.search.prepare import prepare
from jfnn.numerics.compiling import compiled, compiler_options
from jfnn.numerics.machine import versions

FILE = Path(__file__).parents[1] / "tests" / "data" / "program_sizes.json"
WORKLOADS: Mapping[str, Workload] = {
    "notes": GRIDS["notes"],
    "xor": GRIDS["xor"],
    "cnn": KINDS["cnn"],
    "gru": KINDS["gru"],
    "ode": ODE,
}
COMPUTATION = re.compile(r"(ENTRY )?%(\S+) .*\{$")
INSTRUCTION = re.compile(r"\s*(?:ROOT )?%\S+ = .+? ([a-z][a-z0-9-]*)\((.*)")
# Attributes of a loop, call or conditional that name the computations it runs.
RUN = re.compile(r"(?:body|condition|to_apply|\w+_computations?)=(?:%([^\s,]+)|\{([^}]*)\})")
# Instructions that only name memory.
NAMING = ("parameter", "constant", "tuple", "get-tuple-element", "bitcast", "opt-barrier")
ENCLOSING = ("while", "call", "conditional")
OPERATION = re.compile(r"^ .*\bstablehlo\.", re.MULTILINE)

Sizes = dict[str, int | list[int]]


def made_by() -> dict[str, str]:
    """Return the versions and the processor on which the sizes depend."""
    packages = {name: versions()[name] for name in ("jax", "jaxlib", "optax")}
    return packages | {"processor": f"{jax.default_backend()} {platform.machine()}"}


def sizes(workload: Workload) -> Sizes:
    """Return operations, instructions and kernels of a workload's training program."""
    program = lowered(workload)
    text = program.compile().as_text()
    instructions = sum(INSTRUCTION.match(line) is not None for line in text.splitlines())
    operations = len(OPERATION.findall(program.as_text()))
    return {"operations": operations, "instructions": instructions, "kernels": kernels(text)}


def lowered(workload: Workload) -> Any:
    """Return the program that trains a tile, before XLA compiles it (`jax.stages.Lowered`)."""
    learner, split, options = problem(workload)
    prepared = prepare(Options(learner, split, **options))
    device = prepared.threads[0]
    trainer = Trainer(prepared.experiment, [device], prepared.layout)
    worker = cast(Threads, trainer.executor).workers[device]
    flags = compiler_options(device.platform, worker.program.learner.loops)
    function: Any = compiled(inspect.unwrap(worker.program.advance), device.platform, options=flags)
    programs = []

    def advance(members: object, *others: object) -> tuple[object, None]:
        programs.append(function.lower(members, *others))
        return members, None

    lanes = worker.program.lanes
    worker.program = cast(Any, SimpleNamespace(advance=advance, lanes=lanes, score=lambda *_: {}))
    loop.first_state(trainer)
    [program] = programs
    return program


def kernels(text: str) -> list[int]:
    """Count the kernels in the text of a compiled program, by loop depth."""
    computations: dict[str, list[tuple[str, str]]] = {}
    entry = ""
    for line in text.splitlines():
        if begins := COMPUTATION.match(line):
            name = begins[2]
            computations[name] = []
            entry = name if begins[1] else entry
        elif instruction := INSTRUCTION.match(line):
            computations[name].append((instruction[1], instruction[2]))
    counts: list[int] = []

    def count(name: str, depth: int) -> None:
        counts.extend([0] * (depth + 1 - len(counts)))
        for opcode, rest in computations[name]:
            if opcode in ENCLOSING:
                for one, several in RUN.findall(rest):
                    for called in [one] if one else several.replace("%", "").split(", "):
                        count(called, depth + (opcode == "while"))
            else:
                counts[depth] += opcode not in NAMING

    count(entry, 0)
    return counts


def table(programs: Mapping[str, Sizes]) -> str:
    """Return a Markdown table of sizes by workload."""
    rows = [("", "operations", "instructions", "kernels, by the depth of loops")]
    for name, found in programs.items():
        by_depth = " / ".join(map(str, cast(list[int], found["kernels"])))
        rows.append((name, str(found["operations"]), str(found["instructions"]), by_depth))
    return markdown(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and write the sizes."""
    parser = Parser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if sizes differ")
    options = parser.parse_args(arguments)
    programs = {name: sizes(workload) for name, workload in WORKLOADS.items()}
    print(table(programs))
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(found)}" for name, found in programs.items())
    text = f'{{\n "made_by": {json.dumps(made_by())},\n "programs": {{\n{lines}\n }}\n}}\n'
    if options.check:
        return int(FILE.read_text() != text)
    FILE.write_text(text)
    return 0


if __name__ == "__main__":
    run(main)
