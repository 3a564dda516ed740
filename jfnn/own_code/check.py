"""Compare a student's backpropagation arrays with the derivation by hand, and identify the mistake."""

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
from jfnn.own_code.derivation import Derivation, Key, Problem
from jfnn.own_code.mistakes import Plant, plants, updated_too_early
from jfnn.targets import as_targets

LAYOUTS = ("in_out", "out_in")
PAIR = "expected a pair of weights and biases for each layer, such as list(zip(weights, biases))"
SYMBOLS = {"activation": "a", "delta": "δ", "weights": "∂C/∂w", "biases": "∂C/∂b"}

# Gradients, or a function that computes them from the user's parameters and rows.
Pairs = Sequence[tuple[ArrayLike, ArrayLike]]
Gradients = Pairs | Callable[[Any, Any, Any], Pairs]


class ArrayCheck(NamedTuple):
    """One array compared with the derivation by hand.

    Attributes:
        array: "activation", "delta", "weights" (``∂C/∂w``) or "biases" (``∂C/∂b``).
        layer: The layer, from 1 to L.
        error: The largest difference from the right array, relative to its largest entry; infinite for a
            wrong shape or entries that are not finite.
        verdict: "right", "wrong", "wrong shape" or "not finite".
    """

    array: str
    layer: int
    error: float
    verdict: str

    def __str__(self) -> str:
        return f"{SYMBOLS[self.array]} of layer {self.layer}"


class Finding(NamedTuple):
    """A mistake that reproduces the student's numbers up to rounding.

    Attributes:
        mistake: A short identifier.
        array: The wrong array: "activation", "delta", "weights", "biases", or "gradients" for the last two.
        layers: The layers with the mistake, from 1 to L.
        text: What was done, and what is right.
    """

    mistake: str
    array: str
    layers: tuple[int, ...]
    text: str

    def __str__(self) -> str:
        symbol = SYMBOLS.get(self.array, "∂C/∂w, ∂C/∂b")
        layers = f"layer{'s' * (len(self.layers) > 1)} {', '.join(map(str, self.layers))}"
        return f"{symbol} of {layers}: {self.text} [{self.mistake}]"


class BackpropCheck(NamedTuple):
    """A student's arrays compared with the derivation by hand; prints as a table.

    Attributes:
        arrays: Each array, in the order in which a program computes them.
        findings: Mistakes, each of which alone reproduces the student's numbers. Several may give the same
            numbers for these parameters and rows.
        explains_all: Whether the findings explain all wrong arrays, not only the first one.
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
        named = f"; {' or '.join(self.mistakes)}" if self.findings else ""
        return f"<BackpropCheck: {'right' if self.right else f'{self.first} is wrong'}{named}>"

    def __str__(self) -> str:
        lines = ["array  layer  error    verdict"]
        for one in self.arrays:
            error = texts.compact(one.error, 2) if np.isfinite(one.error) else "-"
            first = " (first)" if one == self.first else ""
            lines.append(f"{SYMBOLS[one.array]:5}  {one.layer:<5}  {error:7}  {one.verdict}{first}")
        if self.first is not None:
            lines += ["", f"The first wrong array is {self.first}."]
            subject = "This mistake explains"
            if len(self.findings) > 1:
                subject = "Each of these mistakes gives the same numbers here and explains"
            others = (
                "all wrong arrays"
                if self.explains_all
                else "it, but not all others; correct it and check again"
            )
            lines += [f"{subject} {others}:"] if self.findings else ["No known mistake explains it."]
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
    penalized: str = "weights",
    reduction: str = "mean",
    layout: str | None = None,
) -> BackpropCheck:
    """Check the gradients computed by your own program, and identify the mistake if they are wrong.

    The reference is the derivation by hand (see `jfnn.backprop`) in float64, for the objective of
    `jfnn.objective`: a sum or mean of the costs over the rows, plus the penalties. An array is right if it
    differs from the reference only by the rounding errors of its dtype. If an array is wrong, some forty
    common mistakes are tried one at a time, in each layer and in all layers. A mistake is reported only if it
    reproduces the program's numbers up to rounding, including the right arrays. Pass activations and deltas
    to locate the first wrong array more precisely.

    Networks have dense layers with biases. Where z is exactly 0, either one-sided slope of an activation with
    a kink, or their mean, is right if all units use the same. With ``reduction="mean"`` the factor 1/n may be
    in δ_L, and so in all δ, or in the gradients. A mean plus the whole penalty, ``1/n Σ C + λ/2 Σ w²``, is
    the objective with ``l2 = n λ``.

    Args:
        params: A pair of weights and biases for each layer. Weights are ``[n_in, n_out]`` or ``[n_out,
            n_in]``, inferred from their shapes; biases are ``[n_out]``, ``[1, n_out]`` or ``[n_out, 1]``.
        x: Inputs ``[n, n_in]``.
        y: Integer labels ``[n]`` or float targets ``[n, n_out]``, such as one-hot rows.
        gradients: A pair ``(∂C/∂w, ∂C/∂b)`` for each layer, in the layout of the weights; or a function
            ``(params, x, y) -> pairs``, which is called with these arguments.
        activations: a_l of each layer ``[n, n_l]``, starting from the inputs or the first hidden layer. The
            last array contains the outputs, or the probabilities that a cross-entropy computes from them.
        deltas: δ_l = ∂C/∂z_l of each layer ``[n, n_l]``.
        activation: The hidden layers' activation.
        output: The output layer's activation; "identity" for a cross-entropy, which contains its softmax or
            sigmoid.
        loss: A name in `jfnn.losses.LOSSES`, or a `Loss`.
        l2: λ, the strength of the penalty ``λ/2 Σ w²``.
        l1: λ_1, the strength of the penalty ``λ_1 Σ |w|``.
        penalized: "weights", or "all" to include the biases.
        reduction: "sum" or "mean".
        layout: "in_out" or "out_in", the axes of the weights; None to infer it from their shapes.

    Returns:
        A verdict on each array, and the mistake; prints as a table.

    Raises:
        ValueError, TypeError: Parameters or rows do not fit or are not numbers, or the network's outputs are
            not finite. Gradients of a wrong shape, or not finite, are reported as wrong instead.

    Example:
        >>> import jax
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> params = jfnn.mlp((2, 8, 2)).init(jax.random.key(0))
        >>> all_z, all_a = jfnn.backprop.forward(params, x)
        >>> delta = jfnn.losses.d_cross_entropy(all_a[-1], jfnn.datasets.one_hot(y, 2))
        >>> mine = jfnn.backprop.gradients(params, all_a, jfnn.backprop.deltas(params, all_z, delta))
        >>> jfnn.check_backprop(params, x, y, mine, reduction="sum")
        <BackpropCheck: right>
    """
    strengths = checks.as_number(l2, "l2"), checks.as_number(l1, "l1")
    objective = losses.as_objective(loss, reduction, *strengths, penalized)
    hidden = functions.get(activation)
    last = functions.get(output, "output")
    if layout is not None:
        checks.as_choice(layout, "layout", LAYOUTS)
    rows = np.asarray(checks.as_inputs(x))
    if rows.ndim != 2:
        raise ArgumentError("x", "expected rows [n, n_in]", got=str(list(rows.shape)))
    n, n_in = rows.shape
    pairs = _pairs(params, "params")
    for array in itertools.chain(*pairs):
        checks.check_values(array, "params", np.float64)
    swapped, notes = _orientation(pairs, n_in, layout)
    # Copies, since a program may update its parameters in place while it computes the gradients.
    weights = [np.array(w.T if swapped else w, np.float64)[None] for w, _ in pairs]
    biases = [np.array(b, np.float64).reshape(1, 1, -1) for _, b in pairs]
    sizes = [b.size for b in biases]
    check_output(mlp([n_in, *sizes], activation, output), objective.loss)
    with jax.enable_x64(True):  # in this thread only
        targets = np.asarray(as_targets(y, (n, sizes[-1]), objective.loss, np.float64))

    if callable(gradients):
        check_callable(gradients, (params, x, y), "gradients", "a function of params, x and y")
        try:
            gradients = gradients(params, x, y)
        except Exception as error:
            reason = f"expected gradients, but the function raised {type(error).__name__}: {error}"
            raise ArgumentError("gradients", reason) from error
    gradient_pairs = _pairs(gradients, "gradients", len(pairs))
    depth = len(pairs)
    listed = {  # without the inputs, which may be listed first
        "activation": _of_layers(activations, "activations", (depth, depth + 1))[-depth:],
        "delta": _of_layers(deltas, "deltas", (depth,)),
    }
    columns = _are_columns(listed, n, sizes, swapped)
    if columns:
        notes.append("Activations and deltas are read as [n_l, n], with a column for each row of x.")
    got = {(name, i): a.T if columns else a for name, arrays in listed.items() for i, a in enumerate(arrays)}
    for i, (w, b) in enumerate(gradient_pairs):
        got["weights", i] = w.T if swapped else w
        is_vector = max(b.shape, default=1) == b.size
        got["biases", i] = b.ravel() if is_vector else b.T if columns and b.shape == (sizes[i], n) else b
    problem = Problem(
        rows.astype(np.float64)[None],
        targets[None],
        weights,
        biases,
        [hidden] * (depth - 1) + [last],
        objective,
        max(map(_precision, itertools.chain([rows], *pairs, *gradient_pairs, *listed.values()))),
    )
    if not any(strengths):
        notes.append("l2 and l1 are 0: the gradient of a penalty is not checked.")
    if not any(b.any() for b in biases):
        notes.append("All biases are 0: whether they are added is not checked.")
    with np.errstate(over="ignore", invalid="ignore"):  # planted mistakes may overflow
        return _check(problem, {key: array.astype(np.float64) for key, array in got.items()}, notes)


class _Reference(NamedTuple):
    """The right arrays in one of several conventions.

    Attributes:
        run: The computation.
        answers: The right values of each given array, in the order of the computation.
        wrong: The arrays that differ.
    """

    run: Derivation
    answers: dict[Key, list[np.ndarray]]
    wrong: list[Key]


def _check(problem: Problem, got: Mapping[Key, np.ndarray], notes: Sequence[str]) -> BackpropCheck:
    references = list(_references(problem, got))

    def count_right(one: _Reference) -> tuple[int, int]:
        order = list(one.answers)
        return order.index(one.wrong[0]) if one.wrong else len(order), -len(one.wrong)

    best = max(references, key=count_right)
    arrays = []
    for key, answers in best.answers.items():
        values = [copies[0] for copies in answers]
        if not all(np.isfinite(value).all() for value in values):
            raise ArgumentError("params", "expected a network whose activations and gradients are finite")
        error = float("inf")
        verdict = "wrong" if key in best.wrong else "right"
        if got[key].shape != values[0].shape:
            verdict = "wrong shape"
        elif not np.isfinite(got[key]).all():
            verdict = "not finite"
        else:
            error = min(_largest(got[key] - value) / (_largest(value) or 1) for value in values)
        arrays.append(ArrayCheck(key[0], key[1] + 1, error, verdict))
    # Ignore conventions in which an earlier array is wrong.
    alike = [one for one in references if count_right(one)[0] == count_right(best)[0]]
    findings, explains_all = _explain(alike, best, got) if best.wrong else ((), True)
    return BackpropCheck(tuple(arrays), findings, explains_all, tuple(notes))


def _largest(array: np.ndarray) -> float:
    return float(np.abs(array).max(initial=0))


def _references(problem: Problem, got: Mapping[Key, np.ndarray]) -> Iterator[_Reference]:
    """Yield the right arrays in each convention: the slope at a kink, and the factor of δ."""
    forward = Derivation(problem)
    sides = (None, -1.0, 1.0, 0.0) if any((z[0] == 0).any() for z in forward.z) else (None,)
    scales = dict.fromkeys((1.0, problem.scale)) if ("delta", 0) in got else (1.0,)
    for side, scale in itertools.product(sides, scales):
        run = Derivation(problem, forward, side=side, delta_scale=scale)
        answers = {key: right for key, right in run.arrays() if key in got}
        wrong = [key for key, right in answers.items() if not any(problem.allows(a, got[key]) for a in right)]
        yield _Reference(run, answers, wrong)


def _explain(
    references: Sequence[_Reference], best: _Reference, got: Mapping[Key, np.ndarray]
) -> tuple[tuple[Finding, ...], bool]:
    """Return the mistakes that explain all wrong arrays; if there are none, those that explain the first."""
    explains_all: dict[str, Finding] = {}
    explains_first: dict[str, Finding] = {}
    for reference in references:
        tried = [plant for plant in plants(best.run.problem) if _may_explain(plant, reference)]
        for plant in tried:
            finding, is_all = _try(plant, reference, got)
            if finding and (is_all or reference is best):
                (explains_all if is_all else explains_first).setdefault(finding.mistake, finding)
        if not explains_all:  # tried last, since a fitted learning rate can explain more
            for plant in _update(reference, got):
                finding, is_all = _try(plant, reference, got)
                if finding and is_all:
                    explains_all.setdefault(finding.mistake, finding)
    return tuple((explains_all or explains_first).values()), bool(explains_all)


def _may_explain(plant: Plant, reference: _Reference) -> bool:
    """Whether a mistake can change the first wrong array but none before it."""
    mistake, layers = plant
    array, layer = reference.wrong[0]
    if mistake.array == "activation":  # visible in the output layer's arrays at the latest
        is_last = layer == len(reference.run.z) - 1 and ("activation", layer) not in reference.answers
        return array == "activation" or is_last
    if mistake.array in ("weights", "biases") and array != mistake.array:
        return False
    return array != "activation" and layer <= max(layers)


def _try(plant: Plant, reference: _Reference, got: Mapping[Key, np.ndarray]) -> tuple[Finding | None, bool]:
    """Return a finding if a mistake gives all arrays up to the first wrong one, and whether it gives all."""
    mistake, layers = plant
    right = reference.run
    problem = right.problem
    run = Derivation(problem, right, mistake, layers, right.side, right.delta_scale)
    has_first = False
    has_all = True
    for key, trials in run.arrays():
        if key not in got:
            continue
        is_wrong = key in reference.wrong
        fits = [trial for trial in trials if problem.allows(trial, got[key])]
        if is_wrong:
            fits = [trial for trial in fits if not _is_same(problem, trial, reference.answers[key])]
        if not fits:
            has_first = has_first and is_wrong
            has_all = False
            break
        has_first = has_first or key == reference.wrong[0]
    made = tuple(i + 1 for i in sorted(run.made))
    finding = Finding(mistake.name, mistake.array, made, mistake.text) if has_first else None
    return finding, has_all


def _is_same(problem: Problem, trial: np.ndarray, answers: Sequence[np.ndarray]) -> bool:
    """Whether a trial differs from the right numbers only by rounding, or consists of rounding errors."""
    tolerance = problem.tolerance(trial)
    hidden = tolerance.max(initial=0) >= np.abs(trial[0]).max(initial=0)
    return any(
        hidden or bool((np.abs(trial[0] - right[0]) <= tolerance + problem.tolerance(right)).all())
        for right in answers
        if right.shape == trial.shape
    )


def _update(reference: _Reference, got: Mapping[Key, np.ndarray]) -> Iterator[Plant]:
    """Yield the mistake of updating weights before δ, at a learning rate fitted to the first wrong array."""
    first = reference.wrong[0]
    right = reference.run
    start = first[1]
    answer = reference.answers[first][0][0]
    if first[0] == "activation" or start == len(right.z) - 1 or got[first].shape != answer.shape:
        return
    layers = frozenset([start])
    run = Derivation(right.problem, right, updated_too_early(1.0), layers, right.side, right.delta_scale)
    direction = dict(run.arrays())[first][0][0] - answer  # the array is linear in the learning rate
    rate = float(((got[first] - answer) * direction).sum() / ((direction**2).sum() or np.inf))
    if np.isfinite(rate) and rate > 0:
        hidden = frozenset(range(start + 1))  # a training loop makes the mistake in all hidden layers
        yield from ((updated_too_early(rate), group) for group in (hidden, layers))


def _precision(array: np.ndarray) -> float:
    """Return the spacing of floats at 1; integers are exact."""
    dtype = array.dtype if jnp.issubdtype(array.dtype, jnp.floating) else np.dtype(np.float64)
    return float(jnp.finfo(dtype).eps)  # type: ignore[no-untyped-call]


def _pairs(value: Any, argument: str, count: int | None = None) -> list[tuple[np.ndarray, np.ndarray]]:
    if not checks.is_several(value) or not len(value):
        raise ArgumentTypeError(argument, PAIR, got=checks.as_text(value))
    if count is not None and len(value) != count:
        raise ArgumentError(argument, f"expected {count} pairs, like params", got=str(len(value)))
    for pair in value:
        if not checks.is_several(pair) or len(pair) != 2:
            raise ArgumentTypeError(argument, PAIR, got=checks.as_text(pair))
    return [(checks.as_numbers(w, argument), checks.as_numbers(b, argument)) for w, b in value]


def _orientation(
    pairs: list[tuple[np.ndarray, np.ndarray]], n_in: int, layout: str | None
) -> tuple[bool, list[str]]:
    """Return whether weights are ``[n_out, n_in]``, and a note if that was inferred from their shapes."""
    shapes = [w.shape for w, _ in pairs]
    outputs = [b.size for _, b in pairs]
    inputs = pairs[0][0].size // max(outputs[0], 1)
    straight = list(itertools.pairwise([inputs, *outputs]))
    are_vectors = all(max(b.shape, default=1) == b.size for _, b in pairs)  # [n], [1, n] or [n, 1]
    fits = {"in_out": are_vectors and shapes == straight}
    fits["out_in"] = are_vectors and shapes == [pair[::-1] for pair in straight]
    read = [one for one in LAYOUTS if fits[one] and layout in (one, None)]
    if not read:
        weights = "weights [n_in, n_out] or [n_out, n_in]" if layout is None else f"weights {layout}"
        got = ", ".join(f"{list(w.shape)} {list(b.shape)}" for w, b in pairs)
        raise ArgumentError("params", f"expected {weights} and biases [n_out], with {n_in} inputs", got=got)
    if inputs != n_in:
        raise ArgumentError("x", f"expected {inputs} columns, the inputs of params", got=str(n_in))
    if len(read) > 1:
        note = 'All weights are square and read as [n_in, n_out]; pass layout="out_in" for [n_out, n_in].'
    else:
        note = "Weights are read as [n_out, n_in]." if read == ["out_in"] and layout is None else ""
    return read[0] == "out_in", [note] if note else []


def _of_layers(values: Any, argument: str, counts: Sequence[int]) -> list[np.ndarray]:
    """Return an array for each layer; [] for None."""
    if values is None:
        return []
    if not checks.is_several(values) or len(values) not in counts:
        expected = f"expected {' or '.join(map(str, counts))} arrays, one for each layer"
        got = str(len(values)) if checks.is_several(values) else checks.as_text(values)
        raise ArgumentTypeError(argument, expected, got=got)
    return [checks.as_numbers(value, argument) for value in values]


def _are_columns(listed: Mapping[str, list[np.ndarray]], n: int, sizes: Sequence[int], swapped: bool) -> bool:
    """Whether activations and deltas have the rows of x on their last axis."""
    arrays = [(name, a, size) for name, each in listed.items() for a, size in zip(each, sizes, strict=False)]
    wrong = [(name, a, size) for name, a, size in arrays if a.shape != (n, size)]
    if arrays and (wrong or swapped) and all(a.shape == (size, n) for _, a, size in arrays):
        return True
    for name, array, size in wrong:
        expected = f"expected [{n}, {size}], rows of x by units of the layer"
        raise ArgumentError(f"{name}s", expected, got=str(list(array.shape)))
    return False
