"""A network that learns targets from inputs: the notes' case, in the engine's column form."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jfnn import backprop, checks, losses, training
from jfnn.datasets import Split
from jfnn.layers import sequence
from jfnn.layers.kind import Params
from jfnn.learners.labelled import are_classes, as_data
from jfnn.learners.learner import Batch, Data, Hyper, Learner, Metric, Rows
from jfnn.learners.metrics import METRICS, named_metrics
from jfnn.learners.naming import code_name, describe_network, is_known_network, name_in, optax_name
from jfnn.losses import LOSSES, Loss
from jfnn.network import Masks, Network, check_output, dropout_masks, dropout_shapes, is_own_apply
from jfnn.optimizers import Optimizer, UpdateRule, Values, as_optimizer
from jfnn.training import State

GRADIENTS = ("autodiff", "backprop")


@dataclasses.dataclass(frozen=True)
class Supervised(Learner):
    """Gradient descent on `jfnn.objective`, as `supervised` makes it.

    Rows are pairs ``(x [n, …], targets [n, n_out])``.

    Attributes:
        network: The network.
        loss: The loss.
        reduction: "sum" or "mean".
        rule: The optimizer.
        gradient: "autodiff", "backprop", or a function of the user's.
        dropout: Whether members have a number "dropout".
        init_scale: Whether members have a number "init_scale".
        measured: The metrics; None until `bind` has seen the data.
        brought: Numbers that the optimizer brought.
        schedule_spread: Epochs over which the optimizer's schedule spreads, or None for all.
    """

    network: Network
    loss: Loss
    reduction: str
    rule: UpdateRule
    gradient: str | training.ValueAndGrad
    dropout: bool = False
    init_scale: bool = False
    measured: tuple[Metric, ...] | None = None
    brought: Mapping[str, Values] = dataclasses.field(default_factory=dict, compare=False)
    schedule_spread: int | None = dataclasses.field(default=None, compare=False)

    @property
    def hyper(self) -> tuple[str, ...]:
        """Of the objective, of the start, and of the optimizer."""
        further = (("dropout",) if self.dropout else ()) + (("init_scale",) if self.init_scale else ())
        return ("learning_rate", "l2", *further, *self.rule.hyper[1:])

    @property
    def numbers(self) -> Mapping[str, Values]:
        """The optimizer's arguments that are numbers."""
        return self.brought

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The loss first."""
        return (METRICS["loss"](self.loss),) if self.measured is None else self.measured

    @property
    def ranked_by(self) -> str:
        """Accuracy where targets are classes, else the loss."""
        return next((metric.name for metric in self.metrics if metric.name == "accuracy"), "loss")

    def measuring(self, metric: Metric) -> "Supervised":
        """The same with one more metric."""
        return dataclasses.replace(self, measured=named_metrics([*self.metrics, metric], self.loss))

    @property
    def random(self) -> bool:
        """Dropout draws."""
        return self.dropout

    @property
    def takes_weights(self) -> bool:
        """All gradient sources but functions of the user's that have no place for weights."""
        if not callable(self.gradient):
            return True
        known = inspect.signature(self.gradient).parameters.values()
        return any(each.name == "weights" or each.kind is inspect.Parameter.VAR_KEYWORD for each in known)

    @property
    def schedule_epochs(self) -> int | None:
        """As the optimizer says."""
        return self.schedule_spread

    @property
    def in_columns(self) -> bool:
        """Whether training runs in column form: the network's layers are known, its gradient the engine's."""
        return self.network.layers is not None and not callable(self.gradient)

    def bind(self, split: Split) -> tuple["Supervised", Data]:
        """Checks a split against the network; the metrics follow from what the targets are."""
        data = as_data(self.network, self.loss, split)
        if self.measured is not None:
            return self, data
        targets = data.rows[1]
        classes = data.labels is not None or are_classes(targets, self.loss)
        squared = self.loss == LOSSES["quadratic"]
        names = ("loss", "accuracy") if classes else ("loss", "r2") if squared else ("loss",)
        measured = tuple(METRICS[name](self.loss) for name in names)
        return dataclasses.replace(self, measured=measured), data

    def init(self, key: jax.Array) -> Params:
        """The network's, compiled once for a network."""
        return jax.jit(self.network.init)(key)

    def pack(self, params: Params) -> Params:
        """Into column form."""
        if not self.in_columns or self.network.layers is None:
            return params
        return sequence.pack(self.network.layers, params)

    def unpack(self, params: Params) -> Params:
        """Out of column form."""
        if not self.in_columns or self.network.layers is None:
            return params
        return sequence.unpack(self.network.layers, params)

    def start(self, params: Params, hyper: Hyper) -> State:
        """Weights multiplied by "init_scale", and the optimizer's memory."""
        if self.init_scale:
            scale = hyper["init_scale"]
            params = jax.tree.map(lambda leaf: leaf * scale if losses.is_weight(leaf) else leaf, params)
        return State(params, self.rule.make(hyper).init(params))

    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, jax.Array]:
        """`jfnn.training.step`, with the gradient of this learner."""
        x, targets = batch.rows
        options: dict[str, Any] = {} if batch.weights is None else {"weights": batch.weights}
        if self.in_columns:
            value_and_grad: training.ValueAndGrad = self._column_value_and_grad
            options["masks"] = self._masks(state.params, x, hyper, key)
        elif isinstance(self.gradient, str):
            value_and_grad = training.autodiff(self.network, self.loss, self.reduction)
        else:
            value_and_grad = self.gradient
        return training.step(state, self.rule.make(hyper), value_and_grad, x, targets, hyper["l2"], **options)

    def _masks(self, params: Params, x: jax.Array, hyper: Hyper, key: jax.Array | None) -> Masks | None:
        if key is None or self.network.layers is None or self.network.input_shape is None:
            return None
        drops = dropout_shapes(self.network.layers, self.network.input_shape)
        return dropout_masks(key, hyper["dropout"], drops, x.shape[0], x.dtype)

    def _column_value_and_grad(
        self, packed: Params, x: jax.Array, targets: jax.Array, **options: Any
    ) -> tuple[jax.Array, Params]:
        layers = self.network.layers or ()
        if self.gradient == "backprop":
            return backprop.sequence_value_and_grad(
                layers, self.loss, self.reduction, packed, x, targets, **options
            )
        return jax.value_and_grad(self._column_objective)(packed, x, targets, **options)

    def _column_objective(
        self,
        packed: Params,
        x: jax.Array,
        targets: jax.Array,
        *,
        l2: jax.Array,
        weights: jax.Array | None = None,
        masks: Masks | None = None,
    ) -> jax.Array:
        outputs, _ = sequence.forward(self.network.layers or (), packed, x, masks)
        costs = self.loss.cost(outputs, targets.T, axis=0)
        return losses.reduce_costs(costs, l2 * losses.l2_penalty(packed), self.reduction, weights)

    def score(self, params: Params, rows: Rows) -> dict[str, jax.Array]:
        """Every metric, of each row."""
        x, targets = rows
        if self.in_columns:
            outputs, axis = sequence.forward(self.network.layers or (), params, x)[0], 0
        else:
            outputs, axis = self.network.apply(params, x), -1
        targets = jnp.moveaxis(targets, -1, axis)
        of_rows = {metric.name: metric.of_rows for metric in self.metrics}
        return {name: f(outputs, targets, axis=axis) for name, f in of_rows.items() if f is not None}

    def check(self, data: Data) -> None:
        """Tries the optimizer on the parameters' shapes."""
        self.rule.check(jax.eval_shape(self.network.init, jax.random.key(0)))

    @property
    def known(self) -> bool:
        """Activations, loss, optimizer, schedule and metrics are registered ones."""
        fixed = all(isinstance(value, bool | int | str | None) for _, value in self.rule.fixed)
        metrics = all(metric in [make(self.loss) for make in METRICS.values()] for metric in self.metrics)
        return (
            is_known_network(self.network)
            and name_in(LOSSES, self.loss) is not None
            and isinstance(self.gradient, str)
            and optax_name(self.rule.name) is not None
            and isinstance(self.rule.schedule, str)
            and fixed
            and metrics
        )

    def describe(self) -> dict[str, Any]:
        """Names where things have names."""
        rule, schedule = self.rule, self.rule.schedule
        return {
            "network": describe_network(self.network),
            "loss": name_in(LOSSES, self.loss) or "custom",
            "reduction": self.reduction,
            "optimizer": optax_name(rule.name) or code_name(rule.name),
            "optimizer_arguments": dict(rule.fixed),
            "schedule": schedule if isinstance(schedule, str) else code_name(schedule),
            "gradient": self.gradient if isinstance(self.gradient, str) else code_name(self.gradient),
            "metrics": [metric.name for metric in self.metrics],
        }


def supervised(
    network: Network,
    loss: str | Loss = "cross_entropy",
    *,
    reduction: str = "sum",
    optimizer: str | Optimizer | Callable[..., optax.GradientTransformation] = "sgd",
    gradient: str | training.ValueAndGrad = "autodiff",
    dropout: bool = False,
    init_scale: bool = False,
    metrics: Sequence[str | Metric] | None = None,
) -> Supervised:
    """A network as a `Learner`.

    Args:
        network: From `jfnn.mlp` or `jfnn.sequential`, or any ``Network(init, apply)``.
        loss: A key of `jfnn.losses.LOSSES`, or a `Loss`.
        reduction: "sum" (the notes) or "mean" (scikit-learn); see `jfnn.objective`.
        optimizer: An optax optimizer by name, a factory, or an `Optimizer`.
        gradient: "autodiff" (`jax.grad`), "backprop" (the hand derivation; equal to rounding, and faster), or
            a function ``(params, x, targets, l2=…) -> (value, gradients)``.
        dropout: Whether members bring a number "dropout", the probability to drop a hidden unit.
        init_scale: Whether members bring a number "init_scale", the factor of starting weights.
        metrics: Keys of `jfnn.learners.METRICS`, or `Metric`s; the loss is always the first. None for
            accuracy where targets are classes, R² for other targets of the quadratic loss.

    Raises:
        ValueError, TypeError: What cannot be; the message names the argument.
    """
    if not isinstance(network, Network) or not callable(network.init) or not callable(network.apply):
        raise TypeError(
            f"network: expected a jfnn.Network(init, apply) of two functions, got {type(network).__name__}"
        )
    if network.layers is not None and is_own_apply(network):
        raise ValueError("network: its apply is not that of its layers; with your own, leave layers out")
    loss = losses.get(loss)
    check_output(network, loss)
    checks.as_choice(reduction, "reduction", losses.REDUCTIONS)
    if not callable(gradient):
        checks.as_choice(gradient, "gradient", GRADIENTS)
    if network.layers is None and gradient == "backprop":
        raise ValueError("gradient: the hand derivation is for networks of jfnn.layers; use 'autodiff'")
    if dropout and (network.layers is None or callable(gradient)):
        raise ValueError("dropout: expected a network of jfnn.layers, and a gradient of the engine's")
    options = as_optimizer(optimizer)
    return Supervised(
        network,
        loss,
        reduction,
        options.rule(),
        gradient,
        dropout,
        init_scale,
        None if metrics is None else named_metrics(metrics, loss),
        options.numbers,
        options.schedule_epochs,
    )
