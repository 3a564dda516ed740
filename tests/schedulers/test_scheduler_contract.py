"""Laws of every registered scheduler: decisions depend on reports alone, bits are kept, runs resume."""

import copy
import dataclasses
import functools
import inspect
import itertools

import jax
import numpy as np
import pytest
from helpers import same_bits
from noisy_classes import EPOCHS, HELD, SPLIT, sweep
from reports import play, recorded

import jfnn
from jfnn.core.store.checkpoint import Checkpoint
from jfnn.schedulers import SCHEDULERS, Actions, Scheduler

pytestmark = pytest.mark.unoptimized

# For every registered scheduler: command-line text -> scheduler.
EXAMPLES = {
    "halving": {"2": jfnn.Halving(2), "3:2": jfnn.Halving(3, 2)},
    "hyperband": {"2": jfnn.Hyperband(2), "3:2": jfnn.Hyperband(3, 2)},
    "early_stopping": {"2": jfnn.EarlyStopping(2)},
    "converged": {"1:1e-3": jfnn.Converged(1, 1e-3), "2:0.5": jfnn.Converged(2, 0.5)},
}
EACH = [pytest.param(s, id=f"{name} {text}") for name, of in EXAMPLES.items() for text, s in of.items()]
RUNS = {
    **{name: [next(iter(examples.values()))] for name, examples in EXAMPLES.items()},
    "halving and early stopping": [jfnn.Halving(2), jfnn.EarlyStopping(2)],
    "all": [jfnn.Converged(2, 0.1), jfnn.Halving(3), jfnn.EarlyStopping(3)],
}


def test_every_scheduler_has_examples():
    assert EXAMPLES.keys() == SCHEDULERS.keys()
    for name, examples in EXAMPLES.items():
        assert {type(scheduler) for scheduler in examples.values()} == {SCHEDULERS[name]}
        assert name in jfnn.schedulers.SCHEDULERS
        assert SCHEDULERS[name].__name__ in jfnn.__all__


@pytest.mark.parametrize("scheduler", EACH)
def test_decisions_are_a_function_of_the_reports_alone(scheduler):
    before = np.random.get_state()[1].copy()
    fields = copy.deepcopy(vars(scheduler))
    states = []

    def remember(state):
        states.append((state, copy.deepcopy(state)))
        return state

    first = play(scheduler, 12, between=remember)
    # A copy that has seen none of these reports, with states that nobody else holds.
    second = play(copy.deepcopy(scheduler), 12, between=copy.deepcopy)
    assert first
    assert same_bits([played[1:] for played in first], [played[1:] for played in second])
    assert any(jax.tree.leaves(actions) for _, _, actions in first)
    # Neither the states, the scheduler nor NumPy's random numbers change.
    assert all(same_bits(state, as_it_was) for state, as_it_was in states)
    assert vars(scheduler) == fields
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("scheduler", EACH)
def test_state_is_a_pytree_of_arrays_that_survives_a_checkpoint(scheduler, tmp_path):
    description = {name: {} for name in ("settings", "data", "versions", "backend")}
    checkpoint = Checkpoint(tmp_path / "state", description)

    def saved_and_restored(state):
        assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(state))
        checkpoint.save({"state": state}, now=True)
        return checkpoint.restore({"state": scheduler.init(6, 2)})["state"]

    plain = play(scheduler, 12)
    restored = play(scheduler, 12, between=saved_and_restored)
    assert same_bits([played[1:] for played in plain], [played[1:] for played in restored])


@pytest.mark.parametrize("scheduler", EACH)
def test_evaluations_for_the_history_or_for_other_schedulers_change_no_decision(scheduler):
    own = {seen.epoch: actions for seen, _, actions in play(scheduler, 12)}
    every = {seen.epoch: actions for seen, _, actions in play(scheduler, 12, every_epoch=True)}
    assert list(every) == list(range(1, 13))
    for epoch, actions in every.items():
        assert same_bits(actions, own.get(epoch, Actions()))


@pytest.mark.parametrize("scheduler", EACH)
@pytest.mark.parametrize("epochs", [1, 7, 12])
def test_next_evaluation_lies_ahead_and_none_is_skipped(scheduler, epochs):
    evaluations = [scheduler.next_epoch(epoch, 9, epochs) for epoch in range(epochs + 1)]
    assert all(following > epoch for epoch, following in enumerate(evaluations))
    for epoch, following in enumerate(evaluations):
        assert all(other == following for other in evaluations[epoch:following])
    assert evaluations[-1] > epochs


@pytest.fixture(scope="module")
def ended_after():
    """Return ``epochs -> `` a result of all members trained for that many epochs without a scheduler."""
    return functools.cache(lambda epochs: sweep(seeds=2, validation=HELD, epochs=epochs))


@pytest.mark.thorough
@pytest.mark.parametrize("name", RUNS)
def test_members_not_copied_have_the_bits_of_a_run_without_schedulers(ended_after, name):
    """Each member ends with the parameters of some epoch, which equal those of a run that ends there."""
    schedulers = [recorded(scheduler) for scheduler in RUNS[name]]
    result = sweep(seeds=2, validation=HELD, schedulers=[scheduler for scheduler, _ in schedulers])
    actions = [actions for _, seen in schedulers for _, actions in seen]
    members = np.arange(result.diverged_at.size)
    own = np.all([members == (members if a.copy is None else a.copy) for a in actions], axis=0)
    own = own.reshape(result.diverged_at.shape)
    assert 4 < own.sum() <= own.size
    for index in zip(*np.nonzero(own), strict=True):
        plain = ended_after(int(result.epochs[index]))
        assert same_bits(result.member(*index), plain.member(*index))
        if result.diverged_at[index] < 0:
            scores = [(result.scores[name][index], plain.scores[name][index]) for name in plain.scores]
            assert same_bits(*zip(*scores, strict=True))


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.glob("*.npz")}


def of_run(out, name, execution, **changes):
    execution = {"eval_every": 4} | execution
    options = dict(seeds=2, validation=HELD, schedulers=RUNS[name], out=out)
    return sweep(SPLIT, execution, **options, **changes)


@pytest.mark.thorough
@pytest.mark.parametrize("name", RUNS)
def test_run_interrupted_at_every_return_to_the_host_leaves_the_bytes_of_an_uninterrupted_run(name, tmp_path):
    """The run is interrupted as by Ctrl-C, and resumed on another number of devices."""
    of_run(tmp_path / "whole", name, {"devices": 1})
    returns = []

    def stop(progress):
        returns.append(progress.epoch)
        raise KeyboardInterrupt

    for devices in itertools.islice(itertools.cycle([2, 1]), 2 * EPOCHS):
        try:
            of_run(tmp_path / "stopped", name, {"devices": devices, "progress": stop}, resume=True)
            break
        except KeyboardInterrupt:
            pass
    assert returns == sorted(set(returns))
    assert len(returns) >= 4
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")


@dataclasses.dataclass(frozen=True)
class StopBelow(Scheduler):
    threshold: float

    def next_epoch(self, epoch, cells, epochs):
        return epoch + 2

    def update(self, state, report):
        return state, Actions(stop=report.loss < self.threshold)


@pytest.mark.thorough
def test_custom_scheduler_needs_a_few_lines_and_no_other_file(ended_after, tmp_path):
    assert len(inspect.getsource(StopBelow).splitlines()) <= 25
    options = {"seeds": 2, "validation": HELD, "schedulers": [StopBelow(1.0)]}
    result = sweep(SPLIT, out=tmp_path, **options)
    histories = sweep(SPLIT, {"eval_every": 1}, seeds=2, validation=HELD).history["validation_loss"]
    for index in np.ndindex(result.diverged_at.shape):
        below = [epoch for epoch in range(2, EPOCHS + 1, 2) if histories[index][epoch - 1] < 1.0]
        assert result.stopped_at[index] == (below[0] if below else -1)
        if result.stopped_at[index] >= 0:
            plain = ended_after(below[0])
            assert same_bits(result.member(*index), plain.member(*index))
            assert result.test_loss[index] == plain.test_loss[index]
    assert len(np.unique(result.stopped_at)) > 2
    assert not result.pruned.any()
    (described,) = result.config["settings"]["schedulers"]
    assert described["threshold"] == 1.0 and described["kind"].endswith("StopBelow")
    assert same_bits(sweep(SPLIT, out=tmp_path, resume=True, **options).params, result.params)
