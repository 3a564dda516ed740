"""A learning-rate schedule learned by hypergradients, beside the best fixed rate of a grid.

The network is 64-50-10 with tanh on the digits, trained by momentum for few epochs. Fixed rates and rates
under a cosine are chosen on the rows held out, from a grid of steps of 2^(1/4). The learned schedule is one
multiplier an epoch (or a step): it starts at the best fixed rate, and Adam moves the multipliers' logarithms
along hypergradients of the held-out loss, averaged over the seeds of the grid. All are then trained from
seeds that none has seen, and compared on test rows, in pairs of the same seed.
"""

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # there is nothing to stop yet but imports

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure
from scipy import stats

import jfnn
from jfnn.cli import places, process
from jfnn.cli.parser import Parser
from jfnn.cli.values import count, place

NETWORK = jfnn.mlp((64, 50, 10), activation="tanh", init="glorot_normal")
RATES = 2.0 ** np.arange(-8, 2.01, 0.25)
ADAM_RATE = 0.03  # on logarithms: some 3% a step
STEPS = 11  # an epoch: 1149 rows that are not held out, by 100
FIRST_UNSEEN = 1000  # seeds of the comparison


class Plan(NamedTuple):
    """A learning rate and its schedule."""

    rate: float
    schedule: Any


class Study:
    """The data and the training that all plans share."""

    def __init__(self, epochs: int, seeds: int, per: str) -> None:
        """Loads the digits, scaled to 0..1."""
        split = jfnn.datasets.digits()
        self.split = split._replace(x_train=split.x_train / 16, x_test=split.x_test / 16)
        self.epochs, self.seeds = epochs, range(seeds)
        self.multipliers = epochs * (STEPS if per == "step" else 1)
        self.common: dict[str, Any] = {
            "reduction": "mean",
            "epochs": epochs,
            "batch_size": 100,
            "validation": 0.2,
        }

    def scores(self, rates: Any, schedule: Any, seeds: Sequence[int]) -> jfnn.SweepResult:
        """A sweep over learning rates and seeds."""
        return jfnn.sweep(
            NETWORK,
            self.split,
            learning_rate=rates,
            seeds=seeds,
            optimizer=jfnn.Optimizer("sgd", momentum=0.9, schedule=schedule),
            execution=jfnn.Execution(keep_params="none"),
            **self.common,
        )

    def best_of_grid(self, schedule: str) -> Plan:
        """The rate of least mean loss on the rows held out."""
        losses = self.scores(RATES, schedule, self.seeds).validation_loss
        means = np.where(np.isnan(losses), np.inf, losses).mean(axis=(1, 2))
        best = int(means.argmin())
        print(f"{schedule}: rate {RATES[best]:.4g}, held-out loss {means[best]:.4f}", flush=True)
        return Plan(float(RATES[best]), schedule)

    def learned(self, rate: float, steps: int) -> np.ndarray:
        """Multipliers of a rate ``[multipliers]``, those of the least mean loss met on the way."""
        logs, optimizer = jnp.zeros(self.multipliers), optax.adam(ADAM_RATE)
        memory, best = optimizer.init(logs), (np.inf, np.ones(self.multipliers))
        for i in range(steps):
            of_seeds = [self._hypergradient(rate, np.exp(logs), seed) for seed in self.seeds]
            value = float(np.mean([one.value for one in of_seeds]))
            if value < best[0]:
                best = value, np.exp(logs)
            if i % max(steps // 5, 1) == 0 or i == steps - 1:
                print(f"learned, step {i}: held-out loss {value:.4f}", flush=True)
            gradient = np.mean([one.gradients["multipliers"] for one in of_seeds], axis=0) * np.exp(logs)
            updates, memory = optimizer.update(jnp.asarray(gradient), memory)
            logs = logs + updates
        return np.asarray(best[1])

    def _hypergradient(self, rate: float, multipliers: np.ndarray, seed: int) -> jfnn.Hypergradient:
        return jfnn.hypergradient(
            NETWORK,
            self.split,
            learning_rate=rate,
            optimizer=jfnn.Optimizer("sgd", momentum=0.9),
            multipliers=multipliers,
            with_respect_to="multipliers",
            seed=seed,
            **self.common,
        )


def staircase(multipliers: np.ndarray) -> Any:
    """A schedule of equally long multipliers, as a function of the part done."""
    values = tuple(float(value) for value in multipliers)

    def schedule(part: jax.Array) -> jax.Array:
        place = jnp.floor(part * len(values) + 1e-3).astype(int)  # a rounding below a whole number is one
        return jnp.asarray(values)[jnp.clip(place, 0, len(values) - 1)]

    return schedule


def compare(study: Study, plans: dict[str, Plan], count: int) -> None:
    """Prints test scores from unseen seeds, and the differences to the fixed rate in pairs."""
    seeds = range(FIRST_UNSEEN, FIRST_UNSEEN + count)
    results = {name: study.scores(plan.rate, plan.schedule, seeds) for name, plan in plans.items()}
    print(f"\n{'':10}{'test loss':>18}{'test accuracy':>20}   difference of loss to constant, 95% interval")
    for name, result in results.items():
        loss, accuracy = (result.scores[f"test_{score}"][0, 0] for score in ("loss", "accuracy"))
        difference = loss - results["constant"].test_loss[0, 0]
        text = ""
        if difference.any():
            half = stats.t.ppf(0.975, count - 1) * stats.sem(difference)
            verdict = (
                "better" if half < -difference.mean() else "worse" if half < difference.mean() else "tied"
            )
            text = f"{difference.mean():+.4f} ± {half:.4f}: {verdict}"
        errors = [float(stats.sem(values)) for values in (loss, accuracy)]
        print(
            f"{name:10}{loss.mean():9.4f} ± {errors[0]:.4f}{accuracy.mean():11.4f} ± {errors[1]:.4f}   {text}"
        )


def picture(plans: dict[str, Plan], epochs: int) -> Figure:
    """The learning rate of each plan over the epochs."""
    figure = Figure(figsize=(5.5, 3.6), layout="constrained")
    axes = figure.subplots()
    part = np.linspace(0, 1, 100 * epochs, endpoint=False)
    for name, plan in plans.items():
        schedule = (
            jfnn.optimizers.SCHEDULES[plan.schedule] if isinstance(plan.schedule, str) else plan.schedule
        )
        values = np.ones_like(part) if schedule is None else np.asarray(schedule(jnp.asarray(part)))
        axes.plot(part * epochs, plan.rate * values, label=name)
    axes.set(xlabel="epochs", ylabel="learning rate", ylim=(0, None))
    axes.legend()
    return figure


def main(arguments: Sequence[str] | None = None) -> int:
    """Learns the schedule, prints the comparison and draws the schedules.

    Args:
        arguments: The command line.

    Returns:
        The exit status.
    """
    parser = Parser(description=__doc__)
    parser.add_argument("--epochs", type=count(1), default=8, help="default: 8")
    parser.add_argument("--seeds", type=count(1), default=12, help="seeds that choose; default: 12")
    parser.add_argument(
        "--per", choices=("epoch", "step"), default="epoch", help="one multiplier for each; default: epoch"
    )
    parser.add_argument("--unseen", type=count(2), default=100, help="seeds of the comparison; default: 100")
    parser.add_argument("--steps", type=count(1), default=60, help="steps on the schedule; default: 60")
    parser.add_argument("--out", type=place, default=Path("runs/schedule"), help="default: runs/schedule")
    options = parser.parse_args(arguments)
    try:
        places.check_directory(options.out, "--out")
    except ValueError as error:
        parser.error(str(error))
    started, study = time.perf_counter(), Study(options.epochs, options.seeds, options.per)
    plans = {name: study.best_of_grid(name) for name in ("constant", "cosine")}
    multipliers = study.learned(plans["constant"].rate, options.steps)
    plans["learned"] = Plan(plans["constant"].rate, staircase(multipliers))
    print("learned multipliers: " + " ".join(f"{value:.3f}" for value in multipliers))
    compare(study, plans, options.unseen)
    options.out.mkdir(parents=True, exist_ok=True)
    picture(plans, options.epochs).savefig(options.out / "schedule.png", dpi=120)
    print(f"{time.perf_counter() - started:.1f} s; picture in {options.out}")
    return 0


if __name__ == "__main__":
    jfnn.use_all_cores()
    sys.exit(process.run(main, "schedule.py"))
