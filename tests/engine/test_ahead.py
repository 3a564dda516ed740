"""Programs of several runs are compiled concurrently."""

import dataclasses
import threading

import numpy as np
import pytest
from helpers import noise_split

import jfnn
from jfnn.core.engine.ahead import WAITING_BYTES, Ahead, trainers_at_once
from jfnn.core.experiment.options import Options
from jfnn.core.search.prepare import prepare
from jfnn.numerics.machine import cores

PATIENCE = 60.0  # seconds, for events that come at once unless something is wrong


class Compiles:
    def __init__(self, compile_one):
        self.compile_one = compile_one

    def compile(self, plan):
        plan(0, 1)
        self.compile_one()


def test_compilations_overlap_up_to_the_limit():
    """Each compilation waits for the other, so running them one after the other would never end."""
    both = threading.Barrier(2)
    makes = [lambda: Compiles(lambda: both.wait(PATIENCE)) for _ in range(4)]
    with Ahead(makes, 2) as ahead:
        for number in range(4):
            assert isinstance(ahead.take(number), Compiles)


def test_no_more_runs_are_prepared_than_may_wait():
    made = []

    def make(number):
        made.append(number)
        return Compiles(lambda: None)

    with Ahead([lambda number=number: make(number) for number in range(5)], 3) as ahead:
        for number in range(5):
            ahead.take(number)
            assert max(made) <= number + 2
    assert sorted(made) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("when", ["made", "compiled"])
def test_errors_of_early_compilations_are_raised_in_turn(when):
    def fail():
        raise ArithmeticError("ahead")

    makes = [lambda: Compiles(lambda: None), fail if when == "made" else lambda: Compiles(fail)]
    with Ahead(makes, 2) as ahead:
        ahead.take(0)
        with pytest.raises(ArithmeticError, match="ahead"):
            ahead.take(1)


def test_runs_with_many_rows_do_not_wait_at_the_same_time():
    network = jfnn.mlp((5, 3))
    run = prepare(Options(network, noise_split(), learning_rate=0.1, batch_size=10))
    assert trainers_at_once(run.experiment) == cores()
    data = run.experiment.data
    large = np.broadcast_to(np.zeros(1, np.float32), (WAITING_BYTES // 4 + 1,))
    many = dataclasses.replace(run.experiment, data=data._replace(rows=large))
    assert trainers_at_once(many) == 1
