"""The function that compiles all of jfnn's programs, with their precision and compiler options.

XLA's CPU backend hands products to the library YNNPACK, together with surrounding elementwise operations and
reductions, and computes some of these fusions wrongly: `jaxlib` 0.10.2 to 0.12.0.1 get ``sum((A @ B) * C)``
wrong by many orders of magnitude at some shapes, and 0.10.2 also the sum of a product's squares over more
than 32,768 rows (github.com/jax-ml/jax/issues/39103). So each product is handed over alone.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import jax

from jfnn.numerics.persistent import persistent

R = TypeVar("R")

PRECISION = "highest"  # TF32 and bfloat16 products would change results
CPU_OPTIONS: Mapping[str, int | str] = {
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT",
    # XLA halves the vector width to keep cores from lowering their clock; a core busy only with vector
    # arithmetic gains 5% with the full width. Results do not change. Machines without 512-bit vectors use
    # their widest.
    "xla_cpu_prefer_vector_width": 512,
    # Disabled passes: the first would remove barriers before operations are fused into kernels; while it is
    # disabled, a value behind a barrier is computed only once (`jfnn.layers.products`). With `jaxlib` 0.10.2
    # the workload xor of scripts/bench.py takes three times as long if the pass runs; with 0.12 it makes no
    # difference. The second would turn a loop over less than a kilobyte into one kernel, and fails if the
    # loop has a barrier.
    "xla_disable_hlo_passes": "cse_barrier_expander,small-while-loop-hoisting",
}

# For programs that loop over small products, such as those of a recurrent layer: YNNPACK would split each
# product among threads, which takes longer than the product. With these options XLA computes each product
# itself, on one thread. The workload gru of scripts/bench.py then takes 0.5 times as long with `jaxlib` 0.12
# and 0.9 times with 0.10.2; lstm takes 0.6 and 0.95 times as long. Dense networks, convolutions and Boltzmann
# machines would take up to 13% longer.
LOOP_OPTIONS: Mapping[str, int | str] = {
    "xla_cpu_experimental_ynn_fusion_type": "",
    "xla_cpu_multi_thread_eigen": False,
}

# Deterministic kernels: no atomic sums, and no choice of kernels by timing.
GPU_OPTIONS: Mapping[str, int | str] = {
    "xla_gpu_deterministic_ops": True,
    "xla_gpu_autotune_level": 0,
    "xla_gpu_enable_triton_gemm": False,
}
# Raised by JAX when Python needs the value of a traced number.
TRACED = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


def compiler_options(platform: str, loops: bool = False) -> dict[str, int | str]:
    """Return the compiler options for a platform: "cpu", "gpu", ….

    ``loops`` is whether the program loops over small products (`LOOP_OPTIONS`).
    """
    if platform == "cpu":
        return {**CPU_OPTIONS, **(LOOP_OPTIONS if loops else {})}
    return dict(GPU_OPTIONS) if platform == "gpu" else {}


def default_platform() -> str:
    """Return the platform of JAX's current default device."""
    device: Any = getattr(jax.config, "jax_default_device", None)
    return device if isinstance(device, str) else getattr(device, "platform", None) or jax.default_backend()


@contextlib.contextmanager
def tracing() -> Iterator[None]:
    """Provide the context for tracing, in which traces do not depend on JAX's configuration.

    Products have full precision, which traces record; dtypes follow JAX's standard promotion, as optax needs.
    """
    with jax.default_matmul_precision(PRECISION), jax.numpy_dtype_promotion("standard"):
        yield


def compiled(
    function: Callable[..., R],
    platform: str | None = None,
    static_argnums: int | Sequence[int] = (),
    options: Mapping[str, int | str] | None = None,
    identity: str | None = None,
) -> Callable[..., R]:
    """Compile with `jax.jit` at full precision, with the options that give correct results.

    Args:
        function: A pure function of arrays.
        platform: The platform to run on; None for the platform of JAX's default device at each call.
        static_argnums: As for `jax.jit`.
        options: The compiler's options; None for `compiler_options` of the platform.
        identity: A unique name of the function in every process, under which its programs are stored on disk
            for other processes; None to store nothing.
    """

    @functools.cache
    def for_platform(platform: str) -> Callable[..., Any]:
        traced = tracing()(function)
        flags = compiler_options(platform) if options is None else dict(options)
        jitted = jax.jit(traced, static_argnums=static_argnums, compiler_options=flags)
        return jitted if identity is None else persistent(jitted, platform, f"{identity} {PRECISION} {flags}")

    if platform is not None:
        return for_platform(platform)

    @functools.wraps(function)
    def call(*args: object, **kwargs: Any) -> R:
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves((args, kwargs))):
            return function(*args, **kwargs)  # traced as part of another program
        result: R = for_platform(default_platform())(*args, **kwargs)
        return result

    return call
