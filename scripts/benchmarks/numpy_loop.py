"""Train networks one after another with the notes' NumPy code (section 4), in float64, for any depth."""

from collections.abc import Callable

import numpy as np

from benchmarks.workload import Layers, Member, Outcome, Runner, Workload

Function = Callable[[np.ndarray], np.ndarray]


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Return the notes' "fermi" function, as they write it."""
    return np.asarray(1 / (1 + np.exp(-z)))


def softmax(z: np.ndarray) -> np.ndarray:
    """Return the notes' softmax over the last axis, as they write it: unshifted."""
    e = np.exp(z)
    return np.asarray(e / e.sum(axis=1, keepdims=True))


# Name -> the function, and its derivative in terms of its value.
ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "sigmoid": (sigmoid, lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
}


def forward(layers: Layers, x: np.ndarray, f: Function) -> list[np.ndarray]:
    """Return the inputs and the activations of each layer; the last are probabilities."""
    values = [x]
    for w, b in layers[:-1]:
        values.append(f(values[-1] @ w + b))
    w, b = layers[-1]
    z = values[-1] @ w + b
    return [*values, sigmoid(z) if z.shape[1] == 1 else softmax(z)]


def train(workload: Workload, member: Member, x: np.ndarray, targets: np.ndarray) -> Layers:
    """Train one network with the notes' loop and return its layers."""
    layers, batches = workload.replicate(member.seed)
    f, df = ACTIVATIONS[workload.activation]
    n_steps = workload.epochs * workload.steps()
    for rows in [slice(None)] * n_steps if batches is None else batches.reshape(n_steps, -1):
        values = forward(layers, x[rows], f)
        delta = values[-1] - targets[rows]
        for i, (w, b) in reversed(list(enumerate(layers))):
            gradient_w = values[i].T @ delta + member.l2 * w
            gradient_b = delta.sum(axis=0)
            if i > 0:
                delta = (delta @ w.T) * df(values[i])
            layers[i] = w - member.learning_rate * gradient_w, b - member.learning_rate * gradient_b
    return layers


def prepare(workload: Workload) -> Runner:
    """Train and score every network; all stay in memory."""
    x, y, x_test, y_test = workload.rows()
    one_output = workload.sizes[-1] == 1
    f = ACTIVATIONS[workload.activation][0]
    targets = y[:, None] if one_output else np.eye(workload.sizes[-1])[y]

    def accuracy(layers: Layers, x: np.ndarray, y: np.ndarray) -> float:
        probabilities = forward(layers, x, f)[-1]
        return float(
            np.mean((probabilities[:, 0] > 0.5 if one_output else probabilities.argmax(axis=1)) == y)
        )

    def run() -> Outcome:
        trained = []
        scores = []
        with np.errstate(all="ignore"):  # large learning rates overflow, as in the notes
            for member in workload.member_list():
                trained.append(train(workload, member, x, targets))
                accuracy(trained[-1], x, y)
                scores.append(accuracy(trained[-1], x_test, y_test))
        return Outcome(np.reshape(scores, workload.shape))

    return run
