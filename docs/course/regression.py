"""
Regression
==========

Fit Runge's function with polynomials, by least squares and Ridge, and with networks. Then
decompose the errors of both into bias and variance with 100 bootstraps: how do the degree
and the width matter?
"""

# %%
# The data
# --------
# The data are 80 rows of Runge's function with noise. The test set is 201 points without
# noise, so the test error measures the distance from the true function.
#
# .. math:: y = \frac{1}{1 + 25 x^2} + \epsilon, \qquad \epsilon \sim N(0, 0.1^2)

import numpy as np
from matplotlib.figure import Figure
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import RepeatedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import jfnn

NOISE = 0.1


def runge(x):
    return 1 / (1 + 25 * x**2)


rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, (80, 1))
y = runge(x) + NOISE * rng.standard_normal(x.shape)
x_test = np.linspace(-1, 1, 201)[:, None]
truth = runge(x_test)
split = jfnn.Split(x, y, x_test, truth)

# %%
# Polynomials
# -----------
# The columns x, x², … are scaled to mean 0 and standard deviation 1: powers of a number
# below 1 are small, and a penalty would hit their large coefficients hardest. Least
# squares is not affected. The error is the mean squared distance from the truth.


def polynomial(degree, estimator):
    features = PolynomialFeatures(degree, include_bias=False)
    return make_pipeline(features, StandardScaler(), estimator)


def errors_of(model):
    """Return the error on the training rows and the distance from the truth."""
    fitted = model.fit(x, y[:, 0])
    return [
        np.mean((fitted.predict(rows) - right[:, 0]) ** 2)
        for rows, right in ((x, y), (x_test, truth))
    ]


degrees = np.arange(1, 16)
by_degree = np.array(
    [errors_of(polynomial(d, LinearRegression())) for d in degrees]
)
strengths = np.logspace(-6, 2, 17)
by_strength = np.array(
    [errors_of(polynomial(15, Ridge(alpha=s))) for s in strengths]
)
best_degree = int(degrees[by_degree[:, 1].argmin()])
best_strength = float(strengths[by_strength[:, 1].argmin()])
r2 = 1 - by_degree[:, 1] / np.var(truth)
print(
    f"least squares: degree {best_degree}, error {by_degree[:, 1].min():.5f}, "
    f"R² {r2.max():.3f}"
)
print(
    f"Ridge, degree 15: λ = {best_strength:.1e}, error {by_strength[:, 1].min():.5f}"
)

figure = Figure(figsize=(7, 3), layout="constrained")
panels = figure.subplots(1, 2, sharey=True)
for axes, values, curves in (
    (panels[0], degrees, by_degree),
    (panels[1], strengths, by_strength),
):
    axes.semilogy(values, curves[:, 0], "o--", markersize=3, label="training rows")
    axes.semilogy(values, curves[:, 1], "o-", markersize=3, label="from the truth")
panels[0].set(xlabel="degree", ylabel="mean squared error", title="least squares")
panels[0].set_xticks(degrees[::2])
panels[1].set(xlabel="λ", xscale="log", title="Ridge, degree 15")
panels[1].legend(frameon=False)
figure

# %%
# The training error falls with every degree, towards 0.01, the variance of the noise. The
# distance from the truth does not. Even degrees help, odd ones do not: the function is
# even.
#
# The parameters of low degrees show this too: those of odd powers are smaller. Draw the
# coefficients θ of the scaled columns for each degree, for least squares and for Ridge at
# the best λ above. Even powers are blue, odd ones orange:

figure = Figure(figsize=(7, 3.4), layout="constrained")
panels = figure.subplots(1, 2, sharey=True)
thetas = {}  # estimator -> θ [degree, power], NaN above the degree
for axes, (name, estimator) in zip(
    panels,
    {
        "least squares": LinearRegression(),
        "Ridge": Ridge(alpha=best_strength),
    }.items(),
    strict=True,
):
    theta = np.full((len(degrees), len(degrees)), np.nan)
    for i, degree in enumerate(degrees):
        theta[i, :degree] = polynomial(degree, estimator).fit(x, y[:, 0])[-1].coef_
    thetas[name] = theta
    for j, of_power in enumerate(theta.T):
        color = "tab:orange" if (j + 1) % 2 else "tab:blue"
        axes.plot(degrees, of_power, "o-", markersize=3, color=color, linewidth=1)
    axes.set_yscale("symlog", linthresh=1)
    axes.set(title=name, xlabel="degree", xticks=degrees[::2])
panels[0].set_ylabel("coefficient θ")
figure

# %%

for name, theta in thetas.items():
    norms = np.sqrt(np.nansum(theta**2, axis=1))
    print(f"{name:13} |θ| at degree 4, 8, 15: {norms[[3, 7, 14]].round(1)}")

# %%
# Powers of x are strongly correlated, so large coefficients of opposite sign almost
# cancel, and they grow with the degree. A small penalty prevents this.
#
# Networks
# --------
# The networks have one hidden layer of tanh units and take x itself, without powers. Each
# width is trained with 20 seeds. Horizontal lines show the best polynomials:


def make(width):
    return jfnn.mlp((1, width, 1), "tanh")


widths = [1, 2, 4, 8, 16, 50]
options = {
    "learning_rate": 0.05,
    "loss": "quadratic",
    "optimizer": jfnn.Optimizer("adam", schedule="cosine"),
    "batch_size": 20,
    "epochs": 300,
}
networks = jfnn.Networks(make, width=widths)
by_width = jfnn.sweep(networks, split, seeds=20, **options)
polynomials = {
    f"degree {best_degree}": by_degree[:, 1].min() / 2,
    "Ridge, degree 15": by_strength[:, 1].min() / 2,
}
jfnn.plots.axis_curves(by_width, "width", "test_loss", baselines=polynomials)

# %%
# (jfnn's quadratic cost has the factor 1/2.) In numbers, with 95% intervals over seeds:

of_widths = jfnn.cell_statistics(by_width, "test_loss")
for i, width in enumerate(widths):
    mean, low, high = (
        2 * getattr(of_widths, part)[i, 0, 0] for part in ("mean", "low", "high")
    )
    print(f"{width:2} units: {mean:.5f}, {low:.5f} to {high:.5f}")

# %%
# These intervals cover initial weights and minibatches. But all networks saw the same 80
# rows, and a method may have been lucky with them.
#
# Bias and variance
# -----------------
# To vary the rows, use the bootstrap: it draws 80 rows with replacement from the 80. Let
# :math:`\bar{y}` be the mean prediction over many draws and f the truth. The error then
# has two parts
# (`Geman, Bienenstock and Doursat 1992 <https://doi.org/10.1162/neco.1992.4.1.1>`_):
#
# .. math:: E \left[ (\hat{y} - f)^2 \right] = (\bar{y} - f)^2 +
#           E \left[ (\hat{y} - \bar{y})^2 \right]
#
# the squared bias and the variance. If the targets are noisy, the variance of the noise
# is a third part. First the polynomials, on 100 bootstraps:

draws = jfnn.subsets.bootstrap(len(x), 100, start_per_subset=True)
predictions = []  # [degree, draw, row]
for degree in degrees:
    model = polynomial(degree, LinearRegression())
    predictions.append(
        [model.fit(x[rows], y[rows, 0]).predict(x_test) for rows, _ in draws.pairs]
    )
of_degrees = jfnn.analysis.bias_variance_of(
    predictions, truth[:, 0], axes={"degree": degrees}
)
jfnn.plots.bias_variance(of_degrees)

# %%
# As the degree grows, the bias falls and the variance rises. The error is smallest in
# between.
#
# Cross-validation and the bootstrap
# ----------------------------------
# Real data have no known truth. Then predict rows that were not in the fit: the held-out
# folds of cross-validation, or the rows that a bootstrap did not draw. Both estimate the
# error on new rows, including the noise. Use ten folds, repeated five times, and the 100
# bootstraps from above:

folds = RepeatedKFold(n_splits=10, n_repeats=5, random_state=0)
schemes = {
    "cross-validation": list(folds.split(x)),
    "bootstrap": [
        (rows, np.setdiff1d(np.arange(len(x)), rows)) for rows, _ in draws.pairs
    ],
}


def errors_of_rows(degree, pairs):
    """Return the mean squared error of each row over the fits that lack it."""
    model = polynomial(degree, LinearRegression())
    total = np.zeros(len(x))
    count = np.zeros(len(x))
    for fitted, left in pairs:
        predicted = model.fit(x[fitted], y[fitted, 0]).predict(x[left])
        total[left] += (predicted - y[left, 0]) ** 2
        count[left] += 1
    return total / count


by_scheme = {
    name: np.array([errors_of_rows(degree, pairs) for degree in degrees])
    for name, pairs in schemes.items()
}  # [degree, row]
figure = Figure(layout="constrained")
axes = figure.add_subplot()
for name, of_rows in by_scheme.items():
    axes.semilogy(degrees, of_rows.mean(axis=1), "o-", markersize=3, label=name)
axes.semilogy(
    degrees, by_degree[:, 1] + NOISE**2, "k--", label="truth: distance² + noise"
)
axes.set(xlabel="degree", ylabel="mean squared error", xticks=degrees[::2])
axes.legend(frameon=False)
figure

# %%
# Both estimates refer to the same 80 rows, so compare them row by row. This interval
# treats rows as independent. They are not quite, since they share fits.

gap = by_scheme["bootstrap"] - by_scheme["cross-validation"]
gaps = [jfnn.analysis.interval(of_degree) for of_degree in gap]
for degree in (4, 8, 10, 12):
    low, high = gaps[degree - 1]
    cross, boot = (of_rows[degree - 1].mean() for of_rows in by_scheme.values())
    print(
        f"degree {degree:2}: cross-validation {cross:.4f}, bootstrap {boot:.4f}, "
        f"difference {low:+.4f} to {high:+.4f}"
    )

# %%
# The bootstrap's error is larger, since its fits have fewer distinct rows: 63% of them
# (see exercise 3) instead of 90%. At high degrees a few rows near -1 and 1 dominate both
# errors, so the intervals are wide. Which degree would each scheme choose?

for name, of_rows in by_scheme.items():
    print(f"{name:16} degree {degrees[of_rows.mean(axis=1).argmin()]}")
print(f"{'truth':16} degree {best_degree}")

# %%
# Now 100 networks of each width, each with its own bootstrap and initial weights:

bootstrapped = jfnn.sweep(networks, split, folds=draws, **options)
of_networks = jfnn.analysis.bias_variance(bootstrapped, split)
jfnn.plots.bias_variance(of_networks, "width")

# %%

for name, parts, values in (
    ("degree", of_degrees, degrees),
    ("width", of_networks, widths),
):
    error, bias, variance = (
        np.ravel(getattr(parts, part)) for part in ("error", "bias", "variance")
    )
    i = error.argmin()
    print(
        f"{name} {values[i]}: error {error[i]:.5f} = bias² {bias[i]:.5f} + "
        f"variance {variance[i]:.5f}"
    )

# %%
# For networks, both fall as the width grows. Having more weights than rows does no harm
# here, as `Neal et al. 2018 <https://arxiv.org/abs/1810.08591>`_ found on larger tasks.
# Is the best network better than the best polynomial? Compare them bootstrap by
# bootstrap:

best_of_degrees = predictions[of_degrees.error.argmin()]  # [draw, row]
best_of_networks = bootstrapped.predict(x_test)[of_networks.error.ravel().argmin()]
best_of_networks = best_of_networks[0, 0, 0, ..., 0]  # [draw, row]
error_of_draws = [
    np.mean((np.asarray(each) - truth[:, 0]) ** 2, axis=1)
    for each in (best_of_degrees, best_of_networks)
]
difference = error_of_draws[1] - error_of_draws[0]
low, high = jfnn.analysis.interval(difference)
print(
    f"network minus polynomial: {difference.mean():+.5f}, {low:+.5f} to {high:+.5f}"
)
print(
    f"the network is better on {np.sum(difference < 0)} of {len(difference)} draws"
)

# %%
# Exercises
# ---------
# The computed answers are in ``tests/course/test_regression.py``.
#
# **Exercise 1.** Keep the inputs of n rows fixed and redraw their noise, of variance σ².
# What is the variance of the least-squares prediction with p columns (including the
# constant), averaged over these rows?
#
# **Exercise 2.** Take the j-th singular vector of the design matrix, with singular value
# s. By which factor does Ridge shrink the least-squares prediction along it? How many of
# the 15 degrees of freedom remain at the best λ above?
#
# **Exercise 3.** What fraction of 80 rows appears at least once in a bootstrap?
