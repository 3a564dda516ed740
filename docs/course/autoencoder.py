"""
An autoencoder
==============

An autoencoder reproduces its input through a narrow layer. Derive its gradient by hand
for a decoder that shares the encoder's weights. Then compare it with principal
components: no network with one hidden layer can do better, but a deeper one can.
"""

# %%
# The network
# -----------
# The data are the digits with pixels from 0 to 1, minus the mean image. The encoder maps
# 64 numbers to a code of k numbers. The decoder maps the code back, with the same
# weights:
#
# .. math:: z = x w + b, \qquad h = f(z), \qquad \hat{x} = h w^T + c, \qquad
#           C = \frac{1}{2 n} \sum_i (\hat{x}_i - x_i)^2

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy.linalg import subspace_angles
from sklearn.neighbors import KNeighborsClassifier

import jfnn

digits = jfnn.datasets.digits()
mean = digits.x_train.mean(axis=0)
x = np.float32((digits.x_train - mean) / 16)
x_test = np.float32((digits.x_test - mean) / 16)

# %%
# The gradient by hand
# --------------------
# The deltas work backwards from the output, as in any network:
#
# .. math:: \delta_2 = (\hat{x} - x) / n, \qquad \delta_1 = (\delta_2 w) \circ f'(z)
#
# The weights appear twice, so their gradient has two terms: one from w in the encoder,
# whose input is x, and one from :math:`w^T` in the decoder, whose input is h:
#
# .. math:: \frac{\partial C}{\partial w} = x^T \delta_1 + \delta_2^T h, \qquad
#           \frac{\partial C}{\partial b} = \sum_i \delta_1, \qquad
#           \frac{\partial C}{\partial c} = \sum_i \delta_2


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def by_hand(w, b, c, x):
    h = sigmoid(x @ w + b)
    delta2 = (h @ w.T + c - x) / len(x)
    delta1 = (delta2 @ w) * h * (1 - h)
    encoder, decoder = x.T @ delta1, delta2.T @ h
    return encoder, decoder, delta1.sum(axis=0), delta2.sum(axis=0)


def cost(params, x):
    w, b, c = params
    repeated = jax.nn.sigmoid(x @ w + b) @ w.T + c
    return 0.5 * jnp.mean(jnp.sum((repeated - x) ** 2, axis=1))


draw = np.random.default_rng(0)
params = (
    draw.normal(size=(64, 8)) / 8,
    draw.normal(size=8),
    draw.normal(size=64) / 16,
)
encoder, decoder, db, dc = by_hand(*params, x)
gradients = {"w": encoder + decoder, "b": db, "c": dc}
by_jax = jax.grad(cost)(params, x)
for (name, ours), theirs in zip(gradients.items(), by_jax, strict=True):
    relative = np.abs(ours - theirs).max() / np.abs(theirs).max()
    print(f"∂C/∂{name}: relative difference by hand and by jax.grad {relative:.1e}")

# %%
# If you forget that w appears twice, you get only one of these terms:

for name, part in {"encoder": encoder, "decoder": decoder}.items():
    relative = np.abs(part - by_jax[0]).max() / np.abs(by_jax[0]).max()
    print(f"the {name}'s term alone: {relative:.2f}")

# %%
# Here the decoder's term alone is almost right, so training with it would seem to work.
# Only a comparison reveals such a mistake.
#
# A lower bound
# -------------
# Whatever the encoder is, :math:`\hat{x} - c` has at most rank k. Among all matrices of
# rank k, the projection on the first k principal components is closest to x. Let
# :math:`\lambda_1 \ge \lambda_2 \ge \dots` be the eigenvalues of :math:`x^T x / n`. Then
#
# .. math:: C \ge \frac{1}{2} \sum_{j > k} \lambda_j
#
# A linear autoencoder reaches this bound, and all its other stationary points are saddles
# (`Baldi and Hornik 1989 <https://doi.org/10.1016/0893-6080(89)90014-2>`_; for tied
# weights Yang, *IEEE Transactions on Signal Processing* 43, 95, 1995). One hidden layer
# of sigmoids cannot go below it (`Bourlard and Kamp 1988
# <https://doi.org/10.1007/BF00332918>`_). Train both with 2 to 16 units. All share one
# compiled program of 16 units, where units beyond the first k are switched off.

values, vectors = np.linalg.eigh(x.T @ x / len(x))
values, vectors = values[::-1], vectors[:, ::-1]
codes = [2, 4, 8, 16]
floor = np.array([values[k:].sum() / 2 for k in codes])


def tied(f):
    def init(key):
        start = jax.nn.initializers.glorot_normal()(key, (64, 16))
        return start, jnp.zeros(16), jnp.zeros(64)

    def errors(params, rows, code):
        w, b, c = params
        h = f(rows @ w + b) * (jnp.arange(16) < code)
        return 0.5 * jnp.sum((h @ w.T + c - rows) ** 2, axis=1)

    def loss(params, rows, key, code):
        return jnp.mean(errors(params, rows, code))

    def score(params, rows, code):
        return {"loss": errors(params, rows, code)}

    optimizer = jfnn.Optimizer("adam", schedule="cosine")
    return jfnn.learner(
        init, loss, optimizer=optimizer, hyper=["code"], score=score
    )


shallow = jfnn.sweep(
    {"linear": tied(lambda z: z), "sigmoid": tied(jax.nn.sigmoid)},
    jfnn.Split(x, x_test=x_test),
    learning_rate=[0.003, 0.01, 0.03],
    hyper={"code": [float(k) for k in codes]},
    seeds=10,
    batch_size=50,
    epochs=60,
)
least = shallow.train_loss.min(
    axis=(1, 2, -1)
)  # [activation, code], over rates and seeds
for name, of_kind in zip(["linear", "sigmoid"], least, strict=True):
    print(f"{name:8} least cost / bound, k = {codes}:", (of_kind / floor).round(4))

# %%
# The linear autoencoder comes within a percent of the bound, without computing
# eigenvectors. Its weights span the same space as the first k eigenvectors, but are not
# equal to them: any rotation of the code has the same cost.

k = codes.index(8)
w = np.asarray(shallow.member(0, 1, 0, k, 0)[0])[:, :8]
angle = np.degrees(subspace_angles(w, vectors[:, :8]).max())
alike = np.abs((w / np.linalg.norm(w, axis=0)).T @ vectors[:, :8]).max(axis=1)
print(f"largest angle between the two spaces: {angle:.1f}°")
print("largest cosine of each column with an eigenvector:", alike.round(2))

# %%
# Below the bound
# ---------------
# Add hidden layers on both sides of the code: 64-50-k-50-64. Then the outputs no longer
# lie in a k-dimensional plane:

LAST = 8


def deep(code):
    return jfnn.sequential(
        [
            jfnn.Dense(50, "relu"),
            jfnn.Dense(code, "identity"),
            jfnn.Dense(50, "relu"),
            jfnn.Dense(64, "identity"),
        ],
        64,
    )


curved = jfnn.sweep(
    jfnn.Networks(deep, code=[2, 4, LAST]),
    jfnn.Split(x, x, x_test, x_test),
    loss="quadratic",
    learning_rate=[0.003, 0.01],
    optimizer=jfnn.Optimizer("adam", schedule="cosine"),
    seeds=10,
    batch_size=50,
    epochs=60,
    gradient="backprop",
)
components = [vectors[:, :k] for k in codes]
of_rest = [x_test - x_test @ v @ v.T for v in components]
floor_test = np.array([0.5 * np.mean(np.sum(rest**2, axis=1)) for rest in of_rest])

figure = Figure(figsize=(7, 3.2), layout="constrained")
panels = figure.subplots(1, 2, sharey=True)
for axes, part, principal in zip(
    panels, ("train", "test"), (floor, floor_test), strict=True
):
    of_shallow = getattr(shallow, f"{part}_loss")[:, :, 0]  # [kind, η, code, seed]
    of_deep = getattr(curved, f"{part}_loss")[..., 0, :]  # [code, η, seed]
    kinds = {
        "linear, tied": of_shallow[0].transpose(1, 0, 2),
        "sigmoid, tied": of_shallow[1].transpose(1, 0, 2),
        "64-50-k-50-64": of_deep,
    }
    for name, losses in kinds.items():
        best = losses.mean(axis=-1).argmin(axis=1)
        of_best = losses[np.arange(len(losses)), best]  # [code, seed]
        statistic = [jfnn.analysis.interval(each) for each in of_best]
        ends = np.abs(np.array(statistic).T - of_best.mean(axis=1))
        axes.errorbar(
            codes[: len(losses)], of_best.mean(axis=1), ends, fmt="o-", label=name
        )
    axes.plot(codes, principal, "k--", zorder=3, label="principal components")
    axes.set(title=f"{part} rows", xlabel="k", xscale="log", ylim=(0, 2))
    axes.set_xticks(codes, codes)
    axes.minorticks_off()
panels[0].set_ylabel("cost")
panels[0].legend(frameon=False, fontsize="small")
figure

# %%

deepest = curved.train_loss[..., 0, :].mean(axis=-1).min(axis=1)
on_test = curved.test_loss[..., 0, :].mean(axis=-1).min(axis=1)
for i, k in enumerate((2, 4, LAST)):
    print(
        f"k = {k}: cost / principal components: train {deepest[i] / floor[i]:.2f}, "
        f"test {on_test[i] / floor_test[i]:.2f}"
    )

# %%
# A code of two numbers
# ---------------------
# Neither method has seen a label. How well do the codes separate the digits? Give each
# test digit the most frequent label of its ten nearest training digits:

encoder_network = jfnn.sequential(
    [jfnn.Dense(50, "relu"), jfnn.Dense(2, "identity")], 64
)
j = int(curved.train_loss[0, :, 0].mean(axis=-1).argmin())
both = {"principal components": (x @ components[0], x_test @ components[0])}
for seed in range(10):
    weights = curved.member(0, j, 0, seed)[:2]
    both[f"deep, seed {seed}"] = tuple(
        np.asarray(encoder_network.apply(weights, rows)) for rows in (x, x_test)
    )
right = {
    name: KNeighborsClassifier(10)
    .fit(code, digits.y_train)
    .score(code_test, digits.y_test)
    for name, (code, code_test) in both.items()
}
of_seeds = np.array(
    [value for name, value in right.items() if name.startswith("deep")]
)
low, high = jfnn.analysis.interval(of_seeds)
print(f"principal components: {right['principal components']:.3f}")
print(
    f"deep: {of_seeds.mean():.3f}, 95% interval over seeds {low:.3f} to {high:.3f}"
)

figure = Figure(figsize=(7, 3.6), layout="constrained")
shown = ("principal components", "deep, seed 0")
for axes, name in zip(figure.subplots(1, 2), shown, strict=True):
    points = axes.scatter(*both[name][1].T, c=digits.y_test, cmap="tab10", s=6)
    axes.set(title=f"{name}: {right[name]:.2f} right", xticks=[], yticks=[])
figure.colorbar(points, ax=figure.axes, label="digit", ticks=range(10))
figure

# %%
# Exercises
# ---------
# The computed answers are in ``tests/course/test_autoencoder.py``.
#
# **Exercise 1.** Give the decoder its own weights v: :math:`\hat{x} = h v + c`. What are
# ∂C/∂w and ∂C/∂v? How does the gradient of tied weights follow from them?
#
# **Exercise 2.** Consider a linear autoencoder with tied weights and :math:`b = c = 0`.
# The columns of w are any k eigenvectors other than the first k. Show that the gradient
# is 0. What is C, and in which direction does it decrease?
#
# **Exercise 3.** Use random encoder weights and the best least-squares decoder. How far
# above the bound is C with 8 sigmoid units?
