"""The bench for machines with an accelerator, on a CPU: bits, times, tables, refusals."""

import contextlib
import dataclasses
import io
import json
import subprocess
import sys

import bench
import pytest
from benchmarks import accelerator, workloads
from benchmarks.accelerator import Measured
from benchmarks.contenders import CASES, Case
from benchmarks.workers import ContenderError, Here

from jfnn.numerics import compiling

pytestmark = [pytest.mark.thorough, pytest.mark.unoptimised]

JFNN = CASES["iris_seeds"]["iris_seeds"].contenders["jfnn"]
SMALL = dataclasses.replace(workloads.IRIS, title="small", seeds=2, epochs=1)


def run(arguments, out, start=Here):
    """The script in this process: exit status, printed text, errors."""
    cases = {"iris_seeds": {"small": Case(SMALL, {"jfnn": JFNN})}}
    printed = io.StringIO()
    errors = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        status = bench.main(["--accelerator", *arguments, "--out", str(out)], cases, start)
    return status, printed.getvalue(), errors.getvalue()


def test_two_processes_with_each_set_of_options_are_compared(tmp_path):
    status, printed, errors = run(["--platform", "cpu", "--rounds", "2"], tmp_path)
    figures = json.loads((tmp_path / accelerator.FILE).read_text())
    assert status == 0 and not errors
    assert {"versions", "devices"} <= set(figures["environment"]) and figures["failed"] == {}
    small = figures["workloads"]["small"]
    assert small["title"] == "small"
    assert small["as set"]["options"] == dict(compiling.CPU_OPTIONS) and small["none"]["options"] == {}
    for name in accelerator.SETS:
        assert small[name]["equal_bits"] is True
        assert [len(digests) for digests in small[name]["digests"]] == [3, 3]
        assert len(small[name]["seconds"]) == 4 and min(small[name]["seconds"]) > 0
    line = next(line for line in printed.splitlines() if line.startswith("| small |"))
    assert line.count("equal") == 2
    assert compiling.compiler_options("cpu") == small["as set"]["options"]  # set again after runs without


@pytest.mark.slow
def test_the_command_runs_in_processes_of_its_own(tmp_path):
    command = [sys.executable, "scripts/bench.py", "--accelerator", "--platform", "cpu", "--quick"]
    command += ["--workload", "iris_seeds", "rbm", "--rounds", "1", "--out", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    figures = json.loads((tmp_path / accelerator.FILE).read_text())
    bits = {name: workload["as set"]["equal_bits"] for name, workload in figures["workloads"].items()}
    assert bits == {"iris_seeds": True, "rbm": True}


class Scripted:
    """A worker whose measurements are given."""

    def __init__(self, measurements):
        self.measurements = measurements

    def call(self, function, *_):
        if function is not accelerator.measure:
            return ["cuda:0 NVIDIA H100"]
        measured = next(self.measurements)
        if isinstance(measured, ContenderError):
            raise measured
        return measured

    def close(self):
        pass


@pytest.mark.parametrize(
    ("digests", "status", "bits"),
    [("aaaa", 0, ("equal", "equal")), ("abaa", 0, ("equal", "DIFFER")), ("aaba", 1, ("DIFFER", "equal"))],
)
def test_bits_that_differ_under_the_options_as_set_are_an_error(tmp_path, digests, status, bits):
    times = [[9.0, 1.0, 3.0], [9.0, 2.0, 2.0], [7.0, 5.0, 3.0], [9.0, 4.0, 4.0]]
    given = [Measured({}, seconds, [digest] * 3) for seconds, digest in zip(times, digests, strict=True)]
    worker = Scripted(iter(given))
    actual, printed, _ = run(["--rounds", "2"], tmp_path, start=lambda _: worker)
    row = next(line for line in printed.splitlines() if line.startswith("| small"))
    # In turns: the first and third process are under the options as set.
    assert row == f"| small | {bits[0]} | 3 s | 1–5 | 5 s | {bits[1]} | 3 s | 2–4 | 6 s |"
    assert actual == status and "Options as set: none." in printed
