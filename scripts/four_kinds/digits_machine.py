"""scikit-learn's example of a restricted machine on nudged digits: its curve, and its classifier."""

import json
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from lecture_notes.verdicts import CORRECTED, DEVIATIONS, Row, claim, exact
from matplotlib.figure import Figure
from scipy.ndimage import shift
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import BernoulliRBM
from sklearn.preprocessing import minmax_scale

import jfnn
from four_kinds.xor_machine import PUBLISHED

HIDDEN, RATE, BATCH, EPOCHS = 100, 0.06, 10, 10  # of the example
NUDGES = ((0, 0), (-1, 0), (0, -1), (0, 1), (1, 0))


class Scale(NamedTuple):
    """How much is computed.

    Attributes:
        seeds: Seeds of the machine.
        iterations: Of the logistic regression, at most.
    """

    seeds: int = 5
    iterations: int = 1000


def run(out: Path, quick: bool = False) -> list[Row]:
    """The section's rows; the pictures go into a folder."""
    scale = Scale(2, 100) if quick else Scale()
    published = json.loads(PUBLISHED.read_text())["digits"]
    x_train, x_test, y_train, y_test = nudged_digits()
    result = jfnn.sweep(
        jfnn.boltzmann_machine((64, HIDDEN), gradient="persistent", chains=BATCH),
        jfnn.Split(x_train),
        learning_rate=RATE,
        seeds=scale.seeds,
        epochs=EPOCHS,
        batch_size=jfnn.Minibatches(BATCH, "in_order", drop_last=False),
        execution=jfnn.Execution(eval_every=1),
    )
    curves = -result.history["train_loss"][0, 0]
    machine = result.member(0, 0, 0)
    _curve(curves, published["pseudo_likelihood"]).savefig(out / "digits_pseudo_likelihood.png", dpi=150)
    jfnn.plots.weights_as_images(machine.weights[0]).savefig(out / "digits_components.png", dpi=150)
    features = [np.asarray(jfnn.boltzmann.hidden_means(machine, x)) for x in (x_train, x_test)]
    return [
        *_curve_rows(curves, published["pseudo_likelihood"], x_train, scale),
        *_classifier_rows((x_train, x_test), features, y_train, y_test, scale),
    ]


def nudged_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The digits and their copies moved by a pixel in four directions, in [0, 1], split as in the example."""
    digits = load_digits()
    images = digits.images.astype(np.float32)
    moved = [np.stack([shift(image, by, order=0) for image in images]) for by in NUDGES]
    x = minmax_scale(np.concatenate(moved).reshape(-1, 64), feature_range=(0, 1))
    y = np.tile(digits.target, len(NUDGES))
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=0)
    return x_train, x_test, y_train, y_test


def _curve_rows(curves: np.ndarray, published: list[float], x: np.ndarray, scale: Scale) -> list[Row]:
    """The example's curve from scikit-learn itself, and against the machines here ``[seeds, epochs]``."""
    # One site a row is drawn: the mean over rows scatters by what rows scatter by.
    example = BernoulliRBM(HIDDEN, learning_rate=RATE, batch_size=BATCH, n_iter=EPOCHS, random_state=0)
    scores = example.fit(x).score_samples(x)
    noise = float(scores.std() / np.sqrt(len(x)))
    spread = np.hypot(curves.std(axis=0, ddof=1), noise)
    off = np.abs(np.array(published) - curves.mean(axis=0)) / spread
    return [
        exact(
            "digits: last pseudo-likelihood, by scikit-learn", published[-1], round(scores.mean(), 2), 5e-3
        ),
        claim(
            "digits: pseudo-likelihood of 10 epochs",
            " ".join(f"{value:.2f}" for value in published),
            " ".join(f"{value:.2f}" for value in curves.mean(axis=0)),
            bool(off.max() <= DEVIATIONS),
            f"{scale.seeds} seeds, all sites; the published draws one site a row (± {noise:.2f});"
            f" furthest {off.max():.1f} deviations",
        ),
    ]


def _classifier_rows(
    pixels: tuple[np.ndarray, np.ndarray],
    features: list[np.ndarray],
    y_train: np.ndarray,
    y_test: np.ndarray,
    scale: Scale,
) -> list[Row]:
    """The example's logistic regression, which does not move, and one that does."""
    stuck = LogisticRegression(solver="newton-cg", tol=1, C=6000)
    moving = LogisticRegression(tol=1e-3, C=6000, max_iter=scale.iterations)
    rows = []
    for name, (train, test) in {"RBM features": features, "pixels": pixels}.items():
        still = clone(stuck).fit(train, y_train)
        frozen, chance = np.abs(still.coef_).max() == 0, still.score(test, y_test)
        regularised = moving if name == "RBM features" else clone(moving).set_params(C=100.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the reason says after how many iterations
            trained = clone(regularised).fit(train, y_train)
        rows.append(
            Row(
                f"digits: accuracy on {name}",
                "0.10",
                f"{chance:.2f} with tol=1, {trained.score(test, y_test):.3f} trained",
                CORRECTED,
                f"{'all coefficients stay 0' if frozen else 'coefficients move'} with tol=1; trained by"
                f" {trained.n_iter_.max()} iterations of lbfgs",
            )
        )
    return rows


def _curve(curves: np.ndarray, published: list[float]) -> Figure:
    figure = Figure(figsize=(4.4, 3.2), layout="constrained")
    axes, epochs = figure.subplots(), np.arange(1, EPOCHS + 1)
    axes.plot(epochs, curves.T, color="C0", linewidth=0.8, alpha=0.6)
    axes.plot(epochs, curves.mean(axis=0), color="C0", label=f"here, {len(curves)} seeds")
    axes.plot(epochs, published, "x", color="C3", label="scikit-learn's example")
    axes.set(xlabel="epoch", ylabel="pseudo-likelihood")
    axes.legend(frameon=False, fontsize=8)
    return figure
