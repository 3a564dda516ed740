"""scikit-learn's perceptron as a learner of the engine: its solvers, schedules and rule of stopping.

All of it is part of the compiled program, so that many fits train side by side, each to its own end, and the
host need not look at them after every epoch.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

import jfnn.learners.column_form as column_form
from jfnn import losses
from jfnn.fitting.structure import NUMBERS, Structure
from jfnn.layers import sequence
from jfnn.layers.kind import Params
from jfnn.learners.data import Batch, Hyper, Rows
from jfnn.learners.learner import Learner, Metric
from jfnn.training import State

LEAST_RATE = 1e-6  # scikit-learn's "adaptive" rate stops where it would fall from below this


class Memory(NamedTuple):
    """What a member remembers besides its parameters.

    Attributes:
        optimizer: State of the optimizer.
        rate: The learning rate now.
        epoch: Epochs done in this fit.
        seen: Rows seen in this fit and those before it that it goes on from.
        total: Sum of the losses of this epoch's steps but the last one.
        last: Loss of the last step.
        best: The lowest loss of an epoch.
        waiting: Epochs without a loss lower by "tol".
        stopped: Whether it trains no more.
        converged: Whether that is because the loss no longer falls.
        curve: Loss of the epochs of this call, epoch e at place e modulo the length.
    """

    optimizer: Any
    rate: Any
    epoch: Any
    seen: Any
    total: Any
    last: Any
    best: Any
    waiting: Any
    stopped: Any
    converged: Any
    curve: Any


@dataclasses.dataclass(frozen=True)
class PerceptronLearner(Learner):
    """One fit of scikit-learn's perceptron.

    Rows are ``(x, targets)``.

    Attributes:
        structure: What is trained.
        room: Epochs whose losses a member remembers, as many as one call trains.
        hyper: Names of a member's numbers: those of `NUMBERS`; "rows" and "steps" of an epoch, "batch" of a
            step; and where it starts, "rate", "best", "waiting" and "seen" of `Memory`.
        metrics: What scores rows held out, if any.
    """

    structure: Structure
    room: int
    hyper: tuple[str, ...] = (*NUMBERS, "rows", "steps", "batch", "rate", "best", "waiting", "seen")
    metrics: tuple[Metric, ...] = (Metric("loss"),)
    takes_weights = True

    def init(self, key: jax.Array) -> Params:
        """The network's own start, whose shapes matter here alone: fits draw theirs as scikit-learn does."""
        return self.structure.network.init(key)

    def pack(self, params: Params) -> Params:
        """Into column form."""
        return sequence.pack(self._layers, params)

    def unpack(self, params: Params) -> Params:
        """Out of column form."""
        return sequence.unpack(self._layers, params)

    @property
    def _layers(self) -> Any:
        return self.structure.network.layers

    def start(self, params: Params, hyper: Hyper) -> State:
        """A fresh optimizer, and the numbers that the fit starts from."""
        zero, nothing = jnp.zeros_like(hyper["rate"]), jnp.zeros((), jnp.int32)
        memory = Memory(
            optimizer=self._optimizer(hyper["rate"], nothing, hyper).init(params),
            rate=hyper["rate"],
            epoch=nothing,
            seen=hyper["seen"],
            total=zero,
            last=zero,
            best=hyper["best"],
            waiting=hyper["waiting"].astype(jnp.int32),
            stopped=jnp.zeros((), bool),
            converged=jnp.zeros((), bool),
            curve=jnp.zeros(self.room, zero.dtype),
        )
        return State(params, memory)

    def _optimizer(self, rate: jax.Array, count: jax.Array, hyper: Hyper) -> optax.GradientTransformation:
        """The update rule at a learning rate; ``count`` is the number of this update, from 1."""
        solver = self.structure.solver
        if solver == "sgd":  # the velocity remembers steps, not gradients, whose rates may differ
            return optax.chain(optax.scale(-rate), optax.trace(hyper["momentum"], self.structure.nesterov))
        if solver == "adam":  # scikit-learn adds epsilon before it corrects the second moment's bias
            epsilon = hyper["epsilon"] / jnp.sqrt(1 - hyper["beta_2"] ** count)
            moments = optax.scale_by_adam(hyper["beta_1"], hyper["beta_2"], epsilon)
            return optax.chain(moments, optax.scale(-rate))
        factory: Any = getattr(optax, solver)
        made: optax.GradientTransformation = factory(learning_rate=rate)
        return made

    def step(
        self, state: State, batch: Batch, hyper: Hyper, key: jax.Array | None
    ) -> tuple[State, jax.Array]:
        """One step; its objective is nothing where the member trains no more, and `end_epoch` undoes it."""
        params, memory = state
        value, gradients = column_form.by_hand(
            self._layers,
            self.structure.loss,
            "mean",
            params,
            *batch.rows,
            l2=hyper["l2"],
            weights=batch.weights,
        )
        shown = self._shown(value, params, batch, hyper)
        count = memory.optimizer[0].count + 1 if self.structure.solver == "adam" else jnp.ones((), int)
        optimizer = self._optimizer(memory.rate, count, hyper)
        updates, moved = optimizer.update(gradients, memory.optimizer, params)
        memory = memory._replace(optimizer=moved, total=memory.total + memory.last, last=shown)
        return State(optax.apply_updates(params, updates), memory), jnp.where(memory.stopped, 0, value)

    def _shown(self, value: jax.Array, params: Params, batch: Batch, hyper: Hyper) -> jax.Array:
        """The loss that scikit-learn shows for an objective: squares are a mean over outputs."""
        n, outputs = batch.rows[1].shape
        if self.structure.output != "identity" or outputs == 1:
            return value
        scale = losses.reduction_scale(n, "mean", batch.weights)
        penalty = hyper["l2"] * losses.l2_penalty(params) * scale
        return jnp.asarray(penalty + (value - penalty) / outputs)

    def end_epoch(self, before: State, after: State, hyper: Hyper) -> State:
        """A member that trains no more as it was before, another by the rules that end epochs."""
        ended = State(after.params, self._by_rules(after.memory, hyper))
        stopped = before.memory.stopped
        state: State = jax.tree.map(lambda old, new: jnp.where(stopped, old, new), before, ended)
        return state

    def _by_rules(self, memory: Memory, hyper: Hyper) -> Memory:
        """scikit-learn's rules at the end of an epoch, in its order."""
        rest = hyper["rows"] - hyper["batch"] * (hyper["steps"] - 1)  # what other steps leave to the last one
        loss = (memory.total * hyper["batch"] + memory.last * rest) / hyper["rows"]
        seen, rate = memory.seen + hyper["rows"], memory.rate
        converged = memory.converged
        waiting = jnp.where(loss > memory.best - hyper["tol"], memory.waiting + 1, 0)
        if self.structure.solver == "sgd" and self.structure.schedule == "invscaling":
            rate = hyper["learning_rate"] / (seen + 1) ** hyper["power_t"]
        if self.structure.validation is None:  # else rows held out decide, on the host
            converged = waiting > hyper["patience"]
            if self.structure.solver == "sgd" and self.structure.schedule == "adaptive":
                slows = converged & (rate > LEAST_RATE)
                rate, waiting = jnp.where(slows, rate / 5, rate), jnp.where(slows, 0, waiting)
                converged &= ~slows
        return memory._replace(
            rate=rate,
            epoch=memory.epoch + 1,
            seen=seen,
            total=jnp.zeros_like(memory.total),
            last=jnp.zeros_like(memory.last),
            best=jnp.minimum(memory.best, loss),
            waiting=waiting,
            stopped=converged | (memory.epoch + 1 >= hyper["max_iter"]),
            converged=converged,
            curve=jnp.where(jnp.arange(self.room) == memory.epoch % self.room, loss, memory.curve),
        )

    def score(self, params: Params, rows: Rows, hyper: Hyper) -> dict[str, jax.Array]:
        """Outputs of each row, for the metric to judge."""
        outputs = sequence.outputs(self._layers, params, rows[0])
        return {metric.name: outputs.T for metric in self.metrics}

    def describe(self) -> dict[str, Any]:
        """The structure."""
        return self.structure._asdict()
