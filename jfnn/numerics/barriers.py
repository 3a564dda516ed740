"""Barriers between kernels on CPUs."""

from typing import TypeVar

import jax

Arrays = TypeVar("Arrays")


def computed_once(arrays: Arrays) -> Arrays:
    """Return arrays unchanged; on CPUs, XLA computes them before and apart from the kernels that read them.

    Without the barrier, XLA would compute cheap arrays again in every kernel that reads them, and may round
    them differently there. On an accelerator there is no barrier: each kernel takes longer to launch than to
    run, and a barrier would split one kernel in two (`scripts/launches.py`).
    """
    once: Arrays = jax.lax.platform_dependent(
        arrays, cpu=jax.lax.optimization_barrier, default=lambda arrays: arrays
    )
    return once
