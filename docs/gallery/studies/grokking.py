"""
Grokking
========

A network with large initial weights fits the training rows quickly and generalizes much later. Here the
usual initial weights are multiplied by α. Solid lines show the training rows, dashed lines the test rows
(`Liu et al. 2023 <https://arxiv.org/abs/2210.01117>`_, "Omnigrok"). In the :doc:`full version </pictures>`
generalization comes up to 20 times later than memorization.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jfnn

ALPHAS = (1.0, 4.0)
digits = jfnn.datasets.digits()
split = jfnn.Split(digits.x_train[:100] / 16, digits.y_train[:100], digits.x_test / 16, digits.y_test)
network = jfnn.mlp((64, 100, 100, 10), "relu", init="pytorch")
start = network.init(jax.random.key(0))

# %%
# The leading axis of the initial weights indexes the seeds.

result = jfnn.sweep(
    network,
    split,
    learning_rate=0.003,
    optimizer=jfnn.Optimizer("adamw", weight_decay=0.1),
    loss="quadratic",
    reduction="mean",
    gradient="backprop",
    epochs=3000,
    batch_size=None,
    initial_params=jax.tree.map(lambda leaf: jnp.stack([alpha * leaf for alpha in ALPHAS]), start),
    seeds=len(ALPHAS),
    execution=jfnn.Execution(eval_every=np.unique(np.geomspace(1, 3000, 60).astype(int)).tolist()),
)

steps = result.evaluations
train = result.history["train_accuracy"]
test = result.history["test_accuracy"]
figure = Figure(figsize=(5, 3.4), layout="constrained")
axes = figure.subplots()
for alpha, fits, generalizes in zip(ALPHAS, train[0, 0], test[0, 0], strict=True):
    (line,) = axes.semilogx(steps, fits, label=f"α = {alpha:g}")
    axes.semilogx(steps, generalizes, "--", color=line.get_color())
    fitted = steps[(fits >= 0.99).argmax()]
    general = steps[(generalizes >= 0.85).argmax()]
    print(f"α = {alpha:g}: 99% training accuracy after {fitted} steps, 85% test accuracy after {general}")
axes.set(xlabel="steps", ylabel="accuracy")
axes.legend(frameon=False)
figure
