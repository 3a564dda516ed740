"""optax's optimizers and schedules, with different numbers for each member."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeGuard, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import ArrayLike

from jfnn.arguments import checks, suggestions
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.fields import Valid, field
from jfnn.arguments.signatures import check_parameter, takes
from jfnn.numerics.compiling import TRACED, tracing
from jfnn.training import transform_gradients

SCHEDULE_STEPS = "schedule_steps"  # hyperparameter: number of steps that a schedule spans

Schedule = Callable[[Any], Any]
Factory = Callable[..., optax.GradientTransformation]

# Name -> multiplier of the learning rate as a function of the completed fraction of training, from 0 to 1: an
# optax schedule of length 1. With None, the learning rate is constant.
SCHEDULES: Mapping[str, Schedule | None] = MappingProxyType(
    {
        "constant": None,
        "cosine": optax.cosine_decay_schedule(1.0, 1.0),
        "linear": optax.linear_schedule(1.0, 0.0, 1),
        "warmup_cosine": optax.warmup_cosine_decay_schedule(0.0, 1.0, 0.1, 1.0),
    }
)


@runtime_checkable
class Distribution(Protocol):
    """A distribution to sample by its quantiles, such as a frozen distribution of `scipy.stats`."""

    def ppf(self, q: np.ndarray, /) -> ArrayLike:
        """Return the quantiles for probabilities."""
        ...


# Advice if an optimizer was passed instead of the function that makes it.
FACTORY_CURE = (
    ": pass the function itself, optax.adam, and set its arguments with jfnn.Optimizer(optax.adam, b1=0.8)"
)

Values = float | Sequence[float] | np.ndarray | Distribution


def is_distribution(value: object) -> TypeGuard[Distribution]:
    """Whether a value is a distribution, such as a frozen one of `scipy.stats`."""
    return isinstance(value, Distribution)


def is_axis(value: object) -> bool:
    """Whether a value has several entries: a sequence, an array or a distribution."""
    if isinstance(value, optax.GradientTransformation):  # a named tuple, but a single value
        return False
    ndim = getattr(value, "ndim", 0)  # arrays of all packages have `ndim`
    several = checks.is_several(value) or (isinstance(ndim, int) and ndim > 0)
    return several or is_distribution(value)


def is_number(value: object) -> bool:
    """Whether a value is a number that may differ between members."""
    if isinstance(value, np.ndarray | jax.Array):
        return value.ndim == 0 and jnp.issubdtype(value.dtype, jnp.floating)
    return isinstance(value, float | np.floating)


def _as_name(name: Any, _: str) -> Any:
    _factory(name)
    return name


def _as_schedule(schedule: Any, _: str) -> Any:
    _schedule(schedule)
    return schedule


def _as_schedule_epochs(epochs: object, argument: str, schedule: object) -> int | None:
    if epochs is not None and isinstance(schedule, str) and schedule == "constant":
        raise ArgumentError(argument, "expected None, since the schedule is constant")
    return None if epochs is None else checks.as_count(epochs, argument)


@dataclasses.dataclass(frozen=True, init=False)
class Optimizer(Valid):
    """An optimizer with its arguments and schedule: ``Optimizer("adam", b1=[0.8, 0.9], schedule="cosine")``.

    Attributes:
        name: "sgd" (``p <- p - η ∂C/∂p``, as in the notes), the name of any optax optimizer, or a factory
            ``(learning_rate=…) -> transformation``.
        schedule: Factor of the learning rate during training: "constant", "cosine", "linear", "warmup_cosine"
            (from 0 to the learning rate over the first tenth of the steps, then "cosine" to 0), or a function
            ``completed fraction, from 0 to 1 -> multiplier``.
        schedule_epochs: Epochs that the schedule spans; None for all.
        arguments: Further arguments of the optimizer. A float may differ between members; a sequence of
            numbers or a distribution is an axis of the grid; anything else is passed on unchanged.

    Example:
        >>> import jfnn
        >>> split = jfnn.datasets.standardize(jfnn.datasets.digits())
        >>> optimizer = jfnn.Optimizer("sgd", momentum=[0.0, 0.9], schedule="cosine")
        >>> result = jfnn.sweep(jfnn.mlp((64, 10)), split, learning_rate=0.1, optimizer=optimizer, epochs=1)
        >>> result.axes["momentum"]
        array([0. , 0.9])
    """

    name: str | Factory = field(convert=_as_name)
    schedule: str | Schedule = field(convert=_as_schedule)
    schedule_epochs: int | None = field(convert=_as_schedule_epochs, given=["schedule"])
    arguments: Mapping[str, Any] = field()

    def __init__(
        self,
        name: str | Factory = "sgd",
        *,
        schedule: str | Schedule = "constant",
        schedule_epochs: int | None = None,
        **arguments: Any,
    ):
        given = {"name": name, "schedule": schedule, "schedule_epochs": schedule_epochs}
        vars(self).update(given, arguments=arguments)
        self.__post_init__()

    @property
    def numbers(self) -> dict[str, Values]:
        """The arguments whose number may differ between members."""
        return {name: value for name, value in self.arguments.items() if is_number(value) or is_axis(value)}

    def rule(self) -> "UpdateRule":
        """Return the update rule to compile, which is the same for all values of `numbers`.

        Raises:
            ValueError: The optimizer does not have an argument of a given name.
            TypeError: An argument's type differs from the optimizer's declaration, or it is neither a number,
                nor several numbers, nor hashable.
        """
        parameters = inspect.signature(_factory(self.name)).parameters
        open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
        fixed = []
        for name, value in self.arguments.items():
            if name == "learning_rate":
                raise ArgumentError("optimizer", "pass learning_rate beside the optimizer, not to it", name)
            if (name not in parameters and not open_ended) or name == SCHEDULE_STEPS:
                accepted = [n for n in parameters if n != "learning_rate"]
                got = f"{name!r}{suggestions.did_you_mean(name, accepted)}"
                raise ArgumentError("optimizer", f"{self.name} takes {', '.join(accepted)}; got {got}", name)
            if name in parameters:
                check_parameter(value, parameters[name], "optimizer", name in self.numbers)
            if name in self.numbers:
                continue
            if not isinstance(value, Hashable) or isinstance(value, jax.Array):
                raise ArgumentTypeError(
                    "optimizer",
                    f"{name}: expected a number, a sequence of numbers or something hashable,"
                    f" got {type(value).__name__}",
                    name,
                )
            fixed.append((name, value))
        return UpdateRule(self.name, tuple(fixed), ("learning_rate", *self.numbers), self.schedule)


class UpdateRule(NamedTuple):
    """An optimizer that is built for each member from its own numbers.

    Attributes:
        name: As in `Optimizer`.
        fixed: Arguments that are the same for all members, as a hashable tuple of pairs.
        numbers: Names of the arguments that may differ between members.
        schedule: As in `Optimizer`.
    """

    name: str | Factory = "sgd"
    fixed: tuple[tuple[str, Any], ...] = ()
    numbers: tuple[str, ...] = ("learning_rate",)
    schedule: str | Schedule = "constant"

    @property
    def hyper(self) -> tuple[str, ...]:
        """Names of all numbers that `make` needs."""
        return (*self.numbers, *(() if _schedule(self.schedule) is None else (SCHEDULE_STEPS,)))

    def make(self, hyper: Mapping[str, object]) -> optax.GradientTransformation:
        """Return the transformation for one member's numbers, which may be traced.

        Args:
            hyper: Name -> number for the names in the property `hyper`; "schedule_steps" is the number of
                steps that a schedule spans. Other names are ignored.
        """
        varied = {name: hyper[name] for name in self.numbers}
        schedule = _schedule(self.schedule)
        if schedule is not None:
            rate = varied["learning_rate"]
            steps = hyper[SCHEDULE_STEPS]
            varied["learning_rate"] = lambda count: rate * schedule(count / steps)
        return _factory(self.name)(**varied, **dict(self.fixed))

    @property
    def is_plain(self) -> bool:
        """Whether a step is ``-η gradient`` and does not depend on earlier steps."""
        given = {*self.numbers, *(name for name, value in self.fixed if value is not None)}
        return self.name in ("sgd", optax.sgd) and given <= {"learning_rate", "nesterov"}

    @property
    def is_registered(self) -> bool:
        """Whether the optimizer and its schedule are known by name, without any custom function."""
        plain = all(isinstance(value, bool | int | str | None) for _, value in self.fixed)
        return plain and optax_name(self.name) is not None and isinstance(self.schedule, str)

    def needs_value(self, params: object) -> bool:
        """Whether a step needs the objective as a number and as a function, as with a line search."""
        shapes, structure = jax.tree.flatten(params)
        return _needs_value(self, structure, tuple(shapes))

    def check(self, params: object) -> None:
        """Trace one update, so that an unsuitable optimizer raises before training.

        Cached for registered optimizers, since searches use the same one often.

        Raises:
            ValueError: The update fails for these parameters, or the state changes its structure.
        """
        leaves, structure = jax.tree.flatten(params)
        shapes = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves]  # arrays have no hash
        check = _check_once if self.is_registered else UpdateRule._check
        check(self, structure, tuple(shapes), jax.config.read("jax_enable_x64"))

    def _check(self, structure: jax.tree_util.PyTreeDef, shapes: tuple[Any, ...], x64: bool) -> None:
        """See `check`; ``x64`` is only a cache key, since the dtypes of the state depend on it."""

        def update(params: object, hyper: Mapping[str, object]) -> tuple[Any, Any]:
            transformation = self.make(hyper)
            if not isinstance(transformation, optax.GradientTransformation):
                got = checks.as_text(transformation)
                raise TypeError(f"it does not return an optax.GradientTransformation, but {got}")
            state = transformation.init(params)
            return state, transform_gradients(transformation, params, state, params, _sum(params), _sum)[1]

        params = jax.tree.unflatten(structure, shapes)
        number = jax.ShapeDtypeStruct((), shapes[0].dtype)
        if callable(self.schedule):
            self._check_schedule(self.schedule, number)
        try:
            with tracing():
                before, after = jax.eval_shape(update, params, dict.fromkeys(self.hyper, number))
        except TRACED as error:
            raise ArgumentError("optimizer", self._branches_on_numbers()) from error
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise ArgumentError(
                "optimizer", f"it cannot be used for gradient steps with these arguments: {reason}"
            ) from error
        if any(not isinstance(leaf.dtype, np.dtype) for leaf in jax.tree.leaves(before)):
            raise ArgumentError(
                "optimizer", "its state holds random keys; members of a replicate share their keys"
            )
        before, after = (
            jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state) for state in (before, after)
        )
        if str(before) != str(after):
            raise ArgumentError("optimizer", "its state changes shape or dtype from step to step")

    def _check_schedule(self, schedule: Schedule, number: jax.ShapeDtypeStruct) -> None:
        expected = "expected a function of the completed fraction of training that returns a multiplier"
        try:
            factor = jax.eval_shape(lambda done: schedule(done), number)
        except TRACED as error:
            reason = "it needs the value of the fraction, which JAX traces: use jnp.where instead of if"
            raise ArgumentError("schedule", f"{expected}; {reason}") from error
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise ArgumentError("schedule", f"{expected}; it fails: {reason}") from error
        shape = factor.shape if isinstance(factor, jax.ShapeDtypeStruct) else None
        if shape != ():
            got = type(factor).__name__ if shape is None else f"shape {list(shape)}"
            raise ArgumentError("schedule", f"{expected}, got {got}")

    def _branches_on_numbers(self) -> str:
        """Explain why an optimizer cannot be traced: optax's schedules branch on their numbers."""
        names = ", ".join(self.numbers)
        return (
            f"it needs the values of numbers that differ between members ({names}), as an optax schedule"
            " built from them does: build the schedule from plain numbers, for a learning rate of 1, and"
            " multiply: lambda count: learning_rate * unit(count)"
        )


_check_once = functools.lru_cache(maxsize=64)(UpdateRule._check)


def _sum(params: Any) -> jax.Array:
    """Sum the parameters, in their dtype; stands in for an objective."""
    total: jax.Array = optax.tree.sum(params)
    return total


@functools.lru_cache(maxsize=64)
def _needs_value(rule: UpdateRule, structure: jax.tree_util.PyTreeDef, shapes: tuple[Any, ...]) -> bool:
    def update(params: Any, hyper: Mapping[str, object]) -> Any:
        transformation = rule.make(hyper)
        return transformation.update(params, transformation.init(params), params)

    number = jax.ShapeDtypeStruct((), shapes[0].dtype)
    try:
        with tracing():
            jax.eval_shape(update, jax.tree.unflatten(structure, shapes), dict.fromkeys(rule.hyper, number))
    except TypeError:  # an argument is missing
        return True
    return False


def as_optimizer(optimizer: str | Optimizer | Factory) -> Optimizer:
    """Return an `Optimizer` from a name, an optax factory, or an `Optimizer`."""
    return optimizer if isinstance(optimizer, Optimizer) else Optimizer(optimizer)


def optax_name(factory: str | Callable[..., Any]) -> str | None:
    """Return the name of one of optax's own optimizers, or None."""
    named = vars(optax).get(factory) if isinstance(factory, str) else factory
    # Not `__module__`, which `functools.wraps` copies from another function.
    function = getattr(named, "func", named)  # the function inside a partial
    module = getattr(function, "__globals__", {}).get("__name__", "")
    if module.partition(".")[0] != "optax":  # patched into optax by the user
        return None
    if isinstance(factory, str):
        return factory
    return next((name for name, entry in vars(optax).items() if entry is factory), None)


def _factory(name: str | Factory) -> Factory:
    if not isinstance(name, str) and not callable(name):
        cure = FACTORY_CURE if isinstance(name, optax.GradientTransformation) else ""
        got = f"{type(name).__name__}{cure}"
        raise ArgumentTypeError("optimizer", f"expected a name or an optax factory, got {got}")
    factory: Any = vars(optax).get(name) if isinstance(name, str) else name
    parameters = _parameters(factory)
    if parameters is None or (isinstance(name, str) and "learning_rate" not in parameters):
        raise ArgumentError(
            "optimizer",
            f"expected the name of an optax optimizer such as sgd or adam, got {checks.as_text(name)}"
            f"{_elsewhere(name) or suggestions.did_you_mean(name, names())}",
        )
    if not takes(factory, "learning_rate"):
        got = f"{', '.join(parameters) or 'nothing'}; name it learning_rate"
        raise ArgumentError("optimizer", f"expected a function of the learning rate, got one of {got}")
    return factory  # type: ignore[no-any-return]


def names() -> list[str]:
    """Return the names of optax's optimizers."""
    return [name for name, entry in vars(optax).items() if "learning_rate" in (_parameters(entry) or ())]


def argument_names(name: str) -> list[str]:
    """Return the names of an optax optimizer's arguments except the learning rate; [] if it is unknown."""
    return [argument for argument in _parameters(vars(optax).get(name)) or () if argument != "learning_rate"]


def _parameters(function: Any) -> Collection[str] | None:
    """Return the names of a function's parameters; None if they are unavailable."""
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None


def _elsewhere(name: object) -> str:
    """Return advice for the name of an optimizer in optax.contrib; empty for other names."""
    factory = vars(optax.contrib).get(name) if isinstance(name, str) else None
    return f"; in Python, pass optax.contrib.{name} itself" * (
        "learning_rate" in (_parameters(factory) or ())
    )


def _schedule(schedule: str | Schedule) -> Schedule | None:
    if callable(schedule):
        return schedule
    return SCHEDULES[checks.as_choice(schedule, "schedule", SCHEDULES)]
