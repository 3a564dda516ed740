"""How many random examples a law is tried on: a few by default, many behind the slow marker."""

import dataclasses

import hypothesis
import pytest


@dataclasses.dataclass(frozen=True)
class Examples:
    """A number of examples, the structures that they share (each is compiled once), and the seed."""

    count: int
    structures: int
    seed: int = 0

    def check(self, law, **given):
        """Calls ``law(**drawn)`` for every example, and prints how many there were."""
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


def examples(few, many):
    """Marks a test that takes ``examples``: `Examples`, or two numbers, by default and where it is slow."""
    return pytest.mark.parametrize(
        "examples",
        [
            pytest.param(Examples(*few), id=f"{few[0]} examples"),
            pytest.param(Examples(*many), id=f"{many[0]} examples", marks=pytest.mark.slow),
        ],
    )
