"""
A network of your own
=====================

Implement backpropagation in NumPy, from the derivation to a class, and check it in three
ways. Then plant a mistake: training hides it, but a check identifies it.
"""

# %%
# The derivation
# --------------
# Samples are rows. Starting from :math:`a_0 = x`, each layer computes
#
# .. math:: z_l = a_{l-1} w_l + b_l, \qquad a_l = f_l(z_l)
#
# and the cost is :math:`C = \frac{1}{2n} \sum_i (a_L - t)^2 + \frac{\lambda}{2n} \sum
# w^2`. Let :math:`\delta_l = \partial C / \partial z_l`. The chain rule works backwards
# from the output (`Nielsen 2015, chapter 2
# <http://neuralnetworksanddeeplearning.com/chap2.html>`_):
#
# .. math:: \delta_L = \frac{1}{n} (a_L - t) \circ f_L'(z_L), \qquad
#           \delta_l = (\delta_{l+1} w_{l+1}^T) \circ f_l'(z_l)
#
# .. math:: \frac{\partial C}{\partial w_l} = a_{l-1}^T \delta_l + \frac{\lambda}{n} w_l,
#           \qquad \frac{\partial C}{\partial b_l} = \sum_i \delta_l
#
# A class
# -------
# The class needs only NumPy. Hidden units are sigmoids, and the output is linear. Initial
# weights and biases are random and large: the sigmoids bend at different x in [-1, 1].

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jfnn


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def d_sigmoid(z):
    return sigmoid(z) * (1 - sigmoid(z))


class Network:
    """Dense layers of the given sizes, trained by plain gradient descent."""

    def __init__(self, sizes, seed=0, l2=0.0):
        draw = np.random.default_rng(seed)
        shapes = list(itertools.pairwise(sizes))
        self.weights = [
            3 * draw.normal(size=shape) / shape[0] ** 0.5 for shape in shapes
        ]
        self.biases = [3 * draw.normal(size=size) for size in sizes[1:]]
        self.biases[-1][:] = 0
        self.l2 = l2

    def forward(self, x):
        """Return the outputs, and store z and a of every layer for the backward pass."""
        self.z, self.a = [], [x]
        for w, b in zip(self.weights, self.biases, strict=True):
            self.z.append(self.a[-1] @ w + b)
            last = len(self.z) == len(self.weights)
            self.a.append(self.z[-1] if last else sigmoid(self.z[-1]))
        return self.a[-1]

    def cost(self, x, t):
        penalty = sum(np.sum(w**2) for w in self.weights)
        return (np.sum((self.forward(x) - t) ** 2) + self.l2 * penalty) / (
            2 * len(x)
        )

    def derivative(self, layer):
        """Return f' at the z of a hidden layer."""
        return d_sigmoid(self.z[layer])

    def gradients(self, x, t):
        """Return a pair (∂C/∂w, ∂C/∂b) for each layer."""
        delta = (self.forward(x) - t) / len(x)
        pairs = []
        self.deltas = [delta]
        for layer in reversed(range(len(self.weights))):
            w = self.weights[layer]
            dw = self.a[layer].T @ delta + self.l2 / len(x) * w
            pairs.insert(0, (dw, delta.sum(axis=0)))
            if layer > 0:
                delta = (delta @ w.T) * self.derivative(layer - 1)
                self.deltas.insert(0, delta)
        return pairs

    def step(self, x, t, rate):
        for layer, (dw, db) in enumerate(self.gradients(x, t)):
            self.weights[layer] -= rate * dw
            self.biases[layer] -= rate * db


# %%
# Three checks
# ------------
# **Central differences.** Move one weight by h in both directions. The error is of order
# h², until rounding errors dominate.

rng = np.random.default_rng(1)
x = rng.uniform(-1, 1, (100, 1))
t = 1 / (1 + 25 * x**2) + 0.1 * rng.standard_normal(x.shape)  # Runge's function
network = Network([1, 8, 6, 1], l2=0.5)
pairs = network.gradients(x, t)
h = 1e-5
for layer, place in [(0, (0, 3)), (1, (5, 2)), (2, (4, 0))]:
    ends = []
    for moved in (h, -h):
        network.weights[layer][place] += moved
        ends.append(network.cost(x, t))
        network.weights[layer][place] -= moved
    difference = (ends[0] - ends[1]) / (2 * h)
    print(f"w{layer + 1}{place}: {pairs[layer][0][place]:.10f}, {difference:.10f}")

# %%
# **JAX.** It differentiates the cost directly, without deltas:


def cost_of(params):
    a = x
    for layer, (w, b) in enumerate(params):
        z = a @ w + b
        a = z if layer == len(params) - 1 else jax.nn.sigmoid(z)
    penalty = sum(jnp.sum(w**2) for w, _ in params)
    return (jnp.sum((a - t) ** 2) + 0.5 * penalty) / (2 * len(x))


params = list(zip(network.weights, network.biases, strict=True))
by_jax = jax.grad(cost_of)(params)
relative = max(
    np.abs(ours - theirs).max() / np.abs(theirs).max()
    for ours, theirs in zip(
        jax.tree.leaves(pairs), jax.tree.leaves(by_jax), strict=True
    )
)
print(f"largest relative difference: {relative:.1e}")

# %%
# **jfnn.** `jfnn.check_backprop` compares each array with the derivation above, computed
# in double precision, within rounding error. Its objective is the cost of these rows,
# including λ. The factor 1/n of the mean may be in δ, as here, or in the gradients. Check
# the function that your training loop calls, with the parameters it has there. A correct
# function that the loop does not use proves nothing.


def check(network):
    pairs = network.gradients(x, t)
    return jfnn.check_backprop(
        list(zip(network.weights, network.biases, strict=True)),
        x,
        t,
        pairs,
        activations=network.a[1:],
        deltas=network.deltas,
        activation="sigmoid",
        loss="quadratic",
        l2=network.l2,
    )


right = check(network)
print(right)

# %%
# A planted mistake
# -----------------
# A sigmoid has f' = a (1 - a), so f' is often written as a function of a. A common
# mistake is to pass a to a function that expects z. The arrays then have the right shapes
# and plausible sizes. The check reports the first wrong array in the order of
# computation. It names the mistake if that mistake alone explains all numbers:


class Mistaken(Network):
    def derivative(self, layer):
        return d_sigmoid(self.a[layer + 1])


mistaken = Mistaken([1, 8, 6, 1], l2=0.5)
found = check(mistaken)
print(found)

# %%
# Another common mistake is in the training loop: it updates :math:`w_2` before it
# computes :math:`\delta_1`, which then contains the new weights. Gradients computed
# outside the loop are correct, so check the arrays that the loop passes to the update.
#
# Training does not reveal the planted mistake. Train both classes from the same initial
# weights and rows:

targets = 1 / (1 + 25 * x**2)
curves = {"right": [], "mistaken": []}
trained = {"right": Network([1, 50, 1]), "mistaken": Mistaken([1, 50, 1])}
minibatches = jfnn.Minibatches(20)
EPOCHS = 1000
for name, one in trained.items():
    for epoch in range(EPOCHS):
        for rows in minibatches.epoch(len(x), 0, epoch):
            one.step(x[rows], t[rows], rate=0.1)
        curves[name].append(np.mean((one.forward(x) - targets) ** 2))
    print(
        f"{name}: mean squared distance from Runge's function {curves[name][-1]:.4f}"
    )

figure = Figure(figsize=(5, 3), layout="constrained")
axes = figure.subplots()
for name, values in curves.items():
    axes.semilogy(values, label=name)
axes.set(xlabel="epoch", ylabel="distance from the truth, squared")
axes.legend(frameon=False)
figure

# %%
# Against a library
# -----------------
# From the same initial weights and with the same minibatches, jfnn must reach the same
# weights. It computes in single precision, so the last digits differ.

start = Network([1, 50, 1])
result = jfnn.train(
    jfnn.mlp((1, 50, 1), "sigmoid"),
    x,
    t,
    learning_rate=0.1,
    loss="quadratic",
    epochs=EPOCHS,
    batch_size=minibatches,
    initial_params=tuple(
        jfnn.Layer(np.float32(w), np.float32(b))
        for w, b in zip(start.weights, start.biases, strict=True)
    ),
)
differences = [
    np.abs(np.asarray(theirs) - ours).max()
    for layer, w, b in zip(
        result.params,
        trained["right"].weights,
        trained["right"].biases,
        strict=True,
    )
    for theirs, ours in ((layer.w, w), (layer.b, b))
]
largest = max(np.abs(w).max() for w in trained["right"].weights)
print(f"largest difference {max(differences):.1e} of weights up to {largest:.1f}")

# %%
# Exercises
# ---------
# The computed answers are in ``tests/course/test_own_network.py``.
#
# **Exercise 1.** The output is a softmax P and the cost is quadratic,
# :math:`\frac{1}{2} \sum (P - y)^2`. What is :math:`\delta_L`? Why is P - y wrong?
#
# **Exercise 2.** Suppose you sum δ over axis 1 for the biases by mistake. For which
# numbers of rows does NumPy not raise an error? Try `jfnn.check_backprop` there.
#
# **Exercise 3.** Your cost is a mean over n rows plus :math:`\frac{\lambda}{2} \sum w^2`,
# without 1/n. Which ``l2`` do you pass to `jfnn.check_backprop`?
