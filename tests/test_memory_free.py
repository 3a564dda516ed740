"""Free memory, and refusals of what does not fit."""

from pathlib import Path

import jax
import numpy as np
import pytest
from helpers import noise_split

import jfnn
from jfnn import analysis, boltzmann, subsets
from jfnn.arguments import memory


def test_available_memory_respects_the_containers_limit(tmp_path):
    for name, text in {"max": "9000\n", "current": "5000\n", "stat": "anon 1\ninactive_file 700\n"}.items():
        (tmp_path / f"memory.{name}").write_text(text)
    assert memory.free_in_container(tmp_path) == 9000 - 5000 + 700
    assert memory.available_memory(tmp_path) == 4700
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_in_container(tmp_path) == memory.free_in_container(Path("/none")) == np.inf


MACHINE = boltzmann.init(jax.random.key(0), (4, 3))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: boltzmann.init(jax.random.key(0), (2**20, 2**20)), "sizes"),
        (lambda: boltzmann.sample(MACHINE, jax.random.key(0), 2**31 - 1, 1), "n"),
        (lambda: boltzmann.annealed_log_z(MACHINE, jax.random.key(0), 2**31 - 1, 1), "n"),
        (lambda: jfnn.boltzmann_machine((99, 99), gradient="persistent", chains=2**31 - 1), "chains"),
        (
            lambda: analysis.interval(
                np.arange(5.0), analysis.Interval("mean", "bootstrap", resamples=2**31 - 1)
            ),
            "resamples",
        ),
        (lambda: subsets.bootstrap(10**6, 10**5), "number"),
        (lambda: subsets.independent(10**6, 0.5, 10**6), "number"),
        (lambda: subsets.shares(10**6, 0.5, 10**5), "number"),
        (lambda: subsets.leave_one_out(400_000).included, "included"),
    ],
)
def test_calls_larger_than_memory_are_refused(call, named, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1e11)
    with pytest.raises(ValueError, match=rf"^{named}: it does not fit into memory"):
        call()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"seeds": 10**9}, "seeds"),
        ({"learning_rate": [0.1, 0.2], "cells": 2**31 - 1}, "cells"),
        ({"l2": np.broadcast_to(0.1, 30_000_000), "seeds": 100_000}, "l2"),
        ({"network": jfnn.mlp((5, 100_000, 100_000, 3))}, "network"),
    ],
)
def test_sweeps_larger_than_memory_are_refused_early(options, named, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1e11)
    network, *rest = options.pop("network", jfnn.mlp((5, 3))), noise_split()
    with pytest.raises(ValueError, match=rf"^{named}: it does not fit into memory: about .* GB are needed"):
        jfnn.sweep(network, *rest, **{"learning_rate": 0.1} | options)
