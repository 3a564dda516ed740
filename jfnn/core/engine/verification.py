"""Comparison of a compiled step and its scores with the same functions evaluated operation by operation.

The first minibatch reveals operations that the compiler fuses and computes wrongly, and functions that return
other values when JAX traces them.
"""

import importlib.metadata
from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments.types import Tree
from jfnn.core.engine.cohort import Cohort
from jfnn.core.engine.epoch import gather, stand_ins
from jfnn.learners.data import Batch, Hyper, Rows
from jfnn.learners.learner import values_by_name
from jfnn.numerics.compiling import compiled, compiler_options, tracing
from jfnn.params import Params


def verify(cohort: Cohort, tile: int, platform: str, options: Mapping[str, int | str] | None = None) -> None:
    """Check the objective, the step and the scores of the first members on their first minibatch.

    ``tile`` members are computed side by side; ``options`` are the compiler's, by default those of
    the engine's programs.

    Raises:
        ArithmeticError: A number differs by more than rounding, ``√ε`` times the largest number of its array.
    """
    learner = cohort.learner
    replicates = cohort.replicates
    data = cohort.data
    of_fold = stand_ins(data.weights_in(0), replicates.parts[0]["train"][None])
    stand_in = None if of_fold is None else of_fold[0]
    all_rows, counts = jax.tree.map(jnp.asarray, (data.rows, data.weights_in(0)))
    first = jnp.asarray(replicates.minibatches(0, epoch=0)[0])
    rows, weights = gather(all_rows, counts, first, cohort.padded, stand_in=stand_in)
    key = None if replicates.keys is None else jax.random.wrap_key_data(jnp.asarray(replicates.keys[0]))

    def step(
        params: Params, hyper: Hyper, rows: Rows, weights: jax.Array | None, key: jax.Array | None
    ) -> dict[str, Tree]:
        before = learner.start(params, hyper)
        after, value = learner.step(before, Batch(rows, weights), hyper, key)
        moved = jax.tree.map(lambda new, old: new - old, after.params, before.params)
        return {"the objective": values_by_name(value)["objective"], "a step": moved}

    def score(params: Params, hyper: Hyper, rows: Rows) -> dict[str, Tree]:
        scores = learner.score(learner.start(params, hyper).params, rows, hyper)
        return {f"the score {name!r}": values for name, values in scores.items()}

    members = np.arange(tile) % cohort.members
    params = replicates.start(np.zeros(tile, int))
    hyper = {name: jnp.asarray(values[members]) for name, values in cohort.hyper().items()}
    block = jax.tree.map(lambda leaf: leaf[: data.block], data.rows)
    if options is None:
        options = compiler_options(platform, learner.loops)
    for function, arguments in ((step, (rows, weights, key)), (score, (block,))):
        mapped = jax.vmap(function, in_axes=(0, 0, *(None,) * len(arguments)))
        with tracing(), jax.disable_jit():
            expected = mapped(params, hyper, *arguments)
        actual = compiled(mapped, platform, options=options)(params, hyper, *arguments)
        for name, here, there in _find_differences(actual, expected, params):
            raise ArithmeticError(
                f"network: {name} of {learner.describe()['network']} is {here} compiled by jaxlib"
                f" {importlib.metadata.version('jaxlib')} and {there} operation by operation: the compiler"
                f" computes it wrongly (options {options}), or the function"
                " returns other values when it is traced"
            )


def _find_differences(
    actual: Mapping[str, Tree], expected: Mapping[str, Tree], params: Params
) -> Iterator[tuple[str, float, float]]:
    """Yield the names of results that differ by more than rounding, with the two numbers furthest apart."""
    size = max((float(np.abs(leaf).max(initial=0)) for leaf in jax.tree.leaves(params)), default=0.0)
    for name in expected:
        for here, there in zip(*map(jax.tree.leaves, (actual[name], expected[name])), strict=True):
            a = np.asarray(here, np.float64)
            b = np.asarray(there, np.float64)
            rounding = np.finfo(here.dtype).eps if np.issubdtype(here.dtype, np.floating) else 1e-6
            bound = np.sqrt(rounding) * np.abs(b[np.isfinite(b)]).max(initial=0) + 4 * rounding * size
            with np.errstate(invalid="ignore"):  # infinity minus infinity
                apart = np.abs(a - b)
            wrong = ~((apart <= bound) | (a == b) | (np.isnan(a) & np.isnan(b)))
            if wrong.any():
                worst = np.unravel_index(np.argmax(np.where(wrong, apart, -1)), a.shape)
                yield name, float(a[worst]), float(b[worst])
