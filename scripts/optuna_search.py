"""Compare a search with Optuna, many trials per round, with random search of as many trials.

The networks are 64-50-10 on the digits. Learning rate, L2 penalty and momentum are tuned for validation
accuracy, with several seeds of each search. With ``--out``, both searches can be stopped and resumed with
``--resume``. Needs Optuna: ``pip install 'jfnn[optuna]'``.
"""

import argparse
import importlib
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from console import Parser, add_out, count, parse, run
from scipy import stats

import jfnn

RANGES = {"learning_rate": (1e-5, 1e-1), "l2": (1e-4, 1e1)}  # sampled log-uniformly
MOMENTUM = 0.95
NETWORK = jfnn.mlp((64, 50, 10), activation="sigmoid", init="normal")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both searches and print the best score and the seconds for each seed."""
    parser = Parser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=count(1), default=96, help="trials per search; default: 96")
    parser.add_argument("--at-once", type=count(1), default=32, help="trials per round; default: 32")
    parser.add_argument("--searches", type=count(1), default=5, help="seeds of each search; default: 5")
    parser.add_argument("--epochs", type=count(1), default=20, help="epochs per trial; default: 20")
    parser.add_argument("--resume", action="store_true", help="resume the searches in --out")
    add_out(parser, None)
    options = parse(parser, arguments)
    if options.resume and options.out is None:
        parser.error("--resume: expected --out, the folder to resume in")
    try:
        importlib.import_module("optuna")
        compare(options)
    except ImportError:
        parser.error("needs the package optuna: pip install 'jfnn[optuna]'")
    except ValueError as error:  # the folder holds other searches
        if options.out is None:
            raise
        parser.error(f"--out: {error}")
    return 0


def compare(options: argparse.Namespace) -> None:
    """Run and print both searches, seed by seed."""
    common: dict[str, Any] = dict(
        epochs=options.epochs,
        validation=0.2,
        reduction="sum",
        gradient="backprop",
        execution=jfnn.Execution(keep_params="none"),
        resume=options.resume,
    )
    print(f"{'seed':>4} {'Optuna':>9} {'seconds':>8} {'rounds':>6} {'random':>9} {'seconds':>8}")
    bests = []
    for seed in range(options.searches):
        steered, drawn = (
            common | {"out": options.out and options.out / f"{name}-{seed}"} for name in ("optuna", "random")
        )
        times = [time.perf_counter()]
        rounds = by_optuna(options.trials, options.at_once, seed, steered)
        times.append(time.perf_counter())
        random = at_random(options.trials, seed, drawn)
        times.append(time.perf_counter())
        best = max(float(np.nanmax(result.cell_scores())) for result in rounds)
        bests.append((best, random.best().score))
        seconds = np.diff(times)
        line = f"{seed:4} {best:9.4f} {seconds[0]:8.2f} {len(rounds):6} {bests[-1][1]:9.4f} {seconds[1]:8.2f}"
        print(line, flush=True)
    best, by_chance = np.mean(bests, axis=0)
    print(f"mean {best:9.4f} {'':15} {by_chance:9.4f}")


def by_optuna(trials: int, at_once: int, seed: int, options: dict[str, Any]) -> list[jfnn.SweepResult]:
    """Return the rounds of a search with Optuna's tree-structured Parzen estimator.

    With a folder and the same seed, an interrupted search proposes the same trials again and loads finished
    rounds from their folders.
    """
    optuna = importlib.import_module("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():  # before version 5 it calls constant_liar experimental
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    folder = options["out"]
    rounds: list[jfnn.SweepResult] = []
    while len(study.trials) < trials:
        asked = [study.ask() for _ in range(min(at_once, trials - len(study.trials)))]
        result = jfnn.sweep(
            NETWORK,
            jfnn.datasets.digits(),
            cells=[suggest(trial) for trial in asked],
            optimizer=jfnn.Optimizer("sgd", momentum=0.0),
            **options | {"out": folder and folder / f"round-{len(rounds):04}"},
        )
        for trial, score in zip(asked, result.ranked(result.cell_scores()).tolist(), strict=True):
            diverged = not np.isfinite(score)
            told = {"state": optuna.trial.TrialState.PRUNED} if diverged else {"values": score}
            study.tell(trial, **told)
        rounds.append(result)
    return rounds


def suggest(trial: Any) -> dict[str, float]:
    """Return the hyperparameters of a trial."""
    cell = {name: trial.suggest_float(name, *ends, log=True) for name, ends in RANGES.items()}
    return cell | {"momentum": trial.suggest_float("momentum", 0, MOMENTUM)}


def at_random(trials: int, seed: int, options: dict[str, Any]) -> jfnn.SweepResult:
    """Return a random search of as many trials from the same ranges."""
    drawn = {name: stats.loguniform(*ends) for name, ends in RANGES.items()}
    optimizer = jfnn.Optimizer("sgd", momentum=stats.uniform(0, MOMENTUM))
    cells = jfnn.Sample(trials, seed)
    return jfnn.sweep(NETWORK, jfnn.datasets.digits(), cells=cells, optimizer=optimizer, **drawn, **options)


if __name__ == "__main__":
    run(main)
