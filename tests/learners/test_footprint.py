"""Bytes used by a step of one member: closed forms, laws, and the compiler's own figure."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jfnn
from jfnn.core.engine import plan
from jfnn.core.engine.layouts import footprint, peak_bytes, unshared_peak_bytes
from jfnn.core.experiment.tracing import functions_of
from jfnn.learners import Batch

FLOAT = 4
N = 5
K = 7
M = 3
KEY = jax.eval_shape(lambda: jax.random.key(0))


def array(*shape, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


def held(function, *shapes):
    trace = jax.make_jaxpr(lambda *arguments: function(*arguments))(*shapes)
    return peak_bytes(trace.jaxpr, lambda array: True)


def outer_sum(x):
    return jnp.sum(lax.dot_general(x, x, (((1,), (1,)), ((), ()))))  # makes [n, n]


def scanned(c, w):
    return lax.scan(lambda c, _: (jnp.sin(c @ w), None), c, length=M)[0]


def loop(condition, body):
    return lambda x: lax.while_loop(condition, body, x)


X = array(N, 1)
# Function, inputs, and the number of values that it holds at its peak.
CLOSED_FORMS = {
    "product": (jnp.matmul, [array(N, K), array(K, M)], N * K + K * M + N * M),
    "input": (lambda x: x, [X], N),
    "result returned": (lambda x: (x, jnp.sin(jnp.sin(x))), [X], 3 * N),
    "result read again": (lambda x: jnp.sin(jnp.sin(x)) + x, [X], 3 * N),
    "dead code": (lambda x: [jnp.sin(outer_sum(x)) * 0, jnp.sin(x)][1], [X], 2 * N),
    "constant": (lambda x: jnp.sin(jnp.sin(x + jnp.arange(5.0)[:, None])), [X], 3 * N),
    "literal": (lambda x: 2.0 * x, [X], 2 * N),
    "scan": (scanned, [array(N, K), array(K, K)], 3 * N * K + K * K),  # carry twice, product, w
    "loop, large body": (loop(lambda x: x[0, 0] < 1, lambda x: x * outer_sum(x)), [X], 2 * N + N * N + 1),
    "loop, large condition": (loop(lambda x: outer_sum(x) < 1, lambda x: x), [X], 2 * N + N * N + 1),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_bytes_equal_the_closed_form(name):
    function, shapes, numbers = CLOSED_FORMS[name]
    assert held(function, *shapes) == FLOAT * numbers


def test_conditional_holds_its_larger_branch():
    def choice(*branches):
        return held(lambda i, x: lax.switch(i, branches, x), array(dtype=jnp.int32), X)

    index_input_and_result = FLOAT * (1 + 1 + N)
    assert choice(jnp.max, outer_sum) == choice(outer_sum, jnp.max) == index_input_and_result + FLOAT * N * N
    assert choice(jnp.max, outer_sum, jnp.max) == choice(outer_sum, outer_sum)


@pytest.mark.parametrize("calling", [jax.jit, jax.checkpoint])
def test_called_function_holds_intermediates_in_addition_to_inputs_and_result(calling):
    called = calling(lambda x: jnp.cos(outer_sum(x)) * jnp.sin(x))
    assert held(called, X) == FLOAT * (2 * N + N * N + 1)


def drawn(w, key):
    return jnp.sum(jax.random.uniform(key, (N, K)) @ w)


def powers(w):
    return lax.scan(lambda c, _: (c @ w, None), jnp.zeros((N, K)), length=M)[0]


def counted(most, x):
    return lax.while_loop(lambda c: c[0] < most, lambda c: (c[0] + 1, jnp.sin(c[1])), (np.float32(0), x))[1]


@pytest.mark.parametrize(
    ("function", "own", "shared", "numbers"),
    [
        (drawn, array(K, M), KEY, K * M + N * M),
        (lambda w, _: powers(w), array(K, K), None, K * K + 2 * N * K),
        (lambda x, w: x * jnp.sum(powers(w)), array(), array(K, K), 2),
        # A loop that depends on a member holds everything it reads and returns: the final count, x before and
        # after, and the number of iterations.
        (counted, array(), array(N), 1 + 2 * N + 1),
        (lambda x, most: counted(most, x), array(N), array(), 1 + 2 * N + 1),
    ],
)
def test_shared_arrays_take_no_bytes_and_everything_derived_from_a_members_own_does(
    function, own, shared, numbers
):
    held = unshared_peak_bytes(lambda own, shared: function(own, shared), [own], [shared])
    assert held == FLOAT * numbers


def collocation_network(points):
    """Return a network that solves u'' = -u on points drawn in each step."""
    net = jfnn.mlp((1, 16, 1), activation="tanh", init="glorot_normal")

    def u(params, t):
        return t + t**2 * net.apply(params, t.reshape(1, 1))[0, 0]

    def loss(params, batch, key):
        t = jax.random.uniform(key, (points,), maxval=3.0)
        second = jax.vmap(jax.grad(jax.grad(u, argnums=1), argnums=1), in_axes=(None, 0))
        return jnp.mean((second(params, t) + jax.vmap(u, in_axes=(None, 0))(params, t)) ** 2)

    return jfnn.learner(net.init, loss, optimizer="adam", random=True)


def shapes_of(learner, rows):
    """Return the arguments of `footprint` after the functions."""
    params = jax.eval_shape(lambda key: learner.pack(learner.init(key)), jax.random.key(0))
    return params, Batch(rows), dict.fromkeys(learner.hyper, array())


ONE_ROW = array(1, 1)


@pytest.mark.thorough
def test_footprint_is_close_to_the_compilers_memory_per_member():
    learner = collocation_network(256)
    params, batch, hyper = shapes_of(learner, ONE_ROW)
    state = jax.eval_shape(learner.start, params, hyper)

    def temporary(members):
        each = jax.tree.map(lambda leaf: array(members, *leaf.shape, dtype=leaf.dtype), (state, hyper))
        step = jax.jit(jax.vmap(learner.step, in_axes=(0, None, 0, None)))
        program = step.lower(each[0], batch, each[1], jax.random.key(0)).compile()
        return program.memory_analysis().temp_size_in_bytes

    ratio = footprint(functions_of(learner), params, batch, hyper) / ((temporary(16) - temporary(8)) / 8)
    print(f"footprint {ratio:.2f} times the compiler's")
    assert 0.7 < ratio < 2.5


def test_points_drawn_inside_a_loss_narrow_the_tiles():
    learner = collocation_network(256)
    params, batch, hyper = shapes_of(learner, ONE_ROW)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(params))
    size = plan.member_bytes(parameters, learner.width(), 1, FLOAT)
    # limited by the single row alone
    assert plan.tile_width(size, plan.CPU_TILE_BYTES, plan.CPU_WIDTHS) == 256
    room = plan.CPU_TRACED_TILE_BYTES // footprint(functions_of(learner), params, batch, hyper)
    assert 4 <= max(width for width in plan.CPU_WIDTHS if width <= room) <= 32
