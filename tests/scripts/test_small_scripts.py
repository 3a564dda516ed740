"""Single-file scripts: Optuna's search, widths, timed searches; invalid words."""

import hashlib

import checksum
import committees
import jax
import numpy as np
import optuna_search
import probes
import pytest
import ties
import widths

import jfnn

pytestmark = pytest.mark.thorough

SMALL = ["--trials", "6", "--at-once", "3", "--searches", "1", "--epochs", "1"]


def error_line(capsys, main, *words):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    line = capsys.readouterr().err.partition("error: ")[2]
    assert stopped.value.code == 2 and line.count("\n") == 1
    return line


def test_both_searches_print_a_line_per_seed_and_continue(capsys, tmp_path):
    pytest.importorskip("optuna")
    assert optuna_search.main([*SMALL, "--out", str(tmp_path)]) == 0
    heading, line, mean = capsys.readouterr().out.splitlines()
    assert heading.split()[:2] == ["seed", "Optuna"]
    seed, steered, _, rounds, by_chance, _ = map(float, line.split())
    assert (seed, rounds) == (0, 2)
    assert 0 < steered <= 1 and 0 < by_chance <= 1
    assert mean.split() == ["mean", f"{steered:.4f}", f"{by_chance:.4f}"]
    runs = {str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob("results.npz")}
    assert runs == {"optuna-0/round-0000", "optuna-0/round-0001", "random-0"}
    assert optuna_search.main([*SMALL, "--out", str(tmp_path), "--resume"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == mean
    assert error_line(capsys, optuna_search.main, *SMALL, "--out", str(tmp_path)).startswith("--out: ")


@pytest.mark.slow
def test_widths_are_printed_with_best_rates_and_exponents_and_plotted(capsys, tmp_path):
    words = ["--data", "digits", "--width", "2,4,8", "--epochs", "1", "--seeds", "2", "--out", str(tmp_path)]
    assert widths.main(words) == 0
    heading, *lines, said = capsys.readouterr().out.splitlines()
    assert heading.split()[-3:] == ["2", "4", "8"] and str(tmp_path) in said
    rates = lines[:2]
    losses = lines[3:5]
    exponents = lines[6:]
    for rows, numbers in ((rates, 3), (losses, 3), (exponents, 3)):
        assert [row.split()[0] for row in rows] == ["standard", "maximal_update"]
        assert all(np.isfinite([float(word) for word in row.split()[1:]]).sum() == numbers for row in rows)
    # At the base width both parametrizations are the same network.
    assert len({row.split()[1] for row in rates}) == 1
    assert len({row.split()[1] for row in losses}) == 1
    assert (tmp_path / "widths.png").read_bytes().startswith(b"\x89PNG")


def test_checksum_is_over_the_parameters_as_read_by_other_programs(capsys, tmp_path):
    assert checksum.main(["--epochs", "1"]) == 0
    *_, tiles, printed = capsys.readouterr().out.splitlines()
    axis = [10.0**exponent for exponent in range(-5, 2)]
    options = dict(learning_rate=axis, l2=axis, reduction="sum", epochs=1, out=tmp_path / "run")
    network = jfnn.mlp((64, 50, 10), "sigmoid", init="normal")
    result = jfnn.sweep(network, jfnn.datasets.digits(), **options)
    with np.load(tmp_path / "run" / "models.npz") as models:
        content = b"".join(models[name].tobytes() for name in ("0.w", "0.b", "1.w", "1.b"))
    assert printed == hashlib.sha256(content).hexdigest()
    assert tiles == f"tiles of {result.execution.tile}, 1 epochs"


@pytest.mark.thorough
def test_probes_agree_between_one_sweep_separate_sweeps_plain_jax_and_scikit_learn():
    case = probes.Case(targets=3, rows=200, inputs=5, tests=50)
    with jax.enable_x64():
        split = case.split()
        found = [probes.by_jfnn(split), probes.one_by_one(split), probes.plain(split)()]
    w, accuracy = probes.fit_targets((case, range(3)))
    for one in found:
        np.testing.assert_allclose(one.coefficients, w, atol=1e-5)
        np.testing.assert_array_equal(one.accuracy, accuracy)


def test_coverage_is_computed_for_every_method_and_grid_and_is_too_low_uncorrected():
    for kind in ties.GRIDS:
        found = dict(zip(ties.METHODS, ties.simulate(kind, 8, 3, 20), strict=True))
        assert all(0 <= f.all <= f.one <= 1 <= f.size <= 8 for f in found.values())
    equal = dict(zip(ties.METHODS, ties.simulate("equal", 49, 3, 100), strict=True))
    assert equal["paired t"].one < 0.9 and equal["jfnn"].one > 0.95


@pytest.mark.thorough
def test_committees_agree_between_plain_jax_and_both_layouts(capsys):
    case = committees.CASES[0]._replace(steps=50)
    losses = np.asarray(committees.plain(case)())  # draws other rows: the same except for chance
    assert losses.shape == (case.seeds, case.rates)
    for execution in (None, jfnn.Execution(tile=case.rates, shared=True)):
        result = committees.sweep(case, execution)
        np.testing.assert_allclose(result.train_loss[:, 0].mean(), losses.mean(), rtol=0.2)
    assert len(committees.row(case, 1)) == 9
