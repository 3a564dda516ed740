"""What an argument takes, read from its declaration: what is new in a signature is tried by that alone.

To have a new function tried, add it with valid arguments to FUNCTIONS in room_calls.py. For each argument
values are drawn that none of its kinds takes (`wrong_values.of`). Its kinds are the first of these:

1. its row in SPECIAL;
2. what its field is converted by, in CONVERTERS: `as_count(minimum=2)` takes whole numbers from 2 on;
3. for an estimator, the constraints by which scikit-learn checks it;
4. the types of its annotation, in TYPES:

    annotation       takes                                       what says more
    int              whole numbers from 1 on                     WHOLE: other ends
    float            numbers from 0 on                           REAL: other ends
    str              any text                                    NAMES: some names
    bool             True and False
    ArrayLike        arrays of numbers, of any shape             LOOSE, SHAPED: how the valid one is spoilt
    Sequence[int]    a list of one whole number or more          MAY_BE_EMPTY: of none, too
    Callable[...]    functions
    Network, ...     instances, of which none is drawn

None is taken where the union has it or where it is the default. Tables have rows for "function.argument",
or for all arguments of a name. What takes anything is in ANYTHING of room_calls.py, with the reason.
"""

import dataclasses
import inspect
import re
from typing import Any, NamedTuple

import wrong_values
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import make_constraint
from wrong_values import FORMS, NONE, Kind, array, count, either, number, several, tree, word

from jfnn import activations, layers, losses, optimizers, penalties, prediction, training
from jfnn.analysis import attribution, comparison, intervals
from jfnn.architectures import CELLS
from jfnn.arguments import checks, fields
from jfnn.boltzmann import enumeration
from jfnn.boltzmann import learner as machines
from jfnn.core.experiment import axes, settings
from jfnn.layers import windows
from jfnn.learners import METRICS, pruning
from jfnn.racing import bounds
from jfnn.studies import coordinates, hypergradient, lyapunov


class Argument(NamedTuple):
    """An argument of a function, a valid value of it, and what is declared of it."""

    function: str
    name: str
    valid: Any
    annotation: Any
    default: Any = inspect.Parameter.empty
    convert: Any = None

    @property
    def path(self):
        """The function's name and its own, "function.argument"."""
        return f"{self.function}.{self.name}"

    def kind(self):
        """The kind of values that it takes."""
        return either(self.declared_kind(), NONE) if self.default is None else self.declared_kind()

    def declared_kind(self):
        """The kind that is declared, without what is taken as its default."""
        special = self.of(SPECIAL)
        if special is not None:
            return special(self)
        converted = of_converter(self.convert)
        if converted is not None:
            return converted
        if isinstance(self.annotation, list):  # of scikit-learn
            constraints = [make_constraint(constraint) for constraint in self.annotation]
            return Kind(lambda value: any(one.is_satisfied_by(value) for one in constraints))
        return of_annotation(self.annotation, self)

    def of(self, table, default=None):
        """What a table says of it: first of the function's, then of all of its name."""
        entries = rows(table)
        return entries.get(self.path, entries.get(self.name, default))


def rows(table):
    """A table, or a set of names, with a row for each name where one of its rows has several."""
    entries = table if isinstance(table, dict) else dict.fromkeys(table)
    return {name: entry for names, entry in entries.items() for name in names.split()}


def declared(function):
    """Name of each argument of a function, a dataclass or an estimator -> what is declared of it.

    Of a mapping, name -> annotation, that alone.
    """
    if isinstance(function, type) and issubclass(function, BaseEstimator):
        function = function._parameter_constraints
    if isinstance(function, dict):
        return {name: {"annotation": annotation} for name, annotation in function.items()}
    arguments = inspect.signature(function).parameters.values()
    found = {one.name: {"annotation": one.annotation, "default": one.default} for one in arguments}
    for field in dataclasses.fields(function) if dataclasses.is_dataclass(function) else ():
        annotation = fields.given_type(field.type)
        found[field.name] |= {"annotation": annotation, "convert": field.metadata.get("convert")}
    return found


# What unions have in them that are written by a name of their own.
ALIASES = {"_SupportsArray": "ArrayLike", "Literal['mean', 'best']": "At"}


def alternatives(annotation):
    """The types of a union, as they are written without the names of modules."""
    is_class = isinstance(annotation, type) and not hasattr(annotation, "__args__")
    text = annotation.__name__ if is_class else str(annotation)
    text = re.sub(r"\b(?:[A-Za-z_]\w*\.)+(?=\w)", "", text)
    for part, name in ALIASES.items():
        if part in text:
            text = f"{name} | None" if "NoneType" in text else name
    optional = re.fullmatch(r"Optional\[(.*)\]", text)
    parts = [""]  # a bar between brackets is one of the items, and stays
    for piece in re.split(r"( \| )", f"{optional[1]} | None" if optional else text):
        is_between = piece == " | " and parts[-1].count("[") == parts[-1].count("]")
        parts = [*parts, ""] if is_between else [*parts[:-1], parts[-1] + piece]
    return parts


def of_annotation(annotation, argument):
    """The kind of an argument of this annotation, or of this part of one."""
    return either(*(of_type(written, argument) for written in alternatives(annotation)))


def of_type(written, argument):
    """The kind of an argument of one type, such as "int", "Sequence[int]" or "tuple[int, ...]"."""
    name, _, items = written.removesuffix("]").partition("[")
    if name in ("Sequence", "Iterable", "tuple"):
        item = items.partition(", ")[0] if name == "tuple" else items
        return several(of_annotation(item, argument), empty=argument.name in MAY_BE_EMPTY)
    make = rows(TYPES).get(name)
    return Kind() if make is None else make(argument)


def _int(argument):
    return count(*argument.of(WHOLE, ()))


def _float(argument):
    return number(*argument.of(REAL, ()))


def _str(argument):
    return word(argument.of(NAMES), near=argument.name not in UNCORRECTED)


def _array(argument):
    if argument.of(LOOSE) is None and argument.of(SHAPED) is not None:
        return array(argument.valid, argument.of(SHAPED), loose=False)
    return array(argument.valid, argument.of(LOOSE, FORMS))


def one_or_several(kind):
    """One of a kind, or a sequence of them."""
    return either(kind, several(kind))


def _function(argument):
    return wrong_values.FUNCTION


def _lengths(argument):
    """A number, or of paddings a name, for all layers, or one, or one an axis, for each."""
    one = either(_int(argument), *([_str(argument)] if argument.name == "padding" else []))
    return either(one, several(one), several(several(_int(argument))))


# Types by the names that annotations have for them -> the kind of an argument.
TYPES = {
    "int": _int,
    "float": _float,
    "bool": lambda argument: wrong_values.SWITCH,
    "None": lambda argument: NONE,
    "str At": _str,
    "Objective": lambda argument: either(_str(argument), wrong_values.FUNCTION),
    "PathLike Path": lambda argument: wrong_values.PATH,
    "ArrayLike Any": _array,
    "Values": lambda argument: one_or_several(_float(argument)),
    "PerLayer Paddings": _lengths,
    "Callable Factory Function Reduce ValueAndGrad CustomLossFunction ScoreFunction": _function,
}


SEEDS = either(count(), several(count(0, 2**32 - 1)))
# A converter -> the kind that it takes, by the keywords that are bound to it.
CONVERTERS = {
    checks.as_count: count,
    checks.as_counts: lambda minimum=1: several(count(minimum), empty=True),
    checks.as_seed: lambda: count(0, 2**32 - 1),
    checks.as_switch: lambda: wrong_values.SWITCH,
    checks.as_number: number,
    checks.as_choice: word,
    axes.as_hyper: lambda minimum=None, **bounds: one_or_several(number(minimum, **bounds)),
    axes.as_cells: count,
    windows.as_lengths: lambda minimum=1: one_or_several(count(minimum)),
    settings.as_seeds: lambda: SEEDS,
}


def of_converter(convert):
    """The kind that a converter takes; None where its field's annotation says more."""
    bound = getattr(convert, "keywords", {})
    function = getattr(convert, "func", convert)
    if function is fields.as_optional:
        kind = of_converter(bound["convert"])
        return None if kind is None else either(NONE, kind)
    return CONVERTERS[function](**bound) if function in CONVERTERS else None


# What annotations leave open

# Ends of whole numbers, as of `count`; from 1 on of all others.
WHOLE = {
    "leading padding index reference fold epochs": (0,),
    "seed random_state": (0, 2**32 - 1),
    "bootstrap.n independent.n leave_one_out.n shares.n annealed_log_z.n points": (2,),
    "size validation": (1, 7),
    "digits.test_size": (0, 1796),
    "test_size": (0, 7),
    "datamodels.folds sweep.folds": (2, 4),
    "share": (1, 5),
    "sweep.batch_size several_programs.batch_size": (1, 8),
    "execution devices": (1, 2),
    "member": (-2, 1),
}
# Ends of other numbers, as of `number`; from 0 on of all others.
REAL = {
    "pruned.share": (0.0,),
    "confidence probability held_out quantiles size share validation": (0.0, True, 1.0),
    "learning_rate width delta output_multiplier timeout init_scale": (0.0, True),
    "dropout test_size": (0.0, False, 1.0),
    "shares": (0.0, False, 1.01),
    "missing bounds optimizer_arguments.momentum": (None,),
    "every rounds": (1.0,),
}
# Names that are taken; any text of all others.
NAMES = {
    "activation output": activations.ACTIVATIONS,
    "init initializer": layers.INITIALIZERS,
    "maximal_update.optimizer coordinate_check.optimizer": ["sgd", "adam"],
    "optimizer Optimizer.name": optimizers.names(),
    "schedule": optimizers.SCHEDULES,
    "boltzmann_machine.loss boltzmann_machine.metrics": enumeration.MEASURES,
    "boltzmann_machine.gradient": machines.GRADIENTS,
    "boltzmann_machine.hyper": machines.HYPER,
    "loss": losses.LOSSES,
    "reduction": losses.REDUCTIONS,
    "gradient": training.GRADIENTS,
    "metrics": METRICS,
    "supervised.hyper": ["dropout", "init_scale", "l1"],
    "penalised": penalties.PENALISED,
    "read_csv.task read_npz.task": ["classification", "regression"],
    "task": prediction.TASKS,
    "rnn.kind": CELLS,
    "states": ["last", "all"],
    "Conv.padding cnn.padding": ["same", "causal"],
    "pruned.by": pruning.ORDERS,
    "scope": pruning.SCOPES,
    "cell_scores.name higher_is_better.name score objectives": ["train_accuracy", "train_loss", "test_loss"],
    "axis axis_curves.by axes with_respect_to": ["learning_rate", "l2"],
    "at": ["mean", "best"],
    "cells": ["all"],
    "reduce": ["mean", "std", "vote"],
    "refit": ["train", "all"],
    "program.network": ["20", "10-10"],
    "part": ["train", "test"],
    "row_scores.metric leave_one_out_values.metric": ["loss", "accuracy"],
    "interval statistic": intervals.STATISTICS,
    "lyapunov.method": lyapunov.METHODS,
    "method": intervals.METHODS,
    "bias_variance.axis": ["width"],
    "missing": ["nan", "omit"],
    "race.test": bounds.TESTS,
    "test": comparison.TESTS,
    "curvature": attribution.CURVATURES,
    "mode": hypergradient.MODES,
    "parametrisations": coordinates.PARAMETRISATIONS,
}
# Of these a misspelt name is refused without the one that is meant.
UNCORRECTED = {"cells", "reduce", "network", "axes"}
# Sequences that may be empty.
MAY_BE_EMPTY = {
    "channels",
    "hidden",
    "hyper",
    "metrics",
    "terms",
    "columns",
    "objectives",
    "schedulers",
    "picture",
    "text",
}
# Arrays of one shape -> what makes one like the valid one a wrong one.
SHAPED = {
    "split.x": "complex masked",
    "split.y": "rows complex masked",
    "split.weights": f"rows {FORMS}",
    "entropy.v": f"nan inf {FORMS}",
    "weighted.weights": f"nan inf negative axes {FORMS}",
    "x x_train x_test": f"nan inf huge columns axes {FORMS}",
    "y y_train y_test accuracy.labels": f"rows {FORMS}",
    "v h states": f"nan inf negative columns axes {FORMS}",
    "uniform_h uniform_v": f"rows columns {FORMS}",
    "weights": f"nan inf negative rows axes {FORMS}",
}
# Arrays that may have other shapes -> the same; `FORMS` of all others.
LOOSE = {
    "label_noise.y holm.p": f"negative {FORMS}",
    "correct": f"rows {FORMS}",
    "utility": f"nan inf rows {FORMS}",
    "one_hot.labels targets.y shuffled.y": FORMS,
}


def _is_number_or_several(value):
    return type(value).__name__ in ("int", "float", "list", "tuple", "ndarray")


# What is left open in another way -> the kind, of the argument.
SPECIAL = {
    "seeds": lambda argument: SEEDS,
    "coordinate_check.learning_rate": lambda argument: one_or_several(number(0.0, True)),
    "label_noise.shares": lambda argument: one_or_several(number(0.0, False, 1.01)),
    "program.batch_size": lambda argument: either(NONE, wrong_values.one_of(0, 50)),
    "hidden_layer_sizes": lambda argument: either(count(), several(count(), empty=True)),
    "Validation.size": lambda argument: either(NONE, Kind(lambda value: type(value) in (int, float))),
    "targets.held_out": lambda argument: either(NONE, Kind(_is_number_or_several)),
    "interval.bounds": lambda argument: several(either(number(None), wrong_values.SWITCH)),
    "train.test": lambda argument: several(either(_array(argument), NONE)),
    "Split.names": lambda argument: Kind(lambda value: isinstance(value, dict)),
    "Subsets.values by_group.groups shuffled.groups control_task.words": lambda argument: wrong_values.LABELS,
    "baselines": lambda argument: Kind(lambda value: isinstance(value, dict)),
    "weight_statistics.params": lambda argument: Kind(wrong_values.is_tree),
    """objective.params predict.params predict_proba.params accuracy.params matched.a matched.b
    sweep.initial_params""": lambda argument: tree(argument.valid),
}
TABLES = [WHOLE, REAL, NAMES, UNCORRECTED, MAY_BE_EMPTY, SHAPED, LOOSE, SPECIAL]
