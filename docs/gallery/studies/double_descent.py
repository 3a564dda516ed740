"""
Double descent
==============

As networks grow, the error on test rows rises until the network has as many parameters as there are
training rows, and then falls again (`Belkin et al. 2019 <https://arxiv.org/abs/1812.11118>`_). Here
networks with 1 to 40 hidden units fit 100 noisy rows of a smooth function of eight variables. The
:doc:`full version </pictures>` reproduces the published curve on MNIST-1D, with 15% random labels.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jfnn

ROWS = 100
INPUTS = 8
MOST = 40
rng = np.random.default_rng(0)
slopes = rng.normal(size=INPUTS) / np.sqrt(INPUTS)
x = rng.normal(size=(ROWS + 1000, INPUTS)).astype(np.float32)
y = np.tanh(x @ slopes)[:, None].astype(np.float32)
y[:ROWS] += 0.5 * rng.normal(size=(ROWS, 1))

# %%
# The width is a hyperparameter of the loss: all networks have 40 units, and units beyond the width are set
# to 0. So one compiled program trains all widths; an axis of networks would compile each.


def start(key):
    """Draw normal weights; biases are 0."""
    first, second = jax.random.split(key)
    hidden = jax.random.normal(first, (INPUTS, MOST)) / np.sqrt(INPUTS), jnp.zeros(MOST)
    return hidden, (jax.random.normal(second, (MOST, 1)), jnp.zeros(1))


def loss(params, batch, key, units):
    """Return the mean squared error of a network with this number of units."""
    x, y = batch
    (w, b), (v, c) = params
    hidden = jax.nn.relu(x @ w + b) * (jnp.arange(MOST) < units)
    return jnp.mean((hidden @ v / jnp.sqrt(units) + c - y) ** 2)


units = np.array([1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 28, 34, 40])
result = jfnn.sweep(
    jfnn.learner(start, loss, hyper=("units",), optimizer="adam"),
    jfnn.Split(x[:ROWS], y[:ROWS], x[ROWS:], y[ROWS:]),
    learning_rate=0.02,
    hyper={"units": units},
    seeds=5,
    epochs=2000,
    batch_size=None,
    execution=jfnn.Execution(keep_params="none"),
)
parameters = units * (INPUTS + 2) + 1
print(f"the test error is largest at {parameters[result.test_loss.mean(axis=-1).argmax()]} parameters")

# %%

figure = Figure(figsize=(5, 3.4), layout="constrained")
axes = figure.subplots()
for name in ("test_loss", "train_loss"):
    statistics = jfnn.cell_statistics(result, name)
    axes.plot(parameters, statistics.mean[0, 0], ".-", label=name.replace("_loss", " rows"))
    axes.fill_between(parameters, statistics.low[0, 0], statistics.high[0, 0], alpha=0.25)
axes.axvline(ROWS, color="black", linestyle="--", linewidth=0.8, label="number of training rows")
axes.set(xlabel="parameters", ylabel="mean squared error", xscale="log", ylim=(0, None))
axes.legend(frameon=False)
figure
