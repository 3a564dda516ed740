"""Optimizers that ask for the objective: L-BFGS with its line search, of many members side by side."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import same_bits
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

import jfnn
from jfnn.studies.hypergradient import hypergradient

pytestmark = pytest.mark.unoptimised

LINEAR = jfnn.mlp((5, 3))
PENALTIES = [0.01, 0.1, 1.0, 10.0]
OPTIONS = dict(learning_rate=1.0, optimizer="lbfgs", batch_size=None)


@pytest.fixture
def wide(split):
    with jax.enable_x64(True):
        yield split._replace(x_train=split.x_train.astype(float), x_test=split.x_test.astype(float))


def test_optima_are_those_of_scikit_learn_and_converged_members_stop(wide):
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


def rosenbrock(params, batch, key):
    x, y = params
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


@pytest.mark.parametrize("search", ["zoom", "backtracking"])
def test_steps_are_those_of_optax_alone_and_end_at_the_minimum(search):
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
            memory = solver.init(params)
            values = []
            for _ in range(40):
                value, gradient = jax.value_and_grad(rosenbrock)(params, None, None)
                values.append(value)
                updates, memory = solver.update(
                    gradient,
                    memory,
                    params,
                    value=value,
                    grad=gradient,
                    value_fn=lambda params: rosenbrock(params, None, None),
                )
                params = optax.apply_updates(params, updates)
            np.testing.assert_allclose(result.objective[0, 0, seed], values, rtol=1e-6, atol=1e-15)
            if search == "backtracking":  # which takes more steps to get there
                continue
            best = minimize(lambda p: rosenbrock(p, None, None), start, method="BFGS", tol=1e-9)
            np.testing.assert_allclose(result.member(0, 0, seed), best.x, atol=1e-4)


@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
def test_members_have_the_bits_of_solo_runs_and_are_resumed(gradient, split, tmp_path):
    net = jfnn.sequential([jfnn.Frozen(jfnn.Dense(4, "tanh")), jfnn.Dense(3, "identity")], 5)
    options = OPTIONS | {"gradient": gradient, "epochs": 12, "execution": jfnn.Execution(tile=16)}
    result = jfnn.sweep(net, split, l2=PENALTIES, seeds=4, out=tmp_path, **options)
    alone = jfnn.train(
        net, *split[:2], test=split[2:4], l2=PENALTIES[2], seed=3, **options | {"execution": result.execution}
    )
    assert same_bits(alone.params, result.member(0, 2, 3))
    assert (np.diff(result.train_loss[0, :, 0]) > 0).all()  # a greater penalty fits worse
    again = jfnn.sweep(net, split, l2=PENALTIES, seeds=4, out=tmp_path, resume=True, **options)
    assert same_bits(again.params, result.params)


def test_where_there_is_no_objective_or_no_derivative_it_is_refused(split):
    with pytest.raises(TypeError, match=r"^network: .*no derivative"):
        hypergradient(LINEAR, split, epochs=1, **OPTIONS)
    with pytest.raises(ValueError, match=r"^optimizer: expected one without a line search"):
        machine = jfnn.boltzmann_machine([3, 2], optimizer="lbfgs")
        jfnn.sweep(machine, jfnn.Split((split.x_train[:, :3] > 0).astype(np.float32)), learning_rate=1.0)


def by_position(learning_rate):
    """Gradient descent on the first of two parameters."""

    def update(gradients, state, params=None):
        first, second = gradients
        return (-learning_rate * first, jnp.zeros_like(second)), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def test_rules_for_one_structure_of_parameters_need_no_objective():
    start = np.array([-1.2, 1.0])
    learner = jfnn.learner(lambda key: tuple(jnp.float32(start)), rosenbrock, optimizer=by_position)
    trained = jfnn.train(learner, jfnn.Split(np.zeros((1, 1))), learning_rate=1e-3, epochs=1, batch_size=None)
    slope = -2 * (1 - start[0]) - 400 * start[0] * (start[1] - start[0] ** 2)
    np.testing.assert_allclose(trained.params[0], start[0] - 1e-3 * slope, rtol=1e-5)
    assert learner.differentiable
