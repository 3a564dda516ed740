"""Compares a student's back-propagation arrays with the derivation by hand, and names the mistake."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jfnn import activations as functions
from jfnn import losses
from jfnn.activations import Activation
from jfnn.arguments import checks, texts
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.signatures import check_callable
from jfnn.losses import Loss
from jfnn.network import check_output, mlp
from jfnn.own_code.derivation import Forward, Key, Problem, Rounded, Run, Variant
from jfnn.own_code.mistakes import Plant, forward_plants, plants, updated_too_early
from jfnn.penalties import PENALISED
from jfnn.targets import as_targets

SAFETY = 4.0  # times the rounding error of an operation
LAYOUTS = ("in_out", "out_in")
PAIR = "expected a pair of weights and biases for each layer, such as list(zip(weights, biases))"
SYMBOLS = {"activation": "a", "delta": "δ", "weights": "∂C/∂w", "biases": "∂C/∂b"}

# Gradients, or a function that computes them from one's own parameters and rows.
Pairs = Sequence[tuple[ArrayLike, ArrayLike]]
Gradients = Pairs | Callable[[Any, Any, Any], Pairs]


class ArrayCheck(NamedTuple):
    """One array compared with the derivation by hand.

    Attributes:
        array: "activation", "delta", "weights" (``∂C/∂w``) or "biases" (``∂C/∂b``).
        layer: From 1 to L.
        error: The largest difference from the right array, relative to its largest entry; infinite for a
            wrong shape or entries that are not finite.
        verdict: "right", "wrong", "wrong shape" or "not finite".
    """

    array: str
    layer: int
    error: float
    verdict: str

    def __str__(self) -> str:
        """The symbol and the layer."""
        return f"{SYMBOLS[self.array]} of layer {self.layer}"


class Finding(NamedTuple):
    """A mistake that gives the student's numbers to rounding.

    Attributes:
        mistake: A short identifier.
        array: Where it is made: "activation", "delta", "weights", "biases", or "gradients" for the last two.
        layers: In which layers, from 1 to L.
        text: What was done, and what is right.
    """

    mistake: str
    array: str
    layers: tuple[int, ...]
    text: str

    def __str__(self) -> str:
        """Where the mistake is made, what was done, and the identifier."""
        symbol = SYMBOLS.get(self.array, "∂C/∂w, ∂C/∂b")
        layers = f"layer{'s' * (len(self.layers) > 1)} {', '.join(map(str, self.layers))}"
        return f"{symbol} of {layers}: {self.text} [{self.mistake}]"


class BackpropCheck(NamedTuple):
    """A student's arrays compared with the derivation by hand; printed, it is a table.

    Attributes:
        arrays: Each array, in the order in which a program computes them.
        findings: The mistakes that each give the student's numbers if made alone. Several give the same
            numbers for these parameters and rows.
        explains_all: Whether the findings give all arrays, not only the first wrong one.
        notes: How the arrays were read, and what was not checked.
    """

    arrays: tuple[ArrayCheck, ...]
    findings: tuple[Finding, ...]
    explains_all: bool
    notes: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether all arrays are right."""
        return self.first is None

    @property
    def first(self) -> ArrayCheck | None:
        """The first wrong array in the order of the computation."""
        return next((array for array in self.arrays if array.verdict != "right"), None)

    @property
    def mistakes(self) -> tuple[str, ...]:
        """The identifiers of the findings."""
        return tuple(finding.mistake for finding in self.findings)

    def __repr__(self) -> str:
        """The same in one line."""
        named = f"; {' or '.join(self.mistakes)}" if self.findings else ""
        return f"<BackpropCheck: {'right' if self.right else f'{self.first} is wrong'}{named}>"

    def __str__(self) -> str:
        """A table of the arrays, then the mistakes and the notes."""
        rows = [["array", "layer", "error", "verdict"]]
        for one in self.arrays:
            error = texts.compact(one.error, 2) if np.isfinite(one.error) else "-"
            first = " (first)" if one == self.first else ""
            rows.append([SYMBOLS[one.array], str(one.layer), error, one.verdict + first])
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = ["  ".join([*map(str.ljust, row, widths), row[3]]) for row in rows]
        if self.first is not None:
            lines += ["", f"The first wrong array is {self.first}."]
            several = "Each of these mistakes gives the same numbers here and explains"
            subject = several if len(self.findings) > 1 else "This mistake explains"
            what = (
                "all wrong arrays"
                if self.explains_all
                else "it, but not all others; correct it and check again"
            )
            lines += [f"{subject} {what}:"] if self.findings else ["No known mistake explains it."]
            lines += [f"  {finding}" for finding in self.findings]
        return "\n".join([*lines, *([""] if self.notes else []), *self.notes])


def check_backprop(
    params: Pairs,
    x: ArrayLike,
    y: ArrayLike,
    gradients: Gradients,
    *,
    activations: Sequence[ArrayLike] | None = None,
    deltas: Sequence[ArrayLike] | None = None,
    activation: str | Activation = "relu",
    output: str | Activation = "identity",
    loss: str | Loss = "cross_entropy",
    l2: float = 0.0,
    l1: float = 0.0,
    penalised: str = "weights",
    reduction: str = "mean",
    layout: str | None = None,
) -> BackpropCheck:
    """Check gradients that a program of one's own computes, and name the mistake if they are wrong.

    The reference is the derivation by hand (see `jfnn.backprop`) in float64, for the objective of
    `jfnn.objective`: a sum or mean of the costs over the rows, and the penalties. An array is right if it
    differs from the reference by the rounding errors of its dtype. If an array is wrong, each of some forty
    usual mistakes is tried alone, in each layer and in all layers. A mistake is named only if it gives the
    program's numbers to rounding, the right arrays included. Pass activations and deltas to find the first
    wrong array more precisely.

    Networks have dense layers with biases. Where z is exactly 0, both one-sided slopes of an activation with
    a kink and their mean are right, provided that all units use the same. With ``reduction="mean"`` the
    factor 1/n may be in δ_L, and so in all δ, or in the gradients. A mean plus the whole penalty,
    ``1/n Σ C + λ/2 Σ w²``, is the objective with ``l2 = n λ``.

    Args:
        params: A pair of weights and biases for each layer. Weights are ``[n_in, n_out]`` or ``[n_out,
            n_in]``, which is read from their shapes; biases ``[n_out]``, ``[1, n_out]`` or ``[n_out, 1]``.
        x: Inputs ``[n, n_in]``.
        y: Integer labels ``[n]`` or float targets ``[n, n_out]``, such as one-hot rows.
        gradients: A pair ``(∂C/∂w, ∂C/∂b)`` for each layer, in the layout of the weights; or a function
            ``(params, x, y) -> pairs``, which is called with these arguments.
        activations: a_l of each layer ``[n, n_l]``, from the inputs or the first hidden layer on. The last
            ones are the outputs, or the probabilities that a cross-entropy makes of them.
        deltas: δ_l = ∂C/∂z_l of each layer ``[n, n_l]``.
        activation: The hidden layers' activation.
        output: The output layer's activation; the identity for a cross-entropy, which contains its softmax
            or sigmoid.
        loss: A name in `jfnn.losses.LOSSES`, or a `Loss`.
        l2: λ, the strength of the penalty ``λ/2 Σ w²``.
        l1: λ_1, the strength of the penalty ``λ_1 Σ |w|``.
        penalised: "weights", or "all" to include the biases.
        reduction: "sum" or "mean".
        layout: "in_out" or "out_in", the axes of the weights; None to read it from their shapes.

    Returns:
        A verdict on each array, and the mistake; printed, it is a table.

    Raises:
        ValueError, TypeError: Parameters or rows do not fit or are not numbers, or the network's outputs are
            not finite. Gradients of a wrong shape, or not finite, are reported as wrong instead.
    """
    loss = losses.get(loss)
    checks.as_choice(reduction, "reduction", losses.REDUCTIONS)
    l2 = checks.as_number(l2, "l2")
    l1 = checks.as_number(l1, "l1")
    checks.as_choice(penalised, "penalised", PENALISED)
    hidden = functions.get(activation)
    last = functions.get(output, "output")
    if layout is not None:
        checks.as_choice(layout, "layout", LAYOUTS)
    rows = np.asarray(checks.as_inputs(x))
    if rows.ndim != 2:
        raise ArgumentError("x", "expected rows [n, n_in]", got=str(list(rows.shape)))
    pairs = _pairs(params, "params")
    for array in itertools.chain(*pairs):
        checks.check_values(array, "params", np.float64)
    swapped, notes = _orientation(pairs, rows.shape[1], layout)
    # Copies, since a program may update its parameters in place while it computes the gradients.
    weights = [np.array(w.T if swapped else w, np.float64) for w, _ in pairs]
    biases = [np.array(b, np.float64).ravel() for _, b in pairs]
    sizes = [rows.shape[1], *map(len, biases)]
    check_output(mlp(sizes, activation, output), loss)
    with jax.enable_x64(True):  # in this thread only
        targets = np.asarray(as_targets(y, (len(rows), sizes[-1]), loss, np.float64))

    if callable(gradients):
        check_callable(gradients, (params, x, y), "gradients", "a function of params, x and y")
        gradients = gradients(params, x, y)
    own = _pairs(gradients, "gradients", len(pairs))
    listed = {
        "activation": _listed(activations, "activations", len(pairs), inputs=True),
        "delta": _listed(deltas, "deltas", len(pairs)),
    }
    by_row, columns = _rows_first(listed, len(rows), sizes[1:], swapped)
    if columns:
        notes.append("Activations and deltas are read as [n_l, n], with a column for each row of x.")
    got = {(name, i): array for name, arrays in by_row.items() for i, array in enumerate(arrays)}
    for i, (w, b) in enumerate(own):
        got["weights", i] = np.asarray(w.T if swapped else w, np.float64)
        got["biases", i] = _bias(b, len(rows), sizes[i + 1], columns)

    given = [rows, *itertools.chain(*pairs, *own, *listed.values())]
    problem = Problem(
        rows.astype(np.float64),
        targets,
        weights,
        biases,
        [hidden] * (len(weights) - 1) + [last],
        loss,
        l2,
        l1,
        penalised,
        reduction,
        SAFETY * max(map(_precision, given)),
    )
    if not l2 and not l1:
        notes.append("l2 and l1 are 0: the gradient of a penalty is not checked.")
    if not any(b.any() for b in biases):
        notes.append("All biases are 0: whether they are added is not checked.")
    with np.errstate(over="ignore", invalid="ignore"):  # planted mistakes may overflow
        return _check(problem, got, notes)


class _Reference(NamedTuple):
    """The right arrays in one convention.

    Attributes:
        run: Their computation.
        answers: The right values of each array that was given, in the order of the computation.
        wrong: The arrays that differ.
    """

    run: Run
    answers: dict[Key, list[Rounded]]
    wrong: list[Key]


def _check(problem: Problem, got: Mapping[Key, np.ndarray], notes: Sequence[str]) -> BackpropCheck:
    forward = Forward(problem)
    references = list(_references(forward, got))
    best = min(references, key=lambda one: (-_first_wrong(one), len(one.wrong)))
    if not all(np.isfinite(answer.value).all() for one in best.answers.values() for answer in one):
        raise ArgumentError("params", "expected a network whose activations and gradients are finite")
    arrays = tuple(
        _verdict(key, got[key], answers, key in best.wrong) for key, answers in best.answers.items()
    )
    if not best.wrong:
        return BackpropCheck(arrays, (), True, tuple(notes))
    findings, explains_all = _explain(forward, references, best, got)
    return BackpropCheck(arrays, findings, explains_all, tuple(notes))


def _references(forward: Forward, got: Mapping[Key, np.ndarray]) -> Iterator[_Reference]:
    """The right arrays in each convention."""
    problem = forward.problem
    has_zeros = any((z.value == 0).any() for z in forward.z)
    sides = (None, -1.0, 1.0, 0.0) if has_zeros else (None,)
    scales = dict.fromkeys((1.0, problem.scale)) if ("delta", 0) in got else (1.0,)
    for side, scale in itertools.product(sides, scales):
        run = Run(forward, Variant(side, scale))
        arrays = itertools.chain(run.activations(), run.backward(problem.depth - 1))
        answers = {key: right for key, right in arrays if key in got}
        wrong = [key for key, right in answers.items() if not any(one.allows(got[key]) for one in right)]
        yield _Reference(run, answers, wrong)


def _first_wrong(reference: _Reference) -> int:
    """The number of arrays before the first wrong one."""
    order = list(reference.answers)
    return order.index(reference.wrong[0]) if reference.wrong else len(order)


def _verdict(key: Key, got: np.ndarray, answers: Sequence[Rounded], is_wrong: bool) -> ArrayCheck:
    error = float("inf")
    verdict = "wrong" if is_wrong else "right"
    if all(got.shape != right.value.shape for right in answers):
        verdict = "wrong shape"
    elif not np.isfinite(got).all():
        verdict = "not finite"
    else:
        values = [right.value for right in answers]
        error = min(float(np.abs(got - v).max(initial=0) / (np.abs(v).max(initial=0) or 1)) for v in values)
    return ArrayCheck(key[0], key[1] + 1, error, verdict)


def _explain(
    forward: Forward, references: Sequence[_Reference], best: _Reference, got: Mapping[Key, np.ndarray]
) -> tuple[tuple[Finding, ...], bool]:
    """The mistakes that each explain all wrong arrays; if there are none, those that explain the first."""
    explains_all: dict[str, Finding] = {}
    explains_first: dict[str, Finding] = {}
    tried = list(plants(forward))
    # A wrong forward pass shows in the arrays of the output layer at the latest.
    if any(
        one.wrong[0][0] == "activation" or one.wrong[0][1] == forward.problem.depth - 1 for one in references
    ):
        tried += forward_plants(forward)
    for reference in references:
        for plant in tried:
            _try(plant, reference, got, explains_all, explains_first if reference is best else {})
        if not explains_all:  # after all others, since a fitted learning rate explains more easily
            for plant in _updated(reference, got):
                _try(plant, reference, got, explains_all, {})
    return tuple((explains_all or explains_first).values()), bool(explains_all)


def _try(
    plant: Plant,
    reference: _Reference,
    got: Mapping[Key, np.ndarray],
    explains_all: dict[str, Finding],
    explains_first: dict[str, Finding],
) -> None:
    """Make a mistake, and add it to the findings if it gives the arrays."""
    right = reference.run
    first = reference.wrong[0]
    depth = right.forward.problem.depth
    run = Run(plant.forward or right.forward, right.variant, plant.mistake, plant.layers)
    arrays: Iterator[tuple[Key, list[Rounded]]]
    if plant.forward is not None:
        arrays = itertools.chain(run.activations(), run.backward(depth - 1))
    elif first[0] == "activation" or max(plant.layers) < first[1]:
        return  # the mistake comes after the first wrong array
    else:
        arrays = run.backward(max(plant.layers), right)
    found = explains_all
    has_first = False
    for key, trials in arrays:
        if key not in got:
            continue
        is_wrong = key in reference.wrong
        answers = reference.answers[key]
        fits = [one for one in trials if one.allows(got[key]) and not (is_wrong and _is_same(one, answers))]
        if not fits:
            if not has_first or not is_wrong:
                return
            found = explains_first
            break
        has_first = has_first or key == first
    layers = tuple(i + 1 for i in sorted(plant.layers if plant.forward else run.made))
    finding = Finding(plant.mistake.name, plant.mistake.array, layers, plant.mistake.text)
    found.setdefault(plant.mistake.name, finding)


def _is_same(trial: Rounded, answers: Sequence[Rounded]) -> bool:
    """Whether rounding hides the difference to the right numbers, or all numbers of a mistake."""
    rights = [right for right in answers if right.value.shape == trial.value.shape]
    hidden = trial.tolerance.max(initial=0) >= np.abs(trial.value).max(initial=0)
    return any(
        hidden or (np.abs(trial.value - right.value) <= trial.tolerance + right.tolerance).all()
        for right in rights
    )


def _updated(reference: _Reference, got: Mapping[Key, np.ndarray]) -> Iterator[Plant]:
    """Weights updated before δ is computed, at the learning rate that fits the first wrong array."""
    first = reference.wrong[0]
    right = reference.run
    answer = reference.answers[first][0].value
    start = first[1]
    last = right.forward.problem.depth - 1
    if first[0] == "activation" or start == last or got[first].shape != answer.shape:
        return
    run = Run(right.forward, right.variant, updated_too_early(1.0), frozenset([start]))
    trial = next(arrays[0].value for key, arrays in run.backward(start, right) if key == first)
    direction = trial - answer  # the array is linear in the rate
    rate = float(((got[first] - answer) * direction).sum() / ((direction**2).sum() or np.inf))
    if np.isfinite(rate) and rate > 0:
        hidden = frozenset(range(start + 1))  # a training loop makes the mistake in all hidden layers
        yield from (Plant(updated_too_early(rate), layers) for layers in (hidden, frozenset([start])))


def _precision(array: np.ndarray) -> float:
    """The spacing of floats at 1; integers are exact."""
    dtype = array.dtype if jnp.issubdtype(array.dtype, jnp.floating) else np.dtype(np.float64)
    return float(jnp.finfo(dtype).eps)  # type: ignore[no-untyped-call]


def _numbers(value: object, argument: str) -> np.ndarray:
    """An array of numbers, which may be NaN or infinite."""
    array = np.asarray(checks.as_array(value, argument))
    checks.check_numbers(array, argument)
    return array


def _pairs(value: Any, argument: str, count: int | None = None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights and biases of each layer as arrays."""
    if not checks.is_several(value) or not len(value):
        raise ArgumentTypeError(argument, PAIR, got=checks.shown(value))
    if count is not None and len(value) != count:
        raise ArgumentError(argument, f"expected {count} pairs, like params", got=str(len(value)))
    for pair in value:
        if not checks.is_several(pair) or len(pair) != 2:
            raise ArgumentTypeError(argument, PAIR, got=checks.shown(pair))
    return [(_numbers(w, argument), _numbers(b, argument)) for w, b in value]


def _orientation(
    pairs: list[tuple[np.ndarray, np.ndarray]], n_in: int, layout: str | None
) -> tuple[bool, list[str]]:
    """Whether weights are ``[n_out, n_in]``, and a note if that was read from their shapes."""
    shapes = [w.shape for w, _ in pairs]
    sizes = [n_in, *(b.size for _, b in pairs)]
    flat = all(max(b.shape, default=1) == b.size for _, b in pairs)  # [n], [1, n] or [n, 1]
    straight = flat and layout != "out_in" and shapes == list(itertools.pairwise(sizes))
    swapped = flat and layout != "in_out" and shapes == [(b, a) for a, b in itertools.pairwise(sizes)]
    if straight and swapped:
        note = 'All weights are square and read as [n_in, n_out]; pass layout="out_in" for the other.'
        return False, [note] if layout is None else []
    if straight or swapped:
        return swapped, ["Weights are read as [n_out, n_in]."] if swapped and layout is None else []
    first = pairs[0][0].shape
    for axis, order in ((0, 1), (-1, -1)):  # other inputs than x has, but weights that fit otherwise
        if flat and first:
            others = [pair[::order] for pair in itertools.pairwise([first[axis], *sizes[1:]])]
            if shapes == others and layout != LAYOUTS[order == 1]:
                expected = f"expected {first[axis]} columns, the inputs of params"
                raise ArgumentError("x", expected, got=str(n_in))
    weights = "weights [n_in, n_out] or [n_out, n_in]" if layout is None else f"weights {layout}"
    expected = f"expected {weights} and biases [n_out], with {n_in} inputs"
    got = ", ".join(f"{list(w.shape)} {list(b.shape)}" for w, b in pairs)
    raise ArgumentError("params", expected, got=got)


def _listed(values: Any, argument: str, count: int, inputs: bool = False) -> list[np.ndarray]:
    """An array for each layer, without the inputs a_0; none for None."""
    if values is None:
        return []
    counts = (count, count + 1) if inputs else (count,)
    if not checks.is_several(values) or len(values) not in counts:
        first = f", or {count + 1} with the inputs first" if inputs else ""
        got = str(len(values)) if checks.is_several(values) else checks.shown(values)
        raise ArgumentTypeError(argument, f"expected {count} arrays, one for each layer{first}", got=got)
    return [_numbers(value, argument) for value in values][-count:]


def _rows_first(
    listed: dict[str, list[np.ndarray]], n: int, sizes: list[int], swapped: bool
) -> tuple[dict[str, list[np.ndarray]], bool]:
    """Activations and deltas with rows on their first axis, and whether these were on the last one."""
    pairs = [pair for arrays in listed.values() for pair in zip(arrays, sizes, strict=False)]
    straight = all(array.shape == (n, size) for array, size in pairs)
    turned = bool(pairs) and all(array.shape == (size, n) for array, size in pairs)
    columns = turned and (swapped or not straight)
    if not straight and not columns:
        name, array, size = next(
            (name, array, size)
            for name, arrays in listed.items()
            for array, size in zip(arrays, sizes, strict=False)
            if array.shape != (n, size)
        )
        argument = {"activation": "activations", "delta": "deltas"}[name]
        expected = f"expected [{n}, {size}], rows of x by units of the layer"
        raise ArgumentError(argument, expected, got=str(list(array.shape)))
    return {
        name: [np.asarray(array.T if columns else array, np.float64) for array in arrays]
        for name, arrays in listed.items()
    }, columns


def _bias(b: np.ndarray, n: int, size: int, columns: bool) -> np.ndarray:
    """``∂C/∂b [n_out]``; a wrong length stays, with rows first if δ was not summed."""
    b = np.asarray(b, np.float64)
    if max(b.shape, default=1) == b.size and (b.ndim > 0 or size == 1):
        return b.ravel()
    return b.T if columns and b.shape == (size, n) else b
