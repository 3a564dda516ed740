"""
Changing one weight
===================

Two copies of a network differ by 0.0001 in one weight, from the start of training or from a later epoch,
and see the same minibatches (`Kwok et al. 2025 <https://arxiv.org/abs/2506.13234>`_). At learning rate
0.001 they stay together. At 0.01 they end far apart, the farther the earlier they are separated, yet there
is hardly a barrier between them.
"""

import jax
import numpy as np
from matplotlib.figure import Figure

import jfnn

SEEDS = 20
EPOCHS = 50
TIMES = (0, 5, 20)
digits = jfnn.datasets.digits()
network = jfnn.mlp((64, 50, 10), "sigmoid", init="normal")
options = {"seeds": SEEDS, "reduction": "sum", "gradient": "backprop"}


def apart(rate, time):
    """Return relative distances and barriers of pairs that separate after ``time`` epochs."""
    cell = {"learning_rate": rate, "l2": 0.1}
    before = jfnn.sweep(network, digits, epochs=time, **cell, **options).params
    copies = jax.tree.map(lambda leaf: np.concatenate([leaf[0], leaf[0]]), before)
    copies[0].w[1, :, 36, 0] += 1e-4  # a weight of a central pixel in the second copy
    epochs = range(time, EPOCHS)
    after = jfnn.sweep(network, digits, cells=[cell, cell], epochs=epochs, initial_params=copies, **options)
    a, b = (jax.tree.map(lambda leaf, i=i: leaf[i], after.params) for i in (0, 1))
    flat = [np.concatenate([leaf.reshape(SEEDS, -1) for leaf in jax.tree.leaves(one)], 1) for one in (a, b)]
    distance = np.linalg.norm(flat[0] - flat[1], axis=1) / np.linalg.norm(flat[0], axis=1)
    barrier = jfnn.analysis.barrier(network, a, b, digits.x_train, digits.y_train, points=11)
    return distance, barrier.height


# %%

figure = Figure(figsize=(5, 3.4), layout="constrained")
axes = figure.subplots()
for rate in (0.001, 0.01):
    pairs = [apart(rate, time) for time in TIMES]
    for time, (distance, barrier) in zip(TIMES, pairs, strict=True):
        print(
            f"η = {rate}, changed after {time} epochs: distance {np.median(distance):.1e},"
            f" barrier {np.median(barrier):.1e}"
        )
    axes.plot(TIMES, [np.median(distance) for distance, _ in pairs], "o-", label=f"η = {rate}")
axes.axhline(1e-4 / 61, color="black", linestyle="--", linewidth=0.8)  # relative change: initial norm 61
axes.set(xlabel="epoch of the change", ylabel="final distance / norm", yscale="log")
axes.legend(frameon=False)
figure
