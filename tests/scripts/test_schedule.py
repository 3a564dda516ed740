"""The script that learns a schedule."""

import jax.numpy as jnp
import numpy as np
import pytest
import schedule


def test_a_staircase_has_each_multiplier_for_its_part():
    of_part = schedule.staircase(np.array([1.0, 0.5, 2.0]))
    parts = jnp.arange(34) / jnp.asarray(33.0)
    expected = [1.0] * 11 + [0.5] * 11 + [2.0] * 12
    np.testing.assert_array_equal(of_part(parts), expected)


@pytest.mark.slow
def test_script_prints_the_comparison_and_draws_the_schedules(tmp_path, capsys):
    arguments = ["--epochs", "2", "--seeds", "1", "--unseen", "3", "--steps", "2", "--out", str(tmp_path)]
    assert schedule.main(arguments) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("constant", "cosine", "learned"))
    assert (tmp_path / "schedule.png").exists()
