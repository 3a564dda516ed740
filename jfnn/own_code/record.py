"""The answer of a check: each array with its verdict, and the mistakes that explain what is wrong."""

from __future__ import annotations

from typing import NamedTuple

from jfnn.arguments import texts

#: What a kind of array is in the notes; layers count from 1.
SYMBOLS = {"activation": "a", "delta": "δ", "weights": "∂C/∂w", "biases": "∂C/∂b"}


class Finding(NamedTuple):
    """A mistake that explains a difference to rounding.

    Attributes:
        mistake: Its name, a key of ``MISTAKES``.
        array: Where it is made: "activation", "delta", "weights", "biases", or "objective" for all of these.
        layer: In which layer, from 1 to L; None for every one.
        detail: Which one, of several of its kind: the other activation, loss or layer.
        says: What is right, in a sentence.
        others: Names of mistakes that explain the same numbers as well.
    """

    mistake: str
    array: str
    layer: int | None
    detail: str
    says: str
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The mistake, where it is made, and what is right."""
        where = (
            "every gradient" if self.array == "objective" else f"{SYMBOLS[self.array]} of layer {self.layer}"
        )
        detail = f" ({self.detail})" if self.detail else ""
        others = f" As well explained by: {', '.join(self.others)}." if self.others else ""
        return f"{self.mistake}{detail} in {where}: {self.says}{others}"


class ArrayCheck(NamedTuple):
    """One array beside the reference.

    Attributes:
        array: "activation", "delta", "weights" (``∂C/∂w``) or "biases" (``∂C/∂b``).
        layer: From 1 to L.
        error: The largest difference from the reference, as a share of its largest number; infinite for
            another shape, or where a number is not finite.
        verdict: "right" to rounding; "follows" where it would be right if the arrays that it is made of were;
            else "wrong".
        mistakes: Names of those made here, the most likely ones; none where nothing known explains it.
    """

    array: str
    layer: int
    error: float
    verdict: str
    mistakes: tuple[str, ...]


class BackpropCheck(NamedTuple):
    """Arrays of a back-propagation of one's own beside the reference; printed, it is a table.

    Attributes:
        arrays: Each array that was given, from the output layer down.
        findings: The mistakes that explain what is wrong, the fewest that do.
        unseen: Names of mistakes that these parameters and rows would not show, as their difference is
            below rounding.
        notes: How the arrays were read where there was a choice, and what was not checked.
    """

    arrays: tuple[ArrayCheck, ...]
    findings: tuple[Finding, ...]
    unseen: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether all arrays are right."""
        return all(array.verdict == "right" for array in self.arrays)

    @property
    def mistakes(self) -> tuple[str, ...]:
        """Names of the mistakes that were found, each once."""
        return tuple(dict.fromkeys(finding.mistake for finding in self.findings))

    def __repr__(self) -> str:
        """The same in a line."""
        wrong = [f"{SYMBOLS[one.array]} {one.layer}" for one in self.arrays if one.verdict == "wrong"]
        told = f"wrong: {', '.join(wrong)}" if wrong else "right"
        named = f"; {', '.join(self.mistakes)}" if self.findings else ""
        return f"<BackpropCheck: {told}{named}>"

    def __str__(self) -> str:
        """A table of the arrays, then the mistakes and the notes."""
        rows = [["layer", "array", "error", "verdict"]]
        for one in self.arrays:
            why = f": {', '.join(one.mistakes)}" if one.mistakes else ""
            unknown = ": no known mistake explains it" if one.verdict == "wrong" and not why else ""
            error = texts.compact(one.error, 2)
            rows.append([str(one.layer), SYMBOLS[one.array], error, one.verdict + why + unknown])
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = ["  ".join([*map(str.ljust, row, widths), row[3]]) for row in rows]
        lines += ["", *map(str, self.findings)] if self.findings else []
        if self.unseen:
            lines += ["", f"These rows and parameters would not show: {', '.join(self.unseen)}."]
        lines += ["", *self.notes] if self.notes else []
        return "\n".join(lines)
