"""The scripts of one file: Optuna's search, the learned schedule, widths, timed searches; bad words."""

import sys

import bench
import jax.numpy as jnp
import numpy as np
import optuna_search
import pytest
import scaling
import schedule
import searches
import widths

pytestmark = pytest.mark.thorough

SMALL = ["--trials", "6", "--at-once", "3", "--searches", "1", "--epochs", "1"]


def error_line(capsys, main, *words):
    """The line that a script prints before it exits with 2."""
    with pytest.raises(SystemExit) as stopped:
        main(words)
    line = capsys.readouterr().err.partition("error: ")[2]
    assert stopped.value.code == 2 and line.count("\n") == 1
    return line


@pytest.mark.parametrize(
    ("script", "flag"), [(optuna_search, "--trials"), (schedule, "--unseen"), (bench, "--rounds")]
)
@pytest.mark.parametrize("word", ["0", "1.5", "9" * 30])
def test_a_count_that_is_none_raises_with_the_flag(script, flag, word, capsys):
    assert error_line(capsys, script.main, f"{flag}={word}").startswith(f"{flag}: ")


@pytest.mark.parametrize("script", [scaling, schedule, bench, optuna_search, widths])
def test_a_file_is_no_place_to_write_to(script, capsys, tmp_path):
    (tmp_path / "file").write_text("kept")
    assert error_line(capsys, script.main, f"--out={tmp_path / 'file'}").startswith("--out: ")


def test_both_searches_have_a_line_a_seed_and_go_on(capsys, tmp_path):
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


def test_without_optuna_or_a_folder_there_is_one_line(capsys, monkeypatch):
    assert error_line(capsys, optuna_search.main, *SMALL, "--resume").startswith("--resume: ")
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert "pip install 'jfnn[optuna]'" in error_line(capsys, optuna_search.main, *SMALL)


def test_a_staircase_has_each_multiplier_for_its_part():
    steps = schedule.staircase(np.array([1.0, 0.5, 2.0]))
    expected = [1.0] * 11 + [0.5] * 11 + [2.0] * 12
    np.testing.assert_array_equal(steps(jnp.arange(34) / jnp.asarray(33.0)), expected)


@pytest.mark.slow
def test_the_schedule_is_compared_and_drawn(tmp_path, capsys):
    arguments = ["--epochs", "2", "--seeds", "1", "--unseen", "3", "--steps", "2", "--out", str(tmp_path)]
    assert schedule.main(arguments) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("constant", "cosine", "learned"))
    assert (tmp_path / "schedule.png").exists()


def test_widths_are_told_with_their_best_rates_and_exponents_and_drawn(capsys, tmp_path):
    words = ["--data", "digits", "--width", "2,4,8", "--epochs", "1", "--seeds", "2", "--out", str(tmp_path)]
    assert widths.main(words) == 0
    heading, *lines, said = capsys.readouterr().out.splitlines()
    assert heading.split()[-3:] == ["2", "4", "8"] and str(tmp_path) in said
    rates = lines[:2]
    exponents = lines[3:]
    for rows, numbers in ((rates, 3), (exponents, 3)):
        assert [row.split()[0] for row in rows] == ["standard", "maximal_update"]
        assert all(np.isfinite([float(word) for word in row.split()[1:]]).sum() == numbers for row in rows)
    # At the base width both parametrisations are one network.
    assert len({row.split()[1] for row in rates}) == 1
    assert (tmp_path / "transfer.png").read_bytes().startswith(b"\x89PNG")


def test_the_gain_is_that_of_the_ensemble_over_the_best_cell():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 3))
    rows = x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    gains = [searches.gain(rows, random_state, epochs=2) for random_state in (0, 1)]
    assert max(map(abs, gains)) < 60 and gains[0] != gains[1]


@pytest.mark.slow
def test_there_is_a_line_for_each_network_and_each_data_set(capsys):
    sections = ["--sections", "searches", "ensembles"]
    words = [*sections, "--rounds", "1", "--max-iter", "1", "--splits", "2", "--epochs", "1"]
    assert searches.main(words) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in (*searches.NETWORKS, *searches.DATA))


@pytest.mark.thorough
@pytest.mark.parametrize("package", ["scikit-learn", "jfnn"])
def test_a_first_call_prints_its_seconds_and_the_engine(package, capsys):
    assert searches.main(["--case", "iris", "fit", package]) == 0
    seconds, engine = capsys.readouterr().out.split()
    assert float(seconds) > 0 and engine == "scikit-learn"
