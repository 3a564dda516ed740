"""A run's beginning: programs compile while starting parameters are drawn."""

import dataclasses
import threading

import pytest
from helpers import noise_split, same_bits

import jfnn
from jfnn.core.engine import loop
from jfnn.core.engine.executors import Threads
from jfnn.core.engine.trainer import Trainer
from jfnn.core.experiment.options import Options
from jfnn.core.search.sweep import prepare

PATIENCE = 30  # seconds after which what should happen at once has not


def begun(make_executor, draw=None):
    """A run's state before its first epoch, by an executor and another draw of starts."""
    network = jfnn.mlp((5, 6, 3))
    options = Options(network, noise_split(), learning_rate=[0.1, 0.2], batch_size=10, optimizer="adam")
    run = prepare(options)
    experiment = run.experiment
    if draw is not None:
        drawing = experiment.replicates.draw
        replicates = dataclasses.replace(experiment.replicates, draw=lambda: draw(drawing))
        experiment = dataclasses.replace(experiment, replicates=replicates)
    return loop.first_state(Trainer(experiment, run.threads, run.layout, make_executor=make_executor))


@pytest.mark.thorough
def test_programs_compile_while_starts_are_drawn():
    compiling, drawn = threading.Event(), threading.Event()

    class Waits(Threads):
        def compile(self, segments, told):
            compiling.set()
            assert drawn.wait(PATIENCE)
            super().compile(segments, told)

    def draw(drawing):
        assert compiling.wait(PATIENCE)
        starts = drawing()
        drawn.set()
        return starts

    assert same_bits(begun(Waits, draw).members, begun(Threads).members)


@pytest.mark.thorough
def test_what_ends_compiling_or_drawing_ends_the_run():
    class Fails(Threads):
        def compile(self, segments, told):
            raise ArithmeticError("compiling")

    def draw(drawing):
        raise ArithmeticError("drawing")

    with pytest.raises(ArithmeticError, match="compiling"):
        begun(Fails)
    with pytest.raises(ArithmeticError, match="drawing"):
        begun(Threads, draw)
