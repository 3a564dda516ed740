"""Conditions under `jax.vmap`: all branches are computed only if predicates differ between members."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jfnn
from jfnn.numerics.selects import with_selections


def noting(ran, name, x):
    jax.debug.callback(lambda value: ran.append(name), x)
    return x


def computed(ran):
    jax.effects_barrier()
    return set(ran)


# What the predicate depends on -> the branches computed for two groups of three members.
PREDICATES = {
    "constant": (lambda x, group, rows: rows.size > 100, {"no"}),
    "shared rows": (lambda x, group, rows: rows.sum() > 100, {"no"}),
    "loop": (lambda x, group, rows: jax.lax.fori_loop(0, 3, lambda i, s: s + rows[i], 0.0) > 100, {"no"}),
    "group": (lambda x, group, rows: group > 0, {"yes", "no"}),
    "member": (lambda x, group, rows: x > 0, {"yes", "no"}),
}


@pytest.mark.thorough
@pytest.mark.parametrize("predicate", PREDICATES)
def test_unused_branch_is_computed_only_if_predicates_differ(predicate):
    condition, expected = PREDICATES[predicate]
    ran = []

    def step(x, group, rows):
        def turn(carry):
            i, x = carry
            yes, no = (lambda x: noting(ran, "yes", x * 2)), (lambda x: noting(ran, "no", x - rows.sum()))
            return i + 1, jax.lax.cond(condition(x, group, rows), yes, no, x)

        return jax.lax.while_loop(lambda carry: carry[0] < 2, turn, (0, x))[1]

    x = jnp.arange(-3.0, 3.0).reshape(2, 3)
    groups, rows = jnp.array([-1.0, 1.0]), jnp.ones(4)
    alone = [[step(one, group, rows) for one in row] for row, group in zip(x, groups, strict=True)]
    computed(ran)
    ran.clear()
    of_group = jax.vmap(with_selections(step), (0, None, None))
    together = jax.jit(jax.vmap(of_group, (0, 0, None)))(x, groups, rows)
    np.testing.assert_array_equal(together, alone)
    assert computed(ran) == expected


@pytest.mark.thorough
def test_members_on_another_axis_select_like_those_on_the_first():
    def step(x, rows):
        swapped = jax.lax.cond(rows.sum() > 0, lambda x: (x[::-1], x.sum()), lambda x: (x, x[0]), x)
        return jax.lax.cond(swapped[1] > 3, lambda x: 2 * x, lambda x: -x, swapped[0])

    x, rows = jnp.arange(6.0).reshape(2, 3), jnp.ones(4)
    expected = np.stack([step(column, rows) for column in x.T], axis=-1)
    mapped = jax.vmap(with_selections(step), (-1, None), -1)
    np.testing.assert_array_equal(mapped(x, rows), expected)


@pytest.mark.thorough
def test_line_search_does_not_compute_an_unused_branch():
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    ran = []

    def loss(params, rows, key):
        def rare(params):
            return noting(ran, "rare", params.sum())

        error = ((rows @ params - 1) ** 2).mean()
        return error + jax.lax.cond(rows.sum() > 1e9, rare, lambda params: 0 * params.sum(), params)

    learner = jfnn.learner(
        lambda key: jax.random.normal(key, (3,)),
        loss,
        optimizer="lbfgs",
        score=lambda params, rows: {"loss": (rows @ params - 1) ** 2},
    )
    result = jfnn.sweep(learner, jfnn.Split(x), learning_rate=1.0, epochs=8, batch_size=None, seeds=2)
    assert computed(ran) == set()
    best = np.linalg.lstsq(x, np.ones(40), rcond=None)[0]
    np.testing.assert_allclose(result.params[0, 0], [best, best], atol=1e-3)
