"""The parameters of a perceptron as a typed record, checked by scikit-learn's constraints.

Every fit, and every candidate of a search, first makes this record from the estimator's parameters. All later
code uses the record: the choice of an engine, the structure of the program, the numbers of a member.
"""

import functools
import numbers
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions, make_constraint

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.estimators.fit import ACTIVATIONS, ENGINES, SOLVERS, THEIR_ACTIVATIONS, Structure
from jfnn.losses import LOSSES, Loss, huber, pinball
from jfnn.optimizers import as_optimizer

Constraints = dict[str, list[Any]]
COUNTS = ("batch_size", "max_iter", "max_fun", "n_iter_no_change")
# Losses that scikit-learn's perceptron lacks, named as in its other regressors.
FURTHER_LOSSES: dict[str, Callable[[Mapping[str, Any]], Loss]] = {
    "absolute_error": lambda values: LOSSES["absolute"],
    "huber": lambda values: huber(values["delta"]),
    "quantile": lambda values: pinball(values["quantile"]),
}


class _Solver(StrOptions):  # type: ignore[misc]
    """scikit-learn's solvers, and optax optimizers by name."""

    def __init__(self) -> None:
        super().__init__(set(SOLVERS))

    def is_satisfied_by(self, val: object) -> bool:
        return isinstance(val, str) and (val in SOLVERS or _is_optimizer(val))

    def __str__(self) -> str:
        return f"{super().__str__()} or the name of another optax optimizer"


@functools.cache
def _is_optimizer(name: str) -> bool:
    """Whether optax has an optimizer of this name that needs only a gradient and a learning rate."""
    try:
        as_optimizer(name).rule().check(np.zeros(1, np.float32))
    except ValueError:
        return False
    return True


# Constraints in addition to those of scikit-learn's perceptrons.
FURTHER: Constraints = {
    "activation": [StrOptions(set(ACTIVATIONS))],
    "solver": [_Solver()],
    "engine": [StrOptions(set(ENGINES))],
    "l1": [Interval(numbers.Real, 0, None, closed="left")],
}


class Settings(NamedTuple):
    """The checked parameters of a perceptron.

    Attributes:
        engine: The engine that has to train, "jfnn" or "scikit-learn"; "auto" if either can.
        structure: The structure; its sizes are the widths of the hidden layers, and it has no output yet.
        numbers: The numbers of the structure, name -> value.
        alone: Why the fits cannot train beside others in a search; None if they can.
    """

    engine: str
    structure: Structure
    numbers: dict[str, float]
    alone: str | None

    @classmethod
    def of(cls, perceptron: BaseEstimator, partial: bool = False) -> "Settings":
        """Check and convert the parameters of a perceptron; ``partial`` is True for a `partial_fit`.

        Raises:
            InvalidParameterError: A ValueError and a TypeError; the message begins with the parameter's name.
            ArgumentError: Valid parameters that the engine, or `partial_fit`, does not support.
        """
        values = vars(perceptron) | perceptron.get_params(deep=False)
        _check(type(perceptron), values)
        engine = values["engine"]
        lacking = further(values)
        if values["l1"] and values["solver"] == "lbfgs":
            cure = "solver='sgd' with momentum=0 gives exact zeros, 'adam' small weights"
            raise ArgumentError(
                "l1", "expected 0 with the solver 'lbfgs', which needs a derivative everywhere", cure=cure
            )
        if engine == "scikit-learn" and lacking is not None:
            name, value = lacking
            raise ArgumentError(
                "engine", f"'scikit-learn' has no {name}={value!r}; expected 'auto' or 'jfnn'"
            )
        if partial and isinstance(values.get("class_weight"), str):
            raise ArgumentError(
                "class_weight", "partial_fit does not support 'balanced', since it gets only some of the rows"
            )
        if partial and values["early_stopping"] and engine != "scikit-learn":
            raise ArgumentError("early_stopping", "partial_fit does not support early_stopping=True")
        sizes: tuple[int, ...] = ()
        if engine != "scikit-learn":  # scikit-learn itself accepts more
            hidden = values["hidden_layer_sizes"]
            sizes = checks.as_counts(hidden if checks.is_several(hidden) else [hidden], "hidden_layer_sizes")
            for name in COUNTS:
                if isinstance(values[name], numbers.Integral) and values[name] > checks.MOST:
                    got = checks.as_text(values[name])
                    raise InvalidParameterError(f"{name}: expected at most {checks.MOST}, got {got}")
        structure = _structure(values, sizes)
        alone = None
        if structure.solver == "lbfgs":
            alone = "the solver 'lbfgs' minimizes one fit at a time"
        elif values["verbose"]:
            alone = "verbose estimators print their progress"
        member_numbers = {}
        for name in structure.numbers:
            try:
                member_numbers[name] = float(values[name])
            except OverflowError:
                got = checks.as_text(values[name])
                raise InvalidParameterError(f"{name}: expected a number within floats, got {got}") from None
        return cls("jfnn" if lacking is not None else engine, structure, member_numbers, alone)

    def engine_for(self, weights: np.ndarray | None) -> str:
        """Return the engine, "jfnn" if a step's weights may all be 0: scikit-learn divides by their sum."""
        count = 0 if weights is None else np.count_nonzero(weights == 0)
        if self.engine != "auto" or weights is None or not count:
            return self.engine
        rows = len(weights)
        batch = self.structure.rows_a_step(rows)
        # With early stopping, the rows of the training steps are not known yet.
        least = 1 if self.structure.validation is not None else rows % batch or batch
        return "jfnn" if count >= least else "auto"


def further(values: Mapping[str, Any]) -> tuple[str, object] | None:
    """Return the name and value of a parameter that scikit-learn's perceptron lacks; None if it has all."""
    if values["solver"] not in SOLVERS:
        return "solver", values["solver"]
    if values["activation"] not in THEIR_ACTIVATIONS:
        return "activation", values["activation"]
    if values["loss"] in FURTHER_LOSSES:
        return "loss", values["loss"]
    return ("l1", values["l1"]) if values["l1"] else None


def _structure(values: Mapping[str, Any], sizes: tuple[int, ...]) -> Structure:
    sgd = values["solver"] == "sgd"
    make_loss = FURTHER_LOSSES.get(values["loss"])
    l1 = None
    if values["l1"]:
        l1 = "proximal" if sgd and values["momentum"] == 0 else "subgradient"
    return Structure(
        sizes=sizes,
        activation=values["activation"],
        output="",
        solver=values["solver"],
        nesterov=bool(sgd and values["nesterovs_momentum"]),
        schedule=values["learning_rate"] if sgd else "constant",
        batch=None if values["batch_size"] == "auto" else int(values["batch_size"]),
        shuffle=bool(values["shuffle"]),
        validation=float(values["validation_fraction"]) if values["early_stopping"] else None,
        further_loss=None if make_loss is None else make_loss(values),
        l1=l1,
    )


def _check(kind: Any, values: Mapping[str, object]) -> None:
    """Raise InvalidParameterError for a value that violates the constraints of a class."""
    for name, allowed in _constraints(kind).items():
        if not any(_satisfies(values[name], constraint) for constraint in allowed):
            expected = " or ".join(map(str, allowed))
            raise InvalidParameterError(f"{name}: expected {expected}, got {checks.as_text(values[name])}")


@functools.cache
def _constraints(kind: Any) -> Constraints:
    declared = kind._parameter_constraints
    return {name: [make_constraint(one) for one in allowed] for name, allowed in declared.items()}


def _satisfies(value: object, constraint: Any) -> bool:
    try:
        return bool(constraint.is_satisfied_by(value))
    except (OverflowError, TypeError, ValueError):  # values that NumPy or floats cannot compare
        return False
