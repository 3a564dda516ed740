"""Optimizers and schedules: optax's, with different numbers for each member."""

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
from jfnn.training import updated

SCHEDULE_STEPS = "schedule_steps"  # name of the number of steps over which a schedule spreads

Schedule = Callable[[Any], Any]
Factory = Callable[..., optax.GradientTransformation]

# The learning rate's multiplier over the part of training that is done, from 0 to 1: optax schedules of one
# "step". None leaves the rate to the optimizer as it is.
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
    """Anything to draw numbers from by its quantiles, such as a frozen distribution of `scipy.stats`."""

    def ppf(self, q: np.ndarray, /) -> ArrayLike:
        """Quantiles of probabilities."""
        ...


# What to do where an optimizer that was already made was given for its factory.
FACTORY_CURE = (
    ": give the function itself, optax.adam, and its arguments as jfnn.Optimizer(optax.adam, b1=0.8)"
)

Values = float | Sequence[float] | np.ndarray | Distribution


def is_distribution(value: object) -> TypeGuard[Distribution]:
    """Whether values can be drawn from it, as from a frozen distribution of `scipy.stats`."""
    return isinstance(value, Distribution)


def is_axis(value: object) -> bool:
    """Whether a value stands for several: a sequence or a distribution."""
    if isinstance(value, optax.GradientTransformation):  # a tuple of functions
        return False
    ndim = getattr(value, "ndim", 0)  # of other packages' arrays
    several = checks.is_several(value) or (isinstance(ndim, int) and ndim > 0)
    return several or is_distribution(value)


def is_number(value: object) -> bool:
    """Whether a value is a number that may differ from member to member."""
    if isinstance(value, np.ndarray | jax.Array):
        return value.ndim == 0 and jnp.issubdtype(value.dtype, jnp.floating)
    return isinstance(value, float | np.floating)


def _as_name(name: Any, _: str) -> Any:
    """What `_factory` knows."""
    _factory(name)
    return name


def _as_schedule(schedule: Any, _: str) -> Any:
    """What `_schedule` knows."""
    _schedule(schedule)
    return schedule


def _as_schedule_epochs(epochs: object, argument: str, schedule: object) -> int | None:
    if epochs is not None and isinstance(schedule, str) and schedule == "constant":
        raise ArgumentError(argument, "expected none, since the schedule is constant")
    return None if epochs is None else checks.as_count(epochs, argument)


@dataclasses.dataclass(frozen=True, init=False)
class Optimizer(Valid):
    """An optimizer with its arguments and schedule: ``Optimizer("adam", b1=[0.8, 0.9], schedule="cosine")``.

    Attributes:
        name: "sgd" (the notes' ``p <- p - η ∂C/∂p``), any optax optimizer by name, or a factory
            ``(learning_rate=…) -> transformation``.
        schedule: Factor of the learning rate as training goes on: "constant",
            "cosine", "linear", "warmup_cosine" (from 0 to the rate over the first tenth of the steps, then as
            "cosine" to 0), or a function ``part done, from 0 to 1 -> multiplier``.
        schedule_epochs: Epochs over which the schedule spreads; None for all.
        arguments: Further arguments of the optimizer. A float is a number of each member; a sequence of
            numbers or a distribution is an axis; anything else is passed on as it is.
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
        """See the attributes."""
        given = {"name": name, "schedule": schedule, "schedule_epochs": schedule_epochs}
        vars(self).update(given, arguments=arguments)
        self.__post_init__()

    @property
    def numbers(self) -> dict[str, Values]:
        """The arguments whose number may differ from member to member."""
        return {name: value for name, value in self.arguments.items() if is_number(value) or is_axis(value)}

    def rule(self) -> "UpdateRule":
        """The rule that is compiled: the same for every value of `numbers`.

        Raises:
            ValueError: The optimizer takes no argument of a name.
            TypeError: An argument is of another kind than the optimizer declares it, or is neither a number,
                several numbers, nor hashable.
        """
        parameters = inspect.signature(_factory(self.name)).parameters
        open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
        fixed = []
        for name, value in self.arguments.items():
            if name == "learning_rate":
                raise ArgumentError("optimizer", "learning_rate is an argument beside the optimizer", name)
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
    """An optimizer to be made for each member from its numbers.

    Attributes:
        name: As in `Optimizer`.
        fixed: Arguments that are the same for all members, as a tuple of pairs (hashable).
        numbers: Names of the arguments that each member brings.
        schedule: As in `Optimizer`.
    """

    name: str | Factory = "sgd"
    fixed: tuple[tuple[str, Any], ...] = ()
    numbers: tuple[str, ...] = ("learning_rate",)
    schedule: str | Schedule = "constant"

    @property
    def hyper(self) -> tuple[str, ...]:
        """Names of all numbers that `make` takes."""
        return (*self.numbers, *(() if _schedule(self.schedule) is None else (SCHEDULE_STEPS,)))

    def make(self, hyper: Mapping[str, object]) -> optax.GradientTransformation:
        """The transformation for one member's numbers, which may be traced.

        Args:
            hyper: Name -> number: those in `hyper`; with a schedule "schedule_steps" are the steps that it
                spreads over. Others are ignored.
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
        """Whether a step is ``-η gradient``, with no memory of steps before."""
        given = {*self.numbers, *(name for name, value in self.fixed if value is not None)}
        return self.name in ("sgd", optax.sgd) and given <= {"learning_rate", "nesterov"}

    def needs_value(self, params: object) -> bool:
        """Whether a step needs the objective, as a number and as a function: one with a line search does."""
        shapes, structure = jax.tree.flatten(params)
        return _needs_value(self, structure, tuple(shapes))

    def check(self, params: object) -> None:
        """Tries one update without computing it, so that an optimizer that takes more raises early.

        Raises:
            ValueError: It fails on such parameters, or its state changes its structure.
        """

        def update(params: object, hyper: Mapping[str, object]) -> tuple[Any, Any]:
            transformation = self.make(hyper)
            if not isinstance(transformation, optax.GradientTransformation):
                raise TypeError(
                    f"it gives no optax.GradientTransformation, but {checks.shown(transformation)}"
                )
            state = transformation.init(params)
            return state, updated(transformation, params, state, params, _sum(params), _sum)[1]

        number = jax.ShapeDtypeStruct((), jax.tree.leaves(params)[0].dtype)
        if callable(self.schedule):
            self._check_schedule(self.schedule, number)
        try:
            with tracing():
                before, after = jax.eval_shape(update, params, dict.fromkeys(self.hyper, number))
        except TRACED as error:
            raise ArgumentError("optimizer", self._looks_at_numbers()) from error
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise ArgumentError(
                "optimizer", f"it cannot be used for gradient steps with these arguments: {reason}"
            ) from error
        if any(not isinstance(leaf.dtype, np.dtype) for leaf in jax.tree.leaves(before)):
            raise ArgumentError(
                "optimizer", "its state holds random keys; members of a replicate share theirs"
            )
        before, after = (
            jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state) for state in (before, after)
        )
        if str(before) != str(after):
            raise ArgumentError("optimizer", "its state changes shape or dtype from step to step")

    def _check_schedule(self, schedule: Schedule, number: jax.ShapeDtypeStruct) -> None:
        expected = "expected a function of the part of training that is done, which gives a multiplier"
        try:
            factor = jax.eval_shape(lambda done: schedule(done), number)
        except TRACED as error:
            reason = "it needs the value of the part, which JAX traces: use jnp.where instead of if"
            raise ArgumentError("schedule", f"{expected}; {reason}") from error
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise ArgumentError("schedule", f"{expected}; it fails: {reason}") from error
        shape = factor.shape if isinstance(factor, jax.ShapeDtypeStruct) else None
        if shape != ():
            got = type(factor).__name__ if shape is None else f"shape {list(shape)}"
            raise ArgumentError("schedule", f"{expected}, got {got}")

    def _looks_at_numbers(self) -> str:
        """The reason why an optimizer cannot be traced: optax's schedules ask their numbers by if."""
        names = ", ".join(self.numbers)
        return (
            f"it needs the values of numbers that differ from member to member ({names}), as a schedule does"
            " that optax builds from them: build the schedule from plain numbers, for the rate 1, and"
            " multiply, lambda count: learning_rate * unit(count)"
        )


def _sum(params: Any) -> jax.Array:
    """A number of parameters, in their dtype."""
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
    except TypeError:  # without an argument that it needs
        return True
    return False


def as_optimizer(optimizer: str | Optimizer | Factory) -> Optimizer:
    """An `Optimizer` from a name, an optax factory, or one."""
    return optimizer if isinstance(optimizer, Optimizer) else Optimizer(optimizer)


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
            f"expected the name of an optax optimizer such as sgd or adam, got {checks.shown(name)}"
            f"{_elsewhere(name) or suggestions.did_you_mean(name, names())}",
        )
    if not takes(factory, "learning_rate"):
        got = f"{', '.join(parameters) or 'nothing'}; name it learning_rate"
        raise ArgumentError("optimizer", f"expected a function of the learning rate, got one of {got}")
    return factory  # type: ignore[no-any-return]


def names() -> list[str]:
    """Names of optax's optimizers."""
    return [name for name, entry in vars(optax).items() if "learning_rate" in (_parameters(entry) or ())]


def argument_names(name: str) -> list[str]:
    """Names of the further arguments of an optimizer of optax; none of another name."""
    return [argument for argument in _parameters(vars(optax).get(name)) or () if argument != "learning_rate"]


def _parameters(function: Any) -> Collection[str] | None:
    """Names of a function's parameters; None where it is none, or does not tell."""
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None


def _elsewhere(name: object) -> str:
    """Advice for the name of an optimizer in optax.contrib; else empty."""
    factory = vars(optax.contrib).get(name) if isinstance(name, str) else None
    return f"; in Python, give optax.contrib.{name} itself" * (
        "learning_rate" in (_parameters(factory) or ())
    )


def _schedule(schedule: str | Schedule) -> Schedule | None:
    if callable(schedule):
        return schedule
    return SCHEDULES[checks.as_choice(schedule, "schedule", SCHEDULES)]
