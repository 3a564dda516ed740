"""Tiny networks by ISPC: a member a lane of the processor's vectors, its numbers in registers."""

import functools
from collections.abc import Callable

import numpy as np

from benchmarks import native
from benchmarks.machine import cores
from benchmarks.series import by_series
from benchmarks.workload import Layers, Outcome, Runner, Workload, stacked

Array = np.ndarray
Train = Callable[[Array, Array, Array, Array], Array]  # (rows, params, rates, l2s) -> scores [members]


def grid(workload: Workload) -> Runner:
    """A grid of networks of one output, on full batches, from the starts that all contenders share."""
    rows = workload.rows()
    of_one = np.column_stack([rows.x_train, rows.y_train])
    seed = np.indices(workload.shape)[2].ravel()
    rates, l2s = (np.repeat(values, workload.seeds) for values in workload.cells())
    train = _trainer(workload, of_one, logistic=True)

    def run() -> Outcome:
        starts = stacked([workload.drawing(seed)[0] for seed in range(workload.seeds)])
        scores = train(np.repeat(of_one[..., None], workload.members, -1), _flat(starts)[:, seed], rates, l2s)
        return Outcome(scores.reshape(workload.shape))

    return run


def series(workload: Workload) -> Runner:
    """A network for each series, from one start; members in the lanes of one vector share their order."""
    x, y = by_series(workload)
    rows = np.moveaxis(np.concatenate([x, y[..., None]], axis=2), 0, -1)
    rates, l2s = (np.repeat(values, workload.members) for values in workload.cells())
    train = _trainer(workload, rows[..., 0], logistic=False)

    def run() -> Outcome:
        params = _flat(stacked([workload.drawing(0)[0]] * workload.members))
        return Outcome(train(rows, params, rates, l2s).mean())

    return run


def _flat(starts: Layers) -> Array:
    """Parameters ``[units × (inputs + 2) + 1, members]`` of networks that lead the layers' axes."""
    (w, b), (v, c) = starts
    units = np.concatenate([w, b[:, None], v.swapaxes(1, 2)], axis=1)  # [members, inputs + 2, units]
    return np.concatenate([units.swapaxes(1, 2).reshape(len(c), -1), c], axis=1).T


def _trainer(workload: Workload, rows: Array, logistic: bool) -> Train:
    """The training of members, each on n ``rows [n, …]``; its library is built when it is first called."""
    inputs, hidden, _ = workload.sizes
    macros = {"INPUTS": inputs, "HIDDEN": hidden, "ROWS": len(rows), "BATCH": workload.batch}
    build = functools.cache(lambda: native.ispc_library("lanes.ispc", **macros, LOGISTIC=logistic))

    def train(*arrays: Array) -> Array:
        library = build()
        members = workload.members
        scores = np.empty(members, np.float32)
        contiguous = [np.ascontiguousarray(array, np.float32) for array in arrays]
        pointers = [native.pointer(array) for array in (*contiguous, scores)]
        vectors = -(-members // library.lanes())
        bounds = np.linspace(0, vectors, cores() + 1).round().astype(int) * library.lanes()
        bounds = np.minimum(bounds, members).tolist()
        native.over_cores(
            lambda first, last: library.train(*pointers, members, first, last, workload.epochs),
            *(bounds[:-1], bounds[1:]),
        )
        return scores

    return train
