"""
The boundary of trainability
============================

Each pixel is one network. All start from the same weights, with different learning rates for the two
layers. Training converges for blue pixels and diverges for red ones; the boundary between them is rough
(`Sohl-Dickstein 2024 <https://arxiv.org/abs/2402.06184>`_). The :doc:`full version </pictures>` zooms in
twice and finds a fractal dimension of 1.77; the author reports 1.17 to 1.98 over all his conditions.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

import jfnn

WIDTH = 8
ROWS = 72
PIXELS = 128
STEPS = 60


def start(key):
    """Draw normal weights for both layers."""
    return jax.random.normal(key, (WIDTH, WIDTH)), jax.random.normal(jax.random.fold_in(key, 1), (WIDTH, 1))


def loss(params, batch, key):
    """Return the mean squared error."""
    x, y = batch
    outputs = jnp.tanh(x @ params[0] * np.sqrt(2 / WIDTH)) @ params[1] / WIDTH
    return jnp.mean((outputs - y) ** 2)


def layerwise(learning_rate, output_rate):
    """Return gradient descent with its own learning rate for each layer."""

    def update(gradients, state, params=None):
        return (-learning_rate * gradients[0], -output_rate * gradients[1]), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


# %%
# The loss before each step is kept. Training has converged if the mean of the last 20 is below the first.

rng = np.random.default_rng(0)
x, y = (rng.normal(size=(ROWS, columns)).astype(np.float32) for columns in (WIDTH, 1))
input_rates = np.logspace(3.5, 5.5, PIXELS)
output_rates = np.logspace(0.6, 1.8, PIXELS)
result = jfnn.sweep(
    jfnn.learner(start, loss, optimizer=jfnn.Optimizer(layerwise, output_rate=output_rates)),
    jfnn.Split(x, y),
    learning_rate=input_rates,
    epochs=STEPS,
    batch_size=None,
    execution=jfnn.Execution(objective=True, keep_params="none"),
)
losses = result.objective[:, 0, :, 0]  # [input rate, output rate, steps]
relative = np.minimum(np.nan_to_num(losses / losses[..., :1], nan=1e6, posinf=1e6), 1e6)
converged = relative[..., -20:].mean(axis=-1) < 1
print(f"{converged.size:,} networks, {converged.mean():.0%} converge")

# %%
# Colors are more intense where training is slower. They show the rank of the sum of the losses where it
# converges, and of the sum of their inverses where it diverges.

image = np.zeros(converged.shape)
for part, sign, slow in ((converged, 1, relative), (~converged, -1, 1 / relative)):
    ranks = slow[part].sum(axis=-1).argsort().argsort()
    image[part] = sign * np.linspace(0.25, 1, part.sum())[ranks]

figure = Figure(figsize=(5, 4.6), layout="constrained")
axes = figure.subplots()
axes.set(xlabel="log₁₀ η, input layer", ylabel="log₁₀ η, output layer")
axes.imshow(image.T, "Spectral", extent=(3.5, 5.5, 0.6, 1.8), origin="lower", aspect="auto", vmin=-1, vmax=1)
figure
