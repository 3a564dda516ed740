"""Workloads that are no grids (seeds, folds, few networks, an own loss), and who trains each."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import NamedTuple

from benchmarks import kinds, own_draws
from benchmarks.contenders import CONTENDERS, FLOOR, Contender, another_kind, other
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
own = functools.partial(other, module="own_draws_jax", function="sweep", cpu_devices="cores", ours=True)


def _with_options(contender: Contender, **options: object) -> Contender:
    """A contender with further options."""
    return contender._replace(prepare=functools.partial(contender.prepare, **options))


_plain = other("", "own_draws_jax", "plain", cpu_devices=1)
_jfnn = own("jfnn, all cores", comment=OWN_DRAWS)
_DRAWN = {
    "vmap_drawn": _with_options(_plain, in_program=True)._replace(
        title="JAX jit(vmap(train)), passes drawn in the program"
    ),
    "vmap_numpy": _plain._replace(title="JAX jit(vmap(train)), passes drawn by NumPy"),
    "jfnn_1": _with_options(_jfnn, devices=1)._replace(title="jfnn, 1 core", comment=""),
    "jfnn": _jfnn,
    "jfnn_permutation": _with_options(_jfnn, scheme="permutation")._replace(
        title="jfnn, all cores, passes over the rows", comment=""
    ),
    FLOOR: CONTENDERS[FLOOR],
}
_FEW = {
    "jit": _with_options(_plain, mapped=False)._replace(
        title="JAX jit(train), one after another, passes drawn by NumPy"
    ),
    **_DRAWN,
    "jfnn_tile_1": _with_options(_jfnn, tile=1)._replace(
        title="jfnn, all cores, tile=1", comment="other last bits than in a grid"
    ),
}
_OWN_LOSS = {
    "vmap": other("JAX jit(vmap(train))", "own_loss_jax", "plain_vmap", cpu_devices=1),
    "jfnn_1": own("jfnn, 1 core", module="own_loss_jax"),
    "jfnn": own(
        "jfnn, all cores",
        module="own_loss_jax",
        comment="the accuracy is the median over members of the mean square of u'' + u",
    ),
    FLOOR: CONTENDERS[FLOOR],
}
_OWN_LOSS["jfnn_1"] = _with_options(_OWN_LOSS["jfnn_1"], devices=1)
_KIND_SEEDS = {
    "jfnn_grid": another_kind(
        "jfnn, all cores, a grid of as many cells of one seed", scheme="subset"
    )._replace(ours=False),
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
