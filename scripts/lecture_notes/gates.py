"""The notes' sections on the OR and XOR gates."""

import functools

import jax.numpy as jnp
import numpy as np
from verdicts import Row, claim, exact

import jfnn
from lecture_notes import pictures
from lecture_notes.replay import REDUCTION, Replay

GATES = {"OR": jfnn.datasets.or_gate, "XOR": jfnn.datasets.xor_gate}
# Each seed has its own minibatch sequence, so wider tiles would train empty slots.
ALONE = jfnn.Execution(tile=1)


def least_squares(replay: Replay) -> list[Row]:
    """Fit OR and XOR by least squares, and check XOR by a ReLU network with hand-set weights."""
    rows = []
    for name, gate in GATES.items():
        x, t = gate()
        coefficients = np.linalg.lstsq(_design_matrix(x), t, rcond=None)[0]
        values = _design_matrix(x) @ coefficients
        rows.append(exact(f"{name} by least squares", replay.published["least_squares"][name], values, 1e-12))
        regions = pictures.decision_regions(functools.partial(_above_half, coefficients), x, t)
        replay.save(regions, f"{name.lower()}_linear", f"{name}: least squares")
    x, _ = jfnn.datasets.xor_gate()
    by_hand = (
        jfnn.Layer(jnp.array([[1.0, 1.0], [1.0, 1.0]]), jnp.array([0.0, -1.0])),
        jfnn.Layer(jnp.array([[1.0], [-2.0]]), jnp.array([0.0])),
    )
    zs, activations = jfnn.backprop.forward(by_hand, jnp.asarray(x), activation="relu", output="identity")
    published = replay.published["relu_xor"]
    return [
        *rows,
        exact("XOR by ReLU, hidden z", published["hidden_pre_activations"], zs[0]),
        exact("XOR by ReLU, output", published["outputs"], activations[-1][:, 0]),
    ]


def trained(replay: Replay) -> list[Row]:
    """Train networks with a small hidden layer from several random starts."""
    rows = []
    starts = replay.repeats.gates
    network = jfnn.mlp((2, 3, 1), activation="sigmoid", init="normal")
    for name, gate in GATES.items():
        x, t = gate()
        result = jfnn.sweep(
            network,
            jfnn.Split(x, t),
            learning_rate=0.2,
            epochs=2000,
            batch_size=None,
            seeds=starts,
            loss="quadratic",
            reduction=REDUCTION,
            execution=ALONE,
        )
        solved = result.train_accuracy[0, 0] == 1
        cost = result.train_loss[0, 0][solved].max(initial=0)
        here = f"{solved.sum()} of {starts} starts"
        reason = f"largest cost of a solution {cost:.1e} per sample"
        figure = f"{name} by a 2-3-1 network"
        rows.append(claim(figure, "found from some starts", here, bool(solved.any()), reason))
        params = result.member(0, 0, int(np.nanargmin(result.train_loss)))
        predict = functools.partial(jfnn.predict, network, params, loss="quadratic", task="classification")
        regions = pictures.decision_regions(predict, x, t)
        replay.save(regions, f"{name.lower()}_network", f"{name}: 2-3-1 network")
    return rows


def _design_matrix(x: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(x)), x])


def _above_half(coefficients: np.ndarray, points: np.ndarray) -> np.ndarray:
    # The fit to XOR is 1/2 everywhere; rounding must not create regions.
    return np.asarray(_design_matrix(points) @ coefficients > 0.5 + 1e-9, dtype=int)
