"""scikit-learn's hyperparameters: checked in a fit, and told apart into structure and numbers."""

import functools
import inspect
import numbers
from typing import Any

import optax
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions, make_constraint

from jfnn import checks
from jfnn.checks import ArgumentError
from jfnn.fitting.structure import ACTIVATIONS, NUMBERS, Structure

Constraints = dict[str, list[Any]]


class _Solver(StrOptions):  # type: ignore[misc]
    """The solvers of scikit-learn, and optax optimizers by name."""

    def __init__(self) -> None:
        super().__init__({"lbfgs", "sgd", "adam"})

    def is_satisfied_by(self, val: Any) -> bool:
        return super().is_satisfied_by(val) or _is_optimizer(val)

    def __str__(self) -> str:
        return f"{super().__str__()} or the name of another optax optimizer"


def _is_optimizer(name: Any) -> bool:
    factory = getattr(optax, name, None) if isinstance(name, str) else None
    try:
        return "learning_rate" in inspect.signature(factory).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def counted(constraints: Constraints) -> Constraints:
    """scikit-learn's constraints, where whole numbers without an end are those that the engine counts."""
    return {name: list(map(_counted, several)) for name, several in constraints.items()}


def _counted(constraint: Any) -> Any:
    endless = isinstance(constraint, Interval) and constraint.type is numbers.Integral
    if not endless or constraint.right is not None:
        return constraint
    return Interval(numbers.Integral, constraint.left, checks.MOST, closed="both")


ENGINES = ("auto", "jfnn", "scikit-learn")
# Further than those of scikit-learn's perceptrons.
PERCEPTRON: Constraints = {
    "activation": [StrOptions(set(ACTIVATIONS))],
    "solver": [_Solver()],
    "engine": [StrOptions(set(ENGINES))],
}


def check(estimator: Any) -> None:
    """Refuses parameters that cannot be, by name, by scikit-learn's constraints.

    Raises:
        InvalidParameterError: A ValueError and a TypeError; the message begins with the parameter's name.
    """
    kind: Any = type(estimator)
    for name, allowed in _constraints(kind).items():
        value = getattr(estimator, name)
        if not any(_satisfies(value, constraint) for constraint in allowed):
            expected = " or ".join(map(str, allowed))
            raise InvalidParameterError(f"{name}: expected {expected}, got {checks.shown(value)}")


@functools.cache
def _constraints(kind: Any) -> Constraints:
    """The constraints of a class of estimators, ready to be asked."""
    names = kind._get_param_names()
    return {
        name: list(map(make_constraint, several))
        for name, several in kind._parameter_constraints.items()
        if name in names
    }


def _satisfies(value: Any, constraint: Any) -> bool:
    try:
        if isinstance(value, numbers.Real):
            float(value)  # what the engine takes
        return bool(constraint.is_satisfied_by(value))
    except Exception:  # an integer beyond all floats, or what cannot even be compared
        return False


def hidden_sizes(estimator: Any) -> tuple[int, ...]:
    """Widths of the hidden layers."""
    sizes = estimator.hidden_layer_sizes
    widths = tuple(sizes) if checks.is_several(sizes) else (sizes,)
    for width in widths:
        whole = isinstance(width, numbers.Integral) and not isinstance(width, bool)
        if not whole or not 0 < int(width) <= checks.MOST:
            got = checks.shown(list(widths))
            raise ArgumentError("hidden_layer_sizes", f"hidden_layer_sizes must be > 0, got {got}.")
    return tuple(int(width) for width in widths)


def structure_of(estimator: Any, features: int, outputs: int, output: str) -> Structure:
    """What is compiled for an estimator on rows of so many features and outputs."""
    sgd = estimator.solver == "sgd"
    return Structure(
        sizes=(features, *hidden_sizes(estimator), outputs),
        activation=estimator.activation,
        output=output,
        solver=estimator.solver,
        nesterov=bool(sgd and estimator.nesterovs_momentum),
        schedule=estimator.learning_rate if sgd else "constant",
        batch=None if estimator.batch_size == "auto" else int(estimator.batch_size),
        shuffle=bool(estimator.shuffle),
        validation=float(estimator.validation_fraction) if estimator.early_stopping else None,
    )


def numbers_of(estimator: Any) -> dict[str, float]:
    """The numbers of a fit, name in the engine -> value."""
    return {name: float(getattr(estimator, parameter)) for name, parameter in NUMBERS.items()}


def is_stochastic(estimator: Any) -> bool:
    """Whether an estimator trains by steps, so that it has `partial_fit`.

    Raises:
        AttributeError: It does not.
    """
    if estimator.solver == "lbfgs":
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True
