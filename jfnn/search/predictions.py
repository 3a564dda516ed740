"""Predictions and scores of every member of a sweep for every row."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.datasets import columns
from jfnn.engine.blocks import BLOCK, Finish, Reduce, Selection, by_blocks, vote
from jfnn.experiment.axes import Axes
from jfnn.experiment.experiment import PARTS
from jfnn.experiment.validation import cuts, with_labels
from jfnn.layers.kind import Params
from jfnn.learners import answers
from jfnn.learners.answers import Function, Model
from jfnn.learners.data import Data
from jfnn.learners.learner import Learner, Metric
from jfnn.learners.supervised import Supervised
from jfnn.network import Network
from jfnn.store.files import digest
from jfnn.subsets import Subsets
from jfnn.targets import Split

VOTE = "vote"  # the only statistic of labels


class Origin(NamedTuple):
    """Objects of a run that are not written.

    Attributes:
        learner: ``(network) -> learner``: the run's with another network, or for None with its own.
        parts: Name of a part -> numbers of its rows, of each fold; None where that is not known any more.
        subsets: The subsets that are the folds, where they are `Subsets`.
    """

    learner: Callable[[Network | None], Learner]
    parts: Sequence[Mapping[str, np.ndarray]] | None = None
    subsets: Subsets | None = None


class MemberPredictions:
    """Questions to all members of a `SweepResult` at once."""

    axes: dict[str, np.ndarray]
    sampled: bool
    folds: int | None
    diverged_at: np.ndarray
    params: Any
    kept_cell: tuple[int, ...] | None
    history: dict[str, np.ndarray]
    metrics: dict[str, bool]
    config: dict[str, Any]
    origin: Origin | None

    def __getstate__(self) -> dict[str, Any]:
        """All but the learner, whose functions need not be such as can be pickled."""
        return {**vars(self), "origin": None}

    def predict(
        self, x: Any, reduce: str | Reduce | None = None, network: Network | Learner | Function | None = None
    ) -> np.ndarray:
        """Labels ``[…, n]`` or, of a regression, outputs ``[…, n, n_out]`` of every member for every row.

        The leading axes are those of the grid, or of the kept cell (and, of parameters kept at evaluations,
        these behind). Labels are as of `jfnn.predict`, given where targets were classes: -1 for members that
        diverged and outputs that are not finite. Outputs of members that diverged are NaN.

        Args:
            x: Inputs ``[n, …]`` as the networks take them, scaled if their training rows were. Or, for a run
                of ``jfnn grid`` on a .csv file, a data frame or a mapping of columns, by the file's names and
                in its units; labels are then the file's words ("" for -1), outputs in the targets' units.
            reduce: None for all values. Of labels also "vote", the label of most members, of equals the
                smallest; no other, since their numbers are names. Of outputs "mean" or "std" over members,
                NaN left out; or a function ``(values [members, rows, …], axis=0)``, such as `numpy.median`.
                It sees the members that did not diverge and 256 rows at a time, the last filled up with
                zeros, and may put another axis in the members' place, as quantiles do.
            network: The network, where a result that was loaded does not know it, since functions of your own
                take part; with a loss of your own ``jfnn.supervised(network, loss)``. For a learner of your
                own a function ``(params, x) -> outputs [n, …]`` of one member.

        Raises:
            ValueError, TypeError: No parameters were kept; the network is not known or not theirs; invalid
                inputs; with ``reduce``, every member diverged; else, values do not fit into memory.
        """
        model, framed = self._model(network), columns.is_frame(x)
        if not answers.decides(model, self.metrics):
            units = columns.units(self.config) if framed else None
            return self._ask(answers.outputs, model, x, reduce, units)
        if reduce is not None and not (isinstance(reduce, str) and reduce == VOTE):
            raise ArgumentError(
                "reduce",
                f"expected None or '{VOTE}', since other statistics of labels mean nothing (predict_proba"
                f" takes them, of probabilities); got {checks.shown(reduce)}",
            )
        values = self._ask(answers.labels, model, x, vote if reduce == VOTE else None)
        return columns.as_words(values, self.config) if framed else values

    def predict_proba(
        self, x: Any, reduce: str | Reduce | None = None, network: Network | Learner | None = None
    ) -> np.ndarray:
        """Class probabilities ``[…, n, n_out]`` of every member for every row; NaN for members that diverged.

        Arguments are those of `predict`, with ``reduce`` as of outputs; probabilities are those of
        `jfnn.predict_proba`.

        Raises:
            ValueError, TypeError: As in `predict`; or the loss has no probabilities.
        """
        model = self._model(network)
        if not isinstance(model, Supervised) or model.loss.probabilities is None:
            raise ArgumentError(
                "loss", "expected a network and a cross-entropy; others have no probabilities"
            )
        return self._ask(answers.probabilities, model, x, reduce)

    def row_scores(
        self,
        metric: str | Metric,
        part: str,
        split: Split,
        reduce: str | Reduce | None = None,
        *,
        network: Network | Learner | None = None,
        folds: int | Iterable[Any] | None = None,
    ) -> np.ndarray:
        """A metric's number of each row and member ``[…, n]``: the loss, 1 for a right answer, ….

        NaN where a member's fold does not have the row in this part, and for members that diverged. The mean
        over rows is the score of the sweep; of "r2", whose numbers are squared errors, it is not.

        Args:
            metric: A name of `jfnn.learners.METRICS` or a `Metric`; of a learner of your own, a name of its.
            part: "train" or "validation", for all n rows to train on; "all" for these, in whichever part of
                a member's fold they are; or "test", for those to test on. Where subsets have labels of their
                own, "train" scores by these, all others by the split's.
            split: The split of the sweep.
            reduce: As in `predict` of outputs; "mean" and "std" are over members that have the row.
            network: As in `predict`; a learner of your own as it is.
            folds: Those of the sweep, where its result was loaded and they were no number; for "train" and
                "validation" alone.

        Raises:
            ValueError, TypeError: As in `predict`; another split or other folds than the sweep's; a part that
                has no rows.
        """
        checks.check_instance(split, Split, "split")
        checks.as_choice(part, "part", (*PARTS, "all"))
        learner = self._model(network)
        if isinstance(learner, Supervised):
            with checks.renamed(metrics="metric"):
                learner = learner.measuring([metric])
        elif not isinstance(learner, Learner):
            raise ArgumentTypeError("network", "expected a network or a learner, got a function")
        name = metric.name if isinstance(metric, Metric) else metric
        checks.as_choice(name, "metric", [metric.name for metric in learner.metrics])
        learner, data = learner.bind(split)
        first, end = (data.n_train, data.n) if part == "test" else (0, data.n_train)
        if first == end:
            raise ArgumentError("part", "expected one with rows; this split has none to test on")
        recorded = self.config.get("data", {}).get("rows")  # none of a result that no sweep has made
        given = [digest(leaf) for leaf in jax.tree.leaves(data.rows)]
        if recorded is not None and given != [leaf["sha256"] for leaf in recorded]:
            raise ArgumentError("split", "expected the rows of the sweep, got others")
        params, selection, dtype = self._kept()
        constants = self.config.get("settings", {}).get("constants", {})
        everyone = Axes(self.axes, not self.sampled).hyper(constants, self.diverged_at.size, dtype)
        hyper = {name: values[selection.numbers] for name, values in everyone.items()}
        members: tuple[Any, ...] = (answers.packed(learner, params, dtype), hyper)
        rows = jax.tree.map(lambda leaf: leaf[first:end], data.rows)
        function: Callable[..., jax.Array] = answers.row_score
        only = None
        if part in PARTS[:2]:
            parts, own_rows = self._parts(part, learner, split, data, folds)
            fold_of = selection.numbers % len(parts)
            only = _only(parts, data.n_train, fold_of[selection.places])
            if part == "train" and own_rows is not None:
                function, rows = answers.row_score_in_fold, own_rows
                members = (*members, fold_of.astype(np.int32))
        program = answers.program(function, learner, name)
        return by_blocks(program, members, selection, rows, learner.width(), only, reduce, "metric")

    def _model(self, network: Network | Learner | Function | None) -> Model:
        """The learner or function that answers for the members, by the argument or what is known."""
        if network is not None and not isinstance(network, Network):
            if not isinstance(network, Learner) and not callable(network):
                raise ArgumentTypeError("network", f"expected a jfnn.Network, got {checks.shown(network)}")
            return network
        if self.origin is None:
            reason = "expected jfnn.supervised(network, loss), since this result does not know its own"
            raise ArgumentError("network", reason)
        return self.origin.learner(network)

    def _ask(
        self,
        function: Callable[..., jax.Array],
        model: Model,
        x: Any,
        reduce: Any,
        finish: Finish | None = None,
    ) -> np.ndarray:
        """Values of a function of `jfnn.learners.answers` for inputs, or for a frame of them."""
        params, selection, dtype = self._kept()
        if columns.is_frame(x):
            x = columns.as_rows(x, self.config)
            x = x.reshape(len(x), *(model.network.input_shape or ())) if isinstance(model, Supervised) else x
        rows, params = answers.inputs(model, x, dtype), answers.packed(model, params, dtype)
        program, leaves = answers.program(function, model), jax.tree.leaves(params)
        layer = model.width() if isinstance(model, Learner) else max(leaf.shape[-1] for leaf in leaves)
        return by_blocks(program, params, selection, rows, layer, finish, reduce)

    def _kept(self) -> tuple[Params, Selection, np.dtype]:
        """Parameters of the members that were kept, on one axis, which they are, and their dtype."""
        if self.params is None:
            raise ArgumentError("keep_params", "expected 'all'; this sweep kept no parameters")
        place, everyone = self.kept_cell or (), self.diverged_at
        at, numbers = everyone[place], np.arange(everyone.size).reshape(everyone.shape)[place]
        shape, diverged = at.shape, at >= 0
        if self.config.get("settings", {}).get("keep_params") == "evaluations":
            epochs = self.history["epoch"]
            shape, numbers = (*shape, len(epochs)), np.repeat(numbers, len(epochs))
            diverged = diverged[..., None] & (at[..., None] < epochs)
        params = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[len(shape) :]), self.params)
        floats = [leaf.dtype for leaf in jax.tree.leaves(params) if leaf.dtype.kind == "f"]
        dtype = np.dtype(jax.dtypes.canonicalize_dtype(floats[0] if floats else np.float64))
        return params, Selection(shape, numbers.ravel(), diverged.ravel()), dtype

    def _parts(
        self, part: str, learner: Learner, split: Split, data: Data, folds: Any
    ) -> tuple[list[np.ndarray], Any]:
        """Numbers of the split's rows in a part of each fold, and of subsets with labels of their own rows.

        The latter are the training rows as each subset has them, ``[n, F, …]``, else None.
        """
        recorded, i = self.config["data"], PARTS.index(part)
        known = None if self.origin is None else self.origin.parts
        others = ArgumentError("folds", "expected those of the sweep, got others")
        own_rows = None
        if "labels" in recorded:
            subsets = folds if self.origin is None or known is None else self.origin.subsets
            if not isinstance(subsets, Subsets) or subsets.labels is None:
                raise ArgumentError("folds", "expected the jfnn.subsets.Subsets of the sweep, with labels")
            with checks.renamed(y_train="folds"):
                longer, numbered = with_labels(split, subsets)
                _, everything = learner.bind(longer)
            added = [leaf[data.n_train : everything.n_train] for leaf in jax.tree.leaves(everything.rows)]
            if digest(*added) != recorded["labels"]:
                raise others
            parts, numbers = ([pair[i] for pair in pairs] for pairs in (subsets.pairs, numbered.pairs))
            own_rows = jax.tree.map(lambda leaf: leaf[_own_numbers(subsets, numbered).T], everything.rows)
        elif known is not None:
            parts = numbers = [fold[part] for fold in known]
        else:
            size = None if self.folds else max(recorded["validation"]["rows"]) or None
            parts = numbers = [pair[i] for pair in cuts(data, size, self.folds if folds is None else folds)]
        if digest(*numbers) != recorded[part]["sha256"]:
            raise others
        if not any(map(len, parts)):
            raise ArgumentError("part", "expected one with rows; this sweep held none out")
        return parts, own_rows


def _own_numbers(subsets: Subsets, numbered: Subsets) -> np.ndarray:
    """Numbers of the training rows as each subset has them ``[F, n]``."""
    numbers = np.tile(np.arange(subsets.n), (len(subsets.pairs), 1))
    for fold, (train, _) in enumerate(subsets.pairs):
        numbers[fold, train] = numbered.pairs[fold][0]
    return numbers


def _only(parts: Sequence[np.ndarray], n: int, fold_of: np.ndarray) -> Finish:
    """A function that puts NaN where the fold of a member ``[members]`` lacks a row."""
    has = np.zeros((len(parts), -(-n // BLOCK) * BLOCK), bool)
    for fold, numbers in enumerate(parts):
        has[fold, numbers] = True

    def only(values: np.ndarray, first: int) -> np.ndarray:
        return np.where(has[fold_of, first : first + BLOCK], values, np.array(np.nan, values.dtype))

    return only
