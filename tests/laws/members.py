"""Identify members of a result across sweeps, and train each of them alone."""

import dataclasses

import jax
import numpy as np
from helpers import parts_of, place_in_part, plain
from sklearn.model_selection import KFold
from sweeps import LONGEST, as_validation, shapes_of

import jfnn
from jfnn.learners import Supervised

# Attributes of a result with one number per member, and those recorded during training.
OUTCOMES = ("scores", "diverged_at", "stopped_at", "pruned", "epochs")
OBJECTIVES = ("objective", "terms")
# Absolute for numbers near 1, relative for larger ones.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
COMMON = ("network", "loss", "reduction", "gradient", "epochs", "batch_size", "batches", "schedulers")


def place_of(result, number):
    index = np.unravel_index(number % result.diverged_at.size, result.diverged_at.shape)
    return tuple(int(i) for i in index)


def arrays(result, attributes=OUTCOMES):
    return [plain(getattr(result, name)) for name in attributes]


def tables(result, attributes=(*OUTCOMES, *OBJECTIVES)):
    """For each program, return the keys of its members and all their arrays, with members on the first axis.

    A key is the member's value on each axis, its seed and its fold.
    """
    found = []
    for program in parts_of(result):
        columns = program.to_dict()
        names = [*program.axes, "seed", *(["fold"] if program.folds else [])]
        keys = list(zip(*(columns[name].tolist() for name in names), strict=True))
        axes = program.diverged_at.ndim
        every = plain(program.params), arrays(program, attributes)
        found.append((keys, jax.tree.map(lambda a, n=axes: a.reshape(-1, *a.shape[n:]), every)))
    return found


def networks_of(structure):
    """Return the network and the loss of each program of a structure; custom learners have none."""
    found = []
    for network in structure.networks:
        loss = jfnn.losses.get(structure.loss)
        if isinstance(network, Supervised):
            network, loss = network.network, network.loss
        found += [(network, loss)] * len(structure.schemes) * isinstance(network, jfnn.Network)
    return found


def assert_close(one, other, dtype):
    """Check equality up to the rounding of programs with different shapes, with NaN in the same places."""
    tolerance = TOLERANCE[dtype]
    np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def is_close(one, other, dtype, within):
    """Return whether two numbers differ by at most the fraction ``within`` of that tolerance."""
    tolerance = within * TOLERANCE[dtype]
    return np.isclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)


def pairs_of(sweep, result):
    """Return the training and held-out row numbers of each fold, from the call rather than from the result.

    Where jfnn splits the rows itself, tests/search/test_folds.py compares the splits with scikit-learn's.
    """
    folds = sweep["folds"]
    if isinstance(folds, jfnn.subsets.Subsets):
        return folds.pairs
    if isinstance(folds, KFold):
        return list(folds.split(sweep["split"].x_train))
    if isinstance(folds, list):
        return folds
    return [(parts["train"], parts["validation"]) for parts in result.runs[0].origin.parts]


def rows_of(sweep, result, fold=0):
    """Return the training, held-out and test rows of a fold: ``(x, y, weights), (x, y), (x, y)``.

    Held-out rows of weight 0 are left out.
    """
    split = sweep["split"]
    train, held = pairs_of(sweep, result)[fold]
    y, y_test, weights = split.y_train, split.y_test, split.weights
    if weights is not None:
        held = held[weights[held] > 0]
    subsets = sweep["folds"]
    if isinstance(subsets, jfnn.subsets.Subsets):
        y = y if subsets.labels is None else subsets.labels[fold]
        if subsets.columns is not None:
            column = subsets.columns[fold]
            y, y_test = (array[:, column if array.dtype.kind in "iu" else [column]] for array in (y, y_test))
        if isinstance(subsets.test_labels, np.ndarray):
            y_test = subsets.test_labels[fold]
        if subsets.weights is not None:
            factors = subsets.weights[fold].astype(sweep.structure.dtype)
            weights = factors if weights is None else weights * factors
    own = [None if array is None else array[train] for array in (split.x_train, y, weights)]
    out = [None if array is None else array[held] for array in (split.x_train, y)]
    return own, out, (split.x_test, y_test)


def start_of(sweep, place, cells):
    """Return the given start of a member of one program, or None; ``place`` begins with ``cells`` axes."""
    params = sweep["initial_params"]
    if params is None:
        return None
    one = jax.tree.leaves(shapes_of(sweep["network"]))[0]
    further = np.ndim(jax.tree.leaves(params)[0]) - len(one.shape)
    index = {0: (), 1: place[cells : cells + 1]}.get(further, place)
    return jax.tree.map(lambda leaf: leaf[index], params)


def batches_of(sweep, seed, place):
    """Return the given minibatches of a seed, by its place among the seeds, as an array; or None."""
    batches = sweep["batches"]
    if callable(batches):
        return np.stack([batches(seed, epoch) for epoch in range(LONGEST)])
    return batches[place] if np.ndim(batches) == 4 else batches


def numbers_of(sweep, cell, epochs=None):
    """Return the keywords of one program with a cell's numbers; a schedule spans ``epochs`` epochs."""
    hyper = dict(sweep["hyper"] or {})
    optimizer = sweep["optimizer"]
    always = {name: cell[name] for name in ("learning_rate", "l2")}
    further = {name: value for name, value in cell.items() if name not in always}
    if not isinstance(optimizer, str):
        arguments = {name: further.pop(name, value) for name, value in optimizer.arguments.items()}
        spread = {} if optimizer.schedule == "constant" else {"schedule_epochs": epochs}
        optimizer = jfnn.Optimizer(optimizer.name, schedule=optimizer.schedule, **spread, **arguments)
    return {**always, "hyper": hyper | further or None, "optimizer": optimizer}


def alone(sweep, result, place):
    """Train a member by `jfnn.train`, with its rows, numbers, seed, fold and start."""
    number, place = place_in_part(result, place)
    own = sweep.programs[number]
    part = parts_of(result)[number]
    end = len(part.cell_shape)
    cell, seed, fold = place[:end], place[end], (place[end + 1] if part.folds else 0)
    options = {name: own[name] for name in COMMON} | numbers_of(own, part.axes_at(cell))
    options["execution"] = dataclasses.replace(part.execution, objective=own["execution"].objective)
    options["seed"] = int(part.seeds[seed])
    options["initial_params"] = start_of(own, place, end)
    if part.folds is None:
        split = own["split"]
        x, y, weights = split.x_train, split.y_train, split.weights
        test = None if split.x_test is None else (split.x_test, split.y_test)
        options["validation"] = own["validation"]
    else:
        (x, y, weights), test, _ = rows_of(own, part, fold)
        test = test if len(test[0]) else None
        options["validation"] = jfnn.Validation(None, as_validation(own["validation"]).rank_by)
        if getattr(own["folds"], "start_per_subset", False):
            options["seed"] = options["seed"] * part.folds + fold
    options["batches"] = batches_of(own, options["seed"], seed)
    return jfnn.train(options.pop("network"), x, y, fold=fold, test=test, weights=weights, **options)
