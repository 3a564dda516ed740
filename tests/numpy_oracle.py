"""The notes' digits experiment in plain NumPy float64 as an oracle, without JAX or jfnn.

The network has a sigmoid hidden layer and a softmax output, trained by stochastic gradient descent on the
summed categorical cross-entropy with an L2 penalty. Exponentials are written as in the notes, so that they
overflow in the same places.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

CLASSES = 10


def digits_of_the_notes():
    """Make the notes' calls up to the split: ``(images shown, x_train, x_test, y_train, y_test)``."""
    x, y = load_digits(return_X_y=True)
    np.random.seed(0)
    shown = np.random.choice(range(len(x)), size=5)
    return shown, *train_test_split(x, y, train_size=0.8, test_size=1 - 0.8)


def start_of_the_notes(hidden=50, seed=0, features=64):
    """Return ``(w1, b1, w2, b2)``, leaving the global generator ready for the first minibatch."""
    np.random.seed(seed)
    w1 = np.random.randn(features, hidden)
    w2 = np.random.randn(hidden, CLASSES)
    return w1, np.full(hidden, 0.01), w2, np.full(CLASSES, 0.01)


def minibatches_of_the_notes(steps, batch_size=100, n=1437):
    """Return row numbers ``[steps, batch_size]``, drawn from the global generator."""
    return np.array([np.random.choice(np.arange(n), size=batch_size, replace=False) for _ in range(steps)])


def probabilities(params, x):
    """Return hidden activations ``[n, hidden]`` and class probabilities ``[n, 10]``."""
    w1, b1, w2, b2 = params
    a = 1 / (1 + np.exp(-(x @ w1 + b1)))
    e = np.exp(a @ w2 + b2)
    return a, e / e.sum(axis=1, keepdims=True)


def gradients(params, x, y, l2):
    """Return the derivatives of the objective, summed over samples, in the order of the parameters."""
    w1, _, w2, _ = params
    a, p = probabilities(params, x)
    delta2 = p - np.eye(CLASSES)[y]
    delta1 = (delta2 @ w2.T) * a * (1 - a)
    return x.T @ delta1 + l2 * w1, delta1.sum(axis=0), a.T @ delta2 + l2 * w2, delta2.sum(axis=0)


def descend(params, x, y, batches, learning_rate, l2):
    with np.errstate(all="ignore"):
        for rows in batches:
            found = gradients(params, x[rows], y[rows], l2)
            params = tuple(p - learning_rate * g for p, g in zip(params, found, strict=True))
    return params


def right_answers(params, x, y):
    """Count correctly classified rows; as in the notes, NaN probabilities mean digit 0."""
    with np.errstate(all="ignore"):
        return int((probabilities(params, x)[1].argmax(axis=1) == y).sum())
