"""
Memorization
============

Each of 200 networks is trained on a different 70% of the digits. A digit is memorized if only networks
trained on it classify it correctly (`Feldman and Zhang 2020 <https://arxiv.org/abs/2008.03703>`_). The
figure shows the most memorized digits with their labels.
"""

import numpy as np
from matplotlib.figure import Figure

import jfnn

digits = jfnn.datasets.digits()
digits = digits._replace(x_train=digits.x_train / 16, x_test=digits.x_test / 16)
subsets = jfnn.subsets.shares(len(digits.y_train), 0.7, 200, start_per_subset=True)
result = jfnn.sweep(
    jfnn.mlp((64, 20, 10), "tanh", init="glorot_normal"),
    digits,
    learning_rate=0.01,
    optimizer="adam",
    reduction="mean",
    gradient="backprop",
    epochs=12,
    folds=subsets,
)

# %%
# Memorization is the accuracy on a row of the networks trained on it, minus the accuracy of the others.

right = result.row_scores("accuracy", "all", digits)[0, 0, 0]  # [subsets, rows]
memorized = jfnn.analysis.memorization(right, subsets.included)
print(f"{np.mean(memorized >= 0.25):.1%} of the digits have a memorization of 0.25 or more")
most = np.argsort(-memorized)[:12]
figure = Figure(figsize=(5, 2.4), layout="constrained")
for axes, row in zip(figure.subplots(2, 6).flat, most, strict=True):
    axes.imshow(digits.x_train[row].reshape(8, 8), cmap="gray_r")
    axes.set_title(f"{digits.y_train[row]} ({memorized[row]:.2f})", fontsize=9)
    axes.set_axis_off()
figure
