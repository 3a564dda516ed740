"""The bits of a member do not depend on its slot in a tile, for any network and minibatch size.

Compilers treat the last iterations of a loop separately, so these programs are optimized as for users, and
each example has its own sizes.
"""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import examples
from helpers import compiled, representatives, same_bits
from hypothesis import strategies

import jfnn
from jfnn import losses
from jfnn.layers import Dense, LayerNorm, Residual

WIDTHS = [8, 2, 3, 4, 5, 6, 7, 9, 10, 12, 16, 20, 25, 32, 48]
SHARED = [True, False, 2]
OPTIMIZERS = [
    *("sgd", jfnn.Optimizer("sgd", momentum=0.9), "adam", "adamw", "rmsprop", "adagrad", "adadelta"),
    *("radam", "lamb", "lion", "lbfgs"),
]
SUMS = ("add", "subtract")
# n_in, n_out, batch size and tile whose slots once differed: the first two on a processor with AVX-512, the
# others in products with one column, at most 7 rows and columns, or one sample, or in sums of deltas.
ONCE_DIFFERENT = [
    (7, 3, 5, 8),
    (4, 5, 3, 8),
    (1, 3, 16, 12),
    (16, 3, 1, 12),
    (5, 1, 5, 7),
    (1, 1, 1, 25),
    (16, 1, 1, 12),
    (7, 3, 3, 24),
]


def noise(inputs, n_out, batch, dtype="float32"):
    """Return inputs of a shape with classes, or with binary labels if the network has one output."""
    rng = np.random.default_rng(0)
    n = max(43, batch + 3)
    labels = rng.integers(0, 2, (n, 1)).astype(dtype) if n_out == 1 else np.arange(n) % n_out
    return jfnn.Split(rng.normal(size=(n, *inputs)).astype(dtype), labels)


def check_slots(n_in, n_out, batch, tile=8, shared=True, hidden=(), dtype="float32", **options):
    """Train a sweep, the same sweep with cells and seeds reversed, and one cell alone; compare their bits."""
    tile += tile % 2 if shared == 2 else 0
    net = jfnn.mlp((n_in, *hidden, n_out), "tanh")
    split = noise((n_in,), n_out, batch, dtype)
    loss = "sigmoid_cross_entropy" if n_out == 1 else "cross_entropy"
    rates = np.linspace(0.05, 0.5, tile if shared is True else -(-tile // 2))
    execution = jfnn.Execution(tile=tile, shared=shared)

    def params(rates, seeds):
        options_of_all = {"l2": 0.1, "epochs": 2, "batch_size": batch, "loss": loss, "execution": execution}
        swept = jfnn.sweep(net, split, learning_rate=rates, seeds=seeds, **options_of_all, **options)
        return jax.tree.map(np.asarray, swept.params)

    in_order = params(rates, [0, 1])
    assert jax.tree.leaves(in_order)[0].shape[:3] == (len(rates), 1, 2)
    reverse = params(rates[::-1], [1, 0])
    assert same_bits(jax.tree.map(lambda leaf: leaf[::-1, :, ::-1], reverse), in_order)
    assert same_bits(params(rates[-1:], [1]), jax.tree.map(lambda leaf: leaf[-1:, :, 1:], in_order))


@pytest.mark.optimized
@pytest.mark.parametrize(
    ("n_in", "n_out", "batch", "tile"), representatives(ONCE_DIFFERENT, ONCE_DIFFERENT[3])
)
def test_members_of_small_linear_networks_have_the_same_bits_in_every_slot(n_in, n_out, batch, tile):
    check_slots(n_in, n_out, batch, tile, optimizer="rmsprop")


def check_default_tiles(network, n_out, batch, cells, seeds=1, **options):
    """Train a sweep in the tiles that jfnn chooses, and the sweep with cells and seeds in another order."""
    split = noise(network.input_shape, n_out, batch)
    loss = "sigmoid_cross_entropy" if n_out == 1 else "cross_entropy"
    rates = np.geomspace(0.003, 0.3, cells)
    rng = np.random.default_rng(cells)
    order, order_of_seeds = rng.permutation(cells), rng.permutation(seeds)

    def params(rates, seeds):
        swept = jfnn.sweep(
            network, split, learning_rate=rates, seeds=seeds, epochs=2, batch_size=batch, loss=loss, **options
        )
        return jax.tree.map(np.asarray, swept.params)

    in_order = params(rates, range(seeds))
    other_order = params(rates[order], order_of_seeds)
    assert same_bits(other_order, jax.tree.map(lambda leaf: leaf[order][:, :, order_of_seeds], in_order))


# Network, outputs, batch size, number of cells and optimizer whose slots once differed in default tiles.
ONCE_DIFFERENT_BY_DEFAULT = {
    "few rows": (jfnn.mlp((7, 40, 1), "tanh"), 1, 5, 50, "sgd"),
    "moments": (jfnn.mlp((40, 3)), 3, 11, 50, "adam"),
    "momentum": (jfnn.mlp((39, 28, 8), "tanh"), 8, 21, 49, jfnn.Optimizer("sgd", momentum=0.9)),
    "recurrent": (jfnn.rnn((5, 2), 6, 3), 3, 9, 50, "rmsprop"),
    "one recurrent unit": (jfnn.rnn((2, 3), 1, 7, "elman"), 7, 13, 64, "rmsprop"),
    "line search": (jfnn.mlp((24, 30, 3), "tanh"), 3, 30, 32, "lbfgs"),
}


@pytest.mark.optimized
@pytest.mark.parametrize("case", representatives(list(ONCE_DIFFERENT_BY_DEFAULT), "moments"))
def test_members_of_default_tiles_have_the_same_bits_in_every_slot(case):
    network, n_out, batch, cells, optimizer = ONCE_DIFFERENT_BY_DEFAULT[case]
    check_default_tiles(network, n_out, batch, cells, optimizer=optimizer)


@pytest.mark.optimized
@pytest.mark.thorough
@examples((4, 4), (400, 400))
@pytest.mark.parametrize("dtype", ["float32", "float64"], indirect=True)
def test_members_have_the_same_bits_in_every_slot(examples, dtype):
    examples.check(
        check_slots,
        n_in=strategies.one_of(strategies.just(1), strategies.integers(1, 40)),
        n_out=strategies.integers(1, 10),
        batch=strategies.integers(2, 40),  # docs/reliability.md lists one row as a limitation
        tile=strategies.sampled_from(WIDTHS),
        shared=strategies.sampled_from(SHARED),
        hidden=strategies.lists(strategies.integers(1, 12), max_size=2),
        dtype=strategies.just(dtype),
        gradient=strategies.sampled_from(["autodiff", "backprop"]),
        optimizer=strategies.sampled_from(["sgd", "adam", "rmsprop"]),
    )


def drawn_network(kind, size, hidden, n_out, activation):
    """Return a network of a kind, with inputs and hidden layers of the given sizes."""
    if kind == "dense":
        return jfnn.mlp((size, *hidden, n_out), activation)
    if kind == "convolutional":
        return jfnn.cnn((1, 6, 6), [1 + size % 6], n_out, activation=activation)
    if kind == "normalized":
        layers = [Dense(size, activation), LayerNorm(), Residual([Dense(size, activation)])]
        return jfnn.sequential([*layers, Dense(n_out, "identity")], (7,))
    return jfnn.rnn((2 + size % 4, 3), 1 + size % 12, n_out, kind)


@pytest.mark.optimized
@pytest.mark.thorough
@examples((12, 12), (400, 400))
def test_members_of_drawn_networks_have_the_same_bits_in_default_tiles(examples):
    def check(kind, size, hidden, activation, n_out, **options):
        check_default_tiles(drawn_network(kind, size, hidden, n_out, activation), n_out, **options)

    examples.check(
        check,
        kind=strategies.sampled_from(["dense", "convolutional", "elman", "gru", "lstm", "normalized"]),
        size=strategies.integers(1, 40),
        hidden=strategies.lists(strategies.integers(1, 30), max_size=2),
        activation=strategies.sampled_from(["tanh", "relu", "sigmoid"]),
        n_out=strategies.integers(1, 10),
        batch=strategies.integers(2, 40),
        cells=strategies.sampled_from([7, 12, 25, 31, 49, 50, 64, 100]),
        seeds=strategies.integers(1, 3),
        optimizer=strategies.sampled_from(OPTIMIZERS),
    )


def sums_of_two_products(function, *arguments):
    """Return the names of sums of two products that a compiled function computes in one kernel."""
    text = compiled(function).lower(*arguments).compile().as_text()
    found = re.findall(r"(%[\w.-]+) = \S+ ([\w-]+)\((.*?)\)", text)
    operations = {name: (operation, re.findall(r"%[\w.-]+", operands)) for name, operation, operands in found}

    def is_product(name):
        operation, operands = operations[name]
        if operation in ("bitcast", "broadcast", "negate", "reshape", "transpose"):
            return is_product(operands[0])
        return operation == "multiply"

    sums = {name: operands for name, (operation, operands) in operations.items() if operation in SUMS}
    return [name for name, operands in sums.items() if all(map(is_product, operands))]


def test_gradient_of_the_cross_entropy_adds_no_two_products():
    """A compiler may round either product first, and may choose differently for the last slots of a loop."""
    outputs = jnp.ones((8, 3, 5))  # members, classes, rows
    targets = jnp.ones((3, 5))

    def gradients(outputs, targets, weights):
        cost = losses.cross_entropy
        return jax.vmap(jax.grad(lambda z: jnp.sum(weights * cost(z, targets, axis=0))))(outputs)

    def products(a, b, c):
        return a * b + 2 * c

    assert sums_of_two_products(products, outputs, outputs + 1, outputs)
    assert not sums_of_two_products(gradients, outputs, targets, jnp.ones(5))
