"""The comparison, on networks that take no time: that it compares the same work, and what it writes."""

import csv
import dataclasses
import functools
import importlib
import json
import math
from pathlib import Path

import numpy as np
import pytest

import jfnn
from jfnn.engine import devices

SCRIPTS = Path(__file__).parents[2] / "scripts"
PART = "benchmarks."
SAME_STREAM = ("vmap", "jfnn", "jfnn_backprop")
TORCH = ("torch", "torch_vmap", "torch_compile")
GROWTH = dict(members=(3,), batches=(40,), widths=(6,), cores=(1, 2), gflop=1e-3, rounds=1)


@pytest.fixture(scope="module")
def parts():
    """The modules of the script, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        names = ["workloads", "peers", "contenders", "measure", "workers", "growth", "report", "breakdown"]
        modules = {name: importlib.import_module(PART + name) for name in names}
        yield type("Parts", (), modules | {"bench": importlib.import_module("bench")})


@pytest.fixture(scope="module")
def small(parts):
    """Every kind of workload, shortened: name -> workload."""
    rates = {
        "seeds": (3e-4, 1e-3),
        "mnist": (1e-3,),
        "deep": (2e-4,),
        "xor": (0.1, 1.0),
    }
    found = {}
    for name, learning_rates in rates.items():
        full = parts.workloads.WORKLOADS[name]
        l2s = (1e-3, 100.0) if name == "seeds" else (1e-3,)
        found[name] = dataclasses.replace(
            full,
            sizes=(full.sizes[0], *(8 for _ in full.sizes[1:-1]), full.sizes[-1]),
            learning_rates=learning_rates,
            l2s=l2s,
            epochs=40 if name == "xor" else 3,
            seeds=min(full.seeds, 2),
            reference=(learning_rates[-1], l2s[0]),
            part=full.part and (1, 1, 1),
            traced_epochs=2,
        )
    return found


def accuracies(parts, workload, name):
    return parts.contenders.CONTENDERS[name].prepare(workload)().accuracy


@pytest.fixture(scope="module")
def by_numpy(parts, small):
    """Test accuracies by the notes' loop: name of a workload -> ``[η, λ, seed]``."""
    return {name: accuracies(parts, workload, "numpy") for name, workload in small.items()}


def rows_apart(workload, found, expected):
    """By how many test rows accuracies differ; one may lie on the boundary, where float32 may differ."""
    return round(np.abs(found - expected).max() * len(workload.rows().y_test))


@pytest.mark.parametrize("workload", ("seeds", "mnist", "deep", "xor"))
@pytest.mark.parametrize("name", SAME_STREAM)
def test_contenders_train_the_same_networks(parts, small, by_numpy, workload, name):
    found = accuracies(parts, small[workload], name)
    assert found.shape == small[workload].shape
    assert rows_apart(small[workload], found, by_numpy[workload]) <= 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch warns of parts of itself
@pytest.mark.parametrize("name", TORCH)
def test_torch_trains_the_same_networks(parts, small, by_numpy, name):
    pytest.importorskip("torch")
    for workload in ("seeds", "xor"):
        found = accuracies(parts, small[workload], name)
        assert rows_apart(small[workload], found, by_numpy[workload]) <= 1


def test_the_networks_learn_something_different_in_every_cell(by_numpy):
    of_one_seed = by_numpy["seeds"][..., 0]
    assert len(np.unique(of_one_seed)) == of_one_seed.size


def test_numpy_loop_gives_the_published_counts(parts):
    workload = dataclasses.replace(
        parts.workloads.NOTES, learning_rates=(1e-3,), l2s=(1.0,), reference=(1e-3, 1.0)
    )
    assert accuracies(parts, workload, "numpy").item() == 342 / 360


def test_stream_is_the_notes_random_calls(parts):
    workload = dataclasses.replace(parts.workloads.NOTES, epochs=2)
    (w1, b1, w2, b2), batches = workload.stream(3, workload.rows())
    rng = np.random.RandomState(3)
    np.testing.assert_array_equal(w1, rng.randn(64, 50))
    np.testing.assert_array_equal(w2, rng.randn(50, 10))
    assert (b1 == 0.01).all() and (b2 == 0.01).all() and (b1.size, b2.size) == (50, 10)
    np.testing.assert_array_equal(batches[0, 0], rng.choice(np.arange(1437), size=100, replace=False))
    assert batches.shape == (2, 14, 100)


def test_scikit_learn_minimises_the_same_objective(parts, monkeypatch):
    """One full-batch epoch from one start: its step is that of the notes."""
    from sklearn import model_selection

    captured = {}

    class Search:
        def __init__(self, network, grid, **options):
            captured.update(network=network, grid=grid, **options)

    monkeypatch.setattr(model_selection, "GridSearchCV", Search)
    digits = parts.workloads.WORKLOADS["notes"]
    workload = dataclasses.replace(
        digits, sizes=(64, 5, 10), batch=1437, epochs=1, learning_rates=(1e-4,), l2s=(30.0,)
    )
    parts.peers.scikit_learn(workload)
    setting = {name: values[0] for name, values in captured["grid"].items()}
    rows = workload.rows()
    network = captured["network"].set_params(**setting, warm_start=True, shuffle=False)
    with pytest.warns(match="Maximum iterations"):
        network.set_params(learning_rate_init=1e-30).fit(rows.x_train, rows.y_train)
    start = [np.copy(w) for w in network.coefs_]
    params = [leaf for pair in zip(start, map(np.copy, network.intercepts_), strict=True) for leaf in pair]
    with pytest.warns(match="Maximum iterations"):
        network.set_params(learning_rate_init=setting["learning_rate_init"]).fit(rows.x_train, rows.y_train)
    layers = tuple(jfnn.Layer(w, b) for w, b in zip(params[::2], params[1::2], strict=True))
    _, gradients = jfnn.backprop.value_and_grad(layers, rows.x_train, rows.y_train, l2=30.0)
    for after, before, layer in zip(network.coefs_, start, gradients, strict=True):
        np.testing.assert_allclose(after - before, -1e-4 * np.asarray(layer.w), rtol=1e-3, atol=1e-6)


def test_scikit_learn_scores_every_cell(parts, small):
    workload = dataclasses.replace(small["seeds"], epochs=10, sizes=(64, 30, 10), seeds=1)
    found = accuracies(parts, workload, "sklearn")
    assert found.shape == workload.shape
    assert found[0, 0] < found[1, 0] > found[1, 1]  # the larger learning rate learns faster, a penalty slows


def test_a_member_that_left_early_shows_no_accuracy(parts, small):
    found = accuracies(parts, dataclasses.replace(small["seeds"], epochs=9, seeds=1), "jfnn_halving")
    assert 0 < np.isfinite(found).sum() < found.size


def test_arithmetic_counts_every_product_but_the_first_layers_way_back(parts):
    workload = dataclasses.replace(parts.workloads.WORKLOADS["deep"], epochs=3)
    forward = 64 * 32 + 32 * 32 + 32 * 32 + 32 * 10
    backward = 2 * forward - 64 * 32
    training, scoring = 2 * 100 * (forward + backward) * 3 * 14 * 64, 2 * 1797 * forward * 64
    assert workload.flop() == training + scoring
    assert workload.flop(trained=0.25) == training / 4 + scoring


def test_a_part_holds_the_reference_cell(parts):
    for workload in (
        *parts.workloads.WORKLOADS.values(),
        *map(parts.workloads.quick, parts.workloads.WORKLOADS.values()),
    ):
        part = workload.reduced()
        cell = part.learning_rates[part.reference_index[0]], part.l2s[part.reference_index[1]]
        assert cell == workload.reference
        assert part.shape == (workload.part or workload.shape)


class Clock:
    """Worker of given times: ``{title: [seconds of each run]}``."""

    def __init__(self, parts, times, accuracy=1.0, trained=1.0):
        self.parts, self.times, self.accuracy, self.trained = parts, times, accuracy, trained

    def __call__(self, contender):
        return Clocked(self, contender)


class Clocked:
    def __init__(self, clock, contender):
        self.clock, self.contender = clock, contender
        self.times = iter(clock.times[contender.title])

    def prepare(self, workload):
        self.workload = workload

    def run(self):
        seconds = next(self.times)
        if seconds is None:
            raise self.clock.parts.workers.ContenderError("Traceback\nValueError: no such device")
        outcome = self.clock.parts.peers.Outcome
        none = self.contender.title == self.clock.parts.contenders.CONTENDERS["floor"].title
        accuracy = None if none else np.full(self.workload.shape, self.clock.accuracy)
        return self.clock.parts.workers.Run(
            seconds, seconds, outcome(accuracy, 1.0 if none else self.clock.trained)
        )

    def peak_memory(self):
        return 7.0

    def devices(self):
        return ["cpu:0 cpu"]

    def stop(self):
        pass


def compared(parts, times, workload=None, **options):
    contenders = {name: parts.contenders.CONTENDERS[name] for name in times}
    clock = Clock(parts, {contenders[name].title: list(values) for name, values in times.items()}, **options)
    with parts.measure.started(contenders, clock) as workers:
        rounds = len(next(iter(times.values()))) - 1
        workload = workload or parts.workloads.NOTES
        return parts.measure.compare(workload, contenders, workers, rounds, lambda message: None)


def test_median_spread_and_first_run(parts):
    found = compared(parts, {"jfnn": [9, 1, 5, 2]}).measurements["jfnn"]
    assert (found.median, found.seconds, found.extra_first) == (2, [1, 5, 2], 7)


def test_a_part_is_scaled_to_the_whole_and_said_so(parts):
    workload = parts.workloads.WORKLOADS["seeds"]
    found = compared(parts, {"numpy": [3, 3, 3], "vmap": [2, 2, 2]}, workload)
    assert found.measurements["numpy"].median == 30
    assert found.measurements["vmap"].median == 2
    assert "49 of 490, scaled" in parts.report.table(found)


def test_share_of_the_floor_counts_what_was_trained(parts):
    workload = parts.workloads.NOTES
    seconds = parts.contenders.MATMUL_FLOP / workload.flop()  # the floor comes out as one second
    found = compared(parts, {"jfnn": [4, 4], "floor": [seconds, seconds]}, workload, trained=0.5)
    assert found.measurements["floor"].median == pytest.approx(1)
    scoring = workload.flop(trained=0) / workload.flop()  # is done in full
    assert found.share_of_floor("jfnn") == pytest.approx((0.5 * (1 - scoring) + scoring) / 4)


@pytest.mark.parametrize(
    ("mine", "theirs", "said"),
    [
        ([1, 2, 2], [3, 4, 4], "wins: 2.00"),
        ([3, 4, 4], [1, 2, 2], "LOSES"),
        ([1, 3, 3], [2, 4, 4], "TIES"),
        ([20, 21.9, 23], [19, 20, 30], "TIES"),
        ([20, 22.1, 23], [19, 20, 30], "LOSES"),
    ],
)
def test_verdict_wins_only_where_all_runs_do_and_no_tie_hides_a_loss(parts, mine, theirs, said):
    times = {"jfnn_1": [9, 80, 80, 80], "jfnn": [9, *mine], "vmap": [9, *theirs], "jfnn_halving": [1] * 4}
    found = compared(parts, times)
    assert said in parts.report.verdict(found)


def test_a_contender_that_fails_is_reported_and_the_others_go_on(parts):
    found = compared(parts, {"jfnn": [1, 1, 1], "vmap": [1, None, 1]})
    assert list(found.measurements) == ["jfnn"] and "no such device" in found.failed["vmap"]
    assert "vmap: failed, ValueError: no such device" in parts.report.table(found)


def test_growth_reports_what_fails_and_goes_on(parts):
    floor, all_cores = (parts.contenders.CONTENDERS[name].title for name in ("floor", "jfnn"))
    clock = Clock(
        parts, {floor: [1, 1], all_cores: [1, 1], "jfnn, 1 cores": [1, None], "jfnn, 2 cores": [None]}
    )
    scale = parts.growth.Scale((1,), (), (), (1, 2), gflop=1e-3, rounds=1)
    points, failed = parts.growth.curves(scale, clock, lambda message: None, ("jfnn", "floor"))
    assert [(p.axis, p.value, p.contender) for p in points] == [("members", 1, n) for n in ("jfnn", "floor")]
    assert set(failed) == {"cores jfnn on 1", "cores jfnn on 2"}


def test_one_core_is_one_thread_even_where_there_are_more(parts, small, monkeypatch):
    class Asked(Exception):
        pass

    def sweep(*_, devices=None, **__):
        raise Asked(devices)

    monkeypatch.setattr(jfnn, "sweep", sweep)
    for name, asked in (("jfnn_1", 1), ("jfnn", None)):
        with pytest.raises(Asked, match=f"^{asked}$"):
            accuracies(parts, small["deep"], name)


def test_a_moment_counts_for_the_innermost_event(parts):
    event = parts.breakdown.Event
    nested = [event(2, 5, "kernel"), event(0, 10, "loop"), event(5, 6, "wait"), event(3, 4, "loop")]
    found = parts.breakdown.self_times([*nested, event(20, 21, "kernel")])
    assert found == {"loop": 7, "kernel": 3, "wait": 1}


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


def test_products_are_told_apart_in_a_compiled_program(parts):
    b = parts.breakdown
    trains, scores = (b.program_kinds(PROGRAM.format(name), n_in=7) for name in ("advance", "evaluate"))
    names = ("big", "later.2", "sum", "loop")
    assert [trains["jit_advance_member", n] for n in names] == [b.FIRST, b.LATER, b.OTHER, b.BETWEEN]
    assert [scores["jit_evaluate_member", n] for n in names] == [
        b.SCORING,
        b.SCORING,
        b.SCORING_OTHER,
        b.BETWEEN,
    ]


@pytest.fixture(scope="module")
def apart(parts):
    """A process apart that traces: to trace, it forgets what was compiled."""
    worker = parts.workers.Apart(parts.breakdown.TRACED)
    yield worker
    worker.stop()
    assert not worker._process.is_alive()


def test_a_process_apart_answers_and_says_what_went_wrong(parts, small, apart):
    assert len(apart.devices()) == devices.cores()
    peak = apart.peak_memory()
    assert peak is None or 50 < peak < 5000
    with pytest.raises(parts.workers.ContenderError, match="KeyError"):
        apart.prepare(dataclasses.replace(small["deep"], data="none"))


def test_a_trace_accounts_for_all_cores_all_the_time(parts, small, apart):
    b = parts.breakdown
    workload = dataclasses.replace(small["deep"], sizes=(64, 128, 128, 10))
    apart.prepare(workload)
    run = apart.run()
    found = run.outcome
    assert found.epochs == 2 and found.cores == devices.cores() and found.kernels > 2 * 14 * 10
    assert 0 < found.seconds + found.untraced_seconds < run.seconds
    times = found.core_seconds
    assert tuple(times) == b.ROWS and min(times.values()) >= 0 and found.untraced_seconds > 0
    # Idle time is what is left, so that the sum cannot be less; more would be counted twice.
    assert sum(times.values()) <= 1.05 * found.cores * found.seconds
    assert min(times[row] for row in (b.FIRST, b.LATER, b.OTHER, b.BETWEEN, b.SCORING, b.DRAWN)) > 0
    assert found.flop == dataclasses.replace(workload, epochs=2).flop()


def test_where_xla_does_not_tell_what_it_runs_there_is_no_breakdown(parts, small, monkeypatch):
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    comparison = parts.measure.Comparison(small["xor"], {}, {})
    found = parts.measure.broken_down(comparison, parts.workers.Here(parts.breakdown.TRACED))
    assert found.breakdown is None and not found.failed
    assert "not known" in parts.report.breakdown_table(found)


def test_breakdown_stands_next_to_the_floor_of_the_same_work(parts):
    workload = parts.workloads.NOTES
    seconds = parts.contenders.MATMUL_FLOP / workload.flop()  # the floor comes out as one second
    found = compared(parts, {"jfnn": [4, 4], "floor": [seconds, seconds]}, workload)
    rows = dict.fromkeys(parts.breakdown.ROWS, 0.0) | {parts.breakdown.FIRST: 3.0, parts.breakdown.GAPS: 1.0}
    traced = parts.breakdown.Breakdown(25, workload.flop() / 4, 2, 2.0, 1.9, 5, rows)
    printed = parts.report.breakdown_table(dataclasses.replace(found, breakdown=traced)).splitlines()
    assert "| products of the first layer | 3000 | 75.0% |" in printed
    assert "| the floor of the same work | 500 | 12.5% |" in printed
    assert printed[-1].startswith("Traced: 25 of 100 epochs")


class Borrowed:
    """A worker that others go on using."""

    def __init__(self, worker):
        self.prepare, self.run = worker.prepare, worker.run

    def stop(self):
        pass


@pytest.fixture(scope="module")
def written(parts, small, apart, tmp_path_factory):
    """The script run in this process, traces apart: its exit status, what it printed, where it wrote."""

    def start(contender):
        return Borrowed(apart) if contender is parts.breakdown.TRACED else parts.workers.Here(contender)

    out = tmp_path_factory.mktemp("bench") / "new"
    chosen = ["numpy", "vmap", "jfnn", "jfnn_halving", "floor"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts.contenders, "MATMUL_SIZE", 64)
        patch.setattr(parts.growth, "LINES", ("jfnn", "floor"))
        patch.setattr(parts.growth.Scale.__new__, "__defaults__", tuple(GROWTH.values()))
        for name, workload in small.items():
            patch.setitem(parts.workloads.WORKLOADS, name, workload)
        printed = []
        patch.setattr("builtins.print", lambda *text, **_: printed.append(" ".join(text)))
        arguments = ["--workload", "seeds", "growth", "--rounds", "2", "--out", str(out)]
        status = parts.bench.main([*arguments, "--contenders", *chosen], start=start)
    return status, "\n".join(printed), out, chosen


def test_script_writes_what_it_measured_as_json(written, small):
    status, _, out, chosen = written
    found = json.loads((out / "bench.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert status == 0
    assert {"versions", "processor", "cores", "devices", "date"} <= set(found["environment"])
    assert set(found["workloads"]) == {"seeds"}
    for name, workload in found["workloads"].items():
        assert list(workload["contenders"]) == chosen
        members = small[name].members
        for contender, figures in workload["contenders"].items():
            assert len(figures["seconds"]) == 2 and min(figures["seconds"]) > 0
            assert figures["measured_on"] == {"numpy": 1, "floor": 0}.get(contender, members)
            assert (figures["accuracy"] is None) == (contender == "floor") or contender == "jfnn_halving"
        assert workload["contenders"]["jfnn_halving"]["share_trained"] < 1
        assert workload["breakdown"]["epochs"] == 2 and workload["seconds"] > 0
        expected = workload["contenders"]["vmap"]["accuracy"]
        assert workload["contenders"]["jfnn"]["accuracy"] == pytest.approx(expected, abs=3 / 360)


def test_script_writes_growth_curves_and_plots(written):
    _, _, out, _ = written
    with (out / "growth.csv").open() as file:
        rows = list(csv.DictReader(file))
    places = {(row["axis"], int(row["value"])) for row in rows}
    axes = {"members": "members", "batch": "batches", "width": "widths", "cores": "cores"}
    assert places == {(axis, value) for axis, key in axes.items() for value in GROWTH[key]}
    assert {row["contender"] for row in rows} == {"jfnn", "floor"}
    assert all(float(row["fastest_s"]) <= float(row["median_s"]) <= float(row["slowest_s"]) for row in rows)
    for name in ("bench.png", "growth.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")


def test_script_prints_a_table_from_the_slowest_to_the_fastest(written, small):
    _, printed, _, chosen = written
    block = printed.split(f"### {small['seeds'].title}\n\n")[1].split("\n\n")[0].splitlines()
    assert len(block) == 2 + len(chosen)
    assert len({line.count("|") for line in block}) == 1
    times = [float(line.split("|")[2].removesuffix("s ")) for line in block[2:]]
    assert times == sorted(times, reverse=True)


def test_what_asks_the_impossible_is_told_before_anything_starts(parts, monkeypatch, capsys):
    gone = parts.contenders.CONTENDERS["torch"]._replace(needs="no_such_package")
    monkeypatch.setitem(parts.contenders.CONTENDERS, "torch", gone)
    for words, said in (
        ("--workload nothing", "--workload: invalid choice: 'nothing'"),
        ("--contenders torch jfnn", "--contenders: torch needs no_such_package, not installed"),
        ("--contenders numpy --workload xor growth", "--contenders: growth measures vmap, jfnn, floor"),
        ("--rounds 0", "--rounds: expected at least 1, got 0"),
    ):
        with pytest.raises(SystemExit) as stopped:
            parts.bench.main(words.split(), start=lambda contender: pytest.fail("started"))
        assert stopped.value.code == 2 and said in capsys.readouterr().err


def test_curves_are_those_of_the_contenders_chosen(parts):
    options, contenders = parts.bench._read(["--contenders", "numpy"])
    assert options.workload == list(parts.workloads.WORKLOADS) and list(contenders) == ["numpy"]
    options, contenders = parts.bench._read(["--contenders", "vmap"])
    assert parts.bench.GROWTH in options.workload
    clock = Clock(parts, {parts.contenders.CONTENDERS["vmap"].title: [1, 1]})
    scale = parts.growth.Scale((1,), (), (), (1, 2), gflop=1e-3, rounds=1)
    points, failed = parts.growth.curves(scale, clock, lambda message: None, contenders)
    assert [(point.axis, point.contender) for point in points] == [("members", "vmap")] and not failed


def test_figures_are_written_after_every_workload(parts, small, tmp_path, monkeypatch):
    class Stopped(Clocked):
        def prepare(self, workload):
            super().prepare(workload)
            if workload.data == "xor":
                raise KeyboardInterrupt

    titles = [parts.contenders.CONTENDERS["jfnn"].title, parts.breakdown.TRACED.title]
    clock = Clock(parts, {titles[0]: [2, 1], titles[1]: [None]}, trained=0.94)
    for name in ("seeds", "xor"):
        monkeypatch.setitem(parts.workloads.WORKLOADS, name, small[name])
    path = tmp_path / "new" / "x.json"
    words = ["--workload", "seeds", "xor", "--contenders", "jfnn", "--rounds", "1", "--json", str(path)]
    printed = []
    monkeypatch.setattr("builtins.print", lambda *text, **_: printed.append(" ".join(text)))
    with pytest.raises(KeyboardInterrupt):
        parts.bench.main([*words, "--out", str(tmp_path)], start=functools.partial(Stopped, clock))
    found = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(name))
    assert list(found["workloads"]) == ["seeds"]
    figures = found["workloads"]["seeds"]["contenders"]["jfnn"]
    assert figures["median_s"] == 1 and figures["share_of_floor"] is None  # there was no floor
    assert "| 94% |" in "\n".join(printed) and "members that diverge leave" in "\n".join(printed)


def test_json_has_nothing_where_there_is_no_number(parts, tmp_path, monkeypatch):
    assert parts.report.plain({"a": (math.nan, 1.5, [math.inf])}) == {"a": [None, 1.5, [None]]}
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *_, **__: None)
    point = parts.growth.Point("members", 1, "jfnn", *[1.0] * 5, math.nan, None)
    options = parts.bench._read(["--out", str(tmp_path)])[0]
    parts.bench.write({}, [point], {}, options)
    assert json.loads((tmp_path / "bench.json").read_text())["growth"][0]["share_of_floor"] is None
