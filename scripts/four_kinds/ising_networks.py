"""Other networks on the Ising model: too small, without biases, and convolutional."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from verdicts import Row, claim

import jfnn
from four_kinds import finite_size, ising_model, phases
from four_kinds.phases import Scale, Trained

# One unit is right on at most 3/4 of the rows, and by chance on a few more held-out rows.
MONOTONE = 0.80
CHANNELS = 8
FEW = 400  # configurations per temperature for a convolutional network


def failures(scale: Scale, trained: Mapping[int, Mapping[int, Trained]]) -> list[Row]:
    """Return a row for each number of hidden units, and one for networks without biases."""
    by_units = [_units_row(scale, trained, units) for units in scale.hidden]
    return [*by_units, _two_units_row(scale, trained), _odd_row(scale)]


def _units_row(scale: Scale, trained: Mapping[int, Mapping[int, Trained]], units: int) -> Row:
    index = scale.l2s.index(scale.cell[1])
    accuracies = {length: trained[length][units].accuracy for length in scale.lengths}
    texts = [f"L = {length}: {(a[index] == 1).sum()}" for length, a in accuracies.items()]
    best = max(float(a.max()) for a in accuracies.values())
    if units == 1:
        holds = best < MONOTONE
        published = "cannot: its output rises or falls with m"
    elif units < scale.cell[0]:
        holds = best == 1
        published = "suffices (Kim and Kim)"
    else:
        holds = all((a[index] == 1).all() for a in accuracies.values())
        published = "every start learns"
    return claim(
        f"{units} hidden, T = 0 against T = ∞",
        published,
        f"{', '.join(texts)} of {scale.seeds} starts, λ = {scale.cell[1]:g}",
        holds,
        f"the best penalty has {best:.3f} accuracy on held-out rows",
    )


def _two_units_row(scale: Scale, trained: Mapping[int, Mapping[int, Trained]]) -> Row:
    """Check two units: one must raise the output with m, the other lower it; otherwise it is monotone."""
    apart = []
    solved = []
    for length in scale.lengths:
        networks = trained[length][2]
        hidden, last = (np.asarray(layer.w) for layer in networks.params)
        slopes = hidden.sum(axis=-2) * last[..., 0]
        apart.append(slopes[..., 0] * slopes[..., 1] < 0)
        solved.append(networks.accuracy == 1)
    opposite = np.concatenate(apart)
    learned = np.concatenate(solved)
    return claim(
        "2 hidden units, where one fails",
        "both units raise the output with m, or lower it",
        f"learned {learned[opposite].sum()} of {opposite.sum()} where one does each,"
        f" {learned[~opposite].sum()} of {(~opposite).sum()} others",
        not learned[~opposite].any(),
        "all lattices, penalties and starts",
    )


def _odd_row(scale: Scale) -> Row:
    """Check odd activations without biases: p(s) + p(-s) = 1, so all up and all down get different labels."""
    length = scale.lengths[0]
    shapes = (length**2, scale.cell[0]), (scale.cell[0], 1)
    initial = jax.nn.initializers.glorot_normal()

    def init(key: jax.Array) -> tuple[jax.Array, ...]:
        keys = jax.random.split(key, len(shapes))
        return tuple(initial(*layer) for layer in zip(keys, shapes, strict=True))

    def apply(params: tuple[jax.Array, ...], x: jax.Array) -> jax.Array:
        hidden = jnp.tanh(jnp.matmul(x, params[0], precision="highest"))
        return jnp.matmul(hidden, params[1], precision="highest")

    split = ising_model.extreme_temperatures(length, scale.rows, 400, seed=length)
    options = phases.training_options(scale) | {"gradient": "autodiff"}
    result = jfnn.sweep(jfnn.Network(init, apply), split, l2=scale.cell[1], **options)
    ordered = split.x_test[np.asarray(split.y_test) == 1]
    outputs = jax.vmap(apply, in_axes=(0, None))(jax.tree.map(lambda a: a[0, 0], result.params), ordered)
    right = (np.asarray(outputs) > 0).mean(axis=(1, 2))
    return claim(
        f"{scale.cell[0]} units of tanh without biases",
        "p(s) + p(-s) = 1: one ground state is wrong",
        f"{right.min():.3f} to {right.max():.3f} of the ground states classified as ordered",
        bool((right == 0.5).all()),
        f"best of {scale.seeds} starts on held-out rows: {result.test_accuracy.max():.3f}",
    )


def convolution(scale: Scale, spins: Mapping[int, np.ndarray]) -> list[Row]:
    """Train a convolutional network on every lattice: does it learn, from what, and what is its T*(L)?

    Args:
        scale: Size of the computation.
        spins: Length -> configurations ``[T, chains, configurations, L, L]``.
    """
    learned = {}
    energy = []
    size = []
    half_ways = {}
    for length in scale.lengths:
        # From all chains, [T, FEW, L, L].
        few = np.swapaxes(spins[length], 1, 2).reshape(len(spins[length]), -1, length, length)[:, :FEW]
        accuracy, values = _answers(scale, length, few)
        shares = (values > 0).astype(np.float64)
        drawn = finite_size.bootstrap(length, scale.draws, shares)
        half_ways[length] = finite_size.roots(scale.temperatures, drawn - 0.5)
        near = int(np.abs(np.array(scale.temperatures) - half_ways[length][0]).argmin())
        learned[length] = accuracy == 1
        energy.append(_correlation(values[:, near], ising_model.energy(few[near])))
        size.append(_correlation(values[:, near], np.abs(ising_model.magnetization(few[near]))))
    starts = [f"L = {length}: {solved.sum()}" for length, solved in learned.items()]
    by_energy = np.mean(energy)
    by_size = np.mean(size)
    name = f"convolution, {CHANNELS} channels 3×3"
    rows = [
        claim(
            f"{name}, T = 0 against T = ∞",
            "every start learns",
            f"{', '.join(starts)} of {scale.seeds} starts",
            all(solved.all() for solved in learned.values()),
        ),
        claim(
            f"{name}, answers by",
            "neighbors: the energy",
            f"correlation with E {by_energy:+.2f}, with |m| {by_size:+.2f}",
            bool(abs(by_energy) > abs(by_size)),
            "mean over seeds and lattices, where outputs are at half height",
        ),
    ]
    return rows if len(half_ways) == 1 else [*rows, _limit_row(half_ways)]  # one lattice has no limit


def _limit_row(half_ways: Mapping[int, np.ndarray]) -> Row:
    """Return the row of the limit of T*(L)."""
    texts = ", ".join(f"{length}: {finite_size.estimate(draws)}" for length, draws in half_ways.items())
    why = "needs the network, but is no T_c: the energy passes a threshold without a scale"
    limit = finite_size.estimate(finite_size.extrapolate(half_ways))
    return finite_size.row("(c) convolution, outputs, T*(L) by L^-1", limit, f"{why}; T*(L) {texts}")


def _answers(scale: Scale, length: int, spins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the accuracy on held-out rows ``[S]``, and outputs before the sigmoid ``[S, T, n]``."""
    network = jfnn.cnn((1, length, length), (CHANNELS,), 1, kernel=3, init="glorot_normal")
    split = ising_model.extreme_temperatures(length, scale.rows, 400, seed=length, image=True)
    # A third of Glorot's initial weights: a tenth leaves the ReLU channels dead.
    options = phases.training_options(scale) | {"hyper": {"init_scale": 0.3}}
    result = jfnn.sweep(network, split, l2=1.0, **options)
    params = jax.tree.map(lambda leaf: leaf[0, 0], result.params)
    return result.test_accuracy[0, 0], phases.logits(network, params, spins, phases.IMAGES)


def _correlation(outputs: np.ndarray, measured: np.ndarray) -> float:
    """Return the mean over seeds ``[S, n]`` of the correlation with a measured number ``[n]``."""
    return float(np.mean([np.corrcoef(values, measured)[0, 1] for values in outputs]))
