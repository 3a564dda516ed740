"""
The stochastic edge of stability
================================

With minibatches, a different quantity rises to 2/η: the batch sharpness, which is the mean curvature of a
minibatch's loss along its own gradient. The largest eigenvalue of the Hessian on all rows stays below, far
below for small batches (`Andreyev and Beneventano 2024 <https://arxiv.org/abs/2412.20553>`_).
"""

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import make_classification

import jfnn

SIZES = (4, 16, 64)
x, y = make_classification(
    300, 40, n_informative=10, n_redundant=30, n_classes=10, n_clusters_per_class=1, random_state=0
)
x = (x - x.mean()) / x.std()
network = jfnn.mlp((40, 50, 50, 10), "relu", init="pytorch")
cost = {"loss": "quadratic", "reduction": "mean"}
rng = np.random.default_rng(0)
curves = {}
for size in SIZES:
    epochs = 6000 * size // 300
    result = jfnn.sweep(
        network,
        jfnn.Split(x, y),
        learning_rate=0.2,
        batch_size=jfnn.Minibatches(size, "permutation"),
        epochs=epochs,
        gradient="backprop",
        execution=jfnn.Execution(eval_every=epochs // 10, keep_params="evaluations"),
        **cost,
    )
    batches = np.stack([rng.choice(300, size, replace=False) for _ in range(1000 // size)])
    along = jfnn.analysis.batch_sharpness(network, result.params, x, y, batches, **cost)
    largest = jfnn.analysis.sharpness(network, result.params, x, y, **cost, iterations=15).eigenvalues[..., 0]
    curves[size] = (result.evaluations / epochs, *(0.1 * values[0, 0, 0] for values in (along, largest)))

# %%

figure = Figure(figsize=(5, 3.4), layout="constrained")
axes = figure.subplots()
for size, (part, along, largest) in curves.items():
    print(f"{size} rows: {np.median(along[-4:]):.2f}, largest eigenvalue {np.median(largest[-4:]):.2f}")
    line = axes.plot(part, along, label=f"{size} rows per step")[0]
    axes.plot(part, largest, ":", color=line.get_color())
axes.axhline(1, color="black", linestyle="--", linewidth=0.8)
axes.set(xlabel="fraction of training", ylabel="curvature × η/2", ylim=(0, 1.5))
axes.legend(frameon=False, fontsize="small")
figure
