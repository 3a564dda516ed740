"""The one function by which jfnn compiles: the precision and the compiler's options of every program.

XLA's CPU backend hands products to the library YNNPACK, together with elementwise operations and reductions
around them, and computes some of these fusions wrongly: `jaxlib` 0.10.2 to 0.12.0.1 get
``sum((A @ B) * C)`` wrong by many orders of magnitude at some shapes, 0.10.2 also a product's squares summed
over more than 32,768 rows (github.com/jax-ml/jax/issues/39103). So products go to the library one by one.
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
    # XLA cuts vectors to half their width, lest a core lower its clock; a whole core that does nothing but
    # such arithmetic gains 5% by the full width. No result changes; machines without it take what they have.
    "xla_cpu_prefer_vector_width": 512,
    # The first of these passes removes barriers before operations are fused into kernels; without it a value
    # behind a barrier is computed once (`jfnn.layers.products`). The second makes one kernel of a loop over
    # less than a kilobyte, and fails where it finds a barrier there.
    "xla_disable_hlo_passes": "cse_barrier_expander,small-while-loop-hoisting",
}

# Kernels whose bits do not depend on chance: no sums by atomics, and none of several kernels chosen by time.
GPU_OPTIONS: Mapping[str, int | str] = {
    "xla_gpu_deterministic_ops": True,
    "xla_gpu_autotune_level": 0,
    "xla_gpu_enable_triton_gemm": False,
}
# Errors of JAX where Python needs the value of a number that is traced.
TRACED = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


def compiler_options(platform: str) -> dict[str, int | str]:
    """The compiler's options for a platform: "cpu", "gpu", …."""
    options: dict[str, Mapping[str, int | str]] = {"cpu": CPU_OPTIONS, "gpu": GPU_OPTIONS}
    return dict(options.get(platform, {}))


def default_platform() -> str:
    """The platform of the device on which JAX now runs by default."""
    device: Any = getattr(jax.config, "jax_default_device", None)
    return device if isinstance(device, str) else getattr(device, "platform", None) or jax.default_backend()


@contextlib.contextmanager
def tracing() -> Iterator[None]:
    """The context in which functions are traced, so that traces do not depend on JAX's configuration.

    Products have the full precision, which JAX notes with each as it traces it. Dtypes are promoted by JAX's
    standard rules, which optax relies on.
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
    """`jax.jit` at full precision, with the options under which results are right.

    Args:
        function: A pure function of arrays.
        platform: The platform that it runs on; None for that of JAX's default device at each call.
        static_argnums: As for `jax.jit`.
        options: The compiler's options; None for jfnn's own.
        identity: Tells the function from all others, in every process, so that its programs are kept for
            other processes; None to keep none.
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
            return function(*args, **kwargs)  # inside of a program that somebody else compiles
        result: R = for_platform(default_platform())(*args, **kwargs)
        return result

    return call
