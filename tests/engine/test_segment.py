"""A tile's segment is a pure function of picklable arguments: the same bytes in any process, at any time."""

import concurrent.futures
import dataclasses
import functools
import multiprocessing
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import like_here, noise_split, same_bits

import jfnn
from jfnn.core.engine.executors import Threads
from jfnn.core.engine.segment import SegmentResult, Worker
from jfnn.core.engine.trainer import Trainer
from jfnn.core.search.sweep import prepare, train_run


def init(key):
    """An autoencoder's starting parameters."""
    into, out = jax.random.split(key)
    return {"in": jax.random.normal(into, (5, 2)), "out": jax.random.normal(out, (2, 5)), "b": jnp.zeros(5)}


def errors(params, x, noise=0.0):
    return (jnp.tanh(x @ params["in"] + noise) @ params["out"] + params["b"] - x) ** 2


def loss(params, batch, key, strength):
    noise = strength * jax.random.normal(key, (len(batch["x"]), 2), batch["x"].dtype)
    return jnp.mean(errors(params, batch["x"], noise))


def score(params, rows, strength):
    of_rows = errors(params, rows["x"], strength)
    return {"loss": of_rows.mean(axis=1), "largest": of_rows.max(axis=1)}


def options(name, dtype, **execution):
    """Six members a replicate in tiles of four, with memory and random steps, scored in two blocks."""
    data = noise_split()
    x_train = data.x_train[:60].astype(dtype)
    x_test = data.x_test.astype(dtype)
    common = dict(learning_rate=[0.01, 0.1, 1.0], l2=[0.0, 0.1], seeds=2, epochs=3)
    common |= dict(execution=jfnn.Execution(tile=4, eval_every=2, **execution))
    if name == "own loss":
        momentum = jfnn.Optimizer("sgd", momentum=0.9)
        metrics = [jfnn.Metric("largest")]
        own = jfnn.learner(
            init, loss, optimizer=momentum, hyper=["strength"], random=True, score=score, metrics=metrics
        )
        split = jfnn.Split({"x": x_train}, None, {"x": x_test})
        return jfnn.Options(own, split, hyper={"strength": 0.1}, batch_size=16, **common)
    return jfnn.Options(
        jfnn.mlp((5, 6, 3), activation="tanh"),
        jfnn.Split(x_train, data.y_train[:60], x_test, data.y_test, np.linspace(0, 2, 60)),
        hyper={"dropout": 0.2, "init_scale": 0.5},
        batch_size=jfnn.Minibatches(16, "permutation", drop_last=False),
        optimizer=jfnn.Optimizer("adam", schedule="cosine"),
        gradient="backprop",
        **common,
    )


def run_segment(task, segment):
    """A segment on this process's first device, as NumPy arrays."""
    result = Worker(task, jax.devices()[0]).issue(segment)
    return SegmentResult(*jax.tree.map(np.asarray, tuple(result)))


def trained(options, make_executor=Threads):
    return train_run(prepare(options), make_trainer=functools.partial(Trainer, make_executor=make_executor))


class Recording(Threads):
    """Threads that keep the task and the segments that they run."""

    def __init__(self, task, threads, recorded):
        super().__init__(task, threads)
        self.task = task
        self.recorded = recorded

    def run(self, jobs, segment, collect):
        def recorded(job):
            self.recorded.append((self.task, segment(job)))
            return self.recorded[-1][1]

        return super().run(jobs, recorded, collect)


@pytest.fixture(scope="module")
def pool():
    """One other process, with a JAX of its own."""
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, spawn, like_here()) as pool:
        yield pool


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["supervised", "own loss"])
def test_a_segment_gives_the_same_bytes_twice_and_in_another_process(pool, name):
    recorded = []
    trained(options(name, "float32", devices=1), functools.partial(Recording, recorded=recorded))
    for task, segment in recorded[:2]:
        before = pickle.dumps(segment)
        here = run_segment(task, segment)
        assert not same_bits(here.members.state, segment.members.state)  # it trained
        assert len(here.blocks) == 2 and all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(here))
        assert pickle.dumps(segment) == before  # and left its arguments alone
        others = [run_segment(task, segment)]
        others += [pool.submit(run_segment, task, segment).result(600) for _ in range(2)]
        for other in others:
            assert jax.tree.structure(other) == jax.tree.structure(here)
            assert same_bits(other, here)


@pytest.mark.thorough
def test_an_executor_over_processes_ends_in_the_bytes_of_threads(pool, x64):
    chosen = options("own loss", "float64")
    plain = trained(chosen)
    execution = dataclasses.replace(chosen.execution, executor=jfnn.Workers(pool))
    result = jfnn.sweep(**vars(chosen) | {"execution": execution})
    assert jax.tree.leaves(result.params)[0].dtype == np.float64
    assert same_bits((result.params, result.scores), (plain.params, plain.scores))
    assert same_bits((result.history, result.epochs), (plain.history, plain.epochs))
    assert np.isfinite(result.train_loss).any()
