"""The script that times searches and measures ensembles."""

import numpy as np
import pytest
import searches


def test_the_gain_is_that_of_the_ensemble_over_the_best_cell():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 3))
    rows = x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    gain = searches.gain(rows, 0, epochs=2)
    assert abs(gain) < 60 and gain == searches.gain(rows, 0, epochs=2)
    assert gain != searches.gain(rows, 1, epochs=2)


@pytest.mark.slow
def test_the_script_prints_a_line_for_each_network_and_each_data_set(capsys):
    words = ["--rounds", "1", "--max-iter", "1", "--splits", "2", "--epochs", "1"]
    assert searches.main(words) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in (*searches.NETWORKS, *searches.data_sets()))
