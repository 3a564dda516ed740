"""The notes' way: networks trained one after another by NumPy code (section 4), in float64, to any depth."""

from collections.abc import Callable

import numpy as np

from benchmarks.workloads import Member, Workload


def sigmoid(z):
    """The notes' "fermi" function, as they write it."""
    return 1 / (1 + np.exp(-z))


# Name -> the function, and its derivative in terms of its value.
ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    "sigmoid": (sigmoid, lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
}


def softmax(z):
    """The notes' softmax over the last axis, as they write it: unshifted."""
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


def forward(params, x, f):
    """Inputs, then the values of each layer; the last are probabilities."""
    layers = [x]
    for w, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        layers.append(f(layers[-1] @ w + b))
    z = layers[-1] @ params[-2] + params[-1]
    return [*layers, sigmoid(z) if z.shape[1] == 1 else softmax(z)]


def train_member(workload: Workload, member: Member, x, targets) -> list[np.ndarray]:
    """The notes' loop for one network: trained parameters ``[w_1, b_1, …]``."""
    rng = np.random.RandomState(member.seed)
    params = workload.start(rng)
    f, df = ACTIVATIONS[workload.activation]
    for _ in range(workload.epochs):
        for _ in range(len(x) // workload.batch):
            full = workload.batch == len(x)
            rows = slice(None) if full else rng.choice(len(x), size=workload.batch, replace=False)
            layers = forward(params, x[rows], f)
            delta = layers[-1] - targets[rows]
            for i in reversed(range(len(workload.sizes) - 1)):
                w, a = params[2 * i], layers[i]
                gradient_w, gradient_b = a.T @ delta + member.l2 * w, delta.sum(axis=0)
                if i > 0:
                    delta = (delta @ w.T) * df(a)
                params[2 * i] = w - member.learning_rate * gradient_w
                params[2 * i + 1] = params[2 * i + 1] - member.learning_rate * gradient_b
    return params


def accuracy(workload: Workload, params, x, y) -> float:
    """The share of right answers."""
    probabilities = forward(params, x, ACTIVATIONS[workload.activation][0])[-1]
    if probabilities.shape[1] == 1:
        return float(((probabilities[:, 0] > 0.5) == y).mean())
    return float((probabilities.argmax(axis=1) == y).mean())


def prepare(workload: Workload):
    """``run() -> test accuracies [η, λ, seed]``: every network trained and scored, and kept."""
    rows = workload.rows()
    y = rows.y_train
    targets = y[:, None] if workload.sizes[-1] == 1 else np.eye(workload.sizes[-1])[y]

    def run():
        kept, scores = [], []
        with np.errstate(all="ignore"):  # as in the notes, large learning rates overflow
            for member in workload.member_list():
                kept.append(train_member(workload, member, rows.x_train, targets))
                accuracy(workload, kept[-1], rows.x_train, y)
                scores.append(accuracy(workload, kept[-1], rows.x_test, rows.y_test))
        return np.reshape(scores, workload.shape)

    return run
