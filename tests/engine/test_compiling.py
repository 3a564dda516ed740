"""Programs compiled by XLA as for users: known miscompilations, and random losses checked by operations.

In the named versions each known one is far off with JAX's own options; here all must be right.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import OPTIMIZED, representatives, same_bits

import jfnn
from jfnn.core.engine.verification import verify
from jfnn.core.search.prepare import prepare
from jfnn.numerics import compiling
from jfnn.numerics.compiling import compiled

RNG = np.random.default_rng(0)
CONSTANT = 0.37


def close(actual, expected, tolerance, least=0.0):
    """Check equality up to a fraction of the largest number, or of ``least``; losses are of order 1."""
    size = max(least, *(np.abs(leaf).max(initial=0) for leaf in jax.tree.leaves(expected)))
    for here, there in zip(*map(jax.tree.leaves, (actual, expected)), strict=True):
        np.testing.assert_allclose(np.asarray(here, np.float64), there, rtol=0, atol=tolerance * size)


def tolerance(dtype):
    return 1e-4 if dtype == np.float32 else 1e-10


# Known miscompilations


@pytest.mark.thorough
@pytest.mark.parametrize("shape", [(5, 60, 60), (2, 100, 64), (10, 16, 200), (1, 333, 8)], ids=str)
def test_product_with_a_constant_times_an_array(shape, dtype):
    """jaxlib 0.10.2 to 0.12.0.1."""
    a, c = RNG.normal(size=(2, *shape)).astype(dtype)

    def row_sums(a, c):
        return jnp.sum((a @ jnp.full((shape[-1], shape[-1]), CONSTANT, a.dtype)) * c, axis=-1)

    wide = np.sum(a.astype(np.float64).sum(-1, keepdims=True) * CONSTANT * c, axis=-1)
    close(compiled(row_sums)(a, c), wide, tolerance(dtype))


@pytest.mark.parametrize("rows", representatives([16_385, 32_769], 32_769))
def test_squares_of_products_summed_over_many_rows(rows, dtype):
    """jaxlib 0.10.2, github.com/jax-ml/jax/issues/39103."""
    x = np.zeros((rows, 3), dtype)
    x[:, 0] = np.arange(rows)
    matrix = np.eye(3, dtype=dtype)
    squares = compiled(jax.vmap(lambda row: jnp.sum((matrix @ row) ** 2)))
    close(squares(x), np.arange(rows, dtype=np.float64) ** 2, tolerance(dtype))


def test_products_summed_over_one_axis_of_seven():
    """jaxlib 0.10.2 ends with a segmentation fault, github.com/jax-ml/jax/issues/40412."""
    a, b = RNG.normal(size=(2, 3, 1, 2, 2, 8, 8, 8)).astype(np.float32)
    result = compiled(lambda a, b: jnp.sum(a * b, axis=3))(a, b)
    close(result, np.sum(a.astype(np.float64) * b, axis=3), 1e-4)


def row_sums(params, rows):
    a = params["a"]
    return jnp.sum((a @ jnp.full((60, 60), CONSTANT, a.dtype)) * a, axis=-1)


def own_learner():
    return jfnn.learner(
        lambda key: {"a": jax.random.normal(key, (60, 60))},
        lambda params, rows, key: jnp.mean(row_sums(params, rows)),
        score=lambda params, rows: {"loss": row_sums(params, rows)[: len(rows)]},
    )


SPLIT = jfnn.Split(np.ones((60, 1), np.float32), None)


@pytest.mark.thorough
def test_loss_of_a_product_with_a_constant_is_right():
    result = jfnn.sweep(own_learner(), SPLIT, learning_rate=1e-4, epochs=1, batch_size=60, seeds=3)
    for seed in range(3):
        a = np.asarray(result.member(0, 0, seed)["a"], np.float64)
        expected = np.mean(a.sum(1) ** 2 * CONSTANT)
        np.testing.assert_allclose(result.scores["train_loss"][0, 0, seed], expected, rtol=1e-4)


@pytest.fixture
def strict():
    """Disable dtype promotion in all threads of JAX for one test."""
    before = jax.config.jax_numpy_dtype_promotion
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    yield
    jax.config.update("jax_numpy_dtype_promotion", before)


def mixed_loss(params, rows, key, scale):
    return jnp.mean((rows @ params["w"]) ** 2 + jnp.arange(3).sum()) * scale


MIXED = jfnn.learner(
    lambda key: {"w": jax.random.normal(key, (4,))},
    mixed_loss,
    hyper=["scale"],
    random=True,
    optimizer="adam",
)


@pytest.mark.thorough
def test_sweeps_and_predictions_run_without_dtype_promotion(strict):
    rows = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    split = jfnn.Split(rows, None, rows, None)
    options = {"hyper": {"scale": [1.0, 2.0]}, "learning_rate": 0.1, "epochs": 1, "batch_size": 10}
    result = jfnn.sweep(MIXED, split, **options)
    assert np.isfinite(result.test_loss).all()
    assert result.row_scores("loss", "test", split).shape == (*result.test_loss.shape, 30)


def full(shape, rng):
    return jnp.full(shape, rng.uniform(-1, 1) / shape[0])


def ramp(shape, rng):
    return jnp.linspace(-1, 1, shape[0] * shape[1]).reshape(shape) / shape[0]


def drawn(shape, rng):
    return jnp.asarray(rng.normal(size=shape) / shape[0])


def random_loss(rng):
    """Return a loss ``(params, x, key)`` of random products, constants, functions and reductions."""
    constants = [rng.choice([full, ramp, drawn, lambda shape, _: jnp.eye(*shape)]) for _ in range(8)]
    drawn_by = int(rng.integers(2**31))
    steps = rng.choice(len(OPERATIONS), size=rng.integers(1, 6))
    last = rng.choice([jnp.mean, lambda h: jnp.sum(h) / h.size, lambda h: jnp.mean(jnp.max(h, axis=-1))])

    def loss(params, x, key):
        numbers = np.random.default_rng(drawn_by)
        kinds = iter(constants)

        def constant(shape):
            return next(kinds)(shape, numbers).astype(x.dtype)

        h = x @ params["a"]
        for step in steps:
            h = OPERATIONS[step](h, params, constant)
        return last(h)

    return loss


OPERATIONS = (
    lambda h, params, constant: h @ params["b"],
    lambda h, params, constant: h @ constant((h.shape[-1], h.shape[-1])),
    lambda h, params, constant: (h @ constant((h.shape[-1], h.shape[-1]))) * h,
    lambda h, params, constant: h * constant(h.shape),
    lambda h, params, constant: jnp.tanh(h + constant((1, h.shape[-1]))),
    lambda h, params, constant: h**2 / 4,
    lambda h, params, constant: jnp.abs(h),
    lambda h, params, constant: jax.nn.relu(h),
    lambda h, params, constant: h - jax.nn.logsumexp(h, axis=-1, keepdims=True),
    lambda h, params, constant: h * jnp.sum(h, axis=-1, keepdims=True) / h.shape[-1],
    lambda h, params, constant: (h @ h.T) @ h / h.size,
    lambda h, params, constant: jax.vmap(lambda row: row * jnp.sum((params["b"] @ row) ** 2) / 100)(h),
)
# Few shapes, since each operation is compiled once per shape.
SIZES = ((4, 5, 10), (33, 60, 60), (100, 64, 50))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "losses", [8, pytest.param(1000, marks=pytest.mark.slow)], ids=lambda losses: f"{losses} losses"
)
def test_random_losses_agree_with_their_operations(losses, dtype):
    for seed in range(losses // 2):
        rng = np.random.default_rng(seed)
        rows, inputs, width = SIZES[seed % len(SIZES)]
        tile = int(rng.choice([1, 2, 5]))
        loss = random_loss(rng)
        x = rng.normal(size=(rows, inputs))
        params = {"a": rng.normal(size=(tile, inputs, width)), "b": rng.normal(size=(tile, width, width))}
        params = jax.tree.map(lambda leaf: leaf / np.sqrt(leaf.shape[1]), params)

        mapped = jax.vmap(jax.value_and_grad(loss), in_axes=(0, None, None))
        narrow = (*jax.tree.map(lambda leaf: leaf.astype(dtype), (params, x)), None)
        actual = compiled(mapped)(*narrow)
        with jax.enable_x64(True), jax.disable_jit():
            expected = mapped(*jax.tree.map(lambda leaf: leaf.astype(np.float64), narrow))
        close(actual, jax.tree.map(np.asarray, expected), tolerance(dtype), least=0.01)


# The verification that users can request


def experiment(learner):
    return prepare(jfnn.Options(learner, SPLIT, learning_rate=0.1, epochs=1, batch_size=60)).experiment


@pytest.mark.thorough
def test_correct_programs_pass_verification(split):
    """Even if the first step leads to infinity."""
    weighted = split._replace(weights=np.linspace(0, 2, 70))
    options = {"learning_rate": [3e38, 0.1], "reduction": "sum", "epochs": 1, "batch_size": 16}
    plain, verified = (
        jfnn.sweep(jfnn.mlp((5, 4, 3)), weighted, execution=jfnn.Execution(verify=switch), **options)
        for switch in (False, True)
    )
    assert same_bits((plain.params, plain.scores), (verified.params, verified.scores))
    assert verified.diverged_at.tolist() == [[[0]], [[-1]]]


@pytest.mark.thorough
def test_function_with_other_values_when_traced_is_detected():
    def loss(params, batch, key):
        traced = not jax.config.jax_disable_jit
        return jnp.mean(params["a"] ** 2) * (1 + 0.01 * traced)

    learner = jfnn.learner(lambda key: {"a": jax.random.normal(key, (3, 3))}, loss)
    with pytest.raises(ArithmeticError):
        verify(experiment(learner), 2, "cpu")


@pytest.mark.thorough
@pytest.mark.skipif(jax.__version_info__ < (0, 10, 2), reason="computes this rightly by itself")
def test_miscompiled_loss_is_detected():
    with pytest.raises(ArithmeticError):
        verify(experiment(own_learner()), 5, "cpu", options=OPTIMIZED)


def test_learners_know_whether_their_steps_loop_over_small_products():
    def loops(*hidden):
        return jfnn.learners.supervised(
            jfnn.sequential([*hidden, jfnn.Flatten(), jfnn.Dense(2, "identity")], (6, 4))
        ).loops

    small = jfnn.GRU(4, states="all")
    assert loops(small)
    assert loops(jfnn.Residual([small]))
    assert loops(jfnn.Frozen(small))
    assert not loops(jfnn.GRU(100, states="all"))
    assert not loops()


def test_compiler_knows_the_options_of_every_platform():
    for options in (compiling.compiler_options("cpu", loops=True), compiling.GPU_OPTIONS):
        assert jax.jit(lambda x: x + 1, compiler_options=dict(options))(1) == 2
    with pytest.raises(Exception, match="xla_gpu_no_such_option"):
        jax.jit(lambda x: x + 1, compiler_options={"xla_gpu_no_such_option": True})(1)


# Barriers, which stay in a program until its kernels are made


def test_barrier_in_a_loop_over_few_bytes_compiles():
    """XLA makes one kernel of such a loop, and its kernels cannot contain a barrier."""
    squared = compiled(
        lambda x: jax.lax.fori_loop(0, 3, lambda _, x: jax.lax.optimization_barrier(x) ** 2, x)
    )
    assert squared(np.float32(2)) == 2.0**8


@pytest.mark.thorough
@pytest.mark.parametrize("batch_size", [None, 1])
def test_smallest_network_trains(batch_size):
    """w x + b with steps w -= η mean (w x + b - y) x, b -= η mean (w x + b - y)."""
    x, y = np.array([[1.0], [2.0]], np.float32), np.array([[1.0], [3.0]], np.float32)
    start = (jfnn.Layer(np.full((1, 1), 0.5, np.float32), np.zeros(1, np.float32)),)
    result = jfnn.sweep(
        jfnn.mlp((1, 1)),
        jfnn.Split(x, y),
        loss="quadratic",
        learning_rate=[0.1],
        l2=[0.0],
        epochs=2,
        batch_size=None if batch_size is None else jfnn.Minibatches(batch_size, "in_order"),
        initial_params=start,
    )
    w, b = 0.5, 0.0
    for _ in range(2):
        for rows in [slice(None)] if batch_size is None else [slice(0, 1), slice(1, 2)]:
            error = w * x[rows] + b - y[rows]
            w, b = w - 0.1 * float((error * x[rows]).mean()), b - 0.1 * float(error.mean())
    layer = result.member(0, 0, 0)[0]
    np.testing.assert_allclose([float(layer.w.item()), float(layer.b.item())], [w, b], rtol=1e-5)
