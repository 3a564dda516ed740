"""
Bars and stripes
================

A Boltzmann machine learns a distribution: here 30 images of 4 × 4 pixels that consist of whole rows or
whole columns. The figure shows 24 samples from the best of four machines; a dot marks samples that are
among the 30 images. :doc:`More on Boltzmann machines </kinds>`: likelihoods by enumeration and by
annealing, deep machines, XOR.
"""

import itertools

import jax
import numpy as np
from matplotlib.figure import Figure

import jfnn

lines = np.array(list(itertools.product([0, 1], repeat=4)), np.float32)
rows = np.repeat(lines, 4, axis=1)
patterns = np.unique(np.concatenate([rows, rows.reshape(-1, 4, 4).swapaxes(1, 2).reshape(-1, 16)]), axis=0)

result = jfnn.sweep(
    jfnn.boltzmann_machine((16, 12), gradient="persistent", k=5, chains=100, scale=0.1, loss="likelihood"),
    jfnn.Split(patterns),
    learning_rate=0.1,
    seeds=4,
    epochs=6000,
    batch_size=None,
)
best = int(np.nanargmin(result.train_loss))
print(f"mean log-likelihood {-result.train_loss.ravel()[best]:.2f}, at most {-np.log(len(patterns)):.2f}")

# %%
# Draw samples from independent Markov chains.

samples = np.asarray(jfnn.boltzmann.sample(result.member(0, 0, best), jax.random.key(0), 24, 1000)[0])
valid = (samples[:, None] == patterns).all(axis=2).any(axis=1)
print(f"{valid.sum()} of {len(valid)} samples are among the {len(patterns)} images")
figure = Figure(figsize=(5, 4), layout="constrained")
for axes, sample, is_valid in zip(figure.subplots(4, 6).flat, samples, valid, strict=True):
    axes.imshow(sample.reshape(4, 4), cmap="gray_r")
    axes.set_title("•" if is_valid else "")
    axes.set(xticks=[], yticks=[])
figure
