"""Encode columns of words and of numbers with missing values, described by plain values."""

import collections
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jfnn.arguments import callers, checks, memory, suggestions
from jfnn.arguments.callers import Doubt
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.texts import shorten
from jfnn.datasets.fields import as_category, as_number
from jfnn.datasets.targets import Table, file_error
from jfnn.split import Field, Names, column_names, is_frame

# Rows count as unscaled if a column's median is more than `FAR` standard deviations of the training rows from
# their mean. With a smaller number, outliers would trigger the warning; with a larger one, unscaled counts or
# years would not.
FAR = 10
SHOWN = 3  # largest number of words per column in a warning
Columns = Mapping[str, Mapping[str, Any]]


def fit(table: Table, x: np.ndarray) -> dict[str, dict[str, Any]]:
    """Return the description of a table's columns for `transform`, fitted to rows ``x [n, columns]`` of it.

    Columns are encoded as by scikit-learn's OneHotEncoder, and its SimpleImputer with an indicator column if
    these rows have missing values. Raises ArgumentError for a numeric column without a number in these rows.
    """
    columns: dict[str, dict[str, Any]] = {name: {} for name in table.names}
    if not table.imputes and not x.dtype.hasobject:
        return columns
    for name, column in zip(table.names, x.T, strict=True):
        if isinstance(column[0], str):
            columns[name] = {"categories": sorted(set(column.tolist()))}
        elif table.imputes:
            numbers = column.astype(np.float64)
            gaps = np.isnan(numbers)
            if gaps.all():
                raise file_error(f"column {name!r}: expected a number in the training rows, got none")
            columns[name] = {"median": float(np.nanmedian(numbers)), "indicator": bool(gaps.any())}
    return columns


def transform(columns: Columns, frame: Any) -> np.ndarray:
    """Return inputs from named columns, as described under "data", "names" in a run's config.json.

    If "scaling" is given there, apply it afterwards.

    A word becomes 1 in its category's column and 0 in the others; a word that is not in the training rows
    becomes 0 in all. A missing value becomes the median, and 1 in an indicator column if the training rows
    have missing values in this column. A UserWarning, once per call, lists columns with words that are not in
    the training rows, or only with different capitals; columns without any number, if there are several rows;
    and missing values in columns without any in the training rows.

    Args:
        columns: "columns" in that description: name -> ``{"categories": […]}``, ``{"median": …, "indicator":
            …}``, or ``{}`` for numbers without missing values.
        frame: Name -> values ``[n]``, a DataFrame or a dict; other columns are ignored.

    Returns:
        ``[n, inputs]``, float64.

    Raises:
        ValueError, TypeError: The frame lacks a column, or has one of another length; a numeric column has a
            word, infinity, a number beyond the range of floats, or a missing value but no median.
    """
    read = read_frame(columns, frame)
    for reason in [*read.unknown, *_gap_warnings(columns, read)]:
        callers.warn(Doubt(reason))
    return read.inputs


class Read(NamedTuple):
    """A frame converted to inputs."""

    inputs: np.ndarray  # ``[n, inputs]``, float64
    gaps: dict[str, int]  # column -> number of missing values that became the median, if any
    unknown: list[str]  # warnings about words that are not in the training rows


def gaps_text(gaps: Mapping[str, int]) -> str:
    """Return the number of missing values of each column in one line: "'age' (2), 'fare' (1)"."""
    return shorten([f"{name!r} ({count})" for name, count in gaps.items()])


def _gap_warnings(columns: Columns, read: Read) -> list[str]:
    """Return warnings about columns without any number, and about missing values where training had none."""
    empty = [name for name, count in read.gaps.items() if count == len(read.inputs) > 1]
    marked = [name for name in read.gaps if columns[name].get("indicator")]
    new = {name: count for name, count in read.gaps.items() if name not in (*empty, *marked)}
    found = []
    if empty:
        names = shorten([*map(repr, empty)])
        found += [f"no row has a number in these columns, so that all get the median: {names}"]
    if new:
        reason = "no training row has gaps in these columns, where they become the median without a mark"
        found += [f"{reason}: {gaps_text(new)}"]
    return found


def read_frame(columns: Columns, frame: Any) -> Read:
    """Return the same as `transform`, with warnings as texts."""
    descriptions = columns.values() if isinstance(columns, Mapping) else [None]
    if not all(isinstance(column, Mapping) for column in descriptions):
        raise ArgumentTypeError("columns", f"expected descriptions by name, got {checks.as_text(columns)}")
    if not is_frame(frame):
        raise ArgumentTypeError("frame", f"expected columns by name, got {checks.as_text(frame)}")
    blocks: list[np.ndarray] = []
    gaps_of: dict[str, int] = {}
    unknown: dict[str, collections.Counter[str]] = {}
    for name, column in columns.items():
        if name not in frame:
            there = frame if isinstance(frame, Mapping) else column_names(frame)
            meant = suggestions.did_you_mean(name, [other for other in there if other not in columns])
            raise ArgumentError("frame", f"expected a column {name!r}, got none{meant}")
        values = np.asarray(frame[name])
        if values.ndim != 1 or (blocks and len(values) != len(blocks[0])):
            got = list(values.shape)
            raise ArgumentError("frame", f"column {name!r}: expected one value per row, got shape {got}")
        if "categories" in column:
            words = np.array([*map(as_category, values.tolist())], dtype=object)
            memory.check("frame", 8.0 * len(words) * len(column["categories"]))
            marks = words[:, None] == np.array(column["categories"], dtype=object)
            blocks.append(marks)
            new = ~marks.any(axis=1)
            if new.any():
                unknown[name] = collections.Counter(words[new].tolist())
            continue
        numbers = _numbers(values, name, gaps="median" in column)
        gaps = np.isnan(numbers)[:, None]
        if gaps.any():
            gaps_of[name] = int(gaps.sum())
        blocks += [np.where(gaps, column.get("median", np.nan), numbers[:, None])]
        blocks += [gaps] * bool(column.get("indicator"))
    inputs = np.concatenate(blocks or [np.zeros((0, 0))], axis=1).astype(np.float64)
    return Read(inputs, gaps_of, _unknown_word_warnings(unknown, columns))


def _unknown_word_warnings(unknown: Mapping[str, Mapping[str, int]], columns: Columns) -> list[str]:
    """Return warnings about words without a category, column -> word -> count; "" is a missing value."""
    others: list[str] = []
    spelled: list[str] = []
    for name, words in unknown.items():
        known = {word.casefold(): word for word in columns[name]["categories"] if word}
        near = {word: known[word.casefold()] for word in words if word.casefold() in known}
        new = {word: count for word, count in words.items() if word not in near}
        if near:
            pairs = [f"{word!r} for {meant!r}" for word, meant in near.items()]
            spelled.append(f"column {name!r}: {shorten(pairs, SHOWN)}")
        if new:
            texts = [checks.as_text(word) if word else "nothing" for word in new]
            entries = sum(new.values())
            count = f"{entries} such {'entries' if entries > 1 else 'entry'}"
            others.append(f"column {name!r}: {shorten(texts, SHOWN)} ({count})")
    found = []
    if others:
        reason = "no training row has these words, so that they are 0 in the columns of all categories"
        found += [f"{reason}: {'; '.join(others)}"]
    if spelled:
        reason = "words differ only in capitals from the training rows' words; write them as there"
        found += [f"{reason}: {'; '.join(spelled)}"]
    return found


def _numbers(values: np.ndarray, name: str, gaps: bool) -> np.ndarray:
    """Return numbers ``[n]``, with NaN for missing values if ``gaps`` allows them."""
    if values.dtype.kind in "biuf":
        numbers = values.astype(np.float64)
    else:
        items = values.astype(str) if values.dtype.kind in "mM" else values
        words = (item if isinstance(item, float) else as_category(item) or np.nan for item in items.tolist())
        read = (word if isinstance(word, float) else as_number(word) for word in words)
        numbers = np.array([np.inf if number is None else number for number in read])
    wrong = np.isinf(numbers) | (np.isnan(numbers) & (not gaps))
    if wrong.any():
        row = int(wrong.argmax())
        got = "nothing" if np.isnan(numbers[row]) else checks.as_text(values.tolist()[row])
        raise ArgumentError("frame", f"row {row + 1}, column {name!r}: expected a number, got {got}")
    return numbers


class ColumnNames(Names):
    """Names of a split's columns, classes and units, used to read rows and to express predictions in words.

    "columns" describes each column for `transform`; "scaling" has the mean and scale of inputs "x" and of
    targets "y", for ``(value - mean) / scale``; "classes" the word of each label; "target" the name of the
    target column. Each may be missing.
    """

    def inputs(self, frame: object) -> np.ndarray:
        """Return inputs ``[n, inputs]`` (float64) in the units that networks were trained on.

        Args:
            frame: Named columns in any order; others are ignored.

        Raises:
            ValueError, TypeError: There are no names of columns; or as in `transform`.
        """
        if not self.get("columns"):
            return super().inputs(frame)
        with checks.rename_arguments(frame="x"):
            x = transform(self["columns"], frame)
        units = self.input_units()
        return x if units is None else (x - units[0]) / units[1]

    def fields(self) -> list[Field]:
        """See ``Names.fields``."""
        found = []
        for name, column in (self.get("columns") or {}).items():
            words = tuple(column["categories"]) if "categories" in column else None
            found.append(Field(name, words, column["median"] if column.get("indicator") else None))
        return found

    def input_units(self) -> tuple[np.ndarray, np.ndarray] | None:
        """See ``Names.input_units``."""
        scaling = self._column_scaling("x")
        return None if scaling is None else (np.array(scaling["mean"]), np.array(scaling["scale"]))

    def words(self, labels: np.ndarray) -> np.ndarray:
        """Return labels as words, "" for -1; unchanged if there are no words.

        Raises:
            ValueError: A label has no word.
        """
        classes = self.get("classes")
        if classes is None:
            return labels
        most = int(labels.max(initial=-1))
        if most >= len(classes):
            reason = f"expected an array: label {most} has no name (the run names {len(classes)} classes)"
            raise ArgumentError("x", reason)
        return np.asarray(np.array([*classes, ""])[labels])

    def units(self, shifted: Sequence[bool] = (True,)) -> Callable[[np.ndarray], np.ndarray] | None:
        """See ``Names.units``; None if targets are not scaled."""
        scaling = self._column_scaling("y")
        if scaling is None:
            return None
        scale = np.tile(scaling["scale"], len(shifted))
        mean = np.outer(shifted, scaling["mean"]).ravel()
        return lambda predictions: predictions * scale + mean

    def warn_of_units(self, x: object) -> None:
        """Warn if the rows of an array are probably unscaled although the run scaled its inputs."""
        if self._column_scaling("x") is None or not isinstance(x, np.ndarray) or not x.size:
            return
        if x.dtype.kind not in "biuf":  # callers raise an error for these
            return
        medians = np.abs(np.median(x.reshape(len(x), -1), axis=0))
        column = int(np.argmax(medians))
        if medians[column] > FAR:
            far = f"{medians[column]:.3g} standard deviations from the mean of the training rows"
            cure = "scale rows like the training rows, or pass named columns, which are scaled automatically"
            callers.warn(Doubt(f"the median of column {column} is {far}", "x", cure))

    def _column_scaling(self, part: str) -> Mapping[str, Any] | None:
        return (self.get("scaling") or {}).get(part)
