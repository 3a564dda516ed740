"""Learners trained by an optimizer that is given a gradient."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

import jax
import optax

from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentTypeError
from jfnn.arguments.types import Json
from jfnn.identity.naming import describe_rule
from jfnn.learners.data import Data, Hyper
from jfnn.learners.learner import Learner, Metric, starting_shapes
from jfnn.learners.shapes import check_params
from jfnn.optimizers import Factory, Optimizer, UpdateRule, Values, as_optimizer
from jfnn.params import Params, State, without_constants
from jfnn.training import descend


@dataclasses.dataclass(frozen=True, kw_only=True)
class DescentLearner(Learner):
    """A learner trained by an optimizer that is given a gradient.

    Attributes:
        rule: The optimizer, made for each member from its hyperparameters.
    """

    rule: UpdateRule
    hyper: tuple[str, ...]
    metrics: tuple[Metric, ...]
    random: bool
    numbers: Mapping[str, Values] = dataclasses.field(compare=False)
    schedule_epochs: int | None = dataclasses.field(compare=False)

    def start(self, params: Params, hyper: Hyper) -> State:
        """Return the parameters and the optimizer's memory."""
        trained = without_constants(params)
        return State(params, self.optimizer(trained, hyper).init(trained))

    def optimizer(self, params: Params, hyper: Hyper) -> optax.GradientTransformation:
        """Return the optimizer of one member, for its parameters and hyperparameters."""
        return self.rule.make(hyper)

    def descend(
        self,
        state: State,
        gradients: Params,
        hyper: Hyper,
        value: jax.Array | None = None,
        value_fn: Callable[[Params], jax.Array] | None = None,
    ) -> State:
        """Return the state after a step along given gradients; see `jfnn.training.descend`."""
        optimizer = self.optimizer(without_constants(state.params), hyper)
        return descend(state, optimizer, gradients, value, value_fn)

    @property
    def needs_value(self) -> bool:
        """Whether a step of the optimizer needs the objective, as a line search does."""
        return self.rule.needs_value(without_constants(starting_shapes(self)))

    @property
    def differentiable(self) -> bool:  # type: ignore[override]
        """Whether steps can be differentiated; the loop of a line search cannot."""
        return not self.needs_value

    def check(self, data: Data) -> None:
        """Try the optimizer on shapes."""
        params = without_constants(starting_shapes(self))
        check_params("network", params)
        self.rule.check(params)

    def with_schedule(self, epochs: int) -> Learner:
        """Return a copy whose schedule spans ``epochs``, unless ``schedule_epochs`` is set."""
        return dataclasses.replace(self, schedule_epochs=epochs) if self.schedule_epochs is None else self

    def describe(self) -> Json:
        """Describe the optimizer and its schedule."""
        return describe_rule(self.rule)


class DescentFields(TypedDict):
    """Fields of a `DescentLearner`, as keywords of its constructor."""

    rule: UpdateRule
    hyper: tuple[str, ...]
    numbers: Mapping[str, Values]
    schedule_epochs: int | None


def descent_fields(optimizer: str | Optimizer | Factory, hyper: Sequence[str]) -> DescentFields:
    """Return fields of a `DescentLearner`, from its optimizer and the names of further hyperparameters.

    Raises:
        TypeError, ValueError: An invalid optimizer, or names that are not a sequence of distinct strings.
    """
    options = as_optimizer(optimizer)
    rule = options.rule()
    if not checks.is_several(hyper) or not all(isinstance(name, str) for name in hyper):
        raise ArgumentTypeError("hyper", f"expected a sequence of names, got {checks.as_text(hyper)}")
    names = ("learning_rate", "l2", *hyper, *rule.hyper[1:])
    paths.check_each_once(names, "hyper")
    numbers = options.numbers
    epochs = options.schedule_epochs
    return {"rule": rule, "hyper": names, "numbers": numbers, "schedule_epochs": epochs}
