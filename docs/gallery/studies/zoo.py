"""
Predicting accuracy from weights
================================

The weights of a network reveal its accuracy without any data: trees predict test accuracies from the means,
variances and quantiles of the weights and biases of each layer (`Unterthiner et al. 2020
<https://arxiv.org/abs/2002.11448>`_). Hyperparameters are random, and half of the networks are held out.
"""

import numpy as np
from matplotlib.figure import Figure
from scipy import stats
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score

import jfnn

digits = jfnn.datasets.standardize(jfnn.datasets.digits())
result = jfnn.sweep(
    jfnn.mlp((64, 20, 10), "tanh", init="glorot_normal"),
    digits,
    cells=1000,
    learning_rate=stats.loguniform(5e-4, 5e-2),
    l2=stats.loguniform(2e-6, 2),
    hyper={"init_scale": stats.loguniform(0.01, 3), "dropout": stats.uniform(0, 0.7)},
    reduction="mean",
    gradient="backprop",
    epochs=20,
)
columns = jfnn.analysis.weight_statistics(result.params, 2)  # axes: cells and seeds
features = np.stack([values.ravel() for values in columns.values()], axis=1)
accuracy = result.test_accuracy.ravel()

# %%

trees = HistGradientBoostingRegressor(random_state=0).fit(features[:500], accuracy[:500])
predicted = trees.predict(features[500:])
print(f"R² of {len(predicted)} held-out networks: {r2_score(accuracy[500:], predicted):.3f}")

# %%

figure = Figure(figsize=(4, 3.8), layout="constrained")
axes = figure.subplots()
axes.plot(accuracy[500:], predicted, ".", markersize=3)
axes.plot([0, 1], [0, 1], color="black", linestyle="--", linewidth=0.8)
axes.set(xlabel="test accuracy", ylabel="predicted from weights", xlim=(0, 1), ylim=(0, 1))
figure
