"""
Differential equations
======================

Solve the one-dimensional diffusion equation in three ways: in closed form, with the
explicit Euler scheme, and with networks that minimize the residual of the equation. Then
find the largest eigenvalue of symmetric matrices with networks that follow a flow.
"""

# %%
# The problem
# -----------
# Find the temperature of a rod of length 1 whose ends are kept at 0:
#
# .. math:: u_{xx} = u_t, \qquad u(x, 0) = \sin \pi x, \qquad u(0, t) = u(1, t) = 0
#
# Separation of variables gives the solution. The sine keeps its shape and decays:
#
# .. math:: u(x, t) = e^{-\pi^2 t} \sin \pi x

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jfnn


def exact(x, t):
    return np.exp(-(np.pi**2) * t) * np.sin(np.pi * x)


# %%
# The explicit scheme
# -------------------
# Use a forward difference in time and a central difference in space. With :math:`r =
# \Delta t / \Delta x^2`,
#
# .. math:: u_i^{j+1} = u_i^j + r \, (u_{i+1}^j - 2 u_i^j + u_{i-1}^j)
#
# The scheme is stable if r ≤ 1/2 (Smith, *Numerical Solution of Partial Differential
# Equations*, 1985, chapter 2).


def euler(cells, r, time):
    """Return the grid points, the solution near a time, and the number of steps."""
    x = np.linspace(0, 1, cells + 1)
    u = np.sin(np.pi * x)
    u[-1] = 0
    steps = round(time * cells**2 / r)
    for _ in range(steps):
        u[1:-1] += r * (u[2:] - 2 * u[1:-1] + u[:-2])
    return x, u, steps


curved, flat = 0.1, 0.5  # times at which u is curved, and almost 0
for cells in (10, 100):
    for time in (curved, flat):
        x, u, steps = euler(cells, 0.5, time)
        error = np.abs(u - exact(x, time)).max()
        print(
            f"Δx = 1/{cells}, t = {time}: {steps} steps, largest error {error:.1e}"
        )

# %%
# If Δx is ten times smaller, the error is a hundred times smaller, but the scheme takes a
# hundred times as many steps. Just above r = 1/2, rounding errors take over:

figure = Figure(figsize=(7, 3), layout="constrained")
panels = figure.subplots(1, 2)
for axes, r in zip(panels, (0.5, 0.6), strict=True):
    x, u, steps = euler(10, r, 1.5)
    axes.plot(x, u, "o-", markersize=3, label="Euler")
    axes.plot(x, exact(x, 1.5), label="exact")
    axes.set(title=f"r = {r}, {steps} steps", xlabel="x")
    axes.ticklabel_format(axis="y", scilimits=(-2, 2))
panels[0].set_ylabel("u(x, 1.5)")
panels[0].legend(frameon=False)
figure

# %%
# A trial function
# ----------------
# Insert a network N(x, t) into a function that satisfies all conditions, whatever the
# weights are (`Lagaris et al. 1998 <https://arxiv.org/abs/physics/9705023>`_):
#
# .. math:: u(x, t) = (1 - t) \sin \pi x + x (1 - x) \, t \, N(x, t)
#
# Then only the residual of the equation needs to be minimized, here on 12 × 12 points:
#
# .. math:: C = \frac{1}{n} \sum_i \left( u_t - u_{xx} \right)^2
#
# `jfnn.learner` accepts such a cost. The derivatives with respect to x and t use JAX's
# forward mode. ``score`` defines what is measured on other points: the squared residual
# ("loss") and the squared error from the exact solution.


ADAM = jfnn.Optimizer("adam", schedule="cosine")


def derivative(function, z):
    return jax.jvp(function, (z,), (jnp.ones_like(z),))[1]


def solver(hidden, activation):
    network = jfnn.mlp((2, *hidden, 1), activation)

    def u(params, points):
        x, t = points[:, :1], points[:, 1:]
        fixed = (1 - t) * jnp.sin(jnp.pi * x)
        return fixed + x * (1 - x) * t * network.apply(params, points)

    def residual(params, points):
        x, t = points[:, :1], points[:, 1:]

        def at(x, t):
            return u(params, jnp.concatenate([x, t], axis=1))

        def u_x(x):
            return derivative(lambda x: at(x, t), x)

        return derivative(lambda t: at(x, t), t) - derivative(u_x, x)

    def loss(params, points, key):
        return jnp.mean(residual(params, points) ** 2)

    def score(params, points):
        x, t = points[:, :1], points[:, 1:]
        error = u(params, points) - jnp.exp(-(jnp.pi**2) * t) * jnp.sin(jnp.pi * x)
        residuals = residual(params, points)
        return {"loss": residuals[:, 0] ** 2, "error": error[:, 0] ** 2}

    options = {"optimizer": ADAM, "score": score}
    metrics = [jfnn.Metric("error")]
    return jfnn.learner(network.init, loss, metrics=metrics, **options), u


def points_on(side):
    """Return all pairs (x, t) of ``side`` numbers from 0 to 1."""
    ticks = np.linspace(0, 1, side, dtype=np.float32)
    return np.stack(np.meshgrid(ticks, ticks, indexing="ij"), -1).reshape(-1, 2)


split = jfnn.Split(points_on(12), x_test=points_on(41))
learner, u = solver(hidden=[20], activation="tanh")
solved = jfnn.sweep(
    learner,
    split,
    learning_rate=[0.01, 0.03, 0.1],
    seeds=10,
    epochs=3000,
    batch_size=None,
)
best = solved.best()
print(best)
root = np.sqrt(
    solved.test_error[best.index]
)  # [seed], root mean square over points
print(f"error: median {np.median(root):.1e}, {root.min():.1e} to {root.max():.1e}")

# %%
# The learning rate was chosen by the residual, which is available even if the solution is
# not known. Compare the networks with Euler's schemes:

ticks = np.linspace(0, 1, 101, dtype=np.float32)
figure = Figure(figsize=(7, 3.2), layout="constrained")
panels = figure.subplots(1, 2)
largest = {}  # largest error at each time, for each seed
for axes, time in zip(panels, (curved, flat), strict=True):
    for cells, line in ((10, "k--"), (100, "k:")):
        x, u_euler, _ = euler(cells, 0.5, time)
        inside = slice(1, -1)  # all methods are exact at both ends
        error = np.abs(u_euler - exact(x, time))
        axes.semilogy(
            x[inside], error[inside], line, label=f"Euler, Δx = 1/{cells}"
        )
    asked = np.stack([ticks, np.full_like(ticks, time)], axis=1)
    found = solved.predict(asked, network=u)[best.index][..., 0]  # [seed, x]
    errors = np.abs(found - exact(ticks, time))
    axes.semilogy(ticks[1:-1], errors[:, 1:-1].T, color="C0", linewidth=0.7)
    axes.set(title=f"t = {time}", xlabel="x", ylim=(1e-7, 1e-1))
    largest[time] = errors.max(axis=1)
    print(
        f"t = {time}: largest error {np.median(largest[time]):.1e} (median of seeds), "
        f"{largest[time].max():.1e} (worst)"
    )
panels[0].set_ylabel("error; blue: ten networks")
panels[1].legend(frameon=False)
figure

# %%
# The errors of the networks are within a factor of a few of Euler's coarse scheme. The
# fine scheme is far more accurate, and takes a fraction of a second. But a network is a
# function, which you can evaluate and differentiate anywhere without a grid.
#
# Width, depth, activation
# ------------------------
# Which architectures work? Train nine kinds with one learning rate and five seeds each:

hidden = {"5": [5], "20": [20], "20-20": [20, 20]}
activations = ["tanh", "sigmoid", "relu"]
kinds = jfnn.sweep(
    jfnn.Networks(
        lambda layers, activation: solver(hidden[layers], activation)[0],
        layers=list(hidden),
        activation=activations,
    ),
    split,
    learning_rate=0.03,
    seeds=5,
    epochs=1000,
    batch_size=None,
)
of_kinds = np.sqrt(
    np.median(kinds.test_error[..., 0, 0, :], axis=-1)
)  # [layers, f]
jfnn.plots.array_map(
    of_kinds,
    {"hidden layers": list(hidden), "activation": activations},
    label="root mean square error, median of seeds",
    higher_is_better=False,
)

# %%
# More layers alone do not help: one layer of 20 tanh units does better than two. A ReLU
# network is piecewise linear. Its second derivative is 0 wherever it exists, so the
# residual stays large, and so does the error. The residuals:

residuals = np.median(kinds.test_loss[..., 0, 0, :], axis=-1)  # [layers, f]
for name, values in zip(activations, residuals.T, strict=True):
    least, most = values.min(), values.max()
    print(f"{name:7} mean squared residual from {least:.2g} to {most:.2g}")

# %%
# Eigenvalues of a symmetric matrix
# ---------------------------------
# Yi, Fu and Tang (*Computers & Mathematics with Applications* 47, 1155, 2004) let a vector
# follow
#
# .. math:: \frac{dx}{dt} = (x^T x) A x - (x^T A x) \, x
#
# The vector keeps its length and turns towards an eigenvector of the largest eigenvalue,
# unless it starts orthogonal to all of these eigenvectors. The eigenvalue is then
#
# .. math:: \frac{x^T A x}{x^T x}
#
# A network solves the flow up to t = 5 with a trial function that starts at :math:`x_0`:
# :math:`x(t) = e^{-t} x_0 + (1 - e^{-t}) N(t)`. Here are 30 random matrices of size 6. A
# row of the data has a time and the number of a matrix. Each matrix is a group with its
# own network, and each seed has a different :math:`x_0`. This makes 300 networks.

SIZE = 6
END = 5.0
draw = np.random.default_rng(0)
q = draw.normal(size=(30, SIZE, SIZE))
matrices = np.float32((q + q.transpose(0, 2, 1)) / 2)
eigenvalues = np.linalg.eigvalsh(matrices)  # [matrix, 6], ascending

vector = jfnn.mlp((1, 20, SIZE), "tanh")


def start(key):
    of_network, of_vector = jax.random.split(key)
    x0 = jax.random.normal(of_vector, (SIZE,))
    return {
        "network": vector.init(of_network),
        "x0": jfnn.Constant(x0 / jnp.linalg.norm(x0)),
    }


def path(params, t):  # t [n, 1] -> [n, 6]
    left = jnp.exp(-t)
    return left * params["x0"].value + (1 - left) * vector.apply(
        params["network"], t / END
    )


def flow_residual(params, rows, key):
    t, number = rows[:, :1], rows[0, 1].astype(int)
    a = jnp.asarray(matrices)[number]
    x, dx = jax.jvp(lambda t: path(params, t), (t,), (jnp.ones_like(t),))
    ax = x @ a
    xx = jnp.sum(x * x, axis=1, keepdims=True)
    xax = jnp.sum(x * ax, axis=1, keepdims=True)
    return jnp.mean(jnp.sum((dx - (xx * ax - xax * x)) ** 2, axis=1))


times = np.linspace(0, END, 60)
number = np.repeat(np.arange(30), len(times))
rows = np.column_stack([np.tile(times, 30), number]).astype(np.float32)
flows = jfnn.sweep(
    jfnn.learner(start, flow_residual, optimizer=ADAM),
    jfnn.Split(rows),
    learning_rate=0.03,
    seeds=10,
    epochs=1000,
    batch_size=None,
    folds=jfnn.subsets.by_group(number),
)
ends = flows.predict(np.float32([[END]]), network=path)[
    0, 0, ..., 0, :
]  # [seed, matrix, 6]
found = np.einsum("smi,mij,smj->sm", ends, matrices, ends) / (ends**2).sum(axis=-1)
short = eigenvalues[:, -1] - found  # shortfall, [seed, matrix]
right = np.abs(short) < 0.05
print(f"one start: right to 0.05 in {right.mean():.0%} of 300")
print(
    f"the largest of ten: right in {np.any(right, axis=0).mean():.0%} of 30 matrices"
)
print(f"its error: median {np.median(short.min(axis=0)):.1e}")

# %%
# Where a result is wrong, did the flow not converge in time, or is the network wrong? The
# flow has a closed form: x(t) is parallel to :math:`e^{At} x_0`:

values, vectors = np.linalg.eigh(matrices)
x0 = np.asarray(flows.params["x0"].value)[0, 0]  # [seed, matrix, 6]
along = np.einsum("mij,smi->smj", vectors, x0) * np.exp(values * END)
of_flow = (values * along**2).sum(axis=-1) / (along**2).sum(axis=-1)
arrived = eigenvalues[:, -1] - of_flow < 0.05
print(f"the exact flow is right at t = {END:g} in {arrived.mean():.0%} of 300")
print(f"of these the networks are right in {right[arrived].mean():.0%}")

figure = Figure(figsize=(4.2, 4), layout="constrained")
axes = figure.subplots()
largest_eigenvalue = np.broadcast_to(eigenvalues[:, -1], found.shape)
axes.plot(
    largest_eigenvalue.ravel(), found.ravel(), ".", color="0.6", label="one start"
)
axes.plot(eigenvalues[:, -1], found.max(axis=0), "x", label="largest of ten starts")
axes.axline((2, 2), slope=1, color="black", linewidth=0.8)
axes.set(xlabel="largest eigenvalue", ylabel="found by networks")
axes.legend(frameon=False)
figure

# %%
# Every eigenvector is a fixed point of the flow. So a path that turns to a wrong
# eigenvector early has a small residual from then on: a low cost does not prove that the
# solution is right. The remedy: start several times and take the largest value.
#
# Exercises
# ---------
# The computed answers are in ``tests/course/test_differential_equations.py``.
#
# **Exercise 1.** By which factor does a step of Euler's scheme multiply sin πx? For which
# r does the error decrease with the fourth power of Δx instead of the second?
#
# **Exercise 2.** At r = 0.6 and Δx = 1/10, by which factor does a step multiply the
# fastest-growing mode? After about how many steps has a rounding error of 1e-16 grown to
# 1?
#
# **Exercise 3.** Show that the flow of Yi, Fu and Tang keeps the length of x. How does
# the same program find the smallest eigenvalue?
