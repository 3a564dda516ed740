"""
Phases of the Ising model
=========================

Twenty networks learn to tell spins that are all equal (temperature 0) from random ones (infinite
temperature), and then judge configurations at temperatures in between, which they have never seen. The
share that they call ordered falls near the critical temperature. :doc:`The full version </kinds>`, on
lattices of up to 80 × 80 spins, finds why: such networks compare the magnetisation with a threshold.
"""

import numpy as np
from matplotlib.figure import Figure

import jfnn
from jfnn.datasets import ising, onsager

LENGTH = 20
result = jfnn.sweep(
    jfnn.mlp((LENGTH**2, 10, 1), init="glorot_normal"),
    ising.extreme_temperatures(LENGTH, 600),
    learning_rate=0.03,
    l2=3.0,
    hyper={"init_scale": 0.1},  # small starting weights, so that the rows decide the directions
    optimizer="adam",
    loss="sigmoid_cross_entropy",
    reduction="mean",
    seeds=20,
    epochs=40,
    gradient="backprop",
)

# %%
# A hundred configurations at each temperature, and the share that each network calls ordered.

temperatures = np.linspace(1.6, 3.2, 17)
spins = [ising.configurations(LENGTH, t, 100, burn_in=30) for t in temperatures]
answers = result.predict(ising.inputs(np.concatenate(spins)))
shares = answers.reshape(len(result.seeds), len(temperatures), -1).mean(axis=2)
for t, share in zip(temperatures[::4], shares.mean(axis=0)[::4], strict=True):
    print(f"temperature {t:.1f}: {share:.0%} ordered")

# %%

figure = Figure(figsize=(5, 3.4), layout="constrained")
axes = figure.subplots()
axes.plot(temperatures, shares.T, color="tab:blue", linewidth=0.7, alpha=0.5)
axes.plot(temperatures, shares.mean(axis=0), ".-", color="tab:blue", label="mean of 20 networks")
axes.axvline(float(onsager.CRITICAL_TEMPERATURE), color="black", linewidth=0.8, label="critical temperature")
axes.set(xlabel="temperature", ylabel="share called ordered")
axes.legend(frameon=False)
