"""The notes' sections on the digits, except the grid."""

from typing import Any

import jax
import numpy as np
from sklearn.datasets import load_digits
from verdicts import Row, claim, exact

import jfnn
from lecture_notes import pictures
from lecture_notes.grid import CHANCE, chaotic
from lecture_notes.replay import AXIS, GRADIENT, REDUCTION, SIZES, Replay

# The cell whose saved network is loaded again: the best of the exact cells.
LOADED = {"learning_rate": 1e-3, "l2": 1.0}


def data(replay: Replay) -> list[Row]:
    """Check the data and the five images that the notes show."""
    images, labels = load_digits(return_X_y=True)
    replay.save(pictures.images(images[replay.shown], labels[replay.shown]), "digits")
    uci = "UCI optical digits, 8×8; not MNIST"
    published = replay.published
    return [
        exact("images shown", published["shown_images"], replay.shown),
        exact("training rows, test rows", published["rows"], replay.n_rows),
        exact("pixels", published["pixels"], images.shape[1], reason=uci),
    ]


def initial_network(replay: Replay) -> list[Row]:
    """Check the network before training."""
    published = replay.published["initial"]
    split = replay.split
    network = replay.network
    start = replay.start
    first = split.x_train[:1]
    probabilities = np.asarray(jfnn.predict_proba(network, start, first))[0]
    accuracy = jfnn.accuracy(network, start, split.x_train, split.y_train)
    tolerance = replay.tolerance(1e-8, float32=1e-6)
    right, right_here = (replay.as_counts(share)[0] for share in (published["train_accuracy"], accuracy))
    digits = enumerate(zip(published["probabilities"], probabilities, strict=True))
    return [
        *(exact(f"P({digit}) of training image 0", *pair, tolerance) for digit, pair in digits),
        exact("prediction", published["prediction"], jfnn.predict(network, start, first)),
        exact("label", published["label"], split.y_train[0]),
        exact("correct of the training images", right, right_here),
    ]


def gradients(replay: Replay) -> list[Row]:
    """Compare the hand-derived gradient with automatic differentiation, on all training images."""
    x = replay.split.x_train
    y = replay.split.y_train
    cost: dict[str, Any] = {"l2": 0.1, "reduction": REDUCTION}
    derivation = jax.jit(
        lambda params: jfnn.backprop.value_and_grad(params, x, y, activation="sigmoid", **cost)[1]
    )
    autodiff = jax.jit(jax.grad(lambda params: jfnn.objective(replay.network, params, x, y, **cost)))
    by_hand = derivation(replay.start)
    by_jax = autodiff(replay.start)
    tolerance = replay.tolerance(1e-12, float32=1e-4)
    rows = []
    for number, layers in enumerate(zip(replay.start, by_hand, by_jax, strict=True), 1):
        for name, parameter, hand, other in zip("wb", *layers, strict=True):
            derivative = f"∂C/∂{name}{number}"
            rows.append(exact(f"{derivative}, shape as {name}{number}", parameter.shape, hand.shape))
            error = float(np.abs(hand - other).max() / np.abs(other).max())
            name = f"{derivative}, by hand and by jax.grad"
            here = f"{error:.1e} apart"
            reason = f"relative to the largest entry; allowed {tolerance:.0e}"
            rows.append(claim(name, "equal", here, error <= tolerance, reason))
    return rows


def gradient_descent(replay: Replay) -> list[Row]:
    """Run full-batch gradient descent, which blows up and saturates."""
    published = replay.published["gradient_descent"]
    (x, y, *_) = replay.split
    result = jfnn.train(
        replay.network,
        x,
        y,
        learning_rate=published["learning_rate"],
        l2=published["l2"],
        epochs=published["steps"],
        batch_size=None,
        reduction=REDUCTION,
        initial_params=replay.start,
        gradient=GRADIENT,
        execution=jfnn.Execution(eval_every=published["steps"]),
    )
    accuracy = float(result.train_accuracy)
    predicted = " or a ".join(map(str, np.unique(jfnn.predict(replay.network, result.params, x))))
    at_chance = max(published["train_accuracy"], accuracy) < CHANCE
    reason = f"saturated: every image is classified as {predicted}; rounding decides which digit"
    texts = f"{published['train_accuracy']:.4f}", f"{accuracy:.4f}"
    return [claim("training accuracy", *texts, at_chance, reason)]


def stochastic_gradient_descent(replay: Replay) -> list[Row]:
    """Train one cell on minibatches, and draw its loss curve with those of smaller learning rates."""
    published = replay.published["sgd"]
    i = _index(published["learning_rate"])
    j = _index(published["l2"])
    curves = replay.sweep(
        learning_rate=AXIS[i - 2 : i + 1],
        l2=published["l2"],
        execution=jfnn.Execution(eval_every=1, keep_params="none"),
    )
    replay.save(jfnn.plots.loss_curves(curves, [(0, 0), (1, 0), (2, 0)]), "loss_curves")
    counts = replay.as_counts(published["train_accuracy"], published["test_accuracy"])
    return chaotic("right", counts, replay, i, j)


def stored_models(replay: Replay) -> list[Row]:
    """Save all trained networks, load one to predict, and draw the best one's first layer."""
    best = replay.grid.member(*replay.grid.best().index, 0)
    replay.save(pictures.weights_as_images(best[0].w), "first_layer_weights")
    names = [f"{name}{layer}" for layer in range(1, len(SIZES)) for name in jfnn.Layer._fields]
    path = replay.out / "models.npz"
    np.savez(path, **dict(zip(names, jax.tree.leaves(replay.grid.params), strict=True)))

    archive = np.load(path)
    i = _index(LOADED["learning_rate"])
    j = _index(LOADED["l2"])
    leaves = [archive[name][i, j, 0] for name in names]
    params = tuple(map(jfnn.Layer, leaves[::2], leaves[1::2]))
    x = replay.split.x_test
    y = replay.split.y_test
    predicted = np.asarray(jfnn.predict(replay.network, params, x))
    replay.save(pictures.images(x[:20], y[:20], predicted[:20]), "predictions")
    n_models = int(np.prod(archive["w1"].shape[:2]))
    loaded = f"η={AXIS[i]:g} λ={AXIS[j]:g} loaded, correct of the test images"
    return [
        claim("models saved", "all of the grid", str(n_models), n_models == len(AXIS) ** 2, path.name),
        exact(loaded, replay.cells[i][j].test, (predicted == y).sum()),
    ]


def _index(value: float) -> int:
    return int(np.flatnonzero(np.isclose(AXIS, value))[0])
