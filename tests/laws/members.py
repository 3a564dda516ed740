"""Members of a result by what they are, and each of them trained by itself."""

import dataclasses

import jax
import numpy as np
from helpers import plain
from sklearn.model_selection import KFold
from sweeps import LONGEST, as_validation, shapes_of

import jfnn
from jfnn.learners import Supervised

# Attributes of a result that have a number of each member, and those that were recorded on the way.
OUTCOMES = ("scores", "diverged_at", "stopped_at", "pruned", "epochs")
OBJECTIVES = ("objective", "terms")
# Of numbers near 1, and relative of larger ones.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
COMMON = ("network", "loss", "reduction", "gradient", "epochs", "batch_size", "batches", "schedulers")


def place_of(result, number):
    """The index of a member by any number."""
    index = np.unravel_index(number % result.diverged_at.size, result.diverged_at.shape)
    return tuple(int(i) for i in index)


def arrays(result, attributes=OUTCOMES):
    """Some attributes of a result, as a pytree."""
    return [plain(getattr(result, name)) for name in attributes]


def tables(result, attributes=(*OUTCOMES, *OBJECTIVES)):
    """Of each program what tells each of its members, and all that they are, members on the first axis.

    Members are told by their values on all axes, their seed and their fold.
    """
    found = []
    for program in result.programs:
        columns = program.to_dict()
        names = [*program.axes, "seed", *(["fold"] if program.folds else [])]
        keys = list(zip(*(columns[name].tolist() for name in names), strict=True))
        axes = program.diverged_at.ndim
        every = plain(program.params), arrays(program, attributes)
        found.append((keys, jax.tree.map(lambda a, n=axes: a.reshape(-1, *a.shape[n:]), every)))
    return found


def networks_of(structure):
    """The network and the loss of each program of a structure; none of custom learners."""
    found = []
    for network in structure.networks:
        loss = jfnn.losses.get(structure.loss)
        if isinstance(network, Supervised):
            network, loss = network.network, network.loss
        found += [(network, loss)] * len(structure.schemes) * isinstance(network, jfnn.Network)
    return found


def assert_close(one, other, dtype):
    """Numbers by programs of other shapes are the same but for rounding, and NaN where the others are."""
    tolerance = TOLERANCE[dtype]
    np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def is_close(one, other, dtype, within):
    """Whether two numbers differ by at most a part of that tolerance."""
    tolerance = within * TOLERANCE[dtype]
    return np.isclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)


def pairs_of(sweep, result):
    """Row numbers to train on, and those held out, of each fold: as the call has them, not as a result says.

    Where jfnn itself cuts the rows, tests/search/test_folds.py compares them with scikit-learn's.
    """
    folds = sweep["folds"]
    if isinstance(folds, jfnn.subsets.Subsets):
        return folds.pairs
    if isinstance(folds, KFold):
        return list(folds.split(sweep["split"].x_train))
    if isinstance(folds, list):
        return folds
    return [(parts["train"], parts["validation"]) for parts in result.origin.parts]


def rows_of(sweep, result, fold=0):
    """What a fold trains on, and what it holds out and tests: ``(x, y, weights), (x, y), (x, y)``.

    Of rows held out those alone that count.
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
    """The given start of a member of one program, whose place begins with some axes of cells; or None."""
    params = sweep["initial_params"]
    if params is None:
        return None
    one = jax.tree.leaves(shapes_of(sweep["network"]))[0]
    further = np.ndim(jax.tree.leaves(params)[0]) - len(one.shape)
    index = {0: (), 1: place[cells : cells + 1]}.get(further, place)
    return jax.tree.map(lambda leaf: leaf[index], params)


def batches_of(sweep, seed, place):
    """The given minibatches of a seed, at its place among the seeds, as an array; or None."""
    batches = sweep["batches"]
    if callable(batches):
        return np.stack([batches(seed, epoch) for epoch in range(LONGEST)])
    return batches[place] if np.ndim(batches) == 4 else batches


def numbers_of(sweep, cell, epochs=None):
    """Keywords of one program with the numbers of a cell; a schedule is spread over so many epochs."""
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
    """A member by `jfnn.train`: on its rows, by its numbers, its seed, its fold and its start."""
    number = result.program_number(place)
    own = sweep.programs[number]
    part = result.programs[number]
    place = place[result.leading :]
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
