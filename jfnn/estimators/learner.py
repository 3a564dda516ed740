"""scikit-learn's perceptron as a learner of the engine: its solvers, schedules and stopping rules.

All of this is part of the compiled program: many fits train side by side, each to its end, and the host need
not inspect them after every epoch.
"""

import dataclasses
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jfnn import losses
from jfnn.estimators.fit import SOLVERS, Structure
from jfnn.estimators.rows import gain
from jfnn.layers import sequence
from jfnn.layers.dense import Layer
from jfnn.learners import column_form
from jfnn.learners.data import Batch, Hyper, Rows
from jfnn.learners.learner import Learner
from jfnn.params import Params, State
from jfnn.penalties import penalty, soft_threshold

CALL_EPOCHS = 128  # largest number of epochs per call; length of a member's stored curve
# A member's numbers besides those of its structure: "rows" and "steps" per training epoch, rows per step
# ("batch"), and the initial values of "rate", "best", "waiting" and "seen" in `SolverMemory`.
FIT_NUMBERS = ("rows", "steps", "batch", "rate", "best", "waiting", "seen")
LEAST_RATE = 1e-6  # at this rate or below, scikit-learn's "adaptive" schedule stops instead of reducing it


class SolverMemory(NamedTuple):
    """A member's memory in addition to its parameters.

    Attributes:
        optimizer: State of the optimizer.
        rate: The current learning rate.
        epoch: Epochs done in this fit.
        seen: Rows seen in this fit and in the fits that it continues.
        total: Sum of the losses of this epoch's steps, except the last one.
        last: Loss of the last step.
        gain: Gain of this epoch's steps on held-out rows; see `jfnn.estimators.rows`.
        best: The lowest cost of an epoch: its loss, or the negative gain of held-out rows.
        waiting: Epochs since the cost was last at least "tol" below the lowest one before.
        best_params: Parameters at the lowest cost, with held-out rows; empty otherwise.
        stopped: Whether training has ended.
        converged: Whether training ended because the cost no longer falls.
        curve: Loss, cost and learning rate after the epochs of this call ``[CALL_EPOCHS, 3]``, epoch e at
            index e modulo `CALL_EPOCHS`.
    """

    optimizer: optax.OptState
    rate: jax.Array
    epoch: jax.Array
    seen: jax.Array
    total: jax.Array
    last: jax.Array
    gain: jax.Array
    best: jax.Array
    waiting: jax.Array
    best_params: Params
    stopped: jax.Array
    converged: jax.Array
    curve: jax.Array


@dataclasses.dataclass(frozen=True)
class PerceptronLearner(Learner):
    """One fit of scikit-learn's perceptron.

    Rows are ``(x, targets)``, or with early stopping ``(x, targets, scales, held_out)``
    (`jfnn.estimators.rows.Scoring`): a step of held-out rows does not change parameters.

    Attributes:
        structure: The structure of the fit.
    """

    structure: Structure
    metrics = ()
    takes_weights = True
    keeps_memory = True
    has_registered_fields = True

    @property
    def hyper(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of a member's numbers: the structure's, "tol" in units of the cost, and `FIT_NUMBERS`."""
        return (*self.structure.numbers, *FIT_NUMBERS)

    def init(self, key: jax.Array) -> Params:
        """Initialize the network. Only the shapes are used: each fit supplies its own initial parameters."""
        return self.structure.network.init(key)

    def pack(self, params: Params) -> Params:
        """Convert a fit's parameters (NumPy) to column form; for scikit-learn's solvers, to one vector.

        With one vector, the updates and the end of an epoch need one kernel instead of one per array, and XLA
        compiles the program in two thirds of the time. Other solvers may treat each array separately.
        """
        packed = sequence.pack(self._layers, params)
        if not self._is_joined:
            return packed
        return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(packed)])

    def unpack(self, params: Params) -> Params:
        """Invert `pack`."""
        return sequence.unpack(self._layers, self._by_layers(params))

    @property
    def _is_joined(self) -> bool:
        return self.structure.solver in SOLVERS

    def _by_layers(self, params: Params) -> Params:
        """Return each layer's parameters in column form, split from one vector if necessary."""
        if not self._is_joined:
            return params
        first = 0
        layers = []
        for n_in, n_out in itertools.pairwise(self.structure.sizes):
            weights_end = first + n_in * n_out
            end = weights_end + n_out
            layers.append(Layer(params[first:weights_end].reshape(n_out, n_in), params[weights_end:end]))
            first = end
        return tuple(layers)

    def _join(self, gradients: Params) -> Params:
        """Return gradients in the form of the parameters, joined in one vector if necessary."""
        if not self._is_joined:
            return gradients
        return jnp.concatenate([leaf.reshape(-1) for leaf in jax.tree.leaves(gradients)])

    @property
    def _layers(self) -> Any:
        return self.structure.network.layers

    def start(self, params: Params, hyper: Hyper) -> State:
        """Return a fresh optimizer, and the numbers that the fit starts from."""
        zero = jnp.zeros_like(hyper["rate"])
        nothing = jnp.zeros((), jnp.int32)
        memory = SolverMemory(
            optimizer=self._optimizer(hyper["rate"], nothing, hyper).init(params),
            rate=hyper["rate"],
            epoch=nothing,
            seen=hyper["seen"],
            total=zero,
            last=zero,
            gain=zero,
            best=hyper["best"],
            waiting=hyper["waiting"].astype(jnp.int32),
            best_params=() if self.structure.validation is None else params,
            stopped=jnp.zeros((), bool),
            converged=jnp.zeros((), bool),
            curve=jnp.zeros((CALL_EPOCHS, 3), zero.dtype),
        )
        return State(params, memory)

    def _optimizer(self, rate: jax.Array, count: jax.Array, hyper: Hyper) -> optax.GradientTransformation:
        """Return the update rule at a learning rate; ``count`` is the number of this update, from 1."""
        solver = self.structure.solver
        if solver == "sgd":  # velocity sums steps, not gradients, since the learning rate may change
            return optax.chain(optax.scale(-rate), optax.trace(hyper["momentum"], self.structure.nesterov))
        if solver == "adam":  # scikit-learn adds epsilon before it corrects the second moment's bias
            epsilon = hyper["epsilon"] / jnp.sqrt(1 - hyper["beta_2"] ** count)
            moments = optax.scale_by_adam(hyper["beta_1"], hyper["beta_2"], epsilon)
            return optax.chain(moments, optax.scale(-rate))
        optimizer: optax.GradientTransformation = getattr(optax, solver)(learning_rate=rate)
        return optimizer

    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, jax.Array]:
        """Take one step. Stopped members step too (vmap runs both branches); `end_epoch` discards that."""
        if self.structure.validation is None:
            return self._train(state, batch, hyper)
        x, targets, scales, held_out = batch.rows
        batch = batch._replace(rows=(x, targets))
        stepped: tuple[State, jax.Array] = jax.lax.cond(
            held_out[0],  # equal for all rows of a step and all members, so that only one branch runs
            lambda: self._judge(state, batch, scales),
            lambda: self._train(state, batch, hyper),
        )
        return stepped

    def _judge(self, state: State, batch: Batch, scales: jax.Array) -> tuple[State, jax.Array]:
        """Score held-out rows; the returned objective is the last training step's."""
        (x, targets) = batch.rows
        memory = state.memory
        weights = jnp.ones_like(x[:, 0]) if batch.weights is None else batch.weights
        outputs = column_form.outputs(self._layers, self._by_layers(state.params), x).T
        more = gain(self.structure.output, outputs, targets, scales, weights)
        value = jnp.where(memory.stopped, 0, memory.last)
        return state._replace(memory=memory._replace(gain=memory.gain + more)), value

    def _train(self, state: State, batch: Batch, hyper: Hyper) -> tuple[State, jax.Array]:
        params, memory = state
        by_layers = self._by_layers(params)
        strengths = {"l2": hyper["alpha"]}
        if self.structure.l1 == "subgradient":
            strengths["l1"] = hyper["l1"]
        objective = losses.Objective(self.structure.loss, "mean", strengths, "weights")
        x, targets = batch.rows
        value, gradients = column_form.gradient_by_hand(
            self._layers, objective, by_layers, x, targets, batch.weights
        )
        scale = losses.reduction_scale(len(batch.rows[1]), "mean", batch.weights)
        if self.structure.l1 == "proximal":
            value += penalty(by_layers, {"l1": hyper["l1"] * scale})
        loss = self._loss(value, by_layers, batch, hyper)
        count = memory.optimizer[0].count + 1 if self.structure.solver == "adam" else jnp.ones((), int)
        optimizer = self._optimizer(memory.rate, count, hyper)
        updates, moved = optimizer.update(self._join(gradients), memory.optimizer, params)
        memory = memory._replace(optimizer=moved, total=memory.total + memory.last, last=loss)
        params = optax.apply_updates(params, updates)
        if self.structure.l1 == "proximal":
            params = self._shrunk(params, memory.rate * hyper["l1"] * scale)
        return State(params, memory), jnp.where(memory.stopped, 0, value)

    def _shrunk(self, params: Params, threshold: jax.Array) -> Params:
        """Apply the proximal step of L1, which sets weights to exactly 0."""

        def shrink(leaf: jax.Array) -> jax.Array:
            return soft_threshold(leaf, threshold) if losses.is_weight(leaf) else leaf

        return self._join(jax.tree.map(shrink, self._by_layers(params)))

    def _loss(self, value: jax.Array, params: Params, batch: Batch, hyper: Hyper) -> jax.Array:
        """Return the loss that scikit-learn reports: squared errors are averaged over outputs."""
        n, outputs = batch.rows[1].shape
        if self.structure.output != "identity" or outputs == 1:
            return value
        scale = losses.reduction_scale(n, "mean", batch.weights)
        strengths = {"l2": hyper["alpha"]} | ({} if self.structure.l1 is None else {"l1": hyper["l1"]})
        penalties = penalty(params, strengths) * scale
        return jnp.asarray(penalties + (value - penalties) / outputs)

    def end_epoch(self, before: State, after: State, hyper: Hyper) -> State:
        """Keep the earlier state of stopped members; apply the rules at the end of an epoch to the others."""
        ended = State(after.params, self._by_rules(after, hyper))
        stopped = before.memory.stopped
        state: State = jax.tree.map(lambda old, new: jnp.where(stopped, old, new), before, ended)
        return state

    def _by_rules(self, state: State, hyper: Hyper) -> SolverMemory:
        """Apply scikit-learn's rules at the end of an epoch, in its order.

        The cost of an epoch is its loss, or the negative gain of held-out rows. An epoch is an improvement if
        its cost is at least "tol" below the lowest so far; ``waiting`` counts the epochs since the last one.
        """
        memory: SolverMemory = state.memory
        rest = hyper["rows"] - hyper["batch"] * (hyper["steps"] - 1)  # rows of the last step
        loss = (memory.total * hyper["batch"] + memory.last * rest) / hyper["rows"]
        scored = self.structure.validation is not None
        cost = -memory.gain if scored else loss
        seen = memory.seen + hyper["rows"]
        rate = memory.rate
        if self.structure.solver == "sgd" and self.structure.schedule == "invscaling":
            rate = hyper["learning_rate_init"] / (seen + 1) ** hyper["power_t"]
        waiting = jnp.where(cost > memory.best - hyper["tol"], memory.waiting + 1, 0)
        converged = waiting > hyper["n_iter_no_change"]
        if self.structure.solver == "sgd" and self.structure.schedule == "adaptive":
            slows = converged & (rate > LEAST_RATE)
            rate = jnp.where(slows, rate / 5, rate)
            waiting = jnp.where(slows, 0, waiting)
            converged &= ~slows
        better = cost < memory.best
        best_params = jax.tree.map(
            lambda old, new: jnp.where(better, new, old), memory.best_params, state.params if scored else ()
        )
        at = jnp.arange(CALL_EPOCHS)[:, None] == memory.epoch % CALL_EPOCHS
        return memory._replace(
            rate=rate,
            epoch=memory.epoch + 1,
            seen=seen,
            total=jnp.zeros_like(memory.total),
            last=jnp.zeros_like(memory.last),
            gain=jnp.zeros_like(memory.gain),
            best=jnp.where(better, cost, memory.best),
            waiting=waiting,
            best_params=best_params,
            stopped=converged | (memory.epoch + 1 >= hyper["max_iter"]),
            converged=converged,
            curve=jnp.where(at, jnp.stack([loss, cost, rate]), memory.curve),
        )

    def score(self, params: Params, rows: Rows, hyper: Hyper) -> dict[str, jax.Array]:
        """Return no scores: a member's curve contains its loss."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Describe the structure."""
        return self.structure._asdict()
