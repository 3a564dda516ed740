"""The comparison, on networks that take no time: that it compares the same work, and what it writes."""

import contextlib
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
from benchmarks import breakdown, comparison, growth, kinds, machine, report, scikit_learn
from benchmarks.contenders import CONTENDERS, KIND_CONTENDERS, matmul
from benchmarks.workers import Apart, ContenderError, Here, Run
from benchmarks.workload import Outcome
from benchmarks.workloads import NOTES, WORKLOADS, quick
from helpers import check_child_ends_with_parent, compiled

import jfnn

pytestmark = pytest.mark.unoptimised

SAME_STREAM = ("vmap", "jfnn", "jfnn_backprop")
# To compile takes PyTorch half a minute, whatever the size.
TORCH = ("torch", "torch_vmap", pytest.param("torch_compile", marks=pytest.mark.slow))
CURVES = growth.Scale((3,), (40,), (6,), (1, 2), gflop=1e-3, rounds=1, contenders=("jfnn", "floor"))
FLOP = 1e9  # of one run of the floor


def shortened(name, learning_rates, l2s=(1e-3,), epochs=3):
    full = WORKLOADS[name]
    return dataclasses.replace(
        full,
        sizes=(full.sizes[0], *(8 for _ in full.sizes[1:-1]), full.sizes[-1]),
        learning_rates=learning_rates,
        l2s=l2s,
        epochs=epochs,
        seeds=min(full.seeds, 2),
        reference=(learning_rates[-1], l2s[0]),
        part=full.part and (1, 1, 1),
        traced_epochs=2,
    )


SMALL = {
    "seeds": shortened("seeds", (3e-4, 1e-3), (1e-3, 100.0)),
    "mnist": shortened("mnist", (1e-3,)),
    "deep": shortened("deep", (2e-4,)),
    "wine": shortened("wine", (1e-2,)),
    "xor": shortened("xor", (0.1, 1.0), epochs=40),
}


def accuracies(workload, name):
    return CONTENDERS[name].prepare(workload)().accuracy


@pytest.fixture(scope="module")
def by_numpy():
    """Test accuracies by the notes' loop: name of a workload -> ``[η, λ, seed]``."""
    return {name: accuracies(workload, "numpy") for name, workload in SMALL.items()}


def rows_apart(workload, actual, expected):
    """By how many test rows accuracies differ; one may be on the boundary, where float32 may differ."""
    return round(np.abs(actual - expected).max() * len(workload.rows().y_test))


@pytest.mark.parametrize("workload", SMALL)
@pytest.mark.parametrize("name", SAME_STREAM)
def test_contenders_train_the_same_networks(by_numpy, workload, name):
    actual = accuracies(SMALL[workload], name)
    assert actual.shape == SMALL[workload].shape
    assert rows_apart(SMALL[workload], actual, by_numpy[workload]) <= 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch warns of parts of itself
@pytest.mark.parametrize("name", TORCH)
def test_torch_trains_the_same_networks(by_numpy, name):
    pytest.importorskip("torch")
    for workload in ("seeds", "xor"):
        assert rows_apart(SMALL[workload], accuracies(SMALL[workload], name), by_numpy[workload]) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cnn", "gru"])
def test_other_kinds_are_the_same_networks_by_plain_vmap(kind):
    full = kinds.KINDS[kind]
    small = dataclasses.replace(full, learning_rates=full.learning_rates[::16], epochs=1)
    ours, theirs = (
        KIND_CONTENDERS[kind][name].prepare(small)().accuracy for name in ("jfnn_backprop", "vmap")
    )
    assert ours.shape == (2,)
    assert np.abs(ours - theirs).max() * len(small.rows().y_test) <= 2


def test_a_part_of_other_kinds_holds_the_reference():
    for workload in kinds.KINDS.values():
        part = workload.reduced()
        assert part.members == workload.part < workload.members
        assert part.learning_rates[part.reference_index[0]] == workload.reference[0]
        assert kinds.quick(workload).reduced().reference == workload.reference


def test_the_networks_learn_something_different_in_every_cell(by_numpy):
    of_one_seed = by_numpy["seeds"][..., 0]
    assert len(np.unique(of_one_seed)) == of_one_seed.size


def test_numpy_loop_gives_the_published_counts():
    workload = dataclasses.replace(NOTES, learning_rates=(1e-3,), l2s=(1.0,), reference=(1e-3, 1.0))
    assert accuracies(workload, "numpy").item() == 342 / 360


def test_a_replicate_is_drawn_by_the_notes_random_calls():
    workload = dataclasses.replace(NOTES, epochs=2)
    ((w1, b1), (w2, b2)), batches = workload.replicate(3)
    rng = np.random.RandomState(3)
    np.testing.assert_array_equal(w1, rng.randn(64, 50))
    np.testing.assert_array_equal(w2, rng.randn(50, 10))
    assert (b1 == 0.01).all() and (b2 == 0.01).all() and (b1.size, b2.size) == (50, 10)
    np.testing.assert_array_equal(batches[0, 0], rng.choice(np.arange(1437), size=100, replace=False))
    assert batches.shape == (2, 14, 100)


def test_scikit_learn_minimises_the_same_objective():
    """One full-batch epoch from one start: its step is that of the notes."""
    workload = dataclasses.replace(
        NOTES, sizes=(64, 5, 10), batch=1437, epochs=1, learning_rates=(1e-4,), l2s=(30.0,)
    )
    search, rows = scikit_learn.grid_search(workload), workload.rows()
    setting = {name: values[0] for name, values in search.param_grid.items()}
    network = search.estimator.set_params(**setting, warm_start=True, shuffle=False)
    with pytest.warns(match="Maximum iterations"):
        network.set_params(learning_rate_init=1e-30).fit(rows.x_train, rows.y_train)
    start = [np.copy(w) for w in network.coefs_]
    layers = tuple(map(jfnn.Layer, start, map(np.copy, network.intercepts_)))
    with pytest.warns(match="Maximum iterations"):
        network.set_params(learning_rate_init=setting["learning_rate_init"]).fit(rows.x_train, rows.y_train)
    value_and_grad = functools.partial(jfnn.backprop.value_and_grad, x=rows.x_train, y=rows.y_train, l2=30.0)
    _, gradients = compiled(value_and_grad)(layers)
    for after, before, layer in zip(network.coefs_, start, gradients, strict=True):
        np.testing.assert_allclose(after - before, -1e-4 * np.asarray(layer.w), rtol=1e-3, atol=1e-6)


def test_scikit_learn_scores_every_cell():
    workload = dataclasses.replace(SMALL["seeds"], epochs=10, sizes=(64, 30, 10), seeds=1)
    actual = accuracies(workload, "sklearn")
    assert actual.shape == workload.shape
    assert (
        actual[0, 0] < actual[1, 0] > actual[1, 1]
    )  # the larger learning rate learns faster, a penalty slows


def test_a_member_that_stopped_early_shows_no_accuracy():
    actual = accuracies(dataclasses.replace(SMALL["seeds"], epochs=9, seeds=1), "jfnn_halving")
    assert 0 < np.isfinite(actual).sum() < actual.size


def test_arithmetic_counts_every_product_but_the_first_layers_way_back():
    workload = dataclasses.replace(WORKLOADS["deep"], epochs=3)
    forward = 64 * 32 + 32 * 32 + 32 * 32 + 32 * 10
    backward = 2 * forward - 64 * 32
    training, scoring = 2 * 100 * (forward + backward) * 3 * 14 * 64, 2 * 1797 * forward * 64
    assert workload.flop() == training + scoring
    assert workload.flop(trained=0.25) == training / 4 + scoring


@pytest.mark.parametrize(
    "workload", (*WORKLOADS.values(), *map(quick, WORKLOADS.values())), ids=lambda w: w.title
)
def test_a_part_holds_the_reference_cell(workload):
    part = workload.reduced()
    cell = part.learning_rates[part.reference_index[0]], part.l2s[part.reference_index[1]]
    assert cell == workload.reference
    assert part.shape == (workload.part or workload.shape)


class Clock:
    """Makes workers whose runs take given times: ``{title: [seconds of each run]}``, None where one fails."""

    def __init__(self, times, trained=1.0):
        self.times, self.trained = {title: iter(seconds) for title, seconds in times.items()}, trained

    def __call__(self, contender):
        return Clocked(self, contender)


class Clocked:
    def __init__(self, clock, contender):
        self.clock, self.title = clock, contender.title

    def prepare(self, workload):
        self.workload = workload

    def run(self):
        seconds = next(self.clock.times[self.title])
        if seconds is None:
            raise ContenderError("Traceback\nValueError: no such device")
        if self.title == CONTENDERS["floor"].title:
            return Run(seconds, seconds, 7.0, Outcome(None, flop=FLOP))
        return Run(seconds, seconds, 7.0, Outcome(np.ones(self.workload.shape), self.clock.trained))

    def call(self, function, *_):
        if function is machine.jax_devices:
            return ["cpu:0 cpu"]
        raise ContenderError("Traceback\nValueError: no such call")

    def stop(self):
        pass


def compared(times, workload=NOTES, trained=1.0):
    contenders = {name: CONTENDERS[name] for name in times}
    clock = Clock({contenders[name].title: seconds for name, seconds in times.items()}, trained)
    with comparison.started(contenders, clock) as workers:
        return comparison.compare(workload, contenders, workers, len(next(iter(times.values()))) - 1)


def test_median_spread_and_first_run():
    measured = compared({"jfnn": [9, 1, 5, 2]}).measurements["jfnn"]
    assert (measured.median, measured.seconds, measured.extra_first) == (2, [1, 5, 2], 7)


def test_a_part_is_scaled_to_the_whole_and_marked():
    figures = compared({"numpy": [3, 3, 3], "vmap": [2, 2, 2]}, WORKLOADS["seeds"])
    assert figures.measurements["numpy"].median == 30
    assert figures.measurements["vmap"].median == 2
    assert "49 of 490, scaled" in report.table(figures)


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


def test_growth_reports_failures_and_goes_on():
    lines = {name: CONTENDERS[name] for name in ("jfnn", "floor")}
    times = {CONTENDERS["jfnn"].title: [1, 1], CONTENDERS["floor"].title: [1] * 4}
    clock = Clock(times | {"jfnn, 1 cores": [1, None], "jfnn, 2 cores": [None]})
    points, failed = growth.curves(CURVES._replace(members=(1,), batch=(), width=()), clock, lines)
    assert [(p.axis, p.value, p.contender) for p in points] == [("members", 1, name) for name in lines]
    assert set(failed) == {"cores jfnn on 1", "cores jfnn on 2"}


def test_one_core_is_one_thread_even_where_there_are_more():
    class Called(Exception):
        pass

    def sweep(*_, execution=None, **__):
        raise Called(execution)

    for name, expected in (("jfnn_1", 1), ("jfnn", None)):
        with pytest.raises(Called, match=f"^{expected}$"):
            CONTENDERS[name].prepare(SMALL["deep"], sweep=sweep)()


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
    b, names = breakdown, ("big", "later.2", "sum", "loop")
    for program, expected in (
        (b.TRAINS, [b.FIRST, b.LATER, b.OTHER, b.BETWEEN]),
        (b.SCORES, [b.SCORING, b.SCORING, b.SCORING_OTHER, b.BETWEEN]),
    ):
        actual = b.program_kinds(PROGRAM.format(program), n_in=7)
        assert [actual[f"jit_{program}_member", name] for name in names] == expected


@pytest.fixture(scope="module")
def apart():
    """A process apart that traces: to trace, it forgets what was compiled."""
    before = multiprocessing.active_children()
    worker = Apart(CONTENDERS["jfnn"])
    yield worker
    worker.stop()
    assert multiprocessing.active_children() == before


def test_a_process_apart_answers_and_reports_errors(apart):
    assert len(apart.call(machine.jax_devices)) == machine.cores()
    peak = apart.call(machine.peak_memory)
    assert peak is None or 50 < peak < 5000
    with pytest.raises(ContenderError, match="KeyError"):
        apart.prepare(dataclasses.replace(SMALL["deep"], data="none"))


def test_a_process_that_dies_is_a_contender_that_fails():
    worker = Apart(CONTENDERS["numpy"])
    with pytest.raises(ContenderError, match="process ended"):
        worker.call(os._exit, 1)
    worker.stop()


BENCH = """
import os, time
from benchmarks.contenders import CONTENDERS
from benchmarks.workers import Apart

if __name__ == "__main__":
    worker = Apart(CONTENDERS["numpy"])
    print(worker.call(os.getpid), flush=True)
    worker.call(time.sleep, 600)
"""


@pytest.mark.slow
def test_contenders_end_when_the_bench_is_killed_amid_a_run():
    check_child_ends_with_parent(BENCH)


def test_a_trace_accounts_for_all_cores_all_the_time(apart):
    b = breakdown
    workload = dataclasses.replace(SMALL["deep"], sizes=(64, 128, 128, 10))
    traced = apart.call(b.trace, workload, CONTENDERS["jfnn"].prepare)
    assert traced.epochs == 2 and traced.cores == machine.cores() and traced.kernels > 2 * 14 * 10
    times = traced.core_seconds
    assert tuple(times) == b.ROWS and min(times.values()) >= 0
    assert traced.seconds > 0 and traced.untraced_seconds > 0
    # Idle time is what is left, so that the sum cannot be less; more would be counted twice.
    assert sum(times.values()) <= 1.05 * traced.cores * traced.seconds
    assert min(times[row] for row in (b.FIRST, b.LATER, b.OTHER, b.BETWEEN, b.SCORING, b.DRAWN)) > 0
    assert traced.flop == dataclasses.replace(workload, epochs=2).flop()


def test_where_xla_records_no_kernels_there_is_no_breakdown(monkeypatch):
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    figures = comparison.Comparison(SMALL["xor"], {}, {})
    figures = comparison.with_breakdown(figures, Here(CONTENDERS["jfnn"]), CONTENDERS["jfnn"])
    assert figures.breakdown is None and not figures.failed
    assert "not known" in report.breakdown_table(figures)


def test_breakdown_stands_next_to_the_floor_of_the_same_work():
    seconds = FLOP / NOTES.flop()  # the floor comes out as one second
    figures = compared({"jfnn": [4, 4], "floor": [seconds, seconds]})
    times = dict.fromkeys(breakdown.ROWS, 0.0) | {breakdown.FIRST: 3.0, breakdown.GAPS: 1.0}
    traced = breakdown.Breakdown(25, NOTES.flop() / 4, 2, 2.0, 1.9, 5, times)
    printed = report.breakdown_table(dataclasses.replace(figures, breakdown=traced)).splitlines()
    assert "| products of the first layer | 3000 | 75.0% |" in printed
    assert "| the floor of the same work | 500 | 12.5% |" in printed
    assert printed[-1].startswith("Traced: 25 of 100 epochs")


@pytest.fixture(scope="module")
def written(apart, tmp_path_factory):
    """The script run in this process, traces apart: exit status, printed text, folder, contenders."""

    class TracedApart(Here):
        call = staticmethod(apart.call)

    out = tmp_path_factory.mktemp("bench") / "new"
    chosen = ["numpy", "vmap", "jfnn", "jfnn_halving", "floor"]
    floor = CONTENDERS["floor"]._replace(prepare=functools.partial(matmul, size=64))
    setup = bench.Setup(TracedApart, SMALL, CONTENDERS | {"floor": floor}, CURVES)
    arguments = ["--workload", "seeds", "growth", "--rounds", "2", "--out", str(out)]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        status = bench.main([*arguments, "--contenders", *chosen], setup)
    return status, printed.getvalue(), out, chosen


def read_json(path):
    """The content of a JSON file that has only finite numbers."""
    return json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(name))


def test_script_writes_its_figures_as_json(written):
    status, _, out, chosen = written
    figures = read_json(out / "bench.json")
    assert status == 0
    assert {"versions", "processor", "cores", "devices", "date"} <= set(figures["environment"])
    assert set(figures["workloads"]) == {"seeds"}
    workload = figures["workloads"]["seeds"]
    contenders = workload["contenders"]
    assert list(contenders) == chosen
    for name, contender in contenders.items():
        assert len(contender["seconds"]) == 2 and min(contender["seconds"]) > 0
        assert contender["measured_on"] == {"numpy": 1, "floor": 0}.get(name, SMALL["seeds"].members)
        assert (contender["accuracy"] is None) == (name == "floor") or name == "jfnn_halving"
    assert contenders["jfnn_halving"]["share_trained"] < 1
    assert workload["breakdown"]["epochs"] == 2 and workload["seconds"] > 0
    assert contenders["jfnn"]["accuracy"] == pytest.approx(contenders["vmap"]["accuracy"], abs=3 / 360)


def test_script_writes_growth_curves_and_plots(written):
    _, _, out, _ = written
    with (out / "growth.csv").open() as file:
        rows = list(csv.DictReader(file))
    places = {(row["axis"], int(row["value"])) for row in rows}
    axes = ("members", "batch", "width", "cores")
    assert places == {(axis, value) for axis in axes for value in getattr(CURVES, axis)}
    assert {row["contender"] for row in rows} == {"jfnn", "floor"}
    assert all(float(row["fastest_s"]) <= float(row["median_s"]) <= float(row["slowest_s"]) for row in rows)
    for name in ("bench.png", "growth.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")


def test_script_prints_a_table_from_the_slowest_to_the_fastest(written):
    _, printed, _, chosen = written
    block = printed.split(f"### {SMALL['seeds'].title}\n\n")[1].split("\n\n")[0].splitlines()
    assert len(block) == 2 + len(chosen)
    assert len({line.count("|") for line in block}) == 1
    times = [float(line.split("|")[2].removesuffix("s ")) for line in block[2:]]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--workload nothing", ("--workload", "nothing")),
        ("--contenders torch jfnn", ("--contenders", "torch", "no_such_package")),
        ("--contenders numpy --workload xor growth", ("--contenders", "growth", "jfnn, floor")),
        ("--rounds 0", ("--rounds", "from 1 to", "got '0'")),
    ],
)
def test_impossible_options_are_refused_before_anything_starts(arguments, words, capsys):
    missing = CONTENDERS | {"torch": CONTENDERS["torch"]._replace(needs="no_such_package")}
    setup = bench.Setup(lambda contender: pytest.fail("started"), contenders=missing)
    with pytest.raises(SystemExit) as stopped:
        bench.main(arguments.split(), setup)
    error = capsys.readouterr().err
    assert stopped.value.code == 2 and all(word in error for word in words)


def test_curves_are_those_of_the_contenders_chosen():
    options = bench.read_options(["--contenders", "numpy"])
    assert options.workload == [name for name, workload in WORKLOADS.items() if not workload.long]
    assert list(options.chosen) == ["numpy"]
    options = bench.read_options(["--contenders", "vmap"])
    assert bench.GROWTH in options.workload
    clock = Clock({CONTENDERS["vmap"].title: [1, 1]})
    scale = growth.Scale((1,), (), (), (1, 2), gflop=1e-3, rounds=1)
    points, failed = growth.curves(scale, clock, options.chosen)
    assert [(point.axis, point.contender) for point in points] == [("members", "vmap")] and not failed


def test_figures_are_written_after_every_workload(tmp_path, capsys):
    class Stopped(Clocked):
        def prepare(self, workload):
            super().prepare(workload)
            if workload.data == "xor":
                raise KeyboardInterrupt

    clock = Clock({CONTENDERS["jfnn"].title: [2, 1]}, trained=0.94)
    path = tmp_path / "new" / "x.json"
    words = ["--workload", "seeds", "xor", "--contenders", "jfnn", "--rounds", "1", "--json", str(path)]
    setup = bench.Setup(functools.partial(Stopped, clock), SMALL)
    with pytest.raises(KeyboardInterrupt):
        bench.main([*words, "--out", str(tmp_path)], setup)
    workloads, printed = read_json(path)["workloads"], capsys.readouterr().out
    assert list(workloads) == ["seeds"]
    figures = workloads["seeds"]["contenders"]["jfnn"]
    assert figures["median_s"] == 1 and figures["share_of_floor"] is None  # there was no floor
    assert "| 94% |" in printed and "members that diverge stop" in printed
    assert "tracing failed" in printed


def test_json_has_nothing_where_there_is_no_number(tmp_path):
    assert report.plain({"a": (math.nan, 1.5, [math.inf])}) == {"a": [None, 1.5, [None]]}
    point = growth.Point("members", 1, "jfnn", *[1.0] * 5, math.nan, None)
    bench.write({}, [point], {}, bench.read_options(["--out", str(tmp_path)]))
    assert json.loads((tmp_path / "bench.json").read_text())["growth"][0]["share_of_floor"] is None
