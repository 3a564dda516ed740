"""The winners of any search are refit as `jfnn.train` would: on all rows, with their hyperparameters."""

import dataclasses

import numpy as np
import pytest
from helpers import parts_of, place_in_part, plain, same_bits
from members import COMMON, assert_close, numbers_of, start_of
from sweeps import as_validation, check_each_structure, epochs_of, of_many_sweeps

import jfnn

pytestmark = pytest.mark.unoptimized


def winners(result, refit):
    if isinstance(refit, jfnn.Refit) and refit.cells > 1:
        by_numbers = {}
        for index in result.order():
            if not result.pruned_cells[index]:
                by_numbers.setdefault(tuple(result.axes_at(index).values()), index)
        return list(by_numbers.values())[: refit.cells]
    best = result.best_or_none(refit if isinstance(refit, jfnn.Simplest) else None)
    return [] if best is None else [best.index]


def refit_alone(sweep, result, index, seed):
    number, cell = place_in_part(result, index)
    own = sweep.programs[number]
    part = parts_of(result)[number]
    split = own["split"]
    x, y, test = split.x_train, split.y_train, None
    if split.x_test is not None and own["refit"] == "all":
        x = np.concatenate([x, split.x_test])
        y = None if y is None else np.concatenate([y, split.y_test])
    elif split.x_test is not None:
        test = split.x_test, split.y_test
    epochs = epochs_of(own["epochs"])
    given = numbers_of(own, part.axes_at(cell), max(len(epochs), 1))
    if any(scheduler.keeps_best for scheduler in own["schedulers"]):
        kept = round(float(np.mean(part.epochs[cell])))
        epochs = range(epochs.start, max(kept, epochs.start + 1))
    options = {name: own[name] for name in COMMON if name != "schedulers"} | given | {"epochs": epochs}
    options["initial_params"] = start_of(own, (*cell, seed), len(cell))
    options["validation"] = jfnn.Validation(None, as_validation(own["validation"]).rank_by)
    execution = dataclasses.replace(result.refit.execution, objective=own["execution"].objective)
    if isinstance(options["network"], jfnn.Learner):  # its schedule is as long as in the search
        options["network"] = options["network"].with_schedule(max(len(epochs_of(own["epochs"])), 1))
    options |= {"test": test, "weights": split.weights, "seed": int(part.seeds[seed]), "execution": execution}
    return jfnn.train(options.pop("network"), x, y, **options)


@pytest.mark.thorough
@of_many_sweeps
def test_each_refit_winner_equals_one_trained_alone(examples):
    def check(sweep):
        result = sweep.run()
        chosen = winners(result, sweep["refit"])
        assert (result.refit is None) == (not chosen)
        for number, index in enumerate(chosen):
            cell = np.unravel_index(number, result.refit.cell_shape)
            of_program, inner = place_in_part(result, index)
            assert result.refit.axes_at(cell) == parts_of(result)[of_program].axes_at(inner)
            for seed in range(len(result.seeds)):
                trained = refit_alone(sweep, result, index, seed)
                assert result.refit.ranked_by == trained.ranked_by
                place = (*cell, seed)
                assert same_bits(plain(result.refit.member(*place)), plain(trained.params))
                assert result.refit.epochs[place] == trained.epochs
                for name, score in trained.scores.items():
                    assert_close(result.refit.scores[name][place], score, sweep.structure.dtype)

    check_each_structure(
        examples,
        check,
        without=["out", "resume"],
        only=lambda structure: not {"many groups", "targets"} & {*structure.cuts},
        where=lambda sweep: sweep["refit"] is not False,
    )
