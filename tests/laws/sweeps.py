"""A hypothesis strategy for whole calls of `jfnn.sweep`, on which the laws of tests/laws are tested.

**A new keyword of `jfnn.sweep`** needs a function here with its name, marked `@keyword`; a new field of
`jfnn.Execution` needs one marked `@field`. test_strategy.py fails until each is drawn with two values.
Anything a compiled program depends on comes from the structure, an entry of `structures.STRUCTURES`.

The functions are called in source order. Each gets ``pick``, which chooses one or several values (`Pick`),
and ``call``, the values drawn before, by name (`Call`). Its value must be valid together with these, since a
refused call fails every law.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import inspect
import itertools
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import pytest
from examples import examples
from hypothesis import assume, strategies
from scipy import stats
from sklearn.model_selection import KFold
from structures import STRUCTURES, Structure, split_of

import jfnn
from jfnn import subsets

RATES = [0.05, 1e-5, 1e-3, 0.01, 0.2, 0.9, 3.0, 1e4, 1e38]  # the last ones are chaotic, or diverge
PENALTIES = [0.0, 1e-3, 0.1, 1.0]
FEW = 4  # cells, apart from further axes
ANYWHERE = "a directory of its own"  # placeholder, replaced in `Sweep.run`
# Schedulers; those that look at each member alone come first.
OF_MEMBERS = (jfnn.EarlyStopping(1), jfnn.Converged(1, 0.05))
SCHEDULERS = (*OF_MEMBERS, jfnn.Halving(2, 1), jfnn.Hyperband(2, 1))
KEYWORDS = {}  # name -> the function that draws it
FIELDS = {}


def keyword(function):
    """Register the function that draws a keyword of `jfnn.sweep`."""
    KEYWORDS[function.__name__] = function
    return function


def field(function):
    """Register the function that draws a field of `jfnn.Execution`."""
    FIELDS[function.__name__] = function
    return function


@dataclasses.dataclass(frozen=True)
class Pick:
    draw: Callable[..., Any]

    def __call__(self, values):
        return self.draw(strategies.sampled_from(list(values)))

    def some(self, values, most, least=1):
        """Choose some of the values, each at most once."""
        places = strategies.integers(0, len(values) - 1)
        most = min(most, len(values))
        chosen = self.draw(strategies.lists(places, unique=True, min_size=least, max_size=most))
        return [values[place] for place in chosen]

    def whole(self, least, most):
        return self.draw(strategies.integers(least, most))


class Call(dict):
    """Keywords and fields of a call by name, as far as they have been drawn.

    Attributes:
        structure: What is compiled.
        schedulers: The schedulers that may be drawn.
        way: How cells are given: "crossed", "listed" or "drawn".
        cut: The size of the validation set, and the folds.
    """

    def __init__(self, structure, schedulers, way):
        super().__init__()
        self.structure = structure
        self.schedulers = schedulers
        self.way = way
        self.cut = None, None

    @property
    def cell_shape(self):
        cells = self["cells"]
        if isinstance(cells, jfnn.Sample):
            return (cells.cells,)
        if cells is not None:
            listed = cells["learning_rate"] if isinstance(cells, dict) else cells
            return (listed if isinstance(listed, int) else len(listed),)
        learner = self.structure.networks[0]
        numbers = (learner if isinstance(learner, jfnn.Learner) else self["optimizer"]).numbers
        further = (dict(numbers) | (self["hyper"] or {})).values()
        always = np.size(self["learning_rate"]), np.size(self["l2"])
        return (*always, *(len(value) for value in further if np.ndim(value)))

    @property
    def cells(self):
        return math.prod(self.cell_shape)

    @property
    def fold_count(self):
        folds = self["folds"]
        if isinstance(folds, KFold):
            return folds.get_n_splits()
        pairs = getattr(folds, "pairs", folds)
        return pairs if pairs is None or isinstance(pairs, int) else len(pairs)

    @property
    def grid(self):
        folds = () if self.fold_count is None else (self.fold_count,)
        return (*self.cell_shape, len(seeds_of(self["seeds"])), *folds)

    @property
    def holds_out(self):
        size, folds = self.cut
        return size is not None or (folds is not None and getattr(folds, "holds_out", True))

    @property
    def start_per_subset(self):
        return getattr(self["folds"], "start_per_subset", False)


# What is compiled, and the rows


def of_structure(name):
    return lambda pick, call: getattr(call.structure, name)


KEYWORDS |= {name: of_structure(name) for name in ("network", "loss", "reduction", "gradient", "batch_size")}
FIELDS |= {name: of_structure(name) for name in ("tile", "shared", "padded", "objective")}


@keyword
def split(pick, call):
    return split_of(call.structure, pick.whole(0, 3))._replace(names=pick([None, {"note": ["a", "b"]}]))


# Numbers of the members


def several_or_one(values):
    return values if len(values) > 1 else values[0]


def numbers_in(pick, call, known):
    size = np.size(call["learning_rate"]) * np.size(call["l2"])
    axis = pick([None, *known]) if call.way != "listed" and size <= FEW else None
    return {name: several_or_one(pick.some(known[name], 1 + (name == axis))) for name in known}


@keyword
def learning_rate(pick, call):
    if call.way == "listed":
        return pick([None, 0.05])
    if call.way == "drawn":
        return pick([stats.loguniform(1e-3, 10.0), [0.05, 0.9, 1e38]])
    return several_or_one(pick.some(RATES, 3))


@keyword
def l2(pick, call):
    return several_or_one(pick.some(PENALTIES, 1 if call.way == "listed" else 2))


@keyword
def hyper(pick, call):
    return numbers_in(pick, call, call.structure.hyper) or None


@keyword
def optimizer(pick, call):
    if call.structure.optimizer is None:
        return "sgd"  # the default, used with the learner's own optimizer
    return call.structure.optimizer(**numbers_in(pick, call, call.structure.of_optimizer))


@keyword
def cells(pick, call):
    if call.way == "crossed":
        return None
    count = pick.whole(1, 5)
    if call.way == "drawn":
        return pick([count, jfnn.Sample(count, pick.whole(0, 3))])
    known = {"l2": PENALTIES, **call.structure.of_optimizer, **call.structure.hyper}
    listed = {"learning_rate": RATES} | {name: known[name] for name in pick.some([*known], 2, least=0)}
    columns = {name: [pick(values) for _ in range(count)] for name, values in listed.items()}
    in_rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return pick([in_rows, {name: np.array(values) for name, values in columns.items()}])


# Held-out rows, folds, subsets


LENGTHS = [(36, 28), (33, 16), (17, 36), (37, 24)]  # powers of two, numbers next to them, and others


def in_pairs(call, seed):
    """Return training and held-out rows of two lengths, in random order."""
    order = np.random.default_rng(seed).permutation(call.structure.n)
    first, second = LENGTHS[seed]
    return [(order[:first], order[first:]), (order[-second:], order[:-second])]


def in_groups(call, seed, count, own):
    groups = np.random.default_rng(seed).permutation(call.structure.n) % count
    return subsets.by_group([f"group {i}" for i in groups], 0.25, start_per_subset=own)


def with_labels(call, seed):
    """Return two tasks on the same rows, with different weights if the rows are weighted."""
    rng = np.random.default_rng(seed)
    pairs = in_pairs(call, seed)
    y = call["split"].y_train, call["split"].y_test
    labels, tests = ([rng.permutation(targets) for _ in pairs] for targets in y)
    weights = rng.uniform(0.5, 1.5, (2, call.structure.n)) if call.structure.weighted else None
    return subsets.Subsets(call.structure.n, pairs, weights=weights, labels=labels, test_labels=tests)


def of_targets(call, seed, own):
    """Return each target with held-out rows, or in subsets of several sizes."""
    y = call["split"].y_train
    if seed % 2:
        return subsets.targets(y, held_out=0.25, seed=seed, start_per_subset=own)
    return subsets.targets(y, rows=subsets.sizes(len(y), [16, 36], seed), start_per_subset=own)


def with_weights(call, seed):
    """Return Bayesian bootstraps; one gives a row zero weight."""
    weights = np.random.default_rng(seed).dirichlet(np.ones(call.structure.n), 2) * call.structure.n
    weights[1, 5] = 0
    return subsets.weighted(weights)


# Name -> size of the validation set and folds, given the call, a seed, and whether each subset has its own
# start.
CUT = {
    "none": lambda call, seed, own: (None, None),
    "validation": lambda call, seed, own: (0.25, None),
    "number": lambda call, seed, own: (12, None),
    "folds": lambda call, seed, own: (None, 2 + seed % 2),
    "pairs": lambda call, seed, own: (None, in_pairs(call, seed)),
    "splitter": lambda call, seed, own: (None, KFold(2, shuffle=True, random_state=seed)),
    "bootstrap": lambda call, seed, own: (None, subsets.bootstrap(call.structure.n, 2, seed, own)),
    "shares": lambda call, seed, own: (None, subsets.shares(call.structure.n, 36, 2, seed, own)),
    "sizes": lambda call, seed, own: (
        None,
        subsets.sizes(call.structure.n, [16, 36], seed, start_per_subset=own),
    ),
    "groups": lambda call, seed, own: (None, in_groups(call, seed, 3, own)),
    "many groups": lambda call, seed, own: (None, in_groups(call, seed, 32, own)),
    "noise": lambda call, seed, own: (None, subsets.label_noise(call["split"].y_train, [0, 0.3], seed)),
    "tasks": lambda call, seed, own: (None, with_labels(call, seed)),
    "targets": lambda call, seed, own: (None, of_targets(call, seed, own)),
    "weighted": lambda call, seed, own: (None, with_weights(call, seed)),
}


@keyword
def validation(pick, call):
    """Draw the validation, and the folds as well."""
    call.cut = CUT[pick(call.structure.cuts)](call, pick.whole(0, 3), pick([False, True]))
    size, _ = call.cut
    rank_by = pick(call.structure.ranks)
    return size if rank_by is None else jfnn.Validation(size, rank_by)


def as_validation(given):
    return given if isinstance(given, jfnn.Validation) else jfnn.Validation(given)


@keyword
def folds(pick, call):
    return call.cut[1]


@keyword
def seeds(pick, call):
    several = pick.some([0, 1, 7, 49, 10**7 if call.start_per_subset else 2**31], 2)
    return pick([several, len(several)])


# Given minibatches, starts and number of epochs

LONGEST = 9  # upper limit on epochs, including those before the first


@dataclasses.dataclass(frozen=True)
class Turning:
    """Minibatches given by a function of seed and epoch, from the first rows, which every part has."""

    step: int

    def __call__(self, seed, epoch):
        return (np.arange(16).reshape(2, 8) * self.step + epoch + seed % 5) % 12


@keyword
def batches(pick, call):
    if not call.structure.given:
        return None
    rows = Turning(pick([3, 5, 7]))
    of_seeds = [np.stack([rows(seed, epoch) for epoch in range(LONGEST)]) for seed in seeds_of(call["seeds"])]
    several = [] if call.start_per_subset else [np.stack(of_seeds)]
    return pick([None, None, rows, of_seeds[0], *several])


@functools.cache
def shapes_of(learner):
    return jax.eval_shape(learner.init, jax.random.key(0))


def random_params(learner, shape, rng):
    def random_leaf(leaf):
        return (0.4 * rng.normal(size=(*shape, *leaf.shape))).astype(leaf.dtype)

    return jax.tree.map(random_leaf, shapes_of(learner))


@keyword
def initial_params(pick, call):
    """Choose parameters for one member, each seed or all members, in nested lists for several programs."""
    shapes = [None, None, ()]
    shapes += [] if call.start_per_subset else [(len(seeds_of(call["seeds"])),), call.grid]
    shape = pick(shapes)
    if shape is None:
        return None
    rng = np.random.default_rng(pick.whole(0, 3))
    structure = call.structure
    parts = itertools.product(structure.networks, structure.schemes)
    starts = [random_params(learner, shape, rng) for learner, _ in parts]
    for length in reversed(structure.leading):
        starts = [starts[first : first + length] for first in range(0, len(starts), length)]
    return starts[0]


@keyword
def epochs(pick, call):
    count = pick([4, 1, 2, 3, 5, 6, 0])
    first = 0 if call["initial_params"] is None else pick([0, 1, 3])
    return range(first, first + count) if first else count


# Selection and refit


@keyword
def refit(pick, call):
    tests = call["split"].x_test is not None
    weighted = call["split"].weights is not None
    of_groups = getattr(call["folds"], "name", None) in ("group", "target")
    of_each_fold = call["initial_params"] is not None and call["folds"] is not None
    if call["batches"] is not None or of_groups or of_each_fold:
        return False
    ways = [False]
    if call.holds_out:
        ways.append(True)
        if call.cells > 1 and not call.structure.leading:
            ways.append(jfnn.Refit(cells=2))
        if len(seeds_of(call["seeds"])) > 1 or (call.fold_count or 1) > 1:
            ways.append(jfnn.Simplest({"l2": "most"}))
    if (call.holds_out or tests) and not (tests and weighted):
        ways.append("all")
    return pick(ways)


def acts(scheduler, call):
    """Return whether a scheduler can act, with the programs of the structure."""
    if scheduler.validates and not call.holds_out:
        return False
    if scheduler.reads_objective and not call.structure.objective:
        return False
    try:
        scheduler.check(call.cells, len(epochs_of(call["epochs"])), ["learning_rate", "l2"])
    except ValueError:
        return False
    return True


@keyword
def schedulers(pick, call):
    possible = [scheduler for scheduler in call.schedulers if acts(scheduler, call)]
    return pick.some(possible, 2, least=0) if possible else []


@keyword
def out(pick, call):
    return pick([None, ANYWHERE])


@keyword
def resume(pick, call):
    return call["out"] is not None and pick([False, True])


@keyword
def execution(pick, call):
    for name, function in FIELDS.items():
        call[name] = function(pick, call)
    return jfnn.Execution(**{name: call[name] for name in FIELDS})


# Fields of the execution


@field
def eval_every(pick, call):
    numbers = [epoch + 1 for epoch in epochs_of(call["epochs"])]
    return pick([None, 1, 2, *([sorted(pick.some(numbers, 3))] if numbers else [])])


@field
def keep_params(pick, call):
    return pick(["all", "best", "none", *([] if call["eval_every"] is None else ["evaluations"])])


@field
def verify(pick, call):
    return call.structure.verified and pick([False, False, False, True])


@field
def progress(pick, call):
    return pick([None, [].append])


@field
def executor(pick, call):
    number = pick([None, None, 1, 2])
    made = functools.partial(concurrent.futures.ThreadPoolExecutor, number)
    return None if number is None else jfnn.Workers(made)


@field
def devices(pick, call):
    return pick([None, 1, 2]) if call["executor"] is None else None


# Calls


def seeds_of(seeds):
    return list(range(seeds)) if isinstance(seeds, int) else list(seeds)


def epochs_of(epochs):
    return epochs if isinstance(epochs, range) else range(epochs)


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A call of `jfnn.sweep`.

    Attributes:
        structure: What is compiled.
        keywords: All keywords; `ANYWHERE` stands for a new directory.
    """

    structure: Structure
    keywords: Mapping[str, Any]

    def __getitem__(self, name):
        return self.keywords[name]

    def __repr__(self):
        name = next(name for name, structure in STRUCTURES.items() if structure is self.structure)
        drawn = {name: value for name, value in self.keywords.items() if name not in ("network", "split")}
        drawn["initial_params"] = jax.tree.map(np.shape, self["initial_params"])
        return f"<{name}: {drawn}>"

    def _repr_pretty_(self, printer, cycle):
        printer.text(repr(self))

    def changed(self, execution=None, **changes):
        how = dataclasses.replace(self["execution"], **(execution or {}))
        return dataclasses.replace(self, keywords={**self.keywords, "execution": how, **changes})

    def run(self, execution=None, **changes):
        """Run the call with such changes and return its result."""
        keywords = dict(self.changed(execution, **changes).keywords)
        with contextlib.ExitStack() as stack:
            if keywords["out"] == ANYWHERE:
                keywords["out"] = stack.enter_context(tempfile.TemporaryDirectory())
            return jfnn.sweep(**keywords)

    @property
    def programs(self):
        """The sweep of each program alone, in program order."""
        parts = itertools.product(self.structure.networks, self.structure.schemes)
        programs = []
        for place, (learner, size) in zip(np.ndindex(self.structure.leading), parts, strict=True):
            start = self["initial_params"]
            for i in () if start is None else place:
                start = start[i]
            programs.append(self.changed(network=learner, batch_size=size, initial_params=start))
        return programs


DEFAULTS = {name: parameter.default for name, parameter in inspect.signature(jfnn.sweep).parameters.items()}


@strategies.composite
def sweeps(draw, structure, without=(), schedulers=SCHEDULERS, **fields):
    """Draw calls of a structure, with keywords ``without`` at their defaults and given execution fields."""
    pick = Pick(draw)
    assume(pick.whole(0, 99) > 0)  # hypothesis starts with the simplest example, a single network
    call = Call(structure, schedulers, pick(["crossed", "crossed", "listed", "drawn"]))
    for name, function in KEYWORDS.items():
        call[name] = DEFAULTS[name] if name in without else function(pick, call)
    return Sweep(structure, {name: call[name] for name in KEYWORDS}).changed(fields)


@contextlib.contextmanager
def arithmetic(dtype):
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", dtype == "float64")
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def check_each_structure(
    examples,
    law,
    without: Sequence[str] = (),
    schedulers: Sequence[jfnn.Scheduler] = SCHEDULERS,
    fields: Mapping[str, Any] | None = None,
    only: Callable[[Structure], bool] = lambda structure: True,
    where: Callable[[Sweep], bool] = lambda sweep: True,
    **given,
):
    """Check ``law(sweep=…, **given)`` on sweeps of the first structures, with equally many examples of each.

    ``only`` selects the structures and ``where`` the sweeps for which the law is valid; ``given`` are
    strategies for its further arguments. ``without``, ``schedulers`` and ``fields`` are as for `sweeps`.
    """
    chosen = [structure for structure in STRUCTURES.values() if only(structure)][: examples.structures]
    each = dataclasses.replace(examples, count=max(examples.count // len(chosen), 1))
    for structure in chosen:
        with arithmetic(structure.dtype):
            drawn = sweeps(structure, tuple(without), tuple(schedulers), **(fields or {}))
            each.check(law, sweep=drawn.filter(where), **given)


def of_sweeps(structures, few=None):
    """Mark a law with its numbers of examples and of structures; slow runs use all structures.

    The ``few`` examples of a quick run, and files marked so, are compiled unoptimized. Without ``few`` the
    law is thorough.
    """
    return examples(
        more=(structures, structures),
        many=(20 * len(STRUCTURES), len(STRUCTURES)),
        few=few and (few, few),
        marks=pytest.mark.unoptimized,
    )


of_many_sweeps = of_sweeps(6)
