"""Which mistakes explain a student's arrays: from the output layer down, the fewest that do.

Every array is tried given the arrays that it is made of: the student's own, where they were handed in, else
those that the mistakes found above lead to. So a mistake is named where it is made, and not in all layers
below it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jfnn.activations import ACTIVATIONS
from jfnn.own_code.forward import Forward, Setting
from jfnn.own_code.given import Given
from jfnn.own_code.mistakes import (
    COSTS,
    DERIVATIVES,
    FACTORS,
    FORWARD,
    MISTAKES,
    PENALTIES,
    PRODUCTS,
    PULLED,
    SUMS,
    Factor,
    Mistake,
    without_sign,
)
from jfnn.own_code.record import Finding
from jfnn.own_code.rounded import SAFETY, Rounded

BEAM = 16  # explanations of the layers above that are gone on with
TIES = 3  # explanations of one array that are as short
SAMPLE = 16  # entries by which most factors are ruled out
MANY = 2  # mistakes, above which pairs of them in one array may be shorter
FEW = 3  # wrong forward passes of which more than one mistake of the backward pass is tried
IDENTITY = ACTIVATIONS["identity"]
SCALES = {"sum_for_mean", "mean_twice"}
EXCLUSIVE = ({"doubled", "halved"}, SCALES)

# Mistakes in one array: the name, and which one of several of its kind.
Named = tuple[tuple[str, str], ...]
# How many mistakes are tried in one array: none, one, or two.
NONE, ONE, TWO = range(3)


class Coefficients(NamedTuple):
    """Factors of the two parts of a gradient, of the costs and of the penalty.

    Attributes:
        named: The mistakes that lead to them.
        costs: Factor of what the costs give.
        penalty: Factor of what the penalty gives.
    """

    named: Named
    costs: float
    penalty: float


class State(NamedTuple):
    """An explanation of the layers from the output down to one.

    Attributes:
        forward: The forward pass.
        findings: The mistakes.
        unknown: The arrays that they do not explain, ``(array, layer)``.
        objective: Factors of all gradients.
        scale: Factor of the deltas: 1, or 1/n where those that were given have it.
        delta: δ of the lowest layer so far.
    """

    forward: Forward
    findings: tuple[Finding, ...]
    unknown: frozenset[tuple[str, int]]
    objective: Coefficients
    scale: float
    delta: Rounded | None = None

    @property
    def rank(self) -> tuple[int, int]:
        """Arrays that are not explained, then mistakes: the fewer the better."""
        return len(self.unknown), len(self.findings)


def explain(setting: Setting, given: Given) -> State:
    """The shortest explanation of what was handed in."""
    forward, findings, unknown = _own_forward(setting, given)
    search = Search(setting, given)
    best = search.backward(forward, ONE)
    if search.left(best) and given.activations is None:
        best = min([best, *search.other_forwards()], key=lambda state: state.rank)
    if search.left(best) or len(best.findings) > MANY:
        best = search.backward(best.forward, TWO, best.findings, best)
    return best._replace(findings=findings + best.findings, unknown=best.unknown | unknown)


def unseen(setting: Setting) -> tuple[str, ...]:
    """Mistakes that change something, but nowhere more than rounding does."""
    forward = Forward(setting)
    seen: dict[str, bool] = {}

    def compare(right: Rounded, wrong: Rounded, name: str) -> None:
        if right.value.shape != wrong.value.shape:
            seen[name] = True
        elif (right.value != wrong.value).any():
            seen[name] = seen.get(name, False) or not right.allows(wrong.value)

    delta: Rounded | None = None
    for i in reversed(range(setting.depth)):
        above, delta = delta, None
        for named, trial in _deltas(forward, i, above, ONE, shown=True):
            delta = trial if delta is None else delta
            for name, _ in named:
                compare(delta, trial, name)
        assert delta is not None
        product = forward.a[i].transposed.matmul(delta).scaled(setting.scale)
        penalty = _penalty(setting, setting.weights[i])
        for name, factor in _factors(setting, PENALTIES).items() if setting.has_penalty else ():
            compare(product.plus(penalty), product.plus(penalty.scaled(factor)), name)
        for name, factor in _factors(setting, FACTORS).items():
            compare(product, product.scaled(factor), name)
        for name, mistake in PRODUCTS.items():
            for _, trial in mistake.tries(forward, delta, i):
                compare(product, trial.scaled(setting.scale), name)
        for name, mistake in SUMS.items():
            for _, trial in mistake.tries(delta):
                compare(delta.sum(0), trial, name)
    return tuple(name for name, is_seen in seen.items() if not is_seen)


def right_arrays(setting: Setting) -> dict[tuple[str, int], Rounded]:
    """All arrays of a right program with their bounds, by kind and layer; deltas are of the sum of costs."""
    forward = Forward(setting)
    arrays: dict[tuple[str, int], Rounded] = {}
    delta: Rounded | None = None
    for i in reversed(range(setting.depth)):
        delta = next(_deltas(forward, i, delta, NONE))[1]
        product = forward.a[i].transposed.matmul(delta).scaled(setting.scale)
        arrays["activation", i + 1] = forward.made[i]
        arrays["delta", i + 1] = delta
        arrays["weights", i + 1] = product.plus(_penalty(setting, setting.weights[i]))
        biases = delta.sum(0).scaled(setting.scale)
        has_own = setting.penalised == "all"
        arrays["biases", i + 1] = biases.plus(_penalty(setting, setting.biases[i])) if has_own else biases
    arrays["probabilities", setting.depth] = forward.probabilities()
    return arrays


def _penalty(setting: Setting, array: np.ndarray) -> Rounded:
    """The gradient of the penalty by weights."""
    return setting.exact(setting.scale * setting.penalty(array))


def _factors(setting: Setting, table: Mapping[str, Factor]) -> dict[str, float]:
    """The factors of a table that apply and change something."""
    found = {name: entry.of(setting) for name, entry in table.items()}
    return {name: factor for name, factor in found.items() if factor is not None and factor != 1}


def _own_forward(
    setting: Setting, given: Given
) -> tuple[Forward, tuple[Finding, ...], frozenset[tuple[str, int]]]:
    """The forward pass by the student's activations, with what is wrong in each of them alone."""
    own = given.activations
    forward = Forward(setting, own=own)
    if own is None:
        return forward, (), frozenset()
    findings: list[Finding] = []
    unknown: set[tuple[str, int]] = set()
    functions = list(setting.functions)
    without: list[int] = []
    for i, activation in enumerate(own):
        last = i == setting.depth - 1
        right = [forward.made[i], *([forward.probabilities()] if last else [])]
        if any(rounded.allows(activation) for rounded in right):
            continue
        found = [
            (Finding(name, "activation", i + 1, detail, entry.says), other)
            for name, entry in FORWARD.items()
            for detail, other in entry.tries(setting, i, own)
            if other.made[i].allows(activation)
        ]
        if found:
            first, other = found[0]
            findings.append(first._replace(others=tuple({f.mistake for f, _ in found} - {first.mistake})))
            functions[i] = other.functions[i]
            without += [i] if first.mistake == "bias_left_out" else []
        elif last and forward.over_rows().allows(activation):
            says = COSTS["softmax_over_rows"].says
            findings.append(Finding("softmax_over_rows", "activation", i + 1, "", says))
        else:
            unknown.add(("activation", i + 1))
    return Forward(setting, functions, own, without), tuple(findings), frozenset(unknown)


def _deltas(
    forward: Forward, i: int, above: Rounded | None, most: int, shown: bool = False
) -> Iterator[tuple[Named, Rounded]]:
    """δ of a layer from that of the layer above, of the sum of costs: the right one, then wrong ones."""
    setting = forward.setting

    def kept(table: Mapping[str, Mistake]) -> Iterator[tuple[str, Mistake]]:
        return ((name, entry) for name, entry in table.items() if most and (entry.shown or not shown))

    def sources() -> Iterator[tuple[Named, Rounded]]:
        if above is None:
            yield (), forward.d_cost()
            for name, entry in kept(COSTS):
                yield from ((((name, detail),), trial) for detail, trial in entry.tries(forward))
        else:
            yield (), above.matmul(setting.exact(setting.weights[i + 1].T))
            for name, entry in kept(PULLED):
                yield from ((((name, detail),), trial) for detail, trial in entry.tries(setting, above, i))

    def slopes() -> Iterator[tuple[Named, Rounded | None]]:
        # Where f' = 1, nothing is multiplied, nor rounded.
        yield (), None if forward.functions[i] == IDENTITY else forward.slope(i)
        for name, entry in kept(DERIVATIVES):
            yield from ((((name, detail),), trial) for detail, trial in entry.tries(forward, i))

    for source, slope in itertools.product(sources(), slopes()):
        named = source[0] + slope[0]
        if len(named) <= most:
            yield named, source[1] if slope[1] is None else source[1].times(slope[1])


class Search:
    """The search through a student's arrays."""

    def __init__(self, setting: Setting, given: Given) -> None:
        self.setting = setting
        self.given = given
        self._known: dict[tuple[Coefficients, float, int], list[Coefficients]] = {}
        self.factors: list[dict[Named, float]] = [
            {(): 1.0},
            *(_combined(_factors(setting, FACTORS), most) for most in (1, 2)),
        ]
        penalties = _factors(setting, PENALTIES) if setting.has_penalty else {}
        self.penalties: list[dict[Named, float]] = [
            {(): 1.0},
            *(_combined(penalties, most) for most in (1, 2)),
        ]

    def left(self, state: State) -> bool:
        """Whether there is an array of numbers that a state does not explain."""
        numbers = {
            (array, i): np.isfinite(one).all()
            for i, pair in enumerate(self.given.gradients, 1)
            for array, one in zip(("weights", "biases"), pair, strict=True)
        }
        return any(numbers.get(key, True) for key in state.unknown)

    def other_forwards(self) -> list[State]:
        """Explanations by one mistake of the forward pass, in one layer or in all hidden ones."""
        setting = self.setting
        found: list[State] = []
        for name, entry in FORWARD.items():
            for i in range(setting.depth):
                for detail, forward in entry.tries(setting, i, None):
                    finding = Finding(name, "activation", i + 1, detail, entry.says)
                    found.append(self.backward(forward, NONE, (finding,)))
        if setting.depth > 2:
            entry = FORWARD["other_activation"]
            for detail, activation in ACTIVATIONS.items():
                functions = [activation] * (setting.depth - 1) + [setting.functions[-1]]
                finding = Finding("other_activation", "activation", None, detail, entry.says)
                found.append(self.backward(Forward(setting, functions), NONE, (finding,)))
        found.sort(key=lambda state: state.rank)
        if found[0].unknown:
            found += [self.backward(state.forward, ONE, state.findings) for state in found[:FEW]]
        return found

    def backward(
        self, forward: Forward, most: int, findings: tuple[Finding, ...] = (), known: State | None = None
    ) -> State:
        """The shortest explanation of all layers by a forward pass, or the one that is known."""
        findings = tuple(finding for finding in findings if finding.array == "activation")
        starts = list(self._starts(forward, most, findings))
        plain = len(self._scales())
        best = [] if known is None else [known]
        best += self._through(starts[:plain], most, known)
        least = min(best, key=lambda state: state.rank)
        if least.rank > (0, len(findings) + 1):
            best += self._through(starts[plain:], most, least)
        shortest = min(state.rank for state in best)
        return _with_others([state for state in best if state.rank == shortest])

    def _through(self, states: list[State], most: int, known: State | None) -> list[State]:
        """The shortest explanations of all layers, of those that are no longer than one that is known."""
        for i in reversed(range(self.setting.depth)):
            states = [after for state in states for after in self._explained(state, i, most)]
            states.sort(key=lambda state: state.rank)
            states = [state for state in states[:BEAM] if known is None or state.rank <= known.rank]
        return [state for state in states if state.rank == states[0].rank]

    def _starts(self, forward: Forward, most: int, findings: tuple[Finding, ...]) -> Iterator[State]:
        """Mistakes of the objective as a whole, which show in the gradients of all layers."""
        factors = self.factors[most]
        penalties = self.penalties[most]
        for (named, costs), (more, penalty), scale in itertools.product(
            factors.items(), penalties.items(), self._scales()
        ):
            if not self.setting.has_penalty and named and self.given.deltas is None:
                continue  # a factor of δ_L does as much
            if len(named + more) > most or (named + more and self.setting.depth == 1 and not named):
                continue
            told = [(name, FACTORS[name].says) for name, _ in named]
            told += [(name, PENALTIES[name].says) for name, _ in more]
            made = tuple(Finding(name, "objective", None, "", says) for name, says in told)
            for whole in (costs, 1.0) if named else (1.0,):  # of the penalty as well, or of the costs alone
                objective = Coefficients(named + more, costs, whole * penalty)
                yield State(forward, findings + made, frozenset(), objective, scale)

    def _scales(self) -> list[float]:
        """Factors that right deltas may have."""
        return [1.0] if self.given.deltas is None else sorted({1.0, self.setting.scale})

    def _explained(self, state: State, i: int, most: int) -> Iterator[State]:
        """What may follow in the next layer below."""
        if state.objective.named and most == TWO:
            most = TWO - len(state.objective.named)
        own = self.given.deltas
        if own is not None and np.isfinite(own[i]).all():
            yield from self._by_own_delta(state, i, most, own[i])
            return
        for named, delta in self._with_factors(state, i, most):
            weights = self._weights(state, delta, i, most)
            biases = self._biases(state, delta, i, most)
            if named and not weights and not biases:
                continue
            extra = {("delta", i + 1)} if own is not None else set()
            yield from self._states(state, i, [named], weights, biases, delta, extra)
            if not named and weights[:1] == [()] and biases[:1] == [()]:
                return

    def _with_factors(self, state: State, i: int, most: int) -> Iterator[tuple[Named, Rounded]]:
        """δ of a layer, right and by mistakes, a factor among them."""
        above = None if i == self.setting.depth - 1 else state.delta
        for named, delta in _deltas(state.forward, i, above, most):
            delta = delta.scaled(state.scale) if above is None else delta
            for factors, factor in self.factors[most].items():
                if len(factors + named) <= max(most, len(factors)):
                    yield named + factors, delta.scaled(factor) if factors else delta

    def _by_own_delta(self, state: State, i: int, most: int, own: np.ndarray) -> Iterator[State]:
        """What follows where the student's δ of the layer is known."""
        fitting: list[Named] = []
        either = SCALES if i == self.setting.depth - 1 else set()  # which the state's scale has
        for named, delta in self._with_factors(state, i, most):
            if delta.allows(own) and not either & {name for name, _ in named}:
                fitting.append(named)
                if not named:
                    break
        if not fitting and i == self.setting.depth - 1 and self._by_own_outputs(state, own):
            fitting = [()]
        delta = self.setting.exact(own)
        weights = self._weights(state, delta, i, most)
        biases = self._biases(state, delta, i, most)
        extra = set() if fitting else {("delta", i + 1)}
        yield from self._states(state, i, _shortest(fitting) or [()], weights, biases, delta, extra)

    def _by_own_outputs(self, state: State, own: np.ndarray) -> bool:
        """Whether δ_L is P - t, as a cross-entropy has it, by the student's own probabilities."""
        outputs = self.given.activations
        if outputs is None or not self.setting.loss.takes_logits:
            return False
        right = state.forward.d_cost()
        plain = state.forward.probabilities().plus(self.setting.exact(-self.setting.targets))
        local = self.setting.exact(outputs[-1]).plus(self.setting.exact(-self.setting.targets))
        return right.allows(plain.value) and local.scaled(state.scale).allows(own)

    def _states(
        self,
        state: State,
        i: int,
        deltas: Sequence[Named],
        weights: Sequence[Named],
        biases: Sequence[Named],
        delta: Rounded,
        unknown: set[tuple[str, int]],
    ) -> Iterator[State]:
        """The state after a layer, for each of the explanations of its arrays that are as short."""
        lacking = unknown | {
            (array, i + 1) for array, found in (("weights", weights), ("biases", biases)) if not found
        }
        for of_delta, of_weights, of_biases in itertools.product(deltas, weights or [()], biases or [()]):
            made = [("delta", of_delta), ("weights", of_weights), ("biases", of_biases)]
            findings = tuple(
                Finding(name, array, i + 1, detail, MISTAKES[name])
                for array, named in made
                for name, detail in named
            )
            yield state._replace(
                findings=state.findings + findings, unknown=state.unknown | lacking, delta=delta
            )

    def _weights(self, state: State, delta: Rounded, i: int, most: int) -> list[Named]:
        """The shortest explanations of ``∂C/∂w``, given δ."""
        forward = state.forward
        got = self.given.gradients[i][0]
        w = self.setting.weights[i]

        whole = self.setting.penalty(w)

        def products() -> Iterator[tuple[Named, Rounded, np.ndarray]]:
            right = forward.a[i].transposed.matmul(delta)
            yield (), right, whole
            for detail, unsigned in without_sign(self.setting, w) if most else ():
                yield (("l1_without_sign", detail),), right, unsigned
            for name, entry in PRODUCTS.items() if most else ():
                for detail, trial in entry.tries(forward, delta, i):
                    for penalty in [whole, whole.T] if name == "transposed_gradient" else [whole]:
                        if penalty.shape == trial.value.shape:
                            yield ((name, detail),), trial, penalty

        of_weights = self._of_weights(state.objective, state.scale, most)
        found: list[Named] = []
        for named, product, penalty in products():
            combinations = [c for c in of_weights if len(c.named + named) <= max(most, 1)]
            parts = [product, self.setting.exact(penalty)]
            found += [named + fitting for fitting in _fitting(got, parts, combinations)]
            if () in found:
                break
        return _shortest(found)

    def _of_weights(self, objective: Coefficients, scale: float, most: int) -> list[Coefficients]:
        """Factors of ``aᵀ @ δ`` and of λ w."""
        if (objective, scale, most) in self._known:
            return self._known[objective, scale, most]
        costs = self.setting.scale / scale * objective.costs
        penalty = self.setting.scale * objective.penalty
        found = []
        for (named, factor), (more, of_penalty) in itertools.product(
            self.factors[most].items(), self.penalties[most].items()
        ):
            if len(named + more) <= most:
                found.append(Coefficients(named + more, costs * factor, penalty * of_penalty))
                if named and self.setting.has_penalty:  # or of the penalty as well
                    whole = Coefficients(named + more, costs * factor, penalty * factor * of_penalty)
                    found.append(whole)
        self._known[objective, scale, most] = found
        return found

    def _biases(self, state: State, delta: Rounded, i: int, most: int) -> list[Named]:
        """The shortest explanations of ``∂C/∂b``, given δ."""
        got = self.given.gradients[i][1]
        b = self.setting.biases[i]
        costs = self.setting.scale / state.scale * state.objective.costs
        penalty = self.setting.scale * state.objective.penalty
        factors = self.factors[most].items()
        has_own = self.setting.penalised == "all"
        if has_own:
            combinations = self._of_weights(state.objective, state.scale, most)
        else:
            combinations = [Coefficients(named, costs * factor, 0.0) for named, factor in factors]
        if most and self.setting.has_penalty and b.any():
            other: Named = (("biases_unpenalised" if has_own else "biases_penalised", ""),)
            wrong = (0.0,) if has_own else (penalty, 1.0)
            further = [Coefficients(other, costs, factor) for factor in wrong]
            combinations = combinations[:1] + further + combinations[1:]

        def sums() -> Iterator[tuple[Named, Rounded]]:
            yield (), delta.sum(0)
            for name, entry in SUMS.items() if most else ():
                yield from ((((name, detail),), trial) for detail, trial in entry.tries(delta))

        found: list[Named] = []
        for named, total in sums():
            fits = [c for c in combinations if len(c.named + named) <= max(most, 1)]
            parts = [total]
            if total.value.shape == b.shape:  # to others no penalty is added
                parts.append(self.setting.exact(self.setting.penalty(b)))
            found += [named + fitting for fitting in _fitting(got, parts, fits)]
            if () in found:
                break
        return _shortest(found)


def _combined(factors: Mapping[str, float], most: int) -> dict[Named, float]:
    """Products of at most so many factors, 1 among them."""
    found: dict[Named, float] = {(): 1.0}
    for count in range(1, most + 1):
        for names in itertools.combinations(factors, count):
            product = float(np.prod([factors[name] for name in names]))
            if product != 1 and not any(pair <= set(names) for pair in EXCLUSIVE):
                found[tuple((name, "") for name in names)] = product
    return found


def _shortest(found: Sequence[Named]) -> list[Named]:
    """The explanations with the fewest mistakes, each once."""
    least = min(map(len, found), default=0)
    return list(dict.fromkeys(named for named in found if len(named) == least))[:TIES]


def _fitting(got: np.ndarray, parts: Sequence[Rounded], combinations: Sequence[Coefficients]) -> list[Named]:
    """The combinations of parts that are an array to rounding; few entries rule most of them out."""
    if parts[0].value.shape != got.shape or not combinations or not np.isfinite(got).all():
        return []
    factors = np.array([(one.costs, one.penalty)[: len(parts)] for one in combinations])
    largest = np.array([np.abs(part.value).max(initial=0) for part in parts])
    unit = parts[0].unit

    def fits(rows: np.ndarray, entries: np.ndarray) -> np.ndarray:
        value = rows @ np.stack([part.value.ravel()[entries] for part in parts])
        bound = np.abs(rows) @ np.stack([part.bound.ravel()[entries] for part in parts])
        floor = 2 * unit * (np.abs(rows) @ largest)[:, None]
        return np.asarray((np.abs(got.ravel()[entries] - value) <= SAFETY * (bound + floor)).all(axis=1))

    sample = np.linspace(0, got.size - 1, min(SAMPLE, got.size)).astype(int)
    likely = np.flatnonzero(fits(factors, sample))
    everywhere = np.arange(got.size)
    return [combinations[int(k)].named for k in likely if fits(factors[k : k + 1], everywhere)[0]]


def _with_others(states: Sequence[State]) -> State:
    """The first of explanations that are as short, with what the others say of the same arrays."""
    first = states[0]
    findings = []
    for finding in first.findings:
        same = [
            other.mistake
            for state in states[1:]
            for other in state.findings
            if (other.array, other.layer) == (finding.array, finding.layer)
        ]
        findings.append(
            finding._replace(others=tuple(dict.fromkeys(n for n in same if n != finding.mistake)))
        )
    return first._replace(findings=tuple(findings))
