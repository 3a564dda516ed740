"""
A grid with error bars
======================

Train a grid of learning rates η and penalties λ on the digits, with 100 networks per
cell. Map the accuracy and its standard error, and count the cells that may be the best.
Then compare L1 with L2, and vary depth, width and activation.
"""

# %%
# The grid
# --------
# 7 × 7 cells with 100 seeds each make 4,900 networks of shape 64-20-10. A fifth of the
# training rows is held out to rank the cells. The test rows are used once, at the end.
#
# .. math:: C = \frac{1}{n} \left( -\sum_i \sum_c y_{ic} \log P_{ic} +
#           \frac{\lambda}{2} \sum w^2 \right)

import numpy as np
from matplotlib.figure import Figure
from sklearn.linear_model import Lasso, Ridge

import jfnn

digits = jfnn.datasets.digits()
digits = digits._replace(x_train=digits.x_train / 16, x_test=digits.x_test / 16)
options = {
    "learning_rate": np.logspace(-1.5, 0.5, 7),
    "l2": np.logspace(-3, 1, 7),
    "validation": 0.2,
    "epochs": 40,
    "gradient": "backprop",
}
result = jfnn.sweep(jfnn.mlp((64, 20, 10)), digits, seeds=100, **options)
jfnn.plots.heat_map(result)

# %%
# The standard error of a cell's mean is the standard deviation over seeds, divided by the
# square root of their number. The figure shows it in percentage points:

statistics = jfnn.cell_statistics(result)
error = 100 * statistics.std / np.sqrt(statistics.n)
jfnn.plots.array_map(
    error,
    {"learning_rate": result.learning_rate, "l2": result.l2},
    label="standard error of the accuracy, percent",
    higher_is_better=False,
)

# %%
# For a given seed, all cells share the initial weights and the minibatches, so cells are
# compared seed by seed. The ``tied`` cells contain the truly best cell with 95%
# confidence. With fewer seeds, more cells remain tied:

ties = {100: int(statistics.tied.sum())}
for seeds in (3, 10):
    few = jfnn.sweep(jfnn.mlp((64, 20, 10)), digits, seeds=seeds, **options)
    ties[seeds] = int(jfnn.cell_statistics(few).tied.sum())
for seeds, count in sorted(ties.items()):
    print(f"{seeds:3} seeds: {count} of {error.size} cells may be the best")

# %%
# And with one seed? Each of the 100 seeds picks a best cell (the first of equal ones):

scores = result.validation_accuracy.reshape(49, 100)
best = int(scores.mean(axis=1).argmax())
chosen = scores.argmax(axis=0)
lost = 100 * (scores.mean(axis=1)[best] - scores.mean(axis=1)[chosen])
flattered = 100 * (scores.max(axis=0) - scores.mean(axis=1)[chosen])
print(
    f"{len(set(chosen))} cells are the best for some seed; {np.mean(chosen == best):.0%} "
    "of the seeds pick the cell with the best mean"
)
print(
    f"the cell of a single seed is {lost.mean():.2f} points worse, up to {lost.max():.2f}"
)
print(
    f"its reported score is {flattered.mean():.2f} points above the mean of its cell"
)

# %%
# Now score the best cell on rows that played no part in the choice:

index = result.best().index
low, high = jfnn.analysis.interval(result.test_accuracy[index])
mean = result.test_accuracy[index].mean()
print(result.best())
print(f"test accuracy {mean:.4f}, 95% interval over seeds {low:.4f} to {high:.4f}")

# %%
# This interval covers initial weights and minibatches. It does not cover how well the
# test rows represent all digits: see exercise 1.
#
# L1 compared with L2
# -------------------
# The L1 penalty is :math:`\lambda_1 \sum |w|`. Its effect is easy to see on Legendre
# polynomials of x, which are almost uncorrelated. Runge's function is even, but the model
# does not use this.

rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, (200, 1))
y = 1 / (1 + 25 * x**2) + 0.1 * rng.standard_normal(x.shape)
design = np.polynomial.legendre.legvander(x[:, 0], 15)[:, 1:]
design = (design - design.mean(axis=0)) / design.std(axis=0)
centered = y - y.mean()

strengths = np.array([0.5, 2.0, 8.0])
linear = {
    "learning_rate": 0.2,
    "loss": "quadratic",
    "batch_size": None,
    "epochs": 2000,
}
rows = jfnn.Split(design, centered)
by_l1 = jfnn.sweep(jfnn.mlp((15, 1)), rows, hyper={"l1": strengths}, **linear)
by_l2 = jfnn.sweep(jfnn.mlp((15, 1)), rows, l2=strengths, **linear)
coefficients = {
    "L1": np.asarray(by_l1.params[0].w)[0, 0, :, 0, :, 0],  # [strength, degree]
    "L2": np.asarray(by_l2.params[0].w)[0, :, 0, :, 0],
}

# %%
# A network without hidden layers is equivalent to scikit-learn's Lasso and Ridge. Lasso
# divides the cost by the number of rows, Ridge does not. jfnn takes proximal gradient
# steps for L1, so weights become exactly 0 (`Parikh and Boyd 2014
# <https://doi.org/10.1561/2400000003>`_):

lasso = np.array(
    [Lasso(alpha=s / 200).fit(design, centered).coef_ for s in strengths]
)
ridge = np.array([Ridge(alpha=s).fit(design, centered).coef_ for s in strengths])
ridge = ridge.reshape(3, 15)
print(f"L1 and Lasso: {np.abs(coefficients['L1'] - lasso).max():.1e}")
print(f"L2 and Ridge: {np.abs(coefficients['L2'] - ridge).max():.1e}")
odd = np.arange(1, 16) % 2 == 1
for name, values in coefficients.items():
    for strength, w in zip(strengths, values, strict=True):
        print(
            f"{name}, λ = {strength}: {np.sum(w[odd] == 0)} of 8 odd and "
            f"{np.sum(w[~odd] == 0)} of 7 even degrees are 0"
        )

# %%

figure = Figure(figsize=(7, 3), layout="constrained")
panels = figure.subplots(1, 2, sharey=True)
for axes, (name, values) in zip(panels, coefficients.items(), strict=True):
    for strength, w in zip(strengths, values, strict=True):
        axes.plot(range(1, 16), w, "o-", markersize=3, label=f"λ = {strength:g}")
    axes.axhline(0, color="black", linewidth=0.5)
    axes.set(title=name, xlabel="degree", xticks=range(1, 16, 2))
panels[0].set_ylabel("coefficient")
panels[1].legend(frameon=False)
figure

# %%
# For a network, both penalties can be axes of one grid. On the digits, with 10 seeds:

penalties = np.array([0.0, 0.03, 0.1, 0.3, 1.0])
both = jfnn.sweep(
    jfnn.mlp((64, 20, 10)),
    digits,
    learning_rate=0.3,
    l2=np.array([0.0, 0.1, 0.3, 1.0, 3.0]),
    hyper={"l1": penalties},
    seeds=10,
    validation=0.2,
    epochs=20,
)
jfnn.plots.heat_map(both, axes=("l1", "l2"), score="validation_accuracy")

# %%
# L1 does not improve the accuracy here, but its zeros make a network smaller and clearer:

without_l2 = both.validation_accuracy[0, 0].mean(axis=-1)  # [l1]
weights = np.asarray(both.params[0].w)[0, 0]  # [l1, seed, 64, 20]
inked = digits.x_train.std(axis=0) > 0
zeros = np.mean(weights[:, :, inked] == 0, axis=(1, 2, 3))
for strength, accuracy, share in zip(penalties, without_l2, zeros, strict=True):
    print(
        f"λ₁ = {strength:4}: accuracy {accuracy:.4f}, {share:.0%} of first weights are 0"
    )

# %%
# Depth, width, activation
# ------------------------
# Architectures can be axes too. Train 16 combinations with 10 seeds each. With zero hidden
# layers, the network is logistic regression, for any width and activation. The map shows
# the mean accuracy at the better of two learning rates:


def make(activation, depth, width):
    return jfnn.mlp((64, *[width] * depth, 10), activation)


kinds = jfnn.sweep(
    jfnn.Networks(
        make, activation=["sigmoid", "relu"], depth=[0, 1, 2, 3], width=[10, 40]
    ),
    digits,
    learning_rate=[0.1, 0.5],
    seeds=10,
    validation=0.2,
    epochs=20,
    gradient="backprop",
)
jfnn.plots.heat_map(
    kinds,
    {"activation": 0, "learning_rate": "best"},
    axes=("depth", "width"),
    score="validation_accuracy",
)

# %%
# These networks have sigmoid units. With ReLU:

jfnn.plots.heat_map(
    kinds,
    {"activation": 1, "learning_rate": "best"},
    axes=("depth", "width"),
    score="validation_accuracy",
)

# %%
# In 20 epochs, plain gradient descent barely trains deep sigmoid networks, because each
# layer multiplies the deltas by f'(z) ≤ 1/4 (`Glorot and Bengio 2010
# <https://proceedings.mlr.press/v9/glorot10a.html>`_). Which kinds may be the best?

of_kinds = jfnn.cell_statistics(kinds)
tied = of_kinds.tied[..., 0]  # [activation, depth, width, η]
for place in np.argwhere(tied):
    names = [
        kinds.axes[axis][i]
        for axis, i in zip(
            ("activation", "depth", "width", "learning_rate"), place, strict=True
        )
    ]
    print("may be the best:", *names)

# %%
# Exercises
# ---------
# The computed answers are in ``tests/course/test_error_bars.py``.
#
# **Exercise 1.** An accuracy of 0.96 was measured on 287 held-out rows. What is its
# standard error if the rows are independent? Compare it with the standard error of the
# mean over 100 seeds in the map.
#
# **Exercise 2.** Let v be a weight after a gradient step. A proximal step of L1 replaces
# it with the w that minimizes :math:`(w - v)^2 / 2 + \eta \lambda_1 |w|`. What is w?
#
# **Exercise 3.** Suppose 49 cells are equally good, and each score has the standard error
# s. How far is the best score above the true value, on average? How far is it with 100
# seeds instead of one?
