"""The door of the engine: keywords from people are checked here, once, and become records."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from jfnn import checks, losses, minibatches, training
from jfnn.datasets import Split
from jfnn.engine import devices as device_choice
from jfnn.engine import layout as layouts
from jfnn.engine import loop, plan
from jfnn.engine.records import Data, Execution, Grid, Recipe, Stream
from jfnn.engine.result import SweepResult
from jfnn.network import Network, check_output

KEEP_PARAMS = ("all", "best", "none")
GRADIENTS = ("autodiff", "backprop")


class History(NamedTuple):
    """How one training run went; scores are taken at the end of each epoch.

    Attributes:
        epoch: Epochs done ``[H]``.
        train_loss: Mean data loss per training sample, without penalty ``[H]``; NaN from a divergence on.
        train_accuracy: Share of right answers ``[H]``; NaN where the targets are no classes.
        test_loss: The same on ``test``; NaN if none was given.
        test_accuracy: The same on ``test``.
        diverged_at: The epoch, counted from 0, in which the parameters or the objective stopped being finite,
            or -1. The parameters returned are those from before that epoch.
    """

    epoch: np.ndarray
    train_loss: np.ndarray
    train_accuracy: np.ndarray
    test_loss: np.ndarray
    test_accuracy: np.ndarray
    diverged_at: int


def sweep(
    network: Network,
    split: Split,
    *,
    learning_rate,
    l2=0.0,
    epochs: int = 100,
    batch_size: int | None = 100,
    seeds: int | Sequence[int] = 1,
    loss: str | losses.Loss = "cross_entropy",
    reduction: str = "sum",
    optimizer: str | Callable[..., optax.GradientTransformation] = "sgd",
    optimizer_args: dict[str, Any] | None = None,
    gradient: str = "autodiff",
    value_and_grad: Callable | None = None,
    minibatch: str = "subset",
    remainder: str = "drop",
    initial_params=None,
    batches=None,
    tile: int | None = None,
    devices: int | Sequence[jax.Device] | None = None,
    segment: int | None = None,
    history: bool = False,
    keep_params: str = "all",
    progress: Callable[[loop.Progress], None] | None = None,
) -> SweepResult:
    """Trains a network for every combination of hyperparameters and seeds, in one compiled program.

    Members of one seed share their starting parameters and their minibatches, so cells of the grid differ by
    their hyperparameters alone. A member's result has the same bits in every grid, beside any neighbours, on
    any number of devices and with any ``segment``; only ``tile`` and ``gradient`` change them.

    Args:
        network: From `jfnn.mlp`, or any ``Network(init, apply)``.
        split: ``Split(x_train, y_train, x_test, y_test)``: inputs ``[n, n_in]``, integer labels ``[n]`` or
            float targets ``[n, n_out]``. Arithmetic is float64 where the inputs are and x64 is on, else
            float32.
        learning_rate: η, a number or a sequence: the first axis ``[E]``.
        l2: λ, a number or a sequence: the second axis ``[L]``.
        epochs: Epochs to train.
        batch_size: Rows a step; None for all of them (gradient descent).
        seeds: How many (0, 1, …), or which; the last axis ``[S]``. A seed fixes starting parameters and
            minibatches.
        loss: A name in `jfnn.losses.LOSSES`, or a `Loss`.
        reduction: "sum" (the notes) or "mean" (scikit-learn); see `jfnn.objective`.
        optimizer: "sgd", any optax optimizer by name, or a factory ``(learning_rate=…) -> transformation``.
        optimizer_args: Further arguments of the optimizer. A float is a number of each member; a sequence of
            numbers is a further axis, between l2 and the seeds; anything else is passed on as it is.
        gradient: "autodiff" (`jax.grad`) or "backprop" (the hand derivation; equal to rounding, and faster).
        value_and_grad: A gradient source of your own instead:
            ``(params, x, targets, l2=…) -> (value, gradients)``.
        minibatch: "subset" (a fresh subset each step, the notes), "permutation" (a pass over the shuffled
            rows each epoch), or "full".
        remainder: What "permutation" does with rows that do not fill a batch: "drop" or "keep".
        initial_params: Parameters to start from instead of the network's own, or these with a leading seed
            axis.
        batches: Row numbers ``[epochs, steps, batch]`` to train on instead of drawn ones, or these with a
            leading seed axis.
        tile: Members trained side by side; None for a width chosen from network, batch and backend.
        devices: None for all that JAX sees, a count, or a sequence; see `jfnn.use_all_cores`.
        segment: Epochs between two returns to the host; None for as many as one call takes.
        history: Keep the scores at the end of every segment.
        keep_params: Which trained parameters to keep: "all", "best" (the best cell's) or "none".
        progress: Called with a `Progress` at every return to the host.

    Returns:
        A `SweepResult`.

    Raises:
        ValueError, TypeError: An argument that cannot be; the message names it, before anything is compiled.
    """
    axes = {
        "learning_rate": checks.as_axis(learning_rate, "learning_rate", strict=True),
        "l2": checks.as_axis(l2, "l2"),
    }
    factory, optimizer_axes, constants, fixed = _read_optimizer(optimizer, optimizer_args or {})
    seeds = _as_seeds(seeds)
    loss = losses.get(loss)
    _check_network(network, loss)
    gradient = _read_gradient(gradient, value_and_grad, network)
    data, labelled, n_train = _read_split(network, split, loss)
    epochs = checks.as_count(epochs, "epochs", minimum=0)

    scheme = minibatches.make(minibatch, batch_size, n_train, remainder)
    given = _as_batches(batches, epochs, len(seeds), n_train)
    steps, rows_a_step = (
        given.shape[-2:] if given is not None else (scheme.steps(n_train), scheme.rows_a_step(n_train))
    )
    all_devices = device_choice.resolve(devices)
    reduction = checks.as_choice(reduction, "reduction", training.REDUCTIONS)
    layout = layouts.of(network, loss, reduction, gradient)
    start = _starting_params(network, initial_params, seeds, data.targets.dtype)
    recipe = Recipe(
        network=network,
        loss=loss,
        reduction=reduction,
        optimizer=training.Optimizer(factory, fixed),
        gradient=gradient,
        padded=given is None and scheme.is_padded(n_train),
        evaluation_block=plan.evaluation_block(n_train),
        tile=_tile(tile, start[0], rows_a_step, all_devices[0].platform),
    )
    parts = np.split(np.arange(len(data.x)), [n_train])
    streams = [
        Stream(
            seed,
            layout.store(params),
            _rows_of(scheme, n_train, seed) if given is None else given[i].__getitem__,
            tuple(parts),
        )
        for i, (seed, params) in enumerate(zip(seeds, start, strict=True))
    ]
    grid = Grid(axes | optimizer_axes, constants, streams)
    execution = Execution(
        devices=all_devices,
        epochs=epochs,
        segment=max(epochs, 1) if segment is None else checks.as_count(segment, "segment"),
        history=bool(history),
        keep_params=checks.as_choice(keep_params, "keep_params", KEEP_PARAMS),
        progress=progress,
    )
    outcome = loop.run(recipe, data, grid, execution)
    return _as_result(outcome, grid, seeds, layout, labelled, execution.keep_params)


def train(
    network: Network,
    x,
    y,
    *,
    learning_rate: float,
    l2: float = 0.0,
    epochs: int = 100,
    batch_size: int | None = 100,
    seed: int = 0,
    test: tuple | None = None,
    initial_params=None,
    batches=None,
    **options,
):
    """Trains one network: a sweep of one, through the same compiled tile.

    The parameters have the same bits as that cell's of any grid. ``tile=1`` asks for the fastest program for
    one network instead, which may differ in the last bits.

    Args:
        network: From `jfnn.mlp`, or any ``Network(init, apply)``.
        x: Inputs ``[n, n_in]``.
        y: Integer labels ``[n]`` or float targets ``[n, n_out]``.
        learning_rate: η.
        l2: λ.
        epochs: Epochs to train.
        batch_size: Rows a step; None for all of them (gradient descent).
        seed: Fixes starting parameters and minibatches.
        test: Optional ``(x, y)`` to score after each epoch as well.
        initial_params: Parameters to start from.
        batches: Row numbers ``[epochs, steps, batch]`` to train on.
        **options: As in `sweep`: loss, reduction, optimizer, optimizer_args, gradient, value_and_grad,
            minibatch, remainder, tile, devices, history (True here: scores after each epoch), progress.

    Returns:
        ``(params, history)``, the history a `History`.

    Raises:
        ValueError, TypeError: As in `sweep`; also for sequences where there must be one number.
    """
    for name, value in {"learning_rate": learning_rate, "l2": l2, "seed": seed}.items():
        if np.ndim(value) != 0:
            raise TypeError(f"{name}: expected one number, got {value!r}; use sweep for several")
    options = {"history": True, "segment": 1, **options}
    result = sweep(
        network,
        Split(x, y, *(test or (None, None))),
        learning_rate=learning_rate,
        l2=l2,
        epochs=epochs,
        batch_size=batch_size,
        seeds=[seed],
        initial_params=initial_params,
        batches=batches,
        **options,
    )
    only = (0,) * result.diverged_at.ndim
    if result.diverged_at.size != 1:
        raise TypeError("optimizer_args: expected single numbers, got a sequence; use sweep for several")
    empty = np.zeros(0)
    kept = {name: result.history[name][only] if result.history else empty for name in History._fields[1:-1]}
    epoch = result.history.get("epoch", empty)
    return result.member(*only), History(epoch, **kept, diverged_at=int(result.diverged_at[only]))


def _check_network(network, loss):
    if not (callable(getattr(network, "init", None)) and callable(getattr(network, "apply", None))):
        raise TypeError(f"network: expected a Network(init, apply), got {type(network).__name__}")
    check_output(network, loss)


def _read_gradient(gradient, value_and_grad, network):
    if value_and_grad is not None:
        if not callable(value_and_grad):
            raise TypeError(f"value_and_grad: expected a function, got {type(value_and_grad).__name__}")
        return value_and_grad
    checks.as_choice(gradient, "gradient", GRADIENTS)
    if gradient == "backprop" and network.mlp is None:
        raise ValueError("gradient: the hand derivation is for networks made by jfnn.mlp; use 'autodiff'")
    return gradient


def _read_optimizer(optimizer, arguments):
    """Sorts an optimizer's arguments into axes, each member's constants, and what is fixed when compiling."""
    factory = training.get_optimizer(optimizer)
    known = inspect.signature(factory).parameters
    open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values())
    axes, constants, fixed = {}, {}, []
    for name, value in arguments.items():
        if (name not in known and not open_ended) or name in ("learning_rate", "l2"):
            raise ValueError(
                f"optimizer_args: {optimizer} takes {', '.join(n for n in known if n != 'learning_rate')};"
                f" got {name!r}"
            )
        if isinstance(value, float):
            constants[name] = float(checks.as_axis(value, name, minimum=None)[0])
        elif isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
            axes[name] = checks.as_axis(value, name, minimum=None)
        else:
            fixed.append((name, value))
    return factory, axes, constants, tuple(fixed)


def _as_seeds(seeds) -> list[int]:
    if isinstance(seeds, Sequence | np.ndarray | range):
        found = [checks.as_count(seed.item() if hasattr(seed, "item") else seed, "seeds", 0) for seed in seeds]
        if not found:
            raise ValueError("seeds: expected at least one")
        if len(set(found)) != len(found):
            raise ValueError(f"seeds: expected each one once, got {found}")
        return found
    return list(range(checks.as_count(seeds, "seeds")))


def _read_split(network, split, loss) -> tuple[Data, bool, int]:
    """The data of a split in one array, whether its targets are classes, and how many rows train."""
    if len(split) != 4:
        raise TypeError("split: expected Split(x_train, y_train, x_test, y_test)")
    x_train, y_train, x_test, y_test = split
    features = network.mlp.sizes[0] if network.mlp else None
    x_train = checks.as_inputs(x_train, "x_train", features)
    dtype = checks.float_dtype(x_train)
    sample = jax.ShapeDtypeStruct((1, *x_train.shape[1:]), dtype)
    n_outputs = jax.eval_shape(lambda key, x: network.apply(network.init(key), x), jax.random.key(0), sample).shape[-1]
    xs = [np.asarray(x_train, dtype)]
    ts = [np.asarray(checks.as_targets(y_train, len(x_train), n_outputs, loss, dtype, "y_train"))]
    if x_test is not None:
        x_test = checks.as_inputs(x_test, "x_test", x_train.shape[1])
        xs.append(np.asarray(x_test, dtype))
        ts.append(np.asarray(checks.as_targets(y_test, len(x_test), n_outputs, loss, dtype, "y_test")))
    labelled = loss.takes_logits or checks.is_labels(np.asarray(y_train))
    data = Data(np.concatenate(xs), np.concatenate(ts), ("train", "test"))
    return data, labelled, len(x_train)


def _as_batches(batches, epochs, n_seeds, n):
    """Row numbers with a leading seed axis, or None."""
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
        raise ValueError(f"batches: expected row numbers from 0 to {n - 1}, got {batches.min()} to {batches.max()}")
    return batches.astype(np.int32)


def _starting_params(network, initial_params, seeds, dtype) -> list:
    """Each seed's starting parameters as NumPy arrays."""
    as_numpy = lambda tree: jax.tree.map(lambda leaf: np.asarray(leaf, dtype), tree)  # noqa: E731
    init = jax.jit(network.init)
    if initial_params is None:
        return [as_numpy(init(jax.random.key(seed))) for seed in seeds]
    expected = jax.eval_shape(network.init, jax.random.key(0))
    given = as_numpy(initial_params)
    if jax.tree.structure(given) != jax.tree.structure(expected):
        raise ValueError(
            f"initial_params: expected the structure of network.init, {jax.tree.structure(expected)},"
            f" got {jax.tree.structure(given)}"
        )
    shapes = [leaf.shape for leaf in jax.tree.leaves(expected)]
    found = [leaf.shape for leaf in jax.tree.leaves(given)]
    for leaf in jax.tree.leaves(given):
        checks.check_finite(leaf, "initial_params")
    if found == shapes:
        return [given] * len(seeds)
    if found == [(len(seeds), *shape) for shape in shapes]:
        return [jax.tree.map(lambda leaf: leaf[i], given) for i in range(len(seeds))]  # noqa: B023
    raise ValueError(
        f"initial_params: expected arrays of shapes {shapes}, or these behind a seed axis of {len(seeds)},"
        f" got {found}"
    )


def _rows_of(scheme, n, seed):
    return lambda epoch: scheme.epoch(n, seed, epoch)


def _tile(tile, params, rows_a_step, backend) -> int:
    if tile is not None:
        return checks.as_count(tile, "tile")
    leaves = jax.tree.leaves(params)
    units = sum(leaf.shape[-1] for leaf in leaves if losses.is_weight(leaf))
    return plan.tile_width(sum(leaf.size for leaf in leaves), units, rows_a_step, leaves[0].itemsize, backend)


def _as_result(outcome: loop.Outcome, grid, seeds, layout, labelled, keep_params) -> SweepResult:
    """Puts what the loop gives into the shape of the grid."""

    def by_part(scores: loop.Scores):
        """Name of a score -> array, the members' axis made the grid's and put first."""
        found = {}
        for i, part in enumerate(("train", "test")):
            for kind, values in scores._asdict().items():
                kept = np.moveaxis(values[..., i], -1, 0)
                kept = kept if kind == "loss" or labelled else np.full_like(kept, np.nan)
                found[f"{part}_{kind}"] = kept.reshape(*grid.shape, *kept.shape[1:])
        return found

    result = SweepResult(
        axes=grid.axes,
        seeds=np.array(seeds),
        **by_part(outcome.scores),
        diverged_at=outcome.members.diverged_at.reshape(grid.shape),
        params=None,
        history={"epoch": outcome.history[0], **by_part(outcome.history[1])} if outcome.history else {},
        timing={"compile": outcome.compile_seconds, "run": outcome.run_seconds},
    )
    if keep_params == "none":
        return result
    params = jax.tree.map(
        lambda leaf: leaf.reshape(*grid.shape, *leaf.shape[1:]), layout.restore(outcome.members.state.params)
    )
    if keep_params == "best":
        best = result.best().index
        params = jax.tree.map(lambda leaf: leaf[best].copy(), params)
    object.__setattr__(result, "params", params)
    return result
