"""
Phases of the Ising model
=========================

Networks learn to tell spins that are all equal (temperature 0) from random ones (infinite temperature), and then judge
configurations at temperatures in between, which they have never seen.
The share that they call ordered falls around the critical temperature, and faster on the larger lattice.
:doc:`The full version </kinds>` finds why: these networks compare the magnetisation with a threshold.
"""

import numpy as np
from matplotlib.figure import Figure

import jfnn
from jfnn.datasets import ising, onsager

temperatures = np.linspace(1.6, 3.4, 13)
ordered = {}
for length in (8, 24):
    result = jfnn.sweep(
        jfnn.mlp((length**2, 10, 1), init="glorot_normal"),
        ising.extreme_temperatures(length, 600),
        learning_rate=0.03,
        l2=3.0,
        hyper={"init_scale": 0.1},  # small starting weights: nothing but the rows decides the directions
        optimizer=jfnn.Optimizer("adam", schedule="cosine"),
        loss="sigmoid_cross_entropy",
        reduction="mean",
        seeds=10,
        epochs=40,
        gradient="backprop",
    )
    spins = [ising.configurations(length, t, 100, burn_in=30) for t in temperatures]
    answers = result.predict(ising.inputs(np.concatenate(spins)))
    ordered[length] = answers.reshape(len(result.seeds), len(temperatures), -1).mean(axis=2)

# %%
# Means over ten networks, with 95% intervals.

figure = Figure(figsize=(5, 3.4), layout="constrained")
axes = figure.subplots()
for length, shares in ordered.items():
    axes.plot(temperatures, shares.mean(axis=0), ".-", label=f"{length} × {length} spins")
    axes.fill_between(temperatures, *jfnn.analysis.interval(shares.T), alpha=0.25)
axes.axvline(float(onsager.CRITICAL_TEMPERATURE), color="black", linewidth=0.8, label="critical temperature")
axes.set(xlabel="temperature", ylabel="share called ordered")
axes.legend(frameon=False)
figure
