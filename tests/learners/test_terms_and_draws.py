"""Additional terms of a loss, and losses without rows that draw their data."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import same_bits

import jfnn

pytestmark = pytest.mark.unoptimized

ROWS = np.linspace(-1, 1, 24, dtype=np.float32)[:, None]
KEPT = jfnn.Execution(tile=2, objective=True, eval_every=3)


def init(key):
    return {"w": jax.random.normal(key, (1, 1))}


def value(params, batch):
    return jnp.mean((batch @ params["w"] - 2 * batch) ** 2)


def in_terms(params, batch, key, weight):
    data, size = value(params, batch), jnp.sum(params["w"] ** 2)
    return data + weight * size, {"size": size, "data": data}


def whole(params, batch, key, weight):
    return in_terms(params, batch, key, weight)[0]


def swept(loss, terms, **changes):
    options = dict(learning_rate=[0.1, 0.3], l2=[0.0, 0.1], epochs=6, batch_size=8, seeds=2, execution=KEPT)
    learner = jfnn.learner(init, loss, hyper=["weight"], terms=terms)
    return jfnn.sweep(learner, jfnn.Split(ROWS), hyper={"weight": 0.5}, **options | changes)


@pytest.mark.thorough
def test_terms_are_means_over_an_epoch_and_change_nothing(tmp_path):
    result = swept(in_terms, ["size", "data"], out=tmp_path)
    plain = swept(whole, [])
    assert same_bits(result.params, plain.params)
    assert same_bits(result.objective, plain.objective)
    assert sorted(result.terms) == ["data", "size"] and plain.terms == {}
    l2 = result.axes["l2"][None, :, None, None]
    summed = result.terms["data"] + (0.5 + l2 / 2) * result.terms["size"]
    np.testing.assert_allclose(result.objective, summed, rtol=1e-5)
    again = jfnn.load(tmp_path)
    assert same_bits(again.terms, result.terms)


def test_full_batch_terms_are_computed_before_the_step():
    every = jfnn.Execution(tile=2, objective=True, eval_every=1, keep_params="evaluations")
    result = swept(in_terms, ["size", "data"], batch_size=None, execution=every)
    w = result.params["w"][..., :-1, 0, 0]
    np.testing.assert_allclose(result.terms["size"][..., 1:], w**2, rtol=1e-6)
    expected = np.mean(ROWS**2) * (w - 2) ** 2
    np.testing.assert_allclose(result.terms["data"][..., 1:], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.thorough
def test_terms_are_nan_after_a_divergence_and_combined_over_programs():
    result = swept(in_terms, ["size", "data"], learning_rate=[0.1, 1e30], batch_size=[8, 12])
    assert (result.diverged_at[:, 1] >= 0).all()
    assert np.isnan(result.terms["size"][:, 1, ..., -1]).all()
    assert same_bits(
        result.terms["size"][0], swept(in_terms, ["size", "data"], learning_rate=[0.1, 1e30]).terms["size"]
    )


@pytest.mark.thorough
def test_terms_of_one_learner_of_several_are_nan_for_the_others():
    learners = {
        "plain": jfnn.learner(init, whole, hyper=["weight"]),
        "in terms": jfnn.learner(init, in_terms, hyper=["weight"], terms=["size", "data"]),
    }
    options = dict(learning_rate=0.1, epochs=2, batch_size=8, hyper={"weight": 0.5}, execution=KEPT)
    both = jfnn.sweep(learners, jfnn.Split(ROWS), **options)
    alone = jfnn.sweep(learners["in terms"], jfnn.Split(ROWS), **options)
    assert same_bits(both.program(network="in terms").terms, alone.terms)
    assert same_bits(both.objective[1], alone.objective)
    assert all(np.isnan(values[0]).all() for values in both.terms.values())


def test_terms_other_than_those_named_are_refused():
    with pytest.raises(
        ValueError, match=r"^loss: expected one number.*terms=\['data', 'size'\] of the learner"
    ):
        swept(in_terms, [])
    with pytest.raises(ValueError, match=r"^loss: expected a value and its terms"):
        swept(in_terms, ["size"])
    with pytest.raises(ValueError, match=r"^loss: expected a value and its terms"):
        swept(whole, ["size"])
    for terms in ("size", ["objective"], ["a", "a"], [3]):
        with pytest.raises((ValueError, TypeError), match=r"^terms: "):
            swept(in_terms, terms)


def drawn_loss(params, batch, key):
    assert batch is None
    return value(params, jax.random.uniform(key, (8, 1), minval=-1))


def error(params, rows):
    assert rows is None
    return {"loss": jnp.sum((params["w"] - 2) ** 2)}


def without_rows(**changes):
    options = dict(learning_rate=[0.1, 0.3], epochs=4, seeds=2, execution=KEPT)
    options["batch_size"] = jfnn.Minibatches(None, steps=5)
    learner = jfnn.learner(init, drawn_loss, random=True, score=error)
    return jfnn.sweep(learner, jfnn.Split(), **options | changes)


@pytest.mark.thorough
def test_epoch_without_rows_has_the_given_number_of_steps():
    result = without_rows()
    for seed in range(2):
        params = init(jax.random.key(seed))
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), 0xD0), 0)
        means = []
        for epoch in range(4):
            values = []
            for step in range(5):
                own = jax.random.fold_in(jax.random.fold_in(key, epoch), step)
                loss, gradient = jax.value_and_grad(drawn_loss)(params, None, own)
                values.append(loss)
                params = optax.apply_updates(params, jax.tree.map(lambda g: -0.1 * g, gradient))
            means.append(np.mean(values))
        np.testing.assert_allclose(result.params["w"][0, 0, seed], params["w"], rtol=1e-5)
        np.testing.assert_allclose(result.objective[0, 0, seed], means, rtol=1e-4)
    np.testing.assert_allclose(result.train_loss, (result.params["w"][..., 0, 0] - 2) ** 2, rtol=1e-5)
    assert result.ranked_by == "train_loss" and result.best().axes["learning_rate"] == 0.3


@pytest.mark.thorough
def test_runs_without_rows_can_be_resumed_and_continued(tmp_path):
    result = without_rows(out=tmp_path)
    assert same_bits(without_rows(out=tmp_path, resume=True).params, result.params)
    half = without_rows(epochs=2)
    assert same_bits(without_rows(epochs=range(2, 4), initial_params=half.params).params, result.params)


@pytest.mark.thorough
def test_steps_per_epoch_may_be_chosen_with_rows_too(split):
    net = jfnn.mlp((5, 6, 3))
    options = dict(learning_rate=[0.1, 0.2], l2=0.1, execution=jfnn.Execution(tile=2))
    full = jfnn.sweep(net, split, epochs=2, batch_size=jfnn.Minibatches(None, steps=3), **options)
    assert same_bits(full.params, jfnn.sweep(net, split, epochs=6, batch_size=None, **options).params)
    subset = jfnn.Minibatches(10, steps=4)
    rows = [subset.epoch(70, 0, epoch) for epoch in range(2)]
    assert rows[0].shape == (4, 10)
    drawn = jfnn.sweep(net, split, epochs=2, batch_size=subset, **options)
    given = jfnn.sweep(net, split, epochs=2, batches=np.stack(rows), **options)
    assert same_bits(drawn.params, given.params)


def test_network_without_rows_is_refused():
    net = jfnn.mlp((5, 6, 3))
    with pytest.raises((ValueError, TypeError), match=r"^x_train: "):
        jfnn.sweep(net, jfnn.Split(), learning_rate=0.1)
    for size in (100, jfnn.Minibatches(5, steps=3)):
        with pytest.raises(ValueError, match=r"^batch_size: expected None .*steps=…\), .* no rows to draw"):
            without_rows(batch_size=size)
    full = without_rows(batch_size=jfnn.Minibatches(scheme="full", steps=5))
    assert same_bits(full.params, without_rows().params)
    with pytest.raises((ValueError, TypeError), match=r"^x_train: "):
        jfnn.sweep(jfnn.learner(init, drawn_loss), jfnn.Split(None, ROWS), learning_rate=0.1)


def test_terms_and_objective_are_plotted_over_epochs():
    result = swept(in_terms, ["size", "data"], execution=jfnn.Execution(tile=2, objective=True))
    for name, values in {"objective": result.objective, **result.terms}.items():
        (panel,) = jfnn.plots.interval_curves(result, name, [(1, 0)]).axes
        (line,) = panel.lines
        assert panel.get_ylabel() == name and line.get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
        np.testing.assert_allclose(line.get_ydata(), values[1, 0].mean(axis=0))
        center, *_ = panel.collections
        ends = center.get_paths()[0].vertices[:, 1]  # of two seeds
        assert (ends.min(), ends.max()) == pytest.approx((values[1, 0].min(), values[1, 0].max()))
    assert len(jfnn.plots.interval_curves(result, "size").axes[0].lines) == 2  # one for each rate
    with pytest.raises(ValueError, match=r"^score: expected one of train_loss, .*, objective, data, size"):
        jfnn.plots.interval_curves(result, "weight")
    with pytest.raises(ValueError, match=r"^result: expected a history"):
        jfnn.plots.interval_curves(result)


def test_terms_of_a_continued_run_are_plotted_at_its_epochs():
    first = swept(in_terms, ["size", "data"])
    more = swept(in_terms, ["size", "data"], epochs=range(6, 9), initial_params=first.params)
    (panel,) = jfnn.plots.interval_curves(more, "data", [(0, 0)]).axes
    assert panel.lines[0].get_xdata().tolist() == [7, 8, 9]
