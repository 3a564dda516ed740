"""How many random examples a law is tested on: few, more in thorough tests, many in slow tests."""

import dataclasses

import hypothesis
import pytest


@dataclasses.dataclass(frozen=True)
class Examples:
    """A number of examples, the number of structures they share (each compiled once), and the seed."""

    count: int
    structures: int
    seed: int = 0

    def check(self, law, **given):
        """Call ``law(**drawn)`` for every example, and print how many there were."""
        tried = []

        def counted(**drawn):
            tried.append(drawn)
            law(**drawn)

        settings = hypothesis.settings(
            max_examples=self.count,
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.seed(self.seed)(settings(hypothesis.given(**given)(counted)))()
        name = law.__qualname__.split(".")[0]
        print(f"{name}: {len(tried)} examples, seed {self.seed}")
        assert len(tried) >= self.count / 2


def examples(more, many, few=None, marks=()):
    """Mark a test that takes ``examples``, numbers of `Examples`: ``few`` by default (None: ``more``).

    These ``few`` may have further ``marks``.
    """
    numbers = [(more, () if few is None else pytest.mark.thorough), (many, pytest.mark.slow)]
    numbers += [] if few is None else [(few, marks)]
    return pytest.mark.parametrize(
        "examples",
        [pytest.param(Examples(*given), id=f"{given[0]} examples", marks=marks) for given, marks in numbers],
    )
