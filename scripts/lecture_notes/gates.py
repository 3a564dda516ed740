"""The notes' sections on gates and on universal approximation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jfnn
from lecture_notes.replay import Replay
from lecture_notes.report import Row, claim, exact

GATES = {"OR": jfnn.datasets.or_gate, "XOR": jfnn.datasets.xor_gate}
STARTS = 16
WIDTHS = (1, 3, 9, 27)
FITS = 8
# Every start is a stream of its own here, and a tile of several members would train empty slots.
ALONE = 1


def gates(replay: Replay) -> list[Row]:
    """OR and XOR by ordinary least squares, and XOR by a ReLU network whose weights are set by hand."""
    rows = []
    for name, gate in GATES.items():
        x, t = gate()
        coefficients = np.linalg.lstsq(_design_matrix(x), t, rcond=None)[0]
        fitted = _design_matrix(x) @ coefficients
        rows.append(exact(f"{name} by least squares", replay.published["least_squares"][name], fitted, 1e-12))
        regions = jfnn.plots.decision_regions(functools.partial(_above_half, coefficients), x, t)
        replay.save(regions, f"{name.lower()}_linear", f"{name}: least squares")
    x, _ = jfnn.datasets.xor_gate()
    by_hand = (
        jfnn.Layer(jnp.array([[1.0, 1.0], [1.0, 1.0]]), jnp.array([0.0, -1.0])),
        jfnn.Layer(jnp.array([[1.0], [-2.0]]), jnp.array([0.0])),
    )
    zs, activations = jfnn.backprop.forward(by_hand, x, activation="relu", output="identity")
    published = replay.published["relu_xor"]
    return [
        *rows,
        exact("XOR by ReLU, hidden z", published["hidden_pre_activations"], zs[0]),
        exact("XOR by ReLU, output", published["outputs"], activations[-1][:, 0]),
    ]


def xor_trained(replay: Replay) -> list[Row]:
    """Networks with a small hidden layer trained from many random starts."""
    rows = []
    for name, gate in GATES.items():
        x, t = gate()
        network = jfnn.mlp((2, 3, 1), activation="sigmoid")
        result = jfnn.sweep(
            network,
            jfnn.Split(x, t),
            learning_rate=0.2,
            epochs=2000,
            batch_size=None,
            seeds=STARTS,
            loss="quadratic",
            tile=ALONE,
        )
        solved = result.train_accuracy[0, 0] == 1
        rows.append(
            claim(
                f"{name} by a 2-3-1 network",
                "found from some starts",
                f"{solved.sum()} of {STARTS} starts",
                bool(solved.any()),
                f"largest cost of a solution {result.train_loss[0, 0][solved].max(initial=0):.1e} a sample",
            )
        )
        params = result.member(0, 0, int(np.nanargmin(result.train_loss)))
        predict = functools.partial(jfnn.predict, network, params, loss="quadratic")
        regions = jfnn.plots.decision_regions(predict, x, t)
        replay.save(regions, f"{name.lower()}_network", f"{name}: 2-3-1 network")
    return rows


def approximation(replay: Replay) -> list[Row]:
    """One hidden layer of sigmoids and a linear output, fitted to a function on [0, 1]."""
    x, between = np.linspace(0, 1, 128)[:, None], np.linspace(0, 1, 999)[:, None]
    split = jfnn.Split(x, _function(x), between, _function(between))
    errors = []
    for width in WIDTHS:
        result = jfnn.sweep(
            jfnn.mlp((1, width, 1), activation="sigmoid"),
            split,
            learning_rate=0.03,
            epochs=1000,
            batch_size=None,
            seeds=FITS,
            loss="quadratic",
            reduction="mean",
            optimizer="adam",
            initial_params=_steep_start(width),
            keep_params="none",
            tile=ALONE,
        )
        errors.append(np.sqrt(2 * result.test_loss[0, 0]))
    medians = np.median(errors, axis=1)
    replay.save(_error_against_width(np.array(errors)), "approximation", "|x - 0.4| + exp(-x) sin 3πx")
    reason = f"root mean square between the points, median of {FITS} starts"
    falls = bool((np.diff(medians) < 0).all())
    return [
        claim(f"error with {width:2} hidden units", "falls with width", f"{median:.4f}", falls, reason)
        for width, median in zip(WIDTHS, medians, strict=True)
    ]


def _design_matrix(x):
    return np.column_stack([np.ones(len(x)), x])


def _above_half(coefficients, points):
    # The fit to XOR is 1/2 everywhere; rounding must not draw regions there.
    return (_design_matrix(points) @ coefficients > 0.5 + 1e-9).astype(int)


def _function(x):
    return np.abs(x - 0.4) + np.exp(-x) * np.sin(3 * np.pi * x)


def _steep_start(width: int):
    """Sigmoids steep enough to bend within [0, 1], each somewhere else: ``f(w (x - u))``, u uniform."""

    def start(seed):
        rng = np.random.default_rng((seed, width))
        slopes, places = 20 * rng.normal(size=width), rng.uniform(size=width)
        return (
            jfnn.Layer(jnp.asarray(slopes[None]), jnp.asarray(-slopes * places)),
            jfnn.Layer(jnp.asarray(rng.normal(size=(width, 1)) / np.sqrt(width)), jnp.zeros(1)),
        )

    return jax.tree.map(lambda *leaves: np.stack(leaves), *map(start, range(FITS)))


def _error_against_width(errors) -> Figure:
    figure = Figure(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.loglog(WIDTHS, errors, ".", color="0.6")
    axes.loglog(WIDTHS, np.median(errors, axis=1), "o-", label=f"median of {FITS} starts")
    axes.set_xscale("log", base=2)
    axes.set_xticks(WIDTHS, [str(width) for width in WIDTHS])
    axes.set(xlabel="hidden units", ylabel="root mean square error")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure
