"""scikit-learn's hyperparameters: checked in a fit, and told apart into structure and numbers."""

import contextlib
import inspect
import numbers
from typing import Any

import numpy as np
import optax
from sklearn.utils import check_random_state

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
            raise TypeError(f"{name}: expected a number, got {checks.shown(given)}")
        fits = not isinstance(given, numbers.Integral) or abs(int(given)) < 10**308
        value = float(given) if fits else np.inf
        low = value > least or (value == least and not strictly)
        high = value < most or (value == most and not below)
        if not (low and high):
            left, right = "(" if strictly else "[", ")" if below else "]"
            raise ValueError(f"{name}: expected a number in {left}{least:g}, {most:g}{right}, got {value!r}")
    for name in SWITCHES:
        checks.as_switch(getattr(estimator, name), name)
    for name in COUNTS:
        checks.as_count(getattr(estimator, name), name)
    if not isinstance(estimator.n_iter_no_change, float) or estimator.n_iter_no_change != np.inf:
        checks.as_count(estimator.n_iter_no_change, "n_iter_no_change")
    if not (isinstance(estimator.batch_size, str) and estimator.batch_size == "auto"):
        checks.as_count(estimator.batch_size, "batch_size")
    check_verbose(estimator.verbose)
    hidden_sizes(estimator)


def as_random(random_state: Any) -> np.random.RandomState:
    """The generator that a seed, or none, stands for, as in scikit-learn; or the generator itself.

    Raises:
        ValueError: Anything else.
    """
    with contextlib.suppress(Exception):  # also that of an object that cannot be shown
        if not isinstance(random_state, bool):
            generator: np.random.RandomState = check_random_state(random_state)
            return generator
    got = checks.shown(random_state)
    raise ValueError(f"random_state: expected None, a seed that 32 bits hold or a RandomState, got {got}")


def check_verbose(verbose: Any) -> None:
    """Refuses what is neither a truth value nor a whole number of at least 0."""
    if not isinstance(verbose, bool | np.bool_):
        checks.as_count(verbose, "verbose", 0)


def _check_solver(solver: Any) -> None:
    if isinstance(solver, str) and solver == "lbfgs":
        return
    factory = getattr(optax, solver, None) if isinstance(solver, str) else None
    try:
        fits = "learning_rate" in inspect.signature(factory).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        fits = False
    if not fits:
        got = checks.shown(solver)
        raise ValueError(
            f"solver: expected lbfgs, sgd, adam or the name of another optax optimizer, got {got}"
        )


def hidden_sizes(estimator: Any) -> tuple[int, ...]:
    """Widths of the hidden layers."""
    sizes = estimator.hidden_layer_sizes
    widths = tuple(sizes) if checks.is_several(sizes) else (sizes,)
    for width in widths:
        whole = isinstance(width, numbers.Integral) and not isinstance(width, bool)
        if not whole or not 0 < int(width) <= checks.MOST:
            got = checks.shown(list(widths))
            raise ValueError(f"hidden_layer_sizes: hidden_layer_sizes must be > 0, got {got}.")
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
