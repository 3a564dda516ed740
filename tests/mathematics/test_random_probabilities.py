"""Random numbers, large ones included: probabilities are some, and sum to one; costs are what they mean."""

import jax
import numpy as np
from examples import examples
from helpers import compiled
from hypothesis import strategies

import jfnn
from jfnn import losses

N = 4
SOFTMAX = ("cross_entropy", "softmax_binary_cross_entropy")
CASES = [(loss, outputs) for loss in (*SOFTMAX, "sigmoid_cross_entropy") for outputs in (2, 3, 5)]
seeds = strategies.integers(0, 2**32 - 1)


@compiled
def probabilities_and_costs(of_outputs, targets):
    """``{case: (probabilities, costs, deltas)}`` of logits, in float32."""
    results = {}
    for loss, outputs in CASES:
        z, t, cost = of_outputs[outputs], targets[outputs], losses.get(loss)
        results[f"{loss} {outputs}"] = cost.probabilities(z), cost.cost(z, t), cost.delta(z, t)
    return results


@examples((20, 1), (800, 1))
def test_probabilities_sum_to_one_and_costs_are_theirs(examples):
    def they_do(seed, scale):
        rng = np.random.default_rng(seed)
        of_outputs = {n: np.float32(scale * rng.normal(size=(N, n))) for n in (2, 3, 5)}
        targets = {n: np.float32(rng.dirichlet(np.ones(n), N)) for n in of_outputs}
        for case, results in probabilities_and_costs(of_outputs, targets).items():
            (p, cost, delta), (loss, n) = map(np.asarray, results), case.split()
            z, t = np.float64(of_outputs[int(n)]), np.float64(targets[int(n)])
            assert (p >= 0).all() and (p <= 1).all() and np.isfinite(cost).all() and np.isfinite(delta).all()
            if loss in SOFTMAX:
                np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
                log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
                others = np.stack([np.delete(z, c, axis=1) for c in range(int(n))], axis=1)
                log_not_p = np.logaddexp.reduce(others, axis=2) - np.logaddexp.reduce(z, axis=1)[:, None]
            else:
                log_p, log_not_p = -np.logaddexp(0, -z), -np.logaddexp(0, z)
            np.testing.assert_allclose(p, np.exp(log_p), rtol=1e-3, atol=1e-6)
            both = 0 if loss == "cross_entropy" else (1 - t) * log_not_p
            np.testing.assert_allclose(cost, -(t * log_p + both).sum(axis=1), rtol=2e-5, atol=2e-5)
            if loss != "sigmoid_cross_entropy":  # a softmax does not see what all logits have in common
                np.testing.assert_allclose(delta.sum(axis=1), 0, atol=1e-4 * max(1, np.abs(delta).max()))

    examples.check(they_do, seed=seeds, scale=strategies.sampled_from([0.0, 0.1, 1.0, 10.0, 1e4]))


@examples((3, 1), (200, 3))
def test_what_a_network_says_of_rows_does_not_depend_on_the_other_rows(examples):
    nets = [jfnn.mlp((3, 4, 3), "tanh"), jfnn.cnn((1, 4, 4), (2,), 3), jfnn.rnn((3, 2), 3, 3)]

    def rows_stand_alone(number, seed):
        net, rng = nets[number], np.random.default_rng(seed)
        like = jax.eval_shape(net.init, jax.random.key(0))
        params = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), like)
        x = rng.normal(size=(N, *net.input_shape)).astype(np.float32)
        order = rng.permutation(N)
        p, shuffled = (np.asarray(jfnn.predict_proba(net, params, rows)) for rows in (x, x[order]))
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_allclose(shuffled, p[order], rtol=1e-6, atol=1e-7)
        labels = np.asarray(jfnn.predict(net, params, x))
        assert (p[np.arange(N), labels] == p.max(axis=1)).all()

    examples.check(rows_stand_alone, number=strategies.integers(0, examples.structures - 1), seed=seeds)
