"""``jfnn workers --check``: show a cluster's workers, and whether they train as this process does."""

import collections
import contextlib
import hashlib
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

import jfnn
from jfnn.arguments.checks import ArgumentError
from jfnn.cli.executors import client_of
from jfnn.cli.output import WIDTH
from jfnn.cli.parser import Parser
from jfnn.core.store.identity import Description, device_kind_in
from jfnn.distributed import calls

DESCRIPTION = """\
Describes every worker of a Dask cluster and lets it train a small grid, to find
problems before a long run. Prints one line for identical workers of a host:
their processor or device, the versions and a checksum of the source, a checksum
of the results, and how they differ from this process. A run refuses workers
that differ.
"""
EXAMPLES = """\
examples:
  %(prog)s --check tcp://head:8786
  %(prog)s --check tcp://head:8786 --kind "gpu NVIDIA H100 80GB HBM3"
      the workers that `jfnn grid --worker-kind` with this kind would use
"""
SECONDS = 120.0  # time limit for all answers
SHOWN = 8  # characters shown of a checksum


class Found(NamedTuple):
    """A worker's environment and what it trained."""

    host: str
    environment: Description
    trained: str  # checksum of the trained grid


def examine() -> Found:
    """Describe this process and train a small grid on it."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 5)).astype(np.float32)
    split = jfnn.Split(x, rng.integers(0, 3, 64))
    result = jfnn.sweep(
        jfnn.mlp((5, 8, 3)), split, learning_rate=[0.01, 0.1], seeds=2, epochs=5, batch_size=16, execution=1
    )
    leaves = [*jax.tree.leaves(result.params), *result.scores.values()]
    trained = hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in leaves)).hexdigest()
    return Found(calls.process_here().partition(" ")[0], calls.environment_here(), trained)


def start(argv: Sequence[str]) -> int:
    """Run ``jfnn workers`` with these words; return 1 unless workers joined, and all answer and match."""
    parser = Parser(prog="jfnn workers", description=DESCRIPTION, epilog=EXAMPLES)
    parser.add_argument("--check", metavar="ADDRESS", required=True, help="address of the scheduler")
    parser.add_argument("--kind", metavar="KIND", help="device to train on (default: that of this process)")
    flags = parser.parse_args(argv)
    try:
        with client_of(flags.check, "check") as client:
            found, silent = _examine_all(client)
    except ArgumentError as error:
        parser.error(f"--{error}")
    expected = calls.environment_of(flags.kind)
    here = examine()
    lines, equal = report(found, here, expected)
    print("\n".join([*lines, *(f"{address}: {reason}" for address, reason in silent.items())]))
    count = len(found) + len(silent)
    print(f"a run from here would accept {equal} of {count} workers")
    return 0 if equal == count > 0 else 1


def _examine_all(client: Any) -> tuple[list[Found], dict[str, str]]:
    """Examine every worker of a cluster; also return address -> reason for workers without an answer."""
    import distributed

    addresses = [*client.scheduler_info(n_workers=-1)["workers"]]
    print(f"{len(addresses)} workers have joined; each trains a small grid", file=sys.stderr)
    futures = {
        address: client.submit(examine, workers=[address], pure=False, retries=0) for address in addresses
    }
    with contextlib.suppress(TimeoutError):
        distributed.wait([*futures.values()], timeout=SECONDS)  # type: ignore[no-untyped-call]
    found: list[Found] = []
    silent: dict[str, str] = {}
    for address, future in futures.items():
        if future.status == "finished":
            found.append(future.result())
        elif future.status == "error":
            silent[address] = repr(future.exception())
        else:
            silent[address] = f"no answer within {SECONDS:g} s; it may be busy"
    return found, silent


def report(found: Iterable[Found], here: Found, expected: Description) -> tuple[list[str], int]:
    """Return lines on the workers and this process, and the number of workers that a run accepts."""
    kinds: collections.Counter[tuple[str, str, str, str]] = collections.Counter()
    equal = 0
    for one in found:
        differing = calls.unlike(one.environment, expected)
        of_one_kind = device_kind_in(one.environment) == device_kind_in(here.environment)
        if of_one_kind and one.trained != here.trained:
            differing = differing or "its results have other bits on the same kind of device"
        equal += not differing
        kinds[one.host, device_kind_in(one.environment), _packages(one), differing] += 1
    lines = ["here", *_lines(device_kind_in(here.environment), _packages(here))]
    for (host, kind, packages, differing), count in sorted(kinds.items()):
        verdict = f"differs: {differing}" if differing else "as expected"
        lines += [f"{host}, {count} worker{'s' * (count > 1)}", *_lines(kind, packages, verdict)]
    return lines, equal


def _lines(*texts: str) -> list[str]:
    return [textwrap.indent(textwrap.fill(text, WIDTH - 4), "    ") for text in texts]


def _packages(one: Found) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in one.environment["versions"].items())
    source = one.environment["source"]
    return f"{versions}; source {source if ' ' in source else source[:SHOWN]}, bits {one.trained[:SHOWN]}"
