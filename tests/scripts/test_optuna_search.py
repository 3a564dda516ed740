"""The example runs, prints a line a seed and goes on; skipped where Optuna is missing."""

import sys

import optuna_search
import pytest

SMALL = ["--trials", "6", "--at-once", "3", "--searches", "1", "--epochs", "1"]


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
    refused(capsys, [*SMALL, "--out", str(tmp_path)], "--out: ")


def test_without_optuna_or_a_folder_there_is_one_line(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    refused(capsys, SMALL, "needs the package optuna: pip install 'jfnn[optuna]'")
    monkeypatch.undo()
    pytest.importorskip("optuna")
    refused(capsys, [*SMALL, "--resume"], "--resume: ")


def refused(capsys, arguments, words):
    with pytest.raises(SystemExit) as stopped:
        optuna_search.main(arguments)
    line = capsys.readouterr().err.partition("error: ")[2]
    assert stopped.value.code == 2 and line.startswith(words) and line.count("\n") == 1
