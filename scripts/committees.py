"""Time soft committees with many seeds and few learning rates, against plain JAX sampling once per seed.

Each step samples rows with the seed's key. Plain JAX is a `vmap` over rates inside a `vmap` over seeds, in
one loop. jfnn trains them with its own choice of tiles, and in tiles of one seed each. All take turns. The
script prints median CPU seconds of all threads, wall seconds, and speeds relative to plain JAX.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from benchmarks.report import markdown
from console import Parser, run

import jfnn

Params = dict[str, Any]
Scores = dict[str, jax.Array]


class Case(NamedTuple):
    """Sizes of the committees and of their training."""

    rates: int
    seeds: int
    inputs: int
    hidden: int
    rows: int  # sampled per step
    steps: int  # in epochs of 50 steps


TURNS = 5  # of each contender
CASES = [
    Case(rates, seeds, *sizes)
    for rates, seeds in ((4, 12), (2, 24), (8, 6))
    for sizes in ((50, 2, 1, 4000), (50, 2, 10, 1500), (50, 8, 100, 400), (500, 2, 1, 800), (500, 8, 10, 400))
]


class Committee(NamedTuple):
    """A student that learns online from a teacher of the same size."""

    case: Case

    def init(self, key: jax.Array) -> Params:
        """Return a random student and teacher."""
        student, teacher = jax.random.normal(key, (2, self.case.hidden, self.case.inputs))
        return {"student": student, "teacher": jfnn.Constant(teacher)}

    def loss(self, params: Params, batch: None, key: jax.Array | None) -> jax.Array:
        """Return half the mean squared difference of their outputs on random rows."""
        assert key is not None
        x = jax.random.normal(key, (self.case.rows, self.case.inputs))

        def output(w: jax.Array) -> jax.Array:
            units: jax.Array = jax.scipy.special.erf(x @ w.T / np.sqrt(2 * self.case.inputs))
            return units.sum(axis=-1)

        return jnp.mean((output(params["student"]) - output(params["teacher"].value)) ** 2) / 2

    def score(self, params: Params, rows: None) -> Scores:
        """Return the mean squared difference of their weights."""
        gap: jax.Array = params["student"] - params["teacher"].value
        return {"loss": jnp.mean(gap**2)}


def plain(case: Case) -> Callable[[], object]:
    """Return a call that trains with plain JAX."""
    committee = Committee(case)
    rates = jnp.asarray(rates_of(case), jnp.float32)

    def of_seed(seed: jax.Array) -> jax.Array:
        key = jax.random.key(seed)
        start = committee.init(key)

        def of_rate(rate: jax.Array) -> jax.Array:
            def step(i: jax.Array, student: jax.Array) -> jax.Array:
                def loss(student: jax.Array) -> jax.Array:
                    return committee.loss(start | {"student": student}, None, jax.random.fold_in(key, i))

                gradient: jax.Array = jax.grad(loss)(student)
                return student - rate * gradient

            student: jax.Array = jax.lax.fori_loop(0, case.steps, step, start["student"])
            return committee.score(start | {"student": student}, None)["loss"]

        return jax.vmap(of_rate)(rates)

    trained = jax.jit(jax.vmap(of_seed))
    seeds = jnp.arange(case.seeds, dtype=jnp.uint32)
    return lambda: trained(seeds).block_until_ready()


def rates_of(case: Case) -> list[float]:
    """Return the learning rates."""
    return [float(rate) for rate in np.linspace(0.1, 1, case.rates)]


def sweep(case: Case, execution: jfnn.Execution | None = None) -> jfnn.SweepResult:
    """Train the same with jfnn."""
    committee = Committee(case)
    learner = jfnn.learner(committee.init, committee.loss, random=True, score=committee.score)
    return jfnn.sweep(
        learner,
        jfnn.Split(),
        learning_rate=rates_of(case),
        seeds=case.seeds,
        epochs=case.steps // 50,
        batch_size=jfnn.Minibatches(None, steps=50),
        execution=execution,
    )


def seconds(contenders: Sequence[Callable[[], object]], turns: int) -> np.ndarray:
    """Return medians over turns of CPU and wall time ``[contenders, 2]``."""
    for contender in contenders:
        contender()
    times = np.zeros((turns, len(contenders), 2))
    for turn in times:
        for i, contender in enumerate(contenders):
            before = time.process_time(), time.perf_counter()
            contender()
            turn[i] = np.subtract((time.process_time(), time.perf_counter()), before)
    return np.asarray(np.median(times, axis=0))


def row(case: Case, turns: int) -> list[str]:
    """Return a row of the table."""
    of_one_seed = jfnn.Execution(tile=case.rates, shared=True)
    chosen = sweep(case).execution
    contenders = [plain(case), lambda: sweep(case, of_one_seed), lambda: sweep(case)]
    times = seconds(contenders, turns)
    speeds = times[0] / times[1:]
    sizes = f"{case.rates} × {case.seeds}", f"{case.inputs}-{case.hidden}", str(case.rows)
    form = f"{chosen.tile}, {chosen.shared}"
    return [*sizes, form, *(f"{cpu:.3g} / {wall:.3g}" for cpu, wall in (*times, *speeds))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table."""
    parser = Parser(description=__doc__)
    parser.parse_args(arguments)
    names = ["rates × seeds", "sizes", "rows", "form", "plain", "a seed a tile", "chosen"]
    speeds = ["plain / a seed a tile", "plain / chosen"]
    print("Seconds and ratios, CPU / wall:\n")
    print(markdown([[*names, *speeds]]))
    for case in CASES:
        print(f"| {' | '.join(row(case, TURNS))} |", flush=True)
    return 0


if __name__ == "__main__":
    run(main)
