"""Records made by users: checked on creation, immutable, and equal when copied."""

import copy
import dataclasses
import pickle

import pytest
from helpers import refusal
from room_calls import RECORDS

import jfnn
from jfnn.analysis.bias_variance import DecompositionOptions
from jfnn.arguments.fields import Valid
from jfnn.core.experiment.options import Common, Options, TrainOptions
from jfnn.layers.kind import LayerKind
from jfnn.layers.pool import Pool
from jfnn.layers.recurrent import Recurrent
from jfnn.layers.windows import Sliding
from jfnn.layers.wrapped import Wrapped
from jfnn.schedulers.scheduler import Scheduler
from jfnn.schedulers.until import Until

pytestmark = pytest.mark.unoptimized

BASES = {LayerKind, Pool, Recurrent, Sliding, Wrapped, Scheduler}
MADE_BY_JFNN = {Common, DecompositionOptions, Options, TrainOptions, Until}


def record_classes(base=Valid):
    found = {kind for kind in base.__subclasses__() if kind.__module__.startswith("jfnn")}
    return found.union(*map(record_classes, found))


def test_every_record_with_a_check_is_tested():
    checked = {
        kind
        for kind in record_classes() - BASES - MADE_BY_JFNN
        if any(field.metadata.get("convert") for field in kind.__dataclass_fields__.values())
    }
    assert {type(record) for record in RECORDS} == checked


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_record_is_immutable_and_equals_its_copies(record):
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


def test_user_dataclass_without_converters_is_a_plain_dataclass():
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
