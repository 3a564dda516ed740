"""The coordinate check: do activations change equally in wide and in narrow networks?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.signatures import check_callable
from jfnn.core.experiment.experiment import Experiment
from jfnn.core.experiment.options import Options
from jfnn.core.experiment.stepper import Seen, make_experiment, make_stepper
from jfnn.layers import LayerKind, Params
from jfnn.learners import Hyper
from jfnn.losses import Loss
from jfnn.minibatches import AUTO, Minibatches
from jfnn.network import Network
from jfnn.numerics.compiling import compiled
from jfnn.optimizers import Factory, Optimizer
from jfnn.params import State
from jfnn.split import Split
from jfnn.studies.maximal_update import maximal_update

PARAMETRIZATIONS = ("standard", "maximal_update")


@dataclasses.dataclass(frozen=True, eq=False)
class CoordinateCheck:
    """Sizes of activations at initialization, and their changes over the first steps.

    L counts layers with parameters; the last one gives the outputs.

    Attributes:
        width: The widths ``[W]``.
        parametrizations: The names of P parametrizations.
        start: Mean \\|a\\| before the first step ``[P, W, S, L]``, per seed and layer.
        change: Mean \\|a_t - a_0\\| after step t = 1, …, T ``[P, W, S, T, L]``; not finite where a member
            diverged.
    """

    width: np.ndarray
    parametrizations: tuple[str, ...]
    start: np.ndarray
    change: np.ndarray

    def slopes(self) -> np.ndarray:
        """Return exponents k of ``change ~ width^k`` after the last step, by least squares ``[P, L]``.

        They tend to 0 for wide networks in the maximal-update parametrization. They are not finite for a
        single width, or where nothing changes or a member diverged.
        """
        x = np.log(self.width) - np.log(self.width).mean()
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(self.change[:, :, :, -1].mean(axis=2))  # [P, W, L]
            return np.asarray(np.einsum("w,pwl->pl", x, logs) / (x**2).sum())

    def to_dict(self) -> dict[str, np.ndarray]:
        """Return one row per parametrization, width, seed, step and layer, as columns for a data frame.

        Columns: "parametrization", "width", "seed" (its index), "step" (0 before the first), "layer" (from
        1), "size" (of the activations before the first step), "change".
        """
        unchanged = np.zeros_like(self.start)[..., None, :]
        change = np.concatenate([unchanged, self.change], axis=-2)
        indices = np.indices(change.shape).reshape(change.ndim, -1)
        return {
            "parametrization": np.array(self.parametrizations)[indices[0]],
            "width": self.width[indices[1]],
            "seed": indices[2],
            "step": indices[3],
            "layer": indices[4] + 1,
            "size": np.broadcast_to(self.start[..., None, :], change.shape).ravel(),
            "change": change.ravel(),
        }


def coordinate_check(
    network: Callable[[int], Network],
    split: Split,
    width: Sequence[int],
    learning_rate: float,
    *,
    steps: int = 5,
    seeds: int | Sequence[int] = 5,
    parametrizations: Sequence[str] = PARAMETRIZATIONS,
    base: int | None = None,
    output_multiplier: float = 1.0,
    loss: str | Loss = "cross_entropy",
    reduction: str = "mean",
    optimizer: str | Optimizer | Factory = "sgd",
    batch_size: int | str | Minibatches | None = AUTO,
    rows: int = 500,
) -> CoordinateCheck:
    """Train networks of several widths for a few steps and measure how much their activations change.

    Initialization and minibatches are as in `jfnn.sweep`. In the maximal-update parametrization, changes do
    not depend on the width; if they rise or fall with it, a learning rate that suits one width does not suit
    others (Yang & Hu, arXiv 2203.03466, appendix D.1).

    Args:
        network: ``width -> Network`` of `jfnn.layers`, whose ``init`` is "he_normal", "he_uniform" or
            "lecun_normal", such as
            ``lambda width: jfnn.mlp((40, width, width, 10), "relu", init="he_normal")``.
        split: The data; its weights affect training, but not the measured activations.
        width: The widths, in increasing order.
        learning_rate: η, one number.
        steps: Number of steps.
        seeds: Number of seeds, or the seeds.
        parametrizations: "standard" for networks as given; "maximal_update" for `jfnn.maximal_update`.
        base: The width at which both parametrizations give the same network; None for the first.
        output_multiplier: As in `jfnn.maximal_update`.
        loss: As in `jfnn.sweep`, like ``reduction`` and ``optimizer``.
        reduction: "sum" or "mean".
        optimizer: With a single value for each argument.
        batch_size: As in `jfnn.sweep`, but a single value.
        rows: Number of training rows, from the first, whose activations are measured.

    """
    checks.as_count(steps, "steps")
    checks.as_count(rows, "rows")
    networks = _networks(network, width, parametrizations, base, output_multiplier, optimizer)
    experiments: dict[Network, Experiment] = {}
    for model in dict.fromkeys(networks):  # without duplicates: parametrizations coincide at the base width
        trained = Options(
            model,
            split,
            learning_rate=learning_rate,
            loss=loss,
            reduction=reduction,
            optimizer=optimizer,
            gradient="backprop",
            batch_size=batch_size,
            seeds=seeds,
            epochs=steps,  # an epoch has at least one step
        )
        experiments[model] = make_experiment(trained)
    measured = {model: _measure(model.layers or (), one, steps, rows) for model, one in experiments.items()}
    shape = (len(parametrizations), len(width))
    starts, changes = zip(*(measured[model] for model in networks), strict=True)
    start, change = (np.stack(parts).reshape(*shape, *parts[0].shape) for parts in (starts, changes))
    return CoordinateCheck(np.array(width), tuple(parametrizations), start, change)


def _networks(
    network: Callable[[int], Network],
    width: Sequence[int],
    parametrizations: Sequence[str],
    base: int | None,
    output_multiplier: float,
    optimizer: str | Optimizer | Factory,
) -> list[Network]:
    """Return the networks of all widths, for one parametrization after the other."""
    if not checks.is_several(width) or len(width) == 0:
        raise ArgumentTypeError("width", f"expected a sequence of widths, got {checks.as_text(width)}")
    widths = [checks.as_count(value, "width") for value in width]
    check_callable(network, widths[:1], "network", "a function of the width")
    if sorted({*widths}) != widths:
        raise ArgumentError("width", f"expected distinct widths in increasing order, got {widths}")
    several = parametrizations if checks.is_several(parametrizations) else ()
    kinds = [checks.as_choice(name, "parametrizations", PARAMETRIZATIONS) for name in several]
    if not kinds or len({*kinds}) < len(kinds):
        got = checks.as_text(parametrizations)
        raise ArgumentError("parametrizations", f"expected distinct names, got {got}")
    base = widths[0] if base is None else checks.as_count(base, "base")
    multiplier = checks.as_number(output_multiplier, "output_multiplier", strict=True)
    standard = [network(value) for value in widths]
    for model in standard:
        checks.check_instance(model, Network, "network")
    narrow = network(base)
    networks = []
    for kind in kinds:
        for model in standard:
            if kind == "maximal_update":
                model = maximal_update(model, narrow, optimizer, multiplier)
            networks.append(model)
    return networks


def _measure(
    layers: Sequence[LayerKind], experiment: Experiment, steps: int, rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return sizes at the start ``[S, L]`` and changes ``[S, T, L]`` of an experiment with one cell."""
    for name, values in experiment.cells.values.items():
        if len(values) > 1:
            raise ArgumentError(name, "expected one number, got several")
    data = experiment.data
    members = experiment.replicates
    probe = data.rows[0][: min(rows, data.n_train)]
    steppers, inputs = zip(*(make_stepper(experiment, number) for number in range(len(members))), strict=True)

    def of_member(params: Params, hyper: Hyper, inputs: Seen, probe: jax.Array) -> Any:
        before = _activations(layers, params, probe)

        def step(state: State, number: jax.Array) -> tuple[State, jax.Array]:
            state = steppers[0](inputs, number, state, hyper)
            after = _activations(layers, state.params, probe)
            return state, _sizes([a - a_0 for a, a_0 in zip(after, before, strict=True)])

        start = experiment.functions.start(params, hyper)
        return _sizes(before), jax.lax.scan(step, start, jnp.arange(steps))[1]

    def stacked(*trees: object) -> Any:
        return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)

    params = members.start(np.arange(len(members)))
    source = stacked(*(part.source for part in inputs))
    measure = compiled(jax.vmap(of_member, in_axes=(0, 0, Seen(0, None), None)))
    start, change = measure(params, experiment.hyper(), Seen(source, inputs[0].data), probe)
    return np.asarray(start), np.asarray(change)


def _activations(layers: Sequence[LayerKind], packed: Params, x: jax.Array) -> list[jax.Array]:
    """Return the outputs of each layer with parameters, in column form."""
    a = jnp.moveaxis(jnp.asarray(x), 0, -1)
    outputs = []
    for layer, params in zip(layers, packed, strict=True):
        a, _ = layer.forward(params, a)
        outputs += [a] if jax.tree.leaves(params) else []
    return outputs


def _sizes(arrays: Sequence[jax.Array]) -> jax.Array:
    return jnp.stack([jnp.abs(array).mean() for array in arrays])
