"""
Learning rate and penalty
=========================

A grid of seven learning rates η and seven penalties λ, with five seeds per cell, ranked on held-out rows.
The network is that of the lecture notes: sigmoid units, unscaled normal initial weights, and an objective
summed over the rows of a minibatch. The red frame marks the best cell. The best of 49 noisy means is often
the best by chance: paired comparisons over seeds find the cells that contain the truly best one with 95%
confidence (`jfnn.cell_statistics`).
"""

import numpy as np

import jfnn

result = jfnn.sweep(
    jfnn.mlp((64, 20, 10), "sigmoid", init="normal"),
    jfnn.datasets.digits(),
    learning_rate=np.logspace(-5, 1, 7),
    l2=np.logspace(-5, 1, 7),
    seeds=5,
    reduction="sum",
    validation=0.2,
    epochs=20,
    gradient="backprop",
)
jfnn.plots.heat_map(result)

# %%
# Print the interval of the best mean, and the cells that may be the best.

statistics = jfnn.cell_statistics(result)
best = result.best().index
print(f"best: {statistics.mean[best]:.4f} [{statistics.low[best]:.4f}, {statistics.high[best]:.4f}]")
for cell in np.argwhere(statistics.tied):
    eta, penalty = result.axes_at(tuple(cell)).values()
    print(f"η = {eta:g}, λ = {penalty:g}: {statistics.mean[tuple(cell)]:.4f}")

# %%
# Plot the accuracy against the penalty at every learning rate, with 95% intervals.

jfnn.plots.axis_curves(result, "l2", by="learning_rate")

# %%
# `The default network on the same rows <../../../playground/digits.html>`_ has an interactive page: draw an
# input to query every network. :doc:`/playground` explains how to make such a page.
