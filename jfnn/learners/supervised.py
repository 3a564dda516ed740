"""The learner of a network with targets; networks of `jfnn.layers` train in the engine's column form."""

import dataclasses
import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jfnn.identity.naming as naming
import jfnn.learners.column_form as column_form
from jfnn import losses, training
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.packages import is_of_jfnn
from jfnn.arguments.signatures import takes
from jfnn.arguments.types import Json
from jfnn.layers import sequence, small
from jfnn.layers.kind import LayerKind
from jfnn.layers.scaled import at_learning_rates
from jfnn.layers.starts import Starts
from jfnn.learners.data import Batch, Data, Hyper, Rows, wait_for_objective
from jfnn.learners.descent import DescentLearner, descent_fields
from jfnn.learners.labelled import are_classes, are_multilabel, as_data, check_gradient, check_network
from jfnn.learners.learner import Metric, starting_shapes
from jfnn.learners.metrics import (
    METRICS,
    are_of_labels,
    check_decided,
    named_metrics,
    names_for,
    undefined,
)
from jfnn.learners.shapes import check_scores, eval_shape, example_shapes
from jfnn.losses import LOSSES, Loss
from jfnn.network import Network, as_inputs
from jfnn.optimizers import Factory, Optimizer
from jfnn.params import (
    Constant,
    Params,
    State,
    is_weight,
    key_shape,
    with_constants,
    without_constants,
)
from jfnn.penalties import PENALIZED, PENALTIES, penalty, proximal
from jfnn.split import Split

HYPER = ("dropout", "init_scale", *(name for name in PENALTIES if name != "l2"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Supervised(DescentLearner):
    """Gradient descent of a network on `jfnn.objective`, as returned by `supervised`.

    Rows are pairs ``(x [n, …], targets [n, n_out])``.

    Attributes:
        network: The network.
        loss: Loss of the objective.
        gradient: "autodiff", "backprop", or a user's function.
        penalized: "weights" or "all"; see `jfnn.objective`.
        infers_metrics: Whether `bind` chooses the metrics from the targets.
        multilabel: Whether each output has its own label, 0 or 1, instead of one class per row; `bind`
            determines it from the targets.
    """

    network: Network
    loss: Loss
    reduction: str
    gradient: str | training.ValueAndGrad
    ranked_by: str
    takes_weights: bool
    infers_metrics: bool
    multilabel: bool = False
    penalized: str = "weights"
    start_factors = ("init_scale",)

    @property
    def columns(self) -> tuple[LayerKind, ...] | None:
        """The network's layers if training runs in column form; otherwise None."""
        return None if callable(self.gradient) else self.network.layers

    @property
    def loops(self) -> bool:
        """Whether a layer of the network loops over small products."""
        return any(layer.loops for layer in self.network.layers or ())

    def bind(self, split: Split) -> tuple["Supervised", Data]:
        """Check a split against the network, and choose the metrics from its targets."""
        data = as_data(self.network, self.loss, split, self.gradient == "backprop")
        return self.fitted(data), data

    def fitted(self, data: Data) -> "Supervised":
        """Return the learner with metrics and a value of ``multilabel`` that suit the targets."""
        targets = data.rows[1]
        classes = data.labels is not None or are_classes(targets, self.loss)
        several = not classes and are_multilabel(targets, self.loss)
        if not self.infers_metrics:
            check_decided(self.metrics, self.loss, targets)
            several &= self.loss.takes_logits or are_of_labels(self.metrics, self.loss)
            return self._with_multilabel(several)
        numbers = self.loss.regression or self.loss == LOSSES["quadratic"]
        names: tuple[str, ...] = ("loss", "r2") if numbers else ("loss",)
        if classes:
            names = ("loss", "accuracy")
        elif several and self.loss.takes_logits and np.isin(targets, (0, 1)).all():
            names = ("loss", "accuracy", "exact_match")
        return self._with_multilabel(several and self.loss.takes_logits).measuring(names)

    def _with_multilabel(self, multilabel: bool) -> "Supervised":
        """Return the learner with this value of ``multilabel``, and its built-in metrics adapted."""
        if multilabel == self.multilabel:
            return self
        before = {METRICS[name](self.loss, self.multilabel): name for name in METRICS}
        metrics: list[str | Metric] = [before.get(metric, metric) for metric in self.metrics]
        named = named_metrics(metrics, self.loss, multilabel)
        return dataclasses.replace(self, metrics=named, multilabel=multilabel)

    def measuring(self, metrics: Sequence[str | Metric]) -> "Supervised":
        """Return the learner with other metrics, ranked by accuracy if that is among them."""
        named = named_metrics(metrics, self.loss, self.multilabel)
        ranked_by = "accuracy" if any(metric.name == "accuracy" for metric in named) else "loss"
        return dataclasses.replace(self, metrics=named, ranked_by=ranked_by, infers_metrics=False)

    @property
    def metric_names(self) -> list[str]:
        """Names of the metrics that it has, and of all that make sense for its loss."""
        return list(dict.fromkeys([*super().metric_names, *names_for(self.loss)]))

    def undefined(self, metric: Metric, data: Data, rows: np.ndarray) -> str:
        """Return why a metric is NaN for every network, such as the AUC of a single class."""
        return undefined(metric, self.loss, self.multilabel, data.rows[1][rows])

    def as_inputs(self, x: Rows) -> Rows:
        """Return checked inputs of the network."""
        return as_inputs(self.network, x)

    def starts(self) -> Starts | None:
        """Describe the network's initialization; None if it or a layer does not declare it."""
        layers = self.network.layers
        shape = self.network.input_shape
        init = self.network.init
        if layers is None or shape is None or not isinstance(init, functools.partial):
            return None
        declared = init.func is sequence.init and init.args == (layers, shape)
        return sequence.starts(layers, shape) if declared else None

    def init(self, key: jax.Array) -> Params:
        """Return the initial parameters of the network."""
        return self.network.init(key)

    def width(self) -> int:
        """Return the width of the widest layer."""
        layers = self.network.layers
        shape = self.network.input_shape
        return super().width() if layers is None or shape is None else sequence.width(layers, shape)

    def pack(self, params: Params) -> Params:
        """Convert public parameters to column form."""
        return params if self.columns is None else sequence.pack(self.columns, params)

    def unpack(self, params: Params) -> Params:
        """The inverse of `pack`."""
        return params if self.columns is None else sequence.unpack(self.columns, params)

    def start(self, params: Params, hyper: Hyper) -> State:
        """Scale weights by "init_scale", set the network's scalars, and initialize the optimizer's memory."""
        others = ("l2", *HYPER, *self.rule.hyper)
        params = with_numbers(params, {name: hyper[name] for name in self.hyper if name not in others})
        if "init_scale" in self.hyper:
            scale = hyper["init_scale"]
            trained = without_constants(params)
            scaled = jax.tree.map(lambda leaf: leaf * scale if is_weight(leaf) else leaf, trained)
            params = with_constants(scaled, params)
        return super().start(params, hyper)

    @property
    def at_start(self) -> tuple[str, ...]:
        """Names of the numbers that enter the initial state: "init_scale" and the network's scalars."""
        names = [name for name in self.hyper if name not in ("dropout", *PENALTIES, *self.rule.hyper)]
        accepted = numbers_of(self.network, names)
        return tuple(name for name in names if name in accepted)

    def optimizer(self, params: Params, hyper: Hyper) -> optax.GradientTransformation:
        """Return the optimizer with the layers' learning rates and the proximal step of L1."""
        rule = self.rule.make(hyper)
        layers = self.network.layers
        if layers is not None:
            rule = at_learning_rates(rule, layers, params)
        return proximal(rule, hyper["l1"], self.penalized) if self.proximal_penalties else rule

    @property
    def proximal_penalties(self) -> tuple[str, ...]:
        """Names of the penalties that the optimizer minimizes by proximal steps, without their gradients."""
        rough = (name for name in self.hyper if name in PENALTIES and not PENALTIES[name].smooth)
        return tuple(rough) if self.rule.is_plain else ()

    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, jax.Array]:
        """Take one step of `jfnn.training.step`, with the gradient of this learner."""

        def value_fn(params: Params) -> jax.Array:
            return self._value_and_grad(params, batch, hyper, key)[0]

        value, gradients = self._value_and_grad(state.params, batch, hyper, key)
        descended = wait_for_objective(value, hyper)
        descended = {**descended, **self._proximal_strengths(descended, batch)}
        return self.descend(state, gradients, descended, value, value_fn), value

    def fits_last(self, platform: str, members: int, batch: int, separate: bool) -> bool:
        """Return whether members on the last axis train faster (small dense networks on a CPU)."""
        columns = self.columns or ()
        shape = self.network.input_shape or ()
        fits = platform == "cpu" and small.fits(columns, shape, members, batch, separate)
        # A user's subclass may override `step`, which `step_last` would bypass.
        registered = is_of_jfnn(type(self)) and self._network_is_registered
        registered = registered and naming.describe_loss(self.loss) != "custom"
        return fits and registered and not self.needs_value

    @functools.cached_property
    def _network_is_registered(self) -> bool:
        return naming.is_registered_network(self.network)

    def step_last(
        self, states: State, batch: Batch, hyper: Hyper, key: jax.Array | None, separate: bool
    ) -> tuple[State, jax.Array]:
        """Take one step of all members of a tile, on the last axis, computing all gradients at once."""
        batch = batch if separate else small.shared(batch, hyper["l2"].shape)
        values, gradients = self._value_and_grad(states.params, batch, hyper, key)
        descend = jax.vmap(self.descend, in_axes=-1, out_axes=-1)
        return descend(states, gradients, {**hyper, **self._proximal_strengths(hyper, batch)}), values

    def _value_and_grad(
        self, params: Params, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[jax.Array, Params]:
        x, targets = batch.rows
        weights = batch.weights
        if callable(self.gradient):
            options = {} if weights is None else {"weights": weights}
            return self.gradient(params, x, targets, l2=hyper["l2"], **options)
        proximal_strengths = self._proximal_strengths(hyper, batch)
        names = [name for name in PENALTIES if name in self.hyper and name not in proximal_strengths]
        strengths = {name: hyper[name] for name in names}
        if self.columns is None:
            autodiff = training.autodiff(self.network, self.loss, self.reduction)
            more = {"weights": weights, "penalized": self.penalized, "key": key}
            value, gradients = autodiff(params, x, targets, **strengths, **more)
        else:
            shape = self.network.input_shape or ()
            masks = column_form.draw_masks(self.columns, shape, batch, hyper, key)
            objective = losses.Objective(self.loss, self.reduction, strengths, self.penalized)
            by_hand = self.gradient == "backprop"
            gradient = column_form.gradient_by_hand if by_hand else column_form.gradient_by_jax
            value, gradients = gradient(self.columns, objective, params, x, targets, weights, masks)
        if proximal_strengths:
            value += penalty(params, proximal_strengths, self.penalized, jnp.ndim(hyper["l2"]))
        return value, gradients

    def _proximal_strengths(self, hyper: Hyper, batch: Batch) -> Hyper:
        """Return the strengths of the proximal penalties times the factor of the objective, by name."""
        if not self.proximal_penalties:
            return {}
        scale = losses.reduction_scale(batch.rows[1].shape[0], self.reduction, batch.weights)
        return {name: hyper[name] * scale for name in self.proximal_penalties}

    def outputs(self, params: Params, x: jax.Array) -> tuple[jax.Array, int]:
        """Return the outputs of every row, and the axis on which the outputs of one row lie."""
        if self.columns is None:
            return self.network.apply(params, x), -1
        return column_form.outputs(self.columns, params, x), 0

    def score(self, params: Params, rows: Rows, hyper: Hyper) -> dict[str, jax.Array]:
        """Return every metric for each row."""
        x, targets = rows
        outputs, axis = self.outputs(params, x)
        targets = jnp.moveaxis(targets, -1, axis)
        of_rows = {metric.name: metric.of_rows for metric in self.metrics}
        return {name: f(outputs, targets, axis=axis) for name, f in of_rows.items() if f is not None}

    def check(self, data: Data) -> None:
        """Try the optimizer and the user's functions on shapes."""
        super().check(data)
        params = starting_shapes(self)
        if callable(self.gradient):
            check_gradient(self.gradient, params, data)
        if self.is_registered:
            return
        rows, _ = example_shapes(data.rows, data.dtype)
        scores = eval_shape("metrics", lambda p, rows: self.score(self.pack(p), rows, {}), params, rows)
        check_scores("metrics", scores, [metric.name for metric in self.metrics])

    @property
    def has_registered_fields(self) -> bool:
        """Whether activations, loss, optimizer, schedule and metrics are all registered."""
        known = [make(self.loss, self.multilabel) for make in METRICS.values()]
        metrics = all(metric in known for metric in self.metrics)
        names = isinstance(self.gradient, str) and naming.describe_loss(self.loss) != "custom"
        return metrics and names and self.rule.is_registered and self._network_is_registered

    def describe(self) -> Json:
        """Describe network, loss, metrics and optimizer, by name if they have one."""
        return {
            "network": naming.describe_network(self.network),
            "loss": naming.describe_loss(self.loss),
            "reduction": self.reduction,
            **super().describe(),
            "gradient": self.gradient if isinstance(self.gradient, str) else naming.code_name(self.gradient),
            "metrics": {metric.name: naming.code_name(metric.reduce) for metric in self.metrics},
            **({"multilabel": True} if self.multilabel else {}),
            **({"penalized": self.penalized} if self.penalized != "weights" else {}),
        }


def numbers_of(network: Network, names: Collection[str]) -> list[str]:
    """Return the names that `hyper` allows; scalars of the network only if ``names`` goes beyond `HYPER`."""
    if set(names) <= set(HYPER):
        return list(HYPER)
    scalars = [name for name in _network_numbers(network) if name not in ("", "learning_rate", "l2")]
    return list(dict.fromkeys([*HYPER, *scalars]))


def _network_numbers(network: Network) -> list[str]:
    return number_names(eval_shape("network", network.init, key_shape(), name="init", rows=None))


def supervised(
    network: Network,
    loss: str | Loss = "cross_entropy",
    *,
    reduction: str = "mean",
    optimizer: str | Optimizer | Factory = "sgd",
    gradient: str | training.ValueAndGrad = "autodiff",
    hyper: Sequence[str] = (),
    metrics: Sequence[str | Metric] | None = None,
    penalized: str = "weights",
) -> Supervised:
    """Return a `Learner` for a network, a loss and an optimizer.

    Args:
        network: From `jfnn.mlp` or `jfnn.sequential`, or any ``Network(init, apply)``.
        loss: A key of `jfnn.losses.LOSSES`, or a `Loss`.
        reduction: "mean" over the rows of a step (scikit-learn), or "sum" (the notes); see `jfnn.objective`.
        optimizer: The name of an optax optimizer, a factory, or an `Optimizer`.
        gradient: "autodiff" (`jax.grad`), "backprop" (by hand; equal up to rounding, about as fast), or
            a function ``(params, x, targets, l2=…) -> (value, gradients)``.
        hyper: Further hyperparameters of each member: "dropout" (a probability), "init_scale" (a factor of
            the initial weights), "l1" (the strength of the penalty ``l1 Σ |w|``), and scalars of the network,
            each a `Constant` of one float under that name. "sgd" without momentum takes proximal L1 steps,
            which make weights exactly 0 (`jfnn.penalties.proximal`); other optimizers follow the subgradient.
        metrics: Keys of `jfnn.learners.METRICS`, or `Metric` objects; the loss always comes first. By
            default, accuracy for classes; accuracy and "exact_match" for labels per output; and R² of the
            loss's point predictions for numbers.
        penalized: "weights", or "all" to penalize biases and other vectors too.

    The targets determine how outputs are read. Integer labels ``[n]``, and rows that sum to 1, such as
    one-hot rows, mean one class per row: the largest output. Other rows of 0 and 1 mean one label per output
    if the probabilities of the loss need not sum to 1 ("sigmoid_cross_entropy"), or if a metric of labels is
    named. Otherwise, targets of the quadratic cost are numbers.

    Raises:
        ValueError, TypeError: An invalid argument.

    Example:
        >>> import jfnn
        >>> network = jfnn.mlp((4, 8, 3))
        >>> learner = jfnn.supervised(network, hyper=["dropout"], metrics=["accuracy", "auc"])
        >>> [metric.name for metric in learner.metrics]
        ['loss', 'accuracy', 'auc']
    """
    loss = losses.get(loss)
    fields = descent_fields(optimizer, hyper)
    check_network(network, loss, gradient)
    checks.as_choice(reduction, "reduction", losses.REDUCTIONS)
    for name in hyper:
        checks.as_choice(name, "hyper", numbers_of(network, hyper))
    checks.as_choice(penalized, "penalized", PENALIZED)
    penalties = [name for name in hyper if name in PENALTIES]
    if callable(gradient) and (penalties or penalized != "weights"):
        argument = "hyper" if penalties else "penalized"
        raise ArgumentError(argument, "expected gradient 'autodiff' or 'backprop' with it")
    for name in penalties:
        if name in _network_numbers(network):
            reason = f"{name!r} is the strength of a penalty; rename the network's scalar"
            raise ArgumentError("hyper", reason)
    if "dropout" in hyper and (network.layers is None or callable(gradient)):
        raise ArgumentError("dropout", "expected a network of jfnn.layers, and 'autodiff' or 'backprop'")
    learner = Supervised(
        network=network,
        loss=loss,
        reduction=reduction,
        gradient=gradient,
        penalized=penalized,
        metrics=named_metrics((), loss),
        ranked_by="loss",
        random="dropout" in hyper or (network.random_apply is not None and not callable(gradient)),
        takes_weights=not callable(gradient) or takes(gradient, "weights"),
        infers_metrics=metrics is None,
        **fields,
    )
    return learner if metrics is None else learner.measuring(metrics)


def number_names(params: Params) -> list[str]:
    """Return the names of the constants that hold a single float, without duplicates."""
    numbers, _ = jax.tree_util.tree_flatten_with_path(params, is_leaf=_is_number)
    return list(dict.fromkeys(_name(path) for path, leaf in numbers if _is_number(leaf)))


def with_numbers(params: Params, numbers: Mapping[str, Any]) -> Params:
    """Set the values of constants by name; see `number_names`."""

    def replace(path: tuple[Any, ...], node: Any) -> Any:
        if not _is_number(node) or _name(path) not in numbers:
            return node
        return Constant(jnp.asarray(numbers[_name(path)], node.value.dtype))

    return jax.tree_util.tree_map_with_path(replace, params, is_leaf=_is_number)


def _is_number(node: object) -> bool:
    """Whether a node of parameters, or of their shapes, is a constant that holds a single float."""
    value: Any = node.value if isinstance(node, Constant) else None
    return getattr(value, "shape", None) == () and jnp.issubdtype(value.dtype, jnp.floating)


def _name(path: tuple[Any, ...]) -> str:
    """Return the key or field name at the end of a path; "" if there is none."""
    last = path[-1] if path else None
    return str(getattr(last, "key", getattr(last, "name", "")))
