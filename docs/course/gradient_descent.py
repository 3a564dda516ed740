"""
Gradient descent
================

Compare plain gradient descent, momentum, Adagrad, RMSprop and Adam on Runge's function.
Start with a model whose optimum is known, then train a network, each method at its own
best learning rate and with 50 seeds. At the end, see what a single seed would have shown.
"""

# %%
# The data
# --------
# The data are 200 rows of Runge's function with noise. The test rows have no noise, so
# the test error is the distance from the truth.
#
# .. math:: y = \frac{1}{1 + 25 x^2} + \epsilon, \qquad \epsilon \sim N(0, 0.1^2)

import numpy as np
from matplotlib.figure import Figure
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import jfnn


def runge(x):
    return 1 / (1 + 25 * x**2)


rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, (200, 1))
y = runge(x) + 0.1 * rng.standard_normal(x.shape)
x_test = np.linspace(-1, 1, 201)[:, None]
split = jfnn.Split(x, y, x_test, runge(x_test))

# %%
# A model with a known optimum
# ----------------------------
# A polynomial is a network without a hidden layer whose input is the design matrix X. The
# cost and its gradient are
#
# .. math:: C(w) = \frac{1}{2n} \sum_i (x_i w + b - y_i)^2, \qquad
#           \frac{\partial C}{\partial w} = \frac{1}{n} X^T (X w + b - y)
#
# and least squares minimizes C. Columns are scaled to mean 0 and standard deviation 1,
# and y is centered, so that b starts at its optimum.

scaler = StandardScaler()
design = scaler.fit_transform(
    PolynomialFeatures(6, include_bias=False).fit_transform(x)
)
centered = y - y.mean()
exact = np.linalg.lstsq(design, centered)[0]
least = 0.5 * np.mean((design @ exact - centered) ** 2)

# %%
# A curvature κ is an eigenvalue of the Hessian :math:`X^T X / n`. One step multiplies the
# error along its eigenvector by :math:`1 - \eta \kappa`. So plain gradient descent
# converges if :math:`\eta < 2 / \kappa_{max}`, and the smallest κ determines how long it
# takes (`Goodfellow et al. 2016, section 4.3
# <https://www.deeplearningbook.org/contents/numerical.html>`_).

curvatures = np.linalg.eigvalsh(design.T @ design / len(x))
limit = 2 / curvatures[-1]
print("curvatures:", curvatures.round(5))
print(f"largest stable learning rate: {limit:.4f}")

# %%
# Try four rates around this limit, with and without momentum:

factors = np.array([0.1, 0.5, 0.99, 1.05])
linear = jfnn.sweep(
    jfnn.mlp((6, 1)),
    jfnn.Split(design, centered),
    loss="quadratic",
    learning_rate=factors * limit,
    optimizer=jfnn.Optimizer("sgd", momentum=[0.0, 0.9]),
    batch_size=None,
    epochs=1000,
    execution=jfnn.Execution(eval_every=10),
)
excess = (
    linear.history["train_loss"][:, 0, :, 0] - least
)  # [η, momentum, evaluation]
figure = Figure(figsize=(7, 3), layout="constrained")
panels = figure.subplots(1, 2, sharey=True)
for j, (axes, title) in enumerate(
    zip(panels, ["plain", "momentum 0.9"], strict=True)
):
    for factor, curve in zip(factors, excess[:, j], strict=True):
        axes.semilogy(linear.evaluations, curve, label=f"{factor} of the limit")
    axes.set(title=title, xlabel="step", ylim=(1e-7, 10))
panels[0].set_ylabel("cost above that of least squares")
panels[1].legend(frameon=False, fontsize="small")
figure

# %%
# Below the limit the cost falls. Above it, the cost of plain gradient descent grows
# without bound. With momentum the limit is different: see exercise 1.

for j, name in enumerate(["plain", "momentum"]):
    print(f"{name}: above least squares after 1,000 steps: {excess[:, j, -1]}")

# %%
# Five methods on a network
# -------------------------
# The network has one hidden layer of 50 units and is trained for 100 epochs with
# minibatches of 20 rows. All methods start from the same 50 random networks and see the
# same minibatches, so for a given seed only the method differs. A fifth of the rows is
# held out to choose the learning rate.

network = jfnn.mlp((1, 50, 1), "tanh")
methods = {
    "plain": "sgd",
    "momentum": jfnn.Optimizer("sgd", momentum=0.9),
    "Adagrad": "adagrad",
    "RMSprop": "rmsprop",
    "Adam": "adam",
}
result = jfnn.sweep(
    {
        name: jfnn.supervised(network, "quadratic", optimizer=method)
        for name, method in methods.items()
    },
    split,
    learning_rate=np.logspace(-3, 0, 10),
    seeds=50,
    batch_size=20,
    epochs=100,
    validation=0.2,
    execution=jfnn.Execution(eval_every=5),
)
jfnn.plots.axis_curves(result, "learning_rate", by="network")

# %%
# Each method has its own best rate, and these rates differ by more than a factor of ten.
# Comparing methods at one shared learning rate would compare rates, not methods. The
# squared error from the truth (twice the cost) at the best rates, with 95% intervals:

held_out = jfnn.cell_statistics(result, "validation_loss")
truth = jfnn.cell_statistics(result, "test_loss")
best = np.nanargmin(held_out.mean[..., 0], axis=1)  # [method]
for i, (name, j) in enumerate(zip(methods, best, strict=True)):
    mean, low, high = (
        2 * getattr(truth, part)[i, j, 0] for part in ("mean", "low", "high")
    )
    rate = result.learning_rate[j]
    print(f"{name:9} η = {rate:.1e}: {mean:.5f}, {low:.5f} to {high:.5f}")

# %%
# The comparison with the best method is paired: differences are taken seed by seed. The
# p-values are corrected for multiple comparisons (Holm). RMSprop's best rate lies just
# below rates at which some seeds diverge, and one such seed can change the mean. Rounding
# errors decide which of the two neighboring rates wins there, so its p-value differs
# between processors and versions of JAX.

winner = min(range(5), key=lambda i: held_out.mean[i, best[i], 0])
others = [i for i in range(5) if i != winner]
compared = jfnn.analysis.compare_cells(
    result, "test_loss", reference=(winner, int(best[winner]), 0)
)
p = jfnn.analysis.holm([compared.p[i, best[i], 0] for i in others])
for i, value in zip(others, p, strict=True):
    names = f"{list(methods)[i]} minus {list(methods)[winner]}"
    print(
        f"{names:20} {2 * compared.difference[i, best[i], 0]:+.5f}, p = {value:.1g}"
    )

# %%
# The cost during training at these rates:

jfnn.plots.interval_curves(
    result, "validation_loss", cells=[(i, int(j), 0) for i, j in enumerate(best)]
)

# %%
# Minibatches
# -----------
# For the same number of epochs, small minibatches take more steps: here 16 per epoch,
# compared with one for all rows.

batches = jfnn.sweep(
    {
        name: jfnn.supervised(network, "quadratic", optimizer=methods[name])
        for name in ("plain", "Adam")
    },
    split,
    learning_rate=np.logspace(-2, 0, 7),
    seeds=20,
    batch_size=[10, None],
    epochs=100,
    validation=0.2,
)
errors = 2 * batches.validation_loss[..., 0, :].mean(axis=-1)  # [method, batch, η]
for name, of_method in zip(("plain", "Adam"), errors, strict=True):
    for rows, of_batch in zip(("10 rows", "all rows"), of_method, strict=True):
        rate = batches.learning_rate[np.nanargmin(of_batch)]
        print(
            f"{name:6} {rows:8} a step: {np.nanmin(of_batch):.4f} at η = {rate:.1e}"
        )

# %%
# Schedules
# ---------
# The rate may decrease during training. Again, each schedule has its own best rate:

schedules = ["constant", "linear", "cosine", "warmup_cosine"]
scheduled = jfnn.sweep(
    {
        name: jfnn.supervised(
            network, "quadratic", optimizer=jfnn.Optimizer("adam", schedule=name)
        )
        for name in schedules
    },
    split,
    learning_rate=np.logspace(-2, 1, 10),
    seeds=50,
    batch_size=20,
    epochs=100,
    validation=0.2,
)
jfnn.plots.axis_curves(scheduled, "learning_rate", by="network")

# %%

of_schedules = jfnn.cell_statistics(scheduled, "validation_loss")
for name, *parts in zip(
    schedules,
    *(
        getattr(of_schedules, part)[..., 0]
        for part in ("mean", "low", "high", "tied")
    ),
    strict=True,
):
    j = np.nanargmin(parts[0])
    mean, low, high = (2 * part[j] for part in parts[:3])
    tied = "may be the best" if parts[3][j] else "worse than the best"
    rate = scheduled.learning_rate[j]
    print(f"{name:13} η = {rate:.1e}: {mean:.5f}, {low:.5f} to {high:.5f}, {tied}")

# %%
# Why the best rate of one seed misleads
# --------------------------------------
# Suppose you had only one of the 50 seeds, like most reports. Which rate would each seed
# call best?

losses = 2 * result.validation_loss[:, :, 0]  # [method, η, seed]
losses = np.where(np.isfinite(losses), losses, np.inf)
chosen = losses.argmin(axis=1)  # [method, seed]
figure = Figure(figsize=(7, 4), layout="constrained")
panels = figure.subplots(len(methods), 1, sharex=True)
for axes, name, of_method, j in zip(panels, methods, chosen, best, strict=True):
    counts = np.bincount(of_method, minlength=len(result.learning_rate))
    colors = np.where(np.arange(len(counts)) == j, "tab:blue", "0.75")
    axes.bar(np.log10(result.learning_rate), counts, 0.25, color=colors)
    axes.set_ylabel(name, rotation=0, ha="right", va="center")
    axes.set_yticks([])
panels[-1].set_xlabel(
    "log₁₀ η that a single seed calls best; blue: best of the mean"
)
figure

# %%
# A seed's error at its own best rate is too small, because the rate was chosen to suit
# that seed. The error of the chosen rate over all seeds is larger:

for i, name in enumerate(methods):
    reported = losses[i].min(axis=0)
    delivered = losses[i].mean(axis=1)[chosen[i]]
    print(
        f"{name:9} reported {reported.mean():.4f}, on average over seeds "
        f"{np.median(delivered):.4f} (median), {delivered.max():.4g} (worst)"
    )

# %%
# Which method would a single seed call best?

least_of_seed = losses.min(axis=1)  # [method, seed]
wins = np.bincount(least_of_seed.argmin(axis=0), minlength=len(methods))
print({name: int(count) for name, count in zip(methods, wins, strict=True)})

# %%
# Seeds differ only in initial weights and minibatches. Other rows would add variation
# that no number of seeds shows: :doc:`regression` resamples the rows.
#
# How many seeds are needed for an interval as wide as a tenth of the mean?

for i, (name, j) in enumerate(zip(methods, best, strict=True)):
    spread = float(held_out.std[i, j, 0])
    mean = float(held_out.mean[i, j, 0])
    print(f"{name:9} {jfnn.analysis.seeds_needed(spread, mean / 10)} seeds")

# %%
# Exercises
# ---------
# The computed answers are in ``tests/course/test_gradient_descent.py``.
#
# **Exercise 1.** With momentum β the step is :math:`v \leftarrow \beta v + \partial C /
# \partial w`, :math:`w \leftarrow w - \eta v`. Up to which η does it converge on the
# polynomial? (Along one curvature κ it is a linear two-term recursion. When do both roots
# of its characteristic equation lie inside the unit circle?) Try β = 0.5 and 0.9.
#
# **Exercise 2.** Let η = 1 / κ_max in plain gradient descent. After how many steps has
# the error along the flattest direction fallen by a factor e? Compare κ_max / κ_min.
#
# **Exercise 3.** Weights start at 0 and Adam takes one step. How far does each weight
# move if its gradient is large, and if it is small? How far does it move with RMSprop,
# whose mean square starts at 0 and decays by the factor 0.9?
