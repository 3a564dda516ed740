"""Boltzmann machines as learners: contrastive divergence, persistent chains, and the exact gradient.

Members descend the mean of ``-log p(v)`` over a minibatch plus ``l2/2 Σ w²``. Its gradient by hand is
``⟨s_k s_{k+1}⟩_model - ⟨s_k s_{k+1}⟩_data``; learners differ by where the model's averages come from.
"""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jfnn import boltzmann, checks
from jfnn.boltzmann import columns, enumeration
from jfnn.boltzmann.machine import Machine, check_units, pack
from jfnn.checks import ArgumentError
from jfnn.datasets import Split
from jfnn.learners.data import Batch, Data, Hyper, Rows
from jfnn.learners.learner import Learner, Metric
from jfnn.learners.naming import describe_rule, is_known_rule
from jfnn.learners.trial import starting_shapes
from jfnn.losses import is_weight, l2_penalty
from jfnn.optimizers import UpdateRule, Values
from jfnn.training import State, descend


@dataclasses.dataclass(frozen=True, kw_only=True)
class BoltzmannLearner(Learner):
    """Descent on the negative log-likelihood of a machine, as `jfnn.boltzmann_machine` makes it.

    Rows are ``x [n, n_visible]``, and parameters a `jfnn.boltzmann.Machine`. The engine's form of it is the
    column form, weights ``[n_{k+1}, n_k]``.

    Attributes:
        sizes: Units of each layer, the visible ones first.
        gradient: Where the model's averages come from: "contrastive", "persistent" or "exact".
        k: Gibbs sweeps a step; where "k" is a number of each member, the most that a member may have.
        chains: Persistent chains of each member.
        sweeps: Mean-field iterations of a deep machine.
        scale: Standard deviation of starting weights.
        measures: What each metric measures: "likelihood", "pseudo_likelihood" or "reconstruction".
        rule: The optimizer.
        bounded: Whether rows must be in [0, 1], as states are.
    """

    sizes: tuple[int, ...]
    gradient: str
    k: int
    chains: int
    sweeps: int
    scale: float
    measures: tuple[str, ...]
    rule: UpdateRule
    hyper: tuple[str, ...]
    metrics: tuple[Metric, ...]
    random: bool
    takes_weights: bool = True
    bounded: bool = dataclasses.field(default=True, compare=False)
    numbers: Mapping[str, Values] = dataclasses.field(compare=False)
    schedule_epochs: int | None = dataclasses.field(compare=False)

    def bind(self, split: Split) -> tuple["BoltzmannLearner", Data]:
        """Checks that rows fit the visible units: 0 and 1, or in [0, 1] where no exact sum needs them so."""
        for name in ("y_train", "y_test", "weights"):
            if getattr(split, name) is not None:
                raise ArgumentError(name, "expected None, since a Boltzmann machine learns from x alone")
        binary = self.gradient == "exact" or "likelihood" in self.measures
        parts: list[np.ndarray] = []
        for name in ("x_train", "x_test"):
            if (x := getattr(split, name)) is not None or name == "x_train":
                x = np.asarray(checks.as_inputs(x, name, self.sizes[:1]))
                if self.bounded:
                    check_units(x, name, binary)
                parts.append(checks.as_dtype(x, checks.float_dtype(x if not parts else parts[0]), name))
        return self, Data(np.concatenate(parts), len(parts[0]))

    def init(self, key: jax.Array) -> Machine:
        """Normal weights and biases of 0."""
        return boltzmann.init(key, self.sizes, self.scale)

    def width(self) -> int:
        """A fifth of the units: wider tiles than a network's, since the members of one share its draws."""
        return max(sum(self.sizes) // 5, 1)

    def pack(self, params: Machine) -> Machine:
        """Into column form."""
        return pack(params)

    def unpack(self, params: Machine) -> Machine:
        """Out of column form."""
        return pack(params)

    def start(self, params: Machine, hyper: Hyper) -> State:
        """Weights to units beyond the member's own are 0; so is the first state of every chain."""
        params = jax.tree.map(jnp.multiply, params, self._mask(params, hyper))
        persistent = self.gradient == "persistent"
        dtype = params.biases[0].dtype
        chains = [jnp.zeros((size, self.chains), dtype) for size in self.sizes[1::2]] if persistent else []
        return State(params, (self.rule.make(hyper).init(params), chains))

    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, jax.Array]:
        """One step along the model's averages less the data's."""
        machine, (memory, chains) = state
        v, weights = batch.rows.T, batch.weights
        weights = None if weights is None else weights / jnp.sum(weights)
        if self.gradient == "exact" or key is None:
            data = enumeration.data_statistics(machine, v, weights)
            model = enumeration.model_statistics(machine)
            value = -_average(enumeration.log_likelihood(machine, v), weights)
        else:
            means = columns.mean_field(machine, v, self.sweeps)
            persistent = self.gradient == "persistent"
            start = chains if persistent else columns.draw_odd(means, jax.random.fold_in(key, self.k))
            k = hyper["k"] if "k" in self.hyper else None
            states, fantasy = columns.gibbs(machine, start, key, self.k, k)
            data = columns.statistics(means, weights)
            model = columns.statistics(states, None if persistent else weights)
            value = _average(columns.energy(machine, means), weights)
            value -= _average(columns.energy(machine, states), None if persistent else weights)
            chains = fantasy if persistent else chains
        gradients = jax.tree.map(jnp.subtract, model, data)
        decay = jax.tree.map(lambda leaf: hyper["l2"] * leaf if is_weight(leaf) else 0 * leaf, machine)
        mask = self._mask(machine, hyper)
        gradients = jax.tree.map(lambda *leaves: (leaves[0] + leaves[1]) * leaves[2], gradients, decay, mask)
        after = descend(State(machine, memory), self.rule.make(hyper), gradients)
        return State(after.params, (after.memory, chains)), value + hyper["l2"] * l2_penalty(machine)

    def _mask(self, machine: Machine, hyper: Hyper) -> Machine:
        """1 for parameters that the member has, 0 for those of units beyond its number."""
        if "hidden" not in self.hyper:
            return Machine(*jax.tree.map(lambda leaf: 1.0, tuple(machine)))
        units = [jnp.ones(self.sizes[0])] + [jnp.arange(n) < hyper["hidden"] for n in self.sizes[1:]]
        of_layers = [unit.astype(machine.biases[0].dtype) for unit in units]
        pairs = tuple(upper[:, None] * lower for lower, upper in itertools.pairwise(of_layers))
        return Machine(pairs, tuple(of_layers))

    def score(self, params: Machine, rows: Rows, hyper: Hyper) -> dict[str, jax.Array]:
        """What each metric measures, of each row."""
        return {
            metric.name: self._measure(measure, params, rows.T)
            for metric, measure in zip(self.metrics, self.measures, strict=True)
        }

    def _measure(self, measure: str, machine: Machine, v: jax.Array) -> jax.Array:
        if measure == "likelihood":
            return -enumeration.log_likelihood(machine, v)
        if measure == "pseudo_likelihood":
            return -columns.pseudo_log_likelihood(machine, v)
        return jnp.sum((v - columns.reconstruction(machine, v, self.sweeps)) ** 2, axis=0)

    def check(self, data: Data) -> None:
        """Tries the optimizer on shapes."""
        self.rule.check(starting_shapes(self))

    @property
    def counts(self) -> Mapping[str, int]:  # type: ignore[override]
        """Units of a hidden layer, and Gibbs sweeps, where each member has its own."""
        most = {"hidden": max(self.sizes[1:]), "k": self.k}
        return {name: count for name, count in most.items() if name in self.hyper}

    @property
    def known(self) -> bool:
        """Whether the optimizer and its schedule have names."""
        return is_known_rule(self.rule)

    def describe(self) -> dict[str, Any]:
        """Its settings and the optimizer."""
        names = ("gradient", "k", "chains", "sweeps", "scale")
        return {
            "network": {"kind": "boltzmann", "layers": list(self.sizes)},
            **{name: getattr(self, name) for name in names},
            **describe_rule(self.rule),
            "metrics": {m.name: measure for m, measure in zip(self.metrics, self.measures, strict=True)},
        }


def _average(values: jax.Array, weights: jax.Array | None) -> jax.Array:
    return jnp.mean(values) if weights is None else jnp.sum(weights * values)
