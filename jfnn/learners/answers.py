"""Outputs, labels, probabilities and scores of a trained member for each row.

A model is a learner, which needs outputs (a custom learner has none), or a function
``(params, x) -> outputs [n, …]``.
"""

import functools
from collections.abc import Callable, Collection
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.identity.code import code_checksum
from jfnn.learners.data import Hyper, Rows
from jfnn.learners.learner import Learner, starting_shapes
from jfnn.learners.metrics import OF_LABELS
from jfnn.learners.shapes import as_rows
from jfnn.learners.supervised import Supervised
from jfnn.losses import Loss
from jfnn.numerics.compiling import compiled
from jfnn.params import Params
from jfnn.prediction import decide, sureness

Function = Callable[[Params, Rows], jax.Array]
Model = Learner | Function


class Meaning(NamedTuple):
    """The meaning of a model's outputs.

    Attributes:
        loss: The loss that the model was trained with; None if the outputs themselves are the predictions.
        multilabel: Whether each output has its own label, 0 or 1, instead of one class per row.
    """

    loss: Loss | None = None
    multilabel: bool = False

    def decides(self, metrics: Collection[str]) -> bool:
        """Return whether predictions are labels: the loss is a cross-entropy, or a metric needs labels."""
        return self.loss is not None and (self.loss.takes_logits or has_labels(metrics))


def meaning(model: Model) -> Meaning:
    """Return what the outputs of a model mean."""
    return Meaning(model.loss, model.multilabel) if isinstance(model, Supervised) else Meaning()


def has_labels(metrics: Collection[str]) -> bool:
    """Return whether any of the named metrics needs labels."""
    return not set(OF_LABELS).isdisjoint(metrics)


def outputs(model: Model, params: Params, x: Rows) -> jax.Array:
    """Return outputs ``[n, n_out]``, or a function's ``[n, …]``; ``params`` are in the engine's form."""
    if not isinstance(model, Learner):
        return jnp.asarray(model(params, x))
    values, axis = model.outputs(params, x)
    return jnp.moveaxis(values, axis, -1)


def predictions(model: Model, params: Params, x: Rows) -> jax.Array:
    """Return the loss's predictions ``[n, n_out]``, or a function's outputs ``[n, …]``."""
    values = outputs(model, params, x)
    loss = meaning(model).loss
    return values if loss is None else loss.predictions(values)


def labels(model: Model, params: Params, x: Rows) -> jax.Array:
    """Return labels ``[n]`` as `jfnn.predict` does, -1 where the largest output is not finite.

    Multilabel learners return ``[n, n_out]``, -1 where an output is NaN.
    """
    values = outputs(model, params, x)
    loss, multilabel = meaning(model)
    if multilabel:
        return jnp.where(jnp.isnan(values), -1, decide(values, loss, each=True))
    return jnp.where(jnp.isfinite(values.max(axis=-1)), decide(values, loss), -1)


def probabilities(model: Model, params: Params, x: Rows) -> jax.Array:
    """Return class probabilities ``[n, n_out]``; the loss must define them."""
    loss = meaning(model).loss
    assert loss is not None and loss.probabilities is not None
    return loss.probabilities(outputs(model, params, x))


def evidence(model: Model, params: Params, x: Rows) -> jax.Array:
    """Return the numbers ``[n, n_out]`` that decide labels, and that may be averaged over members.

    These are class probabilities, or the outputs if the loss has none.
    """
    return sureness(outputs(model, params, x), meaning(model).loss)


def row_score(model: Learner, metric: str, member: tuple[Params, Hyper], rows: Rows) -> jax.Array:
    """Return a metric of each row ``[n]``, as a float."""
    params, hyper = member
    score = model.score(params, rows, hyper)[metric]
    return score if jnp.issubdtype(score.dtype, jnp.floating) else score.astype(jnp.float32)


def row_score_in_fold(
    model: Learner, metric: str, member: tuple[Params, Hyper, jax.Array], rows: Rows
) -> jax.Array:
    """Return `row_score` of a member of one fold, for rows ``[n, F, …]`` that differ between folds."""
    params, hyper, fold = member
    return row_score(model, metric, (params, hyper), jax.tree.map(lambda leaf: leaf[:, fold], rows))


def inputs(model: Model, x: Rows, dtype: np.dtype) -> Rows:
    """Return checked inputs of a network in a dtype, or rows for a function.

    Raises:
        ValueError, TypeError: The inputs do not fit.
    """
    if not isinstance(model, Learner):
        return as_rows(x, "x")
    x = model.as_inputs(x)
    return checks.as_dtype(x, dtype if jnp.issubdtype(x.dtype, jnp.floating) else x.dtype, "x")


def pack_params(model: Model, params: Params, dtype: np.dtype) -> Params:
    """Return members' parameters in the engine's form, as NumPy arrays with floats of a dtype.

    Raises:
        ValueError: They are not parameters of the model's network.
    """
    params = jax.tree.map(lambda leaf: leaf.astype(dtype) if leaf.dtype.kind == "f" else leaf, params)
    if not isinstance(model, Learner):
        return params
    starting = starting_shapes(model)
    params = checks.with_named_tuples(params, starting)
    got = jax.tree.map(lambda leaf: leaf.shape[1:], params)
    expected = jax.tree.map(lambda leaf: leaf.shape, starting)
    if str(got) != str(expected):
        raise ArgumentError("network", f"expected a network with parameters of shapes {got}, got {expected}")
    return jax.tree.map(np.asarray, model.pack(params))


def program(function: Callable[..., jax.Array], model: Model, *names: str) -> Callable[..., jax.Array]:
    """Compile a function of this module for a model; ``names`` are its further arguments.

    The program is ``(members [k, …], rows [n, …]) -> [k, n, …]``. It is cached for equal learners of
    registered functions; other functions may change, and are traced anew.
    """
    if isinstance(model, Learner) and model.is_registered:
        return _kept_program(function, model, *names)
    return compiled(_map_members(function, model, *names))


@functools.lru_cache(maxsize=32)
def _kept_program(
    function: Callable[..., jax.Array], model: Learner, *names: str
) -> Callable[..., jax.Array]:
    identity = f"{function.__name__} {names} {code_checksum(model)}"
    return compiled(_map_members(function, model, *names), identity=identity)


def _map_members(function: Callable[..., jax.Array], *arguments: object) -> Callable[..., jax.Array]:
    return jax.vmap(functools.partial(function, *arguments), in_axes=(0, None))
