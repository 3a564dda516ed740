"""Bytes that a step of one member holds: closed forms, laws, and the compiler's own account."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jfnn
from jfnn.engine import plan
from jfnn.learners import Batch
from jfnn.learners.footprint import CPU_ROOM, footprint, step_bytes
from jfnn.learners.traced import Traced, traced

FLOAT = 4
N, K, M = 5, 7, 3


def array(*shape, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


def held(function, *shapes, own=None):
    return step_bytes(jax.make_jaxpr(lambda *arguments: function(*arguments))(*shapes), own)


def outer_sum(x):
    return jnp.sum(lax.dot_general(x, x, (((1,), (1,)), ((), ()))))  # makes [n, n]


def test_a_product_holds_its_factors_and_its_result():
    assert held(jnp.matmul, array(N, K), array(K, M)) == FLOAT * (N * K + K * M + N * M)
    assert held(jnp.matmul, array(N, K, dtype=jnp.float16), array(K, M, dtype=jnp.float16)) == 2 * (
        N * K + K * M + N * M
    )


@pytest.mark.parametrize(
    ("function", "arrays"),
    [
        (lambda x: x, 1),
        (lambda x: (x, jnp.sin(jnp.sin(x))), 3),  # what is returned lives on
        (lambda x: jnp.sin(jnp.sin(x)) + x, 3),  # and what is read again
        (lambda x: jnp.sin(x) + jnp.cos(x), 3),
        (lambda x: [jnp.sin(outer_sum(x)) * 0, jnp.sin(x)][1], 2),  # nothing depends on the first
    ],
)
def test_arrays_live_from_where_they_are_made_to_their_last_use(function, arrays):
    assert held(function, array(N, 1)) == FLOAT * arrays * N


def test_a_constant_lives_to_its_last_use_and_a_literal_takes_nothing():
    constant = jnp.arange(N, dtype=jnp.float32)
    assert held(lambda x: jnp.sin(jnp.sin(x + constant)), array(N)) == FLOAT * 3 * N
    assert held(lambda x: 2.0 * x, array(N)) == FLOAT * 2 * N


@pytest.mark.parametrize("length", [2, 50])
def test_a_scan_holds_its_carry_twice_and_what_its_body_makes_once(length):
    def scanned(c, w):
        return lax.scan(lambda c, _: (jnp.sin(c @ w), None), c, length=length)[0]

    # Before and after, and the product; and w.
    assert held(scanned, array(N, K), array(K, K)) == FLOAT * (3 * N * K + K * K)


def test_a_while_loop_holds_its_body_or_its_condition_whichever_is_larger():
    def loop(condition, body):
        return held(lambda x: lax.while_loop(condition, body, x), array(N, 1))

    body, condition = (lambda x: x * outer_sum(x)), (lambda x: outer_sum(x) < 1)
    # Before and after; the matrix, and the sum or what its condition compares.
    assert loop(lambda x: x[0, 0] < 1, body) == FLOAT * (2 * N + N * N + 1)
    assert loop(condition, lambda x: x) == FLOAT * (2 * N + N * N + 1)
    assert loop(condition, body) == FLOAT * (2 * N + N * N + 1)


def test_a_choice_holds_its_larger_branch():
    def choice(*branches):
        return held(lambda i, x: lax.switch(i, branches, x), array(dtype=jnp.int32), array(N, 1))

    small, large = jnp.max, outer_sum
    index_input_and_result = FLOAT * (1 + 1 + N)
    clamped = FLOAT  # the index, as `switch` bounds it
    assert choice(small, small) <= index_input_and_result + clamped
    assert choice(small, large) == choice(large, small) == index_input_and_result + FLOAT * N * N
    assert choice(small, large, small) == choice(large, large)


def by_custom_jvp(function):
    made = jax.custom_jvp(function)
    made.defjvp(lambda primals, tangents: jax.jvp(function, primals, tangents))
    return made


def by_custom_vjp(function):
    made = jax.custom_vjp(function)
    made.defvjp(lambda *x: jax.vjp(function, *x), lambda pull, d: pull(d))
    return made


@pytest.mark.parametrize("calling", [jax.jit, jax.checkpoint, by_custom_jvp, by_custom_vjp])
def test_a_function_that_is_called_holds_what_it_does_written_out(calling):
    def inner(x):
        y = jnp.sin(x)
        return y @ y.T @ jnp.cos(y)

    called = calling(inner)
    # x is read again after the first call, and not after the second.
    alone = held(lambda x: inner(inner(x) + x), array(N, K))
    assert held(lambda x: called(called(x) + x), array(N, K)) == alone
    assert held(jax.jit(lambda x: called(called(x) + x)), array(N, K)) == alone
    assert alone == FLOAT * (2 * N * K + N * N + N * K)


def test_what_is_shared_takes_nothing_and_all_that_follows_from_a_members_own_does():
    def drawn(key, w):
        return jnp.sum(jax.random.uniform(key, (N, K)) @ w)

    key, w = jax.eval_shape(lambda: jax.random.key(0)), array(K, M)
    assert held(drawn, key, w, own=[False, True]) == FLOAT * (K * M + N * M)
    assert held(drawn, key, w, own=[False, False]) == 0
    assert held(drawn, key, w, own=[True, False]) >= FLOAT * (N * K + N * M)


def test_a_loop_whose_carry_becomes_a_members_own_holds_it_for_each():
    def scanned(w):
        return lax.scan(lambda c, _: (c @ w, c), jnp.zeros((N, K)), length=M)

    # The carry after, and before each of M steps; it begins with zeros, which members share.
    assert held(scanned, array(K, K), own=[True]) == FLOAT * (K * K + N * K + M * N * K)
    assert held(scanned, array(K, K), own=[False]) == 0


def test_a_loop_that_ends_by_a_members_own_numbers_holds_all_its_carry_for_each():
    def loop(most, x):
        return lax.while_loop(lambda c: c[0] < most, lambda c: (c[0] + 1, jnp.sin(c[1])), (np.float32(0), x))[
            1
        ]

    shapes = array(), array(N)
    assert held(loop, *shapes, own=[True, False]) == FLOAT * (1 + 1 + N)  # and the count of steps
    assert held(loop, *shapes, own=[False, True]) == FLOAT * 2 * N


def drawn_points(points, units=16, losses=None):
    """A network that solves u'' = -u on points that each step draws."""
    net = jfnn.mlp((1, units, 1), activation="tanh", init="glorot_normal")

    def u(params, t):
        return t + t**2 * net.apply(params, t.reshape(1, 1))[0, 0]

    def loss(params, batch, key):
        if losses is not None:
            losses.append(points)
        t = jax.random.uniform(key, (points,), maxval=3.0)
        second = jax.vmap(jax.grad(jax.grad(u, argnums=1), argnums=1), in_axes=(None, 0))
        return jnp.mean((second(params, t) + jax.vmap(u, in_axes=(None, 0))(params, t)) ** 2)

    return jfnn.learner(net.init, loss, optimizer="adam", random=True)


def shapes(learner, rows):
    """Arguments of `footprint` after the learner."""
    params = jax.eval_shape(lambda key: learner.pack(learner.init(key)), jax.random.key(0))
    return params, Batch(rows), dict.fromkeys(learner.hyper, array())


ONE_ROW = array(1, 1)


def test_a_footprint_grows_with_what_a_step_computes():
    drawing = [drawn_points(n) for n in (8, 64)] + [drawn_points(64, units) for units in (32, 64)]
    grown = [footprint(learner, *shapes(learner, ONE_ROW)) for learner in drawing]
    assert grown == sorted(set(grown))
    narrow, wide = (
        [footprint(network, *shapes(network, (array(batch, 8), array(batch, 3)))) for batch in (1, 10, 100)]
        for network in (jfnn.learners.supervised(jfnn.mlp((8, n, 3))) for n in (4, 40))
    )
    assert narrow == sorted(set(narrow)) and wide == sorted(set(wide))
    assert all(one < other for one, other in zip(narrow, wide, strict=True))


def test_a_footprint_is_near_what_the_compiler_sets_aside_for_a_member():
    learner = drawn_points(256)
    params, batch, hyper = shapes(learner, ONE_ROW)
    state = jax.eval_shape(learner.start, params, hyper)

    def temporary(members):
        each = jax.tree.map(lambda leaf: array(members, *leaf.shape, dtype=leaf.dtype), (state, hyper))
        step = jax.jit(jax.vmap(learner.step, in_axes=(0, None, 0, None)))
        program = step.lower(each[0], batch, each[1], jax.random.key(0)).compile()
        return program.memory_analysis().temp_size_in_bytes

    a_member = (temporary(16) - temporary(8)) / 8
    ratio = footprint(learner, params, batch, hyper) / a_member
    print(f"footprint {ratio:.2f} times what the compiler sets aside")
    assert 0.7 < ratio < 2.5


def test_functions_that_were_traced_are_not_called_again():
    calls = []
    learner = drawn_points(10, losses=calls)
    params, batch, hyper = shapes(learner, ONE_ROW)
    expected = footprint(learner, params, batch, hyper)
    bound, data = learner.bind(jfnn.Split(np.zeros((1, 1), np.float32)))
    again = traced(bound, params, data, learner.hyper, [1], False)
    assert isinstance(again, Traced)
    calls.clear()
    assert footprint(again, params, batch, hyper) == expected
    assert not calls


def test_points_drawn_inside_a_loss_make_tiles_narrow():
    learner = drawn_points(256)
    params, batch, hyper = shapes(learner, ONE_ROW)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert plan.tile_width(parameters, learner.width(), 1, FLOAT, "cpu") == 256  # by the one row alone
    room = CPU_ROOM // footprint(learner, params, batch, hyper)
    assert 4 <= max(width for width in plan.CPU_WIDTHS if width <= room) <= 32
