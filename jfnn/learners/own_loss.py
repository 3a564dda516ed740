"""A loss of your own: anything differentiable, trained with everything that the engine has."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jfnn import checks, losses
from jfnn.checks import ArgumentError, ArgumentTypeError
from jfnn.layers.kind import Params
from jfnn.learners.data import Batch, Data, Hyper, Rows
from jfnn.learners.learner import Learner, Metric, check_metrics
from jfnn.learners.naming import code_name, describe_rule, takes
from jfnn.learners.trial import all_hyper, check_params, check_scores, trial, tried_on
from jfnn.optimizers import Optimizer, UpdateRule, Values, as_optimizer
from jfnn.training import State, descend

OwnLossFunction = Callable[..., jax.Array]
ScoreFunction = Callable[..., Mapping[str, jax.Array]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnLoss(Learner):
    """Gradient descent on ``loss(params, batch, key) + l2/2 Σ w²``, as `learner` makes it."""

    init_function: Callable[[jax.Array], Params]
    loss: OwnLossFunction
    rule: UpdateRule
    own_hyper: tuple[str, ...]
    score_function: ScoreFunction | None
    hyper: tuple[str, ...]
    metrics: tuple[Metric, ...]
    random: bool
    numbers: Mapping[str, Values] = dataclasses.field(compare=False)
    schedule_epochs: int | None = dataclasses.field(compare=False)

    def init(self, key: jax.Array) -> Params:
        """The user's."""
        return self.init_function(key)

    def start(self, params: Params, hyper: Hyper) -> State:
        """The optimizer's memory."""
        return State(params, self.rule.make(hyper).init(params))

    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, jax.Array]:
        """One step along the gradient of the loss and the penalty."""

        def objective(params: Params) -> jax.Array:
            value = self.loss(params, batch.rows, key, **self._own(hyper))
            return value + hyper["l2"] * losses.l2_penalty(params)

        value, gradients = jax.value_and_grad(objective)(state.params)
        return descend(state, self.rule.make(hyper), gradients), value

    def _own(self, hyper: Hyper) -> dict[str, jax.Array]:
        return {name: hyper[name] for name in self.own_hyper}

    def score(self, params: Params, rows: Rows, hyper: Hyper) -> dict[str, jax.Array]:
        """What the user's function gives, or the loss of each row as a batch of one."""
        numbers, function = self._own(hyper), self.score_function
        if function is not None:
            options = {name: number for name, number in numbers.items() if takes(function, name)}
            options |= {"key": jax.random.key(0)} if takes(function, "key") else {}
            return dict(function(params, rows, **options))
        key = jax.random.key(0) if self.random else None

        def of_row(row: Rows) -> jax.Array:
            return self.loss(params, jax.tree.map(lambda leaf: leaf[None], row), key, **numbers)

        return {"loss": jax.vmap(of_row)(rows)}

    def check(self, data: Data) -> None:
        """Tries the user's functions on shapes."""
        params = trial("init", self.init, jax.random.key(0))
        check_params("init", params)
        self.rule.check(params)
        rows, number = tried_on(data.rows, data.dtype)
        key = jax.random.key(0) if self.random else None
        numbers = dict.fromkeys(self.own_hyper, number)
        value = trial("loss", lambda p, rows, h: self.loss(p, rows, key, **h), params, rows, numbers)
        if getattr(value, "shape", None) != () or not jnp.issubdtype(value.dtype, jnp.floating):
            raise ArgumentError("loss", f"expected a floating scalar, got {value}")
        names = [metric.name for metric in self.metrics]
        check_scores("score", trial("score", self.score, params, rows, numbers), names)

    def describe(self) -> dict[str, Any]:
        """Names of the user's functions."""
        return {
            "network": code_name(self.init_function),
            "loss": code_name(self.loss),
            **describe_rule(self.rule),
            "metrics": {metric.name: code_name(metric.reduce) for metric in self.metrics},
        }


def learner(
    init: Callable[[jax.Array], Params],
    loss: OwnLossFunction,
    *,
    optimizer: str | Optimizer | Callable[..., optax.GradientTransformation] = "sgd",
    hyper: Sequence[str] = (),
    random: bool = False,
    score: ScoreFunction | None = None,
    metrics: Sequence[Metric] = (),
) -> OwnLoss:
    """A learner with a loss of your own: physics-informed networks, autoencoders, policies, ….

    It is swept like a network: ``sweep(jfnn.learner(…), Split(x), learning_rate=[…], seeds=20)``. Members
    minimise ``loss + l2/2 Σ w²``.

    Args:
        init: ``key -> params``, a pytree of arrays of float32 or float64.
        loss: ``(params, batch, key, …) -> scalar``. A batch is the pytree of the rows of a minibatch: x, or
            (x, y) where the split has y. ``key`` is None unless ``random``.
        optimizer: An optax optimizer by name, a factory, or an `Optimizer`.
        hyper: Names of further numbers of each member, which the loss takes as keywords; give their values,
            or axes, as ``sweep(hyper={…})``.
        random: Whether the loss draws random numbers. Members of a replicate share the key of a step.
        score: ``(params, rows, …) -> {name: [n]}``: one value a row for "loss" and every metric. It may take,
            as keywords, names of ``hyper``, and ``key``, which is always ``jax.random.key(0)``. None for the
            loss of each row, as a batch of one, by that key if it is ``random``.
        metrics: The metrics besides "loss" that ``score`` gives.

    Raises:
        ValueError, TypeError: What cannot be; the message names the argument.
    """
    for name, function in {"init": init, "loss": loss, "score": loss if score is None else score}.items():
        if not callable(function):
            raise ArgumentTypeError(name, f"expected a function, got {type(function).__name__}")
    random = checks.as_switch(random, "random")
    if not checks.is_several(metrics):
        raise ArgumentTypeError("metrics", f"expected a sequence of jfnn.Metric, got {checks.shown(metrics)}")
    options, metrics = as_optimizer(optimizer), (Metric("loss"), *metrics)
    rule = options.rule()
    names = all_hyper(hyper, rule)
    check_metrics(metrics)
    return OwnLoss(
        init_function=init,
        loss=loss,
        rule=rule,
        own_hyper=tuple(hyper),
        score_function=score,
        hyper=names,
        metrics=metrics,
        random=random,
        numbers=options.numbers,
        schedule_epochs=options.schedule_epochs,
    )
