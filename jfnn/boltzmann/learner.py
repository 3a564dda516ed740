"""Boltzmann machines as learners: contrastive divergence, persistent chains, and the exact gradient.

Members descend the mean of ``-log p(v)`` over a minibatch plus ``l2/2 Σ w²``. Its gradient by hand is
``⟨s_k s_{k+1}⟩_model - ⟨s_k s_{k+1}⟩_data``; learners differ by where the model's averages come from.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

import jfnn.boltzmann.columns as columns
import jfnn.boltzmann.enumeration as enumeration
import jfnn.boltzmann.machine as machines
from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.types import Json
from jfnn.boltzmann.machine import Machine, as_sizes, check_units, pack
from jfnn.learners import Batch, Data, DescentLearner, Hyper, Metric, Rows, descent_fields
from jfnn.losses import is_weight, l2_penalty, reduction_scale
from jfnn.optimizers import Factory, Optimizer
from jfnn.params import State
from jfnn.split import Split

GRADIENTS = ("contrastive", "persistent", "exact")
HYPER = ("hidden", "k")
# One in this many units is counted in the width: members of a tile share its draws, so that wider ones pay.
# With another number tiles are too narrow or too wide, and training is slower: compare by the workload
# kind_seeds of scripts/bench.py.
UNITS_FOR_ONE_COUNTED = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class BoltzmannLearner(DescentLearner):
    """Descent on the negative log-likelihood of a machine, as `jfnn.boltzmann_machine` makes it.

    Rows are ``x [n, n_visible]``, and parameters a `jfnn.boltzmann.Machine`. The engine trains it in column
    form, weights ``[n_{k+1}, n_k]``. Its other attributes are the arguments of `boltzmann_machine`.

    Attributes:
        measures: The measure of each metric, the loss first, as `boltzmann_machine` names them.
        bounded: Whether rows must be in [0, 1], as states are.
    """

    sizes: tuple[int, ...]
    gradient: str
    k: int
    chains: int
    sweeps: int
    scale: float
    measures: tuple[str, ...]
    takes_weights: bool = True
    bounded: bool = dataclasses.field(default=True, compare=False)
    differentiable = False  # units are 0 or 1

    def bind(self, split: Split) -> tuple["BoltzmannLearner", Data]:
        """Checks that rows fit the visible units: 0 and 1, or in [0, 1] where no exact sum needs them so."""
        unused = {"y_train": split.y_train, "y_test": split.y_test, "weights": split.weights}
        for name, given in unused.items():
            if given is not None:
                raise ArgumentError(name, "expected None, since a Boltzmann machine learns from x only")
        binary = self.gradient == "exact" or "likelihood" in self.measures
        parts: list[np.ndarray] = []
        for name, x in {"x_train": split.x_train, "x_test": split.x_test}.items():
            if x is not None or name == "x_train":
                x = np.asarray(checks.as_inputs(x, name, self.sizes[:1]))
                if self.bounded:
                    check_units(x, name, binary)
                parts.append(checks.as_dtype(x, checks.float_dtype(x if not parts else parts[0]), name))
        return self, Data(np.concatenate(parts), len(parts[0]))

    def starts(self) -> Machine:
        """What a machine starts with."""
        return machines.starts(self.sizes, self.scale)

    def init(self, key: jax.Array) -> Machine:
        """Normal weights and biases of 0."""
        return machines.init(key, self.sizes, self.scale)

    def width(self) -> int:
        """A share of the units: members of a tile share its draws."""
        return max(sum(self.sizes) // UNITS_FOR_ONE_COUNTED, 1)

    def pack(self, params: Machine) -> Machine:
        """Public parameters -> column form."""
        return pack(params)

    unpack = pack  # transposes twice

    def start(self, params: Machine, hyper: Hyper) -> State:
        """Weights to units beyond the member's number are 0; so is the first state of every chain."""
        params = jax.tree.map(jnp.multiply, params, self._mask(params, hyper))
        persistent = self.gradient == "persistent"
        dtype = params.biases[0].dtype
        chains = [jnp.zeros((size, self.chains), dtype) for size in self.sizes[1::2]] if persistent else []
        return State(params, (super().start(params, hyper).memory, chains))

    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, jax.Array]:
        """One step along the model's averages less the data's."""
        machine, (memory, chains) = state
        v = batch.rows.T
        weights = batch.weights
        any_counts = True if weights is None else jnp.any(weights > 0)
        weights = None if weights is None else weights * reduction_scale(len(weights), "mean", weights)
        if self.gradient == "exact":
            data = enumeration.data_statistics(machine, v, weights)
            model = enumeration.model_statistics(machine)
            value = -columns.average(enumeration.log_likelihood(machine, v), weights)
        else:
            assert key is not None  # since it is `random`
            means = columns.mean_field(machine, v, self.sweeps)
            data = columns.statistics(means, weights)
            value = columns.average(columns.energy(machine, means), weights)
            if self.gradient == "persistent":
                states, chains = columns.gibbs(machine, chains, key, self.k, hyper.get("k"))
                weights = None
            else:
                start = columns.draw_odd(means, jax.random.fold_in(key, self.k))
                states, _ = columns.gibbs(machine, start, key, self.k, hyper.get("k"))
            model = columns.statistics(states, weights)
            value -= columns.average(columns.energy(machine, states), weights)
        gradients = jax.tree.map(lambda m, d: jnp.where(any_counts, m - d, 0), model, data)
        decay = jax.tree.map(lambda leaf: hyper["l2"] * leaf if is_weight(leaf) else 0 * leaf, machine)
        mask = self._mask(machine, hyper)
        gradients = jax.tree.map(lambda g, d, m: (g + d) * m, gradients, decay, mask)
        after = self.descend(State(machine, memory), gradients, hyper)
        value = jnp.where(any_counts, value, 0) + hyper["l2"] * l2_penalty(machine)
        return State(after.params, (after.memory, chains)), value

    def check(self, data: Data) -> None:
        """Tries the optimizer on shapes; raises ArgumentError for one with a line search."""
        super().check(data)
        if self.needs_value:
            reason = "expected one without a line search: what contrastive divergence follows has no value"
            raise ArgumentError("optimizer", reason)

    def _mask(self, machine: Machine, hyper: Hyper) -> Machine:
        if "hidden" in self.hyper:
            return columns.units_mask(machine, hyper["hidden"])
        return Machine(*jax.tree.map(lambda leaf: 1.0, tuple(machine)))

    def score(self, params: Machine, rows: Rows, hyper: Hyper) -> dict[str, jax.Array]:
        """The measure of each metric, for each row."""
        named = zip((metric.name for metric in self.metrics), self.measures, strict=True)
        return {name: enumeration.MEASURES[by](params, rows.T, self.sweeps) for name, by in named}

    @property
    def counts(self) -> Mapping[str, int]:
        """The most hidden units and Gibbs sweeps."""
        most = {"hidden": max(self.sizes[1:]), "k": self.k}
        return {name: most[name] for name in HYPER if name in self.hyper}

    @property
    def has_registered_fields(self) -> bool:
        """Whether the optimizer and its schedule have names."""
        return self.rule_is_registered

    def describe(self) -> Json:
        """Its settings and the optimizer."""
        return {
            "network": {"kind": "boltzmann", "layers": list(self.sizes)},
            "gradient": self.gradient,
            "k": self.k,
            "chains": self.chains,
            "sweeps": self.sweeps,
            "scale": self.scale,
            **super().describe(),
            "metrics": {m.name: measure for m, measure in zip(self.metrics, self.measures, strict=True)},
        }


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
    optimizer: str | Optimizer | Factory = "sgd",
    hyper: Sequence[str] = (),
) -> BoltzmannLearner:
    """A Boltzmann machine as a `Learner`: ``sweep(boltzmann_machine((64, 100)), Split(x), …)``.

    Members of a seed share the random numbers of every step; their chains differ by their numbers only.

    Args:
        sizes: Units of each layer, the visible ones first; two for the restricted machine.
        gradient: Source of the model's averages: "contrastive" (CD-k, Hinton 2002: chains from the
            rows of the minibatch), "persistent" (Tieleman 2008: chains that live on, which start at 0), or
            "exact" (enumeration). Data averages of deep machines are mean-field ones, but for "exact".
        k: Gibbs sweeps a step.
        chains: Persistent chains of each member.
        sweeps: Mean-field iterations of a deep machine.
        scale: Standard deviation of starting weights; biases start at 0.
        loss: The measure of "loss": "likelihood" (``-log p(v)`` by enumeration), "pseudo_likelihood"
            (``-Σ_i log p(v_i | others)``, restricted machines) or "reconstruction"
            (``Σ_i (v_i - p_i)²``, the cheapest). None for the likelihood with the exact gradient, else for
            the pseudo-likelihood of a restricted and the reconstruction of a deep machine.
        metrics: Further ones of these, by name.
        optimizer: An optax optimizer by name, a factory, or an `Optimizer`.
        hyper: Further numbers of each member: "hidden", which keeps the first units of every hidden layer
            (all of a narrower one), and "k", its Gibbs sweeps; ``sizes`` and ``k`` are then their maxima.

    Raises:
        ValueError, TypeError: An invalid argument, named by the message.
    """
    sizes = as_sizes(sizes)
    checks.as_choice(gradient, "gradient", GRADIENTS)
    fields = descent_fields(optimizer, hyper)
    for name in hyper:
        checks.as_choice(name, "hyper", HYPER)
    if gradient == "exact":
        enumeration.check_can_enumerate(sizes, "gradient")
        if "k" in hyper or k != 1:
            raise ArgumentError("k", "expected none, since the exact gradient draws nothing")
    chains = checks.as_count(chains, "chains")
    memory.check("chains", 4.0 * chains * sum(sizes[1::2]) * (gradient == "persistent"))
    measures = enumeration.as_measures(sizes, gradient, loss, metrics)
    return BoltzmannLearner(
        sizes=sizes,
        gradient=gradient,
        k=checks.as_count(k, "k"),
        chains=chains,
        sweeps=checks.as_count(sweeps, "sweeps"),
        scale=checks.as_representable(scale, "scale"),
        measures=measures,
        metrics=(Metric("loss"), *(Metric(name) for name in measures[1:])),
        random=gradient != "exact",
        **fields,
    )
