"""Searches steered from outside: what is asked, what is told, and that it compiles once."""

import concurrent.futures
import copy
import dataclasses
import itertools
import json
import sys
import types
from typing import ClassVar

import numpy as np
import pytest
from helpers import compilations, complaint, make_result, refusal, representatives, with_scores
from optax import sgd

import jfnn
from jfnn.analysis import front
from jfnn.engine import loop
from jfnn.search.ask_tell import ask_tell

pytestmark = pytest.mark.unoptimised

NET = jfnn.mlp((5, 4, 3))


def rule(learning_rate, momentum):
    """A rule of this file's own, so that no other test has compiled its program."""
    return sgd(learning_rate, momentum)


OPTIONS = dict(
    epochs=2,
    seeds=2,
    validation=0.3,
    batch_size=16,
    optimizer=jfnn.Optimizer(rule, momentum=0.0),
    execution=jfnn.Execution(tile=3, devices=1),
)


class FakeStudy:
    """Numbers its trials and keeps what it is told."""

    def __init__(self, *directions):
        self.directions = [types.SimpleNamespace(name=name) for name in directions or ["MAXIMIZE"]]
        self.asked = 0
        self.told = {}

    def ask(self):
        self.asked += 1
        return self.asked - 1

    def tell(self, trial, values=None, state=None):
        assert trial not in self.told
        self.told[trial] = (values, state, self.asked)


@pytest.fixture(autouse=True)
def optuna_states(monkeypatch, request):
    """A stand-in for the package, so that it need not be installed."""
    if "real" not in request.node.name:
        states = types.SimpleNamespace(PRUNED="pruned")
        fake = types.SimpleNamespace(trial=types.SimpleNamespace(TrialState=states))
        monkeypatch.setitem(sys.modules, "optuna", fake)


def suggest(trial):
    """Trial 3 of the seven diverges."""
    rate = 1e38 if trial == 3 else 0.01 * (trial + 1)
    return {"learning_rate": rate, "l2": 0.1 * trial, "momentum": 0.1 * trial}


def test_rounds_of_a_tile_are_sweeps_whose_scores_are_told(split):
    study = FakeStudy()
    with np.errstate(all="ignore"):
        results = ask_tell(study, suggest, NET, split, trials=7, **OPTIONS)
    assert [result.cell_shape for result in results] == [(3,), (3,), (1,)]
    assert [study.told[trial][2] for trial in range(7)] == [3, 3, 3, 6, 6, 6, 7]  # told before the next asked
    for trial in range(7):
        round_, index = divmod(trial, 3)
        result = results[round_]
        assert result.axes_at((index,)) == pytest.approx(suggest(trial))
        score, state, _ = study.told[trial]
        if trial == 3:
            assert (score, state) == (None, "pruned")
        else:
            assert (score, state) == (result.validation_accuracy[index].mean(), None)
    alone = jfnn.sweep(
        NET,
        split,
        learning_rate=0.05,
        l2=0.4,
        **OPTIONS | {"optimizer": jfnn.Optimizer(rule, momentum=[0.4])},
    )
    np.testing.assert_array_equal(results[1].validation_loss[1], alone.validation_loss[0, 0, 0])


def test_all_rounds_run_one_program(split):
    ask_tell(FakeStudy(), suggest, NET, split, trials=3, **OPTIONS)
    with compilations() as compiled:
        ask_tell(FakeStudy(), suggest, NET, split, trials=5, at_once=2, **OPTIONS)
    assert compiled == []


def test_cells_that_a_scheduler_ruled_out_are_told_as_pruned(split):
    study = FakeStudy()
    options = OPTIONS | {"schedulers": [jfnn.Halving(3)], "epochs": 4}
    (result,) = ask_tell(study, suggest, NET, split, trials=3, at_once=3, **options)
    told = [study.told[trial][1] == "pruned" for trial in range(3)]
    assert result.pruned_cells.any() and told == result.pruned_cells.tolist()


class CountedPool(concurrent.futures.ThreadPoolExecutor):
    """A pool of one thread of this process, which notes that it was made and that it was shut down."""

    events: ClassVar = []

    def __init__(self):
        super().__init__(1)
        self.events.append("made")

    def shutdown(self, *given, **options):
        self.events.append("shut down")
        super().shutdown(*given, **options)


@pytest.mark.thorough
def test_rounds_share_the_folds_of_a_generator_and_the_workers_of_a_function(split):
    """The folds change while the search goes on, which no round may see."""
    numbers = np.arange(70)
    folds = [(numbers[numbers % 2 != fold], numbers[numbers % 2 == fold]) for fold in (0, 1)]
    options = OPTIONS | {"validation": None, "seeds": 1, "trials": 4, "at_once": 2}
    expected = ask_tell(FakeStudy(), suggest, NET, split, **options | {"folds": copy.deepcopy(folds)})
    study = FakeStudy()

    def change_and_suggest(trial):
        if trial == 2:
            for train, _ in folds:
                train[:] = 0
        return suggest(trial)

    CountedPool.events.clear()
    options["execution"] = dataclasses.replace(
        OPTIONS["execution"], devices=None, executor=jfnn.Workers(CountedPool)
    )
    results = ask_tell(study, change_and_suggest, NET, split, **options | {"folds": iter(folds)})
    assert len(results) == 2 and CountedPool.events == ["made", "shut down"]
    for one, other in zip(results, expected, strict=True):
        assert one.folds == 2
        np.testing.assert_array_equal(one.validation_loss, other.validation_loss)


def files_of(directory):
    """Their bytes by name, and what a run's config says but for the time that it took."""
    content = {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*.*")}
    for name in [name for name in content if name.endswith("config.json")]:
        config = json.loads(content[name])
        content[name] = {key: config[key] for key in config.keys() - {"timing", "checksum"}}
    return content


@pytest.mark.parametrize("stop", representatives(["while telling", "while training"], "while training"))
def test_a_search_that_was_stopped_ends_with_the_bytes_and_words_of_one_that_was_not(
    split, tmp_path, monkeypatch, stop
):
    options = OPTIONS | {"trials": 5, "at_once": 2}
    whole = FakeStudy()
    stopped = FakeStudy()
    again = FakeStudy()
    results = ask_tell(whole, suggest, NET, split, out=tmp_path / "whole", **options)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        if stop == "while telling":
            patched.setattr(stopped, "tell", interrupt_at(stopped.tell, 4))
        else:
            patched.setattr(loop, "run", interrupt_at(loop.run, 2))
        ask_tell(stopped, suggest, NET, split, out=tmp_path / "stopped", **options)
    done = sorted(path.parent.name for path in (tmp_path / "stopped").rglob("results.npz"))
    assert done == ["round-0000", "round-0001"][: 2 if stop == "while telling" else 1]
    with monkeypatch.context() as patched:
        calls = []
        patched.setattr(loop, "run", lambda *given, run=loop.run: calls.append(given) or run(*given))
        resumed = ask_tell(again, suggest, NET, split, out=tmp_path / "stopped", resume=True, **options)
    assert len(calls) == 3 - len(done)  # rounds that had ended are not trained again
    assert files_of(tmp_path / "whole") == files_of(tmp_path / "stopped")
    assert again.told == whole.told
    for one, other in zip(results, resumed, strict=True):
        np.testing.assert_array_equal(one.validation_loss, other.validation_loss)


def interrupt_at(function, number):
    """The function, but its call of this number (from 1) is stopped as by Ctrl-C."""
    count = itertools.count(1)

    def stopping(*given, **options):
        if next(count) == number:
            raise KeyboardInterrupt
        return function(*given, **options)

    return stopping


def test_rounds_of_another_search_are_refused(split, tmp_path):
    options = OPTIONS | {"trials": 2, "at_once": 2, "out": tmp_path}
    ask_tell(FakeStudy(), suggest, NET, split, **options)
    other = FakeStudy()
    other.asked = 2  # so that it asks for other trials
    for resume, study, message in ((True, other, "learning_rate"), (False, FakeStudy(), "resume=True")):
        with pytest.raises(ValueError, match=f"round-0000.*{message}"):
            ask_tell(study, suggest, NET, split, resume=resume, **options)
        assert not study.told


@pytest.mark.parametrize(
    ("changes", "argument"),
    [
        ({"study": FakeStudy("MINIMIZE")}, "study"),
        ({"study": FakeStudy("MAXIMIZE", "MAXIMIZE")}, "study"),
        ({"study": FakeStudy(), "objectives": ["validation_accuracy", "train_loss"]}, "study"),
        (
            {"study": FakeStudy("MAXIMIZE", "MAXIMIZE"), "objectives": ["train_accuracy", "train_loss"]},
            "study",
        ),
        ({"objectives": ["test_f1"]}, "objectives"),
        ({"objectives": "validation_accuracy"}, "objectives"),
        ({"objectives": []}, "objectives"),
        ({"objectives": [3]}, "objectives"),
        ({"hyper": 5}, "hyper"),
        ({"execution": "fast"}, "execution"),
        ({"cells": 3}, "cells"),
        ({"resume": True}, "resume"),  # without a directory
        ({"learning_rate": 0.1}, "learning_rate"),  # which suggest gives
        ({"schedulers": [jfnn.Halving(3)]}, "schedulers"),  # with one cell there is no round
        ({"suggest": lambda trial: [0.1]}, "suggest"),
        ({"suggest": lambda trial: {"learning_rate": "big"}}, "suggest"),
        ({"suggest": lambda trial: {"learning_rate": 0.1} | ({"l2": 0.1} if trial else {})}, "suggest"),
    ],
)
def test_an_invalid_argument_raises_by_name_before_anything_trains(split, changes, argument):
    options = {"study": FakeStudy(), "suggest": suggest, "trials": 2, **OPTIONS} | changes
    assert complaint(refusal(ask_tell, network=NET, split=split, **options), {argument}) is None
    assert not options["study"].told


def size(result):
    """Squares of all weights of each member."""
    return sum((layer.w**2).sum((-1, -2)) + (layer.b**2).sum(-1) for layer in result.params)


def test_several_objectives_are_told_together_and_the_front_is_of_all_rounds(split):
    study = FakeStudy("MAXIMIZE", "MINIMIZE", "MINIMIZE")
    objectives = np.array(["validation_accuracy", "train_loss", size], dtype=object)
    with np.errstate(all="ignore"):
        results = ask_tell(study, suggest, NET, split, trials=7, objectives=objectives, **OPTIONS)
    for trial in range(7):
        round_, index = divmod(trial, 3)
        result = results[round_]
        values, state, _ = study.told[trial]
        np.testing.assert_array_equal(results.values[trial], [np.nan] * 3 if values is None else values)
        if trial == 3:
            assert (values, state) == (None, "pruned")
            continue
        expected = [result.validation_accuracy, result.train_loss, size(result)]
        np.testing.assert_allclose(values, [each[index].mean() for each in expected], rtol=1e-6)
    costs = {t: np.array([-told[0][0], *told[0][1:]]) for t, told in study.told.items() if told[0]}
    front = [
        t for t, own in costs.items() if not any((c <= own).all() and (c < own).any() for c in costs.values())
    ]
    assert results.front.tolist() == sorted(front)
    with pytest.raises(ValueError, match=r"^objectives: expected one number a member, \[3, 2\]"):
        ask_tell(FakeStudy("MINIMIZE"), suggest, NET, split, trials=3, objectives=[np.size], **OPTIONS)


def test_the_front_of_a_sweep_is_that_of_all_pairs_of_cells():
    result = make_result((5, 6), diverged=[(0, 0, 1), (4, 5, 0)], validates=True)
    result = dataclasses.replace(result, pruned=result.pruned | (np.arange(5) == 2)[:, None, None])
    accuracy = np.round(result.cell_scores("test_accuracy"), 1)
    loss = np.round(result.cell_scores("train_loss"), -3)
    result = with_scores(
        result, {"test_accuracy": np.dstack([accuracy] * 2), "train_loss": np.dstack([loss] * 2)}
    )
    found = front(result, ["test_accuracy", "train_loss"])
    ranked = ~np.isnan(result.cell_scores()) & ~result.pruned_cells
    for index in np.ndindex(5, 6):
        others = [
            other
            for other in np.argwhere(ranked).tolist()
            if accuracy[*other] >= accuracy[index]
            and loss[*other] <= loss[index]
            and (accuracy[*other], loss[*other]) != (accuracy[index], loss[index])
        ]
        assert found[index] == (ranked[index] and not others)
    assert 1 < found.sum() < 20
    np.testing.assert_array_equal(front(result, [lambda result: result.train_loss, "test_accuracy"]), found)
    (best,) = np.argwhere(front(result, [result.ranked_by])).tolist()
    assert tuple(best) == result.best().index


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (lambda result: np.full(result.diverged_at.shape, "a"), "numbers"),
        (lambda result: [[1.0], [1.0, 2.0]], "different lengths"),
        (lambda result: None, "numbers"),
    ],
)
def test_objectives_that_are_no_numbers_are_named(give, message):
    with pytest.raises(ValueError, match=f"^objectives: .*{message}"):
        front(make_result((2, 2)), [give])


def test_without_optuna_its_name_is_said(split, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"study: .* pip install 'jfnn\[optuna\]'"):
        ask_tell(FakeStudy(), suggest, NET, split, trials=2, **OPTIONS)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:Argument ``constant_liar``")  # experimental before Optuna 5
def test_a_real_study_of_optuna_finds_the_same_twice_and_when_it_goes_on(split, tmp_path):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def of_trial(trial):
        rates = trial.suggest_float("learning_rate", 1e-4, 1e39, log=True)
        return {"learning_rate": min(rates, 1e38), "l2": trial.suggest_float("l2", 0, 1)}

    def search(**options):
        sampler = optuna.samplers.TPESampler(seed=0, n_startup_trials=3, constant_liar=True)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        with np.errstate(all="ignore"):
            ask_tell(study, of_trial, NET, split, **{"trials": 7, **OPTIONS, **options})
        return study

    search(trials=6, out=tmp_path)
    one = search()
    two = search(out=tmp_path, resume=True)
    assert [trial.params for trial in one.trials] == [trial.params for trial in two.trials]
    assert {trial.state.name for trial in one.trials} == {"COMPLETE", "PRUNED"}
    assert one.best_value == max(trial.value for trial in one.trials if trial.value is not None)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:.*experimental")
@pytest.mark.parametrize("sampler", ["NSGAIISampler", "TPESampler"])
def test_a_real_study_of_two_directions_has_the_front_that_is_returned(split, sampler):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options = {"population_size": 3} if sampler == "NSGAIISampler" else {"n_startup_trials": 3}
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=getattr(optuna.samplers, sampler)(seed=0, **options)
    )

    def of_trial(trial):
        rate = trial.suggest_float("learning_rate", 1e-4, 1e39, log=True)
        return {"learning_rate": min(rate, 1e38), "l2": trial.suggest_float("l2", 0, 1)}

    objectives = ["validation_accuracy", "train_loss"]
    with np.errstate(all="ignore"):
        results = ask_tell(study, of_trial, NET, split, trials=9, objectives=objectives, **OPTIONS)
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}
    assert results.front.tolist() == sorted(trial.number for trial in study.best_trials)
