"""Reports for testing schedulers without training."""

import numpy as np

from jfnn.schedulers import Report


def report(score, epoch, epochs, replicates=1, **fields):
    """Return a report of scores ``[members]``; no member has stopped, and NaN means diverged."""
    score = np.asarray(score, float).ravel()
    members = {
        "score": score,
        "loss": -score,
        "active": ~np.isnan(score),
        "diverged": np.isnan(score),
        "pruned": np.zeros(len(score), bool),
        "objective": -score,
    }
    hyper = {name: np.linspace(0.1, 1, len(score), dtype=np.float32) for name in ("learning_rate", "l2")}
    cells = len(score) // replicates
    return Report(epoch, epochs, cells, replicates, **members | {"hyper": hyper} | fields)


def play(scheduler, epochs, cells=6, replicates=2, between=lambda state: state, every_epoch=False):
    """Play a scheduler on random scores and return ``[(report, state, actions), …]``.

    ``between`` is applied to the state between two evaluations. With ``every_epoch`` there are evaluations
    after every epoch, even if the scheduler did not request them.
    """
    state = scheduler.init(cells, replicates)
    played = []
    epoch = 0
    active = np.ones(cells * replicates, bool)
    pruned = np.zeros(cells * replicates, bool)
    while (epoch := epoch + 1 if every_epoch else scheduler.next_epoch(epoch, cells, epochs)) <= epochs:
        rng = np.random.default_rng([5, epoch])
        score = np.where(rng.random(cells * replicates) < 0.1, np.nan, rng.random(cells * replicates))
        seen = report(score, epoch, epochs, replicates, active=active & ~np.isnan(score), pruned=pruned)
        for array in (seen.score, seen.loss, seen.active, seen.diverged, seen.pruned, *seen.hyper.values()):
            array.flags.writeable = False
        state, actions = scheduler.update(between(state), seen)
        played.append((seen, state, actions))
        active = active & (True if actions.stop is None else ~actions.stop)
        pruned = pruned | (False if actions.prune is None else actions.prune)
    return played


def recorded(scheduler):
    """Return the scheduler, and a list to which it appends every report with its actions."""
    seen = []

    class Recorded(type(scheduler)):
        def update(self, state, report):
            state, actions = super().update(state, report)
            seen.append((report, actions))
            return state, actions

    return Recorded(**vars(scheduler)), seen
