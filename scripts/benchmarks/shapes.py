"""Workloads that are no grids (seeds, folds, few networks, an own loss), and who trains each."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmarks import kinds, own_draws
from benchmarks.contenders import CONTENDERS, FLOOR, Contender, another_kind, import_and_prepare
from benchmarks.kinds import KINDS, AnyWorkload
from benchmarks.own_draws import OwnDraws


class Case(NamedTuple):
    """One workload.

    Attributes:
        workload: The workload.
        quick: The same kind of work in less.
        contenders: By name.
        traced: Whether jfnn's time is broken down.
    """

    workload: AnyWorkload
    quick: AnyWorkload
    contenders: Mapping[str, Contender]
    traced: bool = True


OWN_DRAWS = "draws a fresh subset of the rows in each step; accuracies are means over all members"
ANALYTIC = "the accuracy is the median over members of the mean square of u'' + u"


def _way(
    title: str,
    module: str,
    function: str,
    cpu_devices: int | str = 1,
    ours: bool = False,
    comment: str = "",
    **options: Any,
) -> Contender:
    """A contender in a module of this package, with options of the function that prepares it."""
    prepare = functools.partial(import_and_prepare, module, function, **options)
    return Contender(title, prepare, cpu_devices=cpu_devices, ours=ours, comment=comment)


_plain = functools.partial(_way, module="own_draws_jax", function="plain")
_jfnn = functools.partial(_way, module="own_draws_jax", function="sweep", cpu_devices="cores", ours=True)
_DRAWN = {
    "vmap_drawn": _plain("JAX jit(vmap(train)), passes drawn in the program", in_program=True),
    "vmap_numpy": _plain("JAX jit(vmap(train)), passes drawn by NumPy"),
    "jfnn_1": _jfnn("jfnn, 1 core", devices=1),
    "jfnn": _jfnn("jfnn, all cores", comment=OWN_DRAWS),
    "jfnn_permutation": _jfnn("jfnn, all cores, passes over the rows", scheme="permutation"),
    FLOOR: CONTENDERS[FLOOR],
}
_FEW = {
    "jit": _plain("JAX jit(train), one after another, passes drawn by NumPy", mapped=False),
    **_DRAWN,
    "jfnn_tile_1": _jfnn("jfnn, all cores, tile=1", comment="other last bits than in a grid", tile=1),
}
_OWN_LOSS = {
    "vmap": _way("JAX jit(vmap(train))", "own_loss_jax", "plain_vmap"),
    "jfnn_1": _jfnn("jfnn, 1 core", module="own_loss_jax", devices=1),
    "jfnn": _jfnn("jfnn, all cores", module="own_loss_jax", comment=ANALYTIC),
    FLOOR: CONTENDERS[FLOOR],
}
_GRID = another_kind("jfnn, all cores, a grid of as many cells of one seed", scheme="subset")
_KIND_SEEDS = {
    "jfnn_grid": _GRID._replace(ours=False),
    "jfnn": another_kind("jfnn, all cores, seeds of one cell", scheme="subset", by_seeds=True),
    FLOOR: CONTENDERS[FLOOR],
}


def _case(workload: OwnDraws, contenders: Mapping[str, Contender]) -> Case:
    return Case(workload, own_draws.quick(workload), contenders)


def _seeds(kind: str) -> Case:
    """A kind's workload as seeds of its reference cell."""
    full = KINDS[kind]
    name, _, rest = full.title.partition(": ")
    workload = dataclasses.replace(full, title=f"{name}, seeds: {rest}", part=None)
    shorter = dataclasses.replace(kinds.quick(workload), part=None)
    # One epoch of the GRUs, each seed in tiles of its own, would be millions of kernels.
    return Case(workload, shorter, _KIND_SEEDS, traced=False)


# What can be named -> its workloads by the names that their figures have.
SHAPES: dict[str, dict[str, Case]] = {
    "iris_seeds": {"iris_seeds": _case(own_draws.IRIS, _DRAWN)},
    "digit_seeds": {"digit_seeds": _case(own_draws.DIGITS, _DRAWN)},
    "folds": {"folds": _case(own_draws.FOLDS, _DRAWN)},
    "few": {"few_1": _case(own_draws.ONE, _FEW), "few_7": _case(own_draws.SEVEN, _FEW)},
    "own_data": {"own_data": _case(own_draws.ANALYTIC, _OWN_LOSS)},
    "kind_seeds": {f"kind_seeds_{kind}": _seeds(kind) for kind in KINDS},
}
