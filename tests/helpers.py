"""Shared by several test files: noise to train on, results of random scores, comparisons, differences."""

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
from jfnn.core.search.result import combined, map_members
from jfnn.numerics import compiling

# Options of XLA's compiler -> as users get them, and for programs that run for milliseconds, which need no
# optimising and no splitting into parts for many cores.
OPTIONS: dict[str, tuple[int, int]] = {
    "xla_backend_optimization_level": (3, 0),
    "xla_cpu_parallel_codegen_split_count": (32, 1),
}
if jax.__version_info__ < (0, 11):  # later ones have no choice
    OPTIONS["xla_cpu_use_fusion_emitters"] = (True, False)
OPTIMISED, UNOPTIMISED = ({name: values[i] for name, values in OPTIONS.items()} for i in (0, 1))
compiled = functools.partial(jax.jit, compiler_options=UNOPTIMISED)
# (network, params, x, y, keywords of the objective) -> its gradient by JAX
gradient = compiled(
    jax.grad(jfnn.objective, argnums=1), static_argnums=0, static_argnames=("loss", "reduction")
)

# For a test that takes ``dtype`` and of which float64 is the sharp half: that one is quick, float32 thorough.
float64_first = pytest.mark.parametrize(
    "dtype", [pytest.param("float32", marks=pytest.mark.thorough), "float64"], indirect=True
)


def representatives(cases, *quick):
    """Cases of a parametrised test: those named are quick, and the others thorough."""
    marked = []
    for case in cases:
        values = case if isinstance(case, tuple) else (case,)
        marked.append(pytest.param(*values, marks=() if case in quick else pytest.mark.thorough))
    return marked


is_unoptimised = False  # whether what names no options is compiled so here


def like_here():
    """A function that makes a process compile as this one does, which would otherwise not train for it."""
    return functools.partial(_compile_like, is_unoptimised, compiling.CPU_OPTIONS)


def _compile_like(unoptimised, options):
    if unoptimised:
        compile_unoptimised()
    compiling.CPU_OPTIONS = options


def compile_unoptimised():
    """Compiles so all that names no options: small things, to optimise which took a quarter of all time.

    XLA reads its flags once, before the first program; processes that are started have those of users.
    """
    global is_unoptimised
    is_unoptimised = True
    before = os.environ.get("XLA_FLAGS")
    flags = [f"--{name}={str(value).lower()}" for name, value in UNOPTIMISED.items()]
    os.environ["XLA_FLAGS"] = " ".join([*flags, before or ""])
    jax.devices()
    if before is None:
        del os.environ["XLA_FLAGS"]
    else:
        os.environ["XLA_FLAGS"] = before


@contextlib.contextmanager
def compilations(name=""):
    """Names of the functions that JAX compiles meanwhile: a list of those in which a name occurs."""
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
    """The system writes no more than so many bytes into a file, as on a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def refusal(call, *arguments, **options):
    """The exception that a call ends with, or None."""
    try:
        call(*arguments, **options)
    except Exception as error:
        return error
    return None


def complaint(error, names):
    """Why an error is no refusal of one of these arguments, or None."""
    if error is None:
        return "accepted"
    named = isinstance(error, ArgumentError) and error.argument in names
    if isinstance(error, InvalidParameterError):  # of scikit-learn, which checks parameters of estimators
        named = any(f"{name}: " in str(error) for name in names)
    return None if named and "\n" not in str(error).strip() else f"{type(error).__name__}: {error!s:.200}"


def ending(capsys, main, words):
    """How a command ends that ends its process: the status, what it has printed, and its errors."""
    with pytest.raises(SystemExit) as stopped:
        main(words)
    return stopped.value.code, *capsys.readouterr()


def check_child_ends_with_parent(code):
    """Runs code that prints the number of a process that it started; when killed, both must end."""
    path = os.pathsep.join(filter(None, sys.path))
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate(timeout=60)  # which lasts for as long as the child holds the pipe
    try:
        for _ in range(600):
            os.kill(child, 0)
            time.sleep(0.1)
    except ProcessLookupError:
        return
    raise AssertionError(f"process {child} goes on")


def noise_split():
    """70 rows to train on and 20 to test, with labels that have nothing to do with the inputs."""
    x = np.random.default_rng(0).normal(size=(90, 5))
    return jfnn.Split(x[:70], np.arange(70) % 3, x[70:], np.arange(20) % 3)


def plain(value):
    """A pytree without types of its own, as a file gives it back."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, tuple | list) else value


def same_bits(one, other):
    """Whether all arrays of two trees hold the same bytes."""
    left = jax.tree.leaves(one)
    right = jax.tree.leaves(other)
    assert len(left) == len(right)
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(left, right, strict=True))


def perturbed(params, step):
    """``params`` with each number raised by a step, then with each lowered: ``[2 numbers, …]``."""
    flat, unravel = ravel_pytree(params)
    steps = step * np.eye(flat.size)
    return jax.vmap(unravel)(flat + np.concatenate([steps, -steps]))


def central_differences(values, params, step):
    """``∂function/∂p`` for every number p, from the function's values at `perturbed`; shaped like them."""
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
    """A result of random scores; ``diverged`` are places (of cells, seeds and folds) that lack them.

    R² is linear in the loss, from -1 to 1. Validation scores are NaN unless rows are held out. Another
    ``draw`` has other scores.
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
    """A result with some scores replaced or added, name -> values, and with other fields."""
    return dataclasses.replace(result, scores=result.scores | scores, **fields)


def everything(result):
    """Name -> all that a result of one program holds but the objects that are not written."""
    (run,) = result.runs
    held = vars(result) | vars(run)
    return {name: value for name, value in held.items() if name not in ("runs", "origin")}


def select_members(result, index, **fields):
    """A result of the members at an index ``[E, L, …]`` of every array, and with other fields."""
    return dataclasses.replace(result, **map_members(lambda array: array[index], result), **fields)


def make_sampled(n=12, axes=None, **options):
    """A result of random scores in n cells, with these values on the axes."""
    values = np.geomspace(1e-4, 1, n)
    axes = {"learning_rate": values, "l2": values[::-1]} | (axes or {})
    return select_members(make_result((n, 1), **options), np.s_[:, 0], axes=axes, crossed=False)


def make_single(**options):
    """A result of random scores as `jfnn.train` gives it: one member, and no axis of cells or seeds."""
    result = make_result((1, 1), seeds=1, **options)
    axes = {name: values[0] for name, values in result.axes.items()}
    return select_members(result, (0, 0, 0, ...), axes=axes, seeds=result.seeds[0, ...])


def make_programs(networks=("20", "10-10"), batch_sizes=(), make=make_result, named=None, **options):
    """A result of random scores of several networks, or of ``named`` axes, and of any given batch sizes."""
    axes = {"network": networks} if named is None else named
    axes = {name: np.array(values) for name, values in {**axes, "batch_size": batch_sizes}.items()}
    axes = {name: values for name, values in axes.items() if len(values)}
    count = np.prod([len(values) for values in axes.values()])
    return combined(axes, [make(**options, draw=draw) for draw in range(count)])


def as_workers(executor):
    """`jfnn.Workers` of an executor, or of a function that makes one; none and workers as they are."""
    is_ready = executor is None or isinstance(executor, jfnn.Workers)
    return executor if is_ready else jfnn.Workers(executor)
