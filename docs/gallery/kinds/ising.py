"""
Phases of the Ising model
=========================

Twenty networks learn to distinguish spins that are all equal (temperature 0) from random spins (infinite
temperature). Then they classify configurations at temperatures in between, which they have never seen. The
share classified as ordered drops near the critical temperature. :doc:`The full version </kinds>`, on
lattices of up to 80 × 80 spins, explains why: such networks compare the magnetization with a threshold.
"""

import numpy as np
from matplotlib.figure import Figure
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import jfnn

LENGTH = 20
CRITICAL_TEMPERATURE = 2 / np.log1p(np.sqrt(2))
rng = np.random.default_rng(0)

# All spins up, all down, or random; label 1 for equal spins.
x = rng.choice(np.float32([-1, 1]), (600, LENGTH**2))
x[0::4] = 1
x[2::4] = -1
y = np.arange(1, 601) % 2
result = jfnn.sweep(
    jfnn.mlp((LENGTH**2, 10, 1), "sigmoid"),
    jfnn.Split(x, y),
    learning_rate=0.03,
    l2=3.0,
    hyper={"init_scale": 0.1},  # small initial weights, so that the data decide the directions
    optimizer="adam",
    loss="sigmoid_cross_entropy",
    reduction="mean",
    seeds=20,
    epochs=40,
    gradient="backprop",
)

# %%
# Sample a hundred configurations at each temperature. A step joins equal neighbors with probability
# :math:`1 - e^{-2/T}` and flips each cluster with probability 1/2 (Swendsen and Wang, 1987).


def step(spins, temperature):
    """Return new spins ``[n, L, L]`` after one Swendsen-Wang step."""
    sites = np.arange(spins.size).reshape(spins.shape)
    ends = []
    for axis in (1, 2):
        joined = rng.random(spins.shape) < -np.expm1(-2 / temperature)
        joined &= spins == np.roll(spins, -1, axis)
        ends.append(np.stack([sites[joined], np.roll(sites, -1, axis)[joined]]))
    rows, columns = np.concatenate(ends, axis=1)
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(spins.size, spins.size))
    count, clusters = connected_components(graph, directed=False)
    return spins * rng.choice([-1, 1], count)[clusters].reshape(spins.shape)


temperatures = np.linspace(1.6, 3.2, 17)
spins = np.ones((len(temperatures), 100, LENGTH, LENGTH), np.float32)
for i, temperature in enumerate(temperatures):
    for _ in range(50):
        spins[i] = step(spins[i], temperature)

# %%
# Compute the share that each network classifies as ordered.

answers = result.predict(spins.reshape(-1, LENGTH**2))
shares = answers.reshape(len(result.seeds), len(temperatures), -1).mean(axis=2)
for t, share in zip(temperatures[::4], shares.mean(axis=0)[::4], strict=True):
    print(f"temperature {t:.1f}: {share:.0%} ordered")

# %%

figure = Figure(figsize=(5, 3.4), layout="constrained")
axes = figure.subplots()
axes.plot(temperatures, shares.T, color="tab:blue", linewidth=0.7, alpha=0.5)
axes.plot(temperatures, shares.mean(axis=0), ".-", color="tab:blue", label="mean of 20 networks")
axes.axvline(CRITICAL_TEMPERATURE, color="black", linewidth=0.8, label="critical temperature")
axes.set(xlabel="temperature", ylabel="share classified as ordered")
axes.legend(frameon=False)
figure
