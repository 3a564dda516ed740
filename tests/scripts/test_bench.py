"""The bench, on networks that take no time: figures, verdicts, processes, and the files it writes."""

import contextlib
import copy
import csv
import dataclasses
import functools
import io
import json
import math
import multiprocessing
import os

import bench
import numpy as np
import pytest
from benchmarks import (
    breakdown,
    comparison,
    crossings,
    first_call,
    first_calls,
    growth,
    machine,
    native,
    record,
    report,
    workers,
)
from benchmarks.contenders import CASES, GRID, Case, matmul
from benchmarks.workers import Apart, ContenderError, Here, Run
from benchmarks.workload import Outcome
from benchmarks.workloads import GRIDS, NOTES
from helpers import check_child_ends_with_parent
from test_contenders import SMALL, asked

pytestmark = [pytest.mark.thorough, pytest.mark.unoptimised]

FLOP = 1e9  # of one run of the floor
FLOOR = GRID["floor"]._replace(prepare=functools.partial(matmul, size=64))


class Clock:
    """Workers whose runs take given times: ``{title: [seconds of each run]}``, None where one fails."""

    def __init__(self, times, trained=1.0):
        self.times = {title: iter(seconds) for title, seconds in times.items()}
        self.trained = trained

    def __call__(self, contender):
        worker = copy.copy(self)
        worker.title = contender.title
        return worker

    def call(self, function, *arguments):
        if function is machine.jax_devices:
            return ["cpu:0 cpu"]
        if function is workers.run:
            return self.run()
        if function is not workers.prepare:
            return self.call_others(function, *arguments)
        self.workload = arguments[1]
        if self.workload.data == "xor":
            raise KeyboardInterrupt

    def call_others(self, *_):
        raise ContenderError("Traceback\nValueError: no such call")

    def run(self):
        seconds = next(self.times[self.title])
        if seconds is None:
            raise ContenderError("Traceback\nValueError: no such device")
        trained = Outcome(np.ones(self.workload.shape), self.trained)
        return Run(seconds, seconds, 7.0, Outcome(None, flop=FLOP) if self.title == FLOOR.title else trained)

    def close(self):
        pass


def compared(times, workload=NOTES, trained=1.0):
    contenders = {name: GRID[name] for name in times}
    clock = Clock({contenders[name].title: seconds for name, seconds in times.items()}, trained)
    rounds = len(next(iter(times.values()))) - 1
    return comparison.compare(Case(workload, contenders, traced=False, rounds=rounds), clock)


def test_medians_are_scaled_from_a_part_to_the_whole_and_marked():
    figures = compared({"numpy": [9, 1, 5, 2], "vmap": [9, 1, 5, 2]}, GRIDS["seeds"])
    part, whole = (figures.measurements[name] for name in ("numpy", "vmap"))
    assert (whole.median, whole.seconds, whole.extra_first_s) == (2, [1, 5, 2], 7)
    assert (part.median, part.seconds, part.extra_first_s) == (20, [10, 50, 20], 7)
    assert "49 of 490, scaled" in report.table(figures)


def test_a_contender_is_left_out_where_what_it_needs_is_not_there(monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    for name, missing in (("notes", "mlpack"), ("xor", "ispc"), ("series", "ispc")):
        case = CASES[name][name]
        left = case.available().contenders
        assert missing in case.contenders and missing not in left and "jfnn" in left
    assert native.has_package("jfnn") and not native.has_package("no_such_package")


def test_share_of_the_floor_counts_what_was_trained():
    seconds = FLOP / NOTES.flop()  # the floor comes out as one second
    figures = compared({"jfnn": [4, 4], "floor": [seconds, seconds]}, trained=0.5)
    assert figures.measurements["floor"].median == pytest.approx(1)
    scoring = NOTES.flop(trained=0) / NOTES.flop()  # is done in full
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
def test_verdict_wins_only_where_all_runs_do_and_no_tie_hides_a_loss(mine, theirs, verdict):
    times = {"jfnn_1": [9, 80, 80, 80], "jfnn": [9, *mine], "vmap": [9, *theirs], "jfnn_halving": [1] * 4}
    assert verdict in report.verdict(compared(times))


def test_a_contender_that_fails_is_reported_and_the_others_go_on():
    figures = compared({"jfnn": [1, 1, 1], "vmap": [1, None, 1]})
    assert list(figures.measurements) == ["jfnn"] and "no such device" in figures.failed["vmap"]
    assert "vmap: failed, ValueError: no such device" in report.table(figures)


def test_rates_stand_beside_those_of_published_times():
    """By the processor's seconds; 10,000 epochs of 10,000 rows of 2 (2·128 + 3·576) operations each."""
    case = CASES["chains"]["chains"]
    contenders = {"vmap": case.contenders["vmap"]}
    clock = Clock({case.contenders["vmap"].title: [9, 2, 2]})
    figures = comparison.compare(case._replace(contenders=contenders, traced=False, rounds=2), clock)
    assert case.published.rate(case.workload) == pytest.approx(3968 / 10 / 0.412371 / 18)
    (line,) = report.rates(figures)
    rate = case.workload.flop() / 2 / 1e9
    assert f"jit(vmap(train)) {rate:.1f}; SimpleChains.jl" in line and " 53.5 (Elrod" in line
    assert line in report.table(figures) and not report.rates(compared({"vmap": [1, 1]}))


def test_a_point_of_growth_varies_one_axis_of_the_notes_network():
    cases = growth.cases()
    assert set(growth.VALUES["members"]) == {
        case.workload.members for key, case in cases.items() if "members" in key
    }
    assert all(case.workload.epochs <= NOTES.epochs for case in cases.values())
    wide = cases["growth_width_320"].workload
    quick = cases["growth_width_320"].workload.quick()
    assert "initial_params" in asked(wide, GRID["jfnn"])  # shares starts and minibatches with the others
    assert wide.sizes == (64, 320, 10) and wide.members == quick.members == 49
    assert 0.5 < wide.flop() / growth.GFLOP / 1e9 < 2 and quick.epochs == max(1, wide.epochs // 3)
    figures = compared({"jfnn": [2, 1, 3, 2], "floor": [1] * 4}, wide)
    assert growth.points(compared({"jfnn": [1, 1]})) == []
    (point, floor) = growth.points(figures)
    assert (*point.values(),)[:6] == ("width", 320, "jfnn", 2, 1, 3) and floor["contender"] == "floor"
    assert point["us_per_member_step"] == pytest.approx(2e6 / (49 * wide.epochs * 14))


# Where the time goes


def test_a_moment_counts_for_the_innermost_event():
    event = breakdown.Event
    nested = [event(2, 5, "kernel"), event(0, 10, "loop"), event(5, 6, "wait"), event(3, 4, "loop")]
    times = breakdown.self_times([*nested, event(20, 21, "kernel")])
    assert times == {"loop": 7, "kernel": 3, "wait": 1}


PROGRAM = """HloModule jit_{}_member, is_scheduled=true

%first (p: f32[5,7], q: f32[7,3]) -> f32[5,3] {{
  %p = f32[5,7]{{1,0}} parameter(0)
  %q = f32[7,3]{{1,0}} parameter(1)
  ROOT %dot.1 = f32[5,3]{{1,0}} dot(%p, %q), lhs_contracting_dims={{1}}, rhs_contracting_dims={{0}}
}}

ENTRY %main (a: f32[5,7]) -> f32[5,3] {{
  %a = f32[5,7]{{1,0}} parameter(0)
  %big = f32[5,3]{{1,0}} fusion(%a, %a), kind=kCustom, calls=%first, metadata={{op_name="x"}}
  %later.2 = f32[5,5]{{1,0}} dot(%big, %big), lhs_contracting_dims={{1}}, rhs_contracting_dims={{1}}
  %loop = (s32[], f32[5,5]{{1,0}}) while(%tuple), condition=%c, body=%b
  ROOT %sum = f32[5]{{0}} reduce(%later.2, %zero), dimensions={{1}}, to_apply=%add
}}
"""


def test_products_are_told_apart_in_a_compiled_program():
    b = breakdown
    names = ("big", "later.2", "sum", "loop")
    for program, expected in (
        (b.TRAINS, [b.PRODUCTS, b.PRODUCTS, b.OTHER, b.BETWEEN]),
        (b.SCORES, [b.SCORING, b.SCORING, b.SCORING, b.BETWEEN]),
    ):
        actual = b.program_kinds(PROGRAM.format(program))
        assert [actual[f"jit_{program}_member", name] for name in names] == expected


@pytest.fixture(scope="module")
def apart():
    """A process apart that traces: to trace, it forgets what was compiled."""
    before = multiprocessing.active_children()
    worker = Apart(GRID["jfnn"])
    yield worker
    worker.close()
    assert multiprocessing.active_children() == before


def test_a_process_apart_answers_and_reports_errors(apart):
    assert len(apart.call(machine.jax_devices)) == machine.cores()
    peak = apart.call(machine.peak_memory)
    assert peak is None or 50 < peak < 5000
    with pytest.raises(ContenderError, match="KeyError"):
        apart.call(workers.prepare, GRID["jfnn"], dataclasses.replace(SMALL["deep"], data="none"))
    dying = Apart(GRID["numpy"])
    with pytest.raises(ContenderError, match="process ended"):
        dying.call(os._exit, 1)
    dying.close()


BENCH = """
import os, time
from benchmarks.contenders import GRID
from benchmarks.workers import Apart

if __name__ == "__main__":
    worker = Apart(GRID["numpy"])
    print(worker.call(os.getpid), flush=True)
    worker.call(time.sleep, 600)
"""


@pytest.mark.slow
def test_contenders_end_when_the_bench_is_killed_amid_a_run():
    check_child_ends_with_parent(BENCH)


def test_a_trace_accounts_for_all_cores_all_the_time(apart):
    b = breakdown
    workload = dataclasses.replace(SMALL["deep"], sizes=(64, 128, 128, 10), traced_epochs=2)
    traced = apart.call(b.trace, workload, GRID["jfnn"].prepare)
    assert traced.epochs == 2 and traced.cores == machine.cores() and traced.kernels > 2 * 14 * 10
    times = traced.core_seconds
    assert tuple(times) == b.ROWS and min(times.values()) >= 0
    assert traced.seconds > 0 and traced.untraced_seconds > 0
    # Idle time is what is left, so that the sum cannot be less; more would be counted twice.
    assert sum(times.values()) <= 1.05 * traced.cores * traced.seconds
    assert min(times[row] for row in b.ROWS[:-1]) > 0
    assert traced.flop == dataclasses.replace(workload, epochs=2).flop()


def test_a_breakdown_stands_next_to_the_floor_of_the_same_work_where_xla_records_kernels(monkeypatch):
    seconds = FLOP / NOTES.flop()  # the floor comes out as one second
    figures = compared({"jfnn": [4, 4], "floor": [seconds, seconds]})
    times = dict.fromkeys(breakdown.ROWS, 0.0) | {breakdown.PRODUCTS: 3.0, breakdown.IDLE: 1.0}
    traced = breakdown.Breakdown(25, NOTES.flop() / 4, 2, 2.0, 1.9, 5, times)
    printed = report.breakdown_table(dataclasses.replace(figures, breakdown=traced)).splitlines()
    assert "| products of training | 3000 | 75.0% |" in printed
    assert "| the floor of the same work | 500 | 12.5% |" in printed
    assert printed[-1].startswith("Traced: 25 of 100 epochs")
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    clock = Clock({GRID["jfnn"].title: [1, 1]})
    clock.call_others = lambda function, *arguments: function(*arguments)
    figures = comparison.compare(Case(NOTES, {"jfnn": GRID["jfnn"]}, rounds=1), clock)
    assert figures.breakdown is None and not figures.failed
    assert "not known" in report.breakdown_table(figures)


# First calls


def test_first_calls_are_told_apart_from_imports_and_second_calls(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr(first_call.time, "perf_counter", lambda: float(next(now)))
    clock = iter([0.0, 5.0, 5.0, 12.0, 12.0, 13.0])
    monkeypatch.setattr(first_call.time, "process_time", lambda: next(clock))
    calls = []
    figures = first_call.measure(lambda: lambda: calls.append(3))
    assert calls == [3, 3]
    assert figures == {"imports": (1, 5), "first": (1, 7), "again": (1, 1)}
    process = first_calls.Process(20.0, **figures)
    printed = first_calls.table("grid", {"jfnn": [process, process._replace(seconds=40.0)]})
    assert printed.splitlines()[-1].endswith("| jfnn, nothing kept | 30 s | 1 s | 1 s | 1 s | 5 s | 6 s |")


def test_a_first_call_has_a_process_of_its_own_and_may_fail():
    process = first_calls.start("classifier", "sklearn", epochs=2)
    inside = process.imports[0] + process.first[0] + process.again[0]
    assert 0 < inside < process.seconds
    with pytest.raises(RuntimeError, match="KeyError: 'nothing'"):
        first_calls.start("nothing", "jfnn")


def test_a_crossing_lies_between_numbers_on_lines_of_logarithms():
    theirs = {n: float(n) for n in (1, 10, 100, 1000)}  # a second a network
    flat = dict.fromkeys(theirs, 50.0)
    power = {n: 20.0 * n**0.5 for n in theirs}  # crosses at 400, exactly a line in logarithms
    assert crossings.crossing(flat, theirs) == pytest.approx(50)
    assert crossings.crossing(power, theirs) == pytest.approx(400)
    assert crossings.text(power, theirs) == "400"
    assert crossings.crossing(dict.fromkeys(theirs, 0.5), theirs) == pytest.approx(1)
    assert crossings.crossing(theirs, flat) is None and crossings.text(theirs, flat) == "–"
    twice = {1: 2.0, 10: 5.0, 100: 200.0, 1000: 500.0}  # the last crossing counts
    assert crossings.crossing(twice, theirs) == pytest.approx(10**2.5)
    assert crossings.text(twice, theirs) == "317"
    assert crossings.crossing(flat, {}) is None


@pytest.mark.parametrize("contender", ["sklearn", "vmap", "jfnn"])
def test_a_crossing_trains_so_many_networks_once(contender, monkeypatch):
    result = first_call.grid(contender, 1, "IRIS", networks=3)()
    shape = (result.test_accuracy if contender == "jfnn" else result.accuracy).shape
    assert (*shape,) == (3, 1, 1)
    case = first_call.CASES["iris_3"]
    calls = []
    assert set(first_call.measure(lambda: lambda: calls.append(1), case.again)) == {"imports", "first"}
    assert calls == [1] and not case.again


@pytest.mark.slow
@pytest.mark.parametrize("case", [*first_call.FIRST_CALLS, "digits_3", "iris_3", *first_call.STRUCTURES])
def test_all_first_calls_run(case):
    some = {name for kind in first_call.KINDS for name in first_calls.contenders(kind)}
    figures, failed = first_calls.measured(case, some, rounds=1, epochs=1, structures=2)
    assert not failed
    assert list(figures) == [name for name in first_call.CASES[case].contenders if name in some]
    assert case != "grid" or all(processes[0].times()[-1] > 0 for processes in figures.values())


# The script


def started(case, contender, *_):
    if contender == "sklearn" and case == "search":
        raise RuntimeError("Traceback\nValueError: no such search")
    return first_calls.Process(9.0, (1.0, 2.0), (3.0, 4.0), (5.0, 1.0))


@pytest.fixture(scope="module")
def written(apart, tmp_path_factory):
    """The script run in this process, traces apart: exit status, printed text, folder, figures."""

    class TracedApart(Here):
        call = staticmethod(apart.call)

    out = tmp_path_factory.mktemp("bench") / "new"
    workload = dataclasses.replace(SMALL["seeds"], part=(1, 1, 1))
    few = CASES["few"]["few_1"]
    grid = {name: GRID[name] for name in ("numpy", "vmap", "jfnn", "jfnn_halving")}
    iris = dataclasses.replace(few.workload, data="iris", sizes=(4, 3, 3), batch=20, epochs=1)
    points = {axis: dataclasses.replace(workload, varied=(axis, 1)) for axis in growth.VALUES}
    line = {"jfnn": GRID["jfnn"], "floor": FLOOR}
    cases = {
        "seeds": {"seeds": Case(workload, grid | {"floor": FLOOR})},
        "few": {"few_1": Case(iris, few.contenders | {"floor": FLOOR}, traced=False)},
        "growth": {axis: Case(point, line, traced=False) for axis, point in points.items()},
    }
    chosen = ["numpy", "vmap", "jfnn", "jfnn_halving", "floor", "vmap_numpy", "sklearn"]
    words = ["--workload", *cases, "first_calls", "--rounds", "2", "--out", str(out)]
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(io.StringIO()) as printed:
        patched.setattr(first_calls, "start", started)
        status = bench.main([*words, "--contenders", *chosen], cases, TracedApart)
    return status, printed.getvalue(), out, read_json(out / "bench.json")


def read_json(path):
    """The content of a JSON file that has only finite numbers."""
    return json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(name))


def test_script_prints_tables_and_writes_its_figures_as_json(written):
    _, printed, _, figures = written
    assert {"versions", "processor", "cores", "devices", "date"} <= set(figures["environment"])
    assert {"seeds", "few_1"} < set(figures["workloads"])
    workload = figures["workloads"]["seeds"]
    contenders = workload["contenders"]
    assert list(contenders) == ["numpy", "vmap", "jfnn", "jfnn_halving", "floor"]
    for name, contender in contenders.items():
        assert len(contender["seconds"]) == 2 and min(contender["seconds"]) > 0
        assert contender["measured_on"] == {"numpy": 1, "floor": 0}.get(name, 8)
        assert (contender["accuracy"] is None) == (name == "floor") or name == "jfnn_halving"
    assert contenders["jfnn_halving"]["share_trained"] < 1
    assert workload["breakdown"]["epochs"] == 3 and workload["seconds"] > 0
    assert contenders["jfnn"]["accuracy"] == pytest.approx(contenders["vmap"]["accuracy"], abs=3 / 360)
    block = printed.split(f"### {SMALL['seeds'].title}\n\n")[1].split("\n\n")[0].splitlines()
    assert len(block) == 2 + len(contenders) and len({line.count("|") for line in block}) == 1
    times = [float(line.split("|")[2].removesuffix("s ")) for line in block[2:]]
    assert times == sorted(times, reverse=True)  # from the slowest to the fastest
    few = figures["workloads"]["few_1"]
    assert list(few["contenders"]) == ["vmap_numpy", "jfnn", "floor"] and few["breakdown"] is None
    assert 0 < few["contenders"]["jfnn"]["accuracy"] < 1


def test_script_measures_first_calls_and_reports_failures(written):
    status, printed, _, figures = written
    ways = {case: [*ways] for case, ways in figures["first_calls"].items()}
    grids = {case: ["vmap", "jfnn"] for case in ("grid", "notes")}
    assert ways == grids | {"classifier": ["sklearn", "jfnn"], "search": ["jfnn"]}
    assert figures["first_calls"]["grid"]["jfnn"][1]["first"] == [3.0, 4.0]
    assert status == 1 and "fresh processes, search sklearn: failed, ValueError: no such search" in printed


def test_script_writes_growth_curves_and_a_plot(written):
    _, _, out, _ = written
    with (out / "growth.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["axis"] for row in rows[::2]] == list(growth.VALUES)
    assert {row["contender"] for row in rows} == {"jfnn", "floor"}
    assert all(float(row["fastest_s"]) <= float(row["median_s"]) <= float(row["slowest_s"]) for row in rows)
    assert (out / "bench.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--workload nothing", ("--workload", "nothing")),
        ("--contenders torch_vmap jfnn", ("--contenders: invalid choice: 'torch_vmap'",)),
        ("--contenders numpy --workload notes growth", ("--contenders", "growth", "jfnn, floor")),
        ("--contenders numpy --workload few", ("--contenders: few measures", "jit")),
        ("--rounds 0", ("--rounds", "from 1 to", "got '0'")),
        ("--accelerator --contenders jfnn", ("--contenders: --accelerator measures jfnn alone",)),
        ("--accelerator --workload few", ("--workload: --accelerator measures notes, seeds, many,",)),
        ("--platform cpu", ("--platform: goes with --accelerator",)),
    ],
)
def test_impossible_options_raise_before_anything_starts(arguments, words, capsys):
    installed = {name: contender for name, contender in GRID.items() if contender.needs is None}
    lines = {name: GRID[name] for name in ("jfnn", "floor")}
    cases = {name: {name: Case(NOTES, some)} for name, some in (("notes", installed), ("growth", lines))}
    cases["few"] = CASES["few"]
    with pytest.raises(SystemExit) as stopped:
        bench.main(arguments.split(), cases, lambda contender: pytest.fail("started"))
    error = capsys.readouterr().err
    assert stopped.value.code == 2 and all(word in error for word in words)


def test_without_names_workloads_are_those_of_the_contenders():
    def workloads(*words):
        return bench.read_options(words, bench.all_workloads()).workload

    short = [name for name, workload in GRIDS.items() if not workload.long]
    assert workloads("--contenders", "numpy") == short
    assert workloads("--contenders", "jit") == ["few"]
    assert workloads("--contenders", "jfnn_grid") == ["kind_seeds"]
    assert bench.GROWTH in workloads("--contenders", "vmap")
    everything = {*CASES, "first_calls", "crossings", "structures", "growth"}
    assert set(workloads()) == everything - {"many", "xor_100k", "widths"}


def test_figures_are_written_after_every_workload(tmp_path, capsys):
    clock = Clock({GRID["jfnn"].title: [2, 1]}, trained=0.94)
    path = tmp_path / "new" / "x.json"
    words = ["--workload", "seeds", "xor", "--contenders", "jfnn", "--rounds", "1", "--json", str(path)]
    with pytest.raises(KeyboardInterrupt):
        bench.main([*words, "--out", str(tmp_path)], start=clock)
    workloads = read_json(path)["workloads"]
    printed = capsys.readouterr().out
    assert list(workloads) == ["seeds"]
    figures = workloads["seeds"]["contenders"]["jfnn"]
    assert figures["median_s"] == 1 and figures["share_of_floor"] is None  # there was no floor
    assert "| 94% |" in printed and "members that diverge stop" in printed
    assert "tracing failed" in printed


def test_a_run_that_goes_on_keeps_what_is_there_and_measures_the_rest(tmp_path, capsys):
    words = ["--contenders", "jfnn", "--rounds", "1", "--out", str(tmp_path)]
    cases = {name: {name: Case(GRIDS[name], GRID, traced=False)} for name in ("seeds", "deep")}
    title = GRID["jfnn"].title
    bench.main([*words, "--workload", "seeds"], cases, Clock({title: [2, 1]}))
    before = read_json(tmp_path / "bench.json")
    bench.main([*words, "--resume", "--workload", *cases], cases, Clock({title: [9, 5]}))
    after = read_json(tmp_path / "bench.json")
    assert after["workloads"]["seeds"] == before["workloads"]["seeds"]
    assert after["workloads"]["deep"]["contenders"]["jfnn"]["seconds"] == [5]
    assert after["environment"]["date"] == before["environment"]["date"]
    assert after["environment"]["seconds"] > before["environment"]["seconds"]
    bench.main([*words, "--workload", "deep"], cases, Clock({title: [9, 5]}))
    assert list(read_json(tmp_path / "bench.json")["workloads"]) == ["deep"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: e["versions"].update(jfnn="0.1.0"), ("jfnn 0.1.0, here",)),
        (lambda e: e["versions"].pop("numpy"), ("numpy None, here",)),
        (lambda e: e.update(cores=99, quick=True), ("cores 99, here", "quick True, here False")),
        (lambda e: e.pop("processor"), ("has no figures of this script",)),
    ],
)
def test_a_run_does_not_go_on_with_figures_of_another_environment(change, words, tmp_path, capsys):
    environment = machine.environment([]) | {"quick": False}
    change(environment)
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(record.empty(environment)))
    with pytest.raises(SystemExit) as stopped:
        bench.main(["--resume", "--out", str(tmp_path)], start=lambda contender: pytest.fail("started"))
    error = capsys.readouterr().err
    assert stopped.value.code == 2 and all(word in error for word in ("--resume: ", *words))


def test_json_has_none_where_a_number_is_not_finite():
    assert record.plain({"a": (math.nan, 1.5, [math.inf])}) == {"a": [None, 1.5, [None]]}
