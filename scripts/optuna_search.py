"""A search steered by Optuna, a whole tile of trials a round, beside random search with as many trials.

The networks are 64-50-10 on the digits; learning rate, L2 penalty and momentum are searched for by
validation accuracy, over several seeds of each search. With a folder both searches can be stopped, and go
on with ``--resume``. Needs Optuna: ``pip install 'jfnn[optuna]'``.
"""

import argparse
import importlib
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

import jfnn
from jfnn.cli.parser import Parser
from jfnn.cli.places import check_directory
from jfnn.cli.values import count, place

RANGES = {"learning_rate": (1e-5, 1e-1), "l2": (1e-4, 1e1)}  # drawn by their logarithms
MOMENTUM = 0.95
NETWORK = jfnn.mlp((64, 50, 10), activation="sigmoid")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs both searches and prints the best score and the seconds of each seed.

    Args:
        arguments: The command line.
    """
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        if chosen.out is not None:
            check_directory(chosen.out, "--out")
        importlib.import_module("optuna")
    except ImportError:
        parser.error("needs the package optuna: pip install 'jfnn[optuna]'")
    except ValueError as error:
        parser.error(str(error))
    if chosen.resume and chosen.out is None:
        parser.error("--resume: expected --out, the folder to go on in")
    try:
        compare(chosen)
    except ValueError as error:
        if chosen.out is None:
            raise
        parser.error(f"--out: {error}")
    return 0


def _parser() -> Parser:
    parser = Parser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=count(1), default=96, help="trials of a search; default: 96")
    parser.add_argument("--at-once", type=count(1), help="trials a round (default: a tile for each device)")
    parser.add_argument("--searches", type=count(1), default=5, help="seeds of each search; default: 5")
    parser.add_argument("--epochs", type=count(1), default=20, help="epochs of a trial; default: 20")
    parser.add_argument("--out", type=place, help="folder for the runs of all rounds (default: none)")
    parser.add_argument("--resume", action="store_true", help="go on with the searches in --out")
    return parser


def compare(chosen: argparse.Namespace) -> None:
    """Runs and prints both searches, seed by seed.

    Args:
        chosen: What the command line says.

    Raises:
        ValueError: The folder holds other searches.
    """
    split = jfnn.datasets.digits()
    options: dict[str, Any] = dict(
        epochs=chosen.epochs,
        validation=0.2,
        optimizer=jfnn.Optimizer("sgd", momentum=0.0),
        gradient="backprop",
        execution=jfnn.Execution(keep_params="none"),
        resume=chosen.resume,
    )
    print(f"{'seed':>4} {'Optuna':>9} {'seconds':>8} {'rounds':>6} {'random':>9} {'seconds':>8}")
    bests = []
    for seed in range(chosen.searches):
        optuna_out, random_out = (
            None if chosen.out is None else chosen.out / f"{name}-{seed}" for name in ("optuna", "random")
        )
        start = time.perf_counter()
        steered_options = options | {"out": optuna_out}
        rounds = by_optuna(split, chosen.trials, chosen.at_once, seed, steered_options)
        middle = time.perf_counter()
        drawn = at_random(split, chosen.trials, seed, options | {"out": random_out})
        end = time.perf_counter()
        scores = np.concatenate([result.cell_scores() for result in rounds])
        bests.append((float(np.nanmax(scores)), drawn.best().score))
        (steered, by_chance), seconds = bests[-1], (middle - start, end - middle)
        print(
            f"{seed:4} {steered:9.4f} {seconds[0]:8.2f} {len(rounds):6} {by_chance:9.4f} {seconds[1]:8.2f}",
            flush=True,
        )
    steered, by_chance = np.mean(bests, axis=0)
    print(f"mean {steered:9.4f} {'':15} {by_chance:9.4f}")


def by_optuna(
    split: jfnn.Split, trials: int, at_once: int | None, seed: int, options: dict[str, Any]
) -> list[jfnn.SweepResult]:
    """The rounds of a search by Optuna's tree-structured Parzen estimator."""
    optuna = importlib.import_module("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():  # before version 5 it calls constant_liar experimental
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)

    def suggest(trial: Any) -> dict[str, float]:
        cell = {name: trial.suggest_float(name, *ends, log=True) for name, ends in RANGES.items()}
        return cell | {"momentum": trial.suggest_float("momentum", 0, MOMENTUM)}

    return jfnn.ask_tell(study, suggest, NETWORK, split, trials=trials, at_once=at_once, **options)


def at_random(split: jfnn.Split, trials: int, seed: int, options: dict[str, Any]) -> jfnn.SweepResult:
    """As many trials drawn independently from the same ranges."""
    drawn = {name: stats.loguniform(*ends) for name, ends in RANGES.items()}
    momentum = jfnn.Optimizer("sgd", momentum=stats.uniform(0, MOMENTUM))
    sample = jfnn.Sample(trials, seed)
    return jfnn.sweep(NETWORK, split, sample=sample, **drawn, **options | {"optimizer": momentum})


if __name__ == "__main__":
    raise SystemExit(main())
