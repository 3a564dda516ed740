"""Workloads that are no grids: that contenders train the same networks, on the rows that they should."""

import contextlib
import dataclasses
import functools
import io
import json
import re

import bench
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from benchmarks import first_call, first_calls, own_draws, own_draws_jax, own_loss_jax
from benchmarks.contenders import CONTENDERS, matmul
from benchmarks.kinds import KINDS
from benchmarks.shapes import SHAPES, Case
from benchmarks.workers import Here
from helpers import compiled

import jfnn

pytestmark = pytest.mark.unoptimised

FEW = SHAPES["few"]["few_1"].contenders
OTHERS = [name for name in FEW if name not in ("floor", "jfnn")]
# Minibatches of all rows that there are to learn from: in whatever order, the steps are the same.
ALL_ROWS = {
    None: dataclasses.replace(own_draws.IRIS, batch=120, epochs=5, seeds=3, learning_rates=(1e-3, 1e-2)),
    5: dataclasses.replace(own_draws.IRIS, batch=96, epochs=5, seeds=2, folds=5),
}
CASES = {name: case for cases in SHAPES.values() for name, case in cases.items()}


@pytest.fixture(scope="module")
def by_jfnn():
    """Folds -> the mean accuracy of all members by jfnn."""
    return {folds: FEW["jfnn"].prepare(workload)().accuracy for folds, workload in ALL_ROWS.items()}


@pytest.mark.parametrize("folds", ALL_ROWS)
@pytest.mark.parametrize("name", OTHERS)
def test_contenders_train_the_same_networks(by_jfnn, name, folds):
    workload = ALL_ROWS[folds]
    actual = FEW[name].prepare(workload)().accuracy
    assert actual.shape == () and 0.4 < actual < 0.97  # neither at chance nor at an end
    scored = workload.members * (30 if folds is None else 120 // folds)
    assert abs(actual - by_jfnn[folds]) * scored < 1.5  # one row may be on the boundary


@pytest.mark.parametrize("name", ["jit", "vmap_drawn", "vmap_numpy"])
def test_minibatches_are_of_the_rows_to_learn_from_alone(name, monkeypatch):
    """Of one class here, so that networks whose weights a penalty makes small say nothing else."""
    workload = dataclasses.replace(own_draws.IRIS, seeds=2, l2s=(5.0,))
    rows = workload.rows()
    [numbers], masks = own_draws_jax.parts(workload)
    one_class = np.resize(numbers[rows.y_train == 1], (1, len(numbers)))
    monkeypatch.setattr(own_draws_jax, "parts", lambda _: (one_class, masks))
    assert FEW[name].prepare(workload)().accuracy == pytest.approx(np.mean(rows.y_test == 1))


@pytest.mark.parametrize("folds", [None, 7])
def test_each_row_is_held_out_once_and_then_not_learned_from(folds):
    workload = dataclasses.replace(own_draws.FOLDS, folds=folds)
    numbers, masks = own_draws_jax.parts(workload)
    n, n_test = len(workload.rows().x_train), len(workload.rows().x_test)
    assert numbers.shape == (folds or 1, workload.learned_from)
    train, held_out, test = masks.swapaxes(0, 1)
    assert (test == np.repeat([False, True], [n, n_test])).all()
    for fold, rows in enumerate(numbers):
        assert len(set(rows)) == len(rows) and train[fold, rows].all()
    if folds is None:
        assert (held_out == test).all() and (train == ~test).all()
    else:
        assert (train == ~(held_out | test)).all()
        assert (held_out.sum(axis=0) == np.repeat([1, 0], [n, n_test])).all()


class Called(Exception):
    """Carries what `jfnn.sweep` was called with."""


def asked(workload, contender):
    """What a contender asks of `jfnn.sweep`."""

    def sweep(*_, **options):
        raise Called(options)

    with pytest.raises(Called) as called:
        contender.prepare(workload, sweep=sweep)()
    return called.value.args[0]


@pytest.mark.parametrize("name", CASES)
def test_jfnn_is_asked_for_as_many_members_and_steps_as_are_counted(name):
    case = CASES[name]
    for workload in (case.workload, case.quick):
        options = asked(workload, case.contenders["jfnn"])
        axes = [len(options["learning_rate"]), len(options.get("l2", [0])), options.get("seeds", 1)]
        assert np.prod(axes) * (options.get("folds") or 1) == workload.members
        n, folds, batches = len(workload.rows().x_train), options.get("folds"), options["batch_size"]
        least = n - max(map(len, np.array_split(np.arange(n), folds))) if folds else n
        assert workload.steps() == (1 if batches is None else batches.steps(least))
        assert options["epochs"] == workload.epochs


def test_seeds_of_a_kind_draw_their_own_minibatches_as_the_grid_does():
    case = CASES["kind_seeds_gru"]
    grid, seeds = (asked(case.workload, case.contenders[name]) for name in ("jfnn_grid", "jfnn"))
    assert grid["batch_size"] == seeds["batch_size"] == jfnn.Minibatches(100)
    assert (len(grid["learning_rate"]), grid["seeds"]) == (32, 1)
    assert (list(seeds["learning_rate"]), seeds["seeds"]) == ([case.workload.reference[0]], 32)


@pytest.mark.parametrize("bias", [0.0, 0.5])
def test_the_own_loss_is_the_mean_square_of_the_residual(bias):
    """A network that is a constant c makes u = t + c t², whose u'' + u is 2 c + t + c t²."""
    init, loss, score = own_loss_jax.problem(own_draws.ANALYTIC)
    *hidden, last = jax.tree.map(jnp.zeros_like, init(jax.random.key(0)))
    params = (*hidden, last._replace(b=last.b + bias))
    points = np.linspace(0, own_draws.LARGEST, 50)[:, None]
    expected = (2 * bias + points[:, 0] + bias * points[:, 0] ** 2) ** 2
    actual = compiled(score)(params, jnp.asarray(points))["loss"]
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)
    drawn = compiled(jax.vmap(lambda key: loss(params, None, key)))(jax.random.split(jax.random.key(0), 20))
    assert len(set(drawn.tolist())) == 20  # each key has its points
    assert np.mean(drawn) == pytest.approx(expected.mean(), rel=0.05)


def test_contenders_learn_the_own_loss_alike():
    workload = dataclasses.replace(own_draws.ANALYTIC, epochs=60, learning_rates=(1e-2,), l2s=(1e-4, 1e-3))
    contenders = CASES["own_data"].contenders
    ours, theirs = (float(contenders[name].prepare(workload)().accuracy) for name in ("jfnn", "vmap"))
    untrained = float(contenders["vmap"].prepare(dataclasses.replace(workload, epochs=1))().accuracy)
    assert ours == pytest.approx(theirs, rel=0.3)
    assert max(ours, theirs) < 0.5 * untrained


def test_products_of_an_own_loss_are_counted_by_hand():
    weights, points = 16 + 16 * 16 + 16, 256
    forward = 3 * 2 * points * weights  # u and two derivatives
    assert own_draws.ANALYTIC.flop() == 35 * (200 * 3 * forward + forward)
    assert own_draws.ANALYTIC.flop(trained=0.0) == 35 * forward


def test_first_calls_are_told_apart_from_imports_and_second_calls(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr(first_call.time, "perf_counter", lambda: float(next(now)))
    clock = iter([0.0, 5.0, 5.0, 12.0, 12.0, 13.0])
    monkeypatch.setattr(first_call.time, "process_time", lambda: next(clock))
    calls = []
    figures = first_call.measure(lambda epochs: lambda: calls.append(epochs), 3)
    assert calls == [3, 3]
    assert figures == {"imports": [1, 5], "first": [1, 7], "again": [1, 1]}
    process = first_calls.Process(20.0, *(tuple(times) for times in figures.values()))
    assert process.compiling == 6
    printed = first_calls.table({"grid": {"jfnn": [process, process._replace(seconds=40.0)]}})
    assert printed.splitlines()[-1].endswith("| jfnn, all cores | 30 s | 1 s | 1 s | 1 s | 5 s | 6 s |")


def test_a_first_call_has_a_process_of_its_own_and_may_fail():
    process = first_calls.start("classifier", "sklearn", epochs=2)
    inside = process.imports[0] + process.first[0] + process.again[0]
    assert 0 < inside < process.seconds
    with pytest.raises(RuntimeError, match="KeyError: 'torch'"):
        first_calls.start("classifier", "torch")


@pytest.mark.slow
def test_all_first_calls_run():
    figures, failed = first_calls.measured(list(first_calls.CONTENDERS), rounds=1, epochs=1)
    assert not failed
    assert {case: [*ways] for case, ways in figures.items()} == {
        case: [*ways] for case, ways in first_call.CASES.items()
    }
    assert all(ways["jfnn"][0].compiling > 0 for ways in figures.values())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The script run in this process: exit status, printed text, figures."""
    out = tmp_path_factory.mktemp("bench")
    contenders = {name: FEW[name] for name in ("jit", "vmap_numpy", "jfnn")}
    contenders["floor"] = CONTENDERS["floor"]._replace(prepare=functools.partial(matmul, size=64))
    small = dataclasses.replace(own_draws.IRIS, seeds=2, epochs=1)
    setup = bench.Setup(Here, shapes={"few": {"few_1": Case(small, small, contenders, traced=False)}})
    words = ["--workload", "few", "first_calls", "--contenders", "vmap_numpy", "jfnn", "floor", "sklearn"]
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(io.StringIO()) as printed:
        patched.setattr(first_calls, "start", started)
        status = bench.main([*words, "--rounds", "2", "--out", str(out)], setup)
    return status, printed.getvalue(), json.loads((out / "bench.json").read_text())


def started(case, contender, epochs):
    if contender == "sklearn" and case == "search":
        raise RuntimeError("Traceback\nValueError: no such search")
    return first_calls.Process(9.0, (1.0, 2.0), (3.0, 4.0), (5.0, 1.0))


def test_script_measures_what_was_chosen_and_writes_it(written):
    status, printed, figures = written
    assert list(figures["workloads"]) == ["few_1"]
    contenders = figures["workloads"]["few_1"]["contenders"]
    assert list(contenders) == ["vmap_numpy", "jfnn", "floor"]
    assert all(len(c["seconds"]) == 2 and min(c["seconds"]) > 0 for c in contenders.values())
    assert 0 < contenders["jfnn"]["accuracy"] < 1
    assert figures["workloads"]["few_1"]["breakdown"] is None and "Where jfnn" not in printed
    assert {case: [*ways] for case, ways in figures["first_calls"].items()} == {
        "grid": ["jfnn"],
        "classifier": ["sklearn", "jfnn"],
        "search": ["jfnn"],
    }
    assert figures["first_calls"]["grid"]["jfnn"][1]["first"] == [3.0, 4.0]
    assert status == 1 and "first calls, search sklearn: failed, ValueError: no such search" in printed


def test_without_names_workloads_are_those_of_the_contenders():
    assert bench.read_options(["--contenders", "jit"]).workload == ["few"]
    assert bench.read_options(["--contenders", "jfnn_grid"]).workload == ["kind_seeds"]
    everything = bench.read_options([]).workload
    assert {*SHAPES, *KINDS, "notes", "first_calls", "growth"} <= {*everything}
    assert not {"many", "xor_100k"} & {*everything}


def test_a_workload_that_no_contender_trains_is_refused(capsys):
    with pytest.raises(SystemExit):
        bench.read_options(["--contenders", "numpy", "--workload", "few"])
    assert re.search("--contenders: few measures .*jit", capsys.readouterr().err)
