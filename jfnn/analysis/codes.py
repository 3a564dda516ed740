"""Length of a code for labels given inputs, a measure of how hard the labels are to learn."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from jfnn.arguments import checks, texts
from jfnn.arguments.checks import ArgumentError
from jfnn.core.experiment.subsets import Subsets
from jfnn.core.search.result import SweepResult
from jfnn.learners import Learner
from jfnn.network import Network
from jfnn.split import Split


@texts.without_arrays
class OnlineCode(NamedTuple):
    """Lengths of online codes, one for each target and order of rows.

    Attributes:
        bits: Length in bits for every cell, seed and code, ``[…, S, C]``: the axis of C codes replaces the
            axis of subsets. NaN where a member diverged.
        uniform: Length of a uniform code that ignores the inputs, ``n log2 K`` ``[C]``.
        compression: ``uniform / bits``, shaped like ``bits``; 1 if the inputs did not help.
        first: Number of the first subset of each code ``[C]``; the codes' targets are
            ``result.subset_values["target"][code.first]``.
    """

    bits: np.ndarray
    uniform: np.ndarray
    compression: np.ndarray
    first: np.ndarray


def online_code(
    result: SweepResult,
    split: Split,
    folds: Subsets,
    classes: int | None = None,
    network: Network | Learner | None = None,
) -> OnlineCode:
    """Return the minimum description length of labels by online coding, from a sweep over growing subsets.

    The labels of the first ``t_1`` rows are coded uniformly over K classes, and each further block of labels
    by the network trained on all earlier rows (Voita & Titov 2020, "Information-theoretic probing with
    minimum description length", EMNLP, section 3.2)::

        bits = t_1 log2 K + Σ_i Σ_{rows t_i + 1 … t_{i+1}} -log2 p_i(y | x)

    Network i was trained on the first ``t_i`` rows. The last one codes the remaining held-out rows, up to n;
    a subset of all n rows adds no code. Each order of rows drawn by `jfnn.subsets.sizes` is one code. Fewer
    bits mean that networks of this kind learn the labels more easily from the inputs, also from few rows.
    Choosing the shortest code of C cells costs ``log2 C`` bits more, to name the cell.

    Args:
        result: A sweep that kept the parameters of all members or of one cell, with a cross-entropy of labels
            as its loss. ``[…, S, F, n]`` losses are computed; ``result.of_cell(…)`` limits them to one cell.
        split: The split of the sweep.
        folds: The subsets of the sweep, from `jfnn.subsets.sizes`, possibly one such series per target.
        classes: K; None for one more than the largest label of each code's target.
        network: As in `SweepResult.row_scores`, for a loaded result.

    Raises:
        ValueError, TypeError: A loss other than a cross-entropy of labels; subsets that do not grow; a split
            or folds other than the sweep's; or as in `SweepResult.row_scores`.
    """
    checks.check_instance(result, SweepResult, "result")
    checks.check_instance(split, Split, "split")
    checks.check_instance(folds, Subsets, "folds")
    given = None if classes is None else checks.as_count(classes, "classes", 2)
    _check_loss(result)
    _check_folds(result, split, folds, network)
    chains = _chains(folds)
    losses = result.row_scores("loss", "all", split, network=network, folds=folds)
    place = (0 if result.kept_cell else len(result.cell_shape)) + 1  # after the axes of cells and seeds
    nats = np.moveaxis(losses, place, -2).astype(np.float64)  # [..., F, n]
    bits = []
    uniform = []
    for chain in chains:
        seen, held_out = zip(*(folds.pairs[f] for f in chain), strict=True)
        # Each network codes the rows that the next one adds; the last network codes the held-out rows.
        blocks = [np.setdiff1d(after, rows) for rows, after in itertools.pairwise(seen)] + [held_out[-1]]
        first = seen[0]
        coded = np.concatenate([first, *blocks])
        of_label = np.log2(given or _classes(split, folds, chain[0], coded))
        sent = sum(nats[..., f, rows].sum(axis=-1) for f, rows in zip(chain, blocks, strict=True))
        bits.append(len(first) * of_label + sent / np.log(2))
        uniform.append(len(coded) * of_label)
    lengths = np.stack(bits, axis=-1)
    whole = np.array(uniform)
    return OnlineCode(lengths, whole, whole / lengths, np.array([chain[0] for chain in chains]))


def _check_loss(result: SweepResult) -> None:
    """Raise ArgumentError unless the loss of a row is -log p of its label."""
    loss = result.config.get("settings", {}).get("learner", {}).get("loss")
    shapes = [leaf["shape"] for leaf in result.config.get("data", {}).get("rows", [])]
    alone = loss == "sigmoid_cross_entropy" and len(shapes) == 2 and shapes[1][-1] == 1
    if loss != "cross_entropy" and not alone:
        expected = "expected a sweep with loss='cross_entropy', whose loss is -log p of a label"
        raise ArgumentError("result", expected, got=checks.as_text(loss))


def _check_folds(
    result: SweepResult, split: Split, folds: Subsets, network: Network | Learner | None
) -> None:
    """Raise ArgumentError unless ``folds`` are the subsets of the sweep."""
    if len(folds.pairs) != result.folds:
        got = f"{len(folds.pairs)} subsets"
        raise ArgumentError("folds", f"expected the {result.folds} subsets of the sweep", got=got)
    origin = result.runs[0].origin
    known = None if origin is None else origin.subsets
    if known is folds:
        return
    if known is None:  # a loaded result; scoring checks the rows against its description
        result.row_scores("loss", "train", split, "mean", network=network, folds=folds)
        return
    for (rows, held_out), (train, others) in zip(folds.pairs, known.pairs, strict=True):
        if not np.array_equal(rows, train) or not np.array_equal(held_out, others):
            raise ArgumentError("folds", "expected the subsets of the sweep", got="other rows")


def _chains(folds: Subsets) -> list[list[int]]:
    """Return the subset numbers of each code in order; each subset contains the one before it."""
    chains: list[list[int]] = []
    before: np.ndarray | None = None
    for f, (rows, _) in enumerate(folds.pairs):
        if len(np.unique(rows)) < len(rows):
            raise ArgumentError("folds", "expected each row at most once in a subset, as in subsets.sizes")
        if before is None or len(rows) <= len(before):
            chains.append([])
        elif not np.isin(before, rows).all():
            expected = "expected growing subsets, each with all rows of the one before it"
            raise ArgumentError("folds", expected, got=f"missing rows at subset {f}")
        chains[-1].append(f)
        before = rows
    return chains


def _classes(split: Split, folds: Subsets, f: int, rows: np.ndarray) -> int:
    """Return the number of classes of a subset's target, from integer or one-hot labels."""
    y = np.asarray(checks.as_array(split.y_train if folds.labels is None else folds.labels[f], "split"))
    labels = y[rows] if folds.columns is None else y[rows][:, folds.columns[f]]
    if labels.ndim == 1 and labels.dtype.kind in "iub":
        return max(int(labels.max()) + 1, 2)
    certain = labels.ndim == 2 and np.isin(labels, (0, 1)).all()
    if not certain or (labels.shape[1] > 1 and (labels.sum(axis=1) != 1).any()):
        got = f"{y.dtype} {list(y.shape)}"
        raise ArgumentError("split", "expected integer or one-hot labels of each target", got=got)
    return max(int(labels.shape[1]), 2)
