"""
The edge of stability
=====================

Gradient descent with learning rate η is stable if the largest eigenvalue of the Hessian, the sharpness, is
below 2/η. Networks do not stay away from this edge: the sharpness rises to 2/η and stays there, while the
loss continues to fall (`Cohen et al. 2021 <https://arxiv.org/abs/2103.00065>`_). In the :doc:`full version
</pictures>` 8 of 10 learning rates reach the edge; their medians over the last quarter are 1.01 to 1.02 ×
2/η.
"""

import numpy as np
from matplotlib.figure import Figure

import jfnn

digits = jfnn.datasets.digits()
x = digits.x_train[:100]
y = digits.y_train[:100]
x = (x - x.mean()) / x.std()
network = jfnn.mlp((64, 30, 30, 10), "tanh", init="pytorch")
cost = {"loss": "quadratic", "reduction": "mean"}
result = jfnn.sweep(
    network,
    jfnn.Split(x, y),
    learning_rate=[0.08, 0.1, 0.15],
    batch_size=None,
    epochs=1000,
    gradient="backprop",
    execution=jfnn.Execution(eval_every=40, keep_params="evaluations"),
    **cost,
)

# %%
# Compute the sharpness of every network at every evaluation with 15 Lanczos iterations.

found = jfnn.analysis.sharpness(network, result.params, x, y, **cost, iterations=15)
sharpness = found.eigenvalues[:, 0, 0, :, 0]  # [learning rate, evaluations]
relative = sharpness * result.learning_rate[:, None] / 2
for rate, values in zip(result.learning_rate, relative, strict=True):
    print(f"η = {rate:g}: final sharpness × η/2 is {np.median(values[-8:]):.2f} (median of 8)")

# %%

figure = Figure(figsize=(5, 4.6), layout="constrained")
upper, lower = figure.subplots(2, 1, sharex=True)
for rate, losses, values in zip(result.learning_rate, result.history["train_loss"], relative, strict=True):
    upper.semilogy(result.evaluations, losses[0, 0], label=f"η = {rate:g}")
    lower.plot(result.evaluations, values)
lower.axhline(1, color="black", linestyle="--", linewidth=0.8)
lower.set(xlabel="steps", ylabel="sharpness × η/2", ylim=(0, 1.5))
upper.set(ylabel="training loss")
upper.legend(frameon=False)
figure
