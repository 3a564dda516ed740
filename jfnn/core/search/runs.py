"""The part of a result that belongs to one program: parameters, configuration, the learner that predicts."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.types import Json
from jfnn.core.engine.blocks import MemberSelection
from jfnn.core.experiment.axes import Axes
from jfnn.core.experiment.subsets import Subsets
from jfnn.core.search.described import described_learner
from jfnn.core.search.run_directory import CONFIG, kept_plain
from jfnn.learners.answers import Model
from jfnn.learners.learner import Learner
from jfnn.learners.of_targets import SEVERAL_TARGETS, of_targets
from jfnn.learners.supervised import Supervised
from jfnn.network import Network
from jfnn.params import Params


class Origin(NamedTuple):
    """Objects of a run that are not saved.

    Attributes:
        learner: ``(network) -> learner``: the run's learner with another network, or with its own for None.
        parts: For each fold, name of a part -> row numbers; None if not kept.
        subsets: The folds, if they are `Subsets`.
        most_frequent: Share of the most frequent class among the rows that rank, averaged over folds; None
            without classes, with weights, or with subsets.
        advice: As in `jfnn.core.experiment.experiment.Experiment`.
    """

    learner: Callable[[Network | None], Learner]
    parts: Sequence[Mapping[str, np.ndarray]] | None = None
    subsets: Subsets | None = None
    most_frequent: float | None = None
    advice: str = ""


class ProgramMembers(NamedTuple):
    """The trained members of one program.

    Attributes:
        model: The learner, or function ``(params, x) -> outputs``, that predicts for them.
        params: Their parameters, NumPy arrays with all members on the leading axis.
        hyper: Their hyperparameters, name -> ``[members]``.
        selection: The numbers of these members in the run.
        dtype: Dtype of their parameters.
    """

    model: Model
    params: Params
    hyper: dict[str, np.ndarray]
    selection: MemberSelection
    dtype: np.dtype


class Members(NamedTuple):
    """The trained members of all programs, in C order of the axes of programs, which have this shape."""

    programs: list[ProgramMembers]
    shape: tuple[int, ...]


def _is_cell(value: object) -> bool:
    return value is None or (type(value) is list and all(type(index) is int for index in value))


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ProgramRun:
    """The parts of a result that each program has separately, apart from the arrays.

    Attributes:
        params: Parameters with this program's axes in front on every leaf, or as ``keep_params`` specifies;
            or None.
        kept_cell: Index, in this program's grid, of the only cell whose parameters were kept, or None.
        config: Settings, data checksums, versions, device, and the "fingerprint" of what determines the
            result.
        timing: Seconds since the run began or was resumed, "compile" and "run".
        origin: The learner and, if still available, the rows of the folds; None once pickled, since functions
            may not be picklable. The learner is then rebuilt from ``config``.
        key: Name of each axis of networks or batch sizes -> this program's value; empty for one program.
        evaluated: Number of evaluations, if another program has more; None for all.
    """

    params: Any = None
    kept_cell: tuple[int, ...] | None = field(metadata=kept_plain(_is_cell), default=None)
    config: Json = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)
    origin: Origin | None = None
    key: dict[str, Any] = field(default_factory=dict)
    evaluated: int | None = None

    def model(self, network: object) -> Model:
        """Return the learner or function that makes predictions: the given one, or the run's for None."""
        if network is None or isinstance(network, Network):
            if self.origin is None:
                return described_learner(self.config.get("settings", {}).get("learner", {}), CONFIG, network)
            return self.origin.learner(network)
        if isinstance(network, Supervised):  # the run's targets determine what outputs mean
            described = self.config.get("settings", {}).get("learner", {})
            model = of_targets(network) if described.get(SEVERAL_TARGETS) is True else network
            return dataclasses.replace(model, multilabel=described.get("multilabel", False) is True)
        if isinstance(network, Learner) or callable(network):
            return network
        raise ArgumentTypeError("network", f"expected a jfnn.Network, got {checks.as_text(network)}")

    def members(
        self, network: object, cells: Axes, diverged_at: np.ndarray, evaluations: np.ndarray, last: bool
    ) -> ProgramMembers:
        """Return the members whose parameters were kept, on one axis; `model` takes the network.

        ``cells``, ``diverged_at`` and ``evaluations`` are this program's. If parameters of every evaluation
        were kept, each evaluation counts as a member; with ``last``, only the last one is returned.
        """
        model = self.model(network)
        if self.params is None:
            raise ArgumentError("keep_params", "expected 'all'; this sweep kept no parameters")
        settings = self.config.get("settings", {})
        cell = self.kept_cell or ()
        numbers = np.arange(diverged_at.size).reshape(diverged_at.shape)[cell]
        ended = np.asarray(diverged_at[cell])
        shape = ended.shape
        diverged = ended >= 0
        params = self.params
        if settings.get("keep_params") == "evaluations":
            if last:
                params = jax.tree.map(lambda leaf: leaf.take(-1, axis=ended.ndim), params)
            else:
                shape = (*shape, len(evaluations))
                numbers = np.repeat(numbers, len(evaluations))
                diverged = diverged[..., None] & (ended[..., None] < evaluations)
        params = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[len(shape) :]), params)
        floats = [leaf.dtype for leaf in jax.tree.leaves(params) if leaf.dtype.kind == "f"]
        dtype = np.dtype(jax.dtypes.canonicalize_dtype(floats[0] if floats else np.float64))
        selection = MemberSelection(shape, np.ravel(numbers), diverged.ravel())
        hyper = cells.hyper(settings.get("constants", {}), diverged_at.size, dtype)
        hyper = {name: values[selection.indices] for name, values in hyper.items()}
        return ProgramMembers(model, params, hyper, selection, dtype)


def common_entries(one: Json, other: Json, levels: int = 2) -> Json:
    """Return the entries that are equal in two configurations, descending some levels into mappings."""
    common: Json = {}
    for name, value in one.items():
        counterpart = other.get(name)
        if levels and isinstance(value, dict) and isinstance(counterpart, dict):
            common[name] = common_entries(value, counterpart, levels - 1)
        elif value == counterpart:
            common[name] = value
    return common
