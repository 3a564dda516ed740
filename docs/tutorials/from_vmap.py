"""
From jit(vmap(train))
=====================

You train a grid of networks with ``jax.jit(jax.vmap(train))``. This tutorial trains
the same grid with `jfnn.sweep`: first a network of `jfnn.mlp`, then custom ``init``
and ``apply`` functions, then a custom loss. Each time it compares the parameters.
"""

# %%
# Your program
# ------------
# Plain JAX on the digits: a list of ``(w, b)``, a loss, a scan over minibatches,
# and ``vmap`` over learning rates η and penalties λ.

import tempfile

import jax
import jax.numpy as jnp
import numpy as np

import jfnn

split = jfnn.datasets.digits()
split = split._replace(
    x_train=np.float32(split.x_train / 16), x_test=np.float32(split.x_test / 16)
)
x = jnp.asarray(split.x_train)
y = jnp.asarray(split.y_train)
rates = [0.03, 0.1, 0.3]
penalties = [0.0, 1e-3, 1e-2]
epochs = 5
steps = 14
batch = 100


def init(key):
    keys = jax.random.split(key)
    shapes = zip(keys, [(64, 32), (32, 10)], strict=True)
    return [
        (jax.random.normal(k, shape) / shape[0] ** 0.5, jnp.zeros(shape[1]))
        for k, shape in shapes
    ]


def apply(params, x):
    (w1, b1), (w2, b2) = params
    return jnp.tanh(x @ w1 + b1) @ w2 + b2


def loss(params, x, y):
    return -jnp.mean(
        jnp.take_along_axis(
            jax.nn.log_softmax(apply(params, x)), y[:, None], axis=1
        )
    )


def objective(params, rows, l2):
    return loss(params, x[rows], y[rows]) + l2 / 2 * sum(
        jnp.sum(w**2) for w, _ in params
    )


def train(start, batches, rate, l2):
    def step(params, rows):
        gradients = jax.grad(objective)(params, rows, l2)
        return jax.tree.map(lambda p, g: p - rate * g, params, gradients), None

    return jax.lax.scan(step, start, batches)[0]


draw = np.random.default_rng(0)
batches = np.stack(
    [draw.permutation(len(x))[:batch] for _ in range(epochs * steps)]
)
start = init(jax.random.key(0))
over_penalties = jax.vmap(train, in_axes=(None, None, None, 0))
grid = jax.jit(jax.vmap(over_penalties, in_axes=(None, None, 0, None)))
by_vmap = grid(start, batches, jnp.array(rates), jnp.array(penalties))

# %%
# A network of jfnn
# -----------------
# ``initial_params`` and ``batches`` give the sweep the same initial weights and the
# same minibatches. The penalty needs a factor: jfnn divides the whole objective,
# penalty included, by the number of rows in a minibatch, while the program above
# divides only the cost. So jfnn's λ is 100 times the program's.


def largest_difference(params, others):
    """Return the largest difference between parameters of two grids of networks."""
    leaves = zip(jax.tree.leaves(params), jax.tree.leaves(others), strict=True)
    return max(np.abs(a.reshape(b.shape) - b).max() for a, b in leaves)


scaled = [batch * penalty for penalty in penalties]
options = {
    "learning_rate": rates,
    "epochs": epochs,
    "batches": batches.reshape(epochs, steps, batch),
}
network = jfnn.mlp((64, 32, 10), activation="tanh")
result = jfnn.sweep(
    network,
    split,
    l2=scaled,
    initial_params=tuple(jfnn.Layer(w, b) for w, b in start),
    **options,
)
difference = largest_difference(result.params, by_vmap)
print(f"largest difference of a parameter: {difference:.1e}")
assert difference < 1e-5

# %%
# Both compute in float32, in different orders, so the last digits differ.
#
# A custom network, a custom loss
# -------------------------------
# A pair of functions defines a network. It keeps your parameter structure and needs
# no ``initial_params``, since seed 0 starts from ``init(jax.random.key(0))``.

custom = jfnn.sweep(jfnn.Network(init, apply), split, l2=scaled, **options)
print(f"custom network: {largest_difference(custom.params, by_vmap):.1e}")

# %%
# `jfnn.learner` takes your loss too. It adds λ/2 Σ w² undivided: λ needs no factor.

learner = jfnn.learner(init, lambda params, rows, key: loss(params, *rows))
custom_loss = jfnn.sweep(learner, split, l2=penalties, **options)
print(f"custom loss:    {largest_difference(custom_loss.params, by_vmap):.1e}")
assert largest_difference(custom.params, by_vmap) < 1e-5
assert largest_difference(custom_loss.params, by_vmap) < 1e-5

# %%
# What jfnn adds
# --------------
# **Reproducible bits.** Train the last network of the grid alone. With ``jit``, its
# last bits may differ from those in the grid. With `jfnn.train` they are the same
# if you pass the tile shape (how many members one call trains, and whether they
# share minibatches), which ``result.execution`` holds.

alone = jax.jit(train)(start, batches, rates[-1], penalties[-1])
print("by jit, equal bits: ", bool(jnp.all(alone[0][0] == by_vmap[0][0][-1, -1])))
params = jfnn.train(
    network,
    split.x_train,
    split.y_train,
    learning_rate=rates[-1],
    l2=scaled[-1],
    initial_params=tuple(jfnn.Layer(w, b) for w, b in start),
    epochs=epochs,
    batches=options["batches"],
    execution=result.execution,
).params
equal = [
    np.array_equal(a, b)
    for a, b in zip(params[0], result.member(-1, -1, 0)[0], strict=True)
]
print("by jfnn, equal bits:", all(equal))
assert all(equal)

# %%
# **Seeds, scores, divergence.** Seeds are one more axis; each has its own initial
# weights and minibatches, sampled inside the program. A member whose parameters
# become NaN or infinite is frozen at its last finite epoch and excluded from the
# ranking. Here λ = 1,500 is too large for η = 0.3. ``vmap`` would return NaN
# without the epoch at which it appeared.

search = jfnn.sweep(
    network,
    split,
    learning_rate=rates,
    l2=[0.0, 0.1, 1500.0],
    seeds=4,
    validation=0.2,
    epochs=10,
)
print(search.best())
print("diverged in epoch [η, λ], seed 0:")
print(search.diverged_at[..., 0])
jfnn.plots.heat_map(search)

# %%
# **Stop and resume.** With ``out`` a run saves its state as it trains. Here the
# callback ``progress`` stops it as Ctrl-C does. The second call resumes the run,
# and the result has the bits of an uninterrupted run.


def stop(progress):
    if progress.epoch >= 2:
        raise KeyboardInterrupt


def run(progress=None):
    execution = jfnn.Execution(eval_every=1, progress=progress)
    return jfnn.sweep(
        jfnn.Network(init, apply),
        split,
        l2=scaled,
        out=directory,
        resume=True,
        execution=execution,
        **options,
    )


with tempfile.TemporaryDirectory() as directory:
    try:
        run(stop)
    except KeyboardInterrupt:
        print("stopped")
    resumed = run()
assert largest_difference(resumed.params, custom.params) == 0

# %%
# **Memory.** ``vmap`` holds the activations of all members at once. jfnn divides
# the members into tiles. On a CPU, a tile fits into a core's cache, and each core
# trains one tile at a time:

print(f"{result.diverged_at.size} members in tiles of {result.execution.tile}")
print(f"{search.diverged_at.size} members in tiles of {search.execution.tile}")

# %%
# Next steps
# ----------
# * :doc:`/when_it_pays` compares the speed of ``jit(vmap(train))`` with jfnn, and
#   lists cases where plain JAX is the better choice.
# * :doc:`/reliability` explains what determines the bits of a member.
# * :doc:`/extending` shows custom layers, metrics, schedulers and learners.
