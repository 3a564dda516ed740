"""Two halves of a run have the bits of the whole, and a history has those of shorter runs."""

import tempfile

import jax
import pytest
from helpers import parts_of, plain, same_bits
from hypothesis import strategies
from members import arrays
from sweeps import check_each_structure, epochs_of, of_many_sweeps

import jfnn

pytestmark = pytest.mark.unoptimized

WHOLE = {"keep_params": "all", "eval_every": 1}


@pytest.mark.thorough
@of_many_sweeps
def test_two_halves_have_the_bits_of_the_whole(examples):
    """For learners whose only state is their parameters.

    Diverged members stay diverged, but start again if only parameters are passed on.
    """

    def check(sweep, at, way):
        first = epochs_of(sweep["epochs"]).start
        end = first + max(len(epochs_of(sweep["epochs"])), 2)
        middle = first + 1 + at % (end - first)
        whole = sweep.run(epochs=range(first, end) if first else end)
        half = sweep.run(epochs=range(first, middle) if first else middle)
        start = half
        if way == "loaded":
            with tempfile.TemporaryDirectory() as folder:
                half.save(folder)
                start = jfnn.load(folder)
        elif way == "params":
            start = half.params
        rest = sweep.run(epochs=range(middle, end), initial_params=start)
        if way != "params":
            assert same_bits(plain(rest.params), plain(whole.params))
            assert same_bits(arrays(rest), arrays(whole))
            behind = whole.evaluations > middle
            expected = {name: values[..., behind] for name, values in whole.history.items()}
            assert same_bits(plain(rest.history), expected)
            if whole.objective is not None and middle < end:
                assert same_bits(rest.objective, whole.objective[..., middle - first :])
        for before, one, other in zip(*map(parts_of, (half, rest, whole)), strict=True):
            alive = before.diverged_at < 0
            if way == "params":
                again = one.diverged_at[~alive]
                assert ((again < 0) | (again >= middle)).all()
            kept = [jax.tree.map(lambda leaf, at=alive: leaf[at], each.params) for each in (one, other)]
            assert same_bits(*kept)

    check_each_structure(
        examples,
        check,
        without=["schedulers", "refit", "out", "resume"],
        fields=WHOLE,
        only=lambda structure: not structure.remembers,
        at=strategies.integers(0, 10),
        way=strategies.sampled_from(["result", "loaded", "params"]),
    )


def is_constant(structure):
    """Return whether the learning rates do not depend on the number of epochs."""
    learners = [network for network in structure.networks if isinstance(network, jfnn.Learner)]
    rules = [learner.rule for learner in learners] or [structure.optimizer()]
    return all(rule.schedule == "constant" for rule in rules)


@pytest.mark.thorough
@of_many_sweeps
def test_evaluation_has_the_bits_of_a_run_that_ends_there(examples):
    def check_evaluation(sweep, every, at):
        whole = sweep.run({"eval_every": every})
        first = epochs_of(sweep["epochs"]).start
        for number, program in enumerate(parts_of(whole)):
            if not len(program.evaluations):
                continue
            h = at % len(program.evaluations)
            end = int(program.evaluations[h])
            own = sweep.programs[number]
            shorter = own.run({"keep_params": "all"}, epochs=range(first, end) if first else end)
            scores = {name: values[..., h] for name, values in program.history.items()}
            assert same_bits(scores, plain(shorter.scores))
            axis = program.diverged_at.ndim
            params = jax.tree.map(lambda leaf, axis=axis, h=h: leaf.take(h, axis), program.params)
            assert same_bits(params, shorter.params)

    check_each_structure(
        examples,
        check_evaluation,
        without=["schedulers", "refit", "out", "resume"],
        fields={"keep_params": "evaluations", "eval_every": 1},
        only=is_constant,
        every=strategies.integers(1, 3),
        at=strategies.integers(0, 10),
    )
