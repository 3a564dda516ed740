"""The example runs and prints a line a seed; skipped where Optuna is missing."""

import optuna_search
import pytest


def test_both_searches_have_a_line_a_seed(capsys):
    pytest.importorskip("optuna")
    assert optuna_search.main(["--trials", "6", "--at-once", "3", "--searches", "1", "--epochs", "1"]) == 0
    heading, line, mean = capsys.readouterr().out.splitlines()
    assert heading.split()[:2] == ["seed", "Optuna"]
    seed, steered, _, rounds, by_chance, _ = map(float, line.split())
    assert (seed, rounds) == (0, 2)
    assert 0 < steered <= 1 and 0 < by_chance <= 1
    assert mean.split() == ["mean", f"{steered:.4f}", f"{by_chance:.4f}"]
