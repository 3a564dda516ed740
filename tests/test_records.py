"""Records that users make: valid where they are made, unchanged afterwards, the same when copied."""

import copy
import dataclasses
import pickle

import pytest
from helpers import complaint, refusal
from room_calls import RECORDS

import jfnn
from jfnn.analysis import Interval
from jfnn.arguments.fields import Valid
from jfnn.core.experiment.options import Common, Options, TrainOptions
from jfnn.estimators import SimplestCandidate
from jfnn.layers.kind import LayerKind
from jfnn.layers.pool import Pool
from jfnn.layers.recurrent import Recurrent
from jfnn.layers.wrapped import Wrapped
from jfnn.schedulers.scheduler import Scheduler
from jfnn.schedulers.until import Until

pytestmark = pytest.mark.unoptimised

RULE = jfnn.Simplest({"l2": "most"})
BASES = {LayerKind, Pool, Recurrent, Wrapped, Scheduler}
MADE_BY_JFNN = {Common, Options, TrainOptions, Until}
# Errors of these fields have the names that functions and the command line have for them.
NAMES = {"initializer": "init", "name": "optimizer"}
# Kind -> values of fields, of which the last one is refused. What no record takes is tried by
# test_bad_calls.py.
BAD = {
    jfnn.Dense: [{"units": 2.5}, {"activation": "swish"}, {"initializer": "zeros"}, {"bias": 1}],
    jfnn.Conv: [
        *[{"channels": 0}, {"kernel": (3, 3, 3)}, {"dilation": 0}, {"initializer": "zeros"}],
        *[{"padding": -1}, {"padding": "full"}, {"stride": (1, 2), "padding": "same"}],
    ],
    jfnn.MaxPool: [{"size": 0}, {"stride": (2, 0)}, {"padding": -1}],
    jfnn.MeanPool: [{"size": (2, 2, 2)}],
    jfnn.Elman: [{"activation": "swish"}],
    jfnn.GRU: [{"units": 0}, {"bidirectional": "yes"}, {"states": "first"}],
    jfnn.LSTM: [{"padded": 1}],
    jfnn.Embedding: [
        *[{"vocabulary": 0}, {"features": 2.5}, {"initializer": "zeros"}, {"initializer": None}],
        {"vocabulary": 3, "padding": 3},
    ],
    jfnn.LayerNorm: [{"axes": 0}, {"epsilon": 0}],
    jfnn.Residual: [{"layers": []}, {"layers": [jfnn.Dense]}],
    jfnn.Scaled: [{"layer": jfnn.Dense}, {"start": -1}, {"rate": float("nan")}],
    jfnn.Frozen: [{"layer": "dense"}],
    jfnn.layers.Draw: [{"distribution": "norml"}, {"shape": 3}, {"shape": (3, -1)}],
    jfnn.Halving: [{"factor": 1}, {"factor": 2.5}, {"min_epochs": 0}, {"min_epochs": 1.5}],
    jfnn.Hyperband: [{"factor": 1}, {"factor": 2.5}, {"min_epochs": 0}],
    jfnn.EarlyStopping: [{"patience": 0}, {"patience": "x"}],
    jfnn.Converged: [{"every": 0}, {"tolerance": -1e-9}],
    jfnn.PopulationTraining: [
        *[{"every": 0}, {"share": 0.6}, {"share": "half"}, {"factor": 1}, {"seed": -1}, {"perturbed": "l2"}],
    ],
    jfnn.Minibatches: [
        *[{"batch_size": 0}, {"batch_size": "all"}, {"scheme": "nope"}, {"scheme": ["subset"]}],
        *[{"drop_last": 1}, {"steps": 0}, {"scheme": "permutation", "steps": 3}],
    ],
    jfnn.Validation: [{"size": "x"}, {"size": True}, {"rank_by": 3}, {"rank_by": ["loss"]}],
    jfnn.Execution: [
        *[{"tile": 0}, {"shared": 1}, {"padded": 0.5}, {"eval_every": []}, {"objective": 1}, {"verify": 1}],
        *[{"keep_params": "some"}, {"progress": 3}, {"executor": "processes"}],
        *[{"keep_params": "evaluations"}, {"executor": jfnn.Workers(len), "devices": 2}],
    ],
    jfnn.Sample: [{"cells": 0}, {"seed": -1}, {"seed": "x"}],
    jfnn.Simplest: [{"order": {}}, {"order": {"l2": "least of all"}}, {"errors": -1}],
    SimplestCandidate: [{"errors": -1}],
    jfnn.Refit: [{"rows": "test"}, {"cells": 0}, {"rule": "l2"}, {"rule": RULE, "cells": 2}],
    jfnn.Optimizer: [
        *[{"name": "nope"}, {"name": max}, {"schedule": "cosin"}, {"schedule": ["cosine"]}],
        *[{"schedule": "linear", "schedule_epochs": 0}, {"schedule": "constant", "schedule_epochs": 3}],
    ],
    Interval: [
        *[{"statistic": "mode"}, {"method": "basic"}, {"confidence": 95}, {"resamples": 0}, {"seed": -1}],
        {"statistic": "median", "method": "skewed"},
    ],
}  # fmt: skip


def kinds(base=Valid):
    """All kinds of records of jfnn."""
    found = {kind for kind in base.__subclasses__() if kind.__module__.startswith("jfnn")}
    return found.union(*map(kinds, found))


def test_every_record_with_a_check_has_invalid_values_here():
    checked = {
        kind: {name for name, field in kind.__dataclass_fields__.items() if field.metadata.get("convert")}
        for kind in kinds() - BASES - MADE_BY_JFNN
    }
    assert {kind for kind, names in checked.items() if names} == set(BAD)
    assert {type(record) for record in RECORDS} == set(BAD)


@pytest.mark.parametrize("kind", BAD, ids=lambda kind: kind.__name__)
def test_an_invalid_value_is_refused_by_the_name_of_its_field(kind):
    valid = next(vars(record) for record in RECORDS if type(record) is kind)
    valid = {name: value for name, value in valid.items() if name != "arguments"}
    for values in BAD[kind]:
        *_, name = values
        assert complaint(refusal(kind, **valid | values), {NAMES.get(name, name)}) is None, values


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_stays_as_it_was_made_and_its_copies_are_equal(record):
    values = dict(vars(record))
    for field in dataclasses.fields(record):
        convert = field.metadata.get("convert")
        if convert is not None:
            given = [values[other] for other in field.metadata["given"]]
            assert convert(values[field.name], field.name, *given) == values[field.name]
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, field.name, values[field.name])
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.unknown = 1
    copies = [copy.copy(record), copy.deepcopy(record), pickle.loads(pickle.dumps(record))]
    copies += [] if isinstance(record, jfnn.Optimizer) else [dataclasses.replace(record)]
    for twin in copies:
        assert twin == record and repr(twin) == repr(record) and vars(twin) == values
        assert refusal(hash, record) is not None or hash(twin) == hash(record)


def test_a_dataclass_of_a_users_without_converters_is_as_python_makes_it():
    @dataclasses.dataclass(unsafe_hash=True)
    class Scale(jfnn.LayerKind):
        factor: int = 1

        def __post_init__(self):
            self.factor = int(self.factor)
            self.twice = 2 * self.factor

        def output_shape(self, shape):
            return shape

        def forward(self, params, a):
            return self.factor * a, ()

        def pull_back(self, params, residuals, d_out):
            return params, self.factor * d_out

    kind = Scale("3")
    assert (kind.factor, kind.twice) == (3, 6)
    for record in (jfnn.Execution(), jfnn.Dense(3), jfnn.Minibatches(4)):
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(record, dataclasses.fields(record)[0].name)
