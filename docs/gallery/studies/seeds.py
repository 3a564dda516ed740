"""
Seeds
=====

The same network is trained 300 times with different seeds, which determine the initial weights and the
order of the rows. The bars show how many networks get how many of the 360 test rows right. The line is the
distribution expected for independent errors (`Jordan 2023 <https://arxiv.org/abs/2304.01910>`_). :doc:`Ten
thousand seeds </pictures>` spread 1.21 times as widely as independent errors at the learning rate 0.001.
"""

import numpy as np
from matplotlib.figure import Figure

import jfnn

digits = jfnn.datasets.digits()
result = jfnn.sweep(
    jfnn.mlp((64, 20, 10), "tanh", init="glorot_normal"),
    digits,
    learning_rate=0.1,
    l2=0.1,
    seeds=300,
    epochs=20,
    gradient="backprop",
)
right = result.predict(digits.x_test)[0, 0] == digits.y_test  # [seeds, rows]

# %%
# If rows are right independently, each with its own probability, the distribution of the number of correct
# predictions is a convolution over the rows.

independent = np.ones(1)
for chance in right.mean(axis=0):
    independent = np.convolve(independent, (1 - chance, chance))

counts = right.sum(axis=1)
expected = np.sqrt((right.mean(axis=0) * (1 - right.mean(axis=0))).sum())
print(f"correct predictions of {right.shape[1]}: {counts.min()} to {counts.max()}, mean {counts.mean():.1f}")
print(f"standard deviation {counts.std():.2f}, for independent errors {expected:.2f}")

# %%

numbers = np.arange(counts.min() - 3, right.shape[1] + 1)
figure = Figure(figsize=(5, 3.2), layout="constrained")
axes = figure.subplots()
axes.bar(numbers, [(counts == number).mean() for number in numbers], 1.0, color="0.75", label="networks")
axes.plot(numbers, independent[numbers], label="independent errors")
axes.set(xlabel="correct predictions of 360 test rows", ylabel="share of networks")
axes.legend(frameon=False)
figure
