"""Shared by several test files: noisy data, results with random scores, comparisons, finite differences."""

import contextlib
import dataclasses
import functools
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping

import jax
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from sklearn.utils._param_validation import InvalidParameterError

import jfnn
from jfnn.arguments.checks import ArgumentError
from jfnn.core.search.programs import combine
from jfnn.core.search.result import map_members
from jfnn.numerics import compiling

# Options of XLA's compiler: name -> value for users, and value for short-running programs, which need neither
# optimization nor splitting for many cores.
OPTIONS: dict[str, tuple[int, int]] = {
    "xla_backend_optimization_level": (3, 0),
    "xla_cpu_parallel_codegen_split_count": (32, 1),
}
if jax.__version_info__ < (0, 11):  # later versions have no choice
    OPTIONS["xla_cpu_use_fusion_emitters"] = (True, False)
OPTIMIZED, UNOPTIMIZED = ({name: values[i] for name, values in OPTIONS.items()} for i in (0, 1))
compiled = functools.partial(jax.jit, compiler_options=UNOPTIMIZED)
# (network, params, x, y, keywords of the objective) -> its gradient by JAX
gradient = compiled(
    jax.grad(jfnn.objective, argnums=1), static_argnums=0, static_argnames=("loss", "reduction")
)

# For tests with ``dtype`` whose sharper half is float64: that one is quick, float32 thorough.
float64_first = pytest.mark.parametrize(
    "dtype", [pytest.param("float32", marks=pytest.mark.thorough), "float64"], indirect=True
)


def representatives(cases, *quick):
    """Return the cases of a parametrized test: the named ones are quick, the others thorough."""
    marked = []
    for case in cases:
        values = case if isinstance(case, tuple) else (case,)
        marked.append(pytest.param(*values, marks=() if case in quick else pytest.mark.thorough))
    return marked


is_unoptimized = False  # whether programs without explicit options are compiled so here


def like_here():
    """Return a function that makes a process compile like this one, as required for training there."""
    return functools.partial(_compile_like, is_unoptimized, compiling.CPU_OPTIONS)


def _compile_like(unoptimized, options):
    if unoptimized:
        compile_unoptimized()
    compiling.CPU_OPTIONS = options


def compile_unoptimized():
    """Compile everything without explicit options unoptimized, which saves a quarter of the total time.

    XLA reads its flags once, before the first program. Processes started later have the flags of users.
    """
    global is_unoptimized
    is_unoptimized = True
    before = os.environ.get("XLA_FLAGS")
    flags = [f"--{name}={str(value).lower()}" for name, value in UNOPTIMIZED.items()]
    os.environ["XLA_FLAGS"] = " ".join([*flags, before or ""])
    jax.devices()
    if before is None:
        del os.environ["XLA_FLAGS"]
    else:
        os.environ["XLA_FLAGS"] = before


@contextlib.contextmanager
def compilations(name=""):
    """Record the names of the functions that JAX compiles meanwhile, if they contain ``name``."""
    compiled = []

    def listen(event, seconds, **details):
        function = str(details.get("fun_name"))
        if event == "/jax/core/compile/backend_compile_duration" and name in function:
            compiled.append(function)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield compiled
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


@contextlib.contextmanager
def room_for(size):
    """Limit files to ``size`` bytes, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def refusal(call, *arguments, **options):
    """Return the exception raised by a call, or None."""
    try:
        call(*arguments, **options)
    except Exception as error:
        return error
    return None


def complaint(error, names):
    """Return why an error does not properly refuse one of these arguments, or None if it does."""
    if error is None:
        return "accepted"
    named = isinstance(error, ArgumentError) and error.argument in names
    # from scikit-learn, which checks the parameters of estimators
    if isinstance(error, InvalidParameterError):
        named = any(f"{name}: " in str(error) for name in names)
    return None if named and "\n" not in str(error).strip() else f"{type(error).__name__}: {error!s:.200}"


def ending(capsys, main, words):
    """Return the exit status, output and errors of a command that ends its process."""
    with pytest.raises(SystemExit) as stopped:
        main(words)
    return stopped.value.code, *capsys.readouterr()


def check_child_ends_with_parent(code):
    """Run code that starts a process and prints its id; when killed, both must end."""
    path = os.pathsep.join(filter(None, sys.path))
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate(timeout=60)  # lasts for as long as the child holds the pipe
    try:
        for _ in range(600):
            os.kill(child, 0)
            time.sleep(0.1)
    except ProcessLookupError:
        return
    raise AssertionError(f"process {child} goes on")


def noise_split():
    """Return 70 training and 20 test rows, with labels unrelated to the inputs."""
    x = np.random.default_rng(0).normal(size=(90, 5))
    return jfnn.Split(x[:70], np.arange(70) % 3, x[70:], np.arange(20) % 3)


def plain(value):
    """Replace custom types of a pytree by plain ones, as when it is read from a file."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, tuple | list) else value


def same_bits(one, other):
    """Return whether all arrays of two trees hold the same bytes."""
    left = jax.tree.leaves(one)
    right = jax.tree.leaves(other)
    assert len(left) == len(right)
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(left, right, strict=True))


def assert_close(result, expected, tolerance):
    """Check equality up to a fraction of each array's largest entry."""
    assert jax.tree.structure(result) == jax.tree.structure(expected)
    for one, other in zip(jax.tree.leaves(result), jax.tree.leaves(expected), strict=True):
        one = np.asarray(one)
        other = np.asarray(other)
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * np.abs(other).max())


def perturbed(params, step):
    """Return ``params`` with each number raised by a step, then with each lowered: ``[2 numbers, …]``."""
    flat, unravel = ravel_pytree(params)
    steps = step * np.eye(flat.size)
    return jax.vmap(unravel)(flat + np.concatenate([steps, -steps]))


def central_differences(values, params, step):
    """Return ``∂function/∂p`` for every number p, shaped like ``params``, from the values at `perturbed`."""
    raised, lowered = np.split(np.asarray(values), 2)
    leaves, structure = jax.tree.flatten(params)
    slopes = np.split((raised - lowered) / (2 * step), np.cumsum([np.size(leaf) for leaf in leaves])[:-1])
    shaped = (slope.reshape(np.shape(leaf)) for slope, leaf in zip(slopes, leaves, strict=True))
    return jax.tree.unflatten(structure, shaped)


def make_result(
    shape=(7, 7),
    seeds=2,
    further=(),
    classes=True,
    diverged=(),
    history=0,
    folds=None,
    validates=False,
    rank_by=None,
    draw=0,
):
    """Return a result with random scores; ``diverged`` members (cells, seeds, folds) have none.

    R² is linear in the loss, from -1 to 1. Validation scores are NaN unless rows are held out. Another
    ``draw`` gives other scores.
    """
    rng = np.random.default_rng(draw)
    axes = {"learning_rate": np.geomspace(1e-5, 10, shape[0]), "l2": np.geomspace(1e-5, 10, shape[1])}
    axes |= dict(further)
    full = (*(len(values) for values in axes.values()), seeds, *(() if folds is None else (folds,)))
    diverged_at = np.full(full, -1)
    for index in diverged:
        diverged_at[index] = 1
    metrics = {"loss": False} | ({"accuracy": True} if classes else {"r2": True})
    known = {"train": True, "validation": validates or folds is not None, "test": True}
    scores = {}
    for part, has_rows in known.items():
        accuracy = rng.random(full)
        loss = 1e4 * rng.random(full)
        values = {"loss": loss, "accuracy": accuracy, "r2": 1 - 2 * loss / 1e4}
        finite = (diverged_at < 0) & has_rows
        scores |= {f"{part}_{name}": np.where(finite, values[name], np.nan) for name in metrics}
    evaluations = {name: values[..., None] * np.linspace(2, 1, history) for name, values in scores.items()}
    metric = rank_by or ("accuracy" if classes else "loss")
    return jfnn.SweepResult(
        axes=axes,
        seeds=np.arange(seeds),
        folds=folds,
        scores=scores,
        metrics=metrics,
        diverged_at=diverged_at,
        stopped_at=np.full(full, -1),
        pruned=np.zeros(full, bool),
        epochs=np.full(full, 10),
        evaluations=np.arange(1, history + 1),
        history=evaluations if history else {},
        ranked_by=f"{'validation' if known['validation'] else 'test'}_{metric}",
    )


def with_scores(result, scores, **fields):
    """Replace or add scores (name -> values) and other fields of a result."""
    return dataclasses.replace(result, scores=result.scores | scores, **fields)


def everything(result):
    """Map names to everything in a result of one program, except objects that are not written."""
    (run,) = result.runs
    held = vars(result) | vars(run)
    return {name: value for name, value in held.items() if name not in ("runs", "origin")}


def parts_of(result):
    """Return the result of every program."""
    return [result.program(**run.key) for run in result.runs]


def place_in_part(result, index):
    """Split the index of a cell or member: the number of its program, and the index in its result."""
    leading = len(result.runs[0].key)
    number = int(np.ravel_multi_index(index[:leading], result.cell_shape[:leading]))
    return number, tuple(index[leading:])


def select_members(result, index, **fields):
    """Return a result with the members at an index ``[E, L, …]`` of every array."""
    return dataclasses.replace(result, **map_members(lambda array: array[index], result), **fields)


def make_sampled(n=12, axes=None, **options):
    """Return a result with random scores in n cells that have these values on the axes."""
    values = np.geomspace(1e-4, 1, n)
    axes = {"learning_rate": values, "l2": values[::-1]} | (axes or {})
    return select_members(make_result((n, 1), **options), np.s_[:, 0], axes=axes, crossed=False)


def make_single(**options):
    """Return a result like `jfnn.train`'s: one member with random scores, and no axis of cells or seeds."""
    result = make_result((1, 1), seeds=1, **options)
    axes = {name: values[0] for name, values in result.axes.items()}
    return select_members(result, (0, 0, 0, ...), axes=axes, seeds=result.seeds[0, ...])


def make_programs(networks=("20", "10-10"), batch_sizes=(), make=make_result, named=None, **options):
    """Return a result with random scores for several networks or ``named`` axes, and given batch sizes."""
    axes = {"network": networks} if named is None else named
    axes = {name: np.array(values) for name, values in {**axes, "batch_size": batch_sizes}.items()}
    axes = {name: values for name, values in axes.items() if len(values)}
    count = np.prod([len(values) for values in axes.values()])
    return combine(axes, [make(**options, draw=draw) for draw in range(count)])


def as_workers(executor):
    """Return `jfnn.Workers` for an executor or a function that makes one; None and workers are unchanged."""
    is_ready = executor is None or isinstance(executor, jfnn.Workers)
    return executor if is_ready else jfnn.Workers(executor)
