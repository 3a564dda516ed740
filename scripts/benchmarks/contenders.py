"""All contenders: the other ways to train, jfnn, and the floor below them all."""

import functools
import importlib
import importlib.util
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from benchmarks.kinds import AnyWorkload
from benchmarks.workload import Outcome, Runner, Workload, stacked

DRAWING = "weights and minibatches drawn"  # the name of this phase of a run in a trace
FLOOR = "floor"


class Contender(NamedTuple):
    """One way to train a workload.

    Attributes:
        title: Its name in tables.
        prepare: ``workload -> run``, not timed. A run draws starting weights and minibatches (the same for
            every contender that takes them), trains all members and scores them.
        one_by_one: Trains member after member, so that a part of them may stand for all.
        cpu_devices: CPU devices that JAX shows in its process, "cores" for one a core; None without JAX.
        needs: A package that must be importable.
        ours: Whether it is jfnn.
        all_work: Whether members stop early only where they diverge, if at all.
        comment: Remark for a reader of its figures.
    """

    title: str
    prepare: Callable[..., Runner]
    one_by_one: bool = False
    cpu_devices: int | str | None = None
    needs: str | None = None
    ours: bool = False
    all_work: bool = True
    comment: str = ""


def jfnn_sweep(workload: Workload, sweep: Callable[..., Any] | None = None, **options: Any) -> Runner:
    """jfnn, with further options of `jfnn.sweep`; ``sweep`` takes its place in tests."""
    import jax

    import jfnn

    network = jfnn.mlp(workload.sizes, workload.activation)
    split = jfnn.Split(*workload.rows())
    loss = "sigmoid_cross_entropy" if workload.sizes[-1] == 1 else "cross_entropy"

    def run() -> Outcome:
        with jax.profiler.TraceAnnotation(DRAWING):
            starts, streams = zip(*map(workload.drawing, range(workload.seeds)), strict=True)
        full = streams[0] is None
        result = (sweep or jfnn.sweep)(
            network,
            split,
            learning_rate=workload.learning_rates,
            l2=workload.l2s,
            epochs=workload.epochs,
            batch_size=None if full else workload.batch,
            seeds=workload.seeds,
            loss=loss,
            initial_params=tuple(map(jfnn.Layer._make, stacked(starts))),
            batches=None if full else lambda seed, epoch: streams[seed].epoch(epoch),
            **options,
        )
        finished = np.where(result.stopped_at < 0, result.test_accuracy, np.nan)
        return Outcome(finished, float(result.epochs.mean()) / workload.epochs)

    return run


def with_fusions(prepare: Callable[..., Runner], workload: AnyWorkload) -> Runner:
    """jfnn with XLA's own fusions of products, some of which are wrong; for a process of its own."""
    from jfnn import compiling

    others = {name: value for name, value in compiling.CPU_OPTIONS.items() if "fusion" not in name}
    compiling.CPU_OPTIONS = others
    return prepare(workload)


def jfnn_halving(workload: Workload) -> Runner:
    """jfnn, with two thirds of the cells pruned at every evaluation."""
    import jfnn

    return jfnn_sweep(workload, gradient="backprop", schedulers=[jfnn.Halving(3)])


def matmul(workload: AnyWorkload, size: int = 2048, count: int = 3) -> Runner:
    """Large square products in float32; no network at all."""
    import jax
    import jax.numpy as jnp

    @jax.jit
    def products(a: jax.Array, b: jax.Array) -> jax.Array:
        for _ in range(count):
            b = jnp.matmul(a, b, precision="highest")
        return b

    a, b = jnp.full((2, size, size), 1 / size, jnp.float32)

    def run() -> Outcome:
        products(a, b).block_until_ready()
        return Outcome(None, flop=2.0 * size**3 * count)

    return run


def import_and_prepare(module: str, function: str, workload: AnyWorkload, **options: Any) -> Runner:
    """A contender's ``prepare``, in a module of this package that is imported only now."""
    prepare = getattr(importlib.import_module(f"benchmarks.{module}"), function)
    runner: Runner = prepare(workload, **options)
    return runner


def other(title: str, module: str, function: str = "prepare", **fields: Any) -> Contender:
    """A contender in a module of this package, imported only in its process: its packages take memory."""
    return Contender(title, functools.partial(import_and_prepare, module, function), **fields)


def ours(title: str, cpu_devices: int | str = "cores", **options: Any) -> Contender:
    """A contender that is jfnn, with options of `jfnn.sweep`.

    JAX shows one CPU device a core (as after `jfnn.use_all_cores`) also where jfnn is to use one core: of a
    single device XLA would spread the larger products over all of them.
    """
    return Contender(title, functools.partial(jfnn_sweep, **options), cpu_devices=cpu_devices, ours=True)


CONTENDERS = {
    "numpy": other("NumPy loop of the notes (float64)", "numpy_loop", one_by_one=True),
    "sklearn": other(
        "scikit-learn GridSearchCV, a process a core",
        "scikit_learn",
        one_by_one=True,
        comment="float64; its own starting weights and minibatches",
    ),
    "torch": other("PyTorch loop", "torch_loops", "loop", one_by_one=True, needs="torch"),
    "torch_vmap": other("PyTorch torch.func.vmap", "torch_loops", "vmap", needs="torch"),
    "torch_compile": other("the same, torch.compile", "torch_loops", "compiled", needs="torch"),
    "vmap": other("JAX jit(vmap(train)), rows", "jax_vmap", cpu_devices=1),
    "jfnn_1": ours("jfnn, 1 core", execution=1),
    "jfnn": ours("jfnn, all cores"),
    "jfnn_backprop": ours("jfnn, all cores, backprop", gradient="backprop"),
    "jfnn_fused": ours("jfnn, all cores, XLA's own fusions")._replace(
        prepare=functools.partial(with_fusions, jfnn_sweep),
        ours=False,
        comment="what right numbers cost: some of these fusions are computed wrongly",
    ),
    "jfnn_halving": ours("jfnn, all cores, backprop, halving by 3")._replace(
        prepare=jfnn_halving,
        all_work=False,
        comment="less work: losing cells are pruned, ranked on the test rows",
    ),
    FLOOR: Contender("floor: the products at the rate of large ones", matmul, cpu_devices=1, all_work=False),
}


def another_kind(title: str, cpu_devices: int | str = "cores", **options: Any) -> Contender:
    """jfnn on another kind of network."""
    prepare = functools.partial(import_and_prepare, "kind_jax", "sweep", **options)
    return Contender(title, prepare, cpu_devices=cpu_devices, ours=True)


_OWN_START = "its own starting weights"
_OF_LAYERS = {
    "torch": other(
        "PyTorch loop, a process a core",
        "kind_loops",
        "torch_loop",
        one_by_one=True,
        needs="torch",
        comment=_OWN_START,
    ),
    "vmap": other("JAX jit(vmap(train))", "kind_jax", "plain_vmap", cpu_devices=1),
    "jfnn_1": another_kind("jfnn, 1 core", execution=1),
    "jfnn": another_kind("jfnn, all cores"),
    "jfnn_backprop": another_kind("jfnn, all cores, backprop", gradient="backprop"),
    "jfnn_fused": another_kind("jfnn, all cores, XLA's own fusions")._replace(
        prepare=functools.partial(with_fusions, functools.partial(import_and_prepare, "kind_jax", "sweep")),
        ours=False,
    ),
    FLOOR: CONTENDERS[FLOOR],
}
# Kind of network -> who trains it.
KIND_CONTENDERS: dict[str, dict[str, Contender]] = {
    "cnn": _OF_LAYERS,
    "gru": _OF_LAYERS,
    "rbm": {
        "sklearn": other(
            "scikit-learn BernoulliRBM, a process a core",
            "kind_loops",
            "scikit_learn",
            one_by_one=True,
            comment=f"{_OWN_START} and draws; scores are mean squared errors of reconstruction",
        ),
        "jfnn_1": _OF_LAYERS["jfnn_1"],
        "jfnn": _OF_LAYERS["jfnn"],
        "jfnn_fused": _OF_LAYERS["jfnn_fused"],
        FLOOR: CONTENDERS[FLOOR],
    },
}


def available(names: Iterable[str], contenders: Mapping[str, Contender] = CONTENDERS) -> dict[str, Contender]:
    """The named contenders whose packages are there."""
    chosen = {name: contenders[name] for name in names}
    return {name: c for name, c in chosen.items() if c.needs is None or importlib.util.find_spec(c.needs)}
