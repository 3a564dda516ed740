"""The benchmark, on networks that take no time: figures, verdicts, processes, and the files it writes."""

import contextlib
import copy
import dataclasses
import functools
import io
import json
import multiprocessing
import os

import bench
import numpy as np
import pytest
from benchmarks import (
    comparison,
    first_calls,
    growth,
    report,
    workers,
)
from benchmarks.contenders import CASES, GRID, Case, matmul
from benchmarks.workers import Apart, ContenderError, Here, Run
from benchmarks.workload import Outcome
from benchmarks.workloads import GRIDS, NOTES
from test_contenders import SMALL

pytestmark = [pytest.mark.thorough, pytest.mark.unoptimized]

FLOP = 1e9  # of one run of the floor
FLOOR = GRID["floor"]._replace(prepare=functools.partial(matmul, size=64))


class Clock:
    """Workers whose runs take given times: ``{title: [seconds of each run]}``."""

    def __init__(self, times, trained=1.0):
        self.times = {title: iter(seconds) for title, seconds in times.items()}
        self.trained = trained

    def __call__(self, contender):
        worker = copy.copy(self)
        worker.title = contender.title
        return worker

    def call(self, function, *arguments):
        if function is workers.prepare:
            self.workload = arguments[1]
        return self.run() if function is workers.run else None

    def run(self):
        seconds = next(self.times[self.title])
        trained = Outcome(np.ones(self.workload.shape), self.trained)
        return Run(seconds, seconds, 7.0, Outcome(None, flop=FLOP) if self.title == FLOOR.title else trained)

    def close(self):
        pass


def compare(times, workload=NOTES, trained=1.0):
    contenders = {name: GRID[name] for name in times}
    clock = Clock({contenders[name].title: seconds for name, seconds in times.items()}, trained)
    rounds = len(next(iter(times.values()))) - 1
    return comparison.compare(Case(workload, contenders, rounds=rounds), clock)


def test_medians_are_scaled_from_a_part_to_the_whole_and_marked():
    figures = compare({"numpy": [9, 1, 5, 2], "vmap": [9, 1, 5, 2]}, GRIDS["seeds"])
    part, whole = (figures.measurements[name] for name in ("numpy", "vmap"))
    assert (whole.median, whole.seconds, whole.extra_first_s) == (2, [1, 5, 2], 7)
    assert (part.median, part.seconds, part.extra_first_s) == (20, [10, 50, 20], 7)
    assert "49 of 490, scaled" in report.table(figures)


def test_share_of_the_floor_counts_what_was_trained():
    seconds = FLOP / NOTES.flop()  # the floor comes out as one second
    figures = compare({"jfnn": [4, 4], "floor": [seconds, seconds]}, trained=0.5)
    assert figures.measurements["floor"].median == pytest.approx(1)
    scoring = NOTES.flop(trained=0) / NOTES.flop()  # scoring is done in full
    assert figures.share_of_floor("jfnn") == pytest.approx((0.5 * (1 - scoring) + scoring) / 4)


@pytest.mark.parametrize(
    ("mine", "theirs", "verdict"),
    [
        ([1, 2, 2], [3, 4, 4], "wins: 2.00"),
        ([3, 4, 4], [1, 2, 2], "LOSES"),
        ([1, 3, 3], [2, 4, 4], "TIES"),
        ([20, 21.9, 23], [19, 20, 30], "TIES"),
        ([20, 22.1, 23], [19, 20, 30], "LOSES"),
    ],
)
def test_verdict_is_a_win_only_if_all_runs_win_and_no_tie_hides_a_loss(mine, theirs, verdict):
    times = {"jfnn_1": [9, 80, 80, 80], "jfnn": [9, *mine], "vmap": [9, *theirs]}
    assert verdict in report.verdict(compare(times))


def test_separate_process_answers_and_ends():
    before = multiprocessing.active_children()
    worker = Apart(GRID["numpy"])
    assert worker.call(os.getpid) != os.getpid()
    with pytest.raises(ContenderError, match="ZeroDivisionError"):
        worker.call(divmod, 1, 0)
    worker.close()
    assert multiprocessing.active_children() == before


def started(case, contender, *_):
    if contender == "sklearn" and case == "search":
        raise RuntimeError("Traceback\nValueError: no such search")
    return first_calls.Process(9.0, (1.0, 2.0), (3.0, 4.0), (5.0, 1.0))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Run the script in this process; return exit status, printed text, folder, figures."""
    out = tmp_path_factory.mktemp("bench") / "new"
    workload = dataclasses.replace(SMALL["seeds"], part=(1, 1, 1))
    few = CASES["few"]["few_1"]
    grid = {name: GRID[name] for name in ("numpy", "vmap", "jfnn")}
    iris = dataclasses.replace(few.workload, data="iris", sizes=(4, 3, 3), batch=20, epochs=1)
    points = {axis: dataclasses.replace(workload, varied=(axis, 1)) for axis in growth.VALUES}
    line = {"jfnn": GRID["jfnn"], "floor": FLOOR}
    cases = {
        "seeds": {"seeds": Case(workload, grid | {"floor": FLOOR})},
        "few": {"few_1": Case(iris, few.contenders | {"floor": FLOOR})},
        "growth": {axis: Case(point, line) for axis, point in points.items()},
    }
    chosen = ["numpy", "vmap", "jfnn", "floor", "vmap_numpy", "sklearn"]
    words = ["--workload", *cases, "first_calls", "--rounds", "2", "--out", str(out)]
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(io.StringIO()) as printed:
        patched.setattr(first_calls, "start", started)
        status = bench.main([*words, "--contenders", *chosen], cases, Here)
    return status, printed.getvalue(), out, read_json(out / "bench.json")


def read_json(path):
    return json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(name))


def test_script_prints_tables_and_writes_its_figures_as_json(written):
    _, printed, _, figures = written
    assert {"versions", "processor", "cores", "devices", "date"} <= set(figures["environment"])
    assert {"seeds", "few_1"} < set(figures["workloads"])
    workload = figures["workloads"]["seeds"]
    contenders = workload["contenders"]
    assert list(contenders) == ["numpy", "vmap", "jfnn", "floor"]
    for name, contender in contenders.items():
        assert len(contender["seconds"]) == 2 and min(contender["seconds"]) > 0
        assert contender["measured_on"] == {"numpy": 1, "floor": 0}.get(name, 8)
        assert (contender["accuracy"] is None) == (name == "floor")
    assert workload["seconds"] > 0
    assert contenders["jfnn"]["accuracy"] == pytest.approx(contenders["vmap"]["accuracy"], abs=3 / 360)
    assert f"### {SMALL['seeds'].title}\n" in printed
    few = figures["workloads"]["few_1"]
    assert list(few["contenders"]) == ["vmap_numpy", "jfnn", "floor"]
    assert 0 < few["contenders"]["jfnn"]["accuracy"] < 1


def test_script_measures_first_calls_and_reports_failures(written):
    status, printed, _, figures = written
    ways = {case: [*ways] for case, ways in figures["first_calls"].items()}
    grids = {case: ["vmap", "jfnn"] for case in ("grid", "notes")}
    assert ways == grids | {"classifier": ["sklearn", "jfnn"], "search": ["jfnn"]}
    assert figures["first_calls"]["grid"]["jfnn"][1]["first"] == [3.0, 4.0]
    assert status == 1 and "fresh processes, search sklearn: failed, ValueError: no such search" in printed
