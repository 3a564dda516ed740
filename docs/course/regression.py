"""
Regression
==========

Polynomials by least squares and Ridge beside networks, on Runge's function. Then bias
and variance of both, each from 100 bootstraps: what a degree and a width do.
"""

# %%
# The data
# --------
# 80 rows of Runge's function with noise. On 201 further points the truth is known, so
# that the error on these is the distance from it.
#
# .. math:: y = \frac{1}{1 + 25 x^2} + \epsilon, \qquad \epsilon \sim N(0, 0.1^2)

import numpy as np
from matplotlib.figure import Figure
from sklearn.linear_model import LinearRegression, Ridge
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
# Columns x, x², … are scaled to mean 0 and deviation 1: powers of a number below 1 are
# small, and a penalty would count them as if they were worth little. Least squares
# itself does not mind. The error is the mean squared distance from the truth.


def polynomial(degree, estimator):
    features = PolynomialFeatures(degree, include_bias=False)
    return make_pipeline(features, StandardScaler(), estimator)


def errors_of(model):
    """On the training rows, and from the truth."""
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
# The error on the training rows falls with every degree, down towards 0.01, the noise. The
# distance from the truth does not. Even degrees help and odd ones do not: the function is
# even.
#
# Networks
# --------
# One hidden layer of tanh units, 20 seeds. Inputs need no powers. The best polynomials
# are lines in the same figure:


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
# These intervals are over starts and minibatches. All of it is about 80 rows, on which a
# method may have been lucky.
#
# Bias and variance
# -----------------
# Draw the rows anew: a bootstrap takes 80 of the 80 with replacement. Over many draws,
# with :math:`\bar{y}` the mean prediction and f the truth, the error has two parts
# (`Geman, Bienenstock and Doursat 1992 <https://doi.org/10.1162/neco.1992.4.1.1>`_):
#
# .. math:: E \left[ (\hat{y} - f)^2 \right] = (\bar{y} - f)^2 +
#           E \left[ (\hat{y} - \bar{y})^2 \right]
#
# the squared bias and the variance. Against noisy targets the variance of the noise adds
# to both. First the polynomials, on 100 bootstraps:

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
# Bias falls with the degree and variance grows, so that the error has its least value
# in between. And 100 networks of each width, each on a bootstrap and with a start of its own:

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
# Of networks both fall with the width: more weights than rows do no harm here, as `Neal
# et al. 2018 <https://arxiv.org/abs/1810.08591>`_ found on larger tasks. Is the best
# network better than the best polynomial? On the same bootstraps, draw by draw:

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
# Answers, computed: ``tests/course/test_regression.py``.
#
# **Exercise 1.** The inputs of n rows stay, their noise of variance σ² is drawn anew.
# What is the variance of least squares with p columns (the constant among them), on
# average over these rows?
#
# **Exercise 2.** Along the j-th singular vector of the design matrix, with the singular
# value s, by which factor does Ridge shrink the prediction of least squares? How many
# degrees of freedom are left of the 15 at the λ that was best above?
#
# **Exercise 3.** Which share of 80 rows is in a bootstrap at least once?
