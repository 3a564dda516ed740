"""Custom losses: anything differentiable, trained with all features of the engine."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jfnn import losses
from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.signatures import check_callable, takes
from jfnn.arguments.types import Json, Tree
from jfnn.identity.naming import code_name
from jfnn.learners.data import Batch, Data, Hyper, Rows, StepValues
from jfnn.learners.descent import DescentLearner, descent_fields
from jfnn.learners.learner import Metric, check_metrics
from jfnn.learners.shapes import (
    EXAMPLES,
    check_params,
    check_scores,
    describe_shapes,
    eval_shape,
    example_shapes,
)
from jfnn.optimizers import Factory, Optimizer
from jfnn.params import Params, State, key_shape, with_constants, without_constants
from jfnn.split import Split

CustomLossFunction = Callable[..., jax.Array | tuple[jax.Array, Mapping[str, jax.Array]]]
ScoreFunction = Callable[..., Mapping[str, jax.Array]]

NO_KEY = "the key is None unless the learner has random=True"


@dataclasses.dataclass(frozen=True, kw_only=True)
class CustomLoss(DescentLearner):
    """Gradient descent on ``loss(params, batch, key) + l2/2 Σ w²``, as returned by `learner`."""

    init_function: Callable[[jax.Array], Params]
    loss: CustomLossFunction
    loss_hyper: tuple[str, ...]
    score_function: ScoreFunction | None
    terms: tuple[str, ...]
    has_rows: bool = True

    def bind(self, split: Split) -> tuple[CustomLoss, Data]:
        """Return the learner and its data; without rows, one placeholder row, and functions get None."""
        if any(rows is not None for rows in (*split[:4], split.weights)):
            _, data = super().bind(split)
            return self, data
        nothing = np.zeros((1, 0), jax.dtypes.canonicalize_dtype(np.float64))
        return dataclasses.replace(self, has_rows=False), Data(nothing, 1)

    def init(self, key: jax.Array) -> Params:
        """Return initial parameters from the user's function."""
        return self.init_function(key)

    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, StepValues]:
        """Take one step along the gradient of the loss and the penalty."""

        def objective(trained: Params) -> tuple[jax.Array, Mapping[str, jax.Array]]:
            params = with_constants(trained, state.params)
            value, terms = self._value(params, batch.rows, key, self._loss_hyper(hyper))
            return value + hyper["l2"] * losses.l2_penalty(trained), terms

        value_and_grad = jax.value_and_grad(objective, has_aux=True)
        (value, terms), gradients = value_and_grad(without_constants(state.params))

        def value_fn(params: Params) -> jax.Array:
            return objective(without_constants(params))[0]

        after = self.descend(state, gradients, hyper, value, value_fn)
        return after, {"objective": value, **terms} if self.terms else value

    def _value(
        self, params: Params, rows: Rows, key: jax.Array | None, hyper: Mapping[str, jax.Array]
    ) -> tuple[jax.Array, Mapping[str, jax.Array]]:
        result = self._loss(params, rows, key, hyper)
        return result if self.terms else (result, {})

    def _loss(
        self, params: Params, rows: Rows, key: jax.Array | None, hyper: Mapping[str, jax.Array]
    ) -> Tree:
        return self.loss(params, rows if self.has_rows else None, key, **hyper)

    def _loss_hyper(self, hyper: Hyper) -> dict[str, jax.Array]:
        return {name: hyper[name] for name in self.loss_hyper}

    def score(self, params: Params, rows: Rows, hyper: Hyper) -> dict[str, jax.Array]:
        """Return scores from the user's function; by default, the loss of each row as a batch of one."""
        scores: dict[str, jax.Array] = self._scores(params, rows, self._loss_hyper(hyper))
        if self.has_rows:
            return scores
        count = jax.tree.leaves(rows)[0].shape[:1]
        return {name: jnp.broadcast_to(value, count) for name, value in scores.items()}

    def _scores(self, params: Params, rows: Rows, hyper: Mapping[str, jax.Array]) -> Tree:
        """Return one score per row for each metric; without rows, one number per metric."""
        function = self.score_function
        if function is not None:
            options = {name: number for name, number in hyper.items() if takes(function, name)}
            options |= {"key": jax.random.key(0)} if takes(function, "key") else {}
            scores: Tree = function(params, rows if self.has_rows else None, **options)
            return dict(scores) if isinstance(scores, Mapping) else scores
        key = jax.random.key(0) if self.random else None
        if not self.has_rows:
            return {"loss": self._value(params, rows, key, hyper)[0]}

        def row_loss(row: Rows) -> jax.Array:
            value, _ = self._value(params, jax.tree.map(lambda leaf: leaf[None], row), key, hyper)
            return value

        return {"loss": jax.vmap(row_loss)(rows)}

    def check(self, data: Data) -> None:
        """Try the user's functions on shapes."""
        params = eval_shape("init", self.init, key_shape(), rows=None)
        check_params("init", params, by_gradient=False)
        check_params("init", without_constants(params))
        self.rule.check(without_constants(params))
        rows, number = example_shapes(data.rows, data.dtype)
        hyper = dict.fromkeys(self.loss_hyper, number)
        _check_signature("loss", self.loss, ("params", "batch", "key"), self.loss_hyper)
        batch = f"a batch is {_as_words(data.rows) if self.has_rows else 'None, since the split has no rows'}"
        examples = EXAMPLES if self.has_rows else None
        key = jax.random.key(0) if self.random else None
        cure = batch if self.random else f"{batch}; {NO_KEY}"

        def loss(params: Params, rows: Rows, hyper: Mapping[str, jax.Array]) -> Tree:
            return self._loss(params, rows, key, hyper)

        value = eval_shape("loss", loss, params, rows, hyper, rows=examples, cure=cure)
        if self.terms:
            value = self._split_terms(value)
        shape = getattr(value, "shape", None)
        if shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
            cure = "; sum it over the rows, or take the mean" if shape else ""
            if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], Mapping):
                cure = f"; name its terms with terms={list(value[1])} of the learner"
            got = f"{describe_shapes(value)}{cure}"
            raise ArgumentError("loss", f"expected one number, a floating scalar, got {got}")
        names = [metric.name for metric in self.metrics]
        if self.score_function is not None:
            keywords = [name for name in (*self.loss_hyper, "key") if takes(self.score_function, name)]
            _check_signature("score", self.score_function, ("params", "rows"), keywords)
        scores = eval_shape("score", self._scores, params, rows, hyper, rows=examples, cure=batch)
        check_scores("score", scores, names, self.has_rows)

    def _split_terms(self, value: Tree) -> Tree:
        """Return the value without its terms; raise ArgumentError unless the terms are the declared ones."""
        given = value[1] if isinstance(value, tuple) and len(value) == 2 else None
        shapes = {}
        if isinstance(given, Mapping):
            shapes = {name: getattr(term, "shape", None) for name, term in given.items()}
        if shapes != dict.fromkeys(self.terms, ()):
            names = ", ".join(f"{name}: number" for name in self.terms)
            got = describe_shapes(value)
            raise ArgumentError("loss", f"expected a value and its terms, (value, {{{names}}}), got {got}")
        return value[0]

    def describe(self) -> Json:
        """Return the names of the user's functions."""
        return {
            "network": code_name(self.init_function),
            "loss": code_name(self.loss),
            **super().describe(),
            "metrics": {metric.name: code_name(metric.reduce) for metric in self.metrics},
        }


def _as_words(rows: Rows) -> str:
    """Describe a batch of these rows."""
    return "the tuple (x, y)" if isinstance(rows, tuple) else "x, an array of rows"


def _check_signature(
    argument: str, function: Callable[..., object], names: Sequence[str], keywords: Iterable[str]
) -> None:
    """Raise ArgumentError unless a function takes these positional and keyword arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a function in C without a signature
        return
    given = dict.fromkeys(keywords)
    try:
        signature.bind(*names, **given)
    except TypeError:
        further = list(signature.parameters.values())[len(names) :]
        more = [p.name for p in further if p.default is p.empty and p.name not in given]
        expected = f"a function of {', '.join([*names, *given])}"
        cure = f"list it in hyper={more} of the learner, and give its value in hyper={{…}} of the sweep"
        cure = f"; no value for {', '.join(more)}: {cure}" if more else ""
        raise ArgumentTypeError(argument, f"expected {expected}, got one of {signature}{cure}") from None


def _as_terms(terms: object) -> tuple[str, ...]:
    """Return checked names; raise ArgumentError for duplicates, and for names that files cannot hold."""
    if not checks.is_several(terms):
        raise ArgumentTypeError("terms", f"expected a sequence of names, got {checks.as_text(terms)}")
    for name in terms:
        paths.check_name(name, "terms")
    if "objective" in terms:
        raise ArgumentError("terms", "expected names other than 'objective', which is the total")
    paths.check_each_once(terms, "terms")
    return tuple(sorted(terms))


def learner(
    init: Callable[[jax.Array], Params],
    loss: CustomLossFunction,
    *,
    optimizer: str | Optimizer | Factory = "sgd",
    hyper: Sequence[str] = (),
    random: bool = False,
    score: ScoreFunction | None = None,
    metrics: Sequence[Metric] = (),
    terms: Sequence[str] = (),
) -> CustomLoss:
    """Return a learner with a custom loss: physics-informed networks, autoencoders, policies.

    Sweep it like a network: ``sweep(jfnn.learner(…), Split(x), learning_rate=[…], seeds=20)``. Members
    minimize ``loss + l2/2 Σ w²``.

    Args:
        init: ``key -> params``, a pytree of arrays of float32 or float64. Arrays in a `jfnn.layers.Constant`,
            which may be whole numbers, depend on the seed like the others but are not trained, such as a
            teacher, a prior network or an anchor.
        loss: ``(params, batch, key, …) -> scalar``. A batch is the pytree of the rows of a minibatch: x, or
            (x, y) if the split has y; None if the split has no rows (``Split()``), for a loss that draws
            its own data. ``key`` is None unless ``random``.
        optimizer: The name of an optax optimizer, a factory, or an `Optimizer`.
        hyper: Names of further hyperparameters of each member, which the loss takes as keywords; give their
            values, or axes, in ``sweep(hyper={…})``.
        random: Whether the loss draws random numbers. Members of a replicate share the key of a step.
        score: ``(params, rows, …) -> {name: [n]}``: one value per row for "loss" and for every metric. It
            may take names of ``hyper`` as keywords, and ``key``, which is always ``jax.random.key(0)``. By
            default, the loss of each row as a batch of one, with that key if ``random``. Without rows, the
            function gets None and returns one number per name. Cells are ranked by "loss": if a
            hyperparameter weights a part of the loss, leave that weight out of the score, since losses with
            different weights are not comparable.
        metrics: Metrics that ``score`` returns besides "loss".
        terms: Names of further numbers that the loss returns, as ``(value, {name: number})``, such as its
            summands or a norm. ``Execution(objective=True)`` keeps their means over each epoch, as
            ``result.terms``.

    Raises:
        ValueError, TypeError: An invalid argument, which the message names.
    """
    check_callable(init, (None,), "init", "a function of a random key")
    for name, function in {"loss": loss, "score": loss if score is None else score}.items():
        if not callable(function):
            raise ArgumentTypeError(name, f"expected a function, got {type(function).__name__}")
    random = checks.as_switch(random, "random")
    if not checks.is_several(metrics):
        raise ArgumentTypeError(
            "metrics", f"expected a sequence of jfnn.Metric, got {checks.as_text(metrics)}"
        )
    fields = descent_fields(optimizer, hyper)
    metrics = (Metric("loss"), *metrics)
    check_metrics(metrics)
    return CustomLoss(
        init_function=init,
        loss=loss,
        loss_hyper=tuple(hyper),
        score_function=score,
        terms=_as_terms(terms),
        metrics=metrics,
        random=random,
        **fields,
    )
