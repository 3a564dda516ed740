"""scikit-learn's hyperparameters: checked in a fit, and told apart into structure and numbers."""

import inspect
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np
import optax

from jfnn import checks
from jfnn.fitting.structure import ACTIVATIONS, NUMBERS, Structure

SCHEDULES = ("constant", "invscaling", "adaptive")
# Name -> least value, whether it is refused itself, most value, whether that is refused itself.
RANGES: dict[str, tuple[float, bool, float, bool]] = {
    "alpha": (0.0, False, np.inf, True),
    "learning_rate_init": (0.0, True, np.inf, True),
    "power_t": (0.0, False, np.inf, True),
    "tol": (0.0, False, np.inf, True),
    "momentum": (0.0, False, 1.0, False),
    "validation_fraction": (0.0, False, 1.0, True),
    "beta_1": (0.0, False, 1.0, True),
    "beta_2": (0.0, False, 1.0, True),
    "epsilon": (0.0, True, np.inf, True),
}
SWITCHES = ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping")
COUNTS = ("max_iter", "max_fun")


def check(estimator: Any) -> None:
    """Refuses parameters that cannot be, by name, as scikit-learn does when it fits.

    Raises:
        ValueError, TypeError: The message begins with the parameter's name.
    """
    checks.as_choice(estimator.activation, "activation", ACTIVATIONS)
    checks.as_choice(estimator.learning_rate, "learning_rate", SCHEDULES)
    _check_solver(estimator.solver)
    for name, (least, strictly, most, below) in RANGES.items():
        given = getattr(estimator, name)
        if not isinstance(given, numbers.Real) or isinstance(given, bool):
            raise TypeError(f"{name}: expected a number, got {given!r}")
        value = float(given)
        low = value > least or (value == least and not strictly)
        high = value < most or (value == most and not below)
        if not (low and high):
            left, right = "(" if strictly else "[", ")" if below else "]"
            raise ValueError(f"{name}: expected a number in {left}{least:g}, {most:g}{right}, got {value!r}")
    for name in SWITCHES:
        if not isinstance(getattr(estimator, name), bool | np.bool_):
            raise TypeError(f"{name}: expected True or False, got {getattr(estimator, name)!r}")
    for name in COUNTS:
        checks.as_count(getattr(estimator, name), name)
    if estimator.n_iter_no_change != np.inf:
        checks.as_count(estimator.n_iter_no_change, "n_iter_no_change")
    if not (isinstance(estimator.batch_size, str) and estimator.batch_size == "auto"):
        checks.as_count(estimator.batch_size, "batch_size")
    if not isinstance(estimator.verbose, numbers.Integral | np.bool_) or estimator.verbose < 0:
        raise ValueError(f"verbose: expected a whole number of at least 0, got {estimator.verbose!r}")
    hidden_sizes(estimator)


def _check_solver(solver: Any) -> None:
    if solver == "lbfgs":
        return
    factory = getattr(optax, solver, None) if isinstance(solver, str) else None
    try:
        fits = "learning_rate" in inspect.signature(factory).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            f"solver: expected lbfgs, sgd, adam or the name of another optax optimizer, got {solver!r}"
        )


def hidden_sizes(estimator: Any) -> tuple[int, ...]:
    """Widths of the hidden layers."""
    sizes = estimator.hidden_layer_sizes
    widths = tuple(sizes) if isinstance(sizes, Iterable) and not isinstance(sizes, str) else (sizes,)
    for width in widths:
        if isinstance(width, bool) or not isinstance(width, numbers.Integral) or width <= 0:
            raise ValueError(f"hidden_layer_sizes: hidden_layer_sizes must be > 0, got {list(widths)}.")
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
