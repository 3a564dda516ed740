"""The functions of one member that the engine compiles."""

import abc
import dataclasses
from collections.abc import Callable, Hashable
from typing import NamedTuple

import jax
import numpy as np

from jfnn.learners.data import Batch, Hyper, Rows, StepValues
from jfnn.learners.learner import Learner
from jfnn.params import Params, State

OneStep = Callable[[State, Batch, Hyper, jax.Array | None], tuple[State, StepValues]]


class Shapes(NamedTuple):
    """The shapes of a run, for which functions are traced.

    Attributes:
        params: Shapes and dtypes of a member's parameters, in the engine's form.
        rows: Shapes and dtypes of all rows.
        hyper: Names of a member's hyperparameters.
        dtype: Dtype of hyperparameters and weights.
        steps: Possible numbers of rows in a step.
        weighted: Whether steps have weights.
        scored: Possible numbers of rows scored at a time.
    """

    params: Params
    rows: Rows
    hyper: tuple[str, ...]
    dtype: np.dtype
    steps: tuple[int, ...]
    weighted: bool
    scored: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Functions(abc.ABC):
    """Functions of one member; equal instances compute the same and share compiled programs.

    Attributes:
        learner: The learner, bound to its data and with its schedule. Its other methods are not compiled.
        start: `Learner.start`.
        step: `Learner.step`.
        score: `Learner.score`.
        end_epoch: `Learner.end_epoch`.
        identity: A key that is equal for equal functions.
        shapes: The shapes for which the functions were traced; None if they are the learner's own methods.
    """

    learner: Learner = dataclasses.field(compare=False)
    start: Callable[[Params, Hyper], State] = dataclasses.field(compare=False)
    step: OneStep = dataclasses.field(compare=False)
    score: Callable[[Params, Rows, Hyper], dict[str, jax.Array]] = dataclasses.field(compare=False)
    end_epoch: Callable[[State, State, Hyper], State] = dataclasses.field(compare=False)
    identity: Hashable
    shapes: Shapes | None = dataclasses.field(compare=False, default=None)

    @property
    @abc.abstractmethod
    def name(self) -> str | None:
        """Name that identifies the functions in every process; None if there is none."""
