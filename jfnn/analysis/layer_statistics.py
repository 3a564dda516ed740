"""Statistics of every layer of many networks: activations, dead and saturated units, gradients, updates."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jfnn import activations
from jfnn.analysis.sharpness import by_blocks, rows_of
from jfnn.arguments import checks, texts
from jfnn.arguments.checks import ArgumentError
from jfnn.core.search.result import SweepResult
from jfnn.extend import shapes
from jfnn.layers import GRU, LSTM, Conv, Dense, Elman, Frozen, LayerKind, Params, Scaled
from jfnn.learners import Learner, Supervised
from jfnn.network import Network, as_inputs
from jfnn.params import is_weight, without_constants
from jfnn.targets import as_targets

FLAT = 0.05  # a unit is saturated where |f'(z)| is below this fraction of its maximum
TRIED = np.linspace(-10, 10, 2001)  # where the maximum of |f'| is sought


@texts.without_arrays
class LayerStatistics(NamedTuple):
    """Statistics of each layer, arrays ``[epoch, layer, …]`` in the dtype of the parameters.

    The further axes are those of ``axes``. Activations a are the layer's outputs on the given rows. Units are
    the outputs of a row; in a convolutional layer its channels, in a recurrent layer its states.

    Attributes:
        mean: Mean of the activations over units and rows.
        std: Their standard deviation.
        dead: Share of units whose activation is 0 on every row (Lu et al. 2019, "Dying ReLU and
            initialization", arXiv 1903.06733).
        saturated: Share of activations, over units and rows, at which the activation function f is nearly
            flat: ``|f'(z)|`` is less than 5% of its maximum. An activation saturates if its derivative tends
            to 0 (Gulcehre et al. 2016, "Noisy activation functions", arXiv 1603.00391). For "tanh" this means
            ``|a| > 0.975``, for "sigmoid" a within 0.0127 of 0 or 1, for "relu" a = 0. NaN for layers other
            than dense and convolutional ones.
        gradient_norm: Euclidean norm of the gradient of the mean loss with respect to the layer's weights,
            which are all its arrays with two axes or more. NaN for layers without trained weights.
        delta_norm: Euclidean norm of a row's δ = ∂C/∂z, with C the loss of the row, root mean square over
            rows. For layers other than dense and convolutional ones, δ = ∂C/∂a.
        update: Norm of the change of the weights since the previous epoch in ``epochs``, divided by the norm
            of the weights there; NaN for the first epoch and for layers without trained weights.
        layers: Names of the layers, "1 Dense", "2 Dense", ….
        epochs: Epochs at which parameters were kept; without ``keep_params="evaluations"`` only the last.
        axes: Name -> values of each further axis, "seed" and "fold" included.
    """

    mean: np.ndarray
    std: np.ndarray
    dead: np.ndarray
    saturated: np.ndarray
    gradient_norm: np.ndarray
    delta_norm: np.ndarray
    update: np.ndarray
    layers: tuple[str, ...]
    epochs: np.ndarray
    axes: dict[str, np.ndarray]


def layer_statistics(
    result: SweepResult, x: Any, y: ArrayLike, *, network: Network | Learner | None = None
) -> LayerStatistics:
    """Return statistics of every layer of every network, at every epoch whose parameters were kept.

    They show vanishing and exploding activations and gradients, dead and saturated units, and how fast each
    layer learns. Derivatives are those of the loss, by the layers' handwritten backpropagation, without
    dropout and penalties. A residual block is one layer.

    Args:
        result: A sweep of one network of `jfnn.layers`, or a result of `jfnn.train`, that kept its
            parameters. ``Execution(eval_every=…, keep_params="evaluations")`` keeps them at several epochs.
        x: Inputs ``[n, …]``, such as some hundred training rows.
        y: Labels ``[n]`` or targets ``[n, n_out]``.
        network: For a loaded result with custom functions, as in `SweepResult.predict`.

    Returns:
        Statistics that are NaN for diverged members; with ``keep_params="evaluations"`` only from the first
        epoch after the divergence.

    Raises:
        ValueError, TypeError: No parameters were kept; several networks or batch sizes, or one target for
            each subset; a learner or network without layers; or invalid rows.
    """
    checks.check_instance(result, SweepResult, "result")
    if len(result.runs) > 1:
        reason = "expected one network and batch size, got several; call it for each result.program(…)"
        raise ArgumentError("result", reason)
    result = result.program(**result.runs[0].key)
    if result.of_targets:
        raise ArgumentError("result", "expected subsets with the same target, got one target for each")
    learner = result.runs[0].model(network)
    if not isinstance(learner, Supervised):
        got = type(learner).__name__
        argument = "result" if network is None else "network"
        raise ArgumentError(argument, "expected networks with targets, which have layers", got=got)
    layers = learner.network.layers
    if layers is None:
        raise ArgumentError("network", "expected a network of jfnn.layers, got custom functions")
    if result.params is None:
        raise ArgumentError("keep_params", "expected 'all' or 'evaluations'; this sweep kept no parameters")
    x = as_inputs(learner.network, x)
    _, points, unravel = rows_of(learner.network, result.params)
    outputs = jax.eval_shape(lambda point: learner.network.apply(unravel(point), x), points[0])
    targets = as_targets(y, outputs.shape, learner.loss, outputs.dtype)

    def one(point: jax.Array, before: jax.Array, *data: jax.Array) -> jax.Array:
        return _statistics(layers, learner.loss.derivative, unravel(point), unravel(before), *data)

    at_evaluations = result.config.get("settings", {}).get("keep_params") == "evaluations"
    diverged_at = result.diverged_at[result.kept_cell or ()][..., None]
    epochs = result.evaluations if at_evaluations else np.array([result.epochs.max()])
    diverged = (diverged_at >= 0) & (not at_evaluations or diverged_at < epochs)
    each = points.reshape(*diverged.shape, -1)
    before = np.full_like(each, np.nan)
    before[..., 1:, :] = each[..., :-1, :]
    floats = 4 * len(x) * sum(map(math.prod, shapes(layers, x.shape[1:])))
    values = by_blocks(one, (points, before.reshape(points.shape)), (x, targets), floats)
    values = np.where(diverged[..., None, None], np.nan, values.reshape(*diverged.shape, -1, len(layers)))
    runs = {} if result.folds is None else {"fold": np.arange(result.folds)}
    runs = {"seed": result.seeds, **runs} if result.seeds.ndim else runs
    cells = {} if result.kept_cell is not None else result.cells.lengths
    axes = {name: result.axes.get(name, np.arange(length)) for name, length in cells.items()}
    names = tuple(f"{i + 1} {type(_inner(layer)).__name__}" for i, layer in enumerate(layers))
    columns = np.moveaxis(values, (-2, -3, -1), (0, 1, 2))
    return LayerStatistics._make((*columns, names, epochs, axes | runs))


def _inner(layer: LayerKind) -> LayerKind:
    """Return the layer without factors on its weights and without freezing."""
    return _inner(layer.layer) if isinstance(layer, Scaled | Frozen) else layer


def _statistics(
    layers: tuple[LayerKind, ...], derivative: Any, params: Params, before: Params, x: Any, targets: Any
) -> jax.Array:
    """Return the statistics of one network ``[7, layers]``, given its parameters and those before."""
    a = jnp.moveaxis(x, 0, -1)  # layers compute with samples last
    passed = []
    for layer, leaves in zip(layers, params, strict=True):
        packed = layer.pack(leaves)
        a, residuals = layer.forward(packed, a)
        passed.append((layer, packed, a, residuals))
    d_a = derivative(a, targets.T, axis=0)
    columns = []
    for (layer, packed, a, residuals), new, old in zip(passed[::-1], params[::-1], before[::-1], strict=True):
        slopes, saturated = _slopes(_inner(layer), residuals)
        delta = d_a * slopes
        gradient, d_a = layer.pull_back(packed, residuals, d_a)
        column = [
            a.mean(),
            a.std(),
            _dead(_inner(layer), a),
            saturated,
            _norm(gradient) / len(x),
            jnp.sqrt((delta**2).sum() / len(x)),
            _norm(jax.tree.map(jnp.subtract, new, old)) / _norm(old),
        ]
        columns.append(jnp.stack(column))
    return jnp.stack(columns[::-1], axis=1)


def _slopes(layer: LayerKind, residuals: Any) -> tuple[Any, jax.Array]:
    """Return f'(z), and the share of its entries near 0; 1 and NaN for layers without such an f."""
    if not isinstance(layer, Dense | Conv):
        return 1.0, jnp.array(jnp.nan)
    df = activations.get(layer.activation).df
    z = residuals[1]
    slopes = df(z)
    steepest = abs(df(jnp.asarray(TRIED, z.dtype))).max()
    return slopes, (abs(slopes) < FLAT * steepest).mean()


def _dead(layer: LayerKind, a: jax.Array) -> jax.Array:
    """Return the share of units that are 0 on all rows, of activations with rows on the last axis."""
    if isinstance(layer, Conv):  # [channels, …, rows]
        others = tuple(range(1, a.ndim))
    elif isinstance(layer, Elman | GRU | LSTM):  # [units, rows] or [time, units, rows]
        others = (*range(a.ndim - 2), a.ndim - 1)
    else:
        others = (a.ndim - 1,)
    return (a == 0).all(axis=others).mean()


def _norm(params: Params) -> jax.Array:
    """Return the norm of the trained weights of a layer, or of their gradients; NaN if there are none."""
    weights = [leaf for leaf in jax.tree.leaves(without_constants(params)) if is_weight(leaf)]
    return jnp.sqrt(sum((leaf**2).sum() for leaf in weights)) if weights else jnp.array(jnp.nan)
