"""
A network for each series
=========================

One table holds 1,000 series of 60 rows. Each series has its own small network, and one call trains all
networks. Every series follows ``y = tanh(s · x)`` with its own slopes s, so the gradient of a good network
at x = 0 is s. After 100 epochs, the networks still underestimate the largest slopes. :doc:`/measurements`
compares the time with a loop over scikit-learn.
"""

import jax
import numpy as np
from matplotlib.figure import Figure

import jfnn

rng = np.random.default_rng(0)
slopes = rng.normal(size=(1000, 4))
series = np.repeat(np.arange(1000), 60)
x = rng.normal(size=(60_000, 4)).astype(np.float32)
y = np.tanh((x * slopes[series]).sum(axis=1, keepdims=True)).astype(np.float32)

network = jfnn.mlp((4, 8, 1), "tanh", init="glorot_normal")
result = jfnn.sweep(
    network,
    jfnn.Split(x, y),
    learning_rate=0.02,
    epochs=100,
    batch_size=20,
    loss="quadratic",
    reduction="mean",
    optimizer="adam",
    gradient="backprop",
    folds=jfnn.subsets.by_group(series, held_out=0.2),
)
r2 = result.validation_r2.ravel()
print(f"R² on held-out rows: median {np.median(r2):.3f}, above 0.9 in {(r2 > 0.9).mean():.0%} of the series")

# %%
# Compare the gradients of all networks at 0 with the slopes.

members = jax.tree.map(lambda leaf: leaf[0, 0, 0], result.params)
gradient = jax.grad(lambda point, params: network.apply(params, point[None])[0, 0])
found = jax.vmap(gradient, (None, 0))(np.zeros(4, np.float32), members)
print(f"correlation of slopes: {np.corrcoef(slopes.ravel(), np.ravel(found))[0, 1]:.3f}")

figure = Figure(figsize=(5, 4), layout="constrained")
axes = figure.subplots()
axes.plot(slopes.ravel(), np.ravel(found), ".", markersize=2, alpha=0.5)
axes.set(xlabel="slope of the series", ylabel="slope of its network")
axes.axline((0, 0), slope=1, color="black", linewidth=0.8)
figure
