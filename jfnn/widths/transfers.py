"""Width as an axis: one grid for networks of many widths, in each parametrisation.

The best learning rate of the standard parametrisation moves with the width; that of the maximal-update
parametrisation stays, so that one found on a narrow network is that of a wide one (Yang & Hu, arXiv
2203.03466).
"""

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jfnn.arguments import paths
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.texts import html_table, number_text
from jfnn.experiment.settings import Execution
from jfnn.network import Network
from jfnn.search import run_directory
from jfnn.search.groups import SweepGroups, load_groups, sweep_groups
from jfnn.targets import Split
from jfnn.widths.parametrisations import PARAMETRISATIONS, parametrised

LOSS = "train_loss"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Transfer:
    """Sweeps of every width in every parametrisation, all of the same cells and seeds.

    Attributes:
        width: The widths ``[W]``.
        parametrisations: Their names, P of them.
        groups: The sweeps, in groups named "standard-32", parametrisation by parametrisation.
    """

    width: np.ndarray
    parametrisations: tuple[str, ...]
    groups: SweepGroups

    @property
    def learning_rate(self) -> np.ndarray:
        """The learning rates ``[E]``."""
        return self.groups.results[0].learning_rate

    def __repr__(self) -> str:
        """The best learning rate of every width."""
        lines = "".join(f"\n {' '.join(row)}" for row in self._table()[1:])
        return f"<Transfer to {len(self.width)} widths {self.width.tolist()}; best learning rates:{lines}>"

    def _repr_html_(self) -> str:
        """The best learning rate of every width as a table, for notebooks."""
        return html_table(self._table())

    def _table(self) -> list[list[str]]:
        rows = zip(self.parametrisations, self.best_rates(), strict=True)
        rates = [[name.replace("_", " "), *(number_text(rate, False) for rate in row)] for name, row in rows]
        return [["best η by width", *map(str, self.width)], *rates]

    def scores(self, name: str = LOSS, seeds: bool = False) -> np.ndarray:
        """A score for every width and learning rate ``[P, W, E]``, or of each of its members as well.

        Of further axes the best place is taken, by the score averaged over seeds and folds. NaN where a
        member diverged.

        Args:
            name: Such as "train_loss" or "test_accuracy".
            seeds: Whether to give the score of each seed and fold instead of their mean, ``[P, W, E, S]``.
        """
        name, rates = self.groups.results[0].named(name), len(self.learning_rate)
        members = []
        for result in self.groups.results:
            cells = result.cell_scores(name).reshape(rates, -1)
            best = self._best_places(cells, name)
            members.append(result.scores[name].reshape(*cells.shape, -1)[np.arange(rates), best])
        shaped = np.reshape(members, (len(self.parametrisations), len(self.width), rates, -1))
        return shaped if seeds else np.asarray(shaped.mean(axis=-1))

    def best_rates(self, name: str = LOSS) -> np.ndarray:
        """The learning rate with the best score for every width ``[P, W]``; NaN where all diverged."""
        best = self._best(name)
        return np.where(best < 0, np.nan, self.learning_rate[best])

    def steps_moved(self, name: str = LOSS) -> np.ndarray:
        """By how many steps of the grid the best learning rate moves over the widths ``[P]``."""
        best = self._best(name)
        if (best < 0).any():
            raise ArgumentError("learning_rate", "all diverged at some width; try smaller ones")
        return np.asarray(np.ptp(best, axis=1))

    def _best(self, name: str) -> np.ndarray:
        """Places of the best learning rates ``[P, W]``, -1 where all diverged; of equals the first."""
        scores = self.scores(name)
        return np.where(np.isnan(scores).all(axis=-1), -1, self._best_places(scores, name))

    def _best_places(self, scores: np.ndarray, name: str) -> np.ndarray:
        """Places of the best scores on the last axis, the first of equals."""
        sign = 1 if self.groups.results[0].higher_is_better(name) else -1
        return np.asarray(np.argmax(np.where(np.isnan(scores), -np.inf, sign * scores), axis=-1))

    def to_dict(self) -> dict[str, np.ndarray]:
        """Columns with one value a member: "parametrisation", "width", then those of the groups."""
        table = self.groups.to_dict()
        labels = [name.rpartition("-") for name in table.pop("network").tolist()]
        leading = {"parametrisation": np.array([name for name, _, _ in labels])}
        return {**leading, "width": np.array([int(width) for _, _, width in labels]), **table}

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Writes the columns of `to_dict` as CSV, one row a member."""
        run_directory.write_table(paths.as_output_file(path, "path"), self.to_dict())


def transfer(
    network: Callable[[int], Network],
    split: Split,
    *,
    width: Sequence[int],
    parametrisations: Sequence[str] = PARAMETRISATIONS,
    base: int | None = None,
    output_multiplier: float = 1.0,
    **options: Any,
) -> Transfer:
    """Sweeps networks of many widths, each compiled once, in the standard and in another parametrisation.

    Members are those of `jfnn.sweep_groups` with groups named "<parametrisation>-<width>"; with ``out`` their
    runs go into directories named so.

    Args:
        network: ``width -> Network`` of `jfnn.layers`, whose ``init`` is "he_normal", "he_uniform" or
            "lecun_normal", such as ``lambda width: jfnn.mlp((40, width, width, 10), "relu",
            init="he_normal")``.
        split: ``Split(x_train, y_train, x_test, y_test, weights)``.
        width: The widths, in rising order.
        parametrisations: "standard": networks as they are; "maximal_update": by `jfnn.maximal_update`.
        base: The width at which both parametrisations are the same network; None for the first.
        output_multiplier: That of `jfnn.maximal_update`.
        **options: The options of `jfnn.sweep_groups` but ``sample``, such as ``learning_rate``. No parameters
            are kept unless a `jfnn.Execution` says so.

    Raises:
        ValueError, TypeError: As in `jfnn.sweep_groups` and `jfnn.maximal_update`.
    """
    if options.get("sample") is not None:
        raise ArgumentError("sample", "expected none, since every width takes the same learning rates")
    optimizer = options.get("optimizer", "sgd")
    networks = parametrised(network, width, parametrisations, base, output_multiplier, optimizer)
    groups = sweep_groups(networks, split, **{"execution": Execution(keep_params="none"), **options})
    return Transfer(np.array(width), tuple(parametrisations), groups)


def load_transfer(directory: str | os.PathLike[str]) -> Transfer:
    """The result that `transfer` wrote with ``out``.

    Raises:
        FileNotFoundError, ValueError: As in `jfnn.load_groups`; or the groups are not those of a transfer.
    """
    groups = load_groups(directory)
    labels = [group.network.rpartition("-") for group in groups.groups]
    parametrisations = tuple(dict.fromkeys(name for name, _, _ in labels))
    width = tuple(dict.fromkeys(width for _, _, width in labels))
    expected = [(name, "-", value) for name in parametrisations for value in width]
    if labels != expected or not {*parametrisations} <= {*PARAMETRISATIONS}:
        raise ArgumentError(str(directory), "its groups are not widths of parametrisations")
    return Transfer(np.array(list(map(int, width))), parametrisations, groups)
