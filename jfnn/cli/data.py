"""What is learned and by which networks: the digits or a file of the user's, split and ready."""

import argparse
import math
from typing import NamedTuple

import numpy as np

import jfnn
from jfnn import datasets
from jfnn.cli import memory
from jfnn.experiment import replicates as streams
from jfnn.experiment.records import Data


class Problem(NamedTuple):
    """What is to be learned.

    Attributes:
        name: Of the data.
        split: The rows.
        weights: How often each training row counts, or None.
        inputs: Width of the input layer.
        outputs: Width of the output layer.
        classes: The word for each label, or None for regression.
        held_out: What holds rows out to rank cells, as `jfnn.sweep` takes it: ``(validation, folds)``.
        scaling: With --standardise, "x" and, for regression, "y": mean and scale of each column. What was
            read is ``split * scale + mean``.
    """

    name: str
    split: jfnn.Split
    weights: np.ndarray | None
    inputs: int
    outputs: int
    classes: tuple[str, ...] | None
    held_out: tuple[float | int | None, int | None]
    scaling: dict[str, dict[str, list[float]]] | None = None

    @property
    def n_train(self) -> int:
        """Rows to train on, those held out for validation included."""
        return len(self.split.x_train)


def load(args: argparse.Namespace) -> Problem:
    """Reads and splits the data that the flags name.

    Raises:
        ValueError: They do not fit together, or the data are refused; the message begins with an argument.
    """
    if args.data is None:
        split, weights = datasets.digits(args.test_size, args.random_state), None
        name = "the digits"
        classes: tuple[str, ...] | None = tuple(map(str, range(10)))
    else:
        table = _read(args)
        for name in ("test_size", "random_state"):
            if table.n_train is not None and name in args.given:
                raise ValueError(f"{name}: {args.data.name} says itself which rows to test on")
        split = datasets.split_table(table, args.test_size, args.random_state)
        weights = datasets.split_weights(table, args.test_size, args.random_state)
        name, classes = args.data.name, table.classes
    scaling = None
    if args.standardise:
        scaling = {
            name: {"mean": fitted.mean_.tolist(), "scale": fitted.scale_.tolist()}
            for name, fitted in datasets.scalers(split).items()
        }
        split = datasets.standardise(split)
    y = np.asarray(split.y_train)
    outputs = len(classes) if classes else math.prod(y.shape[1:])
    if classes is None and args.loss not in (None, "quadratic"):
        raise ValueError(f"loss: regression takes the quadratic loss, got {args.loss!r}")
    held_out = (args.validation, args.folds)
    return Problem(name, split, weights, split.x_train.shape[1], outputs, classes, held_out, scaling)


def _read(args: argparse.Namespace) -> datasets.Table:
    suffix = args.data.suffix.lower()
    if suffix not in (".csv", ".npz"):
        raise ValueError(f"data: expected a .csv or .npz file, got {str(args.data)!r}")
    try:
        memory.check_file(args.data)
        if suffix == ".csv":
            return datasets.read_csv(args.data, args.target, args.task, args.weights)
        if args.target is not None:
            raise ValueError("target: goes with a .csv file; an .npz file holds its targets as y")
        return datasets.read_npz(args.data, args.task, args.weights)
    except OSError as error:
        raise ValueError(f"data: cannot read {args.data}: {error.strerror or error}") from None


def groups(args: argparse.Namespace) -> tuple[dict[str, tuple[list[int], str]], list[int | str | None]]:
    """Networks, name -> widths of hidden layers and activation, and rows a step; each is tried with each.

    Networks have names such as "100-50-relu"; "none" has no hidden layer, and so no activation. Rows are as
    given, "full" for all of them, None for the default.

    Raises:
        ValueError: Numbers of rows where every step takes all of them.
    """
    named = {
        "-".join([*map(str, widths), activation]) if widths else "none": (widths, activation)
        for widths in args.sizes
        for activation in args.activation
    }
    if args.minibatch != "full":
        return named, args.batch_size or [None]
    if set(args.batch_size or ["full"]) != {"full"}:
        raise ValueError("batch_size: every step takes all rows with --minibatch full")
    return named, ["full"]


def networks(problem: Problem, args: argparse.Namespace) -> dict[str, jfnn.Network]:
    """The networks that the flags name, by name."""
    return {
        name: jfnn.mlp(
            (problem.inputs, *widths, problem.outputs),
            activation=activation,
            output=args.output,
            init=args.init,
        )
        for name, (widths, activation) in groups(args)[0].items()
    }


def batch_sizes(problem: Problem, args: argparse.Namespace) -> list[int | None]:
    """Rows a step: as given, None for all of them, by default 100 or of few rows a quarter."""
    default = max(1, min(100, problem.n_train // 4))
    return [default if size is None else None if size == "full" else int(size) for size in groups(args)[1]]


def r_squared(problem: Problem, result: jfnn.SweepResult) -> dict[str, np.ndarray]:
    """For regression, R² = 1 - 2 · loss / variance of each member on each part, name -> the result's shape.

    The variance is that of the targets on the same rows, summed over outputs as the quadratic loss is. What
    has no scores on rows held out, as a cell trained again has not, was trained on all training rows.
    """
    if problem.classes is not None:
        return {}
    y, y_test = (np.asarray(part, np.float64) for part in (problem.split.y_train, problem.split.y_test))
    source = streams.Source(Data(problem.split.x_train, y), problem.n_train, y, classes=False)
    validated = not np.isnan(result.validation_loss).all()
    cuts = streams.train_and_validation(source, *(problem.held_out if validated else (None, None)))
    rows = {
        "train": [y[train] for train, _ in cuts],
        "validation": [y[held] for _, held in cuts],
        "test": [y_test for _ in cuts],
    }
    found = {}
    for part, targets in rows.items():
        if len(targets[0]):
            variance = np.array([each.var(axis=0).sum() for each in targets])
            with np.errstate(divide="ignore"):
                found[f"{part}_R²"] = 1 - 2 * getattr(result, f"{part}_loss") / variance
    return found
