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

WIDTHS = [8, 2, 3, 4, 5, 6, 7, 9, 10, 12, 16, 20, 25, 32, 48]
SHARED = [True, False, 2]
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


def noise(n_in, n_out, batch, dtype):
    """Return rows with classes, or with binary labels if the network has one output."""
    rng = np.random.default_rng(0)
    n = max(43, batch + 3)
    labels = rng.integers(0, 2, (n, 1)).astype(dtype) if n_out == 1 else np.arange(n) % n_out
    return jfnn.Split(rng.normal(size=(n, n_in)).astype(dtype), labels)


def check_slots(n_in, n_out, batch, tile=8, shared=True, hidden=(), dtype="float32", **options):
    """Train a sweep, the same sweep with cells and seeds reversed, and one cell alone; compare their bits."""
    tile += tile % 2 if shared == 2 else 0
    net = jfnn.mlp((n_in, *hidden, n_out), "tanh")
    split = noise(n_in, n_out, batch, dtype)
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


@pytest.mark.optimized
@pytest.mark.parametrize("batch", representatives([3, 5, 7, 8], 5))
def test_members_of_default_tiles_have_the_same_bits_with_few_rows(batch):
    net, split = jfnn.mlp((7, 40, 1), "tanh"), noise(7, 1, batch, "float32")
    rates = np.linspace(0.05, 0.5, 50)

    def swept(rates):
        loss = "sigmoid_cross_entropy"
        return jfnn.sweep(net, split, learning_rate=rates, l2=0.1, loss=loss, batch_size=batch, epochs=2)

    in_order, reverse = swept(rates), swept(rates[::-1])
    assert same_bits(jax.tree.map(lambda leaf: leaf[::-1], reverse.params), in_order.params)


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
