"""Count the kernels that one training step launches on an NVIDIA H100, on a machine without a GPU.

Small networks on a GPU are limited by launches, about two microseconds each, and a loop whose number of turns
the compiler does not know asks the host before every turn. The script compiles jfnn's training program and
the one that a user of plain JAX would write, `jit(vmap(scan))`, which records the objective of each step as
jfnn does, and prints the kernels in a turn of the innermost loop. It measures no time. It needs the packages
jax-cuda12-plugin and jax-cuda12-pjrt of the version of jaxlib, and nvidia-cuda-nvcc-cu12, about 1 GB.
"""

import importlib.util
import itertools
import re
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from benchmarks.report import markdown
from console import Parser, run

import jfnn
from jfnn.core.engine import program
from jfnn.core.engine.epoch import stand_ins
from jfnn.core.experiment.options import Options
from jfnn.core.search.prepare import prepare

PLUGIN = "jax_cuda12_plugin"
H100 = """gpu_device_info { threads_per_block_limit: 1024 threads_per_warp: 32 shared_memory_per_block: 49152
  shared_memory_per_core: 233472 threads_per_core_limit: 2048 core_count: 132 fpus_per_core: 128
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  memory_bandwidth: 3352320000000 l2_cache_size: 52428800 clock_rate_ghz: 1.98 device_memory_size: 84942979072
  shared_memory_per_block_optin: 232448 cuda_compute_capability { major: 9 }
  registers_per_core_limit: 65536 registers_per_block_limit: 65536 }
platform_name: "CUDA" dnn_version_info { major: 9 } device_description_str: "NVIDIA H100 80GB HBM3" """
LAUNCHED = {"fusion", "copy", "custom-call", "sort", "scatter", "gather", "reduce", "dot", "transpose"}
COMPUTATION = re.compile(r"(?:ENTRY )?%?([\w.\-]+) \(.*\{$")
OPERATION = re.compile(r"= .*?\s([\w\-]+)\(")
LOOP = re.compile(r" while\(.*body=%?([\w.\-]+)")
TURNS = re.compile(r"known_trip_count\D*(\d+)")


class Workload(NamedTuple):
    """Members of one network, in steps of 100 rows of the digits."""

    sizes: tuple[int, ...]
    members: int
    separate: bool  # whether members have minibatches of their own
    options: dict[str, Any]


class Launches(NamedTuple):
    """Kernels launched in a step, and the steps of the loop if the compiler knows them."""

    kernels: int
    turns: int | None


GRID = {"learning_rate": np.logspace(-5, 1, 7), "l2": np.logspace(-5, 1, 7)}
SEEDS = {"learning_rate": 0.1, "l2": 0.1, "seeds": 100}
WORKLOADS = {
    "notes' grid, 49 of 64-50-10": Workload((64, 50, 10), 49, False, GRID),
    "100 seeds of 64-50-10": Workload((64, 50, 10), 100, True, SEEDS),
    "49 of 64-32-32-32-10": Workload((64, 32, 32, 32, 10), 49, False, GRID),
}
BATCH = 100


def is_installed() -> bool:
    """Return whether the compiler for GPUs is installed."""
    return importlib.util.find_spec(PLUGIN) is not None


def launches(workload: Workload) -> tuple[Launches, Launches]:
    """Return what a step of jfnn's program and one of plain JAX launches."""
    return in_a_step(_jfnn(workload)), in_a_step(_plain(workload))


def in_a_step(text: str) -> Launches:
    """Count the kernels in the innermost loop of a compiled program."""
    bodies: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        start = COMPUTATION.match(line)
        if start:
            lines = bodies.setdefault(start[1], [])
        else:
            lines.append(line)
    for line in text.splitlines():
        loop = LOOP.search(line)
        body = [] if loop is None else bodies[loop[1]]
        if body and not any(map(LOOP.search, body)):
            operations = [found[1] for found in map(OPERATION.search, body) if found]
            turns = TURNS.search(line)
            kernels = sum(operation in LAUNCHED for operation in operations)
            return Launches(kernels, None if turns is None else int(turns[1]))
    raise ValueError("the program has no loop")


def _on_gpu(tree: object) -> Any:
    """Return the arguments as shapes on an H100."""
    from jax.experimental import topologies

    described = topologies.get_topology_desc(
        platform="cuda", topology_name="h100", target_config=H100, topology="1x1x1"
    )
    sharding = jax.sharding.SingleDeviceSharding(described.devices[0])

    def shape(leaf: Any) -> jax.ShapeDtypeStruct:
        dtype = leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype
        return jax.ShapeDtypeStruct(np.shape(leaf), dtype, sharding=sharding)

    return jax.tree.map(shape, tree)


def _jfnn(workload: Workload) -> str:
    """Compile jfnn's program that trains a tile of all members."""
    network = jfnn.mlp(workload.sizes, activation="sigmoid")
    made = Options(network, jfnn.datasets.digits(), reduction="sum", batch_size=BATCH, **workload.options)
    experiment = prepare(made).experiment
    replicates = experiment.replicates
    sources = replicates.sources
    data = experiment.data
    compiled = program.build(experiment.functions, sources.padded, "gpu")

    def of_each(leaf: np.ndarray) -> np.ndarray:
        return np.stack([leaf] * workload.members)

    params = jax.tree.map(of_each, replicates.start(0))
    hyper = {name: of_each(values[0]) for name, values in experiment.hyper().items()}
    start: Any = compiled.start
    state = jax.eval_shape(start.__wrapped__, params, hyper)
    groups = np.zeros(workload.members if workload.separate else 1, int)
    rows = np.stack([replicates.minibatches(0, epoch=0)] * len(groups), axis=1)
    source = sources.take(groups, 0, rows, "gpu")
    held = program.DeviceData(data.rows, data.weights, stand_ins(data.weights, sources.train))
    members = program.Members(state, np.full(workload.members, -1, np.int32))
    advance: Any = compiled.advance
    arguments = _on_gpu((members, hyper, source, np.int32(1), held))
    return str(advance.__wrapped__.lower(*arguments).compile().as_text())


def _plain(workload: Workload) -> str:
    """Compile gradient descent as a user would write it: a scan over steps, mapped over members."""

    def loss(params: Any, x: jax.Array, y: jax.Array, l2: jax.Array) -> jax.Array:
        for w, b in params[:-1]:
            x = jax.nn.sigmoid(x @ w + b)
        w, b = params[-1]
        cost = -jnp.sum(y * jax.nn.log_softmax(x @ w + b))
        return cost + 0.5 * l2 * sum(jnp.sum(w**2) for w, _ in params)

    def train(params: Any, rate: Any, l2: Any, x: Any, y: Any, batches: Any) -> tuple[Any, jax.Array]:
        def step(params: Any, rows: jax.Array) -> tuple[Any, jax.Array]:
            value, gradients = jax.value_and_grad(loss)(params, x[rows], y[rows], l2)
            return jax.tree.map(lambda w, gradient: w - rate * gradient, params, gradients), value

        values: tuple[Any, jax.Array] = jax.lax.scan(step, params, batches)
        return values

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, np.float32)

    n = len(jfnn.datasets.digits().x_train)
    count = workload.members
    sizes = workload.sizes
    params = [(zeros(count, a, b), zeros(count, b)) for a, b in itertools.pairwise(sizes)]
    steps = (n // BATCH, BATCH)
    batches = np.zeros((count, *steps) if workload.separate else steps, np.int32)
    arguments = params, zeros(count), zeros(count), zeros(n, sizes[0]), zeros(n, sizes[-1]), batches
    mapped = jax.vmap(train, in_axes=(0, 0, 0, None, None, 0 if workload.separate else None))
    with jax.default_matmul_precision("highest"):
        return str(jax.jit(mapped).lower(*_on_gpu(arguments)).compile().as_text())


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    Parser(description=__doc__).parse_args(arguments)
    if not is_installed():
        version = jax.__version__
        packages = f"jax-cuda12-plugin=={version} jax-cuda12-pjrt=={version} nvidia-cuda-nvcc-cu12"
        print(f"no compiler for GPUs; install it with: pip install {packages}", file=sys.stderr)
        return 2
    rows = [["", "jfnn", "steps that the compiler knows", "plain JAX"]]
    for name, workload in WORKLOADS.items():
        ours, plain = launches(workload)
        steps = "unknown" if ours.turns is None else str(ours.turns)
        rows.append([name, str(ours.kernels), steps, str(plain.kernels)])
    print(f"jax {jax.__version__}, compiled for an H100")
    print(markdown(rows))
    return 0


if __name__ == "__main__":
    run(main)
