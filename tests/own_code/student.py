"""Back-propagation and its mistakes as students write them, in plain NumPy without jfnn."""

import numpy as np
from scipy.special import erf as erf_of


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z, axis=1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def density(z):
    return np.exp(-z * z / 2) / np.sqrt(2 * np.pi).astype(z.dtype)


def share_below(z):
    return (1 + erf_of(z / np.sqrt(2).astype(z.dtype))) / 2


# Name -> the function and its derivative, in terms of a = f(z) where that is usual.
ACTIVATIONS = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.where(z > 0, z, 0), lambda z: (z > 0) * z.dtype.type(1)),
    "leaky_relu": (
        lambda z: np.where(z > 0, z, z.dtype.type(0.01) * z),
        lambda z: np.where(z > 0, z.dtype.type(1), z.dtype.type(0.01)),
    ),
    "elu": (lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))), lambda z: np.exp(np.minimum(z, 0))),
    "softplus": (lambda z: np.log(1 + np.exp(z)), sigmoid),
    "gelu": (lambda z: z * share_below(z), lambda z: share_below(z) + z * density(z)),
    "erf": (erf_of, lambda z: 2 / np.sqrt(np.pi).astype(z.dtype) * np.exp(-(z**2))),
    "sin": (np.sin, np.cos),
    "identity": (lambda z: z, np.ones_like),
}
BY_OUTPUT = {"sigmoid": lambda a: a * (1 - a), "tanh": lambda a: 1 - a**2}
RATE = 0.1  # of the step that updates weights too early


def printed_delta(z, t):
    """Compute ∂C/∂z of -Σ t log P + (1 - t) log(1 - P) by the chain rule, with the softmax's Jacobian."""
    p = softmax(z)
    by_p = -(t / p) + (1 - t) / (1 - p)
    jacobian = p[:, :, None] * (np.eye(p.shape[1], dtype=p.dtype) - p[:, None, :])
    return np.einsum("nc,nck->nk", by_p, jacobian)


def gaussian_delta(a, t):
    m, s = np.split(a, 2, axis=1)
    off = (t - m) / np.exp(s)
    return np.hstack([-off, (1 - off * (t - m)) / 2])


# Name -> ∂C/∂a, with a the outputs or, for cross-entropies, the logits.
LOSSES = {
    "quadratic": lambda a, t: a - t,
    "cross_entropy": lambda z, t: softmax(z) - t,
    "sigmoid_cross_entropy": lambda z, t: sigmoid(z) - t,
    "softmax_binary_cross_entropy": printed_delta,
    "absolute": lambda a, t: np.sign(a - t),
    "huber": lambda a, t: np.clip(a - t, -1, 1),
    "gaussian": gaussian_delta,
    "poisson": lambda a, t: np.exp(a) - t,
}
OF_LABELS = ("cross_entropy", "sigmoid_cross_entropy", "softmax_binary_cross_entropy")


class Student:
    """A network with hand-written gradients.

    ``mistakes`` are pairs of a name and its layer, from 1 on, or None for all layers.
    """

    def __init__(self, weights, biases, activation, output, loss, l2, l1, penalized, reduction, mistakes=()):
        self.weights = weights
        self.biases = biases
        self.names = [activation] * (len(weights) - 1) + [output]
        self.loss = loss
        self.l2 = weights[0].dtype.type(l2)
        self.l1 = weights[0].dtype.type(l1)
        self.penalized = penalized
        self.reduction = reduction
        self.mistakes = dict(mistakes)

    def makes(self, mistake, layer=None):
        return mistake in self.mistakes and self.mistakes[mistake] in (layer, None)

    def forward(self, x):
        self.z = []
        self.a = [x]
        for layer, (w, b) in enumerate(zip(self.weights, self.biases, strict=True), 1):
            z = self.a[-1] @ w
            if not self.makes("bias_left_out", layer):
                z = z + b
            name = self.names[layer - 1]
            if self.makes("other_activation", layer):
                name = "sigmoid" if name == "tanh" else "tanh"
                self.names[layer - 1] = name
            self.z.append(z)
            self.a.append(ACTIVATIONS[name][0](z))

    def slope(self, layer):
        name = self.names[layer - 1]
        z = self.z[layer - 1]
        a = self.a[layer]
        other = "tanh" if name == "sigmoid" else "sigmoid"
        wrong = {
            "missing_derivative": lambda: np.ones_like(z),
            "derivative_of_a": lambda: ACTIVATIONS[name][1](a),
            "derivative_by_z": lambda: BY_OUTPUT[name](z),
            "wrong_formula": lambda: BY_OUTPUT[other](a),
            "function_for_derivative": lambda: a,
            "other_derivative": lambda: ACTIVATIONS[other][1](z),
            "derivative_of_other_layer": lambda: ACTIVATIONS[self.names[layer]][1](self.z[layer]),
        }
        made = [slope for mistake, slope in wrong.items() if self.makes(mistake, layer)]
        return made[0]() if made else ACTIVATIONS[name][1](z)

    def cost_slope(self, t):
        last = self.a[-1]
        p = sigmoid(last) if self.loss == "sigmoid_cross_entropy" else softmax(last)
        wrong = {
            "softmax_with_printed_cost": lambda: (
                printed_delta(last, t) if self.loss == "cross_entropy" else p - t
            ),
            "softmax_over_rows": lambda: softmax(last, axis=0) - t,
            "logits_for_probabilities": lambda: last - t,
            "probabilities_twice": lambda: LOSSES[self.loss](p, t),
            "other_loss": lambda: np.sign(last - t),
            "derivative_of_probabilities": lambda: (p - t) * p * (1 - p),
        }
        made = [slope for mistake, slope in wrong.items() if mistake in self.mistakes]
        return made[0]() if made else LOSSES[self.loss](last, t)

    def product(self, factors, layer=None):
        return np.prod([factor for mistake, factor in factors.items() if self.makes(mistake, layer)])

    def scale(self, n, k):
        factors = {"sum_for_mean": n, "mean_for_sum": 1 / n, "mean_twice": 1 / n, "mean_over_outputs": 1 / k}
        factors |= {"wrong_sign": -1, "doubled": 2, "halved": 0.5}
        return self.product(factors) * (1 / n if self.reduction == "mean" else 1.0)

    def penalty(self, n, layer, w):
        factors = {"penalty_missing": 0, "penalty_doubled": 2, "penalty_halved": 0.5}
        factors |= {"penalty_wrong_sign": -1, "penalty_undivided": n, "penalty_divided": 1 / n}
        share = self.product(factors, layer) * (1 / n if self.reduction == "mean" else 1.0)
        sign = w if self.makes("l1_without_sign", layer) else np.sign(w)
        return (self.l2 * w + self.l1 * sign) * self.l2.dtype.type(share)

    def backward(self, x, t):
        """Return pairs of gradients, one for each layer."""
        self.forward(x)
        n, k = self.a[-1].shape
        delta = self.cost_slope(t) * self.slope(len(self.weights))
        self.deltas = []
        gradients = []
        for layer in range(len(self.weights), 0, -1):
            w = self.weights[layer - 1]
            if layer < len(self.weights):
                above = self.weights[layer]
                if self.makes("weights_of_other_layer", layer):
                    above = w
                if self.makes("weights_updated_too_early", layer):
                    above = above - above.dtype.type(RATE) * gradients[0][0]
                pulled = delta @ above if self.makes("transposed_weights", layer) else delta @ above.T
                delta = pulled * self.slope(layer)
            self.deltas.insert(0, delta)
            below = self.a[layer - 1]
            if self.makes("product_with_z", layer):
                below = self.z[layer - 2]
            if self.makes("product_with_own_a", layer):
                below = self.a[layer]
            if self.makes("product_with_other_a", layer):
                below = self.a[layer - 2]
            scale = delta.dtype.type(self.scale(n, k))
            dw = below.T @ delta * scale + self.penalty(n, layer, w)
            if self.makes("transposed_gradient", layer):
                dw = dw.T
            gradients.insert(0, (dw, self.bias_gradient(delta, layer, scale, n)))
        return gradients

    def bias_gradient(self, delta, layer, scale, n):
        if self.makes("biases_over_wrong_axis", layer):
            return delta.sum(axis=1) * scale
        if self.makes("biases_not_summed", layer):
            return delta * scale
        if self.makes("biases_summed_over_all", layer):
            return delta.sum() * scale
        if self.makes("biases_of_one_row", layer):
            return delta[-1] * scale
        db = delta.sum(axis=0) * scale
        is_penalized = self.penalized == "all" and not self.makes("biases_unpenalized", layer)
        if is_penalized or self.makes("biases_penalized", layer):
            db = db + self.penalty(n, layer, self.biases[layer - 1])
        return db
