"""Members that other processes could not train, after as many tries as were allowed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jfnn.engine.state import Lost
from jfnn.search import run_directory
from jfnn.search.result import SweepResult
from jfnn.search.run_directory import PARTIAL
from jfnn.workers import ExecutorError


class LostMembersError(ExecutorError):
    """Members were given up, since their workers died or their futures broke each time.

    Attributes:
        result: The `SweepResult` of all; what was given up has NaN scores, and as ``diverged_at`` the epoch
            that it had come to.
        members: Numbers of the members given up, in C order of the result's arrays.
    """

    def __init__(self, result: SweepResult, lost: Sequence[Lost], directory: Path | None):
        """Makes the message.

        Args:
            result: See above.
            lost: What the executor gave up.
            directory: The run's, if it has one.
        """
        self.result = result
        self.members = np.unique(np.concatenate([tile.members for tile in lost]))
        columns = run_directory.columns(vars(result))
        scores = set(result.scores) | set(run_directory.OUTCOMES)
        first = {name: values[self.members[0]] for name, values in columns.items() if name not in scores}
        cell = ", ".join(f"{name}={value:g}" for name, value in first.items())
        first_lost = lost[0]
        why = f"{type(first_lost.error).__name__}: {first_lost.error}"
        where = "error.result" if directory is None else str(directory / PARTIAL)
        again = "" if directory is None else "; resume=True tries again from the last state before"
        super().__init__(
            f"executor: {len(self.members)} of {len(columns['seed'])} members were given up, the first"
            f" {cell}, after {first_lost.epoch} epochs: {why}; the scores of the others are in {where}{again}"
        )


def keep_others(error: LostMembersError, directory: Path) -> None:
    """Writes the rows of the members that were not given up."""
    columns = run_directory.columns(vars(error.result))
    others = np.setdiff1d(np.arange(len(columns["seed"])), error.members)
    run_directory.write_table(directory / PARTIAL, {name: values[others] for name, values in columns.items()})
