"""What estimators here share: checks of parameters by scikit-learn's constraints, and what they stand for."""

import functools
import numbers
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions, make_constraint

from jfnn.arguments import checks
from jfnn.estimators.fit import ACTIVATIONS, ENGINES, SOLVERS
from jfnn.optimizers import as_optimizer

Constraints = dict[str, list[Any]]


class Substitute:
    """A class with the name and the parameters of one of scikit-learn's, which it is a subclass of."""

    _doc_link_module = "jfnn"  # a user's subclass has no page

    @classmethod
    def _theirs(cls) -> Any:
        """scikit-learn's class."""
        ours = next(kind for kind in cls.__mro__ if kind.__module__.startswith("jfnn."))
        return next(kind for kind in ours.__bases__ if kind.__module__.startswith("sklearn."))

    @classmethod
    def _is_users(cls) -> bool:
        """Whether it is a user's class, whose methods take part, before this package's."""
        return cls._theirs() not in cls.__bases__

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        """Names for scikit-learn's template of the page that HTML links to, which has its version."""
        module, _, _ = self._theirs().__module__.partition("._")
        return {"estimator_module": module, "estimator_name": self._theirs().__name__}


class _Solver(StrOptions):  # type: ignore[misc]
    """The solvers of scikit-learn, and optax optimizers by name."""

    def __init__(self) -> None:
        super().__init__(set(SOLVERS))

    def is_satisfied_by(self, val: Any) -> bool:
        return isinstance(val, str) and (val in SOLVERS or _is_optimizer(val))

    def __str__(self) -> str:
        return f"{super().__str__()} or the name of another optax optimizer"


@functools.cache
def _is_optimizer(name: str) -> bool:
    """Whether optax has an optimizer of this name that makes steps of a gradient and a rate alone."""
    try:
        as_optimizer(name).rule().check(np.zeros(1, np.float32))
    except ValueError:
        return False
    return True


# Further than those of scikit-learn's perceptrons.
FURTHER: Constraints = {
    "activation": [StrOptions(set(ACTIVATIONS))],
    "solver": [_Solver()],
    "engine": [StrOptions(set(ENGINES))],
    "l1": [Interval(numbers.Real, 0, None, closed="left")],
}


def check(estimator: Any) -> None:
    """Checks parameters by scikit-learn's constraints, and by the engine's limits unless it is not to train.

    Raises:
        InvalidParameterError: A ValueError and a TypeError; the message begins with the parameter's name.
    """
    kind: Any = type(estimator)
    values = estimator.get_params(deep=False)
    engine = values.get("engine")  # of any type, until it is checked
    by_engine = not (isinstance(engine, str) and engine == "scikit-learn")
    for name, allowed in _constraints(kind, by_engine).items():
        value = values[name]
        if not any(_satisfies(value, constraint) for constraint in allowed):
            expected = " or ".join(map(str, allowed))
            raise InvalidParameterError(f"{name}: expected {expected}, got {checks.shown(value)}")


@functools.cache
def _constraints(kind: Any, by_engine: bool) -> Constraints:
    """The constraints of a class of estimators, made from their declarations."""
    names = kind._get_param_names()
    return {
        name: [_counted(one) if by_engine else one for one in map(make_constraint, several)]
        for name, several in kind._parameter_constraints.items()
        if name in names
    }


def _counted(constraint: Any) -> Any:
    """A constraint with an upper end for whole numbers, which the engine counts in 32 bits."""
    if not _is_of(numbers.Integral, constraint) or constraint.right is not None:
        return constraint
    return Interval(numbers.Integral, constraint.left, checks.MOST, closed="both")


def _is_of(kind: type, constraint: Any) -> bool:
    return isinstance(constraint, Interval) and constraint.type is kind


def _satisfies(value: Any, constraint: Any) -> bool:
    try:
        if _is_of(numbers.Real, constraint):
            float(value)
        return bool(constraint.is_satisfied_by(value))
    except (OverflowError, TypeError, ValueError):  # an integer beyond all floats; what cannot be compared
        return False


def hidden_sizes(estimator: Any) -> tuple[int, ...]:
    """Widths of the hidden layers."""
    sizes = estimator.hidden_layer_sizes
    return checks.as_counts(sizes if checks.is_several(sizes) else [sizes], "hidden_layer_sizes")
