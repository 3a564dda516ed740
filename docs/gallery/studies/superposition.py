"""
Superposition
=============

Each pixel is the best of four networks that store three features in two dimensions (`Elhage et al. 2022
<https://transformer-circuits.pub/2022/toy_model/index.html>`_). Features are 0 with some probability, and
the last one is more or less important than the others. White means that it is not stored, blue that it has
its own dimension, and red that it shares one. The :doc:`full version </pictures>` agrees with the best
explicit solution at 99.0% of the points where one solution is clearly the best.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jfnn

FEATURES = 3


def start(key):
    """Draw normal weights; biases are 0."""
    return jax.nn.initializers.glorot_normal()(key, (FEATURES - 1, FEATURES)), jnp.zeros(FEATURES)


def loss(params, batch, key, density, importance):
    """Return the mean squared error of 64 new rows, with the last feature weighted by its importance."""
    w, b = params
    present, value = jax.random.uniform(key, (2, 64, FEATURES))
    x = jnp.where(present < density, value, 0.0)
    error = (x - jax.nn.relu(x @ w.T @ w + b)) ** 2
    return jnp.mean(error[:, :-1].sum(axis=1) + importance * error[:, -1])


# %%
# There is no data set: each step samples new rows, the same for all networks with the same seed.

density = np.geomspace(1, 0.03, 20)
importance = np.geomspace(0.1, 10, 20)
result = jfnn.sweep(
    jfnn.learner(start, loss, hyper=("density", "importance"), random=True, optimizer="adam"),
    jfnn.Split(np.zeros((1, 1), np.float32)),
    learning_rate=0.03,
    hyper={"density": density, "importance": importance},
    seeds=4,
    epochs=400,
    batch_size=None,
    execution=jfnn.Execution(objective=True),
)
w = np.asarray(result.params[0])[0, 0]  # [density, importance, seed, dimension, feature]
best = result.objective[0, 0, ..., -100:].mean(axis=-1).argmin(axis=-1)
w = np.take_along_axis(w, best[..., None, None, None], axis=2)[:, :, 0]

# %%
# Compute the length of the last feature's direction, and how much of the others lies along it.

length = np.linalg.norm(w[..., -1], axis=-1)
unit = w[..., -1] / np.maximum(length, 1e-9)[..., None]
shared = (np.einsum("...k,...kj->...j", unit, w[..., :-1]) ** 2).sum(axis=-1)
length, shared = (np.clip(part, 0, 1)[..., None] for part in (length, shared))
colors = (1 - length) + length * ((1 - shared) * [0.1, 0.3, 0.7] + shared * [0.85, 0.2, 0.2])

figure = Figure(figsize=(5, 4.4), layout="constrained")
axes = figure.subplots()
axes.pcolormesh(importance, density, colors)
axes.set(
    xscale="log", yscale="log", xlabel="importance of the last feature", ylabel="density of the features"
)
axes.invert_yaxis()
figure
