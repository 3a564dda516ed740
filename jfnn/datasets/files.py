"""Read CSV files as inputs and targets.

Nothing is guessed and no row is dropped: missing and invalid values raise ValueError with their row and
column, unless the caller chooses how to treat them.
"""

import csv
import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jfnn.arguments import checks, memory, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError, Set
from jfnn.arguments.texts import shorten
from jfnn.datasets.fields import (
    AS_NUMBERS,
    as_category,
    as_exact,
    as_number,
    as_word,
    float_error,
    is_gap,
    likeness,
)
from jfnn.datasets.targets import TASKS, Table, as_task, file_error

MOST_WORDS = 1000  # largest number of different words in a column
IMPUTE = Set("impute", True, "takes the column's median")
ENCODE = Set("encode", True, "turns columns of words into columns of 0 and 1")

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}  # in files that some programs call CSV

SAMPLE = 1 << 20  # the number of rows of a CSV file is estimated from this many bytes
# Peak memory per field of a CSV file, in bytes. If too low, a file may exhaust the memory; if too high, files
# that fit are refused. Long words take more.
NUMBER_BYTES = 17  # if all are numbers
GAP_BYTES = 72  # if two thirds are missing
WORD_BYTES = 124  # if all are short words
ROW_BYTES = 96  # per row, for its target


class CsvRows(NamedTuple):
    """The rows of a CSV file below its header."""

    file: str  # name of the file
    names: list[str]  # names of the columns except the target
    numbers: "array[float]"  # numbers in these columns, row by row; NaN for all other fields
    others: dict[str, dict[int, str]]  # column -> row -> the field as written, if it is not an exact float
    targets: list[str]  # target column, as words
    lines: "array[int]"  # line at which each row ends

    def column(self, name: str) -> np.ndarray:
        """Return the numbers of a column ``[rows]``, with NaN for all other fields."""
        table = np.frombuffer(self.numbers, np.float64).reshape(len(self.lines), len(self.names))
        return np.asarray(table[:, self.names.index(name)])

    def error(self, row: int, name: str, reason: str, cure: Set | None = None) -> ArgumentError:
        """Return the error for a field, in a row counted from 0."""
        where = f"{self.file}, row {row + 1} (line {self.lines[row]}), column {checks.as_text(name)}"
        return file_error(f"{where}: {reason}", cure)


def read_csv(
    path: str | os.PathLike[str],
    target: str | None,
    task: str | None = None,
    weights: str | None = None,
    *,
    encode: bool = False,
    impute: bool = False,
) -> Table:
    """Read a CSV file (comma-separated, UTF-8, optional quotes) with a header; other columns are inputs.

    Args:
        path: The file.
        target: The column to predict; None raises an error that lists the columns. Words become labels in
            alphabetical order; whole numbers with few different values become labels in ascending order.
        task: "classification" or "regression", to override the task detected from the target column.
        weights: The column with the weight of each row; None for equal weights.
        encode: Whether columns may hold words, which `split_table` one-hot encodes. A missing value in such a
            column counts as one more word.
        impute: Whether numeric columns may have missing values, which `split_table` imputes.

    Raises:
        ValueError: With row (from 1, below the header) and column: a missing (empty, NA, nan, null, …) or
            non-numeric value; infinity or a number beyond the range of floats (1e400, which does not count as
            missing); a few words among numeric targets; or a whole number that a float would round. A class
            in two spellings (7, 007; true, True); without a task, targets that are all dates, times, or
            numbers with commas or signs (0,5; $1.00). Rows of another length than the header; another
            separator than the comma; no such column; a target that does not fit the task; a file that cannot
            be read, or does not fit into memory. With ``encode``, a column with too many words, or only with
            such dates, times and numbers.
        FileNotFoundError: There is no such file.
    """
    path = paths.as_regular(path, "path")
    if task is not None:
        checks.as_choice(task, "task", TASKS)
    checks.as_switch(encode, "encode")
    checks.as_switch(impute, "impute")
    target = _as_name(target, "target")
    weights = _as_name(weights, "weights")
    _check_memory(path, WORD_BYTES if encode else GAP_BYTES if impute else NUMBER_BYTES)
    rows = _read_rows(path, target, weights, encode, impute)
    names = [name for name in rows.names if name != weights]
    x = np.stack([_inputs(rows, name, impute) for name in names], axis=-1)
    counts = None if weights is None else rows.column(weights).copy()
    y, classes = _targets(rows, str(target), task)
    return Table(x, y, tuple(names), classes, weights=counts, imputes=impute, target=target)


def read_columns(path: str | os.PathLike[str]) -> dict[str, list[str]]:
    """Read the columns of a CSV file, name -> fields as written, as rows to predict.

    `SweepResult.predict` and `transform` accept them, and name the fields that they cannot read. The format
    is as in `read_csv`.

    Raises:
        ValueError: Rows of another length than the header, no header, or no rows below it; names that are not
            unique; a file that cannot be read, or does not fit into memory.
        FileNotFoundError: There is no such file.
    """
    path = paths.as_regular(path, "path")
    _check_memory(path, WORD_BYTES)
    rows = _fields(path)
    _, header = next(rows)
    columns = zip(*(fields for _, fields in rows), strict=True)
    return {name: list(column) for name, column in zip(header, columns, strict=True)}


def _as_name(name: str | None, argument: str) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str):
        raise ArgumentTypeError(argument, f"expected the name of a column, got {checks.as_text(name)}")
    return as_word(name)


def _check_memory(path: Path, bytes_a_field: int) -> None:
    """Raise ValueError for a file too large to read."""
    with paths.readable(path, "path"), path.open("rb") as file:
        sample = file.read(SAMPLE)
        size = file.seek(0, os.SEEK_END)
    lines = max(sample.count(b"\n"), 1)
    rows = lines * size / max(len(sample), 1)
    bytes_a_row = bytes_a_field * (sample.count(b",") / lines + 1) + ROW_BYTES
    memory.check("path", rows * bytes_a_row, sizes=f", for {path.name}")


def _read_rows(path: Path, target: str | None, weights: str | None, encode: bool, impute: bool) -> CsvRows:
    """Read all rows; raise ArgumentError for the first invalid field outside the target column."""
    lines_of_fields = _fields(path)
    _, header = next(lines_of_fields)
    _check_target(header, path.name, target, weights)
    target_index = header.index(str(target))
    names = [name for name in header if name != target]
    rows = CsvRows(path.name, names, array("d"), {name: {} for name in names}, [], array("q"))
    for row, (line, fields) in enumerate(lines_of_fields):
        rows.lines.append(line)
        rows.targets.append(as_word(fields.pop(target_index)))
        values = [as_exact(field) for field in fields]
        if None in values:
            for name, field, value in zip(names, fields, values, strict=True):
                if value is not None:
                    continue
                reason, cure = _refusal(field, name == weights, encode, impute)
                if reason:
                    raise rows.error(row, name, reason, cure)
                rows.others[name][row] = field
        rows.numbers.extend(np.nan if value is None else value for value in values)
    return rows


def _fields(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the header's names and then the fields of each row, each with the line where it ends."""
    try:
        with paths.text(path, "path") as text:
            # pandas would pad short rows with missing values, rename columns and round large numbers;
            # detecting this would require the fields as text.
            reader = csv.reader(text, strict=True)
            header = [as_word(name) for name in next(reader, [])]
            _check_header(header, path.name)
            yield reader.line_num, header
            row = 0
            for row, fields in enumerate(filter(None, reader), 1):  # blank lines do not count as rows
                if len(fields) != len(header):
                    where = f"{path.name}, row {row} (line {reader.line_num})"
                    got = f"expected {len(header)} fields, as the header has, got {len(fields)}"
                    raise file_error(f"{where}: {got}")
                yield reader.line_num, fields
    except UnicodeDecodeError:
        raise file_error(f"{path.name} is not UTF-8 text") from None
    except csv.Error as error:
        raise file_error(f"{path.name} is not a valid CSV file: {error}") from None
    if row == 0:
        raise file_error(f"{path.name} has no rows below its header")


def _refusal(field: str, is_weight: bool, encode: bool, impute: bool) -> tuple[str | None, Set | None]:
    """Return why a field that is not a number is invalid, and the fix; no reason for a valid field."""
    if reason := float_error(field):
        return reason, None
    if is_weight:
        return _no_number(field), None
    word = as_category(field)
    if encode or (impute and not word):
        return None, None
    if word and likeness(word):
        return _no_number(field, AS_NUMBERS), None
    return _no_number(field), ENCODE if word else IMPUTE


def _no_number(field: str, advice: str = "") -> str:
    got = checks.as_text(field) if as_word(field) else "nothing"
    return f"expected a number, got {got}{advice}"


def _check_header(header: list[str], file: str) -> None:
    """Raise ValueError for a header without a unique name for every column."""
    if not header:
        raise file_error(f"{file} is empty")
    for sign, name in SEPARATORS.items():
        if len(header) == 1 and sign in header[0]:
            got = f"{file} has one column, {checks.as_text(header[0])}"
            cure = f"pandas.read_csv(…, sep={sign!r}).to_csv(…, index=False) writes them"
            raise file_error(f"{got}: expected commas between fields, got {name}; {cure}")
    if all(as_number(name) is not None for name in header):
        raise file_error(f"{file} has numbers in its first line; expected a header with the columns' names")
    first: dict[str, int] = {}
    for i, name in enumerate(header):
        if not name or first.setdefault(name, i) != i:
            got = f"{checks.as_text(name)} a second time" if name else "none"
            raise file_error(f"{file}, column {i + 1}: expected a unique name in the header, got {got}")


def _check_target(header: list[str], file: str, target: str | None, weights: str | None) -> None:
    """Raise ValueError for a header without these columns, or without any others."""
    if target not in header:
        got = "none" if target is None else repr(target)
        raise ArgumentError("target", f"expected a column of {file} ({shorten(header)}), got {got}")
    inputs = [name for name in header if name not in (target, weights)]
    if weights is not None and (weights not in header or weights == target):
        raise ArgumentError("weights", f"expected a column of {file} ({shorten(inputs)}), got {weights!r}")
    if not inputs:
        others = repr(target) if weights is None else f"{target!r} and {weights!r}"
        raise file_error(f"{file} has no column besides {others}")


def _targets(rows: CsvRows, name: str, task: str | None) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Return labels and the word for each, or numbers and None."""
    values = [as_exact(word) for word in rows.targets]
    words = {row: rows.targets[row] for row, value in enumerate(values) if value is None}
    for row, word in words.items():
        reason = float_error(word)
        if reason:
            raise rows.error(row, name, reason)
        if is_gap(word):
            got = f"{checks.as_text(word)}, which marks a missing value" if word else "nothing"
            cure = "drop the row, or rename the class"
            raise rows.error(row, name, f"expected a word or number, got {got}; {cure}")
    if words and (task == "regression" or (task is None and 2 * len(words) < len(rows.targets))):
        row, word = next(iter(words.items()))
        got = f"got {checks.as_text(word)}; if all are names of classes, use task='classification'"
        raise rows.error(row, name, f"expected a number, {got}")
    y = np.array(rows.targets if words else values)
    return as_task(y, task, rows.targets, f"{rows.file}, column {checks.as_text(name)}")


def _inputs(rows: CsvRows, name: str, impute: bool) -> np.ndarray:
    """Return the numbers of a column ``[rows]``, with NaN for missing values; or categories, with ""."""
    numbers = rows.column(name)
    words = {row: as_category(field) for row, field in rows.others[name].items()}
    if not words:
        return numbers
    column = f"{rows.file}, column {checks.as_text(name)}"
    present = {row: word for row, word in words.items() if word}
    if not present:
        if len(words) == len(numbers):
            raise file_error(f"{column}: expected at least one value, got none")
        if not impute:
            row, field = next(iter(rows.others[name].items()))
            raise rows.error(row, name, _no_number(field), IMPUTE)
        return numbers
    row, word = next(iter(present.items()))
    if len(present) < len(numbers) - len(words):
        got = checks.as_text(word)
        raise rows.error(row, name, f"expected a number, like most values of this column, got {got}")
    if all(map(likeness, present.values())):
        got = f"{likeness(word)}, such as {checks.as_text(word)}"
        raise file_error(f"{column}: expected words or numbers, got {got}{AS_NUMBERS}")
    texts = [*map(as_category, numbers.tolist())]
    for row, word in words.items():
        texts[row] = word
    n_words = len(set(texts))
    if n_words > MOST_WORDS:
        raise file_error(f"{column}: expected at most {MOST_WORDS} words, got {n_words}")
    return np.array(texts, dtype=object)
