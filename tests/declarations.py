"""What each argument accepts, read from its declaration, so that new arguments are tested automatically.

To test a new function, add it with valid arguments to FUNCTIONS in room_calls.py. For each argument, values
that none of its kinds accepts are drawn (`wrong_values.of`). Its kinds are the first of these:

1. its row in SPECIAL;
2. its field's converter, in CONVERTERS: `as_count(minimum=2)` accepts integers from 2 on;
3. for an estimator, the constraints by which scikit-learn checks it;
4. the types of its annotation, in TYPES:

    annotation       accepts                                     refined by
    int              integers from 1 on                          WHOLE: other bounds
    float            numbers from 0 on                           REAL: other bounds
    str              any text                                    NAMES: some names
    bool             True and False
    ArrayLike        arrays of numbers, of any shape             LOOSE, SHAPED: how a valid one is corrupted
    Sequence[int]    a list of at least one integer              MAY_BE_EMPTY: or of none
    Callable[...]    functions
    Network, ...     instances, which are not drawn

None is accepted if it is in the union or is the default. Tables have rows for "function.argument", or for
all arguments of a name. ANYTHING in room_calls.py lists arguments that accept any value, with the reason.
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
from jfnn.core.search import keywords
from jfnn.layers import windows
from jfnn.learners import METRICS, pruning
from jfnn.racing import bounds
from jfnn.studies import coordinates, hypergradient, lyapunov


class Argument(NamedTuple):
    """An argument of a function, a valid value for it, and its declaration."""

    function: str
    name: str
    valid: Any
    annotation: Any
    default: Any = inspect.Parameter.empty
    convert: Any = None

    @property
    def path(self):
        return f"{self.function}.{self.name}"

    def kind(self):
        return either(self.declared_kind(), NONE) if self.default is None else self.declared_kind()

    def declared_kind(self):
        """The declared kind, without what its default adds."""
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
        """Look up a table, first by function and argument, then by argument alone."""
        entries = rows(table)
        return entries.get(self.path, entries.get(self.name, default))


def rows(table):
    """Split the rows of a table or set that are for several names into one row per name."""
    entries = table if isinstance(table, dict) else dict.fromkeys(table)
    return {name: entry for names, entry in entries.items() for name in names.split()}


def declared(function):
    """Map each argument of a function, dataclass, estimator or mapping to its declaration.

    A mapping of names to annotations is used as it is.
    """
    if isinstance(function, type) and issubclass(function, BaseEstimator):
        function = function._parameter_constraints
    if isinstance(function, dict):
        return {name: {"annotation": annotation} for name, annotation in function.items()}
    arguments = inspect.signature(function).parameters.values()
    found = {one.name: {"annotation": one.annotation, "default": one.default} for one in arguments}
    for field in dataclasses.fields(function) if dataclasses.is_dataclass(function) else ():
        annotation = keywords.given_type(field.type)
        found[field.name] |= {"annotation": annotation, "convert": field.metadata.get("convert")}
    return found


# Parts of unions that have a name of their own.
ALIASES = {"_SupportsArray": "ArrayLike", "Literal['mean', 'best']": "At"}


def alternatives(annotation):
    """Return the types of a union as text, without module names."""
    is_class = isinstance(annotation, type) and not hasattr(annotation, "__args__")
    text = annotation.__name__ if is_class else str(annotation)
    text = re.sub(r"\b(?:[A-Za-z_]\w*\.)+(?=\w)", "", text)
    for part, name in ALIASES.items():
        if part in text:
            text = f"{name} | None" if "NoneType" in text else name
    optional = re.fullmatch(r"Optional\[(.*)\]", text)
    parts = [""]  # a bar between brackets belongs to an item
    for piece in re.split(r"( \| )", f"{optional[1]} | None" if optional else text):
        is_between = piece == " | " and parts[-1].count("[") == parts[-1].count("]")
        parts = [*parts, ""] if is_between else [*parts[:-1], parts[-1] + piece]
    return parts


def of_annotation(annotation, argument):
    """Return the kind of an argument with this annotation, or with this part of one."""
    return either(*(of_type(written, argument) for written in alternatives(annotation)))


def of_type(written, argument):
    """Return the kind of an argument of one type, such as "int", "Sequence[int]" or "tuple[int, ...]"."""
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
    return either(kind, several(kind))


def _function(argument):
    return wrong_values.FUNCTION


def _lengths(argument):
    """One number (or name, for padding) for all layers, or for each layer one, or one per axis."""
    one = either(_int(argument), *([_str(argument)] if argument.name == "padding" else []))
    return either(one, several(one), several(several(_int(argument))))


# Type name in annotations -> the kind of an argument.
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
# Converter -> the kind that it accepts, given its bound keywords.
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
    """Return the kind that a converter accepts, or None if the annotation is more specific."""
    bound = getattr(convert, "keywords", {})
    function = getattr(convert, "func", convert)
    if function is fields.as_optional:
        kind = of_converter(bound["convert"])
        return None if kind is None else either(NONE, kind)
    return CONVERTERS[function](**bound) if function in CONVERTERS else None


# Refinements of annotations

# Bounds of integers, as for `count`; all others are from 1 on.
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
# Bounds of other numbers, as for `number`; all others are from 0 on.
REAL = {
    "pruned.share": (0.0,),
    "confidence probability held_out quantiles size share validation": (0.0, True, 1.0),
    "learning_rate width delta output_multiplier timeout init_scale": (0.0, True),
    "dropout test_size": (0.0, False, 1.0),
    "shares": (0.0, False, 1.01),
    "missing bounds optimizer_arguments.momentum": (None,),
    "every rounds": (1.0,),
}
# Valid names; all others accept any text.
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
    "gradient": training.GRADIENT_NAMES,
    "metrics": METRICS,
    "supervised.hyper": ["dropout", "init_scale", "l1"],
    "penalized": penalties.PENALIZED,
    "read_csv.task": ["classification", "regression"],
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
    "layers.quantity": ["mean", "std", "dead", "saturated", "gradient_norm", "delta_norm", "update"],
    "layers.against": ["layer", "epoch", "learning_rate"],
    "layers.by": ["epoch", "learning_rate"],
    "missing": ["nan", "omit"],
    "race.test": bounds.TESTS,
    "test": comparison.TESTS,
    "curvature": attribution.CURVATURES,
    "mode": hypergradient.MODES,
    "parametrizations": coordinates.PARAMETRIZATIONS,
}
# Misspelled names of these are refused without a suggestion.
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
# Arrays of one shape -> ways to corrupt a valid one.
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
# Arrays that may have other shapes -> ways to corrupt one; `FORMS` for all others.
LOOSE = {
    "label_noise.y holm.p": f"negative {FORMS}",
    "correct": f"rows {FORMS}",
    "one_hot.labels targets.y shuffled.y": FORMS,
}


def _is_number_or_several(value):
    return type(value).__name__ in ("int", "float", "list", "tuple", "ndarray")


# Other refinements -> the kind, given the argument.
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
    "Subsets.values by_group.groups shuffled.groups": lambda argument: wrong_values.LABELS,
    "baselines": lambda argument: Kind(lambda value: isinstance(value, dict)),
    "weight_statistics.params": lambda argument: Kind(wrong_values.is_tree),
    """objective.params predict.params predict_proba.params accuracy.params matched.a matched.b
    sweep.initial_params""": lambda argument: tree(argument.valid),
}
TABLES = [WHOLE, REAL, NAMES, UNCORRECTED, MAY_BE_EMPTY, SHAPED, LOOSE, SPECIAL]
