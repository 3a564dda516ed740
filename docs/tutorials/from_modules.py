"""
From Equinox and Flax modules
=============================

You have an Equinox or Flax NNX module and a training loop with optax. This tutorial
trains a grid of such modules, compares the parameters with the loop's, adds
dropout, and loads a saved network back into the module.
"""

# %%
# Your program
# ------------
# Equinox and optax on scikit-learn's wine data (13 columns, 3 classes): one
# network, one learning rate.

import tempfile

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from sklearn.datasets import load_wine

import jfnn

split = jfnn.datasets.standardize(jfnn.datasets.split(*load_wine(return_X_y=True)))
x = jnp.float32(split.x_train)
y = jnp.asarray(split.y_train)
draw = np.random.default_rng(0)
batches = np.stack([draw.permutation(len(x))[:32] for _ in range(80)])
rates = [1e-3, 1e-2]


class Classifier(eqx.Module):
    first: eqx.nn.Linear
    norm: eqx.nn.LayerNorm
    last: eqx.nn.Linear

    def __init__(self, key):
        keys = jax.random.split(key)
        self.first = eqx.nn.Linear(13, 16, key=keys[0])
        self.norm = eqx.nn.LayerNorm(16)
        self.last = eqx.nn.Linear(16, 3, key=keys[1])

    def __call__(self, x):
        return self.last(jax.nn.relu(self.norm(self.first(x))))


def loss(model, rows):
    return optax.softmax_cross_entropy_with_integer_labels(
        jax.vmap(model)(x[rows]), y[rows]
    ).mean()


@eqx.filter_jit
def step(model, memory, rows, rate):
    gradients = eqx.filter_grad(loss)(model, rows)
    updates, memory = optax.adam(rate).update(gradients, memory)
    return eqx.apply_updates(model, updates), memory


def loop(model, rate):
    memory = optax.adam(rate).init(eqx.filter(model, eqx.is_inexact_array))
    for rows in batches:
        model, memory = step(model, memory, rows, rate)
    return model


trained = loop(Classifier(jax.random.key(0)), rates[1])

# %%
# The module as a network
# -----------------------
# `jfnn.from_equinox` takes the class itself, or any function ``key -> module``, so
# that each seed has its own initial weights. Seed 0 starts from
# ``jax.random.key(0)``. Parameters are a dict of the module's arrays by path.

options = {
    "optimizer": "adam",
    "epochs": 10,
    "batches": batches.reshape(10, 8, 32),
}
network = jfnn.from_equinox(Classifier)
every_epoch = jfnn.Execution(eval_every=1)
result = jfnn.sweep(
    network, split, learning_rate=rates, seeds=3, execution=every_epoch, **options
)
params = result.member(1, 0, 0)
print(sorted(params))


def largest_difference(params, module):
    """Return the largest difference between an entry and the module's array."""
    leaves = jax.tree_util.tree_leaves_with_path(module)
    names = [
        jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in leaves
    ]
    names = [name.removesuffix(".value") for name in names]
    pairs = zip(names, leaves, strict=True)
    return max(
        float(np.abs(params[name] - leaf).max())
        for name, (_, leaf) in pairs
        if name in params
    )


difference = largest_difference(params, trained)
print(f"largest difference from the loop: {difference:.1e}")
assert difference < 1e-4

# %%
# One program trained six networks and scored them at every epoch. The curves are
# means over seeds.

print("test accuracy [η, seed]:", result.test_accuracy[:, 0].round(3).tolist())
jfnn.plots.loss_curves(result)

# %%
# A module of Flax NNX
# --------------------
# `jfnn.from_flax` takes a function ``rngs -> module``. Here are the same network in
# NNX and its training loop.


class NNXClassifier(nnx.Module):
    def __init__(self, rngs):
        self.first = nnx.Linear(13, 16, rngs=rngs)
        self.norm = nnx.LayerNorm(16, rngs=rngs)
        self.last = nnx.Linear(16, 3, rngs=rngs)

    def __call__(self, x):
        return self.last(nnx.relu(self.norm(self.first(x))))


def nnx_loss(model, rows):
    return optax.softmax_cross_entropy_with_integer_labels(
        model(x[rows]), y[rows]
    ).mean()


@nnx.jit
def nnx_step(model, optimizer, rows):
    optimizer.update(model, nnx.grad(nnx_loss)(model, rows))


model = NNXClassifier(nnx.Rngs(jax.random.key(0)))
optimizer = nnx.Optimizer(model, optax.adam(rates[1]), wrt=nnx.Param)
for rows in batches:
    nnx_step(model, optimizer, rows)

flax_result = jfnn.sweep(
    jfnn.from_flax(NNXClassifier), split, learning_rate=rates, **options
)
difference = largest_difference(
    flax_result.member(1, 0, 0), nnx.state(model, nnx.Param)
)
print(f"largest difference from the loop: {difference:.1e}")
assert difference < 1e-4

# %%
# Dropout
# -------
# Training steps run the module with dropout; scores and predictions run it without.
# If ``__call__`` takes ``key``, it gets a new key for each row and step. The keys
# depend only on the seed, so a run is reproducible bit by bit. They are not the
# keys of your own loop, so with dropout the networks agree only in distribution.


class WithDropout(Classifier):
    dropout: eqx.nn.Dropout

    def __init__(self, key, rate=0.3):
        super().__init__(key)
        self.dropout = eqx.nn.Dropout(rate)

    def __call__(self, x, *, key=None):
        return self.last(
            self.dropout(jax.nn.relu(self.norm(self.first(x))), key=key)
        )


dropped = jfnn.sweep(
    jfnn.from_equinox(WithDropout), split, learning_rate=rates, seeds=3, **options
)
print("test accuracy [η, seed]:", dropped.test_accuracy[:, 0].round(3).tolist())

# %%
# State
# -----
# The running means of batch normalization are neither parameters nor functions of a
# single row. A module with such state raises an error before anything is compiled.
# Layer and group normalization have no state.

try:
    jfnn.from_flax(lambda rngs: nnx.BatchNorm(13, rngs=rngs))
except jfnn.ArgumentError as error:
    print(error)

# %%
# Save, load and rebuild the module
# ---------------------------------
# `jfnn.load` reads a saved result without Equinox. For a module, replace its
# arrays.


def as_module(params, module):
    """Return the module with its arrays replaced by these parameters."""

    def replaced(path, leaf):
        return params.get(
            jax.tree_util.keystr(path, simple=True, separator="."), leaf
        )

    return jax.tree_util.tree_map_with_path(replaced, module)


with tempfile.TemporaryDirectory() as directory:
    result.save(directory)
    loaded = jfnn.load(directory).member(1, 0, 0)
module = as_module(loaded, Classifier(jax.random.key(0)))
outputs = jax.vmap(module)(jnp.float32(split.x_test))
labels = jfnn.predict(network, loaded, split.x_test)
assert np.array_equal(labels, outputs.argmax(axis=1))
print(f"test accuracy of the module: {np.mean(labels == split.y_test):.3f}")

# %%
# Next steps
# ----------
# * :doc:`from_vmap` shows what jfnn adds to a custom network.
# * :doc:`/extending` describes learners with custom state.
# * Networks built from `jfnn.layers` train faster than modules, because jfnn
#   optimizes their matrix products. See :doc:`/kinds`.
