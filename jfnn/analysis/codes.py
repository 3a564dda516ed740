"""Length of a code for labels given inputs: how hard it is to learn them from these inputs."""

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
    """Lengths of online codes, one for each target and draw of an order of rows.

    Attributes:
        bits: Length in bits of every cell, ``[…, S, C]`` for C codes, where subsets stand in the result; NaN
            where a member diverged.
        uniform: Length of the labels without any inputs, ``n log2 K`` ``[C]``.
        compression: ``uniform / bits``, shaped like ``bits``: 1 says that the inputs were of no use.
        first: Number of the first subset of each code ``[C]``, where `SweepResult.subset_values` have its
            target: ``result.subset_values["target"][code.first]``.
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
    """Minimum description length of labels by online coding, of a sweep over growing subsets of rows.

    Labels of the first ``t_1`` rows are sent by a uniform code over K classes, those of each further block by
    the network that was trained on all rows before it (Voita & Titov 2020, "Information-theoretic probing
    with minimum description length", EMNLP, section 3.2)::

        bits = t_1 log2 K + Σ_i Σ_{rows t_i + 1 … t_{i+1}} -log2 p_i(y | x)

    Network i has seen the first ``t_i`` rows. The last subset's is used where its rows held out are left, up
    to n; a subset of all n rows adds no code. The order of rows is that of `jfnn.subsets.sizes`, and each of
    its orders is a code. The fewer bits, the better the inputs show the labels to networks of this kind, few
    rows included. Who takes the shortest code of C cells adds the ``log2 C`` bits that say which it was.

    Args:
        result: A sweep that kept the parameters of all members or of one cell, with cross-entropies of labels
            as its loss. It computes ``[…, S, F, n]`` losses, ``result.of_cell(…)`` those of one cell.
        split: The sweep's.
        folds: The sweep's, of `jfnn.subsets.sizes` or such ones for each target.
        classes: K; None for one more than the largest label of each code's target.
        network: As in `SweepResult.row_scores`, for a loaded result.

    Raises:
        ValueError, TypeError: A loss that is no cross-entropy of labels; subsets that do not grow; another
            split or other folds than the sweep's; or as `SweepResult.row_scores`.
    """
    checks.check_instance(result, SweepResult, "result")
    checks.check_instance(split, Split, "split")
    checks.check_instance(folds, Subsets, "folds")
    given = None if classes is None else checks.as_count(classes, "classes", 2)
    _check_loss(result)
    _check_folds(result, split, folds, network)
    chains = _chains(folds)
    losses = result.row_scores("loss", "all", split, network=network, folds=folds)
    place = (0 if result.kept_cell else len(result.cell_shape)) + 1  # behind cells and seeds
    nats = np.moveaxis(losses, place, -2).astype(np.float64)  # [..., F, n]
    bits = []
    uniform = []
    for chain in chains:
        seen, held_out = zip(*(folds.pairs[f] for f in chain), strict=True)
        # Each network sends the rows of the next one that it has not seen, the last one those held out.
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
    """Raises ArgumentError unless the loss of a row is -log p of its label."""
    loss = result.config.get("settings", {}).get("learner", {}).get("loss")
    shapes = [leaf["shape"] for leaf in result.config.get("data", {}).get("rows", [])]
    alone = loss == "sigmoid_cross_entropy" and len(shapes) == 2 and shapes[1][-1] == 1
    if loss != "cross_entropy" and not alone:
        expected = "expected a sweep with loss='cross_entropy', whose loss is -log p of a label"
        raise ArgumentError("result", expected, got=checks.shown(loss))


def _check_folds(
    result: SweepResult, split: Split, folds: Subsets, network: Network | Learner | None
) -> None:
    """Raises ArgumentError where subsets are not those of a sweep."""
    if len(folds.pairs) != result.folds:
        got = f"{len(folds.pairs)} subsets"
        raise ArgumentError("folds", f"expected those of the sweep, {result.folds}", got=got)
    known = None if result.origin is None else result.origin.subsets
    if known is folds:
        return
    if known is None:  # of a loaded result: the scores of a part compare the rows with its description
        result.row_scores("loss", "train", split, "mean", network=network, folds=folds)
        return
    for (rows, held_out), (train, others) in zip(folds.pairs, known.pairs, strict=True):
        if not np.array_equal(rows, train) or not np.array_equal(held_out, others):
            raise ArgumentError("folds", "expected those of the sweep", got="other rows")


def _chains(folds: Subsets) -> list[list[int]]:
    """Numbers of the subsets of each code, one after another: each has all rows of the one before it."""
    chains: list[list[int]] = []
    before: np.ndarray | None = None
    for f, (rows, _) in enumerate(folds.pairs):
        if len(np.unique(rows)) < len(rows):
            raise ArgumentError("folds", "expected each row once in a subset, as subsets.sizes have them")
        if before is None or len(rows) <= len(before):
            chains.append([])
        elif not np.isin(before, rows).all():
            expected = "expected subsets that grow, each with all rows of the one before it"
            raise ArgumentError("folds", expected, got=f"others at subset {f}")
        chains[-1].append(f)
        before = rows
    return chains


def _classes(split: Split, folds: Subsets, f: int, rows: np.ndarray) -> int:
    """Number of classes of a subset's target, by the labels of its rows, or by their one-hot form."""
    y = np.asarray(checks.as_array(split.y_train if folds.labels is None else folds.labels[f], "split"))
    labels = y[rows] if folds.columns is None else y[rows][:, folds.columns[f]]
    if labels.ndim == 1 and labels.dtype.kind in "iub":
        return max(int(labels.max()) + 1, 2)
    certain = labels.ndim == 2 and np.isin(labels, (0, 1)).all()
    if not certain or (labels.shape[1] > 1 and (labels.sum(axis=1) != 1).any()):
        got = f"{y.dtype} {list(y.shape)}"
        raise ArgumentError("split", "expected integer labels of each target, or one-hot ones", got=got)
    return max(int(labels.shape[1]), 2)
