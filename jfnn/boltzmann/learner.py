"""Boltzmann machines as learners: contrastive divergence, persistent chains, and the exact gradient.

Members minimize the mean of ``-log p(v)`` over a minibatch plus ``l2/2 Σ w²``. The gradient, derived by hand,
is ``⟨s_k s_{k+1}⟩_model - ⟨s_k s_{k+1}⟩_data``; learners differ in how they estimate the model's averages.
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
# A machine's width is its number of units divided by this number. Members of a tile share random numbers, so
# wider tiles pay off. Other values make tiles too narrow or too wide, and training slower; benchmark with the
# workload kind_seeds of scripts/bench.py.
UNITS_FOR_ONE_COUNTED = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class BoltzmannLearner(DescentLearner):
    """Gradient descent on the negative log-likelihood of a machine; made by `jfnn.boltzmann_machine`.

    Rows are ``x [n, n_visible]``, and parameters a `jfnn.boltzmann.Machine`. The engine trains it in column
    form, with weights ``[n_{k+1}, n_k]``. The other attributes are the arguments of `boltzmann_machine`.

    Attributes:
        measures: The measure of each metric, the loss first, by its name in `boltzmann_machine`.
        bounded: Whether rows must be in [0, 1], like states.
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
        """Check that rows fit the visible units: in [0, 1], or only 0 and 1 for sums over all states."""
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
        """Return how the parameters are drawn."""
        return machines.starts(self.sizes, self.scale)

    def init(self, key: jax.Array) -> Machine:
        """Return normal weights and biases of 0."""
        return machines.init(key, self.sizes, self.scale)

    def width(self) -> int:
        """Return a fraction of the number of units, since members of a tile share its random numbers."""
        return max(sum(self.sizes) // UNITS_FOR_ONE_COUNTED, 1)

    def pack(self, params: Machine) -> Machine:
        """Convert public parameters to column form."""
        return pack(params)

    unpack = pack  # transposing twice restores the weights

    def start(self, params: Machine, hyper: Hyper) -> State:
        """Set parameters of units beyond ``hyper["hidden"]``, and the initial states of chains, to 0."""
        params = jax.tree.map(jnp.multiply, params, self._mask(params, hyper))
        persistent = self.gradient == "persistent"
        dtype = params.biases[0].dtype
        chains = [jnp.zeros((size, self.chains), dtype) for size in self.sizes[1::2]] if persistent else []
        return State(params, (super().start(params, hyper).memory, chains))

    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, jax.Array]:
        """Take one step along the model's averages minus the data's."""
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
            assert key is not None  # the learner is `random`
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
        """Check the optimizer on shapes; raise ArgumentError for an optimizer with a line search."""
        super().check(data)
        if self.needs_value:
            reason = "expected one without a line search: contrastive divergence has no objective to evaluate"
            raise ArgumentError("optimizer", reason)

    def _mask(self, machine: Machine, hyper: Hyper) -> Machine:
        if "hidden" in self.hyper:
            return columns.units_mask(machine, hyper["hidden"])
        return Machine(*jax.tree.map(lambda leaf: 1.0, tuple(machine)))

    def score(self, params: Machine, rows: Rows, hyper: Hyper) -> dict[str, jax.Array]:
        """Return the measure of each metric, for each row."""
        named = zip((metric.name for metric in self.metrics), self.measures, strict=True)
        return {name: enumeration.MEASURES[by](params, rows.T, self.sweeps) for name, by in named}

    @property
    def counts(self) -> Mapping[str, int]:
        """Upper bounds of the hidden units and of the Gibbs sweeps."""
        most = {"hidden": max(self.sizes[1:]), "k": self.k}
        return {name: most[name] for name in HYPER if name in self.hyper}

    @property
    def has_registered_fields(self) -> bool:
        """Whether the optimizer and its schedule are registered."""
        return self.rule.is_registered

    def describe(self) -> Json:
        """Return the settings and the optimizer."""
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
    """Return a Boltzmann machine as a `Learner`: ``sweep(boltzmann_machine((64, 100)), Split(x), …)``.

    Members with the same seed share the random numbers of every step, so their chains differ only through
    their hyperparameters.

    Args:
        sizes: Number of units of each layer, the visible layer first; two layers for the restricted machine.
        gradient: How the model's averages are estimated: "contrastive" (CD-k, Hinton 2002: chains start at
            the rows of the minibatch), "persistent" (Tieleman 2008: chains continue from step to step,
            starting at 0), or "exact" (enumeration). Except with "exact", the data's averages use mean
            field in deep machines.
        k: Gibbs sweeps per step.
        chains: Number of persistent chains of each member.
        sweeps: Mean-field iterations of a deep machine.
        scale: Standard deviation of the initial weights; biases start at 0.
        loss: The measure of "loss": "likelihood" (``-log p(v)`` by enumeration), "pseudo_likelihood"
            (``-Σ_i log p(v_i | others)``, restricted machines only) or "reconstruction"
            (``Σ_i (v_i - p_i)²``, the cheapest). By default, the likelihood with the exact gradient;
            otherwise the pseudo-likelihood of a restricted machine or the reconstruction error of a deep one.
        metrics: Names of further measures to report.
        optimizer: Name of an optax optimizer, a factory, or an `Optimizer`.
        hyper: Further hyperparameters: "hidden", the number of units kept in every hidden layer, counted from
            the first (a narrower layer keeps all), and "k", the Gibbs sweeps; ``sizes`` and ``k`` are then
            their maxima.

    Raises:
        ValueError, TypeError: An argument is invalid; the message names it.

    Example:
        >>> import jfnn
        >>> learner = jfnn.boltzmann_machine((9, 4))  # 9 visible, 4 hidden
        >>> bars = [[1, 1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1, 1, 1]]
        >>> result = jfnn.sweep(learner, jfnn.Split(bars), learning_rate=[0.01, 0.1], seeds=2, epochs=20)
        >>> result.axes
        {'learning_rate': array([0.01, 0.1 ]), 'l2': array([0.])}
    """
    sizes = as_sizes(sizes)
    checks.as_choice(gradient, "gradient", GRADIENTS)
    fields = descent_fields(optimizer, hyper)
    for name in hyper:
        checks.as_choice(name, "hyper", HYPER)
    if gradient == "exact":
        enumeration.check_can_enumerate(sizes, "gradient")
        if "k" in hyper or k != 1:
            raise ArgumentError("k", "expected no k, since the exact gradient runs no Gibbs sweeps")
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
