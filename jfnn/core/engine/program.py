"""The compiled program: one call advances one tile by some epochs, or scores it.

A tile is a fixed number of members, trained side by side: its members run the same loops, in which `jax.vmap`
maps a step over them. Members share the minibatches of their replicate, or have separate ones. Rows, steps,
epochs, folds and hyperparameters are arguments, and all steps run one loop body, so one program serves any
grid, any data and any number of calls.

Nothing else may enter this program: since one program trains a member everywhere, its float32 results have
the same bits in every slot, beside any neighbors and on any number of devices. For the same reason it is a
program for one device, with a copy on each (CPU cores share one): when XLA partitions a program over devices,
its arithmetic may change with their number.
"""

import functools
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments.types import Array
from jfnn.core.engine.epoch import EPOCHS, Loop, gather, steps_gathered_at_once, steps_of_epoch
from jfnn.core.engine.lanes import Lanes
from jfnn.core.engine.minibatches import Source, step_key
from jfnn.learners.data import Batch, Hyper, Rows
from jfnn.learners.functions import Functions
from jfnn.learners.learner import values_by_name
from jfnn.numerics.compiling import compiled, compiler_options
from jfnn.params import Params, State, by_dtype, without_constants

R = TypeVar("R")
A_co = TypeVar("A_co", bound=Array, covariant=True)

# A program takes about 10 MB and 200 memory maps, which systems limit. JAX never frees its traces, about
# 0.7 MB per program, so its caches are cleared now and then; programs still in use are compiled again.
PROGRAMS = 32
TRACED_PROGRAMS = 128


class Members(NamedTuple, Generic[A_co]):
    """Members on the leading axis: a tile on a device or the host, or a whole run on the host."""

    state: State  # parameters in the engine's form, and optimizer memory
    # Epoch, counted from 0, in which a member diverged, or -1; its state is then the one before this epoch.
    diverged_at: A_co  # [members]


OnDevice = Members[jax.Array]
OnHost = Members[np.ndarray]
Trained = tuple[OnDevice, dict[str, jax.Array]]  # members, and the means of step values in each epoch


class DeviceData(NamedTuple):
    """Rows that one device trains on."""

    rows: Rows  # padded to `jfnn.core.engine.minibatches.padded_length`
    weights: Array | None  # for each row [n], or each fold and row [folds, n]
    stand_in: Array | None  # for each fold [folds], from `jfnn.core.engine.epoch.stand_ins`


class Program:
    """Compiled functions of a tile; arguments that differ between members have a leading tile axis.

    * ``lanes(tile, groups, batch) -> Lanes``: where members lie while they train
    * ``start(params, hyper) -> state``
    * ``advance(members, hyper, source, n_epochs, data) -> (members, {name: [epochs, tile]})``, means over
      each epoch of the `Learner.step_values`
    * ``score(params, rows, hyper) -> {metric: [members, n, …]}``
    * ``score_copies(params, rows [members, n, …], hyper)``: the same, with a copy of rows for each member
    """

    def __init__(self, functions: Functions, padded: bool, platform: str, epochs: int):
        """Store the arguments, which `build` describes, without compiling anything."""
        self.functions = functions
        self.learner = functions.learner
        self.padded = padded
        self.platform = platform
        self.epochs = epochs
        name_of_all = functions.name
        keeps_memory = functions.learner.keeps_memory
        options = compiler_options(platform, functions.learner.loops)

        def program(name: str, function: Callable[..., R]) -> Callable[..., R]:
            identity = f"{name} {name_of_all} {keeps_memory} {padded} {epochs}"
            stored_as = None if name_of_all is None else identity
            return compiled(function, platform, options=options, identity=stored_as)

        self.start = program("start", jax.vmap(functions.start))
        self.advance = program("advance", self._advance)
        self.score = program("score", jax.vmap(functions.score, in_axes=(0, None, 0)))
        self.score_copies = program("score_copies", jax.vmap(functions.score))

    def lanes(self, tile: int, groups: int, batch: int) -> Lanes:
        """Return where the members of a tile lie while they train in steps of ``batch`` rows."""
        last = groups in (1, tile) and self.learner.fits_last(self.platform, tile, batch, groups > 1)
        return Lanes(last, groups, tile // groups)

    def _advance(
        self, members: OnDevice, hyper: Hyper, source: Source, n_epochs: jax.Array, data: DeviceData
    ) -> Trained:
        """Train a tile for ``n_epochs``.

        After each epoch, a member's parameters and the objective at the start of its last step must be
        finite; otherwise the member keeps the state before that epoch. (The objective after the epoch would
        cost another forward pass, a third of all work if an epoch is one step; the next epoch computes it
        anyway.)

        Returns:
            The members, and the mean of each of the learner's step values over the steps of each epoch
            ``[epochs, tile]``.
        """
        tile = len(members.diverged_at)
        lanes = self.lanes(tile, *source.rows.shape[1:])
        source = lanes.lay_out_source(source)
        end = lanes.end_epoch(self.functions)
        data = DeviceData(*jax.tree.map(jnp.asarray, tuple(data)))

        def one_epoch(i: jax.Array, run: Trained) -> Trained:
            before, means = run
            epoch = source.first + i
            # Without the barrier, XLA would compute the last step again for each use of its results.
            state, sums, last = jax.lax.optimization_barrier(
                self._epoch(lanes, hyper, source, data, before.state, epoch)
            )
            ended = end(before.state, state, hyper)
            finite = jnp.isfinite(last["objective"])
            members = keep_finite(before, ended, finite, epoch, lanes, self.learner.keeps_memory)
            means = {
                name: jax.lax.dynamic_update_index_in_dim(kept, sums[name] / source.steps_of_epoch, i, 0)
                for name, kept in means.items()
            }
            return members, means

        dtype = next(iter(hyper.values())).dtype
        means = dict.fromkeys(self.learner.step_values, jnp.zeros((self.epochs, tile), dtype))
        members = members._replace(state=lanes.lay_out(members.state))
        members, means = jax.lax.fori_loop(0, n_epochs, one_epoch, (members, means))
        return members._replace(state=lanes.members_first(members.state)), means

    def _epoch(
        self,
        lanes: Lanes,
        hyper: Hyper,
        source: Source,
        data: DeviceData,
        state: State,
        epoch: jax.Array,
    ) -> Loop:
        zeros = jnp.zeros_like(next(iter(hyper.values())))
        sums = dict.fromkeys(self.learner.step_values, zeros)
        rows, weights, of_folds = data
        stand_in = None if of_folds is None else of_folds[source.fold]
        fold, stand_in = lanes.broadcast_to_rows((source.fold, stand_in))
        step_of_all = lanes.step(self.functions)

        def batch(row_numbers: jax.Array) -> Batch:
            return lanes.members_last(
                gather(rows, weights, row_numbers, self.padded, fold, stand_in, lanes.batch_axis)
            )

        def one_step(step: jax.Array, batch: Batch, loop: Loop) -> Loop:
            key = step_key(source, epoch, step)
            state, values = step_of_all(loop[0], batch, hyper, key)
            last = {name: value.astype(zeros.dtype) for name, value in values_by_name(values).items()}
            return state, {name: loop[1][name] + value for name, value in last.items()}, last

        large = rows if weights is None or weights.ndim == 1 else (rows, weights.reshape(-1))
        at_once = steps_gathered_at_once(large, source.rows[0].size) if self.platform == "cpu" else 0
        return steps_of_epoch(one_step, batch, source, epoch, at_once, (state, sums, sums))


def keep_finite(
    before: OnDevice, after: State, finite: jax.Array, number: jax.Array, lanes: Lanes, memory: bool
) -> OnDevice:
    """Return the members after an epoch; members that diverged in it keep the parameters before it.

    ``finite [tile]`` is whether the objective at the start of a member's last step is finite, ``number`` the
    epoch, counted from 0. With ``memory``, members that diverged also keep the memory before the epoch, which
    takes a kernel for each array.
    """
    trained_before = before.diverged_at < 0
    finite = trained_before & finite & all_finite(after.params, lanes)

    if memory:
        state = lanes.select(finite, after, before.state)
    else:
        state = after._replace(params=lanes.select(finite, after.params, before.state.params))
    return Members(state, jnp.where(trained_before & ~finite, number, before.diverged_at))


def all_finite(params: Params, lanes: Lanes) -> jax.Array:
    """Return whether all trained parameters of each member are finite ``[tile]``.

    Constants may be infinite or NaN, as in a mask; if that matters, the objective is not finite.
    """
    finite = [lanes.all_finite(leaves) for leaves in by_dtype(without_constants(params)).values()]
    return functools.reduce(jnp.logical_and, finite)


@functools.lru_cache(PROGRAMS)
def build(functions: Functions, padded: bool, platform: str, epochs: int = EPOCHS) -> Program:
    """Return the program of functions; equal arguments return the same compiled one.

    Args:
        functions: The functions.
        padded: Whether row numbers may be `jfnn.minibatches.PADDING`.
        platform: "cpu", "gpu", …
        epochs: Epochs of a call whose objectives are kept: `EPOCHS`, or 1 for the last one only.
    """
    if build.cache_info().misses % TRACED_PROGRAMS == 0:
        jax.clear_caches()
    return Program(functions, padded, platform, epochs)
