"""Losses of numbers by the command line."""

import numpy as np
import pytest
from command_line import grid_main

import jfnn

pytestmark = [pytest.mark.thorough, pytest.mark.unoptimised]


def test_the_command_line_learns_deviations_in_the_units_of_the_file(tmp_path, monkeypatch):
    """A table in other units, which are standardised away, has the same predictions in those."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 2))
    y = x @ [1.0, -0.5] + rng.normal(size=60)
    predicted = []
    for name, shift, factor in (("one", 0, 1), ("other", 50, 10)):
        table = np.c_[x, shift + factor * y]
        np.savetxt(f"{name}.csv", table, delimiter=",", header="a,b,y", comments="")
        words = f"--data {name}.csv --target y --loss gaussian --standardise --hidden 4 --epochs 50 --l2 0"
        options = f"--optimizer adam --learning-rate 0.01 --reduction mean --init glorot_normal --out {name}"
        assert grid_main(*words.split(), *options.split()) == 0
        frame = {"a": x[:, 0], "b": x[:, 1]}
        predicted.append(jfnn.load(name).predict(frame)[0, 0, 0].T)
    (mean, deviation), (other_mean, other_deviation) = predicted
    np.testing.assert_allclose(other_mean, 50 + 10 * mean, rtol=1e-3)
    np.testing.assert_allclose(other_deviation, 10 * deviation, rtol=1e-3)
