"""Who takes part: the peers, jfnn, and the floor below them all."""

import functools
import importlib.util
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.peers import Outcome, numpy_contender, plain_vmap, scikit_learn, streams
from benchmarks.workloads import Workload

MATMUL_SIZE, MATMUL_COUNT = 2048, 3
MATMUL_FLOP = 2.0 * MATMUL_SIZE**3 * MATMUL_COUNT
DRAWING = "weights and minibatches drawn"  # the name of this phase of a run in a trace


class Contender(NamedTuple):
    """One way to train a workload.

    Attributes:
        title: Its name in tables.
        prepare: ``workload -> run``, where ``run() -> Outcome``.
        one_by_one: Trains member after member, so that a part of them may stand for all.
        cpu_devices: CPU devices that JAX shows in its process, "cores" for one a core; None without JAX.
        needs: A package that must be importable.
        ours: Whether it is jfnn.
        all_work: Whether members leave early only where they diverge, if at all.
        comment: What a reader of its figures must know.
    """

    title: str
    prepare: Callable[[Workload], Callable[[], Outcome]]
    one_by_one: bool = False
    cpu_devices: int | str | None = None
    needs: str | None = None
    ours: bool = False
    all_work: bool = True
    comment: str = ""


def jfnn_sweep(workload: Workload, **options):
    """jfnn, with the given options of `jfnn.sweep`."""
    import jax

    import jfnn

    network = jfnn.mlp(workload.sizes, workload.activation)
    rows = workload.rows()
    loss = "sigmoid_cross_entropy" if workload.sizes[-1] == 1 else "cross_entropy"

    def run():
        with jax.profiler.TraceAnnotation(DRAWING):
            start, batches = streams(workload, rows)
        result = jfnn.sweep(
            network,
            jfnn.Split(*rows),
            learning_rate=workload.learning_rates,
            l2=workload.l2s,
            epochs=workload.epochs,
            batch_size=None if batches is None else workload.batch,
            seeds=workload.seeds,
            loss=loss,
            initial_params=tuple(jfnn.Layer(w, b) for w, b in start),
            batches=batches,
            **options,
        )
        to_the_end = np.where(result.left_at < 0, result.test_accuracy, np.nan)
        return Outcome(to_the_end, float(result.epochs.mean()) / workload.epochs)

    return run


def matmul(workload: Workload):
    """Large square products in float32; no network at all."""
    import jax
    import jax.numpy as jnp

    @jax.jit
    def products(a, b):
        for _ in range(MATMUL_COUNT):
            b = jnp.matmul(a, b, precision="highest")
        return b

    a, b = jnp.full((2, MATMUL_SIZE, MATMUL_SIZE), 1 / MATMUL_SIZE, jnp.float32)

    def run():
        jax.block_until_ready(products(a, b))
        return Outcome(None)

    return run


def with_torch(name: str):
    """A contender of `benchmarks.torch_contenders`, which is imported only when it takes part."""
    return functools.partial(_prepare_torch, name)


def _prepare_torch(name: str, workload: Workload):
    from benchmarks import torch_contenders

    return getattr(torch_contenders, name)(workload)


def ours(title: str, cpu_devices: int | str = "cores", **options) -> Contender:
    """A contender that is jfnn.

    JAX shows one CPU device a core (as after `jfnn.use_all_cores`) also where jfnn is to use one core: of a
    single device XLA would spread the larger products over all of them.
    """
    return Contender(title, functools.partial(jfnn_sweep, **options), cpu_devices=cpu_devices, ours=True)


FLOOR = "floor"
CONTENDERS = {
    "numpy": Contender("NumPy loop of the notes (float64)", numpy_contender, one_by_one=True),
    "sklearn": Contender(
        "scikit-learn GridSearchCV, a process a core",
        scikit_learn,
        one_by_one=True,
        comment="float64; its own starting weights and minibatches",
    ),
    "torch": Contender("PyTorch loop", with_torch("loop"), one_by_one=True, needs="torch"),
    "torch_vmap": Contender("PyTorch torch.func.vmap", with_torch("vmap"), needs="torch"),
    "torch_compile": Contender("the same, torch.compile", with_torch("compiled"), needs="torch"),
    "vmap": Contender("JAX jit(vmap(train)), rows", plain_vmap, cpu_devices=1),
    "jfnn_1": ours("jfnn, 1 core", devices=1),
    "jfnn": ours("jfnn, all cores"),
    "jfnn_backprop": ours("jfnn, all cores, backprop", gradient="backprop"),
    "jfnn_halving": ours("jfnn, all cores, backprop, halving by 3", gradient="backprop", halving=3)._replace(
        all_work=False, comment="less work: losers leave early, ranked on the test rows"
    ),
    FLOOR: Contender("floor: the products at the rate of large ones", matmul, cpu_devices=1, all_work=False),
}


def available(names) -> dict[str, Contender]:
    """The named contenders whose packages are there."""
    chosen = {name: CONTENDERS[name] for name in names}
    return {name: c for name, c in chosen.items() if c.needs is None or importlib.util.find_spec(c.needs)}
