"""Bytes that a step of one member holds while it computes, read off its trace.

A member trained beside others needs room for the arrays that are its own. What follows from the rows and the
key of a step alone, such as draws, is computed once for all members of a tile, and is counted for none.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend import core

from jfnn.arguments.checks import ArgumentError
from jfnn.layers.kind import Params
from jfnn.learners.data import Batch, Hyper
from jfnn.learners.learner import Learner
from jfnn.learners.traced import Traced

# Bytes for a tile's members together on a core of a CPU; measured on learners from machines of 3x4 units to a
# loss on 5,000 points, on a core with 2 MB of cache: no width that it gives took more than 1.15 times the CPU
# time of the best one, and with anything from 0.8 to 4 MB none took more than 1.2 times.
CPU_ROOM = 1_500_000
NOTHING = slice(0, 0)


class Operation(NamedTuple):
    """One operation of a trace.

    Attributes:
        read: Numbers of the arrays that it reads.
        made: Numbers of the arrays that it makes.
        inside: Bytes that it holds besides these, where it is a loop or a choice.
    """

    read: Sequence[int]
    made: Sequence[int]
    inside: int


def footprint(learner: Learner | Traced, params: Params, batch: Batch, hyper: Hyper) -> int:
    """Bytes that a step of one member holds at its peak, less those of arrays that a tile's members share.

    It is `step_bytes` of the learner's step for arguments of these shapes and dtypes; members share the
    minibatch and the key of a step. Functions that the learner has traced before are not called again.
    """
    key = jax.eval_shape(lambda: jax.random.key(0)) if learner.random else None
    # Functions of their own: JAX keeps traces by the identity of a function, whose meaning may change.
    state = jax.eval_shape(lambda *arguments: learner.start(*arguments), params, hyper)
    arguments = {"state": state, "batch": batch, "hyper": hyper, "key": key}
    closed = jax.make_jaxpr(lambda *arguments: learner.step(*arguments))(*arguments.values())
    own = [name in ("state", "hyper") for name, tree in arguments.items() for _ in jax.tree.leaves(tree)]
    return step_bytes(closed, own)


def step_bytes(closed: core.ClosedJaxpr, own: Sequence[bool] | None = None) -> int:
    """The most bytes alive at once while the operations of a trace run in order.

    ``max_t Σ_a bytes(a)`` over operations t and the arrays a that t reads or makes, or that are there before
    t and read after it or returned. Constants and inputs live to their last use, results from the operation
    that makes them. Operations whose results nothing depends on do not run. A function that is called counts
    as if written out; a loop or a choice adds the peak of what it makes inside, a choice that of its larger
    branch. Compiled steps, whose operations are fused and in another order, hold 0.6 to 1.2 times as much.

    Args:
        closed: The trace.
        own: Which inputs are a member's own. Other inputs, constants, and what follows from these alone are
            shared and not counted. None to count every array.

    Raises:
        ValueError: ``own`` has not one value an input.
    """
    variables = _open(closed).invars
    if own is not None and len(own) != len(variables):
        raise ArgumentError("own", f"expected {len(variables)} values, one an input, got {len(own)}")
    arrays = _Arrays(all_count=own is None)
    inputs = arrays.add(variables, [True] * len(variables) if own is None else own)
    return arrays.peak(arrays.write(closed, inputs))


def nbytes(aval: Any) -> int:
    """Bytes of an array of a shape and dtype: of random keys those of their raw data, 0 of anything else."""
    dtype = getattr(aval, "dtype", None)
    return 0 if dtype is None else math.prod(aval.shape) * int(dtype.itemsize)


class _Arrays:
    """The arrays of a trace, by numbers, and the operations between them in order."""

    def __init__(self, all_count: bool):
        """Begins with none; ``all_count`` says whether arrays count that are no member's own."""
        self.all_count = all_count
        self.own, self.bytes, self.operations = list[bool](), list[int](), list[Operation]()

    def add(self, variables: Sequence[Any], own: Sequence[bool]) -> list[int]:
        """Numbers of new arrays; literals, which stand in the program, have no bytes."""
        first = len(self.own)
        self.own += own
        for variable, is_own in zip(variables, own, strict=True):
            counts = (is_own or self.all_count) and not isinstance(variable, core.Literal)
            self.bytes.append(nbytes(variable.aval) if counts else 0)
        return list(range(first, len(self.own)))

    def write(self, function: Any, inputs: Sequence[int]) -> list[int]:
        """Adds a function's operations and those of the functions that it calls; numbers of its results."""
        jaxpr = _open(function)
        constants = self.add(jaxpr.constvars, [False] * len(jaxpr.constvars))
        numbers = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*constants, *inputs), strict=True))

        def numbered(variables: Sequence[Any]) -> list[int]:
            literals = [variable for variable in variables if isinstance(variable, core.Literal)]
            new = iter(self.add(literals, [False] * len(literals)))
            return [next(new) if isinstance(v, core.Literal) else numbers[v] for v in variables]

        for equation in jaxpr.eqns:
            read = numbered(equation.invars)
            called = _called(equation)
            made = self._run(equation, read) if called is None else self.write(called, read)
            numbers.update(zip(equation.outvars, made, strict=True))
        return numbered(jaxpr.outvars)

    def _run(self, equation: Any, read: Sequence[int]) -> list[int]:
        """Adds one operation; numbers of its results."""
        own = [self.own[number] for number in read]
        inside, results = 0, [any(own)] * len(equation.outvars)
        if equation.primitive.name == "while":
            inside, results = self._while(equation.params, own)
        elif equation.primitive.name == "scan":
            first = equation.params["num_consts"]
            carried = slice(first, first + equation.params["num_carry"])
            inside, results = self._inside(equation.params["jaxpr"], own, carried)
        elif equation.primitive.name == "cond":
            inside = max(self._inside(branch, own[1:])[0] for branch in equation.params["branches"])
        else:
            for function in _functions(tuple(equation.params.values())):
                everything = [any(own)] * len(_open(function).invars)
                inside = max(inside, self._inside(function, everything)[0])
        made = self.add(equation.outvars, results)
        self.operations.append(Operation(read, made, inside))
        return made

    def _while(self, params: Any, own: Sequence[bool]) -> tuple[int, list[bool]]:
        """`_inside` of a loop's body and condition; members that end at different times share nothing."""
        first, carried = params["cond_nconsts"], params["body_nconsts"]
        body, carry = self._inside(params["body_jaxpr"], own[first:], slice(carried, None))
        condition, (differs,) = self._inside(params["cond_jaxpr"], [*own[:first], *carry])
        if differs and not all(carry):
            return self._while(params, [True] * len(own))
        return max(body, condition), carry

    def _inside(self, function: Any, own: Sequence[bool], carried: slice = NOTHING) -> tuple[int, list[bool]]:
        """Bytes of what a function makes besides its results, and which of these are a member's own.

        Args:
            function: Its trace.
            own: Whether each of its inputs is a member's own.
            carried: Inputs that its first results become, in a loop.
        """
        own = list(own)
        while True:
            arrays = _Arrays(self.all_count)
            inputs = arrays.add(_open(function).invars, own)
            results = arrays.write(function, inputs)
            made_own = [arrays.own[number] for number in results]
            after = [was or made for was, made in zip(own[carried], made_own, strict=False)]
            if after == own[carried]:
                break
            own[carried] = after
        for number in (*inputs, *results):  # which the operation counts
            arrays.bytes[number] = 0
        return arrays.peak(results), [*after, *made_own[len(after) :]]

    def peak(self, results: Sequence[int]) -> int:
        """The most bytes alive at once, where ``results`` are alive at the end."""
        alive = set(results)
        now = most = sum(self.bytes[number] for number in alive)
        for read, made, inside in reversed(self.operations):
            if alive.isdisjoint(made):
                continue
            beside = {*read, *made} - alive
            most = max(most, now + inside + sum(self.bytes[number] for number in beside))
            for number in made:
                now -= self.bytes[number] if number in alive else 0
                alive.discard(number)
            for number in set(read) - alive:
                now += self.bytes[number]
                alive.add(number)
        return most


def _open(function: Any) -> Any:
    return getattr(function, "jaxpr", function)


def _functions(value: Any) -> Iterator[Any]:
    """Traces in a parameter of an operation."""
    if hasattr(value, "eqns") or hasattr(value, "jaxpr"):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _functions(item)


def _called(equation: Any) -> Any:
    """The function of an operation that does nothing but call it, else None."""
    functions = [function for value in equation.params.values() for function in _functions(value)]
    if len(functions) != 1 or equation.primitive.name in ("scan", "cond"):
        return None
    jaxpr = _open(functions[0])

    def forms(variables: Sequence[Any]) -> list[Any]:
        return [(getattr(v.aval, "shape", None), getattr(v.aval, "dtype", None)) for v in variables]

    passes_on = forms(equation.invars) == forms(jaxpr.invars)
    return functions[0] if passes_on and forms(equation.outvars) == forms(jaxpr.outvars) else None
