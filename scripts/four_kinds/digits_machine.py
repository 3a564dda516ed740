"""scikit-learn's example of a restricted machine on nudged digits: its curve, and its classifier."""

import json
from pathlib import Path

import numpy as np
from scipy.ndimage import shift
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import BernoulliRBM
from sklearn.preprocessing import minmax_scale
from verdicts import CORRECTED, Row, among_seeds, exact

import jfnn
from four_kinds.xor_machine import PUBLISHED

# Settings of the example.
HIDDEN = 100
RATE = 0.06
BATCH = 10
EPOCHS = 10
SEEDS = 79
NUDGES = ((0, 0), (-1, 0), (0, -1), (0, 1), (1, 0))
# Results of the example when its regression still converged (scikit-learn's pull request 13648, 2019).
PAST = {"RBM features": "; in 2019 precision and recall of a digit were 0.92 to 0.98", "pixels": ""}

Rows = tuple[np.ndarray, np.ndarray]


def run(_: Path, quick: bool = False) -> list[Row]:
    """Return the section's rows."""
    published = json.loads(PUBLISHED.read_text())["digits"]["pseudo_likelihood"]
    x_train, x_test, y_train, y_test = nudged_digits()
    result = jfnn.sweep(
        jfnn.boltzmann_machine((64, HIDDEN), gradient="persistent", chains=BATCH),
        jfnn.Split(x_train),
        learning_rate=RATE,
        seeds=2 if quick else SEEDS,
        epochs=EPOCHS,
        batch_size=jfnn.Minibatches(BATCH, "in_order", drop_last=False),
        execution=jfnn.Execution(eval_every=1, tile=1),
    )
    curves = -result.history["train_loss"][0, 0]
    machine = result.member(0, 0, 0)
    features = [np.asarray(jfnn.boltzmann.hidden_means(machine, x)) for x in (x_train, x_test)]
    return [
        *curve_rows(curves, published, x_train),
        _classifier_row("RBM features", 6000, (features[0], y_train), (features[1], y_test)),
        _classifier_row("pixels", 100, (x_train, y_train), (x_test, y_test)),
    ]


def nudged_digits() -> list[np.ndarray]:
    """Return digits in [0, 1] and copies shifted by a pixel in four directions, split as in the example."""
    digits = load_digits()
    images = digits.images.astype(np.float32)
    moved = [np.stack([shift(image, by, order=0) for image in images]) for by in NUDGES]
    x = minmax_scale(np.concatenate(moved).reshape(-1, 64), feature_range=(0, 1))
    y = np.tile(digits.target, len(NUDGES))
    parts: list[np.ndarray] = train_test_split(x, y, test_size=0.2, random_state=0)
    return parts


def curve_rows(curves: np.ndarray, published: list[float], x: np.ndarray) -> list[Row]:
    """Compare the example's curve with scikit-learn's, and with the machines here ``[seeds, epochs]``."""
    # The example scores one random site per row, with a sampling error; the machines here score all.
    example = BernoulliRBM(HIDDEN, learning_rate=RATE, batch_size=BATCH, n_iter=EPOCHS, random_state=0)
    scores = example.fit(x).score_samples(x)
    noise = float(scores.std() / np.sqrt(len(x)))
    drawn = curves + np.random.default_rng(0).normal(0, noise, curves.shape)
    source = f"one site a row, whose draw (± {noise:.2f}) the seeds are given too"
    name = "digits: pseudo-likelihood, epoch"
    scored = round(scores.mean(), 2)
    epochs = enumerate(zip(published, drawn.T, strict=True), 1)
    return [
        exact("digits: last pseudo-likelihood, by scikit-learn", published[-1], scored, 5e-3),
        *(among_seeds(f"{name} {i:2}", figure, here, 2, source) for i, (figure, here) in epochs),
    ]


def _classifier_row(name: str, c: float, train: Rows, test: Rows) -> Row:
    """Run the example's logistic regression, which does not move, and the same until convergence."""
    stuck, moving = (LogisticRegression(solver="newton-cg", tol=tol, C=c).fit(*train) for tol in (1, 1e-4))
    still = "coefficients move" if stuck.coef_.any() else "all coefficients stay 0"
    return Row(
        f"digits: accuracy on {name}",
        "0.10",
        f"{stuck.score(*test):.2f} with tol=1, {moving.score(*test):.3f} converged",
        CORRECTED,
        f"{still} with tol=1; converged: newton-cg, C={c}, tol=1e-4, {moving.n_iter_.max()} iterations"
        + PAST[name],
    )
