"""A learning-rate schedule learned by hypergradients, beside the best fixed rate of a grid.

The network is 64-50-10 with tanh on the digits, trained by momentum for few epochs. Fixed rates and rates
under a cosine are chosen on the rows held out, from a grid of steps of 2^(1/4). The learned schedule is one
multiplier an epoch (or a step): it starts at the best fixed rate, and Adam moves the multipliers' logarithms
along hypergradients of the held-out loss, averaged over the seeds of the grid. All are then trained from
seeds that none has seen, and compared on test rows, in pairs of the same seed.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from console import Parser, add_out, count, parse, run
from matplotlib.figure import Figure
from scipy import stats
from verdicts import mean_interval

import jfnn

NETWORK = jfnn.mlp((64, 50, 10), activation="tanh", init="glorot_normal")
RATES = 2.0 ** np.arange(-8, 2.01, 0.25)
ADAM_RATE = 0.03  # on logarithms: some 3% a step
STEPS = 11  # an epoch: 1149 rows that are not held out, by 100
FIRST_UNSEEN = 1000  # seeds of the comparison

Schedule = Callable[[jax.Array], jax.Array]  # part of the training that is done -> multiplier of the rate
FIXED: dict[str, Schedule] = {
    "constant": jnp.ones_like,
    "cosine": lambda part: (1 + jnp.cos(jnp.pi * part)) / 2,
}


def staircase(multipliers: np.ndarray) -> Schedule:
    """Multipliers, each for an equal part."""
    values = tuple(float(value) for value in multipliers)

    def schedule(part: jax.Array) -> jax.Array:
        index = jnp.floor(part * len(values) + 1e-3).astype(int)  # a rounding below a whole number is one
        return jnp.asarray(values)[jnp.clip(index, 0, len(values) - 1)]

    return schedule


Plan = tuple[float, str | Schedule]  # a learning rate; its schedule, by a name of `FIXED` or as a function


class Study:
    """The data and the training that all plans share."""

    def __init__(self, epochs: int, seeds: int, per: str) -> None:
        """Loads the digits, scaled to 0..1."""
        split = jfnn.datasets.digits()
        self.split = split._replace(x_train=split.x_train / 16, x_test=split.x_test / 16)
        self.seeds = range(seeds)
        self.multipliers = epochs * (STEPS if per == "step" else 1)
        self.common: dict[str, Any] = dict(reduction="mean", epochs=epochs, batch_size=100, validation=0.2)

    def scores(self, rates: Any, schedule: str | Schedule, seeds: Sequence[int]) -> jfnn.SweepResult:
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

    def best_fixed(self, name: str) -> Plan:
        """The rate of least mean loss on the rows held out, under a schedule of `FIXED`."""
        losses = self.scores(RATES, name, self.seeds).validation_loss
        means = np.where(np.isnan(losses), np.inf, losses).mean(axis=(1, 2))
        best = int(means.argmin())
        print(f"{name}: rate {RATES[best]:.4g}, held-out loss {means[best]:.4f}", flush=True)
        return float(RATES[best]), name

    def learned(self, rate: float, steps: int) -> np.ndarray:
        """Multipliers of a rate ``[multipliers]``, those of the least mean loss met on the way."""
        logs = jnp.zeros(self.multipliers)
        optimizer = optax.adam(ADAM_RATE)
        memory = optimizer.init(logs)
        least = np.inf
        best = np.ones(self.multipliers)
        options = dict(learning_rate=rate, optimizer=jfnn.Optimizer("sgd", momentum=0.9), **self.common)
        for i in range(steps):
            multipliers = np.exp(logs)
            options |= {"multipliers": multipliers, "with_respect_to": "multipliers"}
            results = [jfnn.hypergradient(NETWORK, self.split, seed=seed, **options) for seed in self.seeds]
            value = float(np.mean([result.value for result in results]))
            if value < least:
                least = value
                best = multipliers
            if i % max(steps // 5, 1) == 0 or i == steps - 1:
                print(f"learned, step {i}: held-out loss {value:.4f}", flush=True)
            gradient = np.mean([result.gradients["multipliers"] for result in results], axis=0) * multipliers
            updates, memory = optimizer.update(jnp.asarray(gradient), memory)
            logs = logs + updates
        return np.asarray(best)


def compare(study: Study, plans: dict[str, Plan], count: int) -> None:
    """Prints test scores from unseen seeds, and the differences to the fixed rate in pairs."""
    seeds = range(FIRST_UNSEEN, FIRST_UNSEEN + count)
    results = {name: study.scores(*plan, seeds) for name, plan in plans.items()}
    print(f"\n{'':10}{'test loss':>18}{'test accuracy':>20}   difference of loss to constant, 95% interval")
    for name, result in results.items():
        loss = result.test_loss[0, 0]
        accuracy = result.test_accuracy[0, 0]
        text = f"{name:10}{loss.mean():9.4f} ± {stats.sem(loss):.4f}"
        text += f"{accuracy.mean():11.4f} ± {stats.sem(accuracy):.4f}   "
        if name != "constant":
            mean, half = mean_interval(loss - results["constant"].test_loss[0, 0])
            verdict = "better" if half < -mean else "worse" if half < mean else "tied"
            text += f"{mean:+.4f} ± {half:.4f}: {verdict}"
        print(text)


def picture(plans: dict[str, Plan], epochs: int) -> Figure:
    """The learning rate of each plan over the epochs."""
    figure = Figure(figsize=(5.5, 3.6), layout="constrained")
    axes = figure.subplots()
    part = np.linspace(0, 1, 100 * epochs, endpoint=False)
    for name, (rate, schedule) in plans.items():
        multipliers = FIXED[schedule] if isinstance(schedule, str) else schedule
        axes.plot(part * epochs, rate * np.asarray(multipliers(jnp.asarray(part))), label=name)
    axes.set(xlabel="epochs", ylabel="learning rate", ylim=(0, None))
    axes.legend()
    return figure


def main(arguments: Sequence[str] | None = None) -> int:
    """Learns the schedule, prints the comparison and draws the schedules."""
    parser = Parser(description=__doc__)
    parser.add_argument("--epochs", type=count(1), default=8, help="default: 8")
    parser.add_argument("--seeds", type=count(1), default=12, help="seeds that choose; default: 12")
    parser.add_argument(
        "--per", choices=("epoch", "step"), default="epoch", help="one multiplier for each; default: epoch"
    )
    parser.add_argument("--unseen", type=count(2), default=100, help="seeds of the comparison; default: 100")
    parser.add_argument("--steps", type=count(1), default=60, help="steps on the schedule; default: 60")
    add_out(parser, "runs/schedule")
    options = parse(parser, arguments)
    started = time.perf_counter()
    study = Study(options.epochs, options.seeds, options.per)
    plans = {name: study.best_fixed(name) for name in FIXED}
    rate, _ = plans["constant"]
    multipliers = study.learned(rate, options.steps)
    plans["learned"] = rate, staircase(multipliers)
    print("learned multipliers: " + " ".join(f"{value:.3f}" for value in multipliers))
    compare(study, plans, options.unseen)
    options.out.mkdir(parents=True, exist_ok=True)
    picture(plans, options.epochs).savefig(options.out / "schedule.png", dpi=120)
    print(f"{time.perf_counter() - started:.1f} s; picture in {options.out}")
    return 0


if __name__ == "__main__":
    jfnn.use_all_cores()
    run(main)
