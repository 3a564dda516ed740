"""Hypergradients: derivatives of the loss after training, through all training steps."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks, texts
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.core.engine.cohort import PARTS
from jfnn.core.experiment.axes import check_range
from jfnn.core.experiment.experiment import Experiment
from jfnn.core.experiment.options import Options
from jfnn.core.experiment.stepper import make_experiment, make_stepper, step_numbers
from jfnn.core.experiment.tracing import trace_scoring
from jfnn.core.search.keywords import make_options
from jfnn.learners import Learner
from jfnn.network import Network
from jfnn.optimizers import SCHEDULE_STEPS
from jfnn.split import Split
from jfnn.studies.derivatives import MULTIPLIERS, LossInputs, Numbers, Program, build_program

MODES = ("reverse", "forward")
NOT_SMOOTH = ("dropout", SCHEDULE_STEPS)  # training is not continuous in these


@texts.without_arrays
class Hypergradient(NamedTuple):
    """The loss after training, and its derivatives.

    Attributes:
        value: Mean loss per row, without penalty; NaN or infinite if training diverged.
        gradients: Name -> derivative with respect to it: a number, or ``[epochs]`` or ``[steps]`` for
            "multipliers".
    """

    value: float
    gradients: dict[str, np.ndarray]


def hypergradient(
    network: Network | Learner,
    split: Split,
    *,
    seed: int = 0,
    with_respect_to: str | Sequence[str] = ("learning_rate", "l2"),
    multipliers: ArrayLike | None = None,
    part: str | None = None,
    mode: str = "reverse",
    **options: Any,
) -> Hypergradient:
    """Return the loss after training and its derivatives with respect to hyperparameters.

    Training is as in `jfnn.sweep` with the same options: initialization, minibatches and steps agree, but run
    outside its compiled loop, so the value is equal up to rounding. Derivatives are exact for this
    computation: where steps amplify small differences (`jfnn.lyapunov`), they are correct, large, and of
    little use.

    Args:
        network: As in `jfnn.sweep`, but a single network; ``batch_size`` is a single value, too.
        split: As in `jfnn.sweep`.
        seed: Seed of initial parameters and minibatches.
        with_respect_to: Names of numbers: "learning_rate", "l2", arguments of the optimizer, "init_scale",
            and "multipliers".
        multipliers: Factors of the learning rate on top of any schedule, one per epoch or per step; None for
            ones.
        part: The rows of the loss: "train", "validation" or "test"; None for the rows by which a sweep ranks.
        mode: "reverse" for many numbers, "forward" for few numbers and many steps.
        **options: Options of `jfnn.sweep` except ``folds``, ``refit``, ``cells``, ``schedulers``,
            ``execution``, ``out`` and ``resume``; ``seed`` replaces ``seeds``.

    Raises:
        ValueError, TypeError: As in `jfnn.sweep`; several values of a number, a name that the learner does
            not take, or a dropout rate; derivatives that are not finite though the loss is, as with Adam
            without ``eps_root`` if a gradient is always 0.
    """
    if "seeds" in options:
        raise ArgumentError("seeds", "expected seed=, since one network is trained")
    # Without this, an interrupt while JAX starts tracing leaves the tracing context active after this call.
    with jax.core.eval_context():
        seeds = [checks.as_seed(seed)]
        made = make_options(hypergradient, Options, network, split, seeds=seeds, **options)
        program, arguments = prepare(made, with_respect_to, multipliers, part, mode)
        value, gradients = jax.tree.map(np.asarray, program(*arguments))
    if np.isfinite(value) and not all(np.isfinite(leaf).all() for leaf in gradients.values()):
        raise ArgumentError(
            "with_respect_to",
            "the loss is finite, but its derivatives are not; Adam and its variants have none"
            " where a gradient is 0, unless eps_root is above 0, such as 1e-12",
        )
    return Hypergradient(float(value), gradients)


def prepare(
    options: Options,
    with_respect_to: str | Sequence[str],
    multipliers: ArrayLike | None,
    part: str | None,
    mode: str,
) -> tuple[Program, tuple[Numbers, LossInputs]]:
    """Return the compiled function ``(numbers, inputs) -> (value, gradients)``, and its arguments."""
    checks.as_choice(mode, "mode", MODES)
    experiment = make_experiment(options, differentiable=True)
    for name in options.several():
        raise ArgumentTypeError(name, "expected a number, got a sequence")
    steps = step_numbers(experiment)
    numbers: dict[str, Any] = {name: values[0] for name, values in experiment.hyper().items()}
    numbers[MULTIPLIERS] = _multipliers(multipliers, experiment, len(steps))
    names = _names(with_respect_to, numbers)
    part = PARTS[experiment.ranking.part] if part is None else part
    replicates = experiment.replicates
    scored = replicates.parts[0][checks.as_choice(part, "part", PARTS)]
    counted = experiment.data.counted_rows(scored, part != PARTS[0], 0)
    scored = scored if counted is None else scored[counted]
    if not len(scored):
        raise ArgumentError("part", f"there are no {part} rows")
    variables = {name: numbers.pop(name) for name in names}
    scored_rows = jax.tree.map(lambda leaf: leaf[scored], experiment.data.rows)
    stepper, seen = make_stepper(experiment, 0)
    stepper = dataclasses.replace(stepper, functions=trace_scoring(stepper.functions, len(scored)))
    inputs = LossInputs(numbers, replicates.start(0), seen, steps, scored_rows)
    return build_program(stepper, mode), (variables, inputs)


def _names(names: str | Sequence[str], numbers: Iterable[str]) -> tuple[str, ...]:
    names = (names,) if isinstance(names, str) else names
    if not isinstance(names, Sequence) or not names or len({*map(str, names)}) != len(names):
        raise ArgumentError("with_respect_to", f"expected different names, got {checks.as_text(names)}")
    choices = [name for name in numbers if name not in NOT_SMOOTH]
    return tuple(checks.as_choice(name, "with_respect_to", choices) for name in names)


def _multipliers(multipliers: ArrayLike | None, experiment: Experiment, steps: int) -> np.ndarray:
    if multipliers is None:
        return np.ones(experiment.epochs, experiment.data.dtype)
    values = checks.as_axis(multipliers, MULTIPLIERS)
    if len(values) not in (experiment.epochs, steps):
        raise ArgumentError(
            "multipliers",
            f"expected one per epoch ({experiment.epochs}) or per step ({steps}), got {len(values)}",
        )
    check_range({MULTIPLIERS: values}, experiment.data.dtype)
    return np.asarray(values, experiment.data.dtype)
