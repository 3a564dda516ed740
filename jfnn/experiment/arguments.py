"""Reads the keywords of a sweep one by one: what cannot be is refused here, by name."""

import inspect
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import numpy as np

from jfnn import checks, losses, training
from jfnn.engine import plan
from jfnn.experiment import axes
from jfnn.experiment.records import Grid
from jfnn.network import Network, check_output, is_of_mlp

GRADIENTS = ("autodiff", "backprop")
SCHEDULE_STEPS = "schedule_steps"  # the number that tells a schedule how far it reaches


def check_network(network: Network, loss: losses.Loss) -> None:
    """Refuses what is no network, and an output activation in front of a loss that has its own."""
    if not isinstance(network, Network) or not callable(network.init) or not callable(network.apply):
        raise TypeError(
            f"network: expected a jfnn.Network(init, apply) of two functions, got {type(network).__name__}"
        )
    if network.mlp is not None and not is_of_mlp(network):
        raise ValueError("network: its apply is not that of its mlp; where you bring your own, set mlp=None")
    check_output(network.mlp and network.mlp.output, loss)


def as_gradient(gradient: str, value_and_grad: Callable | None, network: Network) -> str | Callable:
    """Where gradients come from: "autodiff", "backprop", or the user's function."""
    if value_and_grad is not None:
        if not callable(value_and_grad):
            raise TypeError(f"value_and_grad: expected a function, got {type(value_and_grad).__name__}")
        return value_and_grad
    checks.as_choice(gradient, "gradient", GRADIENTS)
    if gradient == "backprop" and network.mlp is None:
        raise ValueError("gradient: the hand derivation is for networks made by jfnn.mlp; use 'autodiff'")
    return gradient


def as_optimizer(
    optimizer: str | Callable, arguments: dict | None, schedule: str | Callable
) -> tuple[training.Optimizer, dict[str, Any]]:
    """Sorts an optimizer's arguments by how they reach it.

    Returns:
        ``(optimizer, numbers)``: the `Optimizer` with what is fixed when compiling, and the numbers that
        members bring (name -> a number, a sequence or a distribution).
    """
    factory = training.get_optimizer(optimizer)
    known = inspect.signature(factory).parameters
    open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values())
    numbers, fixed = {}, []
    for name, value in (arguments or {}).items():
        if (name not in known and not open_ended) or name in (*axes.OWN, SCHEDULE_STEPS):
            taken = ", ".join(n for n in known if n != "learning_rate")
            raise ValueError(f"optimizer_args: {optimizer} takes {taken}; got {name!r}")
        if axes.is_number(value) or axes.is_axis(value):
            numbers[name] = value
        elif isinstance(value, Hashable) and not isinstance(value, jax.Array):
            fixed.append((name, value))
        else:
            raise TypeError(
                f"optimizer_args: {name}: expected a number, a sequence of numbers or something hashable,"
                f" got {type(value).__name__}"
            )
    names = ("learning_rate", *numbers)
    return training.Optimizer(factory, tuple(fixed), names, training.get_schedule(schedule)), numbers


def check_optimizer(optimizer: training.Optimizer, params) -> None:
    """Tries one update without computing it, so that an optimizer that asks for more is refused at the door.

    Args:
        optimizer: The optimizer; its members' numbers are traced, so it may not branch on them.
        params: Parameters of one member.

    Raises:
        ValueError: It fails on these, or its state does not keep its form.
    """

    def update(params, hyper):
        transformation = optimizer.make(hyper)
        state = transformation.init(params)
        return state, transformation.update(params, state, params)[1]

    number = jax.ShapeDtypeStruct((), jax.tree.leaves(params)[0].dtype)
    try:
        before, after = jax.eval_shape(
            update, params, dict.fromkeys((*optimizer.numbers, SCHEDULE_STEPS), number)
        )
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"optimizer: it cannot be used for gradient steps with these arguments: {reason}"
        ) from error
    if any(not isinstance(leaf.dtype, np.dtype) for leaf in jax.tree.leaves(before)):
        raise ValueError("optimizer: its state holds random keys; members of a stream must share their noise")
    if str(before) != str(after):
        raise ValueError("optimizer: its state changes shape or dtype from step to step")


def as_seeds(seeds: int | Sequence[int]) -> list[int]:
    """A count, or a sequence of different whole numbers of at least 0."""
    if not isinstance(seeds, Sequence | np.ndarray):
        return list(range(checks.as_count(seeds, "seeds")))
    found = [checks.as_count(seed.item() if hasattr(seed, "item") else seed, "seeds", 0) for seed in seeds]
    if not found:
        raise ValueError("seeds: expected at least one")
    if len(set(found)) != len(found):
        raise ValueError(f"seeds: expected each one once, got {found}")
    return found


def as_batches(batches, epochs: int, n_seeds: int, n: int) -> np.ndarray | None:
    """Given row numbers with a leading seed axis, or None."""
    if batches is None:
        return None
    batches = np.asarray(batches)
    if batches.dtype.kind not in "iu":
        raise TypeError(f"batches: expected integer row numbers, got dtype {batches.dtype}")
    if batches.ndim == 3:
        batches = np.broadcast_to(batches, (n_seeds, *batches.shape))
    if batches.ndim != 4 or batches.shape[0] != n_seeds or 0 in batches.shape or batches.shape[1] < epochs:
        raise ValueError(
            f"batches: expected [epochs, steps, batch] with at least {epochs} epochs,"
            f" or [{n_seeds} seeds, epochs, steps, batch], got {list(batches.shape)}"
        )
    if batches.min() < 0 or batches.max() >= n:
        raise ValueError(
            f"batches: expected row numbers from 0 to {n - 1}, got {batches.min()} to {batches.max()}"
        )
    return batches.astype(np.int32)


def as_starting_params(network: Network, initial_params, seeds: Sequence[int], dtype) -> list:
    """Each seed's starting parameters as NumPy arrays: drawn from the seed, or given."""

    def as_numpy(tree):
        return jax.tree.map(lambda leaf: np.asarray(leaf, dtype), tree)

    if initial_params is None:
        init = jax.jit(network.init)
        return [as_numpy(init(jax.random.key(seed))) for seed in seeds]
    expected = jax.eval_shape(network.init, jax.random.key(0))
    given = as_numpy(initial_params)
    if str(jax.tree.structure(given)) != str(jax.tree.structure(expected)):
        raise ValueError(
            f"initial_params: expected the structure of network.init, {jax.tree.structure(expected)},"
            f" got {jax.tree.structure(given)}"
        )
    for leaf in jax.tree.leaves(given):
        checks.check_finite(leaf, "initial_params")
    shapes = [leaf.shape for leaf in jax.tree.leaves(expected)]
    found = [leaf.shape for leaf in jax.tree.leaves(given)]
    if found == shapes:
        return [given] * len(seeds)
    if found == [(len(seeds), *shape) for shape in shapes]:
        return [jax.tree.map(lambda leaf, i=i: leaf[i], given) for i in range(len(seeds))]
    raise ValueError(
        f"initial_params: expected arrays of shapes {shapes}, or these behind a seed axis of {len(seeds)},"
        f" got {found}"
    )


def as_weights(weights, n: int, n_rows: int, dtype) -> np.ndarray | None:
    """Sample weights of all rows ``[n_rows]``, those behind the ``n`` training rows 1; or None."""
    if weights is None:
        return None
    found = checks.as_weights(np.asarray(weights), n)
    if found.max() == 0:
        raise ValueError("weights: expected numbers of at least 0, not all 0")
    return np.concatenate([found, np.ones(n_rows - n)]).astype(dtype)


def drops_units(numbers: dict[str, Any], network: Network, gradient: str | Callable) -> bool:
    """Whether hidden units are dropped; refuses it where nothing is known of them."""
    if "dropout" not in numbers:
        return False
    if network.mlp is None:
        raise ValueError("dropout: expected a network made by jfnn.mlp, whose hidden units are known")
    if callable(gradient):
        raise ValueError("dropout: value_and_grad takes none; leave the gradient to the engine")
    return True


def check_takes_weights(gradient: str | Callable) -> None:
    """Refuses a gradient source of the user's that has no place for sample weights."""
    if not callable(gradient):
        return
    known = inspect.signature(gradient).parameters.values()
    if not any(each.name == "weights" or each.kind is inspect.Parameter.VAR_KEYWORD for each in known):
        raise ValueError(
            "value_and_grad: expected a function that takes weights=[batch], since the rows of a step weigh"
            " differently here (weights, or a last minibatch that is shorter)"
        )


def check_fit(grid: Grid, dtype) -> None:
    """Refuses hyperparameters that would be another number, 0 or infinity, in the arithmetic's dtype."""
    exact = grid.axes.values | {name: np.array([value]) for name, value in grid.constants.items()}
    for name, values in exact.items():
        with np.errstate(over="ignore", under="ignore"):
            cast = values.astype(dtype)
        lost = ~np.isfinite(cast) | ((cast == 0) & (values != 0))
        if lost.any():
            raise ValueError(f"{name}: {values[lost][0]:g} is out of the range of {np.dtype(dtype).name}")


def as_tile(tile: int | None, params, rows_a_step: int, backend: str) -> int:
    """The tile's width: as given, or chosen from network, batch and backend."""
    if tile is not None:
        return checks.as_count(tile, "tile")
    leaves = jax.tree.leaves(params)
    widest = max((leaf.shape[-1] for leaf in leaves if losses.is_weight(leaf)), default=1)
    return plan.tile_width(
        sum(leaf.size for leaf in leaves), widest, rows_a_step, leaves[0].itemsize, backend
    )
