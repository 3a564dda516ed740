"""All contenders (other ways to train, jfnn, and the floor) and their cases."""

import dataclasses
import functools
import importlib.util
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, Self

from benchmarks import workloads
from benchmarks.workload import Outcome, Runner, Workload
from benchmarks.workloads import KINDS, ODE

FLOOR = "floor"
ROUNDS = 3
NOTES_ROUNDS = 7  # more than elsewhere, since these figures are quoted
QUICK_ROUNDS = 2


class Contender(NamedTuple):
    """One way to train a workload.

    ``prepare(workload) -> run`` is not timed. A run samples initial weights and minibatches (the same for
    every contender that accepts them), trains all members and scores them.
    """

    title: str  # in tables
    prepare: Callable[..., Runner]
    one_by_one: bool = False  # trains members one by one, so that a part can be measured and scaled
    cpu_devices: int | str | None = None  # CPU devices of JAX in its process; "cores" for one per core
    needs: Callable[[], object] | None = None  # whether its package is installed
    ours: bool = False  # whether this is jfnn
    comment: str = ""  # note below its figures


def matmul(workload: Workload, size: int = 2048, count: int = 3) -> Runner:
    """Compute large square matrix products in float32, without a network."""
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


def _prepare(module: str, function: str, workload: Workload, **options: Any) -> Runner:
    """Call a function of a module of this package, imported only in the contender's process."""
    runner: Runner = getattr(importlib.import_module(f"benchmarks.{module}"), function)(workload, **options)
    return runner


def _from(module: str, title: str, function: str = "prepare", **fields: Any) -> Contender:
    """Return the contender of a module; keywords that are not fields of `Contender` go to its function."""
    options = {name: fields.pop(name) for name in set(fields) - set(Contender._fields)}
    return Contender(title, functools.partial(_prepare, module, function, **options), **fields)


# One CPU device per core (as after `jfnn.use_all_cores`), even if jfnn uses one core: with a single device,
# XLA would spread larger products over all cores.
ours = functools.partial(_from, "jfnn_sweep", ours=True, cpu_devices="cores")
_vmap = functools.partial(_from, "plain_jax", cpu_devices=1)
_floor = Contender("floor: the products at the rate of large ones", matmul, cpu_devices=1)

_TORCH = functools.partial(importlib.util.find_spec, "torch")
_JFNN = {"jfnn_1": ours("jfnn, 1 core", execution=1), "jfnn": ours("jfnn, all cores")}
GRID = {
    "numpy": _from("numpy_loop", "NumPy loop of the notes (float64)", one_by_one=True),
    "sklearn": _from(
        "scikit_learn",
        "scikit-learn GridSearchCV, a process a core",
        one_by_one=True,
        comment="float64; its own starting weights and minibatches",
    ),
    "torch": _from("torch_loops", "PyTorch loop", "loop", one_by_one=True, needs=_TORCH),
    "torch_vmap": _from("torch_loops", "PyTorch torch.func.vmap", "vmap", needs=_TORCH),
    "torch_compile": _from("torch_loops", "the same, torch.compile", "vmap", needs=_TORCH, compiled=True),
    "vmap": _vmap("JAX jit(vmap(train)), rows", "grid"),
    **_JFNN,
    FLOOR: _floor,
}
_KIND = {
    "torch": _from(
        "kind_loops",
        "PyTorch loop, a process a core",
        one_by_one=True,
        needs=_TORCH,
        comment="its own starting weights",
    ),
    "vmap": _from("plain_kinds", "JAX jit(vmap(train))", "kind", cpu_devices=1),
    **_JFNN,
    FLOOR: _floor,
}
_RBM = {
    "sklearn": _from(
        "kind_loops",
        "scikit-learn BernoulliRBM, a process a core",
        one_by_one=True,
        comment="its own starting weights and draws; scores are mean squared errors of reconstruction",
    ),
    **_JFNN,
    FLOOR: _floor,
}
_OWN_DRAWS = "draws a fresh subset of the rows in each step; accuracies are means over all members"
_DRAWN = {
    "vmap_drawn": _vmap("JAX jit(vmap(train)), passes drawn in the program", "own_draws", in_program=True),
    "vmap_numpy": _vmap("JAX jit(vmap(train)), passes drawn by NumPy", "own_draws"),
    **_JFNN,
    "jfnn": _JFNN["jfnn"]._replace(comment=_OWN_DRAWS),
    "jfnn_permutation": ours("jfnn, all cores, passes over the rows", scheme="permutation"),
    FLOOR: _floor,
}
_FEW = {
    "jit": _vmap("JAX jit(train), one after another, passes drawn by NumPy", "own_draws", mapped=False),
    **_DRAWN,
    "jfnn_tile_1": ours("jfnn, all cores, tile=1", comment="other last bits than in a grid", tile=1),
}
_OWN_LOSS = {
    "vmap": _from("plain_kinds", "JAX jit(vmap(train))", "own_loss", cpu_devices=1),
    **_JFNN,
    "jfnn": _JFNN["jfnn"]._replace(
        comment="the accuracy is the median over members of the mean square of u'' + u"
    ),
    FLOOR: _floor,
}
_SERIES = {
    "sklearn": _from(
        "series",
        "scikit-learn MLPRegressor, a process a core",
        "scikit_learn",
        one_by_one=True,
        comment="float64; its own starting weights and minibatches",
    ),
    "vmap": _from("series", "JAX jit(vmap(train)), passes drawn in the program", "plain", cpu_devices=1),
    **_JFNN,
    "jfnn": _JFNN["jfnn"]._replace(comment="the accuracy is the mean over members of the training loss"),
    FLOOR: _floor,
}
_SEEDS = {
    "jfnn_grid": ours("jfnn, all cores, a grid of as many cells of one seed", scheme="subset", ours=False),
    "jfnn": ours("jfnn, all cores, seeds of one cell", scheme="subset", by_seeds=True),
    FLOOR: _floor,
}


class Case(NamedTuple):
    """A workload and its contenders by name."""

    workload: Workload
    contenders: Mapping[str, Contender]
    rounds: int = ROUNDS  # warm runs per contender

    def available(self) -> Self:
        """Return the case without contenders whose packages are not installed."""
        items = self.contenders.items()
        return self._replace(contenders={name: c for name, c in items if c.needs is None or c.needs()})

    def chosen(self, contenders: Collection[str], rounds: int | None, quick: bool) -> Self:
        """Return the case with some of its contenders, other rounds unless None, and less work if quick."""
        return self._replace(
            workload=self.workload.quick() if quick else self.workload,
            contenders={name: c for name, c in self.contenders.items() if name in contenders},
            rounds=rounds or (QUICK_ROUNDS if quick else self.rounds),
        )


def _seeds_case(kind: str) -> Case:
    """Return a kind's workload as seeds of its reference cell."""
    name, _, rest = KINDS[kind].title.partition(": ")
    workload = dataclasses.replace(KINDS[kind], title=f"{name}, seeds: {rest}", part=None)
    return Case(workload, _SEEDS)


# Name on the command line -> name of figures -> case.
CASES: dict[str, dict[str, Case]] = {
    **{name: {name: Case(workload, GRID)} for name, workload in workloads.GRIDS.items()},
    "notes": {"notes": Case(workloads.NOTES, GRID, rounds=NOTES_ROUNDS)},
    **{name: {name: Case(workload, _RBM if name == "rbm" else _KIND)} for name, workload in KINDS.items()},
    "iris_seeds": {"iris_seeds": Case(workloads.IRIS, _DRAWN)},
    "digit_seeds": {"digit_seeds": Case(workloads.DIGITS, _DRAWN)},
    "folds": {"folds": Case(workloads.FOLDS, _DRAWN)},
    "series": {"series": Case(workloads.SERIES, _SERIES)},
    "few": {"few_1": Case(workloads.ONE, _FEW), "few_7": Case(workloads.SEVEN, _FEW)},
    "own_data": {"own_data": Case(ODE, _OWN_LOSS)},
    "kind_seeds": {f"kind_seeds_{kind}": _seeds_case(kind) for kind in KINDS},
}
