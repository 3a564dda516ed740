"""Custom losses: anything differentiable, trained with everything that the engine has."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jfnn import losses
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.signatures import takes
from jfnn.identity.naming import code_name
from jfnn.layers.constant import with_constants, without_constants
from jfnn.layers.kind import Params
from jfnn.learners.data import Batch, Data, Hyper, Rows
from jfnn.learners.descent import DescentLearner, descent_fields
from jfnn.learners.learner import Metric, check_metrics
from jfnn.learners.shapes import check_params, check_scores, describe_shapes, eval_shape, example_shapes
from jfnn.numerics.compiling import key_shape
from jfnn.optimizers import Factory, Optimizer, State

CustomLossFunction = Callable[..., jax.Array]
ScoreFunction = Callable[..., Mapping[str, jax.Array]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CustomLoss(DescentLearner):
    """Gradient descent on ``loss(params, batch, key) + l2/2 Σ w²``, as `learner` makes it."""

    init_function: Callable[[jax.Array], Params]
    loss: CustomLossFunction
    loss_hyper: tuple[str, ...]
    score_function: ScoreFunction | None

    def init(self, key: jax.Array) -> Params:
        """Starting parameters by the user's function."""
        return self.init_function(key)

    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, jax.Array]:
        """One step along the gradient of the loss and the penalty."""

        def objective(trained: Params) -> jax.Array:
            params = with_constants(trained, state.params)
            value = self.loss(params, batch.rows, key, **self._of_loss(hyper))
            return value + hyper["l2"] * losses.l2_penalty(trained)

        value, gradients = jax.value_and_grad(objective)(without_constants(state.params))
        return self.descend(state, gradients, hyper), value

    def _of_loss(self, hyper: Hyper) -> dict[str, jax.Array]:
        return {name: hyper[name] for name in self.loss_hyper}

    def score(self, params: Params, rows: Rows, hyper: Hyper) -> dict[str, jax.Array]:
        """Scores of the user's function, or the loss of each row as a batch of one."""
        numbers = self._of_loss(hyper)
        function = self.score_function
        if function is not None:
            options = {name: number for name, number in numbers.items() if takes(function, name)}
            options |= {"key": jax.random.key(0)} if takes(function, "key") else {}
            scores: Any = function(params, rows, **options)
            return dict(scores) if isinstance(scores, Mapping) else scores
        key = jax.random.key(0) if self.random else None

        def row_loss(row: Rows) -> jax.Array:
            return self.loss(params, jax.tree.map(lambda leaf: leaf[None], row), key, **numbers)

        return {"loss": jax.vmap(row_loss)(rows)}

    def check(self, data: Data) -> None:
        """Tries the user's functions on shapes."""
        params = eval_shape("init", self.init, key_shape())
        check_params("init", params, by_gradient=False)
        check_params("init", without_constants(params))
        self.rule.check(without_constants(params))
        rows, number = example_shapes(data.rows, data.dtype)
        numbers = dict.fromkeys(self.loss_hyper, number)
        self._check_signature()
        value = self._loss_shape(params, rows, numbers)
        shape = getattr(value, "shape", None)
        if shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
            cure = "; sum it over the rows, or take the mean" if shape else ""
            got = f"{describe_shapes(value)}{cure}"
            raise ArgumentError("loss", f"expected one number, a floating scalar, got {got}")
        names = [metric.name for metric in self.metrics]
        check_scores("score", eval_shape("score", self.score, params, rows, numbers), names)

    def _check_signature(self) -> None:
        """Raises ArgumentError for a loss that takes other arguments than it is given."""
        try:
            signature = inspect.signature(self.loss)
        except (TypeError, ValueError):  # a function in C that does not tell
            return
        names = ["params", "batch", "key", *self.loss_hyper]
        try:
            signature.bind(None, None, None, **dict.fromkeys(self.loss_hyper))
        except TypeError:
            more = [p.name for p in list(signature.parameters.values())[3:] if p.default is p.empty]
            more = [name for name in more if name not in self.loss_hyper]
            cure = f"; nobody gives {', '.join(more)}: name it by hyper={more} of the learner" if more else ""
            raise ArgumentTypeError(
                "loss", f"expected a function of {', '.join(names)}, got one of {signature}{cure}"
            ) from None

    def _loss_shape(self, params: Params, rows: Rows, numbers: Mapping[str, Any]) -> Any:
        """Shape and dtype of the loss.

        Raises:
            ValueError: It fails; where it does not with a key, the message says how to get one.
        """

        def shape(key: jax.Array | None) -> Any:
            return eval_shape("loss", lambda p, rows, h: self.loss(p, rows, key, **h), params, rows, numbers)

        try:
            return shape(jax.random.key(0) if self.random else None)
        except ArgumentError as error:
            if self.random:
                raise
            try:
                shape(jax.random.key(0))
            except ArgumentError:
                raise error from None
            raise ArgumentError(
                "loss", "it draws by its key, which is None: give random=True to the learner"
            ) from error

    def describe(self) -> dict[str, Any]:
        """Names of the user's functions."""
        return {
            "network": code_name(self.init_function),
            "loss": code_name(self.loss),
            **super().describe(),
            "metrics": {metric.name: code_name(metric.reduce) for metric in self.metrics},
        }


def learner(
    init: Callable[[jax.Array], Params],
    loss: CustomLossFunction,
    *,
    optimizer: str | Optimizer | Factory = "sgd",
    hyper: Sequence[str] = (),
    random: bool = False,
    score: ScoreFunction | None = None,
    metrics: Sequence[Metric] = (),
) -> CustomLoss:
    """A learner with a custom loss: physics-informed networks, autoencoders, policies.

    It is swept like a network: ``sweep(jfnn.learner(…), Split(x), learning_rate=[…], seeds=20)``. Members
    minimise ``loss + l2/2 Σ w²``.

    Args:
        init: ``key -> params``, a pytree of arrays of float32 or float64. Arrays in a `jfnn.layers.Constant`,
            of whole numbers too, are drawn by the seed like the others, and not trained: a teacher, a prior
            network, an anchor.
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
        ValueError, TypeError: An invalid argument, named by the message.
    """
    for name, function in {"init": init, "loss": loss, "score": loss if score is None else score}.items():
        if not callable(function):
            raise ArgumentTypeError(name, f"expected a function, got {type(function).__name__}")
    random = checks.as_switch(random, "random")
    if not checks.is_several(metrics):
        raise ArgumentTypeError("metrics", f"expected a sequence of jfnn.Metric, got {checks.shown(metrics)}")
    fields = descent_fields(optimizer, hyper)
    metrics = (Metric("loss"), *metrics)
    check_metrics(metrics)
    return CustomLoss(
        init_function=init,
        loss=loss,
        loss_hyper=tuple(hyper),
        score_function=score,
        metrics=metrics,
        random=random,
        **fields,
    )
