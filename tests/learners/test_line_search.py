"""Optimizers that evaluate the objective: L-BFGS with its line search, for many members at once."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

import jfnn
from jfnn.studies.hypergradient import hypergradient

pytestmark = pytest.mark.unoptimized

LINEAR = jfnn.mlp((5, 3))
PENALTIES = [0.01, 0.1, 1.0, 10.0]
OPTIONS = dict(learning_rate=1.0, optimizer="lbfgs", batch_size=None)


@pytest.fixture
def wide(split):
    with jax.enable_x64(True):
        yield split._replace(x_train=split.x_train.astype(float), x_test=split.x_test.astype(float))


@pytest.mark.thorough
def test_optima_equal_scikit_learns_and_converged_members_stop(wide):
    stopping = jfnn.Execution(tile=2, objective=True)
    result = jfnn.sweep(
        LINEAR,
        wide,
        l2=PENALTIES,
        epochs=200,
        schedulers=[jfnn.Converged(2, 1e-12)],
        execution=stopping,
        **OPTIONS,
    )
    assert (result.stopped_at > 0).all() and len(set(result.stopped_at.ravel())) > 1
    for number, l2 in enumerate(PENALTIES):
        model = LogisticRegression(C=1 / l2, tol=1e-10, max_iter=5000).fit(wide.x_train, wide.y_train)
        w, b = result.member(0, number, 0)[0]
        np.testing.assert_allclose(w.T, model.coef_, atol=2e-5)
        np.testing.assert_allclose(b - b.mean(), model.intercept_ - model.intercept_.mean(), atol=2e-5)
        end = result.stopped_at[0, number, 0]
        assert np.isfinite(result.objective[0, number, 0, :end]).all()
        assert np.isnan(result.objective[0, number, 0, end:]).all()


def by_layer(learning_rate, last):
    """Return an optimizer with another rate for the last layer, selected by labels in a tuple of layers."""
    rates = {"body": optax.sgd(learning_rate), "last": optax.sgd(last)}
    return optax.multi_transform(rates, lambda params: ("body",) * (len(params) - 1) + ("last",))


@pytest.mark.thorough
def test_optimizer_may_depend_on_layers_and_nested_line_searches_are_found(split):
    """The rate of the last layer equals that of `jfnn.Scaled`."""
    options = dict(learning_rate=0.02, epochs=2, batch_size=10)
    net = jfnn.mlp((5, 4, 3))
    result = jfnn.sweep(net, split, optimizer=jfnn.Optimizer(by_layer, last=[0.02, 0.002]), **options)
    plain = jfnn.sweep(net, split, **options)
    slower = jfnn.Scaled(jfnn.Dense(3, "identity"), rate=0.1, bias_rate=0.1)
    scaled = jfnn.sweep(jfnn.sequential([jfnn.Dense(4), slower], 5), split, **options)
    losses = np.ravel(result.train_loss), [plain.train_loss.item(), scaled.train_loss.item()]
    np.testing.assert_allclose(*losses, rtol=1e-5)

    def searched(learning_rate):
        return optax.multi_transform(
            {"body": optax.set_to_zero(), "last": optax.lbfgs(learning_rate)}, lambda params: ("body", "last")
        )

    assert not jfnn.supervised(net, optimizer=jfnn.Optimizer(by_layer, last=0.1)).needs_value
    assert jfnn.supervised(net, optimizer=searched).needs_value


def rosenbrock(params, batch, key):
    x, y = params
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


@pytest.mark.thorough
@pytest.mark.parametrize("search", ["zoom", "backtracking"])
def test_steps_equal_those_of_optax_and_end_at_the_minimum(search):
    line = optax.scale_by_backtracking_linesearch(30) if search == "backtracking" else None
    fixed = {} if line is None else {"linesearch": line}
    optimizer = jfnn.Optimizer("lbfgs", memory_size=5, **fixed)
    starts = np.array([[-1.2, 1.0], [0.5, 2.0], [-0.3, -1.0]])
    with jax.enable_x64(True):
        learner = jfnn.learner(lambda key: (jnp.zeros(()), jnp.zeros(())), rosenbrock, optimizer=optimizer)
        every = jfnn.Execution(tile=3, objective=True)
        options = {"learning_rate": 1.0, "batch_size": None, "epochs": 40, "execution": every}
        result = jfnn.sweep(learner, jfnn.Split(), seeds=3, initial_params=tuple(starts.T), **options)
        for seed, start in enumerate(starts):
            params = tuple(jnp.asarray(start))
            solver = optax.lbfgs(1.0, memory_size=5, **fixed)

            @jax.jit
            def step(params, memory, solver=solver):
                value, gradient = jax.value_and_grad(rosenbrock)(params, None, None)
                extra = {"value": value, "grad": gradient}
                extra["value_fn"] = lambda params: rosenbrock(params, None, None)
                updates, memory = solver.update(gradient, memory, params, **extra)
                return optax.apply_updates(params, updates), memory, value

            memory = solver.init(params)
            values = []
            for _ in range(40):
                params, memory, value = step(params, memory)
                values.append(value)
            np.testing.assert_allclose(result.objective[0, 0, seed], values, rtol=1e-6, atol=1e-9)
            if search == "backtracking":  # takes more steps to get there
                continue
            best = minimize(lambda p: rosenbrock(p, None, None), start, method="BFGS", tol=1e-9)
            np.testing.assert_allclose(result.member(0, 0, seed), best.x, atol=1e-4)


def test_line_search_is_refused_without_an_objective_or_derivative(split):
    with pytest.raises(TypeError, match=r"^network: .*no derivative"):
        hypergradient(LINEAR, split, epochs=1, **OPTIONS)
    with pytest.raises(ValueError, match=r"^optimizer: expected one without a line search"):
        machine = jfnn.boltzmann_machine([3, 2], optimizer="lbfgs")
        jfnn.sweep(machine, jfnn.Split((split.x_train[:, :3] > 0).astype(np.float32)), learning_rate=1.0)
