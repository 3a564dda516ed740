"""Hypergradients: derivatives of the loss after training, through every step of it."""

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
from jfnn.core.experiment.tracing import scoring
from jfnn.core.search.keywords import make_options
from jfnn.learners import Learner
from jfnn.network import Network
from jfnn.optimizers import SCHEDULE_STEPS
from jfnn.split import Split
from jfnn.studies.derivatives import MULTIPLIERS, LossInputs, Numbers, Program, build_program

MODES = ("reverse", "forward")
# Numbers by which random draws are compared: the masks jump with them.
NOT_SMOOTH = ("dropout", SCHEDULE_STEPS)


@texts.without_arrays
class Hypergradient(NamedTuple):
    """The loss after training, and its derivatives.

    Attributes:
        value: The mean loss per row, without penalty; NaN or infinite where training diverged.
        gradients: Name -> derivative by it, a number, or ``[epochs]`` or ``[steps]`` for "multipliers".
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
    """Derivatives of the loss after training by the numbers that training takes.

    The training is that of `jfnn.sweep` with the same options: the same start, minibatches and steps,
    outside of its compiled loop, so the value is equal to rounding. It is differentiated as it was computed:
    where steps expand small differences (`jfnn.lyapunov`), derivatives are right, large, and of little use.

    Args:
        network: As in `jfnn.sweep`, but one network; ``batch_size`` is one, too.
        split: As in `jfnn.sweep`.
        seed: Fixes starting parameters and minibatches.
        with_respect_to: Names of numbers: "learning_rate", "l2", those of the optimizer, "init_scale", and
            "multipliers".
        multipliers: Factors of the learning rate, one an epoch or one a step, beside any schedule; None for
            ones.
        part: The rows of the loss: "train", "validation" or "test"; None for those by which a sweep would
            rank.
        mode: "reverse" for many numbers, "forward" for few numbers and many steps.
        **options: Those of `jfnn.sweep` but ``folds``, ``refit``, ``cells``, ``schedulers``, ``execution``,
            ``out`` and ``resume``; ``seed`` takes the place of ``seeds``.

    Returns:
        A `Hypergradient`.

    Raises:
        ValueError, TypeError: As in `jfnn.sweep`; several values of a number, a name that the learner does
            not take, or a dropout rate; derivatives that are not finite though the loss is, as those of Adam
            without ``eps_root`` where a gradient is always 0.
    """
    if "seeds" in options:
        raise ArgumentError("seeds", "expected seed=, since one network is trained")
    # An interrupt may come where JAX has just begun to trace, which would go on after this call.
    with jax.core.eval_context():
        seeds = [checks.as_seed(seed)]
        made = make_options(hypergradient, Options, network, split, seeds=seeds, **options)
        program, arguments = prepare(made, with_respect_to, multipliers, part, mode)
        value, gradients = jax.tree.map(np.asarray, program(*arguments))
    if np.isfinite(value) and not all(np.isfinite(leaf).all() for leaf in gradients.values()):
        raise ArgumentError(
            "with_respect_to",
            "the loss is finite, but its derivatives are not; Adam and its kin have none"
            " where a gradient is 0, unless their eps_root is above 0, such as 1e-12",
        )
    return Hypergradient(float(value), gradients)


def prepare(
    options: Options,
    with_respect_to: str | Sequence[str],
    multipliers: ArrayLike | None,
    part: str | None,
    mode: str,
) -> tuple[Program, tuple[Numbers, LossInputs]]:
    """The compiled function ``(numbers, inputs) -> (value, gradients)``, and its arguments."""
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
    stepper = dataclasses.replace(stepper, functions=scoring(stepper.functions, len(scored)))
    inputs = LossInputs(numbers, replicates.start(0), seen, steps, scored_rows)
    return build_program(stepper, mode), (variables, inputs)


def _names(names: str | Sequence[str], numbers: Iterable[str]) -> tuple[str, ...]:
    names = (names,) if isinstance(names, str) else names
    if not isinstance(names, Sequence) or not names or len({*map(str, names)}) != len(names):
        raise ArgumentError("with_respect_to", f"expected different names, got {checks.shown(names)}")
    choices = [name for name in numbers if name not in NOT_SMOOTH]
    return tuple(checks.as_choice(name, "with_respect_to", choices) for name in names)


def _multipliers(multipliers: ArrayLike | None, experiment: Experiment, steps: int) -> np.ndarray:
    if multipliers is None:
        return np.ones(experiment.epochs, experiment.data.dtype)
    values = checks.as_axis(multipliers, MULTIPLIERS)
    if len(values) not in (experiment.epochs, steps):
        raise ArgumentError(
            "multipliers",
            f"expected one for each of {experiment.epochs} epochs or {steps} steps, got {len(values)}",
        )
    check_range({MULTIPLIERS: values}, experiment.data.dtype)
    return np.asarray(values, experiment.data.dtype)
