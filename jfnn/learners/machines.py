"""The constructor of Boltzmann machines as learners, and what it refuses."""

from collections.abc import Callable, Sequence

import optax

from jfnn import checks, memory
from jfnn.boltzmann import enumeration
from jfnn.boltzmann.machine import as_sizes
from jfnn.checks import ArgumentError, ArgumentTypeError
from jfnn.learners.boltzmann import BoltzmannLearner
from jfnn.learners.learner import Metric
from jfnn.learners.trial import all_hyper
from jfnn.optimizers import Optimizer, as_optimizer

GRADIENTS = ("contrastive", "persistent", "exact")
MEASURES = ("likelihood", "pseudo_likelihood", "reconstruction")
HYPER = ("hidden", "k")


def boltzmann_machine(
    sizes: Sequence[int],
    *,
    gradient: str = "contrastive",
    k: int = 1,
    chains: int = 100,
    sweeps: int = 10,
    scale: float = 0.01,
    loss: str | None = None,
    metrics: Sequence[str] = (),
    optimizer: str | Optimizer | Callable[..., optax.GradientTransformation] = "sgd",
    hyper: Sequence[str] = (),
) -> BoltzmannLearner:
    """A Boltzmann machine as a `Learner`: ``sweep(boltzmann_machine((64, 100)), Split(x), …)``.

    Two layers make the restricted machine, more a deep one. Members of a seed share the random numbers of
    every step, so that their chains differ by their numbers alone.

    Args:
        sizes: Units of each layer, the visible ones first.
        gradient: Where the model's averages come from: "contrastive" (CD-k, Hinton 2002: chains from the
            rows of the minibatch), "persistent" (Tieleman 2008: chains that live on, which start at 0), or
            "exact" (enumeration). Data averages of deep machines are mean-field ones, but for "exact".
        k: Gibbs sweeps a step.
        chains: Persistent chains of each member.
        sweeps: Mean-field iterations of a deep machine.
        scale: Standard deviation of starting weights; biases start at 0.
        loss: What "loss" measures: "likelihood" (``-log p(v)`` by enumeration), "pseudo_likelihood"
            (``-Σ_i log p(v_i | others)``, restricted machines) or "reconstruction"
            (``Σ_i (v_i - p_i)²``, the cheapest). None for the likelihood with the exact gradient, else for
            the pseudo-likelihood of a restricted and the reconstruction of a deep machine.
        metrics: Further ones of these, by name.
        optimizer: An optax optimizer by name, a factory, or an `Optimizer`.
        hyper: Further numbers of each member: "hidden", its units in every hidden layer, of which it has the
            first so many, and "k", its Gibbs sweeps. ``sizes`` and ``k`` are then the most there may be; of
            several hidden layers the narrower ones have all their units beside a larger number.

    Raises:
        ValueError, TypeError: What cannot be; the message names the argument.
    """
    sizes = as_sizes(sizes)
    checks.as_choice(gradient, "gradient", GRADIENTS)
    options = as_optimizer(optimizer)
    rule = options.rule()
    names = all_hyper(hyper, rule)
    for name in hyper:
        checks.as_choice(name, "hyper", HYPER)
    if gradient == "exact":
        enumeration.check_can_enumerate(sizes, "gradient")
        if "k" in hyper or k != 1:
            raise ArgumentError("k", "expected none, since the exact gradient draws nothing")
    chains = checks.as_count(chains, "chains")
    memory.check("chains", 4.0 * chains * sum(sizes[1::2]) * (gradient == "persistent"))
    measures = _measures(sizes, gradient, loss, metrics)
    return BoltzmannLearner(
        sizes=sizes,
        gradient=gradient,
        k=checks.as_count(k, "k"),
        chains=chains,
        sweeps=checks.as_count(sweeps, "sweeps"),
        scale=checks.as_representable(scale, "scale"),
        measures=measures,
        rule=rule,
        hyper=names,
        metrics=(Metric("loss"), *(Metric(name) for name in measures[1:])),
        random=gradient != "exact",
        numbers=options.numbers,
        schedule_epochs=options.schedule_epochs,
    )


def _measures(
    sizes: tuple[int, ...], gradient: str, loss: str | None, metrics: Sequence[str]
) -> tuple[str, ...]:
    """What "loss" and the further metrics measure."""
    if loss is None:
        inexact = "pseudo_likelihood" if len(sizes) == 2 else "reconstruction"
        loss = "likelihood" if gradient == "exact" else inexact
    if not checks.is_several(metrics):
        raise ArgumentTypeError("metrics", f"expected a sequence of names, got {checks.shown(metrics)}")
    chosen = {"loss": (loss,), "metrics": tuple(metrics)}
    for argument, names in chosen.items():
        for name in names:
            checks.as_choice(name, argument, MEASURES)
            if name == "likelihood":
                enumeration.check_can_enumerate(sizes, argument)
            if name == "pseudo_likelihood" and len(sizes) > 2:
                raise ArgumentError(argument, "a pseudo-likelihood is for machines of two layers")
    if len(set(metrics)) != len(metrics):
        raise ArgumentError("metrics", f"expected each name once, got {', '.join(metrics)}")
    return (loss, *metrics)
