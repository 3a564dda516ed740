"""Sections on Boltzmann machines: published figures, exact if their random numbers are replayed."""

import json

import jax
import numpy as np
import pytest
from four_kinds import course_stream, deep_machine, two_spins, xor_machine
from verdicts import CORRECTED, NOT_REPRODUCED, REPRODUCED

from jfnn import boltzmann

pytestmark = pytest.mark.thorough

PUBLISHED = json.loads(xor_machine.PUBLISHED.read_text())


@pytest.mark.slow
def test_published_coupling_is_replayed_from_its_random_numbers():
    index = PUBLISHED["two_spins"]["J"].index(1)
    rows = two_spins.samples(1.0, 42).astype(float)
    (machine,) = course_stream.trained(rows[None], hidden=1, epochs=1000, batch=20, seed=1)
    with jax.enable_x64(True):
        assert round(two_spins.effective_coupling(machine), 4) == PUBLISHED["two_spins"]["J_eff"][index]


def test_bars_and_stripes_are_30_images_of_whole_lines():
    images = deep_machine.bars_and_stripes(4).reshape(-1, 4, 4)
    assert len(images) == 30
    whole = [(image == image[:1]).all() or (image == image[:, :1]).all() for image in images]
    assert all(whole)


@pytest.mark.slow
def test_xor_is_replayed_to_all_published_digits_and_no_machine_is_below_its_level(tmp_path):
    rows = xor_machine.run(tmp_path, quick=True)
    verdicts = [row.verdict for row in rows]
    assert NOT_REPRODUCED not in verdicts
    assert verdicts.count(REPRODUCED) == 3 and CORRECTED in verdicts


@pytest.mark.slow
def test_deep_machine_learns_bars_and_stripes(tmp_path):
    rows = deep_machine.run(tmp_path, quick=True)
    assert NOT_REPRODUCED not in [row.verdict for row in rows]


@pytest.mark.slow
def test_log_z_of_the_digits_machine_by_annealing_agrees_with_the_smaller_side():
    machine = boltzmann.init(jax.random.key(0), (64, 18), scale=0.3)
    estimate = boltzmann.annealed_log_z(machine, jax.random.key(1), 500, 2000)
    exact = float(boltzmann.log_z(machine))
    assert np.abs(estimate.value - exact) < 4 * estimate.error < 0.1
