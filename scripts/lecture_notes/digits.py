"""The notes' sections on the digits."""

import dataclasses

import jax
import numpy as np
from sklearn.datasets import load_digits

import jfnn
from lecture_notes.replay import AXIS, GRADIENT, SIZES, Cell, Replay
from lecture_notes.report import (
    CORRECTED,
    NOT_REPRODUCED,
    Row,
    claim,
    counts_text,
    exact,
    grid_table,
    within_spread,
)

# Below this accuracy a network of ten classes does about as well as guessing.
CHANCE = 0.2
# The cell whose stored network is loaded again: the best of those that can be reproduced exactly.
LOADED = {"learning_rate": 1e-3, "l2": 1.0}


def digits_shown(replay: Replay) -> list[Row]:
    """The data, and the five images that the notes show."""
    images, labels = load_digits(return_X_y=True)
    replay.save(jfnn.plots.images(images[replay.shown], labels[replay.shown]), "digits")
    return [
        exact("images shown", replay.published["shown_images"], replay.shown),
        exact("rows to train, to test", replay.published["rows"], replay.n_rows),
        exact(
            "pixels", replay.published["pixels"], images.shape[1], reason="UCI optical digits, 8×8; not MNIST"
        ),
    ]


def initial_prediction(replay: Replay) -> list[Row]:
    """The network before training."""
    published, split = replay.published["initial"], replay.split
    first = split.x_train[:1]
    probabilities = np.asarray(jfnn.predict_proba(replay.network, replay.start, first))[0]
    accuracy = float(jfnn.accuracy(replay.network, replay.start, split.x_train, split.y_train))
    rows = [
        exact(
            f"P({digit}) of training image 0",
            value,
            probabilities[digit],
            replay.tolerance(1e-8, float32=1e-6),
        )
        for digit, value in enumerate(published["probabilities"])
    ]
    return [
        *rows,
        exact("prediction", published["prediction"], jfnn.predict(replay.network, replay.start, first)),
        exact("label", published["label"], split.y_train[0]),
        exact(
            "right of the training images",
            replay.as_counts(published["train_accuracy"])[0],
            replay.as_counts(accuracy)[0],
        ),
    ]


def gradients(replay: Replay) -> list[Row]:
    """The hand-derived gradient against automatic differentiation, on all training images."""
    x, y = replay.split.x_train, replay.split.y_train
    derivation = jax.jit(lambda params: jfnn.backprop.value_and_grad(params, x, y, l2=0.1)[1])
    autodiff = jax.jit(jax.grad(lambda params: jfnn.objective(replay.network, params, x, y, l2=0.1)))
    by_hand, by_jax = derivation(replay.start), autodiff(replay.start)
    tolerance = replay.tolerance(1e-12, float32=1e-4)
    rows = []
    for layer, members in enumerate(zip(replay.start, by_hand, by_jax, strict=True), 1):
        for name, parameter, hand, other in zip("wb", *members, strict=True):
            rows.append(exact(f"∂C/∂{name}{layer}, shape as {name}{layer}", parameter.shape, hand.shape))
            off = float(np.abs(hand - other).max() / np.abs(other).max())
            rows.append(
                claim(
                    f"∂C/∂{name}{layer}, by hand and by jax.grad",
                    "equal",
                    f"{off:.1e} apart",
                    off <= tolerance,
                    f"relative to the largest entry; allowed {tolerance:.0e}",
                )
            )
    return rows


def gradient_descent(replay: Replay) -> list[Row]:
    """Full-batch gradient descent, which blows up and saturates."""
    published, (x, y, *_) = replay.published["gradient_descent"], replay.split
    params, history = jfnn.train(
        replay.network,
        x,
        y,
        learning_rate=published["learning_rate"],
        l2=published["l2"],
        epochs=published["steps"],
        batch_size=None,
        initial_params=replay.start,
        gradient=GRADIENT,
        segment=published["steps"],
    )
    here = float(history.train_accuracy[-1])
    predicted = " or a ".join(map(str, np.unique(jfnn.predict(replay.network, params, x))))
    return [
        claim(
            "training accuracy",
            f"{published['train_accuracy']:.4f}",
            f"{here:.4f}",
            max(published["train_accuracy"], here) < CHANCE,
            f"saturated: every image is taken for a {predicted}; which digit, rounding decides",
        )
    ]


def stochastic_gradient_descent(replay: Replay) -> list[Row]:
    """One cell trained on minibatches, and the loss curves of smaller learning rates beside it."""
    published = replay.published["sgd"]
    i, j = _place(published["learning_rate"]), _place(published["l2"])
    curves = replay.sweep(
        learning_rate=AXIS[i - 2 : i + 1], l2=published["l2"], history=True, segment=1, keep_params="none"
    )
    figure = jfnn.plots.loss_curves(curves, [(0, 0), (1, 0), (2, 0)])
    replay.save(figure, "loss_curves")
    counts = replay.as_counts(published["train_accuracy"], published["test_accuracy"])
    here = replay.as_counts(replay.grid.train_accuracy[i, j, 0], replay.grid.test_accuracy[i, j, 0])
    return [_chaotic("right, train and test", counts, here, replay, j)]


def grid(replay: Replay) -> list[Row]:
    """All 49 cells, each judged by its kind."""
    replay.save(jfnn.plots.heat_map(replay.grid), "grid_here")
    replay.save(jfnn.plots.heat_map(_published_as_result(replay)), "grid_published")
    for part in ("train", "test"):
        accuracy = getattr(replay.grid, f"{part}_accuracy")[..., 0]
        print(grid_table(part, AXIS, AXIS, accuracy) + "\n")
    return [_cell(replay, i, j) for i in range(len(AXIS)) for j in range(len(AXIS))]


def stored_models(replay: Replay) -> list[Row]:
    """All trained networks stored; one loaded again and used to predict; what the best one looks at."""
    best = replay.grid.member(*replay.grid.best().index, 0)
    replay.save(jfnn.plots.weights_as_images(best[0].w), "first_layer_weights")
    names = [f"{name}{layer}" for layer in range(1, len(SIZES)) for name in jfnn.Layer._fields]
    path = replay.out / "models.npz"
    np.savez(path, **dict(zip(names, jax.tree.leaves(replay.grid.params), strict=True)))

    stored = np.load(path)
    i, j = _place(LOADED["learning_rate"]), _place(LOADED["l2"])
    params = tuple(
        jfnn.Layer(stored[f"w{layer}"][i, j, 0], stored[f"b{layer}"][i, j, 0])
        for layer in range(1, len(SIZES))
    )
    x, y = replay.split.x_test, replay.split.y_test
    predicted = np.asarray(jfnn.predict(replay.network, params, x))
    replay.save(jfnn.plots.images(x[:20], y[:20], predicted[:20]), "predictions")
    n_models = stored["w1"].shape[0] * stored["w1"].shape[1]
    right = int((predicted == y).sum())
    return [
        claim("models stored", "all of the grid", str(n_models), n_models == len(AXIS) ** 2, path.name),
        exact(
            f"η={AXIS[i]:g} λ={AXIS[j]:g} loaded, right of the test images", replay.cells[i][j].test, right
        ),
    ]


def _place(value: float) -> int:
    return int(np.flatnonzero(np.isclose(AXIS, value))[0])


def _published_as_result(replay: Replay) -> jfnn.SweepResult:
    counts = np.array([[[(cell.train, cell.test)] for cell in row] for row in replay.cells])
    train, test = np.moveaxis(counts / replay.n_rows, -1, 0)
    never = np.full_like(replay.grid.diverged_at, -1)
    return dataclasses.replace(replay.grid, train_accuracy=train, test_accuracy=test, diverged_at=never)


def _cell(replay: Replay, i: int, j: int) -> Row:
    """One cell of the grid, judged by its kind."""
    cell = replay.cells[i][j]
    published = (cell.train, cell.test)
    accuracies = (replay.grid.train_accuracy[i, j, 0], replay.grid.test_accuracy[i, j, 0])
    here = replay.as_counts(*accuracies)
    name = f"η={AXIS[i]:<6g} λ={AXIS[j]:<6g} {cell.kind}"
    if cell.kind == "exact":
        return exact(name, published, here)
    if cell.kind == "chaotic":
        return _chaotic(name, published, here, replay, j)
    if cell.kind == "dead":
        return _dead(name, cell, here, replay, i, j)
    at_chance = bool((np.array([*accuracies, *np.divide(published, replay.n_rows)]) < CHANCE).all())
    reason = "both at chance: hidden units saturated, one class or a few predicted"
    return claim(name, counts_text(*published), counts_text(*here), at_chance, reason)


def _chaotic(name: str, published, here, replay: Replay, j: int) -> Row:
    streams = replay.as_counts(replay.spread.train_accuracy[0, j], replay.spread.test_accuracy[0, j])
    return within_spread(name, published, here, streams)


def _dead(name: str, cell: Cell, here, replay: Replay, i: int, j: int) -> Row:
    """A cell whose published figure is that of NaN probabilities, for which argmax gives digit 0.

    Here the cell must have diverged, and say so, or its network must be finite, and do as well as guessing.
    """
    zeros = tuple(int((y == 0).sum()) for y in (replay.split.y_train, replay.split.y_test))
    diverged_at = int(replay.grid.diverged_at[i, j, 0])
    numbers = [replay.grid.train_loss[i, j, 0], *jax.tree.leaves(replay.grid.member(i, j, 0))]
    is_finite = all(np.isfinite(each).all() for each in numbers)
    at_chance = bool((np.divide(here, replay.n_rows) < CHANCE).all())
    if diverged_at >= 0:
        text, reason, holds = "diverged", f"no longer finite in epoch {diverged_at + 1}", True
    else:
        text, holds = counts_text(*here), is_finite and at_chance
        reason = f"{'finite' if is_finite else 'NOT finite'}, {'at chance' if at_chance else 'NOT at chance'}"
    verdict = CORRECTED if holds and (cell.train, cell.test) == zeros else NOT_REPRODUCED
    artefact = f"published: digit 0's share {zeros[0]}/{replay.n_rows[0]}, {zeros[1]}/{replay.n_rows[1]}"
    return Row(name, counts_text(cell.train, cell.test), text, verdict, f"{reason}; {artefact}")
