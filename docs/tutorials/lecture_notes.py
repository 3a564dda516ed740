"""
The lecture notes, equation by equation
=======================================

For students with the notes open: each formula in NumPy, the same in jfnn, and a
check that both agree. It begins with one neuron and ends with the 7×7 grid of the
notes. :doc:`/lecture_notes` lists every equation with its function and its test.
"""

# %%
# Activation and derivative
# -------------------------
# A neuron computes a weighted sum z and an activation f(z). The notes use the
# sigmoid:
#
# .. math:: f(z) = \frac{1}{1 + e^{-z}}, \qquad f'(z) = f(z) \, (1 - f(z))
#
# Check a derivative by hand with central differences. Their error decreases with
# the square of the step h:
#
# .. math:: f'(z) \approx \frac{f(z + h) - f(z - h)}{2 h}

import jax
import numpy as np

import jfnn


def f(z):
    return 1 / (1 + np.exp(-z))


def df(z):
    return f(z) * (1 - f(z))


z = np.linspace(-5, 5, 11)
h = 1e-5
print(
    f"by hand and by differences: {np.abs(df(z) - (f(z + h) - f(z - h)) / (2 * h)).max():.1e}"
)
print(
    f"by hand and by jfnn:        {np.abs(df(z) - jfnn.activations.d_sigmoid(z)).max():.1e}"
)

# %%
# NumPy computes in float64 (16 digits) and jfnn by default in float32 (7 digits).
#
# The forward pass
# ----------------
# Layer l takes the activations of the previous layer, for all samples at once.
# Samples are rows, and a_0 is the input:
#
# .. math:: z_l = a_{l-1} w_l + b_l, \qquad a_l = f(z_l)
#
# The last layer has a softmax, which turns ten numbers into probabilities:
#
# .. math:: P_c = \frac{e^{z_c}}{\sum_{c'} e^{z_{c'}}}

split = jfnn.datasets.digits()
x = split.x_train[:100]
y = split.y_train[:100]
network = jfnn.mlp((64, 50, 10), activation="sigmoid", init="normal")
params = network.init(jax.random.key(0))
(w1, b1), (w2, b2) = [[np.float64(array) for array in layer] for layer in params]


def forward(w1, b1, w2, b2):
    z1 = x @ w1 + b1
    a1 = f(z1)
    z2 = a1 @ w2 + b2
    e = np.exp(
        z2 - z2.max(axis=1, keepdims=True)
    )  # shifted so that exp does not overflow
    return z1, a1, e / e.sum(axis=1, keepdims=True)


z1, a1, p = forward(w1, b1, w2, b2)
print(
    f"largest difference of a probability: {np.abs(p - jfnn.predict_proba(network, params, x)).max():.1e}"
)

# %%
# The cost
# --------
# The cost is the cross-entropy, summed over samples, plus a penalty on the weights
# (not on the biases). y is 1 for the correct class and 0 for the others:
#
# .. math:: C = -\sum_i \sum_c y_{ic} \log P_{ic} + \frac{\lambda}{2} \sum w^2

labels = jfnn.datasets.one_hot(y, 10)
l2 = 0.1


def cost(w1, b1, w2, b2):
    p = forward(w1, b1, w2, b2)[-1]
    return -np.sum(labels * np.log(p)) + l2 / 2 * (np.sum(w1**2) + np.sum(w2**2))


options = {"l2": l2, "reduction": "sum"}
print("by hand:", cost(w1, b1, w2, b2).round(3))
print("by jfnn:", float(jfnn.objective(network, params, x, y, **options)))

# %%
# The deltas
# ----------
# Backpropagation starts at the output and works backwards:
#
# .. math:: \delta_2 = P - Y, \qquad \delta_1 = (\delta_2 w_2^T) \circ f'(z_1)
#
# .. math:: \frac{\partial C}{\partial w_l} = a_{l-1}^T \delta_l + \lambda w_l, \qquad
#           \frac{\partial C}{\partial b_l} = \sum_{samples} \delta_l

delta2 = p - labels
delta1 = delta2 @ w2.T * df(z1)
by_hand = [
    (x.T @ delta1 + l2 * w1, delta1.sum(axis=0)),
    (a1.T @ delta2 + l2 * w2, delta2.sum(axis=0)),
]

# %%
# Check the gradients in three ways: with `jax.grad`, which does not use these
# formulas; with `jfnn.backprop.value_and_grad`, which does; and with central
# differences for some weights.

by_jax = jax.grad(jfnn.objective, argnums=1)(network, params, x, y, **options)
by_jfnn = jfnn.backprop.value_and_grad(
    params, x, y, activation="sigmoid", **options
)[1]
for name, other in {"jax.grad": by_jax, "jfnn.backprop": by_jfnn}.items():
    pairs = zip(jax.tree.leaves(by_hand), jax.tree.leaves(other), strict=True)
    relative = max(np.abs(a - b).max() / np.abs(a).max() for a, b in pairs)
    print(f"by hand and by {name}: {relative:.1e}")
    assert relative < 1e-5

for i, j in [(10, 0), (20, 7), (43, 49)]:
    moved = np.zeros_like(w1)
    moved[i, j] = h
    difference = (cost(w1 + moved, b1, w2, b2) - cost(w1 - moved, b1, w2, b2)) / (
        2 * h
    )
    print(
        f"weight {i}, {j}: by hand {by_hand[0][0][i, j]:.6f}, by differences {difference:.6f}"
    )

# %%
# OR and XOR
# ----------
# A linear model with a constant column, fitted by least squares, learns OR. For XOR
# it predicts 1/2 everywhere:
#
# .. math:: \hat{y} = X (X^T X)^{-1} X^T y

for name, (gate, truth) in {
    "OR ": jfnn.datasets.or_gate(),
    "XOR": jfnn.datasets.xor_gate(),
}.items():
    design = np.column_stack([np.ones(4), gate])
    print(
        name,
        "truth",
        truth,
        " least squares",
        (design @ np.linalg.lstsq(design, truth)[0]).round(2),
    )

# %%
# The reason: in a linear model, the outputs at (0, 0) and (1, 1) have the same sum
# as the outputs at (0, 1) and (1, 0). XOR requires the sums 0 and 2. Gradient
# descent on a network with a hidden layer,
#
# .. math:: p \leftarrow p - \eta \, \frac{\partial C}{\partial p},
#
# finds a solution from some random initial weights and not from others. So train
# from 100 random starts, with three learning rates:

gate, truth = jfnn.datasets.xor_gate()
gates = jfnn.sweep(
    jfnn.mlp((2, 3, 1), activation="tanh", init="normal"),
    jfnn.Split(gate, np.float32(truth[:, None])),
    learning_rate=[0.01, 0.03, 0.1],
    seeds=100,
    loss="quadratic",
    reduction="sum",
    batch_size=None,
    epochs=1000,
)
solved = (gates.train_loss < 1e-3).mean(axis=(1, 2))
for rate, share in zip(gates.learning_rate, solved, strict=True):
    print(f"η = {rate}: {share:.0%} of the starts solve XOR")

# %%
# Minibatches
# -----------
# The notes draw 100 new rows for every step, with 14 steps per epoch. In jfnn the
# rows depend only on seed, epoch and step, so you can draw the same rows again:

rows = jfnn.minibatches.Minibatches(100, "subset").epoch(n=1437, seed=0, epoch=0)
print(rows.shape, "first rows of the first step:", rows[0, :5])

# %%
# The digits, one network and 49
# ------------------------------
# The notes' network with η = 0.01 and λ = 0.1:

result = jfnn.train(
    network,
    split.x_train,
    split.y_train,
    learning_rate=0.01,
    l2=0.1,
    reduction="sum",
    test=split[2:4],
)
print(
    f"train {result.train_accuracy:.4f}, test {result.test_accuracy:.4f}; the notes: 0.9937, 0.9806"
)

# %%
# The initial weights and minibatches differ from the notes'. ``python
# scripts/notes.py`` replays the notes' random stream and compares every number.
#
# Now train all 49 cells of the notes' grid. Cells with large η diverge:

grid = jfnn.sweep(
    network,
    split,
    learning_rate=np.logspace(-5, 1, 7),
    l2=np.logspace(-5, 1, 7),
    reduction="sum",
)
jfnn.plots.heat_map(grid)

# %%
# For η = 1 and η = 10 the notes print accuracies of 0.104 and 0.078. These are the
# shares of the digit 0: their softmax returned NaN, and argmax of ten NaNs is the
# first index. Here such a cell diverges ("div"), or its network guesses.
#
# Two errata as exercises
# -----------------------
# **Exercise 1.** The notes write tanh(z/2) = f(-z) - f(z) with the sigmoid f. Find
# the error by inserting a number, then correct it.
#
# *Answer.* The sign is wrong. At z = 2 the left side is positive and the right side
# negative. The correct identity is
#
# .. math:: \tanh \frac{z}{2} = f(z) - f(-z) = 2 f(z) - 1

print(
    f"tanh(1) = {np.tanh(1):.4f}, printed {f(-2) - f(2):.4f}, right {f(2) - f(-2):.4f}"
)

# %%
# **Exercise 2.** The notes print another cost for the softmax but still use δ = P -
# Y:
#
# .. math:: C = -\sum_c y_c \log P_c + (1 - y_c) \log (1 - P_c)
#
# Find the correct δ. (Each P depends on all z, so the chain rule has a sum.)
#
# *Answer.* With :math:`\partial P_c / \partial z_k = P_c (1_{ck} - P_k)`:
#
# .. math:: \delta_k = \frac{P_k - y_k}{1 - P_k} - P_k \sum_c \frac{P_c - y_c}{1 - P_c}

logits = np.array([[0.5, -1.0, 0.2]])
target = np.array([[0.0, 0.0, 1.0]])
p = np.exp(logits) / np.exp(logits).sum()
right = (p - target) / (1 - p) - p * np.sum((p - target) / (1 - p))
by_jax = jax.grad(
    lambda z: jfnn.losses.softmax_binary_cross_entropy(z, target).sum()
)(logits)
print("P - Y:    ", (p - target).round(4))
print("right:    ", right.round(4))
print("jax.grad: ", np.round(by_jax, 4))

# %%
# Next steps
# ----------
# * :doc:`/lecture_notes` lists the other errata and compares all published numbers.
# * :doc:`/concepts` explains the members, cells and replicates of a sweep.
# * :doc:`/kinds` covers convolutional, recurrent and Boltzmann networks.
