"""Columns of words and of numbers with gaps, and tables of them by name, described by plain values."""

import collections
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jfnn.arguments import callers, checks, memory, suggestions
from jfnn.arguments.callers import Doubt
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.texts import shortened
from jfnn.datasets.fields import as_category, as_number
from jfnn.datasets.targets import Table, file_error
from jfnn.split import Field, Names, is_frame

# Standard deviations of the training rows between their mean and a column's median, from which on rows are
# taken as unscaled. Fewer would warn of rows that are merely far; with more, counts or years would pass.
FAR = 10
SHOWN = 3  # words of a column that a warning names
Columns = Mapping[str, Mapping[str, Any]]


def fitted(table: Table, x: np.ndarray) -> dict[str, dict[str, Any]]:
    """The description of a table's columns for `transform`, fitted to some rows ``x [n, columns]`` of it.

    As scikit-learn's OneHotEncoder, and its SimpleImputer with a column that marks gaps where these rows have
    some. Raises ArgumentError for a column of numbers that has none in these rows.
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
    """Inputs from columns by name, as the config.json of a run describes them under "data", "names".

    Where it has "scaling" there, that comes next.

    A word becomes 1 in the column of its category and 0 in the others; one that no training row has is 0 in
    all. A gap becomes the median, and 1 in a further column, if training rows have gaps there too. A
    UserWarning, once a call, names columns and words that no training row has; words that some have in other
    capitals; columns of several rows without any number; and gaps in columns where no training row has one.

    Args:
        columns: "columns" there: name -> ``{"categories": […]}``, ``{"median": …, "indicator": …}``, or
            ``{}`` for numbers without gaps.
        frame: Name -> values ``[n]``, a DataFrame or a dict; other columns are left out.

    Returns:
        ``[n, inputs]``, float64.

    Raises:
        ValueError, TypeError: The frame lacks a column, or has one of another length; a word, infinity
            or a number beyond floats among numbers, or a gap without a median.
    """
    read = read_frame(columns, frame)
    for reason in [*read.unknown, *_of_gaps(columns, read)]:
        callers.warn(Doubt(reason))
    return read.inputs


class Read(NamedTuple):
    """A frame as inputs."""

    inputs: np.ndarray  # ``[n, inputs]``, float64
    gaps: dict[str, int]  # column -> its number of gaps, where it has some that became the median
    unknown: list[str]  # warnings of words that no training row has


def gaps_text(gaps: Mapping[str, int]) -> str:
    """Numbers of gaps by column in a line: "'age' (2), 'fare' (1)"."""
    return shortened([f"{name!r} ({count})" for name, count in gaps.items()])


def _of_gaps(columns: Columns, read: Read) -> list[str]:
    """What to say of columns of several rows that are all gaps, and of gaps where no training row has one."""
    empty = [name for name, count in read.gaps.items() if count == len(read.inputs) > 1]
    marked = [name for name in read.gaps if columns[name].get("indicator")]
    new = {name: count for name, count in read.gaps.items() if name not in (*empty, *marked)}
    found = []
    if empty:
        names = shortened([*map(repr, empty)])
        found += [f"no row has a number in these columns, so that all get the median: {names}"]
    if new:
        reason = "no training row has gaps in these columns, where they become the median without a mark"
        found += [f"{reason}: {gaps_text(new)}"]
    return found


def read_frame(columns: Columns, frame: Any) -> Read:
    """As `transform`, without a word."""
    descriptions = columns.values() if isinstance(columns, Mapping) else [None]
    if not all(isinstance(column, Mapping) for column in descriptions):
        raise ArgumentTypeError("columns", f"expected descriptions by name, got {checks.shown(columns)}")
    if not is_frame(frame):
        raise ArgumentTypeError("frame", f"expected columns by name, got {checks.shown(frame)}")
    blocks: list[np.ndarray] = []
    gaps_of: dict[str, int] = {}
    unknown: dict[str, collections.Counter[str]] = {}
    for name, column in columns.items():
        if name not in frame:
            there = frame if isinstance(frame, Mapping) else checks.column_names(frame)
            meant = suggestions.did_you_mean(name, [other for other in there if other not in columns])
            raise ArgumentError("frame", f"expected a column {name!r}, got none{meant}")
        values = np.asarray(frame[name])
        if values.ndim != 1 or (blocks and len(values) != len(blocks[0])):
            got = list(values.shape)
            raise ArgumentError("frame", f"column {name!r}: expected a value a row, got shape {got}")
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
    return Read(inputs, gaps_of, _of_unknown(unknown, columns))


def _of_unknown(unknown: Mapping[str, Mapping[str, int]], columns: Columns) -> list[str]:
    """What to say of words that no training row has, column -> word -> its entries; "" is a gap."""
    others: list[str] = []
    spelled: list[str] = []
    for name, words in unknown.items():
        known = {word.casefold(): word for word in columns[name]["categories"] if word}
        near = {word: known[word.casefold()] for word in words if word.casefold() in known}
        new = {word: count for word, count in words.items() if word not in near}
        if near:
            pairs = [f"{word!r} for {meant!r}" for word, meant in near.items()]
            spelled.append(f"column {name!r}: {shortened(pairs, SHOWN)}")
        if new:
            texts = [checks.shown(word) if word else "nothing" for word in new]
            entries = sum(new.values())
            count = f"{entries} such {'entries' if entries > 1 else 'entry'}"
            others.append(f"column {name!r}: {shortened(texts, SHOWN)} ({count})")
    found = []
    if others:
        reason = "no training row has these words, so that they are 0 in the columns of all categories"
        found += [f"{reason}: {'; '.join(others)}"]
    if spelled:
        reason = "words that training rows have in other capitals are unknown, write them as there"
        found += [f"{reason}: {'; '.join(spelled)}"]
    return found


def _numbers(values: np.ndarray, name: str, gaps: bool) -> np.ndarray:
    """Numbers ``[n]``, NaN for gaps, where these are allowed."""
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
        got = "nothing" if np.isnan(numbers[row]) else checks.shown(values.tolist()[row])
        raise ArgumentError("frame", f"row {row + 1}, column {name!r}: expected a number, got {got}")
    return numbers


class ColumnNames(Names):
    """Names of a split's columns, classes and units, by which it reads rows and words answers.

    "columns" has the description of each column, for `transform`; "scaling" the mean and scale of inputs "x"
    and of targets "y", for ``(value - mean) / scale``; "classes" the word of each label; "target" the name of
    the column of the targets. Each may be missing.
    """

    def inputs(self, frame: object) -> np.ndarray:
        """Inputs ``[n, inputs]`` (float64) in the units that networks learned from.

        Args:
            frame: Named columns, in any order, among others.

        Raises:
            ValueError, TypeError: There are no names of columns; or as in `transform`.
        """
        if not self.get("columns"):
            return super().inputs(frame)
        with checks.renamed(frame="x"):
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
        scaling = self._scaling("x")
        return None if scaling is None else (np.array(scaling["mean"]), np.array(scaling["scale"]))

    def words(self, labels: np.ndarray) -> np.ndarray:
        """Labels in the file's words, "" for -1; as they are where there are no words.

        Raises:
            ValueError: A label beyond the words.
        """
        classes = self.get("classes")
        if classes is None:
            return labels
        most = int(labels.max(initial=-1))
        if most >= len(classes):
            reason = f"expected an array; this run names {len(classes)} classes, and has the label {most}"
            raise ArgumentError("x", reason)
        return np.asarray(np.array([*classes, ""])[labels])

    def units(self, shifted: Sequence[bool] = (True,)) -> Callable[[np.ndarray], np.ndarray] | None:
        """See ``Names.units``; None where targets are not scaled."""
        scaling = self._scaling("y")
        if scaling is None:
            return None
        scale = np.tile(scaling["scale"], len(shifted))
        mean = np.outer(shifted, scaling["mean"]).ravel()
        return lambda predictions: predictions * scale + mean

    def warn_of_units(self, x: object) -> None:
        """Warns of rows in an array that are likely unscaled, where a run has scaled inputs."""
        if self._scaling("x") is None or not isinstance(x, np.ndarray) or not x.size:
            return
        if x.dtype.kind not in "biuf":  # an error, of whoever takes rows
            return
        medians = np.abs(np.median(x.reshape(len(x), -1), axis=0))
        column = int(np.argmax(medians))
        if medians[column] > FAR:
            far = f"{medians[column]:.3g} standard deviations from the mean of the training rows"
            cure = "scale rows as these were, or give named columns, which are scaled"
            callers.warn(Doubt(f"the median of column {column} lies {far}", "x", cure))

    def _scaling(self, part: str) -> Mapping[str, Any] | None:
        """Mean and scale of the inputs or targets; None where they are not scaled."""
        return (self.get("scaling") or {}).get(part)
